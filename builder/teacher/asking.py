"""Asking: requests go out at the pace of their servers, and nothing is believed before it is committed.

    for each request not in the ledger:
        wait for a place at its server (pace) and room in the budget (meter)
        write down that it begins; ask; write down how it ended; try again if that can help (patience)

No call waits for another, so a slow one holds nobody up; `batch` is for who has days and would pay half. Only a few
more requests than may be in flight are ever in memory, so ten million cost no more than a thousand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence

from builder.context import Advance, Context
from builder.errors import BuilderError, TeacherError
from builder.ledger import Answer, Begun, Ledger, Usage, batches
from builder.ledger.recorder import Recorder
from builder.meter import Hold
from builder.teacher import Fault, Teacher
from builder.teacher.interrupt import Interrupt
from builder.teacher.openai_http import OpenAITeacher
from builder.teacher.pace import Pace
from builder.teacher.patience import LONGEST_ASKED, Patience, wait_after
from builder.teacher.request import Request, groups

ELSEWHERE_EVERY = 0.5
"""Seconds between looks at a call another process is making."""
_CALLS_ARE_OFF = 0.1
"""Seconds until the first calls are surely in flight, and this process has time."""
_AGAIN = "Run the same command to go on"
_FIX = "Fix the cause, then run the same command"
_RAISE = "Raise `budget` in the recipe, then run the same command to go on"


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
        self._fresh = 0
        self._patience: dict[int, Patience] = {}
        self._stop: BuilderError | None = None
        self._how = ""
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
            who = " and ".join(teacher.name for teacher in self._opened.values())
            self.halt(TeacherError(f"teacher {who}: {next(iter(self.faults.values()))}; stopped"), _FIX)
        lying = self._lying()
        if self._stop is None and self.at_provider:
            raise BuilderError(lying)
        if self._stop is not None:
            told = [str(self._stop), self._kept(), self._how] if self._how else [str(self._stop)]
            raise type(self._stop)(". ".join(filter(None, [*told, lying])))

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

    def let_go(self, hold: Hold) -> None:
        """Give room in the budget back that is not needed, to whoever waits for it."""
        self.meter.release(hold)
        self.settled.set()

    def budget_ends(self, why: str) -> None:
        """Stop before passing the budget."""
        self.halt(BuilderError(f"the budget ends here: {why}; stopped"), _RAISE)

    def _kept(self) -> str:
        if kept := self.answered + self.replayed:
            return f"{kept:,} answers are in {self.ledger.path} and will not be asked again"
        return "No answer came"

    def halt(self, why: BuilderError, how: str = "") -> None:
        """Start nothing new; what is in flight ends by itself."""
        if self._stop is None:
            self._stop, self._how = why, how
        self.settled.set()
        for pace in self._paces.values():
            pace.open_wide()

    def _in_flight(self) -> int:
        return sum(pace.in_flight for pace in self._paces.values())

    def _interrupted(self) -> None:
        in_flight = self._in_flight()
        waits = f": {in_flight} calls in flight are waited for. Ctrl-C again gives them up" if in_flight else ""
        self._interrupt.say(f"stopping{waits}")
        self.halt(BuilderError("stopped by Ctrl-C or SIGTERM"), _AGAIN)

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
        for group in groups(requests):
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
            most = None if asked == "auto" else asked
            if teacher.server not in self._paces:
                self._paces[teacher.server] = Pace(most)
            elif most is not None:
                self._paces[teacher.server].restrict(most)
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
            self.reject(item.teacher, item.keys, fault)
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
            if len(left) < len(begun.attempts):  # it brings some of what it is asked for: no reason to wait
                attempt = 0
                continue
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
            self.let_go(hold)
            return None, None
        who = (teacher.name, teacher.server[0], teacher.model)
        try:
            begun = await self.recorder.do(lambda: self.ledger.begin(item.keys, who), durable=False)
        except BaseException:
            self.let_go(hold)
            raise
        if not begun.attempts:
            self.let_go(hold)
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
            if fault.wait > LONGEST_ASKED:
                fault = Fault(fault.kind, f"the server asks to wait {fault.wait:,.0f} s: {fault.detail}", fatal=True)
            used = fault.usage or (Usage() if fault.billed else None)  # of a call that broke off nobody says
            self._give_up(self._patience_with(teacher).refused(fault))  # before the next one gets its place
        finally:  # the server is free again, whatever the disk does
            away = fault is not None and fault.turned_away
            pace.leave(answered=bool(answers), turned_away=away, wait=fault.wait if fault else 0.0)
        if answers:
            self._patience_with(teacher).answered(len(answers))
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
            self.halt(BuilderError(f"the disk of {self.ledger.path} is full; stopped"), f"Make room. {_AGAIN}")

    def had(self, teacher: Teacher, keys: Sequence[str]) -> None:
        """Count answers that a batch brought."""
        self.in_hand.difference_update(keys)
        self.answered += len(keys)
        if keys:
            self._patience_with(teacher).answered(len(keys))
            self.show(len(keys))

    def show(self, count: int) -> None:
        """Show answers that were just had, or that will not come."""
        self._fresh += count
        to_pay = self._total - self.replayed
        self.advance(count, self.meter.note(self._usd_before, self._fresh, to_pay))

    def reject(self, teacher: Teacher, keys: Sequence[str], fault: Fault) -> None:
        """Count answers that will not come; too large a share of them stops the run."""
        self.faults.update((key, fault) for key in keys if key in self.in_hand)
        self.show(len(keys))
        self._give_up(self._patience_with(teacher).failed(fault, len(keys)))

    def _patience_with(self, teacher: Teacher) -> Patience:
        return self._patience.setdefault(id(teacher), Patience(teacher))

    def _give_up(self, why: TeacherError | None) -> None:
        if why is not None:
            self.halt(why, _FIX)
