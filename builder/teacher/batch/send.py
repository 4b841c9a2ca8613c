"""Handing over: requests are written down in the ledger, into a file, and made a batch of at the provider.

The batch and every request in it are on the disk before anything is sent. A batch that was made although its response
was lost is found by its tag, here and in `collect`.
"""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import IO

from builder.ledger import Ledger, batches
from builder.ledger.batches import Batch
from builder.meter import Hold
from builder.teacher import Fault, replies
from builder.teacher.batch import wire
from builder.teacher.batch.work import Work
from builder.teacher.request import Request

MOST_REQUESTS = 50_000
MOST_BYTES = 190 * 10**6
"""Of one file; OpenAI takes as many requests and 200 MB."""
_GROUP = 500
"""Requests in one transaction."""


async def hand_over(work: Work) -> str | None:
    """Make batches of all that fits the budget; return why the rest can never fit, if so. The rest is in `todo`."""
    while not work.asking.stopped:
        full, beyond = await _one_batch(work)
        if not full:
            return beyond
    return None


async def _one_batch(work: Work) -> tuple[bool, str | None]:
    """Fill one file and hand it over; return (there is more for the next one, why the rest can never fit)."""
    asking, teacher, batch, full, beyond = work.asking, work.teacher, None, False, None
    count = size = 0
    group: list[tuple[Request, bytes, Hold]] = []
    with TemporaryFile() as file:  # without a name: nothing of it stays behind when the process is killed
        while not asking.stopped and (item := await _next(work)) is not None:
            line = wire.line(teacher, item.key, item.messages, item.draws[0])
            full = count + len(group) == MOST_REQUESTS or (size > 0 and size + len(line) > MOST_BYTES)
            hold = None
            if not full:
                hold = asking.meter.admits(teacher.name, work.config, len(item.sent[0].encode()), 1)
            if not isinstance(hold, Hold):
                beyond = hold
                work.todo.appendleft(item)
                break
            size += len(line)
            group.append((item, line, hold))
            if len(group) == _GROUP:
                batch, begun = await _begin(work, batch, group, file)
                count, group = count + begun, []
        batch, begun = await _begin(work, batch, group, file)
        if batch is not None:
            file.flush()
            await _submit(work, batch, count + begun, file)
    return full, beyond


async def _next(work: Work) -> Request | None:
    """Return what is to be asked next, without what a batch has shown to be of no use."""
    while True:
        item = work.todo.popleft() if work.todo else await anext(work.rest, None) if work.rest is not None else None
        if item is None:
            return None
        work.asking.in_hand.update(item.keys)
        known = work.asking.batch_faults.pop(item.key, None)
        if known is None and not work.asking.wait:
            known = await _given_up(work, item.key)
        if known is None or known.retry:
            return item
        work.reject(item.key, known)


async def _given_up(work: Work, key: str) -> Fault | None:
    """Return the fault of a request an earlier run gave up.

    With --no-wait no run sees all the others' faults. One that asked again what the one before it gave up would leave
    a batch behind, and so would the next: they would never end.
    """
    tries = await work.ledger(lambda ledger: batches.tries(ledger, key), durable=False)
    if not tries:
        return None
    kind, detail = (await work.ledger(lambda ledger: ledger.failures([key]), durable=False))[key]
    is_http = kind.startswith("http ")
    retry = replies.http_fault(int(kind.removeprefix("http ")), {}, detail, "").retry if is_http else True
    return Fault(kind, detail, retry=retry and tries <= work.teacher.config.retries)


async def _begin(
    work: Work, batch: Batch | None, group: Sequence[tuple[Request, bytes, Hold]], file: IO[bytes]
) -> tuple[Batch | None, int]:
    """Write attempts down, and into the file what nobody else has or asks for; return (batch, how many)."""
    asking = work.asking
    if not group:
        return batch, 0
    asking.mind_the_disk()

    def begin(ledger: Ledger) -> tuple[Batch | None, list[tuple[dict[str, int], bool]]]:
        into = batch or batches.new(ledger, work.who, work.teacher.url)
        said = [batches.add(ledger, into, item.key, item.sent[0], work.who) for item, _, _ in group]
        if batch is None and not any(begun.attempts for begun in said):
            batches.drop(ledger, into)
            return None, [({}, bool(begun.held)) for begun in said]
        return into, [(begun.attempts, bool(begun.held)) for begun in said]

    into, said = await work.ledger(begin, durable=False)
    for (item, line, hold), (attempts, held) in zip(group, said, strict=True):
        if attempts:
            asking.holds[attempts[item.key]] = hold
            file.write(line)
        else:
            asking.let_go(hold)
        if held:
            asking.count_held(1)
            asking.in_hand.discard(item.key)
        else:
            work.waits.add(item.key)
    return into, sum(bool(attempts) for attempts, _ in said)


async def _submit(work: Work, batch: Batch, count: int, file: IO[bytes]) -> None:
    """Upload a file and make its batch."""
    asking, teacher = work.asking, work.teacher
    await work.ledger(lambda ledger: batches.seal(ledger, batch, count))  # on the disk before anything is sent
    doubt = False

    async def create() -> str:
        nonlocal doubt
        if doubt and (there := await wire.find(teacher, batch.tag)):  # the response was lost, not the batch
            return there
        try:
            return await wire.create(teacher, file_id, batch.tag)
        except Fault as fault:
            doubt = fault.retry
            raise

    try:
        if asking.stopped:
            raise Fault("stopped", "")
        file_id = await work.surely(lambda: wire.upload(teacher, file))
        remote = await work.surely(create)
    except Fault as fault:
        if not doubt:  # there is surely none; else the next run looks for it
            await work.ledger(lambda ledger: batches.lose(ledger, batch))
        if fault.kind != "stopped":
            raise work.error("a batch cannot be handed over", fault) from None
        return
    await work.ledger(lambda ledger: batches.made(ledger, batch, remote))
