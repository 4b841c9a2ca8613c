"""What `builder analyze` prints: how every measure is spread, what every rule would cost, whom it would hit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builder.analyze import Analysis, Cost, Example, Spread
from builder.pages.readable import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_BARS = " ▁▂▃▄▅▆▇█"


def show(told: Analysis, console: Console) -> None:
    """Print the whole analysis; made for 80 columns."""
    bad = f", {told.unreadable:,} more could not be read" if told.unreadable else ""
    console.print(f"[bold]{_rows(told.rows)}[/bold], {told.responses:,} with a response{bad}", highlight=False)
    console.print()
    console.print(_numbers(told.numbers, told.rows))
    console.print("bars run from p1 to p99; counts on a scale of logarithms", style="dim")
    console.print()
    console.print(_flags(told))
    console.print()
    on = [cost for cost in told.costs if _on(cost)]
    off = [cost for cost in told.costs if not _on(cost) and cost.stricter]
    console.print(f"rules that drop, by {told.rules_of}", style="bold", markup=False)
    console.print(_costs(on, told.rows, "drops", "", "a stricter one", "a looser one"))
    console.print()
    console.print("bounds that are off, and what some would drop", style="bold")
    console.print(_costs(off, told.rows))
    for cost in on:
        if cost.examples:
            console.print()
            _examples(cost, console)
    console.print()
    if len(told.tasks) > 1:
        console.print(_tasks(told.tasks))
        console.print()
    for note in told.notes:
        console.print(f"note  {note}", markup=False)
    console.print(
        f"with these rules [bold]{told.dropped:,} of {_rows(told.rows)}[/bold] would be dropped"
        f" ({_percent(told.dropped, told.rows)}); nothing was dropped now"
    )


def _table(*names: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left", no_wrap=True)
    return table


def _numbers(spreads: list[Spread], rows: int) -> Table:
    table = _table("measure", "taken", "min", "p1", "p5", "median", "p95", "p99", "max")
    table.add_column()
    for spread in spreads:
        values = [_number(value) for value in spread.quantiles.values()] or [""] * 7
        table.add_row(spread.name, _percent(spread.count, rows), *values, _bars(spread.histogram))
    return table


def _bars(counts: list[int]) -> str:
    """Draw the counts; a bin that holds any row is seen."""
    most = max(counts, default=0)
    return "".join(_BARS[max(1, round(8 * count / most)) if count else 0] for count in counts)


def _flags(told: Analysis) -> Table:
    rules = {cost.measure: cost.bound for cost in told.costs if isinstance(cost.bound, str)}
    table = _table("flag", "up", "", "rule")
    table.add_column("what it says", ratio=1, overflow="fold")
    for flag in told.flags:
        rule = rules.get(flag.name, "")
        table.add_row(flag.name, f"{flag.up:,}", _percent(flag.up, flag.count), rule, visible(flag.about))
    return table


def _costs(costs: list[Cost], rows: int, *names: str) -> Table:
    """Lay the rules out; without names, only what other bounds would drop."""
    table = _table("setting", "bound", *(names or ("", "", "")))
    for cost in costs:
        told = [
            [f"{_number(at)}: {_percent(count, rows)}" for at, count in bounds.items()]
            for bounds in (cost.stricter, cost.looser)
        ]
        if names:
            one, other = ((told[0] or [""])[0], (told[1] or [""])[0])
            told = [[f"{cost.drops:,}", _percent(cost.drops, rows), one, other]]
        table.add_row(cost.setting, _setting(cost.bound), *told[0])
        for task, value in cost.own.items():
            table.add_row(f"  {visible(task)}", _setting(value))
    return table


def _examples(cost: Cost, console: Console) -> None:
    from rich.text import Text

    at = (
        "" if cost.bound == "drop" else " of some tasks" if cost.bound in (None, "keep") else f" {_setting(cost.bound)}"
    )
    console.print(Text.assemble((cost.setting + at, "bold"), f"  {_rows(cost.drops)}, for example"))
    for one in cost.examples:
        console.print(_example(one, console.width))


def _example(one: Example, width: int) -> Text:
    from rich.text import Text

    value = "" if isinstance(one.value, bool) else f"  {_number(one.value)}"
    lines = Text(f"  {visible(one.source)}{value}\n", "dim")
    for label, text in (("asked", one.prompt), ("said", one.response)):
        lines.append(f"    {label:<6}", "dim")
        lines.append(_line(text or "", width - 11) + "\n", "none")
    lines.rstrip()
    return lines


def _line(text: str, width: int) -> str:
    """Return a text on one line, its middle left out where it is too long."""
    text = visible(" ".join(text.split()))
    if len(text) <= width:
        return text
    head = width * 2 // 3
    return f"{text[:head]} … {text[len(text) - (width - head - 3) :]}"


def _tasks(tasks: dict[str, tuple[int, int]]) -> Table:
    table = _table("task", "rows", "dropped", "")
    for name, (rows, gone) in list(tasks.items())[:20]:
        table.add_row(visible(name), f"{rows:,}", f"{gone:,}", _percent(gone, rows))
    if len(tasks) > 20:
        table.add_row(f"and {len(tasks) - 20} more", "", "", "")
    return table


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _on(cost: Cost) -> bool:
    return cost.bound not in (None, "keep") or any(value not in (None, "keep") for value in cost.own.values())


def _setting(value: Any) -> str:
    return "off" if value is None else value if isinstance(value, str) else _number(value)


def _percent(part: int, whole: int) -> str:
    """Return a share in at most five characters; 0% and 100% mean none and all."""
    share = 100 * part / whole if whole else 0.0
    if not part or part == whole:
        return f"{share:.0f}%"
    for digits, least in ((0, 10), (1, 1), (2, 0.01)):
        if share >= least:
            return f"{min(share, 99.9):.{digits}f}%" if digits or share < 99.5 else ">99%"
    return "<.01%"


def _number(value: float) -> str:
    """Return a number in at most five characters."""
    size = abs(value)
    if value == int(value) and size < 100_000:
        return f"{value:.0f}"
    if size >= 10_000:
        return f"{value / 1e6:.1f}M" if size >= 999_500 else f"{value / 1e3:.0f}k"
    digits = 3 if size < 1 else 2 if size < 100 else 0
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"
