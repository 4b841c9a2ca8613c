"""A build, from recipe to folder: run the steps, write what is left, describe it, and only then call it finished.

Everything is written into a hidden folder beside the target and renamed into place at the end, so a dataset folder
is either whole or not there (`builder.versions`).
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import money, outputs, schema, versions
from builder.context import Context, Progress, silent
from builder.errors import BuilderError, InputError, Problem, TableLawError
from builder.ledger import Ledger
from builder.pages import card, report
from builder.recipe import Recipe, RecipeStep, load
from builder.run import Result, run
from builder.spread import Spread, here
from builder.steps import STEPS

if TYPE_CHECKING:
    from filelock import FileLock

_SPEND = ("calls", "replayed", "failed", "to_ask_again")
_PACKAGES = ("datasets", "datasketch", "distilabel", "langdetect", "polars", "pyarrow", "pydantic")


@dataclass(frozen=True)
class Built:
    """A finished dataset."""

    folder: Path
    manifest: dict[str, Any]
    fresh: bool
    """False where the same build was already there and nothing was done."""


def load_recipe(source: str, teacher: str | None = None) -> Recipe:
    """Load a recipe and refuse everything wrong with it at once; spends nothing.

    Args:
        source: a path or a shipped recipe's name.
        teacher: replaces the teacher of every `generate` step.
    """
    configs = {name: step.config for name, step in STEPS.items()}
    recipe = load(source, configs, teacher=teacher, check=_faults)
    if problems := [*_columns(recipe), *money.problems(recipe)]:
        raise InputError(problems)
    return recipe


def _faults(step: RecipeStep, base: Path) -> list[str]:
    try:
        STEPS[step.name].check(step.config, base)
    except InputError as error:
        return [str(problem) for problem in error.problems]
    return []


def _columns(recipe: Recipe) -> list[Problem]:
    """Say which step stands before the one that makes what it needs."""
    have: set[str] = set()
    problems = []
    for step in recipe.steps:
        needs = {*STEPS[step.name].needs, *step.config.reads()} - have
        if not recipe.asks:
            needs.discard("response")  # seeds may bring responses; whether they do is known once they are read
        for column in sorted(needs):
            maker = next((name for name, other in STEPS.items() if column in other.makes), None)
            what = f"`{step.name}` needs {column!r}, which no step before it makes"
            fix = "no step makes such a column" if maker is None else f"put `{maker}` before it"
            problems.append(Problem(recipe.file, step.line, what, fix))
        have |= set(STEPS[step.name].makes)
    return problems


def build(
    recipe: Recipe,
    out: Path,
    *,
    ledger: Path | None = None,
    limit: int | None = None,
    offline: bool = False,
    wait: bool = True,
    progress: Progress = silent,
    spread: Spread = here,
) -> Built:
    """Build a dataset into out/<name>/<version>/.

    Args:
        recipe: from `load_recipe`.
        out: folder of all datasets.
        ledger: the ledger's file; out/ledger.db by default.
        limit: at most this many seeds; the result is a preview.
        offline: make no call; every answer must be in the ledger, which is only read.
        wait: for batches at the provider; else hand them over and stop.
        progress: how to show progress.
        spread: where the work on shards is done (`builder.spread`).

    Raises:
        InputError: the version is there with other content, or the seeds are wrong.
        BuilderError: the build stopped; run it again to go on.
    """
    from filelock import FileLock, Timeout

    target = out / recipe.name / recipe.version
    identity = _identity(recipe, limit)
    if (there := versions.finished(target, identity)) is not None:
        return Built(target, there, fresh=False)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot be the folder of datasets: {error.strerror}"
        raise InputError([Problem(str(out), 0, what, "give another --out")]) from None
    try:
        with (
            FileLock(target.parent / f".{recipe.version}.lock", timeout=0),
            Ledger(ledger or out / "ledger.db", readonly=offline, build=money.build_name(recipe)) as held,
            _alone_on(held.path, recipe) if recipe.budget and not offline else nullcontext(),
        ):
            if (there := versions.finished(target, identity)) is not None:  # by another process, meanwhile
                return Built(target, there, fresh=False)
            context = Context(recipe.seed, recipe.base, held, limit, progress, recipe.asks, offline, wait)
            context.meter = money.meter(recipe, held)
            context.meanwhile = _prepare
            context.spread = spread
            context.build = f"{recipe.name}-{recipe.version}"
            with _scratch(target) as context.scratch:
                manifest = _build(recipe, context, identity, target)
    except Timeout:
        raise BuilderError(f"another build of {recipe.name} {recipe.version} is running") from None
    except OSError as error:  # a full disk, a folder taken away
        raise BuilderError(f"the build stopped: {error}. Fix that and run the same command to go on") from None
    return Built(target, manifest, fresh=True)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """Make the folder for what does not fit into memory; what a build that was killed left in it goes as well."""
    folder = target.with_name(f".{target.name}.scratch")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _alone_on(ledger: Path, recipe: Recipe) -> FileLock:
    """Return the lock that keeps two runs of one version, into two folders, from spending its budget twice."""
    from filelock import FileLock

    return FileLock(ledger.with_name(f".{ledger.name}.{recipe.name}-{recipe.version}.lock"), timeout=0)


def _prepare() -> None:
    """Import what writing a dataset needs: half a second that costs nothing while a teacher thinks."""
    import_module("pyarrow.parquet")
    schema.faults("sft", {})
    card.template()
    report.template()


def _build(recipe: Recipe, context: Context, identity: dict[str, Any], target: Path) -> dict[str, Any]:
    started, clock = datetime.now(UTC), time.perf_counter()
    result = run(recipe, context)
    work = target.with_name(f".{recipe.version}.building")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    counts = outputs.write(result.table, result.rejects, work)
    if not result.table.height:
        raise _nothing_left(recipe, result, work)
    if not any(step.name == "pair" for step in recipe.steps):
        context.notes.append("no pairs: the recipe has no `pair` step")
    if sum(line.added - line.expanded for line in result.funnel) != counts["rows"]["made"]:
        raise TableLawError(f"{counts['rows']} do not add up to what the funnel made: {result.funnel}")
    manifest = {
        "schema": "manifest/v1",
        "name": recipe.name,
        "version": recipe.version,
        "preview": context.limit is not None,
        **identity,
        "recipe_hash": recipe.hash(),
        "recipe_text": recipe.text,
        "schemas": [schema.latest(kind) for kind in schema.KINDS],
        "packages": {name: installed(name) for name in _PACKAGES} | {"python": platform.python_version()},
        "teachers": _teachers(result),
        "funnel": [line.as_dict() for line in result.funnel],
        **counts,
        "spend": _spend(context),
        "notes": context.notes,
        "ledger": os.path.relpath(context.ledger.path, target),
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 2),
        "files": outputs.file_hashes(work),
    }
    _write_manifest(work, manifest)
    (work / "README.md").write_text(card.render(manifest, work), encoding="utf-8")
    report.write(work)
    manifest["files"] = {name: hash for name, hash in outputs.file_hashes(work).items() if name != "manifest.json"}
    _write_manifest(work, manifest)
    for act in context.afterwards:
        act(result.table)
    versions.put(work, target)
    return manifest


def _teachers(result: Result) -> list[str]:
    found = (shard["teacher"].drop_nulls().unique() for shard in result.table.frames(["teacher"]) if "teacher" in shard)
    return sorted({name for names in found for name in names})


def _spend(context: Context) -> dict[str, Any]:
    """Say what this run spent, and all runs of this version; of money nothing where a price is not known."""
    meter = context.meter
    usd = None if meter.unpriced else round(meter.run_usd, 6)
    counts = {name: context.spend[name] for name in _SPEND}
    tokens = {"input_tokens": meter.run_input, "output_tokens": meter.run_output}
    all_runs = {"requests": meter.calls, "tokens": meter.tokens, "usd": None if usd is None else round(meter.usd, 6)}
    here = {"requests": meter.run_calls, "uncounted": meter.uncounted, "usd": usd}
    return counts | tokens | here | {"all_runs": all_runs}


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _nothing_left(recipe: Recipe, result: Result, work: Path) -> BuilderError:
    """Say where every row went; wrong input where no row ever had a response, else a build that failed."""
    lines = [f"{line.step}: {n} {reason}" for line in result.funnel for reason, n in line.reasons.items()]
    example = result.rejects.whole(["dropped"])["dropped"].mode().sort()[0]
    what = f"no row was left to emit; {'; '.join(lines)}; most often: {example}. All are in {work / 'rejects.parquet'}"
    reasons = {reason for line in result.funnel for reason in line.reasons}
    if "refused" in reasons:
        what += " (the embedded teacher answers only what it can compute: name another, e.g. --teacher openai:MODEL)"
    asked = any(step.name == "generate" for step in recipe.steps)
    return BuilderError(what) if asked else InputError([Problem(recipe.file, 0, what)])


def _identity(recipe: Recipe, limit: int | None) -> dict[str, Any]:
    """Return everything that decides what the dataset holds."""
    inputs: dict[str, str] = {}
    for step in recipe.steps:
        inputs |= STEPS[step.name].check(step.config, recipe.base)
    version = installed("instruct-builder")
    return {"recipe": recipe.identity(), "inputs": inputs, "limit": limit, "builder_version": version}
