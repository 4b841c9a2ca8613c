"""Batches in the ledger: what was handed to a provider's batch API, so that any later process can collect it.

    new -> add, add, …         a row with a tag of its own, and an attempt for each request in it
    made                       the provider's id of it, once it has one
    waiting, lying             what is not collected yet: batches of a server, requests of a batch
    end | lose                 it was collected, or it never came to be

A request lies in `batch_requests` until it is answered: who collects a batch need not be the one that made it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from builder.ledger.store import LOST, Begun, Ledger

QUEUE_FULL = "queue full"
"""Outcome of a request whose batch the provider had no room for; it was not tried."""
NOT_BILLED = ("expired", "cancelled", "batch failed", QUEUE_FULL)
"""Outcomes of requests that a batch did not come to."""


class Batch(NamedTuple):
    """One batch that was not collected yet."""

    id: int
    tag: str
    """Ours, and sent with it: a batch whose id never reached us is found by it."""
    remote: str | None
    """The provider's id; None until it is known."""
    requests: int
    session: int
    """Of the process that made it."""
    created_at: float


class Lying(NamedTuple):
    """One request in a batch."""

    attempt: int
    key: str
    request: str
    """As the ledger holds it: canonical JSON."""
    build: str | None
    """Whose spend it is: "name version"."""


def new(ledger: Ledger, teacher: tuple[str, str, str], url: str) -> Batch:
    """Write a batch down before anything of it is sent.

    Args:
        ledger: where.
        teacher: (name, provider, model) of who is asked.
        url: base URL of the server it will lie at.
    """
    with ledger.plainly(), ledger.transaction():
        session, tag, now = ledger.sessions.open(ledger.build), f"builder-{uuid.uuid4().hex}", time.time()
        row = ledger.db.execute(
            "INSERT INTO batches (teacher, url, tag, session, requests, created_at) VALUES (?, ?, ?, ?, 0, ?)",
            (ledger.teacher(teacher), url, tag, session, now),
        )
    return Batch(int(row.lastrowid or 0), tag, None, 0, session, now)


def add(ledger: Ledger, batch: Batch, key: str, request: str, teacher: tuple[str, str, str]) -> Begun:
    """Put a request into a batch, unless it is answered or asked elsewhere. It is kept in any case."""
    with ledger.plainly(), ledger.transaction(durable=False):
        begun = ledger.begin(key, teacher, batch=batch.id)
        if not begun.held:
            ledger.db.execute("INSERT OR IGNORE INTO batch_requests (key, request) VALUES (?, ?)", (key, request))
    return begun


def seal(ledger: Ledger, batch: Batch, requests: int) -> None:
    """Write down that a batch is whole and about to be sent."""
    with ledger.plainly(), ledger.transaction():
        ledger.db.execute("UPDATE batches SET requests = ? WHERE id = ?", (requests, batch.id))


def made(ledger: Ledger, batch: Batch, remote: str) -> None:
    """Write down the id the provider gave."""
    with ledger.plainly(), ledger.transaction():
        ledger.db.execute("UPDATE batches SET remote = ? WHERE id = ?", (remote, batch.id))


def waiting(ledger: Ledger, url: str, model: str) -> list[Batch]:
    """Return the batches of one model at one server that are not collected yet, oldest first."""
    query = """SELECT b.id, b.tag, b.remote, b.requests, b.session, b.created_at
        FROM batches b JOIN teachers t ON t.id = b.teacher
        WHERE b.ended_at IS NULL AND b.url = ? AND t.model = ? ORDER BY b.id"""
    with ledger.plainly():
        return [Batch(*row) for row in ledger.db.execute(query, (url, model))]


def lying(ledger: Ledger, batch: Batch) -> list[Lying]:
    """Return the requests of a batch whose end is not written down yet."""
    query = """SELECT a.id, a.key, r.request, s.build
        FROM attempts a LEFT JOIN batch_requests r ON r.key = a.key JOIN sessions s ON s.id = a.session
        WHERE a.batch = ? AND a.outcome IS NULL ORDER BY a.id"""
    with ledger.plainly():
        return [Lying(*row) for row in ledger.db.execute(query, (batch.id,))]


