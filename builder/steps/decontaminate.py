"""decontaminate: drop rows that hold rows of a benchmark, each with what was found, so that a person can judge.

    benchmark  gsm8k.jsonl:1  "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips …"
    row        "Solve: Natalia sold clips to 48 of her friends in April, and then she sold half as many."
    dropped    "decontaminate: 13-gram of gsm8k.jsonl: row 1"
    evidence   {"benchmark": "gsm8k.jsonl", "row": 1, "part": "question", "side": "prompt",
                "span": "Natalia sold … half as many", "tokens": 17, "ngram": 13, "coverage": 0.55,
                "benchmark_text": "Natalia sold …"}

Hits, in this order: the same 13 tokens in a row; 8-grams that cover half of the benchmark's text, 13 tokens of it or
all; a prompt that is a whole question of fewer than 8 tokens. Where asked for, a prompt made of the same words as a
question (`near`) or that means the same (`semantic`). What becomes of a row depends on that row alone.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import rows
from builder.contamination import benchmarks
from builder.contamination.against import Against, against
from builder.contamination.benchmarks import Text
from builder.errors import InputError
from builder.text import tokens

if TYPE_CHECKING:
    import polars as pl

    from builder.config import DecontaminateConfig
    from builder.context import Context

_SPAN = 400
"""Characters of a matched span in the evidence."""
_SHOWN = 200
"""Characters of the benchmark's text."""


def check(config: DecontaminateConfig, base: Path) -> dict[str, str]:
    """Refuse benchmarks that cannot be read and a model that cannot be loaded; return what they are."""
    problems = []
    hashes: dict[str, str] = {}
    try:
        hashes |= benchmarks.fingerprints(config.against, base)
    except InputError as error:
        problems += error.problems
    if config.semantic is not None:
        from builder import embeddings

        try:
            hashes |= embeddings.check(embeddings.located(config.semantic.model, base))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return hashes


def decontaminate(table: pl.DataFrame, config: DecontaminateConfig, context: Context) -> pl.DataFrame:
    """Fill contamination, contaminant, leak (and contamination_cosine); drop what is a hit.

    contamination is the largest share of a benchmark's text that the row's 8-grams cover, null for none; contaminant
    that text's place; leak the evidence of a hit, as JSON.
    """
    import polars as pl

    held = against(config, context.base)
    _note(held, config, context)
    sides = _sides(table, config.on)
    pairs = held.look(sides).with_columns(pl.col("coverage").fill_null(0.0), pl.col("covered", "run").fill_null(0))
    pairs = pairs.with_columns(kind=_kind(config, held))
    order = [pl.col("kind"), -pl.col("coverage"), -pl.col("run"), pl.col("text"), pl.col("side")]
    best = pairs.sort("row", *order).unique("row", keep="first", maintain_order=True)
    hits = _hits(best.filter(pl.col("kind") < _NONE), held, sides, config)
    measured = _measured(pairs, held, config).join(hits, on="row", how="full", coalesce=True)
    whole = pl.DataFrame({"row": range(table.height)}, schema={"row": pl.Int64})
    measured = whole.join(measured, on="row", how="left", maintain_order="left").drop("row")
    table = table.with_columns(measured.drop("reason").get_columns())
    if config.on_hit == "keep":
        return table
    reason = pl.lit(measured["reason"])
    return rows.drop(table, "decontaminate", reason.is_not_null(), reason, pl.col("leak"))


_LONG, _COVERS, _EQUAL, _NEAR, _MEANS, _NONE = range(6)
"""Kinds of hit; the surest first."""


def _kind(config: DecontaminateConfig, held: Against) -> pl.Expr:
    """Say which hit a pair is."""
    import polars as pl

    own = pl.lit(pl.Series(held.own)).gather(pl.col("text"))
    enough = pl.min_horizontal(own, pl.lit(config.ngram))
    covers = (pl.col("coverage") >= config.max_coverage - 1e-9) & (pl.col("covered") >= enough)
    covers &= pl.col("covered") > 0
    kind = pl.when(pl.col("run") > 0).then(_LONG).when(covers).then(_COVERS).when(pl.col("equal")).then(_EQUAL)
    kind = kind.when(pl.col("jaccard").is_not_null()).then(_NEAR)
    least = 2.0 if config.semantic is None else config.semantic.threshold
    return kind.when(pl.col("cosine") >= least).then(_MEANS).otherwise(_NONE)


def _sides(table: pl.DataFrame, on: str) -> dict[str, pl.Series]:
    """Return the texts of the rows not dropped yet; system messages apart, since many rows may share a long one."""
    import polars as pl

    role = pl.element().struct.field("role")
    said = pl.element().struct.field("content")
    system = pl.col("prompt").list.eval(said.filter(role == "system")).list.join("\n")
    turns = pl.col("prompt").list.eval(said.filter(role != "system")).list.join("\n")
    live = pl.col("dropped").is_null()
    texts = {"prompt": turns, "response": pl.col("response"), "system": system.replace("", None)}
    wanted = {"prompt": ("prompt", "system"), "response": ("response",)}.get(on, ("prompt", "response", "system"))
    found = table.select(pl.when(live).then(texts[side]).alias(side) for side in wanted)
    return {side: found[side] for side in wanted if found[side].null_count() < table.height}


