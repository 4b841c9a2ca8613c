"""seed: read the instructions a build grows from. Every line becomes a seed, or a reject that says why.

    seeds.jsonl:12   {"instruction": "Name three fruits.", "output": "Apples, pears, plums."}
 -> {"id": "b2:5d0c…", "prompt": [{"role": "user", "content": "Name three fruits."}],
     "response": "Apples, pears, plums.", "source": "seeds.jsonl:12", …}

An id is made of what the seed says, never of where it stands: moving a line changes no id.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.columnar import ids, prompt_ids, texts
from builder.config import SeedConfig, TasksConfig
from builder.context import Context
from builder.errors import InputError, Problem
from builder.rows import canonical_json, content_id, frame, prompt_id
from builder.seeds import Line, Seed, Source, Unreadable, check_fields, fingerprint, open_source, recognise
from builder.seen import Seen
from builder.shards import Shards
from builder.verify import problems as problems_of_checks

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]

_SHOWN = 50  # problems in one error
_TOGETHER = 10_000  # rows made into a table at once


def check(config: SeedConfig, base: Path) -> dict[str, str]:
    """Refuse a source that is not there or cannot be read, and what is wrong with the settings; return its hash."""
    check_fields(config.fields)
    if config.tasks is not None:
        _known(config.tasks)
    return fingerprint(config, base)


def seed(shards: Shards, config: SeedConfig, context: Context) -> Iterator[pl.DataFrame]:
    """Read the seeds, some thousand at a time; the table that comes in is empty.

    Raises:
        InputError: the source cannot be read, no line of it is a seed, a mapped field stands in no row, or
            some line is bad and `on_bad` is stop.
    """
    import polars as pl

    if config.tasks is not None:
        yield from _tables(itertools.islice(_generated(config.tasks, config.license, context.seed), context.limit))
        return
    check_fields(config.fields)
    source = open_source(config, context.base)
    reading = Reading(source, config, context.limit)
    for table in _tables(reading.rows()):
        if context.asks:
            # judged by no step, for it will not be emitted: the teacher is asked anew
            yield table.with_columns(pl.lit(None, pl.String).alias("response"), pl.col("response").alias("reference"))
        else:
            yield table
    reading.judge()
    if reading.bad:
        kept = f"{source.name}: {reading.bad.total()} of {reading.count} {source.unit} could not be read"
        context.notes.append(f"{kept}; they are in the rejects")
    if reading.rejected:
        brought = f"{source.name}: {reading.rejected} {source.unit} bring a `rejected` answer"
        context.notes.append(f"{brought}, which is not read: pairs are made of scored answers")
    if config.dataset is not None and config.revision is None:
        context.notes.append(f"{config.dataset} names no revision: the same build may find other rows there")


@dataclass
class Reading:
    """One walk over a source: hands out rows, and remembers what the verdict over the whole needs."""

    source: Source
    config: SeedConfig
    limit: int | None
    count: int = 0
    """Lines met that were not blank."""
    good: int = 0
    """Seeds handed out."""
    bad: Counter[str] = field(default_factory=Counter)
    """How many lines could not be read, by reason."""
    first: list[Problem] = field(default_factory=list)
    """The first of those lines, as many as one error shows."""
    first_of: dict[str, Problem] = field(default_factory=dict)
    """The first of them for each reason."""
    keys: list[str] = field(default_factory=list)
    """The first record's, for an error to show."""
    rejected: int = 0
    """Records that bring a `rejected` answer."""
    unmet: set[str] = field(default_factory=set)
    """Fields of the mapping that no record had yet."""

    def rows(self) -> Iterator[Row]:
        """Yield a row for every seed and for every bad line, until the limit."""
        self.unmet.update(self.config.fields.values())
        for line in self.source.lines:
            self.count += 1
            if isinstance(line.value, dict):
                self.keys = self.keys or list(line.value)
                self.unmet.difference_update(line.value)
                self.rejected += "rejected" in line.value
            try:
                seeds = self._seeds(line)
            except Unreadable as error:
                reason = _printable(str(error))[:300]
                problem = Problem(self.source.place, line.number, reason)
                self.bad[reason] += 1
                self.first_of.setdefault(reason, problem)
                self.first += [problem] if len(self.first) < _SHOWN else []
                yield _rejected(self.source.name, line, reason)
                continue
            for one in seeds[: None if self.limit is None else self.limit - self.good]:
                self.good += 1
                where = f"{self.source.name}:{line.number}" + (f"#{one.id}" if one.id else "")
                yield _row(one, where, self.config.license)
            if self.good == self.limit:
                return

    def judge(self) -> None:
        """Refuse what was read, if it must be.

        Raises:
            InputError: see `seed`.
        """
        place = self.source.place
        if not self.count:
            raise InputError([Problem(place, what=f"is empty: no {self.source.unit} in it")])
        if self.unmet and self.keys and self.good != self.limit:  # a rare field may come after the limit
            found = _printable(", ".join(self.keys[:20]))
            what = f"`fields` maps {', '.join(sorted(self.unmet))}, which no row has; found the keys {found}"
            raise InputError([Problem(place, what=what)])
        if not self.good:
            what = f"no seed in {self.count} {self.source.unit}"
            raise InputError([*([Problem(place, what=what)] if self.count > 1 else []), *self._alike()])
        if self.bad and self.config.on_bad == "stop":
            more = self.bad.total() - len(self.first)
            raise InputError([*self.first, *([Problem(what=f"and {more} more")] if more else [])])

    def _alike(self) -> list[Problem]:
        """Show every reason once, at the first line that has it."""
        shown = []
        for problem in sorted(self.first_of.values(), key=lambda problem: problem.line)[:_SHOWN]:
            others = self.bad[problem.what] - 1
            fix = f"and {others} more like it" if others else ""
            shown.append(Problem(problem.file, problem.line, problem.what, fix))
        more = len(self.first_of) - len(shown)
        return [*shown, *([Problem(what=f"and {more} more")] if more else [])]

    def _seeds(self, line: Line) -> list[Seed]:
        if line.problem:
            raise Unreadable(line.problem)
        seeds = recognise(line.value, self.config.fields)
        if not (checks := seeds[0].checks):
            return seeds
        try:
            faults = problems_of_checks(checks)
            canonical_json(checks).encode()
        except (TypeError, ValueError, RecursionError):
            faults = ["they hold what JSON cannot: NaN, a lone surrogate, a date or too deep a nesting"]
        if faults:
            raise Unreadable(f"bad checks: {'; '.join(faults)}")
        return seeds


