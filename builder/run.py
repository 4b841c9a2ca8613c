"""The run: a table walks through the list of steps. This page is the whole control flow.

The table is a sequence of shards (`builder.shards`), so a build of millions of rows holds some ten thousand of them
in memory. After every step the laws of the table are checked, the rows it marked move to the rejects, and a line of
the funnel is written:  in + added - expanded - dropped = out.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.context import Context, Progress
from builder.errors import TableLawError
from builder.recipe import Recipe
from builder.rows import check_laws, frame
from builder.seen import Seen
from builder.shards import Shards
from builder.spread import here
from builder.steps import STEPS, Step

if TYPE_CHECKING:
    import polars as pl

_EXAMPLES = 3


@dataclass
class Funnel:
    """What one step did, in rows."""

    step: str
    config: dict[str, Any]
    rows_in: int = 0
    added: int = 0
    expanded: int = 0
    """Rows that grew children and were replaced by them."""
    dropped: int = 0
    rows_out: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """Rows dropped by reason, the commonest first."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """The first three ids of each reason, in the order of the table."""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return it the way the manifest shows it."""
        line = {"in": self.rows_in, "added": self.added, "expanded": self.expanded}
        line |= {"dropped": self.dropped, "out": self.rows_out}
        told = {"reasons": self.reasons, "examples": self.examples, "seconds": round(self.seconds, 2)}
        return {"step": self.step, "config": self.config, **line, **told}

    def count(self, out: pl.DataFrame) -> None:
        """Count the rows that were dropped from a shard."""
        import polars as pl

        self.dropped += out.height
        # "dedup: near-duplicate: 0.83 of b2:…" counts as "near-duplicate"
        reason = pl.col("dropped").str.strip_prefix(f"{self.step}: ").str.extract(r"^([^:]*)", 1).str.strip_chars()
        groups = out.group_by(reason.alias("reason"), maintain_order=True).agg(pl.len(), pl.col("id").head(_EXAMPLES))
        counts = Counter(self.reasons)
        for name, count, ids in groups.iter_rows():
            counts[name] += count
            self.examples[name] = [*self.examples.get(name, []), *ids][:_EXAMPLES]
        self.reasons = dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
        self.examples = {name: self.examples[name] for name in self.reasons}


@dataclass
class Result:
    """Where every row went."""

    table: Shards
    """The rows that are emitted."""
    rejects: Shards
    """The rows that are not; `dropped` says why."""
    funnel: list[Funnel]


def run(recipe: Recipe, context: Context, funnel: list[Funnel] | None = None) -> Result:
    """Walk the table through the recipe's steps.

    Args:
        recipe: the steps.
        context: what they are given.
        funnel: gets a line after each step, also where a later one stops the run.
    """
    import polars as pl

    funnel = [] if funnel is None else funnel
    table, rejects = Shards.of([frame([])], context.scratch), Shards(context.scratch)
    for listed in recipe.steps:
        step, started = STEPS[listed.name], time.perf_counter()
        line = Funnel(listed.name, listed.config.model_dump(mode="json", exclude_defaults=True), table.height)
        after, seen, shape = Shards(context.scratch), Seen(), None
        for old, new in _walk(listed.name, step, table, listed.config, context):
            added, expanded = check_laws(old, new, listed.name, grows=step.grows)
            if (shape := shape or new.schema) != new.schema:
                raise _broken(listed.name, f"shards differ in their columns: {dict(shape)} and {dict(new.schema)}")
            if step.grows and seen.add(new["id"]).any():
                raise _broken(listed.name, "ids are not unique")
            out = new.filter(pl.col("dropped").is_not_null())
            line.count(out)
            line.added, line.expanded = line.added + added, line.expanded + expanded
            after.add(new.filter(pl.col("dropped").is_null()))
            rejects.add(out)
        table.discard()
        table = after
        line.rows_out, line.seconds = table.height, time.perf_counter() - started
        funnel.append(line)
    return Result(table, rejects, funnel)


def _walk(
    name: str, step: Step, table: Shards, config: Any, context: Context
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield parts of the table before and after a step: shard by shard, or all at once."""
    if step.over == "table":
        whole = table.whole()
        yield whole, step.run(whole, config, context)
        return
    if step.over == "rows" and context.spread is not here:
        first = next(iter(table))  # done here: what a step has to note is the same for all shards
        yield first, step.run(first, config, context)
        work = partial(_elsewhere, name, config, context.seed, context.base, context.asks)
        yield from zip(islice(table, 1, None), context.spread(work, islice(table, 1, None)), strict=True)
        return
    if step.over == "rows":
        for number, old in enumerate(table, 1):
            label = "" if len(table) == 1 else f" ({number} of {len(table)})"
            yield old, step.run(old, config, replace(context, progress=_labelled(context.progress, label)))
        return
    made = step.run(table, config, context)
    if not table.height:  # out of nothing comes any number
        empty = table.whole()
        yield from ((empty, new) for new in made)
        return
    for old in table:
        new = next(made, None)
        if new is None:
            raise _broken(name, "it gave fewer shards than it was given")
        yield old, new
    if next(made, None) is not None:
        raise _broken(name, "it gave more shards than it was given")


def _elsewhere(name: str, config: Any, seed: int, base: Path, asks: bool, shard: pl.DataFrame) -> pl.DataFrame:
    """Do a step over rows in another process: it has no ledger, and nobody to show or tell anything."""
    context = Context(seed, base, ledger=None, asks=asks)  # type: ignore[arg-type]
    after: pl.DataFrame = STEPS[name].run(shard, config, context)
    return after


def _labelled(progress: Progress, label: str) -> Progress:
    return lambda what, total: progress(what + label, total)


def _broken(step: str, law: str) -> TableLawError:
    return TableLawError(f"step {step!r} broke a law of the table: {law}")
