"""The gate's other mode: requests are handed over by the file and collected when the provider is done, days later.

    until nothing is left to ask for or to wait for:
        hand over   what the ledger does not hold and the budget admits: write the batch down, upload, make it
        look        at every batch of this server in the ledger, whoever made it; record the answers of those that ended
        sleep

A process may be killed at any point. What a batch holds is in the ledger before anything is sent, so the next process
finds it, by its tag where the provider's id was not written down any more, and nothing is paid for twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence

from builder.errors import BuilderError, TeacherError
from builder.ledger import batches
from builder.teacher.asking import ELSEWHERE_EVERY, Asking
from builder.teacher.batch.collect import look, release, take_over
from builder.teacher.batch.send import hand_over
from builder.teacher.batch.work import Work
from builder.teacher.openai_http import OpenAITeacher
from builder.teacher.request import Request

_FIRST_LOOK = 5.0
_LONGEST_BETWEEN_LOOKS = 60.0
_SLOWER = 1.5
"""Seconds before the first look at a batch and between later ones, and how they grow."""


async def feed(asking: Asking, teacher: OpenAITeacher, first: Request, rest: AsyncIterator[Request]) -> None:
    """See the requests of a batch teacher through to their answers or faults, or leave them at the provider.

    Raises:
        TeacherError: the server takes no batches, or refuses one as a whole.
    """
    work = Work(asking, teacher, rest, deque([first]))
    await take_over(work)
    pause = _FIRST_LOOK
    while not asking.stopped:
        beyond = await hand_over(work)
        lying, ended = await look(work)
        await _sort_out(work)
        if asking.stopped:
            return
        if not lying:
            await release(work)
        if ended:  # there may be room in the budget again, and something to be tried again
            pause = _FIRST_LOOK
        elif lying and not asking.wait:
            asking.at_provider = True
            return
        elif lying:
            await asking.sleep(pause)
            pause = min(pause * _SLOWER, _LONGEST_BETWEEN_LOOKS)
        elif beyond is not None:
            asking.budget_ends(beyond)
        elif work.todo:  # other teachers' calls in flight may take all the budget there is
            asking.settled.clear()
            await asking.settled.wait()
        elif not work.waits:
            return
        elif not await _settle_the_rest(work):
            await asking.sleep(ELSEWHERE_EVERY)


async def collect(asking: Asking, teacher: OpenAITeacher, keys: Sequence[str]) -> None:
    """Collect a server's batches for a teacher that is asked call by call: what lies in one must not be asked again."""
    work = Work(asking, teacher)
    await take_over(work)
    pause = _FIRST_LOOK
    while (await look(work))[0] and not asking.stopped:
        if not asking.wait:
            return asking.halt(BuilderError("batches are not waited for"))
        await asking.sleep(pause)
        pause = min(pause * _SLOWER, _LONGEST_BETWEEN_LOOKS)
    await _not_astray(work, keys)


async def _sort_out(work: Work) -> None:
    """Try again what failed and may be cured; reject the rest."""
    faults = work.asking.batch_faults
    for key in [key for key in faults if key in work.waits]:
        fault = faults.pop(key)
        tries = await work.ledger(lambda ledger, key=key: batches.tries(ledger, key), durable=False)  # type: ignore[misc]
        if fault.retry and tries <= work.teacher.config.retries:
            await work.again([key])
        else:
            work.reject(key, fault)


async def _settle_the_rest(work: Work) -> bool:
    """See to keys that lie in no batch here: another process has answered them, or they are to be asked."""
    keys = list(work.waits)
    held = await work.ledger(lambda ledger: ledger.held(keys), durable=False)
    work.waits -= held
    work.asking.in_hand -= held
    work.asking.count_held(len(held))
    await _not_astray(work, list(work.waits))
    await work.again(list(work.waits))
    return bool(held)


async def _not_astray(work: Work, keys: Sequence[str]) -> None:
    """Refuse to wait for a batch that lies at another address than the teacher's."""
    for key in keys[:1]:
        at = await work.ledger(lambda ledger, key=key: batches.whereabouts(ledger, key), durable=False)  # type: ignore[misc]
        if at is not None and at[1:] != work.here:
            what = f"teacher {work.teacher.name}: an answer lies in batch {at[0]} at {at[1]}"
            raise TeacherError(f"{what}: collect it there, or have it asked anew: builder ledger forget {at[0]}")
