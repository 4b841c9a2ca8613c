"""Money: what a recipe's teachers cost, the meter of a build, and what `--dry-run` foretells.

A price is the teacher's own (`price:`), or the recipe's table (`prices: FILE`), or the shipped, dated one; a server
named by its url has only the first. A price that is not known is said to be unknown, never guessed.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from builder.config import BudgetConfig, TeacherConfig
from builder.context import Asked, Context, DryRunEnds, Estimate
from builder.errors import InputError, Problem
from builder.ledger import Ledger
from builder.ledger.history import Rates, rates, spent
from builder.meter import Meter
from builder.prices import Price, find, load
from builder.providers import EMBEDDED
from builder.recipe import Recipe
from builder.run import Funnel, run
from builder.teacher import make

_BYTES_PER_TOKEN = 4.0
"""Of English in the tokenizers of today; only where the ledger does not know the model."""


def teachers(recipe: Recipe) -> dict[str, tuple[TeacherConfig, int]]:
    """Return every teacher a recipe asks, by name, with the line of the step that first asks it."""
    found: dict[str, tuple[TeacherConfig, int]] = {}
    for step in recipe.steps:
        for config in getattr(step.config, "teacher", []):
            found.setdefault(make(config).name, (config, step.line))
    return found


def prices(recipe: Recipe) -> dict[str, Price]:
    """Return the known prices of a recipe's teachers, by name.

    Raises:
        InputError: the recipe's own table cannot be read.
    """
    named = [config for config, _ in teachers(recipe).values() if not (config.url or config.price)]
    # reading the shipped table takes a tenth of a second, and most recipes have no use for it
    wanted = recipe.prices is not None or any(config.provider != EMBEDDED for config in named)
    table = load(None if recipe.prices is None else recipe.base / Path(recipe.prices).expanduser()) if wanted else {}
    known: dict[str, Price] = {}
    for name, (config, _) in teachers(recipe).items():
        if config.provider == EMBEDDED:
            price: Price | None = Price(0, 0, 0, 0, 0, "computed here")
        elif config.price is not None:
            own = config.price
            price = Price(own.input, own.output, own.cached_input, None, None, "the recipe")
        else:
            price = None if config.url else find(config.provider or "openai", config.model or "", table)
        if price is not None:
            known[name] = price
    return known


def problems(recipe: Recipe) -> list[Problem]:
    """Say which teachers have no known price where the budget is one of money."""
    try:
        known = prices(recipe)
    except InputError as error:
        return error.problems
    twice = [
        Problem(recipe.file, step.line, f"{name} has two prices in this recipe", "give it the same one everywhere")
        for step in recipe.steps
        for config in getattr(step.config, "teacher", [])
        if config.price != teachers(recipe)[name := make(config).name][0].price
    ]
    if recipe.budget is None or recipe.budget.usd is None:
        return twice
    fix = "give the teacher a price: {input: …, output: …} in US dollars per million tokens"
    return twice + [
        Problem(recipe.file, line, f"budget.usd: no price is known for {name}", fix)
        for name, (_, line) in teachers(recipe).items()
        if name not in known
    ]


def meter(recipe: Recipe, ledger: Ledger) -> Meter:
    """Return the meter of a build, with what its earlier runs have spent."""
    most = {name: config.max_tokens for name, (config, _) in teachers(recipe).items()}
    made = Meter(recipe.budget or BudgetConfig(), prices(recipe), most=most)
    made.recall(spent(ledger, build_name(recipe)))
    return made


def build_name(recipe: Recipe) -> str:
    """Return the name under which the ledger counts what a build spends."""
    return f"{recipe.name} {recipe.version}"


class Line(NamedTuple):
    """What one teacher would be asked."""

    teacher: str
    calls: int
    draws: int
    input_tokens: int
    input_how: str
    output_tokens: int | None
    output_how: str
    usd: float | None
    usd_how: str


@dataclass
class Forecast:
    """What a build would ask next, and what that would come to."""

    seeds: int
    replayed: int
    lines: list[Line] = field(default_factory=list)
    step: str = ""
    """The step that would ask; empty where nothing would be asked."""
    unknown: list[str] = field(default_factory=list)
    """Steps after it that will ask, about answers nobody has yet."""
    spent_usd: float = 0.0
    """By earlier runs of this build."""
    spent_tokens: int = 0
    spent_calls: int = 0
    budget_usd: float | None = None


def forecast(recipe: Recipe, ledger: Path, *, limit: int | None = None) -> Forecast:
    """Run a recipe's steps until one would have to ask, and count what it would ask. Makes no call, writes nothing."""
    with Ledger(ledger, readonly=True) as held:
        estimate, funnel = Estimate(), list[Funnel]()
        asks = [step for step in recipe.steps if hasattr(step.config, "teacher")]
        context = Context(recipe.seed, recipe.base, held, limit, asks=recipe.asks, estimate=estimate)
        with suppress(DryRunEnds):
            run(recipe, context, funnel=funnel)
        at = len(funnel)
        already = meter(recipe, held)
        told = Forecast(
            funnel[0].added if funnel else 0,
            estimate.replayed,
            step=recipe.steps[at].name if estimate.asked else "",
            unknown=[step.name for step in recipe.steps[at + 1 :] if step in asks] if estimate.asked else [],
            spent_usd=already.usd,
            spent_tokens=already.tokens,
            spent_calls=already.calls,
            budget_usd=already.budget.usd,
        )
        configs = {name: config for name, (config, _) in teachers(recipe).items()}
        for name, asked in estimate.asked.items():
            told.lines.append(_line(name, configs[name], asked, rates(held, name), already.prices.get(name)))
        return told


def _line(name: str, config: TeacherConfig, asked: Asked, known: Rates | None, price: Price | None) -> Line:
    if known is not None:
        sent, how = round(asked.bytes * known.tokens_per_byte), f"as in {known.calls:,} calls in the ledger"
        said: int | None = round(asked.draws * known.output_tokens)
        said_how = how
    else:
        sent, how = round(asked.bytes / _BYTES_PER_TOKEN), f"at {_BYTES_PER_TOKEN:g} bytes a token"
        said, said_how = None, f"unknown: no history; at most {asked.most:,} tokens"
    usd, usd_how = None, "no price is known"
    if price is not None and said is not None:
        usd, usd_how = price.cost(sent, said, batch=config.batch), f"price: {price.source}"
    elif price is not None:
        most = price.cost(sent, asked.most, batch=config.batch)
        usd_how = f"at most about ${math.ceil(most * 1e4) / 1e4:,.4f}; price: {price.source}"
    if price is not None and config.batch and not price.knows_batch:
        usd_how += "; no batch price is known, so the standard one"
    return Line(name, asked.calls, asked.draws, sent, how, said, said_how, usd, usd_how)
