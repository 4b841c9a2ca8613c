"""Who is asking: a session is one process at work on one ledger, and a call it began is its own while it lives.

A second process that wants the same answer waits for it. When the first dies, its calls in flight are free again at
once: on the same machine by its process number and start time, elsewhere when it has not been seen for two minutes.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from pathlib import Path

_SEEN_EVERY = 10.0
_GONE_AFTER = 120.0
_BELIEVED_FOR = 2.0


def _born(pid: int) -> str:
    """Return when a process started, in the kernel's own ticks; "" where that cannot be told or it is gone."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else fields[18]  # a zombie is dead, whoever has not noticed yet
    except (OSError, IndexError):
        return ""


def _lives(pid: int, born: str) -> bool:
    if Path("/proc/self/stat").exists():
        return bool(born) and _born(pid) == born
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class Sessions:
    """The sessions table, as one process sees it."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.mine: int | None = None
        self._seen = 0.0
        self._known: dict[int, tuple[float, bool]] = {}

    def open(self, build: str | None) -> int:
        """Write this process down; once per ledger and build."""
        if self.mine is None:
            now = time.time()
            row = self._db.execute(
                "INSERT INTO sessions (build, host, pid, born, started_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)",
                (build, socket.gethostname(), os.getpid(), _born(os.getpid()), now, now),
            )
            self.mine, self._seen = int(row.lastrowid or 0), now
        return self.mine

    def seen(self) -> None:
        """Say now and then that this process is still there."""
        now = time.time()
        if self.mine is not None and now - self._seen > _SEEN_EVERY:
            self._db.execute("UPDATE sessions SET seen_at = ? WHERE id = ?", (now, self.mine))
            self._seen = now

    def close(self) -> None:
        """Write down that this process has finished."""
        if self.mine is not None:
            self._db.execute("UPDATE sessions SET ended_at = ? WHERE id = ?", (time.time(), self.mine))
            self.mine = None

    def is_other_and_alive(self, id: int | None) -> bool:
        """Tell whether a session is another process that is still at work."""
        if id is None or id == self.mine:
            return False
        when, alive = self._known.get(id, (0.0, False))
        if time.monotonic() - when > _BELIEVED_FOR or not when:
            alive = self._is_alive(id)
            self._known[id] = time.monotonic(), alive
        return alive

    def _is_alive(self, id: int) -> bool:
        columns = "host, pid, born, seen_at, ended_at"
        row = self._db.execute(f"SELECT {columns} FROM sessions WHERE id = ?", (id,)).fetchone()
        if row is None or row[4] is not None:
            return False
        host, pid, born, seen_at, _ = row
        if host == socket.gethostname():
            return _lives(pid, born)
        return time.time() - float(seen_at) < _GONE_AFTER
