"""What the ledger tells of the past: what was spent on what, how calls failed, how long answers were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from builder.ledger.batches import NOT_BILLED
from builder.ledger.store import LOST, Ledger


class Spent(NamedTuple):
    """What one teacher has cost, in calls and tokens."""

    name: str
    provider: str
    model: str
    in_batch: bool
    calls: int
    """Requests that were sent, however they ended."""
    answered: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    usd: float
    """At the prices of the day."""
    unpriced: int
    """Requests that used tokens whose price was not known."""
    uncounted: int
    """Requests whose server never said what they used: cut off, timed out, killed, no usage in the body. They may have
    been billed. What lies in a batch may yet be told, and what a batch did not come to is not billed."""


def spent(ledger: Ledger, build: str | None = None) -> list[Spent]:
    """Return the spend by teacher; of one build ("name version"), or of all."""
    mine = "AND session IN (SELECT id FROM sessions WHERE build = ?)" if build is not None else ""
    query = f"""
        SELECT t.name, t.provider, t.model, a.batch IS NOT NULL, count(*), sum(a.outcome IS 'answered'),
            coalesce(sum(a.input_tokens), 0), coalesce(sum(a.output_tokens), 0), coalesce(sum(a.cached_tokens), 0),
            coalesce(sum(a.usd), 0.0), sum(a.input_tokens + a.output_tokens > 0 AND a.usd IS NULL),
            coalesce(sum((a.input_tokens IS NULL OR a.output_tokens IS NULL)
                AND (a.outcome NOT LIKE 'http %' AND a.outcome NOT IN {NOT_BILLED}
                    OR a.outcome IS NULL AND a.batch IS NULL)), 0)
        FROM attempts a JOIN teachers t ON t.id = a.teacher
        WHERE a.shares IS NULL AND a.outcome IS NOT '{LOST}' {mine} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
    with ledger.plainly():
        rows = ledger.db.execute(query, (build,) if build is not None else ()).fetchall()
    return [Spent(name, provider, model, bool(batch), *counts) for name, provider, model, batch, *counts in rows]


def failures(ledger: Ledger) -> list[tuple[str, str, int]]:
    """Return (teacher, how attempts ended, how many) of all that did not bring an answer.

    `in flight` are calls of a process at work now; `lost in flight` of one that died: they may have been billed.
    """
    query = """
        SELECT coalesce(t.name, '(imported)'), a.outcome, a.session, a.batch IS NOT NULL, count(*)
        FROM attempts a LEFT JOIN teachers t ON t.id = a.teacher
        WHERE a.shares IS NULL AND (a.outcome IS NULL OR a.outcome <> 'answered') GROUP BY 1, 2, 3, 4"""
    with ledger.plainly():
        rows = ledger.db.execute(query).fetchall()
    counts: dict[tuple[str, str], int] = {}
    for name, outcome, session, in_batch, count in rows:
        if outcome is None:
            alive = ledger.sessions.is_other_and_alive(session)
            outcome = "in a batch" if in_batch else "in flight" if alive else "lost in flight"
        counts[name, outcome] = counts.get((name, outcome), 0) + count
    return sorted((name, outcome, count) for (name, outcome), count in counts.items())


def count(ledger: Ledger) -> int:
    """Return how many answers are held."""
    with ledger.plainly():
        return int(ledger.db.execute("SELECT count(*) FROM calls").fetchone()[0])


def has_answers(ledger: Ledger) -> bool:
    """Tell whether there is any history to learn from."""
    with ledger.plainly():
        return ledger.db.execute("SELECT 1 FROM calls LIMIT 1").fetchone() is not None


def lengths(ledger: Ledger, prompts: Sequence[int]) -> dict[int, float]:
    """Return the mean length of the answers held to the same messages, from any teacher, in tokens.

    Args:
        ledger: where to look.
        prompts: numbers of prompts (`builder.ledger.store.prompt_number`).
    """
    found: dict[int, float] = {}
    for start in range(0, len(prompts), 500):
        part = prompts[start : start + 500]
        marks = ",".join("?" * len(part))
        query = f"""SELECT prompt, avg(coalesce(output_tokens, length(text) / 4.0)) FROM calls
            WHERE prompt IN ({marks}) GROUP BY prompt"""
        with ledger.plainly():
            found |= {prompt: mean for prompt, mean in ledger.db.execute(query, part) if mean is not None}
    return found


class Rates(NamedTuple):
    """What calls of one model used, by the ledger's latest thousand."""

    calls: int
    tokens_per_byte: float
    """Input tokens per byte of the messages' JSON."""
    output_tokens: float
    """Mean tokens of an answer."""


def rates(ledger: Ledger, name: str) -> Rates | None:
    """Return how many tokens calls to a teacher used; None where the ledger holds too few (20) to tell."""
    query = """
        SELECT count(*), sum(input_tokens), sum(length(CAST(json_extract(request, '$.messages') AS BLOB))),
            avg(output_tokens)
        FROM (SELECT c.* FROM attempts a JOIN calls c ON c.key = a.key
            WHERE a.teacher = (SELECT id FROM teachers WHERE name = ?) AND a.outcome = 'answered'
                AND a.shares IS NULL AND c.input_tokens IS NOT NULL AND c.output_tokens IS NOT NULL
            ORDER BY a.id DESC LIMIT 1000)"""
    with ledger.plainly():
        count, tokens, size, output = ledger.db.execute(query, (name,)).fetchone()
    return Rates(count, tokens / size, output) if count >= 20 and size else None
