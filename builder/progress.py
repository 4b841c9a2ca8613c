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
    """Draw one bar per piece of work: done, rate, time left, what was spent."""
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
        rich.TextColumn("{task.fields[note]}", markup=False),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as shown:

        @contextmanager
        def work(label: str, total: int) -> Iterator[Advance]:
            task = shown.add_task(label, total=total, note="")

            def advance(done: int, note: str = "") -> None:
                shown.update(task, advance=done, note=note)

            yield advance
            shown.remove_task(task)

        yield work


@contextmanager
def lines() -> Iterator[Progress]:
    """Print a line every ten seconds of work, for logs."""

    @contextmanager
    def work(label: str, total: int) -> Iterator[Advance]:
        started = said = time.monotonic()
        finished = 0

        def advance(done: int, note: str = "") -> None:
            nonlocal finished, said
            finished += done
            now = time.monotonic()
            if now - said < _SECONDS_BETWEEN_LINES:
                return
            said = now
            rate = finished / (now - started)
            left = f"{(total - finished) / rate:,.0f} s left" if rate else "" if note else "stalled"
            line = ", ".join(part for part in (f"{finished:,}/{total:,}", f"{rate:,.0f}/s", left, note) if part)
            sys.stderr.write(f"{label}: {line}\n")

        yield advance

    yield work
