"""The command line. No logic of its own: it reads arguments, calls, prints, and turns errors into exit codes.

Exit codes: 0 done; 1 the build failed or stopped, and running it again goes on; 2 the input is wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from builder.errors import BuilderError, InputError, Problem

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

    from builder.context import Progress


app = typer.Typer(
    name="builder",
    help="Build SFT and preference datasets from seed instructions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: builder build quickstart",
)

RecipeArgument = Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped recipe.")]
OutOption = Annotated[Path, typer.Option(help="Folder of all datasets; the ledger lies there too.")]
TeacherOption = Annotated[
    str | None,
    typer.Option(metavar="SPEC", help="Instead of the recipe's: embedded, provider:model, or http://host/v1#model."),
]


def main() -> NoReturn:
    """Run the command line; expected errors become one clear message and an exit code."""
    try:
        app()
    except BuilderError as error:
        problems = error.problems if isinstance(error, InputError) else [Problem(what=str(error))]
        for problem in problems:
            typer.echo(f"error: {problem}", err=True)
        if len(problems) > 1:
            typer.echo(f"{len(problems)} problems", err=True)
        sys.exit(error.exit_code)
    sys.exit(0)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to put them in.")] = Path(),
) -> None:
    """Eject a commented recipe and sample seeds to edit."""
    from builder import assets

    shipped = {
        "recipe.yaml": assets.read("recipes/starter.yaml"),
        "seeds.jsonl": assets.read("seeds/sample.jsonl"),
    }
    there = [name for name in shipped if (folder / name).exists()]
    if there:
        fix = "give another folder; nothing was written"
        raise InputError([Problem(str(folder / name), 0, "is there already", fix) for name in there])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in shipped.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError([Problem(str(folder), 0, f"cannot write here: {error.strerror}")]) from None
    console = _console()
    for name in shipped:
        console.print(f"wrote {folder / name}", markup=False)
    console.print(f"next  builder check {folder / 'recipe.yaml'}", markup=False)


@app.command()
def check(recipe: RecipeArgument, teacher: TeacherOption = None) -> None:
    """Refuse everything that is wrong with a recipe, all at once. Spends nothing."""
    from builder.pipeline import load_recipe

    loaded = load_recipe(recipe, teacher)
    names = " -> ".join(step.name for step in loaded.steps)
    _console().print(f"{loaded.name} {loaded.version} is fine: {names}", markup=False)


@app.command()
def build(
    recipe: RecipeArgument,
    out: OutOption = Path("outputs"),
    limit: Annotated[
        int | None, typer.Option(min=1, max=10**12, help="At most N seeds; the result is a preview.")
    ] = None,
    teacher: TeacherOption = None,
    ledger: Annotated[Path | None, typer.Option(help="The ledger's file; OUT/ledger.db by default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the calls to be made; make none.")] = False,
) -> None:
    """Build a dataset. Run it again to go on where it stopped: an answer in the ledger is not asked for again."""
    from builder import pipeline
    from builder.pages import summary

    console = _console()
    loaded = pipeline.load_recipe(recipe, teacher)
    if dry_run:
        summary.dry_run(pipeline.dry_run(loaded, ledger or out / "ledger.db", limit=limit), console)
        return
    try:
        with _progress() as progress:
            built = pipeline.build(loaded, out, ledger=ledger, limit=limit, progress=progress)
    except KeyboardInterrupt:
        raise BuilderError("stopped; every answer that came is in the ledger. Run the same command to go on") from None
    summary.built(built.folder, built.manifest, built.fresh, console)


@app.command()
def show(
    dataset: Annotated[Path, typer.Argument(help="A built dataset: its folder, or a name under outputs/.")],
    id: Annotated[str | None, typer.Argument(help="A row or a pair; the beginning of its id will do.")] = None,
) -> None:
    """Print rows readably; with an ID, that row's whole way back to its seed."""
    from builder.pages import show as page

    console = _console()
    with page.whole(dataset):
        if id is None:
            page.overview(dataset, console)
        else:
            page.row(dataset, id, console)


@app.command()
def schema(name: Annotated[str | None, typer.Argument(help="E.g. sft, or preference/v1.")] = None) -> None:
    """List the schemas of what is emitted, or print one as JSON Schema."""
    from builder import schema as schemas

    text = "\n".join(schemas.names()) if name is None else schemas.text(name).rstrip()
    typer.echo(text)


@app.command()
def validate(
    path: Annotated[Path, typer.Argument(help="A .parquet or .jsonl file, or a dataset's folder.")],
) -> None:
    """Hold every row of a file or a dataset against its schema."""
    from builder import schema as schemas

    if not path.exists():
        raise InputError([Problem(str(path), 0, "no such file or folder")])
    counts, problems = schemas.validate(path)
    if problems:
        raise InputError(problems)
    for file, rows in counts.items():
        typer.echo(f"{file}: {rows} rows, all valid")


def _progress() -> AbstractContextManager[Progress]:
    """Show bars on a terminal, plain lines elsewhere."""
    from builder import progress

    return progress.bars() if sys.stderr.isatty() else progress.lines()
