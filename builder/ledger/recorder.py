"""Group commit: what many calls want written goes into one transaction and one sync of the disk.

    recorder = Recorder(ledger)
    begun = await recorder.do(lambda: ledger.begin(key, teacher), durable=False)

A thread of its own writes, so the event loop never waits for the disk; while it syncs, the next group gathers.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from builder.errors import BuilderError
from builder.ledger.store import Ledger

T = TypeVar("T")

_MOST = 512
"""Most records in one transaction: a late one should not wait for thousands."""
_RESERVE_BYTES = 16 * 2**20
"""Disk kept free for the answers that are in flight when the disk turns out to be full."""


class _Work(NamedTuple):
    do: Callable[[], Any]
    durable: bool
    done: asyncio.Future[Any]


class Recorder:
    """Runs what it is given in the ledger's own thread, many pieces in one transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._reserve = _Reserve(ledger.path)
        self._thread = threading.Thread(target=self._write, name="ledger", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[], T], *, durable: bool = True) -> T:
        """Run `work` inside a transaction; when this returns, that transaction is committed.

        Raises:
            BuilderError: the ledger cannot be written. Nothing of this transaction stands.
        """
        done: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Work(work, durable, done))
        return await done

    async def close(self) -> None:
        """Write what is waiting, then end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._reserve.give_up()

    @property
    def disk_is_full(self) -> bool:
        """Whether the reserve had to be used: nothing new should be asked."""
        return self._reserve.used

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            ended = False
            while len(group) < _MOST and not self._queue.empty():
                if (work := self._queue.get()) is None:
                    ended = True
                    break
                group.append(work)
            said = self._commit(group)
            try:
                self._loop.call_soon_threadsafe(_deliver, group, said)
            except RuntimeError:  # the loop was closed over calls that nobody waits for any more
                return
            if ended:
                return

    def _commit(self, group: list[_Work]) -> list[Any]:
        """Return what each piece of work returned or raised; on a failing disk all of them the same error."""
        try:
            try:
                return self._transact(group)
            except sqlite3.OperationalError as error:
                if "full" not in str(error) or not self._reserve.spend():
                    raise
                return self._transact(group)
        except sqlite3.Error as error:
            return [BuilderError(f"the ledger {self._ledger.path} failed: {error}")] * len(group)
        except BuilderError as error:
            return [error] * len(group)

    def _transact(self, group: list[_Work]) -> list[Any]:
        said: list[Any] = []
        with self._ledger.transaction(durable=any(work.durable for work in group)):
            for work in group:
                try:
                    said.append(work.do())
                except BuilderError as error:
                    if isinstance(error.__context__, sqlite3.Error):  # the transaction is gone, for all of them
                        raise error.__context__ from None
                    said.append(error)
                except (OverflowError, UnicodeError, ValueError, TypeError) as error:  # cannot be stored: its own fault
                    said.append(error)
        return said


def _deliver(group: list[_Work], said: list[Any]) -> None:
    for work, value in zip(group, said, strict=True):
        if work.done.done():  # cancelled meanwhile
            continue
        if isinstance(value, Exception):
            work.done.set_exception(value)
        else:
            work.done.set_result(value)


class _Reserve:
    """A file beside the ledger that holds disk space, to be let go when the disk is full."""

    def __init__(self, ledger: Path) -> None:
        self._file = ledger.with_name(f"{ledger.name}.reserve")
        self.used = False
        try:
            with self._file.open("wb") as file:
                for _ in range(_RESERVE_BYTES // 2**20):
                    file.write(bytes(2**20))
        except OSError:  # the disk is nearly full already
            self._file.unlink(missing_ok=True)

    def spend(self) -> bool:
        """Let go of the space; False where there is none."""
        there = self._file.exists()
        self._file.unlink(missing_ok=True)
        self.used = True
        return there

    def give_up(self) -> None:
        self._file.unlink(missing_ok=True)
