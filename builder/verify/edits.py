"""Checks on edited text and on facts that were told again in another order or layout.

Both do the edits again from data: `corrected` by cutting the source at the old values, `edited_facts` by places.
"""

import json
import re
from collections.abc import Sequence
from typing import Literal

Layout = Literal["bullets", "numbered", "lines", "semicolons", "json"]


def corrected(response: str, source: str, changes: dict[str, str]) -> bool:
    """Hold if the response is the source with each old value replaced by its new one and nothing else changed."""
    pieces = [" ".join(source.split())]
    for old, new in changes.items():
        pieces = [part for piece in pieces for part in _cut(piece, old, new)]
    found = " ".join(response.split())
    # A value may open a sentence in the source, and so may its replacement: the case of its first letter is free.
    wanted = "".join(
        f"(?>{re.escape(piece[1:2])}|{re.escape(piece[1:2].swapcase())}){re.escape(piece[2:])}"
        if piece.startswith("\0")
        else re.escape(piece)
        for piece in pieces
    )
    return re.fullmatch(wanted, found) is not None


def edited_facts(response: str, facts: list[list[str]], edits: list[list[str]], layout: Layout) -> bool:
    """Hold if the response is the facts ([label, value] each) after the edits, in order and in the layout.

    Edits: ["drop", label], ["add", label, value], ["first", label], ["last", label], ["sort"] (by label), ["reverse"].
    Layouts: bullets, numbered, lines and semicolons ("label: value" each), json (one object of text values).
    """
    left = [(label, value) for label, value in facts]
    for edit in edits:
        left = _edit(left, edit)
    return _read(response.strip(), layout) == left


def _cut(piece: str, old: str, new: str) -> Sequence[str]:
    """Cut a piece of the source at every old value; a piece that begins with a NUL is a new value, and stays."""
    if piece.startswith("\0"):
        return [piece]
    parts = re.split(rf"(?<![\w])(?:{re.escape(old)}|{re.escape(old[:1].swapcase() + old[1:])})(?!\w)", piece)
    cut = [part for part in parts for part in (part, "\0" + new)]
    return cut[:-1]


def _edit(facts: list[tuple[str, str]], edit: list[str]) -> list[tuple[str, str]]:
    name, label = edit[0], edit[1] if len(edit) > 1 else ""
    places = {fact: float(at) for at, fact in enumerate(facts)}
    match name:
        case "drop":
            places = {fact: at for fact, at in places.items() if fact[0] != label}
        case "add":
            places[(label, edit[2])] = len(facts)
        case "first" | "last":
            end = -1 if name == "first" else len(facts)
            places = {fact: end if fact[0] == label else at for fact, at in places.items()}
        case "sort":
            places = {fact: sum(other[0] < fact[0] for other in facts) for fact in facts}
        case "reverse":
            places = {fact: -at for fact, at in places.items()}
        case _:
            raise ValueError(f"no such edit: {name!r}")
    return sorted(places, key=lambda fact: places[fact])


def _read(text: str, layout: str) -> list[tuple[str, str]] | None:
    """Read facts in a layout; None where the text is not of it."""
    if layout == "json":
        try:
            pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
        except (ValueError, RecursionError):
            return None
        return pairs if isinstance(pairs, list) else None
    lines = text.split("; ") if layout == "semicolons" else [line.strip() for line in text.splitlines()]
    marks = {"bullets": ["- "] * len(lines), "numbered": [f"{n}. " for n in range(1, len(lines) + 1)]}
    bare = []
    for mark, line in zip(marks.get(layout, [""] * len(lines)), lines, strict=True):
        if not line.startswith(mark):
            return None
        label, _, value = line[len(mark) :].partition(": ")
        bare.append((label, value))
    return bare


CHECKS = (corrected, edited_facts)
