"""What a row says: the text that is compared with others'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from builder.near.corpus import identity

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from builder.shards import Shards

SHOWN = 120
"""Characters of a text that are kept to be shown."""


def system() -> pl.Expr:
    """Return the system message of a prompt, or null."""
    import polars as pl

    first = pl.col("prompt").list.first().struct
    return pl.when(first.field("role") == "system").then(first.field("content"))


def numbers(systems: pl.Series) -> NDArray[np.uint64] | None:
    """Number system messages by what they say, 0 where there is none; None where no row has one.

    Texts under different ones are different requests. They are not compared themselves: a shared one would outvote
    what is asked.
    """
    import polars as pl

    different = systems.drop_nulls().unique()
    if not len(different):
        return None
    known = pl.Series([identity(system) | 1 for system in different], dtype=pl.UInt64)
    return systems.replace_strict(different, known, default=0, return_dtype=pl.UInt64).to_numpy()


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


def beginnings(shards: Shards, wanted: pl.Series, on: str) -> pl.DataFrame:
    """Fetch how the texts of some rows begin, and what they are: row, shown, identity."""
    import polars as pl

    shape = {"row": pl.Int64, "shown": pl.String, "identity": pl.UInt64}
    found = [pl.DataFrame(schema=shape)]
    for some in _texts(shards, wanted, on):
        known = pl.Series([identity(text) for text in some["text"]], dtype=pl.UInt64)
        found.append(some.select("row", shown=pl.col("text").str.slice(0, SHOWN), identity=known))
    return pl.concat(found)


def texts(shards: Shards, wanted: pl.Series, on: str) -> pl.DataFrame:
    """Fetch what some rows say: row, text."""
    import polars as pl

    return pl.concat([pl.DataFrame(schema={"row": pl.Int64, "text": pl.String}), *_texts(shards, wanted, on)])


def _texts(shards: Shards, wanted: pl.Series, on: str) -> Iterator[pl.DataFrame]:
    import polars as pl

    sought = pl.DataFrame({"row": wanted.unique().sort()}, schema={"row": pl.Int64})
    at = 0
    for shard in shards.frames(["prompt", "response"]):
        here = sought.filter(pl.col("row").is_between(at, at + shard.height - 1))["row"]
        said = shard[(here - at).to_list()].select(text=text(on))
        yield said.select(pl.lit(here).alias("row"), "text")
        at += shard.height
