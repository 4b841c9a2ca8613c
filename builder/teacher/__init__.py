"""The teacher: who is asked, and what can go wrong while asking.

    teacher.open()            import the client, find the key, see that the server answers; nothing is spent
    teacher.ask(messages)     one call, one answer, or a Fault
    gate.ask_all(...)         many calls, so many in flight, each through the ledger

`make` turns a recipe's teacher into one of these. Only `distilabel_llms` and `embedded_llm` know distilabel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from builder.config import TeacherConfig
from builder.ledger import Answer
from builder.providers import EMBEDDED
from builder.rows import Message


class Fault(Exception):
    """One call failed.

    Attributes:
        kind: a word to count by: timeout, connection, http 429, empty, malformed …
        retry: another attempt may cure it.
        fatal: every further call would fail the same way (key refused, model unknown).
        wait: seconds the server asked us to wait, if it did.
    """

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed another day: the server's trouble, not the prompt's or the answer's."""
        return self.fatal or self.kind in ("timeout", "connection") or (self.retry and self.kind.startswith("http "))

    def __init__(self, kind: str, detail: str, *, retry: bool = False, fatal: bool = False, wait: float = 0.0) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.detail, self.retry, self.fatal, self.wait = kind, detail, retry, fatal, wait


class Teacher(Protocol):
    """Anything that answers one prompt at a time."""

    name: str
    """For people and for the `teacher` column: `embedded`, `openai:gpt-4o`, `some-model @ http://…`."""
    model: str
    config: TeacherConfig

    def identity(self) -> dict[str, Any]:
        """Return what, beside the messages, decides an answer; it is part of every ledger key."""
        ...

    async def open(self) -> None:
        """Get ready to be asked.

        Raises:
            InputError: a key or a package is missing, or an argument is not taken by this provider.
            TeacherError: the server does not answer or refuses the key.
        """
        ...

    async def ask(self, messages: Sequence[Message]) -> Answer:
        """Answer one prompt.

        Raises:
            Fault: the call failed.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def make(config: TeacherConfig) -> Teacher:
    """Return the teacher a recipe names. Imports nothing heavy before `open`."""
    if config.provider == EMBEDDED:
        from builder.teacher.embedded import EmbeddedTeacher

        return EmbeddedTeacher(config)
    from builder.teacher.distilabel_llms import DistilabelTeacher

    return DistilabelTeacher(config)
