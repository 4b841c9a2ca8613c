"""emit: decide what each live row becomes, and hold it against the schema it will be published under.

    split    "train" | "test"      drawn from prompt_id, so all answers to one prompt stand on one side, for ever
    sft      true                  the row is an SFT row
    rejected_ids                   cut down to the pairs that stand

A row that is neither an SFT row nor a side of a pair is dropped with its reason. `builder.outputs` writes the files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from builder import schema
from builder.columnar import requests
from builder.config import EmitConfig
from builder.context import Context
from builder.rows import drop
from builder.shards import Shards, elsewhere

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]

# What a row of sft/v1 looks like at a glance. All that does not is held against the schema itself: a hundred times
# as dear, so most rows should be spared it. Whether the glance is never more lenient, a test holds.
_GLANCE = "sft/v1"
_ID = r"^b2:[0-9a-f]{32}$"
_TURNS = r"^(system,)?user(,assistant,user)*$"
_SAYS_SOMETHING = r"[\p{L}\p{N}]"
_LIKE_A_CONTROL_TOKEN = r"<\||\[/?INST|<<|</?s>|_of_turn>|<[bBeE][oO][sS]>|\x00"


def emit(shards: Shards, config: EmitConfig, context: Context) -> Iterator[pl.DataFrame]:
    """Mark SFT rows, pairs and splits; drop the rest. What depends on other rows is found out first."""
    import polars as pl

    pairs, lost = _standing(shards)
    if lost:
        context.notes.append(
            f"emit: {lost} pairs were removed, because a side was dropped after `pair` or is not valid"
        )
    sides = pl.concat([pairs.select("id"), pairs.select(id=pl.col("rejected_ids").explode())]).unique()
    best = _best(shards) if config.best_only else None
    for shard in shards:
        fault = faults(shard)
        sft = fault.is_null() & shard["failed"].is_null()
        if best is not None:
            sft &= _among(shard, best)
        reason = pl.coalesce(
            pl.lit(fault), pl.lit("unpaired: ") + pl.col("failed"), pl.lit("not the best answer to its prompt")
        )
        needless = ~(sft | _among(shard, sides))
        table = shard.drop("rejected_ids", strict=False)
        table = table.with_columns(_split(config.test_share).alias("split"), sft.alias("sft"))
        table = table.join(pairs, on="id", how="left", maintain_order="left")
        yield drop(table, "emit", pl.lit(needless), reason)


def faults(rows: pl.DataFrame) -> pl.Series:
    """Say what keeps each row from being an SFT row; null where nothing does."""
    import polars as pl

    content = pl.element().struct.field("content")
    clean = content.str.contains(_SAYS_SOMETHING) & ~content.str.contains(_LIKE_A_CONTROL_TOKEN)
    prompt, response = pl.col("prompt"), pl.col("response")
    plain = (
        (schema.latest("sft") == _GLANCE)
        & pl.col("id").str.contains(_ID)
        & prompt.list.eval(pl.element().struct.field("role")).list.join(",").str.contains(_TURNS)
        & prompt.list.eval(clean.fill_null(False)).list.all()
        & response.str.contains(_SAYS_SOMETHING)
        & ~response.str.contains(_LIKE_A_CONTROL_TOKEN)
    )
    numbered = rows.select("id", "prompt", "response").with_row_index("number")
    looked_at = numbered.filter(~plain.fill_null(False))
    found = [_fault(row) for row in looked_at.iter_rows(named=True)]
    said = looked_at.select("number", fault=pl.Series(found, dtype=pl.String))
    return numbered.select("number").join(said, on="number", how="left", maintain_order="left")["fault"]


def _fault(row: Row) -> str | None:
    if row["response"] is None:
        return "no response: the seed brings none and no teacher was asked"
    wrong = schema.faults("sft", {"id": row["id"], "messages": schema.messages(row), "metadata": "{}"})
    return f"not {schema.latest('sft')}: {wrong[0]}" if wrong else None


def _among(rows: pl.DataFrame, ids: pl.DataFrame) -> pl.Series:
    import polars as pl

    known = ids.select("id", known=pl.lit(True))
    return rows.select("id").join(known, on="id", how="left", maintain_order="left")["known"].fill_null(False)


def _best(shards: Shards) -> pl.DataFrame:
    """Name one row a prompt: the best score, and of equals the one `pair` would choose."""
    import polars as pl

    candidates = []
    for shard in shards:
        good = shard.filter(faults(shard).is_null() & pl.col("failed").is_null())
        score = pl.col("score").cast(pl.Float64).fill_null(-math.inf) if "score" in good else pl.lit(-math.inf)
        candidates.append(good.select("id", score=score).hstack(requests(good)))
    best = pl.concat(candidates).sort(["score", "id"], descending=[True, False])
    return best.unique(["request", "request_2"], keep="first", maintain_order=True).select("id")


def _standing(shards: Shards) -> tuple[pl.DataFrame, int]:
    """Return the pairs that stand, as id and rejected_ids, and how many do not.

    A pair stands if both sides are still alive, could be emitted but for a failed check, and make a valid pair.
    """
    import polars as pl

    kinds = {"id": pl.String(), "rejected_ids": pl.List(pl.String())}
    if "rejected_ids" not in shards.columns:
        return pl.DataFrame(schema=kinds), 0
    alive = elsewhere(shards, "rejected_ids")
    standing: list[tuple[str, list[str]]] = []
    wished = 0
    for shard in shards:
        chosen = shard.filter(pl.col("rejected_ids").list.len() > 0)
        wanted = chosen.select(id=pl.col("rejected_ids").explode()).unique()
        held = pl.concat([chosen, *(rows.join(wanted, on="id", how="semi") for rows in (shard, alive))])
        held = held.select("id", "prompt", "response", "rejected_ids").unique("id", maintain_order=True)
        sound = held.filter(faults(held).is_null())
        rows = {row["id"]: row for row in sound.iter_rows(named=True)}
        for id, rejected in chosen.select("id", "rejected_ids").iter_rows():
            wished += len(rejected)
            left = [other for other in rejected if id in rows and other in rows and _stands(rows[id], rows[other])]
            standing += [(id, left)] if left else []
    return pl.DataFrame(standing, schema=kinds, orient="row"), wished - sum(len(left) for _, left in standing)


def _stands(chosen: Row, rejected: Row) -> bool:
    return not schema.faults("preference", schema.pair(chosen, rejected) | {"metadata": "{}"})


def _split(test_share: float) -> pl.Expr:
    """Draw the split from the prompt's hash: its first 32 bits as a number in [0, 1)."""
    import polars as pl

    bits = pl.col("prompt_id").str.extract(":(.{8})").str.to_integer(base=16, dtype=pl.Int64)
    return pl.when(bits / 2**32 < test_share).then(pl.lit("test")).otherwise(pl.lit("train"))
