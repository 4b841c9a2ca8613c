"""Collecting: every batch of a server is looked at, whoever made it, and what it brought is recorded."""

from __future__ import annotations

from collections.abc import Sequence

from builder.ledger import Ledger, Usage, batches
from builder.ledger.batches import Batch, Lying
from builder.teacher import Fault, Reply
from builder.teacher.batch import wire
from builder.teacher.batch.work import Work

_BLIND_LOOKS = 20
"""So many looks in a row that a server may fail to answer."""
_GROUP = 500
"""Answers in one transaction."""
_LATER = "the batch goes on; run the same command to collect it"


async def take_over(work: Work) -> None:
    """Find the batches earlier processes made; what they may still cost is set aside."""
    asking = work.asking
    asking.batch_servers.add(work.here)
    for batch in await work.ledger(lambda ledger: batches.waiting(ledger, *work.here), durable=False):
        if batch.session == asking.ledger.sessions.mine or await work.is_anothers(batch):
            continue
        if await _known(work, batch) is None:
            continue
        for one in await work.ledger(lambda ledger, batch=batch: batches.lying(ledger, batch), durable=False):  # type: ignore[misc]
            if one.build == asking.ledger.build and one.attempt not in asking.holds:
                size = len(one.request.encode())
                asking.holds[one.attempt] = asking.meter.take(work.teacher.name, work.config, size)


async def _known(work: Work, batch: Batch) -> Batch | None:
    """Return a batch with its id at the provider, where it has one yet; None if it was never made."""
    if batch.remote is not None or batch.session == work.asking.ledger.sessions.mine:
        return batch
    try:
        remote = await work.surely(lambda: wire.find(work.teacher, batch.tag))
    except Fault as fault:
        raise work.error("looking for a batch that a killed process may have made", fault) from None
    if remote is None:
        await work.ledger(lambda ledger: batches.lose(ledger, batch))
        return None
    await work.ledger(lambda ledger: batches.made(ledger, batch, remote))
    return batch._replace(remote=remote)


async def look(work: Work) -> tuple[bool, bool]:
    """Look at every batch of this server, and collect those that have ended; return (some go on, some ended)."""
    answered = total = lying = 0
    ended = False
    waiting = await work.ledger(lambda ledger: batches.waiting(ledger, *work.here), durable=False)
    for batch in waiting:
        if await work.is_anothers(batch):
            lying += 1
            continue
        if (known := await _known(work, batch)) is None:
            ended = True
            continue
        try:
            seen = None if known.remote is None else await wire.look(work.teacher, known.remote)
            work.blind = 0
        except Fault as fault:
            work.blind += 1
            if not fault.retry or work.blind > _BLIND_LOOKS:
                raise work.error(f"batch {known.remote}", fault, _gone(known) if fault.fatal else _LATER) from None
            seen = None
        if seen is None or seen.ended is None:
            lying, total, answered = lying + 1, total + batch.requests, answered + (seen.answered if seen else 0)
        elif await _collect(work, known, seen, alone=len(waiting) == 1):
            ended = True
    if lying:
        work.asking.advance(0, f"{answered:,} of {total:,} answered at the provider")
    return bool(lying), ended


def _gone(batch: Batch) -> str:
    return f"use the key it was made with, or have its requests asked anew: builder ledger forget {batch.remote}"


async def _collect(work: Work, batch: Batch, seen: wire.Look, *, alone: bool) -> bool:
    """Record what a batch brought; False where the provider had no room for it and may have, when others are done."""
    asking = work.asking
    lying = await work.ledger(lambda ledger: batches.lying(ledger, batch), durable=False)
    asked = {one.key: one.request for one in lying}
    try:
        found = await work.surely(lambda: wire.results(work.teacher, seen, asked))
    except Fault as fault:
        raise work.error(
            f"the answers of batch {seen.remote}", fault, _gone(batch) if fault.fatal else _LATER
        ) from None
    for start in range(0, len(lying), _GROUP):
        await _record(work, lying[start : start + _GROUP], found)
    faults = {key: result for key, result in found.items() if isinstance(result, Fault)}
    await work.ledger(lambda ledger: batches.end(ledger, batch, seen.ended or ""))
    no_room = any(fault.kind == batches.QUEUE_FULL for fault in faults.values())
    whole = len(faults) == len(found)
    fatal = next((fault for fault in faults.values() if fault.kind == "batch failed" or (whole and fault.fatal)), None)
    if fatal is not None or (no_room and alone):
        raise work.error(f"batch {seen.remote}", fatal or next(iter(faults.values())))
    if not no_room:
        asking.batch_faults |= faults
    return not no_room


async def _record(work: Work, part: Sequence[Lying], found: dict[str, Reply | Fault]) -> None:
    asking, name, used = work.asking, work.teacher.name, list[Usage | None]()
    for one in part:
        result = found[one.key]
        usage = result.usage or (Usage() if isinstance(result, Reply) or result.billed else None)
        used.append(usage and asking.meter.priced(name, work.config, usage))

    def write(ledger: Ledger) -> list[bool]:
        return [_put(ledger, one, found[one.key], usage) for one, usage in zip(part, used, strict=True)]

    mine = await work.ledger(write)
    for one, usage, recorded in zip(part, used, mine, strict=True):
        if (hold := asking.holds.pop(one.attempt, None)) is not None:
            if recorded:
                asking.meter.settle(hold, name, work.config, usage, 0.0)
            else:  # another process was first, and counted it
                asking.let_go(hold)
    asking.settled.set()
    had = [one.key for one in part if isinstance(found[one.key], Reply) and one.key in work.waits]
    work.waits.difference_update(had)
    asking.had(work.teacher, had)


def _put(ledger: Ledger, one: Lying, result: Reply | Fault, usage: Usage | None) -> bool:
    if batches.ended(ledger, [one.attempt]):
        return False
    if isinstance(result, Fault):
        ledger.fail(one.attempt, result.kind, result.detail, usage)
    else:
        ledger.finish(one.attempt, one.key, one.request, result.answers[0], usage)
        batches.drop_request(ledger, one.key)
    return True


async def release(work: Work) -> None:
    """Let go of what was set aside for requests whose end another process wrote down."""
    asking = work.asking
    attempts = list(asking.holds)
    for attempt in await work.ledger(lambda ledger: batches.ended(ledger, attempts), durable=False):
        if (hold := asking.holds.pop(attempt, None)) is not None:
            asking.let_go(hold)
