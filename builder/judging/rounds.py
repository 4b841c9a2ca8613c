"""Asking judges, and asking again where a verdict cannot be read: the same messages, the next draw.

    round 0    every call, draw 0      the ledger answers what it holds
    round 1    the unreadable, draw 1
    …          at most `reasks` further rounds; what is unreadable then stays without a verdict

A call that failed is not asked again: the gate has tried it as often as the judge's `retries` say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from builder.context import Context
from builder.rows import Message
from builder.teacher import Teacher, gate

_SLICE = 2_000
"""Answers in memory at a time."""


@dataclass(slots=True)
class Call:
    """One question to one judge, and what came of it."""

    judge: int
    """Which of the judges."""
    texts: tuple[int, ...]
    """Rows whose texts are shown, in the order in which they are shown."""
    aspect: str = ""
    keys: list[str] = field(default_factory=list)
    """Of the ledger; one for each time it was asked."""
    verdict: Any = None
    """Of its kind; what `read` makes of it."""
    settled: bool = False
    """The verdict could be read, all of it."""
    failed: bool = False
    cut: bool = False
    """The last answer ended at max_tokens."""


def ask(
    calls: Sequence[Call],
    judges: Sequence[Teacher],
    messages: Callable[[Call], list[Message]],
    read: Callable[[Call, str], bool],
    context: Context,
    reasks: int,
) -> None:
    """Ask every call until its verdict can be read.

    Args:
        calls: all of them.
        judges: whom a call's number means.
        messages: says what a call asks.
        read: takes what can be read from an answer into the call's verdict, and says whether that is all.
        context: of the step.
        reasks: at most so many further rounds.
    """
    left = list(calls)
    for draw in range(reasks + 1):
        if not left:
            return
        _round(left, judges, messages, read, context, draw)
        left = [call for call in left if not call.settled and not call.failed]


def _round(
    calls: Sequence[Call],
    judges: Sequence[Teacher],
    messages: Callable[[Call], list[Message]],
    read: Callable[[Call, str], bool],
    context: Context,
    draw: int,
) -> None:
    # The gate stops a build where not one call goes through. The few of a later round may all fail while the judge is
    # well, so an answer it has given is replayed beside them; it has been counted before.
    known = calls[:1] if draw else []
    context.spend["replayed"] -= len(known)
    if context.estimate is not None:
        context.estimate.replayed -= len(known)

    def requests(judge: int) -> Iterator[gate.Request]:
        for call in known:
            if call.judge == judge:
                yield gate.request(judges[judge], messages(call), 0)
        for call in calls:
            if call.judge == judge:
                request = gate.request(judges[judge], messages(call), draw)
                call.keys.append(request.key)
                yield request

    streams = [requests(judge) for judge in dict.fromkeys(call.judge for call in calls)]
    label = "judging" if not draw else f"judging again what could not be read ({draw})"
    faults = gate.ask_streams(streams, context, label, len(known) + len(calls))
    for start in range(0, len(calls), _SLICE):
        part = calls[start : start + _SLICE]
        answers = context.ledger.get(list(dict.fromkeys(call.keys[-1] for call in part)))
        for call in part:
            answer = answers.get(call.keys[-1])
            if answer is None:
                assert call.keys[-1] in faults
                call.failed = True
                continue
            call.cut = answer.finish_reason == "length"
            call.settled = answer.text is not None and read(call, answer.text)
