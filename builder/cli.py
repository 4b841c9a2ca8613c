"""The command line. No logic of its own: it reads arguments, calls, prints, and turns errors into exit codes.

Exit codes: 0 done; 1 the build failed or stopped, and running it again goes on; 2 the input is wrong.
"""

from __future__ import annotations

import gc
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from builder.errors import BuilderError, InputError, Problem

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.console import Console

    from builder.context import Progress
    from builder.ledger import Ledger
    from builder.spread import Spread


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
    gc.set_threshold(20_000, 20, 20)  # a sixth less CPU: imports and calls make many objects, and few rings of them
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Foretell calls, tokens and cost; make no call.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Answer from the ledger alone; make no call.")] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Hand batches over and stop; run again to collect.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Clean shards in so many processes of this machine.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Clean shards on Ray: local, auto, or ray://host:10001.")
    ] = None,
) -> None:
    """Build a dataset. Run it again to go on where it stopped: an answer in the ledger is not asked for again."""
    from builder import pipeline
    from builder.pages import summary

    console = _console()
    loaded = pipeline.load_recipe(recipe, teacher)
    if dry_run:
        from builder.money import forecast

        summary.forecast(forecast(loaded, ledger or out / "ledger.db", limit=limit), console)
        return
    try:
        with _progress() as progress, _spread(workers, ray) as spread:
            built = pipeline.build(
                loaded,
                out,
                ledger=ledger,
                limit=limit,
                offline=offline,
                wait=not no_wait,
                progress=progress,
                spread=spread,
            )
    except KeyboardInterrupt:
        said = "stopped; every answer that came is in the ledger, calls in flight were given up"
        raise BuilderError(f"{said}. Run the same command to go on") from None
    summary.built(built.folder, built.manifest, built.fresh, console)
    if built.fresh and (again := built.manifest["spend"]["to_ask_again"]):
        raise BuilderError(f"not final: the server failed {again} calls. Run the same command to ask them once more")


@app.command()
def analyze(
    data: Annotated[Path, typer.Argument(help="A file or folder of rows that `seed` can read, or a built dataset.")],
    recipe: Annotated[str | None, typer.Option(help="Hold its `quality` rules instead of the defaults.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show how every quality measure is spread and what each rule would drop, before any is applied."""
    from builder.analyze import analyze as look

    told = look(data, recipe)
    if as_json:
        import dataclasses
        import json

        typer.echo(json.dumps(dataclasses.asdict(told), ensure_ascii=False, indent=2))
        return
    from builder.pages import analysis

    analysis.show(told, _console())


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


ledgers = typer.Typer(
    help="What is in the ledger: calls, tokens, spend, failures; check it, carry it to another machine.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(ledgers, name="ledger")
LedgerOption = Annotated[Path, typer.Option("--ledger", help="The ledger's file.")]


@ledgers.callback(invoke_without_command=True)
def ledger(
    context: typer.Context,
    ledger: LedgerOption = Path("outputs/ledger.db"),
) -> None:
    """Show calls, tokens, spend and failures."""
    context.obj = ledger
    if context.invoked_subcommand is None:
        from builder.pages import accounts

        with _ledger(ledger) as held:
            accounts.show(held, _console())


@ledgers.command()
def verify(context: typer.Context) -> None:
    """Derive every key anew from its request, and check the file."""
    from builder.ledger import moves

    with _ledger(context.obj) as held:
        count, problems = moves.verify(held)
    if problems:
        raise InputError(problems)
    typer.echo(f"{context.obj}: {count} answers, every key is its request's")


@ledgers.command()
def export(context: typer.Context, file: Annotated[Path, typer.Argument(help="A .jsonl or .jsonl.gz file.")]) -> None:
    """Write all answers to a file, for another machine or a reviewer without a key."""
    from builder.ledger import moves

    with _ledger(context.obj) as held:
        moved = moves.export(held, file)
    typer.echo(f"wrote {file}: {moved.answers} answers, {moved.failures} failures")


@ledgers.command()
def forget(context: typer.Context, batch: Annotated[str, typer.Argument(help="The provider's id of it.")]) -> None:
    """Give up a batch the provider does not know any more: its requests will be asked, and paid for, anew."""
    from builder.ledger import batches

    with _ledger(context.obj) as held:
        freed = batches.forget(held, batch)
    if freed is None:
        raise InputError([Problem(str(context.obj), 0, f"no batch {batch} is waited for")])
    typer.echo(f"{freed} requests of {batch} will be asked anew")


@ledgers.command(name="import")
def import_(context: typer.Context, file: Annotated[Path, typer.Argument(help="What `export` wrote.")]) -> None:
    """Put the answers of an export into the ledger; an answer that is there stands."""
    from builder.ledger import Ledger, moves

    with Ledger(context.obj) as held:
        moved = moves.import_(held, file)
    typer.echo(f"{moved.answers} answers and {moved.failures} failures imported into {context.obj}")
    if moved.there:
        typer.echo(f"{moved.there} were there already and stand; {moved.different} of them say something else")


def _ledger(path: Path) -> Ledger:
    """Open a ledger that is there, to read it."""
    from builder.ledger import Ledger

    if not path.is_file():
        what = "a folder, no ledger" if path.is_dir() else "no such ledger"
        raise InputError([Problem(str(path), 0, what, "name it: builder ledger --ledger FILE …")])
    return Ledger(path, readonly=True)


def _spread(workers: int | None, ray: str | None) -> AbstractContextManager[Spread]:
    """Say where shards are worked on."""
    from builder import spread

    if workers is not None and ray is not None:
        raise InputError([Problem(what="--workers and --ray exclude each other", fix="give one of them")])
    if ray is not None:
        return spread.ray_data(ray)
    return spread.processes(workers) if workers is not None and workers > 1 else nullcontext(spread.here)


def _progress() -> AbstractContextManager[Progress]:
    """Show bars on a terminal, plain lines elsewhere."""
    from builder import progress

    return progress.bars() if sys.stderr.isatty() else progress.lines()
