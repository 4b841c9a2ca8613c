"""What the command line says at the end of a build: the funnel, what is on disk, two rows to look at, what next."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from builder.pages import show
from builder.pages.claims import claims
from builder.providers import EMBEDDED

if TYPE_CHECKING:
    from rich.console import Console

    from builder.money import Forecast

Manifest = dict[str, Any]


def built(folder: Path, manifest: Manifest, fresh: bool, console: Console) -> None:
    """Print the whole summary; where nothing was built, one line."""
    if not fresh:
        console.print(f"nothing to do: {folder} is already built from this recipe and these seeds", markup=False)
        return
    console.print(
        f"[bold]{manifest['name']} {manifest['version']}[/bold]" + (" (a preview)" if manifest["preview"] else "")
    )
    _funnel(manifest, console)
    rows = manifest["rows"]
    console.print(
        f"{rows['made']} rows made = {rows['sft']} SFT + {rows['preference_only']} only as a side of a pair"
        f" + {rows['rejected']} rejected; {manifest['pairs']} preference pairs"
    )
    spend = manifest["spend"]
    if spend["calls"] or spend["replayed"] or spend["failed"]:
        tokens = f", {spend['input_tokens']:,} + {spend['output_tokens']:,} tokens" if spend["output_tokens"] else ""
        usd = f", ${spend['usd']:,.4f}" if spend["usd"] else ""
        said = f"{spend['calls']:,} answers came, {spend['replayed']:,} from the ledger, {spend['failed']:,} failed"
        console.print(f"{said}; in this run {spend['requests']:,} requests{tokens}{usd}")
        if (whole := spend["all_runs"])["requests"] > spend["requests"]:
            usd = f", ${whole['usd']:,.4f}" if whole["usd"] else ""
            console.print(f"in all runs {whole['requests']:,} requests, {whole['tokens']:,} tokens{usd}")
        if spend["uncounted"]:
            console.print(
                f"{spend['uncounted']:,} requests whose use the server did not tell; they may have been billed"
            )
    for note in manifest["notes"]:
        console.print(f"note  {note}", markup=False)
    console.print()
    _wrote(folder, manifest, console)
    console.print()
    show.overview(folder, console)
    console.print()
    _next(folder, manifest, console)


def _funnel(manifest: Manifest, console: Console) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("step")
    for name in ("in", "added", "dropped", "out"):
        table.add_column(name, justify="right")
    table.add_column("reasons", overflow="fold")
    for line in manifest["funnel"]:
        reasons = ", ".join(f"{n} {reason}" for reason, n in line["reasons"].items())
        grown = line["added"] - line["expanded"]
        table.add_row(line["step"], *(str(n) for n in (line["in"], grown, line["dropped"], line["out"])), reasons)
    console.print(table)


def _wrote(folder: Path, manifest: Manifest, console: Console) -> None:
    told = {
        "rejects.parquet": f"{manifest['rows']['rejected']} rows, each with its reason",
        "provenance.parquet": "where every emitted row comes from",
        "manifest.json": "recipe, versions, counts, hashes",
        "README.md": "the dataset card",
        "report.html": "the page to look at: open it in a browser",
    }
    files = [f"{kind}/{split}.parquet" for kind, splits in manifest["splits"].items() for split in splits]
    counts = {
        f"{kind}/{split}.parquet": f"{n} rows"
        for kind, splits in manifest["splits"].items()
        for split, n in splits.items()
    }
    console.print(f"wrote {folder}/", markup=False)
    for file in [*files, *told]:
        console.print(f"  {file:<26}{counts.get(file) or told[file]}", markup=False)


def _next(folder: Path, manifest: Manifest, console: Console) -> None:
    said = claims(manifest)
    for label, sentences in (("teaches", said.teaches), ("does not", said.teaches_not), ("mind", said.limits)):
        for number, sentence in enumerate(sentences):
            console.print(_hanging("" if number else label, sentence, console.width), markup=False)
    console.print()
    builder = "builder" if which("builder") else sys.argv[0]  # not on the path in a fresh clone
    if manifest["teachers"] == [EMBEDDED]:
        console.print(f"next         {builder} init my-data", markup=False)
        console.print(f"             {builder} build my-data/recipe.yaml --teacher ollama:llama3.1", markup=False)
        console.print("             or openai:MODEL, anthropic:MODEL, http://host/v1#MODEL ...", markup=False)
    console.print(f"look closer  {builder} show {folder} ID", markup=False)


def _hanging(label: str, sentence: str, width: int) -> str:
    return textwrap.fill(sentence, max(40, width), initial_indent=f"{label:<13}", subsequent_indent=" " * 13)


def forecast(told: Forecast, console: Console) -> None:
    """Print what a build would ask and what that would come to."""
    console.print(f"{told.seeds:,} seeds; {told.replayed:,} answers are in the ledger already")
    for line in told.lines:
        console.print(f"{told.step} would ask {line.teacher}", markup=False)
        answers = f", for {line.draws:,} answers" if line.draws != line.calls else ""
        console.print(f"  calls    {line.calls:,}{answers}")
        console.print(f"  sent     about {line.input_tokens:,} tokens ({line.input_how})")
        said = "" if line.output_tokens is None else f"about {line.output_tokens:,} tokens "
        console.print(f"  answers  {said}({line.output_how})")
        cost = "unknown" if line.usd is None else f"about ${line.usd:,.4f}"
        console.print(f"  cost     {cost} ({line.usd_how})", markup=False)
    known = [line.usd for line in told.lines if line.usd is not None]
    if len(told.lines) > 1 and len(known) == len(told.lines):
        console.print(f"in all about ${sum(known):,.4f}")
    if told.budget_usd is not None:
        left = told.budget_usd - told.spent_usd
        enough = "" if sum(known) <= left else ": the build would stop on the way"
        console.print(f"budget: ${left:,.4f} of ${told.budget_usd:,.4f} left{enough}")
    if not told.lines:
        console.print("no call would be made")
    if told.unknown:
        console.print(f"then {', '.join(told.unknown)} would ask about those answers: not known before they are there")
    if told.spent_calls:
        usd = f", ${told.spent_usd:,.2f}" if told.spent_usd else ""
        console.print(f"earlier runs of this build: {told.spent_calls:,} calls, {told.spent_tokens:,} tokens{usd}")
    console.print("nothing was spent, nothing was written")
