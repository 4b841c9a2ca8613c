"""The gate: many calls to one teacher, so many in flight, no batch barrier, each through the ledger."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from builder.context import Advance
from builder.errors import BuilderError, TeacherError
from builder.ledger import Answer, Ledger, call_key
from builder.rows import Message
from builder.teacher import Fault, Teacher

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
_LONGEST_ASKED = 300.0
"""The most we wait when the server says how long; a day's quota is better met by running again."""
_GIVE_UP_AFTER = 20
"""So many calls in a row that fail, each after its retries, mean that the server has gone bad."""
_GIVE_UP_AFTER_FATAL = 3
"""Where answers came before: one 404 of a router in a bad moment is not an unknown model."""


@dataclass(frozen=True)
class Request:
    """One call to be made: what is sent, and which draw it is."""

    messages: tuple[Message, ...]
    body: dict[str, Any]
    key: str


def request(teacher: Teacher, messages: Sequence[Message], draw: int) -> Request:
    """Make the request for one draw of one prompt."""
    body = {**teacher.identity(), "messages": list(messages), "draw": draw}
    return Request(tuple(messages), body, call_key(body))


def ask_all(
    teacher: Teacher,
    requests: Sequence[Request],
    ledger: Ledger,
    advance: Advance = lambda done, note="": None,
) -> tuple[dict[str, Answer | Fault], set[str]]:
    """Ask every request once. What the ledger holds is not asked again.

    Returns:
        (answer or fault by key, the keys whose answers came out of the ledger).

    Raises:
        InputError, TeacherError: the teacher as a whole is unusable. Answers that came are in the ledger.
    """
    wanted = {item.key: item for item in requests}
    results: dict[str, Answer | Fault] = dict(ledger.get(list(wanted)))
    missing = [item for key, item in wanted.items() if key not in results]
    held = set(results)
    advance(len(held))
    if missing:
        _run(_ask_missing(teacher, missing, ledger, results, advance))
    return results, held


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end, also where a loop is running already, as in a notebook: then in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, work).result()


async def _ask_missing(
    teacher: Teacher,
    missing: list[Request],
    ledger: Ledger,
    results: dict[str, Answer | Fault],
    advance: Advance,
) -> None:
    await teacher.open()
    queue = iter(missing)
    answered = in_a_row = spent = 0
    stop: Fault | None = None

    async def worker() -> None:
        nonlocal answered, in_a_row, spent, stop
        for item in queue:
            if stop is not None:
                return
            try:
                answer = results[item.key] = await _ask_one(teacher, item, ledger)
                spent += (answer.input_tokens or 0) + (answer.output_tokens or 0)
                answered, in_a_row = answered + 1, 0
            except Fault as fault:
                results[item.key] = fault
                in_a_row += 1
                if in_a_row >= _patience(fault, answered):
                    stop = fault
            advance(1, f"{spent:,} tokens" if spent else "")

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(teacher.config.concurrency, len(missing))):
                group.create_task(worker())
    except* BuilderError as errors:  # the ledger failed: one sentence, not a group of groups
        raise errors.exceptions[0] from None
    finally:
        await teacher.close()
    kept = sum(isinstance(result, Answer) for result in results.values())
    faults = [result for result in results.values() if isinstance(result, Fault)]
    if stop is None and not kept and any(fault.kind != "content filter" for fault in faults):
        stop = faults[0]  # not one call went through: that is the server, not the prompts
    if stop is not None:
        held = f"{kept} answers are in {ledger.path} and will not be asked again" if kept else "no answer was had"
        raise TeacherError(f"teacher {teacher.name}: {stop}; stopped. {held}: fix the cause, then run the same command")


def _patience(fault: Fault, answered: int) -> int:
    """Return how many failed calls in a row are borne before the build stops."""
    if not fault.fatal:
        return _GIVE_UP_AFTER
    return _GIVE_UP_AFTER_FATAL if answered else 1


async def _ask_one(teacher: Teacher, item: Request, ledger: Ledger) -> Answer:
    for attempt in range(teacher.config.retries + 1):
        number = ledger.begin(item.key)
        try:
            answer = await teacher.ask(item.messages)
        except Fault as fault:
            ledger.fail(number, fault.kind, fault.detail)
            if fault.wait > _LONGEST_ASKED:
                raise Fault(fault.kind, f"the server asks to wait {fault.wait:,.0f} s", fatal=True) from None
            if not fault.retry or attempt == teacher.config.retries:
                raise
            # jitter, so that calls which failed together do not come back together
            backoff = _FIRST_WAIT * 2**attempt * random.uniform(0.5, 1.5)
            await asyncio.sleep(max(min(_LONGEST_WAIT, backoff), fault.wait))
        else:
            return ledger.finish(number, item.key, item.body, answer)
    raise AssertionError("unreachable: the last attempt returns or raises")
