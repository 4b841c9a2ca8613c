"""What a step is given beside its table and its config."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from builder.spread import here

if TYPE_CHECKING:
    from builder.ledger import Ledger
    from builder.meter import Meter
    from builder.shards import Shards
    from builder.spread import Spread


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


def _no_budget() -> Meter:
    from builder.meter import Meter

    return Meter()


@dataclass
class Asked:
    """What a dry run would ask one teacher."""

    calls: int = 0
    draws: int = 0
    """Answers wanted; a call may bring several."""
    bytes: int = 0
    """Of the messages, as JSON."""
    most: int = 0
    """Tokens they may be answered with, at most."""


class DryRunEnds(Exception):
    """A step would have to ask, so what follows cannot be known."""


@dataclass
class Estimate:
    """What a dry run has counted."""

    asked: dict[str, Asked] = field(default_factory=dict)
    """By teacher's name."""
    replayed: int = 0


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
    offline: bool = False
    """Make no call: every answer must be in the ledger."""
    wait: bool = True
    """Wait for batches at the provider; else hand them over and stop."""
    meter: Meter = field(default_factory=_no_budget)
    """What is spent, and how much may be."""
    estimate: Estimate | None = None
    """A dry run: what would be asked is counted here, and the first step that would ask anything is the last."""
    meanwhile: Callable[[], object] = lambda: None
    """Run once in a thread while the first calls are in flight: what will be needed afterwards can be imported."""
    spread: Spread = here
    """Does a function on every shard, here or elsewhere."""
    build: str = ""
    """Name and version of what is built: my-data-0.1.0."""
    scratch: Path | None = None
    """Where what does not fit into memory is put for a while; null is the system's folder for that."""
    afterwards: list[Callable[[Shards], object]] = field(default_factory=list)
    """What steps want done with the rows that are emitted, when all else is written."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the build's summary: what a number alone would not tell."""
    spend: Counter[str] = field(default_factory=Counter)
    """calls (answered now), replayed (from the ledger), failed, to_ask_again; tokens and money are the meter's."""
