"""The gate: every call to a teacher goes through here, at the pace of its server, into the ledger.

    for each request not in the ledger:
        wait for a place at its server (pace) and room in the budget (meter)
        write down that it begins; ask; write down how it ended; try again if that can help

No call waits for another, so a slow one holds nobody up; `batch` is for who has days and would pay half. Only a few
more requests than may be in flight are ever in memory, so ten million cost no more than a thousand. Nothing is believed
before it is committed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice

from builder.context import Advance, Asked, Context, DryRunEnds, Estimate
from builder.errors import BuilderError, InputError, TeacherError
from builder.ledger import Answer, Begun, Ledger, Usage, batches
from builder.ledger.recorder import Recorder
from builder.ledger.store import key_of
from builder.meter import Hold
from builder.rows import Message, canonical_json
from builder.teacher import Fault, Teacher
from builder.teacher.interrupt import Interrupt
from builder.teacher.openai_http import OpenAITeacher
from builder.teacher.pace import Pace

_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0
LONGEST_ASKED = 300.0
"""The most we wait when the server says how long; a day's quota is better met by running again."""
_GIVE_UP_AFTER = 20
"""So many calls in a row that fail, each after its retries, mean that the server has gone bad."""
_FEW = 3
"""So many refused keys or unknown models, where answers came before: one 404 may be a router in a bad moment."""
_ENOUGH_TO_JUDGE = 20
"""Calls from which on the share of failures is judged."""
_LOOK_AHEAD = 512
"""Requests whose keys are looked up in the ledger together."""
ELSEWHERE_EVERY = 0.5
"""Seconds between looks at a call another process is making."""
_CALLS_ARE_OFF = 0.1
"""Seconds until the first calls are surely in flight, and this process has time."""
_AGAIN = "run the same command to go on"
_FIX = "fix the cause, then run the same command"
_RAISE = f"raise `budget` in the recipe, then {_AGAIN}"


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to be asked for one or several draws."""

    teacher: Teacher
    messages: tuple[Message, ...]
    sent: tuple[str, ...]
    """Per draw: canonical JSON of what decides its answer, as the ledger holds it."""
    draws: tuple[int, ...]
    keys: tuple[str, ...]

    @property
    def key(self) -> str:
        """Return the key of its only draw."""
        (key,) = self.keys
        return key

    def only(self, keys: Sequence[str]) -> Request:
        """Return the request for some of its draws."""
        if len(keys) == len(self.keys):
            return self
        at = [i for i, key in enumerate(self.keys) if key in keys]
        parts = ([part[i] for i in at] for part in (self.sent, self.draws, self.keys))
        sent, draws, left = (tuple(part) for part in parts)
        return Request(self.teacher, self.messages, sent, draws, left)  # type: ignore[arg-type]


def request(teacher: Teacher, messages: Sequence[Message], *draws: int) -> Request:
    """Make the request for one draw of one prompt, or for several in one call."""
    body = {**teacher.identity(), "messages": list(messages)}
    sent = tuple(canonical_json({**body, "draw": draw}) for draw in draws)
    return Request(teacher, tuple(messages), sent, draws, tuple(map(key_of, sent)))


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
            return _count(chain(*streams), context, context.estimate, label)
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
    for group in _groups(requests):
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


def _count(requests: Iterable[Request], context: Context, estimate: Estimate, label: str) -> dict[str, Fault]:
    """Count what would be asked; an answer that is held is no call."""
    seen: set[str] = set()
    for group in _groups(requests):
        held = context.ledger.held([key for item in group for key in item.keys])
        for item in group:
            estimate.replayed += len(held.intersection(item.keys) - seen)
            left = [key for key in item.keys if key not in held and key not in seen]
            seen.update(item.keys)
            if left:
                asked = estimate.asked.setdefault(item.teacher.name, Asked())
                asked.calls += 1
                asked.draws += len(left)
                asked.bytes += len(canonical_json(list(item.messages)).encode("utf-8", "surrogatepass"))
    if estimate.asked:
        estimate.step = label
        raise DryRunEnds
    return {}


def _groups(requests: Iterable[Request]) -> Iterator[list[Request]]:
    stream = iter(requests)
    while group := list(islice(stream, _LOOK_AHEAD)):
        yield group


def _run(asking: Asking, streams: Sequence[Iterable[Request]]) -> None:
    """Run to the end, also where a loop is running already, as in a notebook: then in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(asking.all(streams))
        return
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, asking.all(streams)).result()


def wait_after(attempt: int, fault: Fault) -> float:
    """Return how many seconds to wait before the next attempt, the first being 0."""
    # jitter, so that calls which failed together do not come back together
    backoff = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1.5)
    return max(backoff, fault.wait)


