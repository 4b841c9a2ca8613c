"""The ledger: a SQLite file that holds every call to a teacher, so that no answer is lost or paid for twice.

A call is keyed by everything that is sent and by which draw it is:

    k1:6c0e…  {"provider": "openai", "base_url": …, "model": …, "messages": […], "arguments": {…}, "draw": 0}

`calls` has one row per answered key; `attempts` one per try, written before the call is made, so that a call that
was in flight when the process died is known as such.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from builder.errors import BuilderError, InputError, Problem
from builder.rows import canonical_json

KEY_VERSION = "k1"

# Append only; never edit an entry that was released. Each runs in one transaction with its number.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE calls (
        key TEXT PRIMARY KEY, request TEXT NOT NULL, text TEXT, finish_reason TEXT,
        input_tokens INTEGER, output_tokens INTEGER, answered_at REAL NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL, outcome TEXT, detail TEXT
    );
    """,
)


@dataclass(frozen=True)
class Answer:
    """What a teacher said. `text` is None where it refused, and `finish_reason` then says why."""

    text: str | None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


def call_key(request: dict[str, Any]) -> str:
    """Hash what is sent. Any change of model, message, argument or draw is another key."""
    return f"{KEY_VERSION}:{hashlib.blake2b(canonical_json(request).encode(), digest_size=16).hexdigest()}"


class Ledger:
    """An open ledger. One connection; several processes may hold the same file open (WAL)."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        """Open a ledger, made if it is not there; `readonly` writes nothing, and reads one that is not there as empty.

        Raises:
            InputError: it cannot be opened, or is another program's database.
        """
        self.path = path
        try:
            if readonly and path.is_file():
                place = f"{path.resolve().as_uri()}?mode=ro"
            elif readonly:
                place = "file::memory:"
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                place = path.resolve().as_uri()
            self._db = sqlite3.connect(place, uri=True, isolation_level=None, timeout=60, check_same_thread=False)
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._refusal(error) from None
        try:
            if not (readonly and path.is_file()):
                with self._transaction():
                    self._migrate()
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
            elif self._version() not in range(1, len(MIGRATIONS) + 1):
                raise sqlite3.DatabaseError("it is no ledger this builder can read")
        except sqlite3.Error as error:
            self._db.close()
            raise self._refusal(error) from None

    def _refusal(self, error: Exception) -> InputError:
        return InputError([Problem(str(self.path), 0, f"cannot be used as the ledger: {error}")])

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _migrate(self) -> None:
        at = self._version()
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables >= {"calls", "attempts"} if at else tables:
            raise sqlite3.DatabaseError("it is another program's database")
        if at > len(MIGRATIONS):
            raise sqlite3.DatabaseError(f"written by a newer builder (version {at}, known {len(MIGRATIONS)})")
        for statements in MIGRATIONS[at:]:
            for statement in filter(str.strip, statements.split(";")):
                self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk ends it by itself
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """Turn a full disk or a torn file into a sentence."""
        try:
            yield
        except sqlite3.Error as error:
            raise BuilderError(f"the ledger {self.path} failed: {error}") from None

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the answers already held, by key."""
        held: dict[str, Answer] = {}
        with self._plainly():
            for start in range(0, len(keys), 500):
                part = keys[start : start + 500]
                marks = ",".join("?" * len(part))
                columns = "key, text, finish_reason, input_tokens, output_tokens"
                found = self._db.execute(f"SELECT {columns} FROM calls WHERE key IN ({marks})", part)
                held |= {key: Answer(*answer) for key, *answer in found}
        return held

    def begin(self, key: str) -> int:
        """Record that a call is about to be made; returns the attempt's number."""
        with self._plainly():
            row = self._db.execute("INSERT INTO attempts (key, started_at) VALUES (?, ?)", (key, time.time()))
            return int(row.lastrowid or 0)

    def finish(self, attempt: int, key: str, request: dict[str, Any], answer: Answer) -> Answer:
        """Commit an answer; the end of this process cannot lose it once this returns.

        Returns:
            The answer that stands: another process may have been first, and a second answer is kept out.
        """
        now = time.time()
        fields = (answer.text, answer.finish_reason, answer.input_tokens, answer.output_tokens, now)
        with self._plainly(), self._transaction():
            said = self._db.execute(
                "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?)",
                (key, canonical_json(request), *fields),
            )
            self._db.execute("UPDATE attempts SET ended_at = ?, outcome = 'answered' WHERE id = ?", (now, attempt))
        return answer if said.rowcount else self.get([key])[key]

    def fail(self, attempt: int, outcome: str, detail: str) -> None:
        """Record how an attempt failed."""
        with self._plainly():
            self._db.execute(
                "UPDATE attempts SET ended_at = ?, outcome = ?, detail = ? WHERE id = ?",
                (time.time(), outcome, detail[:2000], attempt),
            )

    def attempts(self) -> dict[str, int]:
        """Count attempts by outcome; `in flight` are those a killed process never saw the end of."""
        with self._plainly():
            rows = self._db.execute("SELECT coalesce(outcome, 'in flight'), count(*) FROM attempts GROUP BY 1")
            return dict(rows.fetchall())

    def request(self, key: str) -> str | None:
        """Return the request of a key as JSON, exactly as it was sent."""
        with self._plainly():
            row = self._db.execute("SELECT request FROM calls WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Ledger:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close on leaving."""
        self.close()
