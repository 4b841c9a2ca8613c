"""The ledger's file: what is held, what is begun, and how it ended.

Every method here is synchronous and a transaction of its own, unless it is called inside `transaction()`: then it is
part of that one. `recorder` calls them so, many at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from builder.errors import BuilderError, InputError, Problem
from builder.ledger.migrations import MIGRATIONS
from builder.ledger.sessions import Sessions
from builder.rows import canonical_json

KEY_VERSION = "k1"
LOST = "lost before the batch was made"
"""Outcome of a request that was never sent."""
ANSWER = "text, finish_reason, input_tokens, output_tokens, cached_tokens, reasoning, served_by"


@dataclass(frozen=True)
class Usage:
    """What a call used, in tokens, as the server counts; None where it does not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    """Of the input: billed at less by some."""
    usd: float | None = None
    """What that cost at the price of the day; None where no price was known."""


@dataclass(frozen=True)
class Answer:
    """What a teacher said. `text` is None where it refused, and `finish_reason` then says why."""

    text: str | None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning: str | None = None
    """What a reasoning model thought, where the server hands it out apart from the text."""
    served_by: str | None = None
    """The model that says it answered, where that is not the one asked: a dated snapshot."""


@dataclass(frozen=True)
class Begun:
    """What came of wanting to ask for some keys."""

    attempts: dict[str, int]
    """Keys to ask for now, each with the number of the attempt that was written down."""
    held: tuple[str, ...] = ()
    """Keys that were answered meanwhile, by another process."""
    elsewhere: tuple[str, ...] = ()
    """Keys another process is asking for at this moment, or that lie in a batch."""


def call_key(request: Mapping[str, Any]) -> str:
    """Hash what is sent. Any change of model, message, argument or draw is another key."""
    return key_of(canonical_json(request))


def key_of(request: str) -> str:
    """Hash a request that is canonical JSON already."""
    return f"{KEY_VERSION}:{hashlib.blake2b(request.encode(), digest_size=16).hexdigest()}"


