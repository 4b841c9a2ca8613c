"""verify: run the checks a row brings against its response.

    checks   [{"check": "numbered", "count": 4}, {"check": "max_words", "n": 40}]
    verdict  {"numbered": true, "max_words": false}     score 0.0     failed "verify: broke max_words"

The score is strict: 1 if every check holds, else 0. A row without checks has no score: nothing is assumed of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from builder.config import VerifyConfig
from builder.context import Context
from builder.rows import drop
from builder.verify import verify as run_checks

if TYPE_CHECKING:
    import polars as pl


def verify(table: pl.DataFrame, config: VerifyConfig, context: Context) -> pl.DataFrame:
    """Record verdict and score; mark what fails."""
    import polars as pl

    verdicts: list[str | None] = []
    broken: list[str | None] = []
    with context.progress("verifying", table.height) as advance:
        for response, checks in zip(table["response"], table["checks"], strict=True):
            advance(1)
            if response is None or checks is None:
                verdicts.append(None)
                broken.append(None)
                continue
            verdict = run_checks(response, json.loads(checks))
            verdicts.append(json.dumps(verdict.checks))
            broken.append(", ".join(verdict.broken))
    checked = pl.Series("broken", broken, pl.String)
    unchecked = sum(verdict is None for verdict in verdicts)
    if unchecked and unchecked == table.height:
        context.notes.append("verify: no row brings checks, so no answer has a score")
    table = table.with_columns(
        pl.Series("verdict", verdicts, pl.String),
        pl.when(checked.is_not_null()).then((checked == "").cast(pl.Float64)).alias("score"),
    )
    column = "failed" if config.on_fail == "mark" else "dropped"
    reason = pl.lit("broke: ") + pl.lit(checked)
    return drop(table, "verify", pl.col("score") == 0, reason, pl.col("verdict"), column)
