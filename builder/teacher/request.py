"""What is asked: one prompt, for one or several draws, and the ledger's key of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from builder.ledger.store import key_of
from builder.rows import Message, canonical_json
from builder.teacher import Teacher

LOOK_AHEAD = 512
"""Requests whose keys are looked up in the ledger together."""


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


def groups(requests: Iterable[Request]) -> Iterator[list[Request]]:
    """Read requests a few at a time, as they are needed."""
    stream = iter(requests)
    while group := list(islice(stream, LOOK_AHEAD)):
        yield group
