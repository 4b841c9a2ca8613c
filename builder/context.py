"""What a step is given beside its table and its config."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from builder.ledger import Ledger


class Advance(Protocol):
    """Call it with the number of units just finished, and what to say beside the count (what was spent)."""

    def __call__(self, done: int, note: str = "") -> None:
        """Show it."""
        ...


Progress = Callable[[str, int], AbstractContextManager[Advance]]
"""`with progress("asking the teacher", 2000) as advance: ... advance(1)`."""


def silent(label: str, total: int) -> AbstractContextManager[Advance]:
    """Show no progress."""
    return nullcontext(lambda done, note="": None)


@dataclass
class Context:
    """The world of a step: nothing here changes what it computes but `seed`, `limit` and the ledger's answers."""

    seed: int
    """Of every random choice."""
    base: Path
    """The recipe's folder: relative paths in the recipe start here."""
    ledger: Ledger
    limit: int | None = None
    """At most this many seeds."""
    progress: Progress = silent
    asks: bool = False
    """A later step asks a teacher for every prompt: the seeds' own responses are references, not answers."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the build's summary: what a number alone would not tell."""
    spend: Counter[str] = field(default_factory=Counter)
    """calls (answered now), replayed (from the ledger), failed, input_tokens, output_tokens."""
