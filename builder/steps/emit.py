"""emit: decide what each live row becomes, and hold it against the schema it will be published under.

    split    "train" | "test"      drawn from prompt_id, so all answers to one prompt stand on one side, for ever
    sft      true                  the row is an SFT row
    rejected_ids                   cut down to the pairs that stand

A row that is neither an SFT row nor a side of a pair is dropped with its reason. `builder.outputs` writes the files.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from builder import schema
from builder.config import EmitConfig
from builder.context import Context
from builder.rows import drop, same_request

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]


def emit(table: pl.DataFrame, config: EmitConfig, context: Context) -> pl.DataFrame:
    """Mark SFT rows, pairs and splits; drop the rest."""
    import polars as pl

    rows: dict[str, Row] = {row["id"]: row for row in table.iter_rows(named=True)}
    faults = {id: fault for id, row in rows.items() if (fault := _fault(row))}
    sft = {id for id, row in rows.items() if id not in faults and not row["failed"]}
    if config.best_only:
        sft = _best(sft, rows)
    pairs = {id: _standing(row, rows, faults) for id, row in rows.items() if id not in faults}
    sides = {id for id, rejected in pairs.items() if rejected} | {id for rejected in pairs.values() for id in rejected}
    lost = sum(len(row.get("rejected_ids") or []) for row in rows.values()) - sum(map(len, pairs.values()))
    if lost:
        context.notes.append(
            f"emit: {lost} pairs were removed, because a side was dropped after `pair` or is not valid"
        )

    table = table.with_columns(
        pl.Series("split", [_split(row["prompt_id"], config.test_share) for row in rows.values()], pl.String),
        pl.Series("sft", [id in sft for id in rows], pl.Boolean),
        pl.Series("rejected_ids", [pairs.get(id) or None for id in rows], pl.List(pl.String)),
    )
    reasons = [None if id in sft or id in sides else _reason(row, faults.get(id)) for id, row in rows.items()]
    reason = pl.lit(pl.Series("reason", reasons, pl.String))
    return drop(table, "emit", reason.is_not_null(), reason)


def _fault(row: Row) -> str | None:
    if row["response"] is None:
        return "no response: the seed brings none and no teacher was asked"
    wrong = schema.faults("sft", {"id": row["id"], "messages": schema.messages(row), "metadata": "{}"})
    return f"not {schema.latest('sft')}: {wrong[0]}" if wrong else None


def _reason(row: Row, fault: str | None) -> str:
    if fault:
        return fault
    return f"unpaired: {row['failed']}" if row["failed"] else "not the best answer to its prompt"


def _best(sft: set[str], rows: dict[str, Row]) -> set[str]:
    """Keep one row a prompt: the best score, and of equals the one `pair` would choose."""
    best: dict[str, Row] = {}
    for row in (rows[id] for id in rows if id in sft):
        held = best.setdefault(same_request(row), row)
        if (-_score(row), row["id"]) < (-_score(held), held["id"]):
            best[same_request(row)] = row
    return {row["id"] for row in best.values()}


def _score(row: Row) -> float:
    score = row.get("score")
    return -math.inf if score is None else score


def _standing(row: Row, rows: dict[str, Row], faults: dict[str, str]) -> list[str]:
    """Return the rejected sides that are still alive and give a valid pair."""
    sides = [rows[id] for id in row.get("rejected_ids") or [] if id in rows and id not in faults]
    return [
        side["id"] for side in sides if not schema.faults("preference", schema.pair(row, side) | {"metadata": "{}"})
    ]


def _split(prompt_id: str, test_share: float) -> str:
    """Draw the split from the prompt's hash: its first 32 bits as a number in [0, 1)."""
    tag = prompt_id.index(":") + 1
    return "test" if int(prompt_id[tag : tag + 8], 16) / 2**32 < test_share else "train"
