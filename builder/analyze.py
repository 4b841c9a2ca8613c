"""What rules would cost, before any is applied: every measure of a file or a dataset, and every rule held against it.

    analyze(Path("seeds.jsonl"))  ->  Analysis(rows=5000, numbers=[Spread("repetition", 3120, …)],
                                      costs=[Cost("max_repetition", bound=0.5, drops=12, stricter={0.4: 31}, …)])

Rows are read and measured some thousands at a time, and their texts are let go; no row is dropped, nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from builder import recipe as recipes
from builder.config import QualityConfig, SeedConfig
from builder.context import Context
from builder.errors import InputError, Problem
from builder.measures import ABOUT, measure
from builder.pages import dataset
from builder.shards import Shards
from builder.steps import STEPS
from builder.steps.quality import RULES, Rule, broken, reason
from builder.steps.seed import seed

if TYPE_CHECKING:
    import polars as pl

    from builder.ledger import Ledger

QUANTILES = {"min": 0.0, "p1": 0.01, "p5": 0.05, "median": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
BINS = 10
"""Of a histogram, from p1 to p99; what lies beyond counts at its end. Counts are cut on a scale of logarithms."""
EXAMPLES = 3
_TOGETHER = 20_000


@dataclass(frozen=True)
class Example:
    """A row that a rule would drop."""

    source: str
    """Where it stands: seeds.jsonl:12."""
    value: Any
    prompt: str
    response: str | None
    """The texts, cut after some hundred characters."""


@dataclass(frozen=True)
class Spread:
    """How a measure that is a number is spread."""

    name: str
    about: str
    count: int
    """Rows it was taken of."""
    quantiles: dict[str, float]
    histogram: list[int]
    """Rows in each of BINS bins."""


@dataclass(frozen=True)
class Flag:
    """How often a flag is up, or a kind of personal data found."""

    name: str
    about: str
    count: int
    """Rows it was taken of."""
    up: int


@dataclass(frozen=True)
class Cost:
    """What a rule would drop."""

    setting: str
    measure: str
    bound: Any
    """As the recipe or the default has it; None or "keep" where the rule is off."""
    own: dict[str, Any]
    """Bounds of tasks that have their own."""
    drops: int
    first: int
    """Of these, rows that no rule before it drops: what the funnel would count."""
    stricter: dict[float, int]
    """The next stricter bound, or three where the rule is off, and how many rows each would drop ..."""
    looser: dict[float, int]
    """... and the next looser one; for tasks that have their own bound, that holds."""
    if_on: int
    """Rows that a flag would drop if it did."""
    examples: list[Example]


@dataclass(frozen=True)
class Analysis:
    """All that was found."""

    data: str
    rules_of: str
    """Whose rules these are."""
    rows: int
    unreadable: int
    responses: int
    dropped: int
    """Rows that any rule would drop."""
    numbers: list[Spread]
    flags: list[Flag]
    costs: list[Cost]
    tasks: dict[str, tuple[int, int]]
    """Rows of each task, and how many of them would be dropped."""
    notes: list[str] = field(default_factory=list)


def analyze(data: Path, recipe: str | None = None) -> Analysis:
    """Measure every row of a file, a folder or a built dataset and count what each rule would drop.

    Args:
        data: what a `seed` step can read, or a dataset that `builder build` left.
        recipe: a recipe whose `quality` step has the rules; the defaults without one.

    Raises:
        InputError: it cannot be read, no row of it can, or the recipe is wrong or has no `quality` step.
    """
    import polars as pl

    if not data.exists():
        raise InputError([Problem(str(data), 0, "no such file or folder")])
    config, fields, rules_of = _rules(recipe)
    parts: list[pl.DataFrame] = []
    examples: dict[str, pl.DataFrame] = {}
    unreadable = 0
    for table in _tables(data, fields):
        bad = table["dropped"].is_not_null()
        unreadable += int(bad.sum())
        measured = measure(table.filter(~bad), personal=config.pii != "keep")
        _pick(examples, measured, config)
        parts.append(measured.select("task", *ABOUT, has_response=pl.col("response").is_not_null()))
    whole = pl.concat(parts)
    fired = whole.select(pl.coalesce(_reasons(config))).to_series()
    notes = ["toxicity is scored by a build only"] if config.toxicity is not None else []
    return Analysis(
        data=str(data),
        rules_of=rules_of,
        rows=whole.height,
        unreadable=unreadable,
        responses=int(whole["has_response"].sum()),
        dropped=fired.count(),
        numbers=[_spread(whole[name]) for name in ABOUT if whole[name].dtype.is_numeric()],
        flags=list(_flags(whole)),
        costs=[_cost(rule, whole, fired, config, examples) for rule in RULES],
        tasks=_tasks(whole, fired),
        notes=notes,
    )


def _rules(source: str | None) -> tuple[QualityConfig, dict[str, str], str]:
    """Return the rules of a recipe, how it maps fields, and where that stands."""
    if source is None:
        return QualityConfig(), {}, "the defaults"
    recipe = recipes.load(source, {name: step.config for name, step in STEPS.items()})
    found = [step for step in recipe.steps if isinstance(step.config, QualityConfig)]
    if not found:
        raise InputError([Problem(recipe.file, 0, "has no `quality` step", "add `- quality: {}` to its steps")])
    seeds = [step.config.fields for step in recipe.steps if isinstance(step.config, SeedConfig)]
    last = found[-1]
    assert isinstance(last.config, QualityConfig)
    return last.config, dict(seeds[0]), f"{recipe.file}:{last.line}"


def _tables(data: Path, fields: dict[str, str]) -> Iterator[pl.DataFrame]:
    """Yield tables of at most some thousand rows; only the columns of builder.rows count."""
    if (data / "manifest.json").is_file():
        yield from _built(data)
        return
    config = SeedConfig(path=str(data), fields=fields)
    yield from seed(Shards(), config, Context(seed=0, base=Path(), ledger=cast("Ledger", None)))  # it asks nobody


def _built(folder: Path) -> Iterator[pl.DataFrame]:
    import polars as pl

    dataset.manifest(folder)
    rows = dataset.scan(folder, "sft")
    if rows is None:
        raise InputError(
            [Problem(str(folder), 0, "has no SFT rows, only pairs", "analyze the seeds it was built from")]
        )
    tasks = (
        dataset.scan_file(folder, "provenance").filter(pl.col("kind") == "sft").select("id", "task", "lang").collect()
    )
    turns = pl.col("messages")
    for at in range(0, rows.select(pl.len()).collect().item(), _TOGETHER):
        some = rows.slice(at, _TOGETHER).collect().join(tasks, on="id", how="left", maintain_order="left")
        yield some.select(
            "id",
            "task",
            "lang",
            prompt=turns.list.head(turns.list.len() - 1),
            response=turns.list.last().struct.field("content"),
            source=pl.col("id").str.slice(0, 15),
            dropped=pl.lit(None, pl.String),
        )


def _reasons(config: QualityConfig) -> list[pl.Expr]:
    import polars as pl

    said: list[pl.Expr] = [pl.when(broken(rule, config)).then(reason(rule, config)) for rule in RULES]
    if config.pii == "drop":
        said.append(pl.when(pl.col("pii").list.len() > 0).then(pl.lit("pii")))
    return said


def _pick(examples: dict[str, pl.DataFrame], measured: pl.DataFrame, config: QualityConfig) -> None:
    """Keep the rows with the smallest ids of those that a rule drops: ids are hashes, so it is a fair draw."""
    import polars as pl

    shown = [
        pl.col("prompt").list.last().struct.field("content").str.slice(0, 300).alias("prompt"),
        pl.when(pl.col("response").str.len_chars() > 400)
        .then(pl.format("{} … {}", pl.col("response").str.slice(0, 200), pl.col("response").str.slice(-200)))
        .otherwise("response")
        .alias("response"),
    ]
    for rule in RULES:
        hits = measured.filter(broken(rule, config)).select("id", "source", *shown, value=rule.measure)
        both = [examples[rule.setting], hits] if rule.setting in examples else [hits]
        examples[rule.setting] = pl.concat(both).sort("id").head(EXAMPLES)


def _spread(values: pl.Series) -> Spread:
    import polars as pl

    taken = values.drop_nulls()
    if not len(taken):
        return Spread(values.name, ABOUT[values.name], 0, {}, [])
    at = {name: float(taken.quantile(share, "nearest") or 0) for name, share in QUANTILES.items()}
    scaled = taken.cast(pl.Float64).log1p() if taken.dtype.is_integer() else taken
    low, high = (float(scaled.quantile(share, "nearest") or 0) for share in (0.01, 0.99))
    step = (high - low) / BINS or 1.0
    number = ((scaled - low) / step).floor().clip(0, BINS - 1).cast(pl.Int64)
    counts = dict(number.value_counts().iter_rows())
    return Spread(values.name, ABOUT[values.name], len(taken), at, [counts.get(place, 0) for place in range(BINS)])


def _flags(whole: pl.DataFrame) -> Iterator[Flag]:
    import polars as pl

    for name, about in ABOUT.items():
        if whole[name].dtype == pl.Boolean:
            yield Flag(name, about, whole[name].count(), int(whole[name].sum()))
    found = whole["pii"].drop_nulls()
    for kind in found.explode().drop_nulls().unique().sort():
        yield Flag(f"pii: {kind}", f"holds personal data: {kind}", len(found), int(found.list.contains(kind).sum()))


def _cost(
    rule: Rule, whole: pl.DataFrame, fired: pl.Series, config: QualityConfig, examples: dict[str, pl.DataFrame]
) -> Cost:
    import polars as pl

    bound = getattr(config, rule.setting)
    tasks = {name: getattr(config.of(name), rule.setting) for name in config.tasks}
    stricter, looser = _nearby(rule, bound)
    flag = rule.sign == "is"
    told = whole.select(
        drops=broken(rule, config).sum(),
        if_on=pl.col(rule.measure).sum() if flag else pl.lit(0),
        **{str(at): broken(rule, config, at).sum() for at in stricter + looser},
    ).row(0, named=True)
    return Cost(
        rule.setting,
        rule.measure,
        bound,
        {name: value for name, value in tasks.items() if value != bound},
        int(told["drops"] or 0),
        int((fired.str.extract("^([^:]*)", 1) == rule.measure).sum()),
        {at: int(told[str(at)] or 0) for at in stricter},
        {at: int(told[str(at)] or 0) for at in looser},
        int(told["if_on"] or 0),
        [Example(*row) for row in examples[rule.setting].select("source", "value", "prompt", "response").iter_rows()],
    )


def _nearby(rule: Rule, bound: float | None) -> tuple[list[float], list[float]]:
    """Return the next stricter and the next looser bound of the ladder; the middle of it where the rule is off."""
    ladder = list(rule.ladder)
    if bound is None or not ladder:
        middle = len(ladder) // 2
        return ladder[max(0, middle - 1) : middle + 2], []
    tighter = [at for at in ladder if (at > bound if rule.sign == "<" else at < bound)]
    looser = [at for at in ladder if (at < bound if rule.sign == "<" else at > bound)]
    return tighter[-1:], looser[:1]


def _tasks(whole: pl.DataFrame, fired: pl.Series) -> dict[str, tuple[int, int]]:
    import polars as pl

    counts = whole.select("task", gone=fired.is_not_null()).group_by("task").agg(pl.len(), pl.col("gone").sum())
    ordered = counts.sort(["len", "task"], descending=[True, False])
    return {task or "(none)": (rows, gone) for task, rows, gone in ordered.iter_rows()}
