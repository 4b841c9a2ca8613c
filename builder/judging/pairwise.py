"""pairwise: compare every two answers to a prompt, in both orders, so that a judge's favourite place decides nothing.

    score      (wins + ties / 2) / comparisons with a verdict
    judgement  {"gpt-4o": [{"opponent": "b2:77e0…", "shown first": "win", "shown second": "loss", "is": "tie"}]}

A comparison whose two orders disagree is a tie; one that could be read in one order only has no verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from builder import prompts, verdicts
from builder.config import JudgeConfig
from builder.judging.answers import Answers
from builder.judging.rounds import Call
from builder.rows import Message
from builder.teacher import Teacher

_POINTS = {"win": 1.0, "tie": 0.5, "loss": 0.0}
_OTHER = {"win": "loss", "tie": "tie", "loss": "win"}
_AS_FIRST = {"A": "win", "B": "loss", "tie": "tie"}


class Comparison(NamedTuple):
    """What one judge says of two texts, seen from the first; null where it could not be read."""

    judge: int
    texts: tuple[int, int]
    shown_first: str | None
    shown_second: str | None

    @property
    def outcome(self) -> str | None:
        """Return win, loss or tie; null where there is no verdict in both orders."""
        if self.shown_first is None or self.shown_second is None:
            return None
        return self.shown_first if self.shown_first == self.shown_second else "tie"

    def turned(self) -> Comparison:
        """Return the same, seen from the other text."""
        first, second = (None if said is None else _OTHER[said] for said in (self.shown_second, self.shown_first))
        return Comparison(self.judge, (self.texts[1], self.texts[0]), first, second)


def matches(rows: Sequence[int], opponents: int) -> list[tuple[int, int]]:
    """Return who is compared with whom: all, or where they are many each with its neighbours in a ring."""
    if len(rows) <= opponents + 1:
        return list(combinations(rows, 2))
    reach = -(-opponents // 2)
    found = [(i, (i + step) % len(rows)) for i in range(len(rows)) for step in range(1, reach + 1)]
    return [(rows[i], rows[j]) for i, j in dict.fromkeys((min(pair), max(pair)) for pair in found)]


def calls(answers: Answers, judges: Sequence[Teacher], config: JudgeConfig) -> Iterator[Call]:
    """Yield two calls for every comparison and judge: one order, then the other."""
    for prompt in answers.prompts:
        for one, other in matches(answers.shuffled(prompt), config.opponents):
            for judge in range(len(judges)):
                yield Call(judge, (one, other))
                yield Call(judge, (other, one))


def messages(answers: Answers) -> Callable[[Call], list[Message]]:
    """Return what says the messages of a call."""
    render, _ = prompts.comparison()

    def said(call: Call) -> list[Message]:
        first, second = answers.texts(call.texts)
        return [{"role": "user", "content": render(answers.instruction(call.texts[0]), first, second)}]

    return said


def read(call: Call, text: str) -> bool:
    """Read an answer."""
    call.verdict = verdicts.preference(text)
    return call.verdict is not None


def comparisons(asked: Sequence[Call]) -> list[Comparison]:
    """Put the two orders of every comparison together."""
    found = []
    for there, back in zip(asked[::2], asked[1::2], strict=True):
        first = _AS_FIRST.get(there.verdict)
        second = _AS_FIRST.get(back.verdict)
        found.append(Comparison(there.judge, (there.texts[0], there.texts[1]), first, second and _OTHER[second]))
    return found


def by_text(found: Sequence[Comparison]) -> dict[int, list[Comparison]]:
    """Return the comparisons of every text, seen from it."""
    of: dict[int, list[Comparison]] = {}
    for comparison in found:
        for side in (comparison, comparison.turned()):
            of.setdefault(side.texts[0], []).append(side)
    return of


def score(of: Sequence[Comparison]) -> float | None:
    """Return the share of its comparisons that a text has won."""
    points = [_POINTS[outcome] for comparison in of if (outcome := comparison.outcome) is not None]
    return sum(points) / len(points) if points else None


def told(of: Sequence[Comparison], judges: Sequence[str], ids: Callable[[int], str]) -> dict[str, Any]:
    """Return the comparisons of one text for people, by judge."""
    said: dict[str, Any] = {}
    for comparison in of:
        line = {
            "opponent": ids(comparison.texts[1]),
            "shown first": comparison.shown_first,
            "shown second": comparison.shown_second,
            "is": comparison.outcome,
        }
        said.setdefault(judges[comparison.judge], []).append(line)
    return said
