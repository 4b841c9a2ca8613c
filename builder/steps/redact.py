"""redact: put a name in the place of personal data. A row that holds some is replaced by a child that does not.

    response  "Write to ann.lee@acme.io."      ->      response  "Write to [EMAIL]."     redacted ["email"]

What is found is what builder.measures.pii finds, in the prompt, the response, the reference and the strings of the
checks, so that a check still asks for what the prompt says. Before `generate` it keeps personal data from the teacher.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from builder.config import RedactConfig
from builder.context import Context
from builder.measures import pii
from builder.rows import content_id, frame, prompt_id

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]


def redact(table: pl.DataFrame, config: RedactConfig, context: Context) -> pl.DataFrame:
    """Replace every row that holds personal data by a child that does not; `redacted` names the kinds."""
    import polars as pl

    if "redacted" not in table.columns:
        table = table.with_columns(redacted=pl.lit(None, pl.List(pl.String())))
    contents = pl.col("prompt").list.eval(pl.element().struct.field("content")).list.join("\n", ignore_nulls=True)
    found = pii.expression(contents, pl.col("response"), pl.col("reference"), pl.col("checks"))
    suspects = table.filter(found.list.len() > 0).iter_rows(named=True)
    children = [child for row in suspects if (child := _child(row, config)) is not None]
    parents = pl.Series([child["parent"] for child in children], dtype=pl.String)
    kept = table.filter(~pl.col("id").is_in(parents.implode()))
    return pl.concat([kept, frame(children, table)], how="diagonal")


def _child(row: Row, config: RedactConfig) -> Row | None:
    """Return the row without what it should not hold; None where it holds nothing of it."""
    seen: set[str] = set()

    def clean(text: str) -> str:
        seen.update({span.kind for span in pii.find(text)} & set(config.kinds))
        return pii.redact(text, config.kinds)

    prompt = [message | {"content": clean(message["content"])} for message in row["prompt"]]
    own: Row = {name: clean(row[name]) if row[name] is not None else None for name in ("response", "reference")}
    checks = _strings(json.loads(row["checks"]), clean) if row["checks"] else None
    own |= {"prompt": prompt, "checks": json.dumps(checks, ensure_ascii=False) if checks else row["checks"]}
    if not seen:
        return None
    ids = {"id": content_id(row["id"], "redact", own), "parent": row["id"], "prompt_id": prompt_id(prompt)}
    return row | own | ids | {"redacted": sorted(seen.union(row["redacted"] or ()))}


def _strings(value: Any, clean: Callable[[str], str]) -> Any:
    """Apply a function to every string of a JSON value; names of fields stay."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_strings(item, clean) for item in value]
    return {name: _strings(item, clean) for name, item in value.items()} if isinstance(value, dict) else value
