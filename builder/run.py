"""The run: a table walks through the list of steps. This page is the whole control flow.

After every step the laws of the table are checked, the rows it marked move to the rejects, and a line of the funnel
is written:  in + added - expanded - dropped = out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.context import Context
from builder.recipe import Recipe, RecipeStep
from builder.rows import check_laws, frame
from builder.steps import STEPS

if TYPE_CHECKING:
    import polars as pl


@dataclass
class Funnel:
    """What one step did, in rows."""

    step: str
    config: dict[str, Any]
    rows_in: int
    added: int
    expanded: int
    """Rows that grew children and were replaced by them."""
    dropped: int
    rows_out: int
    reasons: dict[str, int]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return it the way the manifest shows it."""
        line = {"in": self.rows_in, "added": self.added, "expanded": self.expanded}
        line |= {"dropped": self.dropped, "out": self.rows_out}
        seconds = round(self.seconds, 2)
        return {"step": self.step, "config": self.config, **line, "reasons": self.reasons, "seconds": seconds}


@dataclass
class Result:
    """Where every row went."""

    table: pl.DataFrame
    """The rows that are emitted."""
    rejects: pl.DataFrame
    """The rows that are not; `dropped` says why."""
    funnel: list[Funnel]


def run(recipe: Recipe, context: Context, funnel: list[Funnel] | None = None) -> Result:
    """Fold the table over the recipe's steps; `funnel` gets a line after each, also where a later one stops the run."""
    import polars as pl

    table = frame([])
    rejects: list[pl.DataFrame] = []
    funnel = [] if funnel is None else funnel
    for step in recipe.steps:
        before, started = table, time.perf_counter()
        after = STEPS[step.name].run(before, step.config, context)
        check_laws(before, after, step.name, grows=STEPS[step.name].grows)
        table, out = after.filter(pl.col("dropped").is_null()), after.filter(pl.col("dropped").is_not_null())
        rejects.append(out)
        funnel.append(_line(step, before, after, out, time.perf_counter() - started))
    return Result(table, pl.concat(rejects, how="diagonal"), funnel)


def _line(step: RecipeStep, before: pl.DataFrame, after: pl.DataFrame, out: pl.DataFrame, seconds: float) -> Funnel:
    import polars as pl

    expanded = before.join(after.select("id"), on="id", how="anti").height
    added = after.height - (before.height - expanded)
    # "dedup: near-duplicate: 0.83 of b2:…" counts as "near-duplicate"
    reason = pl.col("dropped").str.strip_prefix(f"{step.name}: ").str.extract(r"^([^:]*)", 1).str.strip_chars()
    counts = out.group_by(reason.alias("reason")).len().sort(["len", "reason"], descending=[True, False])
    reasons = dict(counts.iter_rows())
    config = step.config.model_dump(mode="json", exclude_defaults=True)
    rows_out = after.height - out.height
    return Funnel(step.name, config, before.height, added, expanded, out.height, rows_out, reasons, seconds)
