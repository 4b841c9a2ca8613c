"""pair: of the answers to one prompt, set a better one against a worse one.

    best_worst   the best against the worst, then against the next worst …
    margin       any two that differ by at least `min_margin`, the widest apart first

A pair is a relation between two rows, not a row of its own: the chosen row gets `rejected_ids`, and `emit` writes the
pair if both sides are still alive. Never a tie, never a margin below `min_margin`, never two equal texts; the chosen
side has passed everything before it, the rejected side everything but its checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from builder.columnar import requests
from builder.config import PairConfig
from builder.context import Context
from builder.shards import Shards

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]
Text = tuple[int, int]
"""A text, white space aside, by two 64-bit hashes of it."""

_NEEDED = ("id", "prompt", "checks", "response", "score", "failed")
_NONE_GOOD = "no answer is good enough to be chosen"
_GROUP = ["request", "request_2"]


def pair(shards: Shards, config: PairConfig, context: Context) -> Iterator[pl.DataFrame]:
    """Record on each chosen row the ids of its rejected sides. No text is held, only hashes, scores and ids."""
    import polars as pl

    answered, answers = _answers(shards)
    rejected: dict[str, list[str]] = {}
    if answers is None:
        context.notes.append("no pairs: no answer has a score; put `verify` or `judge` before `pair`")
    else:
        if unscored := answered - answers.height:
            context.notes.append(f"pair: {unscored} answers have no score and stand in no pair")
        alone = answers.filter(pl.len().over(_GROUP) == 1)
        without: dict[str, list[int]] = {}  # the first row of each prompt that has no pair, by the reason why
        for why, rows in (("one answer only", pl.col("good")), (_NONE_GOOD, ~pl.col("good"))):
            without[why] = alone.filter(rows)["row"].to_list()
        several = answers.filter(pl.len().over(_GROUP) > 1).sort([*_GROUP, "row"])
        for _, group in groupby(several.iter_rows(named=True), key=lambda row: (row["request"], row["request_2"])):
            made = _pairs(mates := list(group), config)
            if isinstance(made, str):
                without.setdefault(made, []).append(mates[0]["row"])
            for best, worst in [] if isinstance(made, str) else made:
                rejected.setdefault(best, []).append(worst)
        commonest = sorted((-len(rows), min(rows), why) for why, rows in without.items() if rows)
        context.notes += [f"pair: {-count} prompts without a pair: {why}" for count, _, why in commonest]
    for shard in shards:
        sides = pl.Series("rejected_ids", [rejected.get(id) for id in shard["id"]], pl.List(pl.String))
        yield shard.with_columns(sides)


def _answers(shards: Shards) -> tuple[int, pl.DataFrame | None]:
    """Return how many answers there are, and what is needed of those with a score; None where no row has any."""
    import polars as pl

    count, scored, found = 0, False, []
    for shard in shards.frames(_NEEDED):
        answered = shard.filter(pl.col("response").is_not_null())
        count += answered.height
        if "score" not in shard:
            continue
        scored = scored or shard["score"].null_count() < shard.height
        rows = answered.filter(pl.col("score").is_not_null())
        # what Python takes for white space, so that texts which differ in nothing else are the same text
        normal = pl.col("response").str.replace_all(r"[\s\x1c-\x1f]+", " ").str.strip_chars(" ")
        small = rows.select("id", "score", good=pl.col("failed").is_null(), text=normal.hash(1), text_2=normal.hash(2))
        found.append(small.hstack(requests(rows)))
    return count, pl.concat(found).with_row_index("row") if scored else None


def _pairs(answers: list[Row], config: PairConfig) -> list[tuple[str, str]] | str:
    """Return (chosen id, rejected id) pairs of one prompt, or why there are none."""
    good = [answer for answer in answers if answer["good"]]
    if not good:
        return _NONE_GOOD
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
    used: set[Text] = {_text(answer) for answer in chosen}
    for worst in sorted(answers, key=lambda a: (a["score"], a["id"])):
        best = chosen[len(pairs) % len(chosen)]
        if _margin(best, worst) < config.min_margin or len(pairs) == config.per_prompt:
            break
        text = _text(worst)
        if text not in used:
            used.add(text)
            pairs.append((best["id"], worst["id"]))
    return pairs


def _widest(good: list[Row], answers: list[Row], config: PairConfig) -> list[tuple[str, str]]:
    """Pair any two whose margin is wide enough, the widest first; two texts make one pair."""
    text = {answer["id"]: _text(answer) for answer in answers}
    apart = [(_margin(best, worst), best["id"], worst["id"]) for best in good for worst in answers]
    wide = [it for it in apart if it[0] >= config.min_margin and text[it[1]] != text[it[2]]]
    pairs: dict[frozenset[Text], tuple[str, str]] = {}
    for _, best, worst in sorted(wide, key=lambda it: (-it[0], it[1], it[2])):
        pairs.setdefault(frozenset((text[best], text[worst])), (best, worst))
    return list(pairs.values())[: config.per_prompt]


def _margin(best: Row, worst: Row) -> float:
    """Return the difference of two scores; 13/3 and 10/3 are 1 apart, whatever floats say."""
    return round(float(best["score"] - worst["score"]), 9)


def _text(row: Row) -> Text:
    return row["text"], row["text_2"]