def prompt_number(messages: Any) -> int:
    """Hash messages to the number by which the ledger finds other answers to them (63 bits)."""
    digest = hashlib.blake2b(canonical_json(messages).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Ledger:
    """An open ledger. One connection; several processes may hold the same file open (WAL)."""

    def __init__(self, path: Path, *, readonly: bool = False, build: str | None = None) -> None:
        """Open a ledger, made if it is not there; `readonly` writes nothing, and reads one that is not there as empty.

        Args:
            path: the file.
            readonly: never write.
            build: "name version" of the dataset that is being built; what it spends is counted by it.

        Raises:
            InputError: it cannot be opened, or is another program's database.
        """
        self.path, self.build, self.readonly = path, build, readonly
        self.lock = threading.RLock()
        self._durable = True
        try:
            if readonly and path.is_file():
                place = f"{path.resolve().as_uri()}?mode=ro{self._immutable()}"
            elif readonly:
                place = "file::memory:"
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                place = path.resolve().as_uri()
            self.db = sqlite3.connect(place, uri=True, isolation_level=None, timeout=60, check_same_thread=False)
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._refusal(error) from None
        self.sessions = Sessions(self.db)
        self._teachers: dict[tuple[str, str, str], int] = {}
        try:
            if not (readonly and path.is_file()):
                with self.transaction():
                    self._migrate()
                self.db.execute("PRAGMA journal_mode=WAL")
                self.db.execute("PRAGMA synchronous=FULL")
            elif self._version() != len(MIGRATIONS):
                raise self._unreadable()
        except sqlite3.Error as error:
            self.db.close()
            raise self._refusal(error) from None

    def _immutable(self) -> str:
        """Return the flag that lets a ledger be read where nothing can be written, not even SQLite's own files."""
        wal = self.path.with_name(f"{self.path.name}-wal")
        if os.access(self.path.parent, os.W_OK):
            return ""
        if wal.exists() and wal.stat().st_size:
            raise OSError("its folder is read-only and a build was writing to it; copy the folder and name the copy")
        return "&immutable=1"

    def _unreadable(self) -> sqlite3.DatabaseError:
        at = self._version()
        if 0 < at < len(MIGRATIONS):
            return sqlite3.DatabaseError("written by an older builder; the next build with it brings it up to date")
        return sqlite3.DatabaseError("it is no ledger this builder can read")

    def _refusal(self, error: Exception) -> InputError:
        return InputError([Problem(str(self.path), 0, f"cannot be used as the ledger: {error}")])

    def _version(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    def _migrate(self) -> None:
        at = self._version()
        tables = {name for (name,) in self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables >= {"calls", "attempts"} if at else tables:
            raise sqlite3.DatabaseError("it is another program's database")
        if at > len(MIGRATIONS):
            raise sqlite3.DatabaseError(f"written by a newer builder (version {at}, known {len(MIGRATIONS)})")
        for statements in MIGRATIONS[at:]:
            for statement in filter(str.strip, statements.split(";")):
                self.db.execute(statement)
        self.db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """Make one transaction of what is done inside.

        Args:
            durable: it must outlive a power cut (a sync of the disk), not only the end of this process.
        """
        with self.lock:
            if self.db.in_transaction:
                yield
                return
            if durable != self._durable:
                self.db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:  # a full disk ends it by itself
                    self.db.execute("ROLLBACK")
                raise

    @contextmanager
    def plainly(self) -> Iterator[None]:
        """Turn a full disk or a torn file into a sentence."""
        try:
            with self.lock:
                yield
        except sqlite3.Error as error:
            raise BuilderError(f"the ledger {self.path} failed: {error}") from None

    def get(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the answers already held, by key."""
        return {key: Answer(*answer) for key, *answer in self._by_key(f"key, {ANSWER}", "calls", keys)}

    def held(self, keys: Sequence[str]) -> set[str]:
        """Tell which keys are answered."""
        return {key for (key,) in self._by_key("key", "calls", keys)}

    def failures(self, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return (outcome, detail) of the last failed attempt at each key; for keys that have no answer."""
        found = self._by_key("key, outcome, detail", "attempts", keys, "AND outcome IS NOT NULL ORDER BY id")
        return {key: (outcome, detail or "") for key, outcome, detail in found if outcome not in ("answered", LOST)}

    def _by_key(self, columns: str, table: str, keys: Sequence[str], more: str = "") -> Iterator[tuple[Any, ...]]:
        if table == "attempts":  # said again so that the partial index serves
            more = f"AND (outcome IS NULL OR outcome <> 'answered') {more}"
        for start in range(0, len(keys), 500):
            part = keys[start : start + 500]
            marks = ",".join("?" * len(part))
            with self.plainly():
                rows = self.db.execute(f"SELECT {columns} FROM {table} WHERE key IN ({marks}) {more}", part).fetchall()
            yield from rows

    def begin(
        self, keys: str | Sequence[str], teacher: tuple[str, str, str] | None = None, batch: int | None = None
    ) -> Begun:
        """Record that a call is about to be made, for every key nobody has answered or is asking for.

        Args:
            keys: one key, or those of several draws that one call asks for.
            teacher: (name, provider, model) of who is asked.
            batch: number of the batch it is put into.
        """
        keys = [keys] if isinstance(keys, str) else keys
        with self.plainly(), self.transaction(durable=False):
            held = tuple(key for key in keys if self._has(key))
            elsewhere = tuple(key for key in keys if key not in held and self._is_elsewhere(key))
            attempts: dict[str, int] = {}
            for key in keys:
                if key not in held and key not in elsewhere:
                    attempts[key] = self._insert_attempt(key, teacher, next(iter(attempts.values()), None), batch)
        return Begun(attempts, held, elsewhere)

    def _insert_attempt(
        self, key: str, teacher: tuple[str, str, str] | None, shares: int | None, batch: int | None
    ) -> int:
        session = self.sessions.open(self.build)
        self.sessions.seen()
        row = self.db.execute(
            "INSERT INTO attempts (key, started_at, session, teacher, shares, batch) VALUES (?, ?, ?, ?, ?, ?)",
            (key, time.time(), session, self.teacher(teacher), shares, batch),
        )
        return int(row.lastrowid or 0)

    def _has(self, key: str) -> bool:
        return self.db.execute("SELECT 1 FROM calls WHERE key = ?", (key,)).fetchone() is not None

    def _is_elsewhere(self, key: str) -> bool:
        open_ones = "SELECT session, batch FROM attempts WHERE key = ? AND outcome IS NULL"
        return any(
            batch is not None or self.sessions.is_other_and_alive(session)
            for session, batch in self.db.execute(open_ones, (key,))
        )

    def teacher(self, teacher: tuple[str, str, str] | None) -> int | None:
        """Return the number of (name, provider, model), written down when it is first seen."""
        if teacher is None:
            return None
        if teacher not in self._teachers:
            self.db.execute("INSERT OR IGNORE INTO teachers (name, provider, model) VALUES (?, ?, ?)", teacher)
            where = "name = ? AND provider = ? AND model = ?"
            row = self.db.execute(f"SELECT id FROM teachers WHERE {where}", teacher).fetchone()
            self._teachers[teacher] = int(row[0])
        return self._teachers[teacher]

    def finish(
        self, attempt: int, key: str, request: Mapping[str, Any] | str, answer: Answer, usage: Usage | None = None
    ) -> Answer:
        """Commit an answer; neither the end of this process nor of the power can lose it once this returns.

        Args:
            attempt: the number `begin` gave this key.
            key: whose answer it is.
            request: what was sent; a string is canonical JSON already.
            answer: what came.
            usage: what the call used, where it is not what the answer says: one call may bring several answers.

        Returns:
            The answer that stands: another process may have been first, and a second answer is kept out.
        """
        text = request if isinstance(request, str) else canonical_json(request)
        with self.plainly(), self.transaction():
            new = self.insert(key, text, answer)
            used = usage or Usage(answer.input_tokens, answer.output_tokens, answer.cached_tokens)
            self._end(attempt, "answered", None, used)
        return answer if new else self.get([key])[key]

    def insert(self, key: str, request: str, answer: Answer, answered_at: float | None = None) -> bool:
        """Put an answer in; False where the key has one already, which stands."""
        messages = json.loads(request).get("messages")
        said = self.db.execute(
            f"INSERT OR IGNORE INTO calls (key, request, answered_at, prompt, {ANSWER})"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(key, request, answered_at or time.time(), prompt_number(messages)),
                *(answer.text, answer.finish_reason, answer.input_tokens, answer.output_tokens),
                *(answer.cached_tokens, answer.reasoning, answer.served_by),
            ),
        )
        return bool(said.rowcount)

    def fail(self, attempt: int, outcome: str, detail: str, usage: Usage | None = None) -> None:
        """Record how an attempt failed, and what it used all the same: an empty answer is paid for too."""
        with self.plainly(), self.transaction(durable=usage is not None):
            self._end(attempt, outcome, detail[:2000], usage or Usage())

    def _end(self, attempt: int, outcome: str, detail: str | None, usage: Usage) -> None:
        self.db.execute(
            "UPDATE attempts SET ended_at = ?, outcome = ?, detail = ?,"
            " input_tokens = ?, output_tokens = ?, cached_tokens = ?, usd = ? WHERE id = ?",
            (
                *(time.time(), outcome, detail),
                *(usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.usd, attempt),
            ),
        )

    def attempts(self) -> dict[str, int]:
        """Count attempts by outcome; `in flight` are those a killed process never saw the end of."""
        with self.plainly():
            which = "SELECT coalesce(outcome, 'in flight'), count(*) FROM attempts WHERE shares IS NULL GROUP BY 1"
            return dict(self.db.execute(which).fetchall())

    def request(self, key: str) -> str | None:
        """Return the request of a key as JSON, exactly as it was sent."""
        with self.plainly():
            row = self.db.execute("SELECT request FROM calls WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        """Close the file."""
        try:
            if not self.readonly and self.sessions.mine is not None:
                with self.plainly(), self.transaction():
                    self.sessions.close()
        except BuilderError:  # a full disk: the session counts as ended when its process is
            pass
        finally:
            self.db.close()

    def __enter__(self) -> Ledger:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close on leaving."""
        self.close()
