"""Row texts made fit to be looked at: nothing in them is obeyed, nothing is hidden, long ones are folded.

difference("to Oslo today", "to Lagos today")
-> ([("to ", False), ("Oslo", True), (" today", False)], [("to ", False), ("Lagos", True), (" today", False)])
"""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple

_CONTROLS = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {0x7F: "\u2421"}
# C1 controls, zero-width space, direction overrides; the joiners that scripts and emoji need stay
_STEERING = (*range(0x80, 0xA0), 0x200B, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF)
_VISIBLE = _CONTROLS | {code: f"⟨U+{code:04X}⟩" for code in _STEERING}

# A word, a run of spaces, a mark; in scripts without spaces every character is a word.
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+|\s+|[^\w\s]"
)
_MOST_COMPARISONS = 1_000_000


class Span(NamedTuple):
    """A stretch of one side of a difference; `changed` where the other side does not have it."""

    text: str
    changed: bool


class Fold(NamedTuple):
    """A text with its middle put away: `head + hidden + tail`, and `cut` characters not shown at all."""

    head: str
    hidden: str = ""
    tail: str = ""
    cut: int = 0


def visible(text: str) -> str:
    """Return the text with control characters and direction overrides as signs; a terminal obeys them."""
    return text.translate(_VISIBLE)


def spaces(text: str) -> str:
    """Return a text of nothing but space as signs for it, so that a change of it is seen; others as is."""
    return text if text.strip() else text.replace(" ", "␣").replace("\t", "⇥").replace("\n", "↵\n")


def fold(text: str, head: int = 900, tail: int = 0, most: int = 20_000) -> Fold:
    """Fold what lies between the first `head` and the last `tail` characters; never hold more than `most`."""
    if len(text) <= head + tail + 200:  # a fold that hides a line or two is a nuisance
        return Fold(text)
    middle = text[head : len(text) - tail]
    return Fold(text[:head], middle[:most], text[len(text) - tail :], max(0, len(middle) - most))


def difference(one: str, other: str) -> tuple[list[Span], list[Span]]:
    """Compare two texts word by word; returns the spans of each side, in order, which join to the text."""
    a, b = _TOKEN.findall(one), _TOKEN.findall(other)
    start = _common(a, b)
    end = _common(a[start:][::-1], b[start:][::-1])
    middle_a, middle_b = a[start : len(a) - end], b[start : len(b) - end]
    left, right = [Span("".join(a[:start]), False)], [Span("".join(b[:start]), False)]
    for same, i1, i2, j1, j2 in _blocks(middle_a, middle_b):
        left.append(Span("".join(middle_a[i1:i2]), not same))
        right.append(Span("".join(middle_b[j1:j2]), not same))
    left.append(Span("".join(a[len(a) - end :]), False))
    right.append(Span("".join(b[len(b) - end :]), False))
    return _join(left), _join(right)


def _common(a: list[str], b: list[str]) -> int:
    """Count the leading tokens that two lists share."""
    count = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        count += 1
    return count


def _blocks(a: list[str], b: list[str]) -> list[tuple[bool, int, int, int, int]]:
    """Align two token lists: (same, from a, to a, from b, to b). Two long unlike texts are one change."""
    if len(a) * len(b) > _MOST_COMPARISONS:
        return [(False, 0, len(a), 0, len(b))]
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    # a lone space between two changes is no agreement
    return [
        (op == "equal" and any(t.strip() for t in a[i1:i2]), i1, i2, j1, j2)
        for op, i1, i2, j1, j2 in matcher.get_opcodes()
    ]


def _join(spans: list[Span]) -> list[Span]:
    """Join neighbours of one kind, leave out empty ones."""
    joined: list[Span] = []
    for span in spans:
        if not span.text:
            continue
        if joined and joined[-1].changed == span.changed:
            joined[-1] = Span(joined[-1].text + span.text, span.changed)
        else:
            joined.append(span)
    return joined
