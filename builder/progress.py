"""Progress on long work: bars on a terminal, now and then a plain line elsewhere. Both go to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from builder.context import Advance, Progress

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def bars() -> Iterator[Progress]:
    """Draw one bar per piece of work: done, rate, time left."""
    from rich import progress as rich
    from rich.console import Console

    class Rate(rich.ProgressColumn):
        def render(self, task: rich.Task) -> str:
            return f"{task.speed:,.0f}/s" if task.speed else ""

    columns = (
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        Rate(),
        rich.TimeRemainingColumn(compact=True),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as shown:

        @contextmanager
        def work(label: str, total: int) -> Iterator[Advance]:
            task = shown.add_task(label, total=total)
            yield lambda done: shown.update(task, advance=done)
            shown.remove_task(task)

        yield work


@contextmanager
def lines() -> Iterator[Progress]:
    """Print a line every ten seconds of work, for logs."""

    @contextmanager
    def work(label: str, total: int) -> Iterator[Advance]:
        started = said = time.monotonic()
        done = 0

        def advance(count: int) -> None:
            nonlocal done, said
            done += count
            now = time.monotonic()
            if now - said >= _SECONDS_BETWEEN_LINES:
                said = now
                rate = done / (now - started)
                left = (total - done) / rate if rate else 0
                print(f"{label}: {done:,}/{total:,}, {rate:,.0f}/s, {left:,.0f} s left", file=sys.stderr)  # noqa: T201

        yield advance

    yield work