def ended(ledger: Ledger, attempts: Sequence[int]) -> list[int]:
    """Return those attempts whose end somebody has written down; two processes may collect one batch."""
    query = "SELECT outcome FROM attempts WHERE id = ?"
    with ledger.plainly():
        return [one for one in attempts if ledger.db.execute(query, (one,)).fetchone() != (None,)]


def end(ledger: Ledger, batch: Batch, outcome: str) -> None:
    """Write down that a batch is collected, or will never be."""
    with ledger.plainly(), ledger.transaction():
        now = time.time()
        ledger.db.execute("UPDATE batches SET ended_at = ?, outcome = ? WHERE id = ?", (now, outcome, batch.id))


def drop(ledger: Ledger, batch: Batch) -> None:
    """Take back a batch that nothing was put into."""
    with ledger.plainly(), ledger.transaction():
        ledger.db.execute("DELETE FROM batches WHERE id = ?", (batch.id,))


def drop_request(ledger: Ledger, key: str) -> None:
    """Let go of a request that is answered."""
    with ledger.plainly(), ledger.transaction():
        ledger.db.execute("DELETE FROM batch_requests WHERE key = ?", (key,))


def lose(ledger: Ledger, batch: Batch) -> None:
    """End a batch that was never made, and free its requests."""
    with ledger.plainly(), ledger.transaction():
        ledger.db.execute(
            "UPDATE attempts SET ended_at = ?, outcome = ? WHERE batch = ? AND outcome IS NULL",
            (time.time(), LOST, batch.id),
        )
        end(ledger, batch, "lost")


def requests(ledger: Ledger, keys: Sequence[str]) -> dict[str, str]:
    """Return kept requests by key."""
    found: dict[str, str] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        marks = ",".join("?" * len(part))
        with ledger.plainly():
            found |= dict(ledger.db.execute(f"SELECT key, request FROM batch_requests WHERE key IN ({marks})", part))
    return found


def tries(ledger: Ledger, key: str) -> int:
    """Count how often a key was tried in a batch in vain."""
    query = """SELECT count(*) FROM attempts WHERE key = ? AND batch IS NOT NULL
        AND (outcome IS NULL OR outcome <> 'answered') AND outcome IS NOT NULL AND outcome NOT IN (?, ?)"""
    with ledger.plainly():
        return int(ledger.db.execute(query, (key, LOST, QUEUE_FULL)).fetchone()[0])


def whereabouts(ledger: Ledger, key: str) -> tuple[str, str, str] | None:
    """Return (the provider's id or our tag, base URL, model) of the batch a key lies in."""
    query = """SELECT coalesce(b.remote, b.tag), b.url, t.model
        FROM attempts a JOIN batches b ON b.id = a.batch JOIN teachers t ON t.id = b.teacher
        WHERE a.key = ? AND a.outcome IS NULL AND b.ended_at IS NULL"""
    with ledger.plainly():
        found = ledger.db.execute(query, (key,)).fetchone()
    return None if found is None else (str(found[0]), str(found[1]), str(found[2]))


def forget(ledger: Ledger, name: str) -> int | None:
    """Give a batch up, so that its requests are asked anew; it may have been billed.

    Args:
        ledger: where it is written down.
        name: the provider's id of it, or our tag.

    Returns:
        How many requests that frees; None where no such batch is waited for.
    """
    with ledger.plainly(), ledger.transaction():
        query = "SELECT id FROM batches WHERE (remote = ? OR tag = ?) AND ended_at IS NULL"
        if (row := ledger.db.execute(query, (name, name)).fetchone()) is None:
            return None
        now = time.time()
        change = "UPDATE attempts SET ended_at = ?, outcome = 'forgotten' WHERE batch = ? AND outcome IS NULL"
        freed = ledger.db.execute(change, (now, row[0])).rowcount
        ledger.db.execute("UPDATE batches SET ended_at = ?, outcome = 'forgotten' WHERE id = ?", (now, row[0]))
    return freed
