"""What a row says: the text that is compared with others'."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from builder.shards import Shards


def system() -> pl.Expr:
    """Return the system message of a prompt, or null."""
    import polars as pl

    first = pl.col("prompt").list.first().struct
    return pl.when(first.field("role") == "system").then(first.field("content"))


def text(on: str) -> pl.Expr:
    """Name what is compared; null where it is not there yet."""
    import polars as pl

    turns = pl.element().filter(pl.element().struct.field("role") != "system").struct.field("content")
    said = pl.col("prompt").list.eval(turns).list.join("\n", ignore_nulls=True)
    response = pl.col("response")
    return {
        "prompt": said,
        "response": response,
        "conversation": pl.concat_str(said, response, separator="\n", ignore_nulls=True),
    }[on]


def texts(shards: Shards, wanted: pl.Series, on: str) -> pl.DataFrame:
    """Fetch what some rows say: row, text."""
    import polars as pl

    found = [pl.DataFrame(schema={"row": pl.Int64, "text": pl.String})]
    sought = pl.DataFrame({"row": wanted.unique().sort()}, schema={"row": pl.Int64})
    at = 0
    for shard in shards.frames(["prompt", "response"]):
        here = sought.filter(pl.col("row").is_between(at, at + shard.height - 1))["row"]
        said = shard[(here - at).to_list()].select(text=text(on))
        found.append(said.select(pl.lit(here).alias("row"), "text"))
        at += shard.height
    return pl.concat(found)
