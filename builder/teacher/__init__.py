"""The teacher: who is asked, and what can go wrong while asking.

    teacher.open()            import the client, find the key, see that the server answers; nothing is spent
    teacher.ask(messages, n)  one call, up to n answers, or a Fault
    gate.ask(requests, …)     many calls at the pace of their servers, each through the ledger
    batch.feed(requests, …)   the same through a provider's batch API, by the file, collected hours later

`make` turns a recipe's teacher into one of these. OpenAI-compatible servers are asked by `openai_http`, everybody else
by distilabel's LLM classes in `distilabel_llms`; only it, `tasks` and `embedded_llm` know distilabel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from builder.config import TeacherConfig
from builder.ledger import Answer, Usage
from builder.ledger.batches import NOT_BILLED
from builder.providers import EMBEDDED, PROVIDERS
from builder.rows import Message


class Fault(Exception):
    """One call failed.

    Attributes:
        kind: a word to count by: timeout, connection, http 429, empty, malformed …
        retry: another attempt may cure it.
        fatal: every further call would fail the same way (key refused, model unknown).
        wait: seconds the server asked us to wait, if it did.
        usage: what the call used all the same: a server bills an empty answer too.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        retry: bool = False,
        fatal: bool = False,
        wait: float = 0.0,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.detail, self.retry, self.fatal = kind, detail, retry, fatal
        self.wait, self.usage = wait, usage

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed another day: the server's trouble, not the prompt's or the answer's."""
        servers = ("timeout", "connection", "malformed", "short", "expired", "cancelled", "missing")
        return self.fatal or self.kind in servers or (self.retry and self.kind.startswith("http "))

    @property
    def billed(self) -> bool:
        """Whether it may have been billed: not if the server refused it or never came to it."""
        return self.usage is not None or not (self.kind.startswith("http ") or self.kind in NOT_BILLED)

    @property
    def turned_away(self) -> bool:
        """Whether the server had no room for the call."""
        return self.kind in ("http 429", "http 503", "http 529")


class Reply(NamedTuple):
    """What one call brought."""

    answers: list[Answer]
    """At least one; fewer than draws were asked for means that the others must be asked again."""
    usage: Usage
    """Of the whole call."""


class Teacher(Protocol):
    """Anything that answers one prompt at a time."""

    name: str
    """For people and for the `teacher` column: `embedded`, `openai:gpt-4o`, `some-model @ http://…`."""
    model: str
    config: TeacherConfig

    @property
    def server(self) -> tuple[str, str, str]:
        """Return (provider, base URL, model): calls to the same one share a pace."""
        ...

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

    async def ask(self, messages: Sequence[Message], draws: Sequence[int]) -> Reply:
        """Answer one prompt, once for each draw, or fewer times: what is missing is asked for again.

        Args:
            messages: the conversation, ending on the user.
            draws: numbers of the draws; more than one only where the recipe says `n_per_call`.

        Raises:
            Fault: the call failed.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def make(config: TeacherConfig, json_schema: Mapping[str, Any] | None = None) -> Teacher:
    """Return the teacher a recipe names. Imports nothing heavy before `open`.

    Args:
        config: who is asked and how.
        json_schema: a JSON Schema that every answer must satisfy.

    Raises:
        InputError: this provider takes no JSON Schema.
    """
    if config.provider == EMBEDDED:
        from builder.teacher.embedded import EmbeddedTeacher

        return EmbeddedTeacher(config)
    if PROVIDERS[config.provider or "openai"].url is not None:
        from builder.teacher.openai_http import OpenAITeacher

        return OpenAITeacher(config, json_schema)
    from builder.teacher.distilabel_llms import DistilabelTeacher

    return DistilabelTeacher(config, json_schema)
