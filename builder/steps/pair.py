"""pair: of the answers to one prompt, set the best against the worst.

A pair is a relation between two rows, not a row of its own: the chosen row gets `rejected_ids`, and `emit` writes the
pair if both sides are still alive. Never a tie, never a margin below `min_margin`, never two equal texts; the chosen
side has passed everything before it, the rejected side everything but its checks.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from builder.config import PairConfig
from builder.context import Context
from builder.rows import same_request

if TYPE_CHECKING:
    import polars as pl


def pair(table: pl.DataFrame, config: PairConfig, context: Context) -> pl.DataFrame:
    """Record on each chosen row the ids of its rejected sides."""
    import polars as pl

    rejected: dict[str, list[str]] = {}
    without: Counter[str] = Counter()
    if "score" not in table.columns or table["score"].null_count() == table.height:
        context.notes.append("no pairs: no answer has a score; put `verify` (or a judge) before `pair`")
    else:
        candidates = table.filter(pl.col("response").is_not_null() & pl.col("score").is_not_null())
        answers: dict[str, list[dict[str, Any]]] = {}
        for row in candidates.select("id", "prompt", "checks", "response", "score", "failed").iter_rows(named=True):
            answers.setdefault(same_request(row), []).append(row)
        for group in answers.values():
            made = _pairs(group, config)
            if isinstance(made, str):
                without[made] += 1
            for best, worst in [] if isinstance(made, str) else made:
                rejected.setdefault(best, []).append(worst)
        context.notes += [f"pair: {n} prompts without a pair: {why}" for why, n in without.most_common()]
    sides = pl.Series("rejected_ids", [rejected.get(i) for i in table["id"]], pl.List(pl.String))
    return table.with_columns(sides)


def _pairs(answers: list[dict[str, Any]], config: PairConfig) -> list[tuple[str, str]] | str:
    """Return (chosen id, rejected id) pairs of one prompt, or why there are none."""
    good = [answer for answer in answers if answer["failed"] is None]
    if not good:
        return "no answer is good enough to be chosen"
    if len(answers) == 1:
        return "one answer only"
    # The id breaks ties of score: it is a hash, so it favours neither an early draw nor a teacher.
    good.sort(key=lambda a: (-a["score"], a["id"]))
    chosen = [answer for answer in good if answer["score"] == good[0]["score"]]
    pairs: list[tuple[str, str]] = []
    used: set[str] = {_normal(answer["response"]) for answer in chosen}
    tied = True
    for worst in sorted(answers, key=lambda a: (a["score"], a["id"])):
        best = chosen[len(pairs) % len(chosen)]
        tied &= worst["score"] == best["score"]
        if best["score"] - worst["score"] < config.min_margin or len(pairs) == config.per_prompt:
            break
        text = _normal(worst["response"])
        if text not in used:
            used.add(text)
            pairs.append((best["id"], worst["id"]))
    return pairs or ("a tie" if tied else "equal texts, or a margin below min_margin")


def _normal(text: str) -> str:
    return " ".join(text.split())
