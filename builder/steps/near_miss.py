"""near_miss: grow answers that break a check on purpose, each verified to break it.

    response  '{"order": "K-31", "paid": true}'     verdict all true
 -> response  '{"order": "K-31", "paid": false}'    near_miss "neighbour value"   failed "near_miss: broke: json_equals"

They teach a preference for the answer that does what was asked over one that nearly does. A near miss is never
emitted as an SFT row; an edit that turns out harmless (every check still holds) is thrown away and counted.
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from builder.config import NearMissConfig
from builder.context import Context
from builder.rows import content_id, frame

if TYPE_CHECKING:
    import polars as pl

    from builder.embedded import NearMiss


def near_miss(table: pl.DataFrame, config: NearMissConfig, context: Context) -> pl.DataFrame:
    """Grow near misses from every answer that passed all its checks."""
    import polars as pl

    from builder import embedded  # its families are many

    right = table.filter((pl.col("score") == 1) & pl.col("failed").is_null() & pl.col("checks").is_not_null())
    children: list[dict[str, Any]] = []
    harmless = without = 0
    with context.progress("growing near misses", right.height) as advance:
        for row in right.iter_rows(named=True):
            advance(1)
            grown = embedded.near_misses(
                row["prompt"],
                row["response"],
                json.loads(row["checks"]),
                random.Random(f"{context.seed}:{row['id']}"),
                count=config.per_row,
                min_char_distance=config.min_char_distance,
            )
            harmless += grown.harmless
            without += not grown.misses
            children += [_child(row, miss, i) for i, miss in enumerate(grown.misses)]
    if harmless:
        context.notes.append(f"near_miss: {harmless} edits broke no check and were thrown away")
    if without:
        context.notes.append(f"near_miss: {without} of {right.height} verified answers gave no near miss")
    like = table.clear().with_columns(pl.lit(None, pl.String).alias("near_miss"))
    return pl.concat([table, frame(children, like)], how="diagonal")


def _child(parent: dict[str, Any], miss: NearMiss, number: int) -> dict[str, Any]:
    verdict = {label: label not in miss.broken for label in json.loads(parent["verdict"])}
    return parent | {
        "id": content_id(parent["id"], "near_miss", number, miss.text),
        "parent": parent["id"],
        "response": miss.text,
        "near_miss": miss.kind,
        "verdict": json.dumps(verdict),
        "score": 0.0,
        "failed": f"near_miss: broke: {', '.join(miss.broken)}",
    }