def _tables(rows: Iterable[Row]) -> Iterator[pl.DataFrame]:
    """Make tables of some rows at a time, so that the dicts of all of them never stand in memory together."""
    seen = Seen()
    repeats: Counter[str] = Counter()
    rows = iter(rows)
    while some := list(itertools.islice(rows, _TOGETHER)):
        yield _identified(frame(some), seen, repeats)


def _identified(table: pl.DataFrame, seen: Seen, repeats: Counter[str]) -> pl.DataFrame:
    """Give the seeds among the rows their ids; the n-th repetition of a seed has n in its id."""
    import polars as pl

    new = table["id"].is_null()
    seeds = table.filter(new)
    said = [pl.lit(texts(seeds["prompt"])), pl.lit(texts(seeds["response"])).fill_null("null")]
    parts = pl.concat_str(pl.lit('["seed"'), *said, separator=",")
    own = ids(seeds.select(pl.concat_str(parts, pl.lit(",0]"))).to_series())
    at, again = seen.add(own).nonzero()[0].tolist(), []
    for id, text in zip(own.gather(at), seeds.select(parts).to_series().gather(at), strict=True):
        repeats[id] += 1
        again.append(f"{text},{repeats[id]}]")
    own = own.scatter(at, ids(pl.Series(again, dtype=pl.String)))
    made = pl.DataFrame({"id": own, "seed_id": own, "prompt_id": prompt_ids(seeds["prompt"])})
    number = new.arg_true()
    return table.with_columns(table[name].scatter(number, made[name]) for name in made.columns)


def _row(one: Seed, source: str, license: str | None) -> Row:
    """Return a seed's row, without its ids."""
    return {
        "prompt": one.prompt,
        "response": one.response,
        "source": source,
        "license": one.license or license,
        "task": one.task,
        # the order of keys can mean something to a check: the columns of a table
        "checks": json.dumps(one.checks, ensure_ascii=False) if one.checks else None,
    }


def _rejected(name: str, line: Line, reason: str) -> Row:
    text = line.text or _as_text(line.value)
    own = content_id("bad", name, line.number, text)
    evidence = {"file": name, "line": line.number, "text": _printable(text[:10_000])}
    return {
        "id": own,
        "seed_id": own,
        "prompt_id": prompt_id([]),
        "prompt": [],
        "source": f"{name}:{line.number}",
        "dropped": f"seed: {reason}",
        "evidence": canonical_json(evidence),
    }


def _known(tasks: TasksConfig) -> None:
    from builder.embedded.families import FAMILIES

    unknown = [name for name in tasks.families or [] if name not in FAMILIES]
    if unknown:
        what = f"tasks.families: no such family: {', '.join(unknown)}"
        raise InputError([Problem(what=what, fix=f"known: {', '.join(FAMILIES)}")])


def _generated(tasks: TasksConfig, license: str | None, seed: int) -> Iterator[Row]:
    from builder import embedded

    try:
        for number, task in enumerate(embedded.tasks(tasks.count, seed, tasks.families), 1):
            one = Seed(task.messages, license=license or "CC0-1.0", task=task.family, checks=task.checks)
            yield _row(one, f"tasks:{number}", None)
    except ValueError as error:
        raise InputError(f"seed: tasks: {error}") from error


def _as_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "(nested too deep to show)"


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
