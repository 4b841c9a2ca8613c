"""What can be measured on a row, for all rows at once. No threshold stands here: `quality` has those.

    prompt    "Name three fruits."          prompt_words 3       prompt_keyword false
    response  "Apples, pears and plums."    response_words 4     refusal false     repetition null

A measure is null where it means nothing: `repetition` of a short answer, `stop_words` of Chinese or of code. So a
rule needs no exceptions, for it never fires on null; and what a measure was not taken of is seen in its count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.measures import answers, counts, pii, prompts

if TYPE_CHECKING:
    import polars as pl

ABOUT: dict[str, str] = prompts.ABOUT | counts.ABOUT | answers.ABOUT | pii.ABOUT
"""Every measure and what it is, in the order in which they are shown."""

_HELP = ("_asked", "_asked_last", "_said", "_counts")


def measure(table: pl.DataFrame, *, personal: bool = True) -> pl.DataFrame:
    """Add every measure to a table (see builder.rows) as a column, in one lazy pass; arguments as for `lazily`."""
    return lazily(table, personal=personal).collect()


def lazily(table: pl.DataFrame, *, personal: bool = True) -> pl.LazyFrame:
    """Return the table with every measure to come: of those that are not selected, none is computed.

    Args:
        table: needs prompt and response; looks at finish_reason and lang where they are there.
        personal: whether to look for personal data; else the column `pii` holds nulls.
    """
    import polars as pl

    contents = pl.element().struct.field("content")
    counted = {name: pl.col("_counts").struct.field(name) for name in counts.ABOUT}
    named = prompts.expressions("_asked") | counted | answers.expressions(table.columns)
    nothing = pl.lit(None, pl.List(pl.String()))
    return (
        table.lazy()
        .with_columns(
            _asked=pl.col("prompt").list.eval(contents).list.join("\n", ignore_nulls=True),
            _asked_last=pl.col("prompt").list.last().struct.field("content"),
            _said=pl.col("response").str.strip_chars(),
        )
        .with_columns(_counts=counts.expression(pl.col("response")))
        .with_columns(**named, pii=pii.expression(pl.col("_asked"), pl.col("response")) if personal else nothing)
        .drop(_HELP)
    )
