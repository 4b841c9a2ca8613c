"""What the parts of batch mode share: what one run wants of one batch teacher, and what is done with it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from builder.config import TeacherConfig
from builder.errors import TeacherError
from builder.ledger import Ledger, batches
from builder.ledger.batches import Batch
from builder.teacher import Fault
from builder.teacher.asking import Asking
from builder.teacher.openai_http import OpenAITeacher
from builder.teacher.patience import LONGEST_ASKED, wait_after
from builder.teacher.request import Request

T = TypeVar("T")


@dataclass
class Work:
    """What one run wants of one teacher."""

    asking: Asking
    teacher: OpenAITeacher
    rest: AsyncIterator[Request] | None = None
    """Requests that were not looked at yet."""
    todo: deque[Request] = field(default_factory=deque)
    """Requests to be handed over before them: put back, or to be tried again."""
    waits: set[str] = field(default_factory=set)
    """Keys that lie in a batch, or that another process asks for."""
    blind: int = 0
    """Looks in a row that the server did not answer."""

    @property
    def who(self) -> tuple[str, str, str]:
        """Return (name, provider, model) of the teacher."""
        return self.teacher.name, self.teacher.server[0], self.teacher.model

    @property
    def here(self) -> tuple[str, str]:
        """Return (base URL, model): where its batches lie."""
        return self.teacher.url, self.teacher.model

    @property
    def config(self) -> TeacherConfig:
        """Return the teacher's settings at the price of a batch, also where the recipe says `batch` no more."""
        return self.teacher.config.model_copy(update={"batch": True})

    def error(self, what: str, fault: Fault, fix: str = "fix the cause, then run the same command") -> TeacherError:
        """Return the sentence that stops the build."""
        return TeacherError(f"teacher {self.teacher.name}: {what}: {fault}; stopped: {fix}")

    async def ledger(self, work: Callable[[Ledger], T], *, durable: bool = True) -> T:
        """Do something in the ledger, in one transaction."""
        return await self.asking.recorder.do(lambda: work(self.asking.ledger), durable=durable)

    async def surely(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call, again while that may help.

        Raises:
            Fault: the last one.
        """
        attempt = 0
        while True:
            try:
                return await call()
            except Fault as fault:
                no_use = not fault.retry or attempt == self.teacher.config.retries
                if no_use or fault.wait > LONGEST_ASKED or self.asking.stopped:
                    raise
                await self.asking.sleep(wait_after(attempt, fault))
                attempt += 1

    async def is_anothers(self, batch: Batch) -> bool:
        """Tell whether a batch was made by a process that still lives: that one will see to it."""
        sessions = self.asking.ledger.sessions
        return await self.ledger(lambda _: sessions.is_other_and_alive(batch.session), durable=False)

    async def again(self, keys: Sequence[str]) -> None:
        """Put requests back among what is to be handed over."""
        found = await self.ledger(lambda ledger: batches.requests(ledger, keys), durable=False)
        for key, sent in found.items():
            asked = json.loads(sent)
            self.todo.append(Request(self.teacher, tuple(asked["messages"]), (sent,), (asked["draw"],), (key,)))
            self.waits.discard(key)

    def reject(self, key: str, fault: Fault) -> None:
        """Give an answer up."""
        self.waits.discard(key)
        self.asking.reject(self.teacher, [key], fault)
        self.asking.in_hand.discard(key)
