"""Drop duplicates: the first row of a cluster stays, every other names its twin and how near it is.

    prompt                                             mark
    "Name three fruits that grow on trees in Spain."   none
    "name three fruits that grow on trees in  spain."  "dedup: exact duplicate"
    "Name three fruits that grow on trees in Italy."   "dedup: near-duplicate: 0.75 of b2:5d0c…"
                                   with evidence  {"twin": "b2:5d0c…", "jaccard": 0.75, "twin_text": "Name …"}

MinHash LSH only proposes pairs; each is confirmed by the exact Jaccard similarity of the shingle sets, and a
row is dropped only against a row that stays. So nothing is dropped by chance, and "yes", "no", "42", which
have no shingle at all, are compared as they stand.

Siblings, the answers to one seed's prompt, are there to be compared with each other: never near-duplicates.
Only the very same answer is one too many, exactly: a near miss may differ in case or spacing alone.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from builder import rows
from builder.text import tokens

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from builder.config import DedupConfig
    from builder.context import Context

RECALL = 0.99
"""Least probability that LSH proposes a pair exactly at the threshold, where the permutations allow it."""
SIGMAS = 4
"""A proposal whose estimate lies so many standard errors below the threshold is not looked at exactly."""


class Unit(NamedTuple):
    """One text to compare: all rows of a prompt's family that have it."""

    family: tuple[str, str]
    """Seed and prompt: rows that share it are siblings."""
    system: str
    """The system message it stands under. Shared ones would outvote what is asked, so they are not compared, and
    texts under different ones are different requests."""
    text: str
    """Normalised."""
    members: list[int]
    """Row numbers, the first stands for all."""


class Twin(NamedTuple):
    """What makes a row one too many."""

    row: int
    """Row number of the one that stays."""
    reason: str
    jaccard: float


def dedup(table: pl.DataFrame, config: DedupConfig, context: Context) -> pl.DataFrame:
    """Fill twin (id of the row that stays, else null); drop duplicates among the rows not dropped yet."""
    import polars as pl

    units = _units(table, config.on)
    twins = {}
    for unit, twin in _compare(units, config, context):
        twins.update(dict.fromkeys(unit.members, twin))
    twins.update(_same_answers(table, units, twins))

    ids = table["id"]
    shown = table.select(_text(config.on).str.slice(0, 120)).to_series()
    reasons: list[str | None] = [None] * table.height
    evidence: list[str | None] = [None] * table.height
    named: list[str | None] = [None] * table.height
    for row, twin in twins.items():
        named[row] = ids[twin.row]
        like = f"near-duplicate: {twin.jaccard:.2f} of {named[row]}"
        reasons[row] = like if twin.reason == "near-duplicate" else twin.reason
        found = {"twin": named[row], "jaccard": round(twin.jaccard, 4), "twin_text": shown[twin.row]}
        evidence[row] = json.dumps(found, ensure_ascii=False)
    near = sum(twin.reason == "near-duplicate" for twin in twins.values())
    if near > table.height / 2:
        context.notes.append(
            f"dedup: {near} of {table.height} rows are near-duplicates at threshold {config.threshold}; where prompts "
            "share a long text with different questions to it, a higher threshold tells them apart"
        )
    table = table.with_columns(pl.Series("twin", named, pl.String))
    reason, proof = (pl.lit(pl.Series(column, dtype=pl.String)) for column in (reasons, evidence))
    return rows.drop(table, "dedup", reason.is_not_null(), reason, proof)


def _text(on: str) -> pl.Expr:
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


def _units(table: pl.DataFrame, on: str) -> list[Unit]:
    """Gather the live rows by sibling family and normalised text, in row order.

    Rows that could be emitted go first: a prompt whose answer failed takes no place from one with a good answer.
    """
    import polars as pl

    live = table.with_row_index("row").filter(pl.col("dropped").is_null())
    live = live.with_columns(text=_text(on)).filter(pl.col("text").is_not_null())
    unfit = [pl.col(name).is_not_null() for name in ("failed", "near_miss") if name in table.columns]
    live = live.sort(pl.any_horizontal(unfit), maintain_order=True)
    first = pl.col("prompt").list.first().struct
    system = pl.when(first.field("role") == "system").then(first.field("content")).fill_null("")
    live = live.select("row", "seed_id", "prompt_id", "text", system=system)
    units: dict[tuple[str, str, str], Unit] = {}
    for row, seed_id, prompt_id, text, system_text in live.iter_rows():
        normal = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        unit = units.setdefault((seed_id, prompt_id, normal), Unit((seed_id, prompt_id), system_text, normal, []))
        unit.members.append(row)
    return list(units.values())


