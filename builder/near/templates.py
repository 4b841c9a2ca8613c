"""Rows made from one template: the same but for numbers, names and quoted spans.

'Sort "fig, pear" by length, then tell Anna Berg 3 of them.'
'Sort "oak" by length, then tell Tom Lind 12 of them.'          both: sort " by length, then tell @ 0 of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_QUOTED = (
    r"""(?:"[^"\n]{1,200}"|“[^”\n]{1,200}”|«[^»\n]{1,200}»|„[^“”\n]{1,200}[“”]|`[^`\n]{1,200}`|「[^」\n]{1,200}」)"""
)
_SINGLE = r"(^|[\s(])'[^'\n]{1,200}'"
_NUMBER = r"\p{N}+(?:[.,:/]\p{N}+)*"
_NAME = r"(\p{Ll}|[,;:]|0|\") +\p{Lu}[\p{L}\p{M}’'-]*(?: +\p{Lu}[\p{L}\p{M}’'-]*)*"


def skeleton(text: pl.Expr) -> pl.Expr:
    """Mask what differs between copies of a template. A capital within a sentence begins a name, in Latin script."""
    masked = text.str.replace_all(_QUOTED, '"').str.replace_all(_SINGLE, '${1}"').str.replace_all(_NUMBER, "0")
    return masked.str.replace_all(_NAME, "${1} @").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