def _measured(pairs: pl.DataFrame, held: Against, config: DecontaminateConfig) -> pl.DataFrame:
    """Return the columns that stand beside every row that shares anything with a benchmark."""
    import polars as pl

    shares = pairs.filter(pl.col("covered") + pl.col("run") > 0).sort(
        "row", -pl.col("coverage"), -pl.col("run"), "text"
    )
    shares = shares.unique("row", keep="first", maintain_order=True)
    places = pl.Series([_place(held.texts[text]) for text in shares["text"].to_list()], dtype=pl.String)
    found = shares.select("row", contamination=pl.col("coverage").round(4), contaminant=places)
    if config.semantic is None:
        return found
    nearest = pairs.group_by("row").agg(contamination_cosine=pl.col("cosine").max().round(4))
    return found.join(nearest, on="row", how="full", coalesce=True)


def _hits(best: pl.DataFrame, held: Against, sides: dict[str, pl.Series], config: DecontaminateConfig) -> pl.DataFrame:
    """Return row, reason and leak (the evidence) of every hit."""
    import polars as pl

    normal = [unicodedata.normalize("NFKC", sides[side][row]) for row, side in best.select("row", "side").iter_rows()]
    said = pl.DataFrame({"text": normal}, schema={"text": pl.String}).select("text", tokens=tokens(pl.col("text")))
    told = [
        (hit["row"], *_told(hit, held.texts[hit["text"]], text, words, config))
        for hit, (text, words) in zip(best.iter_rows(named=True), said.iter_rows(), strict=True)
    ]
    return pl.DataFrame(told, {"row": pl.Int64, "reason": pl.String, "leak": pl.String}, orient="row")


def _told(hit: dict[str, Any], text: Text, said: str, words: list[str], config: DecontaminateConfig) -> tuple[str, str]:
    """Return reason and evidence of a hit, given the row's text and its tokens."""
    ngram, short = config.ngram, config.coverage_ngram
    what = {
        _LONG: f"{ngram}-gram of {text.benchmark}: row {text.row}",
        _COVERS: f"{short}-grams of {text.benchmark}: {hit['coverage']:.0%} of row {text.row}",
        _EQUAL: f"question of {text.benchmark}: row {text.row}",
        _NEAR: f"near-duplicate of {text.benchmark}: {hit['jaccard'] or 0:.2f} of row {text.row}",
        _MEANS: f"meaning of {text.benchmark}: {hit['cosine'] or 0:.2f} of row {text.row}",
    }[hit["kind"]]
    place, length = {_LONG: (hit["run_place"], hit["run"]), _COVERS: (hit["place"], hit["length"])}.get(
        hit["kind"], (0, None)
    )
    span = said if length is None else span_of(said, words, place, length)
    told: dict[str, Any] = {"benchmark": text.benchmark, "row": text.row, "part": text.part, "side": hit["side"]}
    told |= {"span": _cut(span, _SPAN)}
    if length is not None:
        told |= {"tokens": length, "ngram": ngram if hit["kind"] == _LONG else short}
    told |= {"coverage": 1.0 if hit["kind"] == _EQUAL else round(hit["coverage"], 4)}
    told |= {name: round(hit[name], 4) for name in ("jaccard", "cosine") if hit[name] is not None}
    return what, json.dumps(told | {"benchmark_text": _cut(text.text, _SHOWN)}, ensure_ascii=False)


def span_of(text: str, words: Sequence[str], place: int, length: int) -> str:
    """Return `length` tokens of a text from a place on, with what stands between them; `words` are its tokens."""
    at = begin = 0
    for number, word in enumerate(words[: place + length]):
        at = text.index(word, at)
        if number == place:
            begin = at
        at += len(word)
    return text[begin:at]


def _cut(text: str, length: int) -> str:
    """Shorten a text in its middle."""
    return text if len(text) <= length else f"{text[: length // 2]} … {text[-length // 2 :]}"


def _place(text: Text) -> str:
    return f"{text.benchmark}: row {text.row}"


def _note(held: Against, config: DecontaminateConfig, context: Context) -> None:
    """Say what nothing was held against, once for all shards."""
    notes = []
    for benchmark, one in zip(held.benchmarks, config.against, strict=True):
        if benchmark.bad:
            what = f"{benchmark.bad} rows of {benchmark.name} could not be read, and nothing was held against them"
            notes.append(f"decontaminate: {what}; the first: {benchmark.why}")
        if one.dataset is not None and one.revision is None:
            notes.append(f"decontaminate: {one.dataset} names no revision: the same build may find other rows there")
    if len(held.short):
        what = f"{len(held.short)} benchmark questions have no {config.coverage_ngram}-gram that says anything"
        notes.append(f"decontaminate: {what}: only a prompt that is such a question and nothing else is a hit")
    context.notes += [note for note in notes if note not in context.notes]