def _same_answers(table: pl.DataFrame, units: list[Unit], gone: dict[int, Twin]) -> dict[int, Twin]:
    """Among siblings that stay, find answers that an earlier one gave exactly so."""
    response = table["response"].to_list()
    first: dict[tuple[tuple[str, str], str], int] = {}
    same = {}
    for unit in units:
        for row in unit.members:
            if row not in gone and response[row] is not None:
                stays = first.setdefault((unit.family, response[row]), row)
                if stays != row:
                    same[row] = Twin(stays, "same answer as a sibling", 1.0)
    return same


def _compare(units: list[Unit], config: DedupConfig, context: Context) -> Iterator[tuple[Unit, Twin]]:
    """Walk the units in order; yield each that an earlier one which stays makes superfluous, with that one.

    An answer too short for one shingle ("42") says nothing about being a copy: answers are not compared then.
    """
    import numpy as np
    from datasketch import MinHash, MinHashLSH

    bands = _bands(config.threshold, config.permutations, context)
    index = MinHashLSH(num_perm=config.permutations, params=bands)
    spread = (config.threshold * (1 - config.threshold) / config.permutations) ** 0.5
    least = config.threshold - SIGMAS * spread
    shingles = list(_shingles(units, config.shingle))
    sizes = np.array([len(each) for each in shingles], dtype=np.int64)
    signatures = np.zeros((len(units), config.permutations), dtype=np.uint32)
    sketches = MinHash.generator(
        ((each & 0xFFFFFFFF).tolist() for each in shingles), num_perm=config.permutations, hashfunc=int
    )
    stays: dict[tuple[str, str], int] = {}
    with context.progress("comparing texts", len(units)) as advance:
        for number, (unit, sketch) in enumerate(zip(units, sketches, strict=True)):
            advance(1)
            if not sizes[number] and config.on == "response":
                continue
            if (unit.system, unit.text) in stays:
                yield unit, Twin(units[stays[unit.system, unit.text]].members[0], "exact duplicate", 1.0)
                continue
            if sizes[number]:
                signatures[number] = sketch.hashvalues
                proposed = np.array(sorted(index.query(sketch)), dtype=np.int64)
                estimates = (signatures[proposed] == sketch.hashvalues).mean(axis=1)
                alike = [
                    (_jaccard(shingles[number], shingles[other]), -other)
                    for other in proposed[estimates >= least].tolist()
                    if units[other].family != unit.family and units[other].system == unit.system
                ]
                jaccard, other = max(alike, default=(0.0, 0))
                if alike and jaccard >= config.threshold:
                    yield unit, Twin(units[-other].members[0], "near-duplicate", jaccard)
                    continue
                index.insert(number, sketch, check_duplication=False)
            stays[unit.system, unit.text] = number


def _bands(threshold: float, permutations: int, context: Context) -> tuple[int, int]:
    """Choose (bands, rows per band): the longest bands, so the fewest proposals, that still reach RECALL."""
    for length in range(permutations // 2, 0, -1):
        bands = permutations // length
        recall = 1 - (1 - threshold**length) ** bands
        if recall >= RECALL:
            return bands, length
    context.notes.append(
        f"dedup: {permutations} permutations find only {recall:.0%} of the pairs at similarity {threshold}; "
        "more permutations find more"
    )
    return permutations, 1


def _shingles(units: list[Unit], size: int) -> Iterator[np.ndarray[Any, np.dtype[np.uint64]]]:
    """Hash each text's runs of `size` tokens to a sorted set of 64 bits; empty for fewer tokens than that."""
    import numpy as np
    import polars as pl

    texts = pl.DataFrame({"text": [unit.text for unit in units]}, schema={"text": pl.String})
    for said in texts.select(tokens(pl.col("text"))).to_series():
        runs = {" ".join(run) for run in zip(*(said[start:].to_list() for start in range(size)), strict=False)}
        digests = [hashlib.blake2b(run.encode(), digest_size=8).digest() for run in runs]
        yield np.unique(np.frombuffer(b"".join(digests), dtype="<u8"))


def _jaccard(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    import numpy as np

    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