class Asking:
    """One run through the requests of one step."""

    def __init__(self, context: Context, advance: Advance, total: int) -> None:
        self.ledger: Ledger = context.ledger
        self.meter = context.meter
        self._meanwhile = context.meanwhile
        self.faults: dict[str, Fault] = {}
        self.replayed = self.answered = 0
        self.wait = context.wait
        self.advance, self._total = advance, total
        self._usd_before = self.meter.run_usd
        self._in_a_row = self.fatal = self._fresh = 0
        self._stop: BuilderError | None = None
        self._how = self._who = ""
        self._crash: Exception | None = None
        """An error of ours, to be raised as it is."""
        self._paces: dict[tuple[str, str, str], Pace] = {}
        self._opened: dict[int, Teacher] = {}
        self.in_hand: set[str] = set()
        self.settled = asyncio.Event()
        """A call has ended: there may be room in the budget."""
        self.at_provider = False
        """Answers were left at the provider, in batches, to be collected later."""
        self.batch_servers: set[tuple[str, str]] = set()
        """(base URL, model) of servers at which batches were looked for."""
        self.holds: dict[int, Hold] = {}
        """By attempt: what requests in batches may yet cost."""
        self.batch_faults: dict[str, Fault] = {}
        """By key: requests that failed in a batch, until whoever wants them has seen it."""
        self._collecting: set[tuple[str, str, str]] = set()
        self.recorder: Recorder
        self._interrupt: Interrupt

    async def all(self, streams: Sequence[Iterable[Request]]) -> None:
        """Feed the requests in, and wait for the last one."""
        self.recorder = Recorder(self.ledger)
        tasks: set[asyncio.Task[None]] = set()
        aside = asyncio.create_task(self._aside())
        try:
            with Interrupt(self._interrupted) as self._interrupt:
                async with asyncio.TaskGroup() as feeders:
                    for stream in streams:
                        feeders.create_task(self._guarded(self._feed(stream, tasks)))
                while tasks:
                    await asyncio.wait(tasks)
        except asyncio.CancelledError:  # the second Ctrl-C: what is in flight is given up
            raise KeyboardInterrupt from None
        finally:
            aside.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for teacher in self._opened.values():
                await teacher.close()
            await self.recorder.close()
        if self._crash is not None:
            raise self._crash
        if self._stop is None and self.faults and not self.answered and not self.replayed:
            # not one call went through: that is the server, not the prompts
            self.halt(TeacherError(f"{self._who}{next(iter(self.faults.values()))}; stopped"), _FIX)
        lying = self._lying()
        if self._stop is None and self.at_provider:
            raise BuilderError(lying)
        if self._stop is not None:
            said = f"{self._stop}. {self._kept()}: {self._how}" if self._how else str(self._stop)
            raise type(self._stop)(f"{said}. {lying}") if said != str(self._stop) or lying else self._stop

    def _lying(self) -> str:
        """Say what goes on at the provider without us."""
        left = [batch for at in self.batch_servers for batch in batches.waiting(self.ledger, *at) if batch.remote]
        if not left:
            return ""
        what = f"{sum(batch.requests for batch in left):,} requests in {len(left)} batch{'es' * (len(left) > 1)}"
        return f"{what} go on at the provider; the same command collects their answers later"

    @property
    def stopped(self) -> bool:
        """Whether nothing new is to be started."""
        return self._stop is not None

    def budget_ends(self, why: str) -> None:
        """Stop before passing the budget."""
        self.halt(BuilderError(f"the budget ends here: {why}; stopped before passing it"), _RAISE)

    def _kept(self) -> str:
        if kept := self.answered + self.replayed:
            return f"{kept} answers are in {self.ledger.path} and will not be asked again"
        return "no answer was had"

    def halt(self, why: BuilderError, how: str = "") -> None:
        """Start nothing new; what is in flight ends by itself."""
        if self._stop is None:
            self._stop, self._how = why, how
        self.settled.set()
        for pace in self._paces.values():
            pace.open_wide()

    def _interrupted(self) -> None:
        in_flight = sum(pace.in_flight for pace in self._paces.values())
        waits = f": {in_flight} calls in flight are waited for. Ctrl-C again gives them up" if in_flight else ""
        self._interrupt.say(f"stopping{waits}")
        self.halt(BuilderError("stopped by Ctrl-C"), _AGAIN)

    async def _aside(self) -> None:
        await asyncio.sleep(_CALLS_ARE_OFF)
        await asyncio.to_thread(self._meanwhile)

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Let an error stop the run, not the other calls in flight."""
        try:
            await work
        except BuilderError as error:
            self.halt(error)
        except Exception as error:
            self._crash = error
            self.halt(BuilderError(str(error)))

    async def _feed(self, requests: Iterable[Request], tasks: set[asyncio.Task[None]]) -> None:
        """Start the requests of one stream, no more at a time than its server can use."""
        mine: set[asyncio.Task[None]] = set()
        room = asyncio.Event()

        def left(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            mine.discard(task)
            room.set()

        stream = self._not_held(requests)
        async for item in stream:
            pace = await self._pace(item.teacher)
            if pace is not None and isinstance(item.teacher, OpenAITeacher) and item.teacher.config.batch:
                from builder.teacher import batch

                return await batch.feed(self, item.teacher, item, stream)
            while pace is not None and self._stop is None and len(mine) > 2 * pace.limit:
                room.clear()
                await room.wait()
            if pace is None or self._stop is not None:
                return
            self.in_hand.update(item.keys)
            task = asyncio.create_task(self._guarded(self._one(item)))
            mine.add(task)
            tasks.add(task)
            task.add_done_callback(left)

    async def _not_held(self, requests: Iterable[Request]) -> AsyncIterator[Request]:
        """Yield what the ledger does not hold, and nothing twice."""
        for group in _groups(requests):
            keys = [key for item in group for key in item.keys]
            held = await self.recorder.do(lambda keys=keys: self.ledger.held(keys), durable=False)  # type: ignore[misc]
            for item in group:
                missing = [key for key in item.keys if key not in held]
                self.count_held(len(item.keys) - len(missing))
                missing = [key for key in missing if key not in self.in_hand and key not in self.faults]
                if missing:
                    yield item.only(missing)

    async def _pace(self, teacher: Teacher) -> Pace | None:
        """Return the pace of a teacher's server, opening it when it is first asked; None where it cannot be."""
        if id(teacher) not in self._opened:
            self._opened[id(teacher)] = teacher
            try:
                await teacher.open()
            except BuilderError as error:
                self.halt(error)
                return None
            asked = teacher.config.concurrency
            self._paces.setdefault(teacher.server, Pace(None if asked == "auto" else asked))
        return self._paces.get(teacher.server)

    def count_held(self, count: int) -> None:
        """Count answers the ledger held."""
        self.replayed += count
        if count:
            self.advance(count)

    async def _one(self, item: Request) -> None:
        """See one request through to its answers or its fault."""
        try:
            await self._try(item)
        except Fault as fault:
            self._failed(item, fault)
        finally:
            self.in_hand.difference_update(item.keys)

    async def _try(self, item: Request) -> None:
        pace, teacher = self._paces[item.teacher.server], item.teacher
        attempt = 0
        while self._stop is None:
            await pace.enter()
            begun = hold = None
            try:
                begun, hold = await self._begin(item)
            finally:
                if hold is None:  # there is nothing to ask, or the ledger failed
                    pace.withdraw()
            if begun is None or hold is None:
                if begun is None:
                    return
                self.count_held(len(begun.held))
                if not (item := item.only(begun.elsewhere)).keys:
                    return
                await self._elsewhere(item)
                continue
            self.count_held(len(begun.held))
            fault, left = await self._call(item.only(list(begun.attempts)), begun, hold, pace)
            waits = [key for key in item.keys if key in left or key in begun.elsewhere]
            if not waits:
                return
            item = item.only(waits)
            if fault is None:
                await self._elsewhere(item)
                continue
            if not fault.retry or attempt == teacher.config.retries:
                raise fault
            if fault.wait > LONGEST_ASKED:
                raise Fault(fault.kind, f"the server asks to wait {fault.wait:,.0f} s", fatal=True)
            await self.sleep(wait_after(attempt, fault))
            attempt += 1

    async def _elsewhere(self, item: Request) -> None:
        """Give another process a moment. What lies in a batch nobody may be asking for: we collect it ourselves."""
        if isinstance(item.teacher, OpenAITeacher) and item.teacher.server not in self._collecting:
            from builder.teacher import batch

            self._collecting.add(item.teacher.server)
            try:
                await batch.collect(self, item.teacher, item.keys)
            finally:
                self._collecting.discard(item.teacher.server)
        await asyncio.sleep(ELSEWHERE_EVERY)

    async def sleep(self, seconds: float) -> None:
        """Wait, unless the run stops."""
        until = time.monotonic() + seconds
        while self._stop is None and (left := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 1.0))

    async def _begin(self, item: Request) -> tuple[Begun | None, Hold | None]:
        """Find room in the budget and write the attempt down; (None, None) if the run stops instead."""
        teacher = item.teacher
        size = len(item.sent[0].encode())
        while not isinstance(hold := self.meter.admits(teacher.name, teacher.config, size, len(item.keys)), Hold):
            if self._stop is not None:
                return None, None
            if isinstance(hold, str):
                self.budget_ends(hold)
                return None, None
            self.settled.clear()
            await self.settled.wait()
        self.mind_the_disk()
        if self._stop is not None:
            self.meter.release(hold)
            return None, None
        who = (teacher.name, teacher.server[0], teacher.model)
        try:
            begun = await self.recorder.do(lambda: self.ledger.begin(item.keys, who), durable=False)
        except BaseException:
            self.meter.release(hold)
            raise
        if not begun.attempts:
            self.meter.release(hold)
            return begun, None
        return begun, hold

    async def _call(self, item: Request, begun: Begun, hold: Hold, pace: Pace) -> tuple[Fault | None, list[str]]:
        """Make one call and commit what came of it; return (fault, keys still without an answer)."""
        teacher, started = item.teacher, time.monotonic()
        fault: Fault | None = None
        answers: list[Answer] = []
        used: Usage | None = None
        try:
            answers, used = await teacher.ask(item.messages, item.draws)
        except Fault as raised:
            fault = raised
            used = fault.usage or (Usage() if fault.billed else None)  # of a call that broke off nobody says
            self.fatal += fault.fatal
            if self.fatal >= (_FEW if self.answered else 1):  # said before the next one gets its place
                self.halt(TeacherError(f"teacher {teacher.name}: {fault}; stopped"), _FIX)
        finally:  # the server is free again, whatever the disk does
            away = fault is not None and fault.turned_away
            pace.leave(answered=bool(answers), turned_away=away, wait=fault.wait if fault else 0.0)
        if answers:
            self._in_a_row = self.fatal = 0
        seconds = time.monotonic() - started
        usage = self.meter.settle(hold, teacher.name, teacher.config, used, seconds)
        self.settled.set()
        if fault is None and len(answers) < len(item.keys):
            fault = Fault("short", f"{len(answers)} of {len(item.keys)} answers came", retry=True)

        def record() -> None:
            rest = usage
            for key, sent, answer in zip(item.keys, item.sent, answers, strict=False):
                self.ledger.finish(begun.attempts[key], key, sent, answer, rest)
                rest = Usage()  # what the call used is written once
            for key in item.keys[len(answers) :]:
                assert fault is not None
                self.ledger.fail(begun.attempts[key], fault.kind, fault.detail, rest)
                rest = None

        await self.recorder.do(record, durable=usage is not None)
        self.answered += len(answers[: len(item.keys)])
        if answers:
            self.show(len(answers[: len(item.keys)]))
        return fault, list(item.keys[len(answers) :])

    def mind_the_disk(self) -> None:
        """Stop where only the reserve is left."""
        if self.recorder.disk_is_full:
            self.halt(BuilderError(f"the disk of {self.ledger.path} is full; stopped"), f"make room, {_AGAIN}")

    def had(self, keys: Sequence[str]) -> None:
        """Count answers that a batch brought."""
        self.in_hand.difference_update(keys)
        self.answered += len(keys)
        if keys:
            self._in_a_row = self.fatal = 0
            self.show(len(keys))

    def show(self, count: int) -> None:
        """Show answers that were just had, or that will not come."""
        self._fresh += count
        to_pay = self._total - self.replayed
        self.advance(count, self.meter.note(self._usd_before, self._fresh, to_pay))

    def _failed(self, item: Request, fault: Fault) -> None:
        self._in_a_row += 1
        of_no_use = fault.kind in ("http 400", "http 422") and not self.answered + self.replayed
        patience = _FEW if of_no_use else _GIVE_UP_AFTER
        if self._in_a_row >= patience:
            self.halt(TeacherError(f"teacher {item.teacher.name}: {fault}; stopped"), _FIX)
        self.reject(item.teacher, item.keys, fault)

    def reject(self, teacher: Teacher, keys: Sequence[str], fault: Fault) -> None:
        """Count answers that will not come; too large a share of them stops the run."""
        self.faults.update((key, fault) for key in keys if key in self.in_hand)
        self.show(len(keys))
        self._who = f"teacher {teacher.name}: "
        failed, asked, limit = len(self.faults), len(self.faults) + self.answered, teacher.config.max_failures
        if asked >= _ENOUGH_TO_JUDGE and failed / asked > limit:
            share = f"{failed} of {asked} calls failed, each after its retries, more than max_failures {limit:g}"
            self.halt(TeacherError(f"{self._who}{share}; the last: {fault}; stopped"), _FIX)
