r"""What a word is, wherever the builder counts or compares words: polars (Rust) regular expressions.

    "Is 3 > 4? A well-known 東京です 👍"     words   Is 3 4 A well known 東 京 で す
                                             tokens  Is 3 > 4 A well - known 東 京 で す 👍

A run of letters, marks and digits is a word; in scripts written without spaces each letter is one (with its
vowel signs). Tokens are words and signs: `3 > 4` is not `3 < 4`. Quotes, brackets and stops are neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}&&\p{L}]"
MARK = r"\p{M}"
WORDLIKE = r"[\p{L}\p{N}_]"
SIGN = r"[\p{S}\p{Pd}*/%&#@\\]"
_WORD = rf"{UNSPACED}{MARK}*|[[{WORDLIKE}{MARK}]--{UNSPACED}]+"


def words(text: pl.Expr) -> pl.Expr:
    """Split a string expression into its words, in order: a list[str] expression, null for null."""
    return text.str.extract_all(_WORD)


def tokens(text: pl.Expr) -> pl.Expr:
    """Split a string expression into its words and signs, in order: a list[str] expression, null for null."""
    return text.str.extract_all(f"{_WORD}|{SIGN}")


def user_turns(prompt: pl.Expr) -> pl.Expr:
    """Join what the user says in a prompt (list of messages), one turn a line."""
    import polars as pl

    said = pl.element().filter(pl.element().struct.field("role") == "user").struct.field("content")
    return prompt.list.eval(said).list.join("\n", ignore_nulls=True)
