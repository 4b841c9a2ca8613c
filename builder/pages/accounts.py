"""What `builder ledger` prints: what each teacher was asked, what it used and cost, and how calls failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.ledger import Ledger, history

if TYPE_CHECKING:
    from rich.console import Console


def show(ledger: Ledger, console: Console) -> None:
    """Print the accounts of a ledger."""
    from rich.table import Table

    spent = history.spent(ledger)
    if not spent:
        count = history.count(ledger)
        held = f"{count:,} answers are held, none of them was asked for here" if count else "nothing was asked yet"
        console.print(f"{ledger.path}: {held}", markup=False)
        return
    lines = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    lines.add_column("teacher", overflow="fold")
    for name in ("requests", "answered", "sent", "answers", "uncounted", "US$"):
        lines.add_column(name, justify="right")
    for line in spent:
        name = f"{line.name} (batch)" if line.in_batch else line.name
        counts = (line.calls, line.answered, line.input_tokens, line.output_tokens, line.uncounted)
        lines.add_row(name, *(f"{count:,}" for count in counts), _usd(line))
    console.print(lines)
    console.print("sent and answers in tokens, as the servers count; uncounted: requests whose use was never told")
    if failed := history.failures(ledger):
        console.print("\nwithout an answer")
        for name, outcome, count in failed:
            console.print(f"  {count:>7,}  {outcome:<16} {name}", markup=False)


def _usd(line: history.Spent) -> str:
    """Return what was paid, at the prices of the day."""
    if line.unpriced:
        return f"{line.usd:,.4f} + {line.unpriced:,} calls unpriced" if line.usd else "no price known"
    return f"{line.usd:,.4f}"
