"""The gate: every call to a teacher goes through here, at the pace of its server, into the ledger.

    requests = [gate.request(teacher, messages, draw) …]
    faults = gate.ask(requests, context, "asking")         all else is in the ledger when it returns

How they are asked is in `asking`. A dry run counts them instead, and `--offline` answers from the ledger alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from builder.context import Advance, Asked, Context, DryRunEnds, Estimate
from builder.errors import InputError
from builder.rows import canonical_json
from builder.teacher import Fault, Teacher
from builder.teacher.asking import Asking
from builder.teacher.request import Request, groups, request

__all__ = ["Request", "ask", "ask_streams", "request"]


def ask(requests: Iterable[Request], context: Context, label: str) -> dict[str, Fault]:
    """Ask for whatever the ledger does not hold; teachers are asked side by side.

    When this returns, the answer of every key is in the ledger or its fault in what is returned.

    Args:
        requests: all of them.
        context: its ledger, its meter; `offline` makes no call.
        label: what to call this work in the progress.

    Raises:
        InputError, TeacherError: a teacher is unusable.
        BuilderError: the budget, the ledger or the user stopped it. Answers that came are in the ledger.
    """
    streams: dict[Teacher, list[Request]] = {}
    for item in requests:
        streams.setdefault(item.teacher, []).append(item)
    total = sum(len(item.keys) for stream in streams.values() for item in stream)
    return ask_streams(list(streams.values()), context, label, total)


def ask_streams(streams: Sequence[Iterable[Request]], context: Context, label: str, total: int) -> dict[str, Fault]:
    """Do what `ask` does with requests that are made as they are needed.

    Args:
        streams: one for each teacher, so that a slow one does not hold the others up.
        context: as in `ask`.
        label: as in `ask`.
        total: how many draws there will be.
    """
    with context.progress(label, total) as advance:
        if context.estimate is not None:
            return _count(chain(*streams), context, context.estimate)
        if context.offline:
            return _replay(chain(*streams), context, advance)
        asking = Asking(context, advance, total)
        _run(asking, streams)
    context.spend["replayed"] += asking.replayed
    context.spend["calls"] += asking.answered
    context.spend["failed"] += len(asking.faults)
    context.spend["to_ask_again"] += sum(fault.passing for fault in asking.faults.values())
    return asking.faults


def _replay(requests: Iterable[Request], context: Context, advance: Advance) -> dict[str, Fault]:
    """Answer from the ledger alone; a call that failed when it was made has failed again."""
    faults: dict[str, Fault] = {}
    missing = held = 0
    for group in groups(requests):
        keys = list(dict.fromkeys(key for item in group for key in item.keys))
        there = context.ledger.held(keys)
        held += len(there)
        failed = context.ledger.failures([key for key in keys if key not in there])
        faults |= {key: Fault(kind, detail) for key, (kind, detail) in failed.items()}
        missing += len(keys) - len(there) - len(failed)
        advance(len(keys))
    if missing:
        what = f"--offline: {missing} of the answers this build needs are not in {context.ledger.path}"
        raise InputError(f"{what}; import them (builder ledger import), or build without --offline")
    context.spend["replayed"] += held
    context.spend["failed"] += len(faults)
    return faults


def _count(requests: Iterable[Request], context: Context, estimate: Estimate) -> dict[str, Fault]:
    """Count what would be asked; an answer that is held is no call."""
    seen: set[str] = set()
    for group in groups(requests):
        held = context.ledger.held([key for item in group for key in item.keys])
        for item in group:
            estimate.replayed += len(held.intersection(item.keys) - seen)
            left = [key for key in item.keys if key not in held and key not in seen]
            seen.update(item.keys)
            if left:
                asked = estimate.asked.setdefault(item.teacher.name, Asked())
                asked.calls += 1
                asked.draws += len(left)
                asked.most += len(left) * item.teacher.config.max_tokens
                asked.bytes += len(canonical_json(list(item.messages)).encode("utf-8", "surrogatepass"))
    if estimate.asked:
        raise DryRunEnds
    return {}


def _run(asking: Asking, streams: Sequence[Iterable[Request]]) -> None:
    """Run to the end, also where a loop is running already, as in a notebook: then in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(asking.all(streams))
        return
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, asking.all(streams)).result()
