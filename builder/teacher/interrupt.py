"""Ctrl-C while calls are in flight: the first stops in good order, the second gives them up.

A call in flight is paid for. So the first Ctrl-C (or a scheduler's SIGTERM) only keeps new ones from starting.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from types import TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """While the block runs, signals call `first` once; the next one cancels the task that entered it."""

    def __init__(self, first: Callable[[], None]) -> None:
        self._first = first
        self._asked = False
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()

    def say(self, sentence: str) -> None:
        """Tell the user, beside whatever progress is shown."""
        sys.stderr.write(f"\n{sentence}\n")

    def _signalled(self) -> None:
        if not self._asked:
            self._asked = True
            self._first()
        elif self._task is not None:
            self._task.cancel()

    def __enter__(self) -> Interrupt:
        """Take the signals, where that can be done: in the main thread."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._loop.add_signal_handler(number, self._signalled)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back."""
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._loop.remove_signal_handler(number)
