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
        console.print(f"{spend['calls']} calls, {spend['replayed']} from the ledger, {spend['failed']} failed{tokens}")
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


def dry_run(counts: dict[str, int], console: Console) -> None:
    """Print what a build would ask."""
    console.print(f"{counts['seeds']} seeds, {counts['prompts']} prompts reach the teacher")
    if "calls" in counts:
        console.print(f"{counts['calls']} calls would be made; {counts['replayed']} answers are in the ledger already")
    else:
        console.print("no `generate` step: no call would be made")
    console.print("nothing was spent, nothing was written")
