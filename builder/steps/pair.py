"""pair: of the answers to one prompt, set a better one against a worse one.

    best_worst   the best against the worst, then against the next worst …
    margin       any two that differ by at least `min_margin`, the widest apart first

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

Row = dict[str, Any]


def pair(table: pl.DataFrame, config: PairConfig, context: Context) -> pl.DataFrame:
    """Record on each chosen row the ids of its rejected sides."""
    import polars as pl

    rejected: dict[str, list[str]] = {}
    without: Counter[str] = Counter()
    if "score" not in table.columns or table["score"].null_count() == table.height:
        context.notes.append("no pairs: no answer has a score; put `verify` or `judge` before `pair`")
    else:
        answered = table.filter(pl.col("response").is_not_null())
        candidates = answered.filter(pl.col("score").is_not_null())
        if unscored := answered.height - candidates.height:
            context.notes.append(f"pair: {unscored} answers have no score and stand in no pair")
        answers: dict[str, list[Row]] = {}
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


def _pairs(answers: list[Row], config: PairConfig) -> list[tuple[str, str]] | str:
    """Return (chosen id, rejected id) pairs of one prompt, or why there are none."""
    good = [answer for answer in answers if answer["failed"] is None]
    if not good:
        return "no answer is good enough to be chosen"
    if len(answers) == 1:
        return "one answer only"
    if len({answer["score"] for answer in answers}) == 1:
        return "a tie"
    pairs = _widest(good, answers, config) if config.strategy == "margin" else _best_worst(good, answers, config)
    return pairs or "equal texts, or a margin below min_margin"


def _best_worst(good: list[Row], answers: list[Row], config: PairConfig) -> list[tuple[str, str]]:
    """Pair the best answers in turn with the worst, second worst … each text once."""
    # The id breaks ties of score: it is a hash, so it favours neither an early draw nor a teacher.
    good.sort(key=lambda a: (-a["score"], a["id"]))
    chosen = [answer for answer in good if answer["score"] == good[0]["score"]]
    pairs: list[tuple[str, str]] = []
    used: set[str] = {_normal(answer["response"]) for answer in chosen}
    for worst in sorted(answers, key=lambda a: (a["score"], a["id"])):
        best = chosen[len(pairs) % len(chosen)]
        if _margin(best, worst) < config.min_margin or len(pairs) == config.per_prompt:
            break
        text = _normal(worst["response"])
        if text not in used:
            used.add(text)
            pairs.append((best["id"], worst["id"]))
    return pairs


def _widest(good: list[Row], answers: list[Row], config: PairConfig) -> list[tuple[str, str]]:
    """Pair any two whose margin is wide enough, the widest first; two texts make one pair."""
    text = {answer["id"]: _normal(answer["response"]) for answer in answers}
    apart = [(_margin(best, worst), best["id"], worst["id"]) for best in good for worst in answers]
    wide = [it for it in apart if it[0] >= config.min_margin and text[it[1]] != text[it[2]]]
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for _, best, worst in sorted(wide, key=lambda it: (-it[0], it[1], it[2])):
        pairs.setdefault(frozenset((text[best], text[worst])), (best, worst))
    return list(pairs.values())[: config.per_prompt]


def _margin(best: Row, worst: Row) -> float:
    """Return the difference of two scores; 13/3 and 10/3 are 1 apart, whatever floats say."""
    return round(float(best["score"] - worst["score"]), 9)


def _normal(text: str) -> str:
    return " ".join(text.split())
