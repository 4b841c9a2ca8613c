"""`builder show`: rows as a person reads them, and any row's whole way back to its seed.

Row texts are printed as they are: no markup in them is read, control characters are shown as signs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from builder.errors import BuilderError, InputError, Problem
from builder.pages import dataset, lineage
from builder.pages.claims import teachers
from builder.pages.readable import Span, difference, fold, spaces, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES = {"chosen": "green", "rejected": "red"}
_TITLES = {
    "sft": "an SFT row",
    "preference": "a preference pair",
    "side": "a side of a pair, and no row of its own",
    "rejected": "a rejected row",
    "seed": "a seed",
}


@contextmanager
def whole(path: Path) -> Iterator[None]:
    """Turn whatever a damaged or foreign file does to the reading of it into one sentence."""
    try:
        yield
    except BuilderError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".rstrip(": ")
        fix = "build it again: its answers are in the ledger"
        raise InputError(
            [Problem(str(path), 0, f"a file of this dataset is damaged or missing ({why})", fix)]
        ) from error


def overview(path: Path, console: Console) -> None:
    """Print what a dataset holds: one line, one SFT row, one pair; the same ones every time.

    Raises:
        InputError: `path` is no dataset.
    """
    folder = dataset.find(path)
    told = dataset.manifest(folder)
    counts = f"{told['rows']['sft']:,} SFT rows, {told['pairs']:,} pairs, {told['rows']['rejected']:,} rejected"
    by = f", answered by {teachers(told)}" if told["teachers"] else ""
    console.print(f"{told['name']} {told['version']}: {counts}{by}", markup=False)
    for row in dataset.sample(folder, "sft", 1):
        _title(console, "sft", row["id"], row["origin"]["task"])
        _block(console, [_turn(m["role"], m["content"]) for m in row["messages"]])
    for pair in dataset.sample(folder, "preference", 1):
        _title(console, "preference", pair["id"], pair["origin"]["task"])
        sides = pair["chosen"][-1]["content"], pair["rejected"][-1]["content"]
        _block(console, [*(_turn(m["role"], m["content"]) for m in pair["prompt"]), *_sides(*sides)])
        broke = ", ".join(pair["metadata"].get("broke", []))
        _facts(console, {"broke": broke} if broke else {"margin": str(pair["metadata"]["margin"])})


def row(path: Path, id: str, console: Console) -> None:
    """Print one row and its whole way back. `id` may be cut short, or come without what is before its colon.

    Raises:
        InputError: `path` is no dataset; no id begins so; several do.
    """
    story = lineage.tell(dataset.find(path), id.removesuffix("…"))
    _title(console, story.kind, story.id, story.task)
    turns = [_turn(m["role"], m["content"], most=20_000) for m in story.messages]
    _block(console, turns + (_sides(*story.sides) if story.sides else []))
    _facts(console, story.facts)


def _title(console: Console, kind: str, id: str, task: str | None) -> None:
    from rich.text import Text

    parts = [
        (f"\n{_TITLES[kind]}", "bold"),
        (f"  {id}", "dim"),
        (f"  {visible(task)}" if task else "", "dim"),
    ]
    console.print(Text.assemble(*parts))


def _turn(role: str, content: str, most: int = 1200) -> tuple[str, Text]:
    from rich.text import Text

    return role, _folded(Text(), content, most, None)


def _sides(chosen: str, rejected: str) -> list[tuple[str, Text]]:
    """Return both sides with what differs in colour; long stretches that are the same are left out."""
    from rich.text import Text

    lines = []
    for name, spans in zip(_STYLES, difference(chosen, rejected), strict=True):
        text = Text()
        for span in spans:
            _folded(text, _shown(span), 600, f"bold {_STYLES[name]}" if span.changed else None)
        lines.append((name, text))
    return lines


def _shown(span: Span) -> str:
    return spaces(span.text) if span.changed else span.text


def _folded(text: Text, content: str, most: int, style: str | None) -> Text:
    """Append a content that is not to be read as markup, its middle left out where it is long."""
    it = fold(content, most // 2, most // 2)
    text.append(visible(it.head), style)
    if it.hidden:
        text.append(f"\n… {len(it.hidden) + it.cut:,} more characters …\n", "dim italic")
        text.append(visible(it.tail), style)
    return text


def _block(console: Console, lines: list[tuple[str, Text]]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not lines:
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", width=10, no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in lines:
        table.add_row(Text(label, _STYLES.get(label, "")), text)
    console.print(table)


def _facts(console: Console, facts: Mapping[str, str]) -> None:
    from rich.text import Text

    _block(console, [(label, Text(visible(text))) for label, text in facts.items()])
