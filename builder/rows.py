"""The table: the one noun of a build.

A build is a polars frame that walks through a list of steps. One row is one prompt before `generate` and one
candidate response after it:

    id        b2:5d0c…   hash of what the row is (scheme-tagged); a child's id is hash(parent, step, draw)
    parent    b2:91aa…   the row it was grown from; null for a seed
    seed_id   b2:91aa…   the seed at the root of its line
    prompt_id b2:77e0…   hash of the normalised prompt: siblings share it, splits are drawn from it
    prompt    [{role: user, content: "Name three …"}]        system first if any, ends on the user
    response  "Apples, …" or null
    reference the seed's own response, kept when a teacher is asked anew
    source    "seeds.jsonl:12"   license  "CC0-1.0"   task  "extract_json"   checks  JSON list for `verify`
    dropped   null, or "step: reason"   the row leaves the build after this step
    failed    null, or "step: reason"   not good enough to be emitted alone; may be a pair's rejected side
    evidence  null, or JSON: what the verdict rests on (score, twin id, span, detected language …)

A step may add columns and mark rows; only a growing step (seed, generate, near_miss) may add rows. No step
deletes a row, loses a column or touches an id: `check_laws` holds that after every step.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from builder.errors import TableLawError

if TYPE_CHECKING:
    import polars as pl

Message = dict[str, str]

_MARKS = ("dropped", "failed")


def canonical_json(value: Any) -> str:
    """Serialise with sorted keys, no spaces, text as is. No `default=`: what cannot be hashed must not be."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def content_id(*parts: Any) -> str:
    """Hash what a thing is made of: blake2b-16 of canonical JSON, tagged with the scheme so it can change."""
    digest = hashlib.blake2b(canonical_json(parts).encode("utf-8", "surrogatepass"), digest_size=16)
    return f"b2:{digest.hexdigest()}"


def normalised(text: str) -> str:
    """Bring a text to NFKC, casefold and single spaces: what is left of two texts that differ in nothing else."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def prompt_id(messages: Sequence[Message]) -> str:
    """Hash a prompt so that case, width and spacing do not make two prompts of one."""
    normal = [[m["role"], normalised(m["content"])] for m in messages]
    return content_id("prompt", normal)


def same_request(row: Mapping[str, Any]) -> str:
    """Return what two rows must share for their answers to be compared: the prompt as it stands, and its checks.

    `prompt_id` forgives case and spacing, which may be the very thing a prompt is about.
    """
    return canonical_json([row["prompt"], row["checks"]])


def columns() -> dict[str, Any]:
    """Return the columns every row has from the seed on, with their polars types."""
    import polars as pl

    text = pl.String()
    ids = dict.fromkeys(("id", "parent", "seed_id", "prompt_id"), text)
    prompt = {"prompt": pl.List(pl.Struct({"role": text, "content": text}))}
    others = ("response", "reference", "source", "license", "task", "checks", *_MARKS, "evidence")
    return ids | prompt | dict.fromkeys(others, text)


def frame(rows: Sequence[dict[str, Any]], like: pl.DataFrame | None = None) -> pl.DataFrame:
    """Make a table of plain dicts; what a row does not name is null. `like` gives columns beyond the first."""
    import polars as pl

    kinds = columns() | (dict(like.schema) if like is not None else {})
    values: dict[str, Any] = {name: [row.get(name) for row in rows] for name in kinds}
    values["prompt"] = _prompts(values["prompt"])
    return pl.DataFrame(values, schema=kinds)


def _prompts(prompts: list[Any]) -> pl.Series:
    """Make the prompt column out of flat turns: polars takes ten times as long for lists of dicts."""
    import polars as pl

    number = [row for row, turns in enumerate(prompts) for _ in turns or ()]
    flat = [turn for turns in prompts for turn in turns or ()]
    kinds = {"role": pl.String(), "content": pl.String()}
    turns = pl.DataFrame({name: [turn[name] for turn in flat] for name in kinds}, schema=kinds)
    turns = turns.select(pl.Series("row", number, pl.Int64), turn=pl.struct("role", "content"))
    lists = turns.group_by("row", maintain_order=True).agg("turn")
    whole = pl.DataFrame({"row": range(len(prompts))}, schema={"row": pl.Int64})
    column = whole.join(lists, on="row", how="left", maintain_order="left")["turn"]
    return column.fill_null(pl.Series([[]], dtype=column.dtype)).alias("prompt")


def drop(
    table: pl.DataFrame,
    step: str,
    when: pl.Expr,
    reason: str | pl.Expr,
    evidence: pl.Expr | None = None,
    column: str = "dropped",
) -> pl.DataFrame:
    """Mark rows `dropped = "step: reason"` where `when` holds and no earlier mark stands.

    Args:
        table: the table.
        step: name of the marking step.
        when: boolean expression; null counts as false.
        reason: fixed text or a string expression.
        evidence: string expression (JSON) kept beside the mark.
        column: `dropped`, or `failed` for rows that may still serve as a rejected side.
    """
    import polars as pl

    mark = pl.col(column).is_null() & when.fill_null(False)
    said = pl.lit(reason) if isinstance(reason, str) else reason.fill_null("no reason given")
    columns = [pl.when(mark).then(pl.lit(f"{step}: ") + said).otherwise(pl.col(column)).alias(column)]
    if evidence is not None:
        columns.append(pl.when(mark).then(evidence).otherwise(pl.col("evidence")).alias("evidence"))
    return table.with_columns(columns)


def check_laws(before: pl.DataFrame, after: pl.DataFrame, step: str, *, grows: bool) -> tuple[int, int]:
    """Hold the laws of the table after a step, on the whole of it or on what a step made of one shard.

    Returns:
        How many rows are new, and how many grew children and were replaced by them.

    Raises:
        TableLawError: a column was lost, an id repeated, a row vanished without a child or came from nowhere,
            what a row is or an earlier mark was changed, or a mark does not name its step.
    """
    import polars as pl

    def broken(law: str) -> TableLawError:
        return TableLawError(f"step {step!r} broke a law of the table: {law}")

    if lost := [name for name in before.columns if name not in after.columns]:
        raise broken(f"lost columns {lost}")
    if after["id"].null_count() or after["id"].n_unique() != after.height:
        raise broken("ids are not unique")
    if after["id"].equals(before["id"]):  # the usual case: no row came, went or moved
        added, vanished, old, new = after.clear(), before.clear(), before, after
    else:
        added = after.join(before.select("id"), on="id", how="anti")
        vanished = before.join(after.select("id"), on="id", how="anti")
        new = after.join(before.select("id"), on="id", how="semi", maintain_order="left")
        old = new.select("id").join(before, on="id", how="left", maintain_order="left")
    if not grows and (added.height or vanished.height):
        raise broken(f"{added.height} rows appeared and {vanished.height} vanished; it may only mark rows")
    if added.height:
        orphans = added.join(before.select(parent="id"), on="parent", how="anti")
        if not before.height:  # seeds
            orphans = orphans.filter(pl.col("parent").is_not_null())
        if orphans.height:
            raise broken(f"{orphans.height} new rows have no parent in the table, first {orphans['id'][0]}")
        strays = added.join(before.select(pl.col("id").alias("parent"), seed="seed_id"), on="parent")
        if strays.filter(pl.col("seed_id") != pl.col("seed")).height:
            raise broken("gave a child another seed_id than its parent's")
    childless = vanished.join(added.select(id="parent"), on="id", how="anti")
    if childless.height:
        raise broken(f"{childless.height} rows vanished without a child, first {childless['id'][0]}")
    for name in columns():
        if name not in ("id", *_MARKS, "evidence") and not _same(old[name], new[name]):
            raise broken(f"changed {name}")
    for mark in _MARKS:
        changed = new[mark].ne_missing(old[mark])
        if old[mark].filter(changed).count():
            raise broken(f"changed a {mark} mark that stood")
        # a grown row carries its parent's marks with it
        grown = added.filter(pl.col("parent").is_null())[mark]
        if not pl.concat([new[mark].filter(changed), grown]).str.starts_with(f"{step}: ").all():
            raise broken(f"a {mark} mark does not begin with '{step}: '")
    return added.height, vanished.height


def _same(one: pl.Series, other: pl.Series) -> bool:
    """Compare columns; lists of messages by their parts, which is many times as fast as message by message."""
    import polars as pl

    if isinstance(one.dtype, pl.List) and isinstance(one.dtype.inner, pl.Struct):
        if one.dtype != other.dtype or not one.list.len().equals(other.list.len()):
            return False
        mine, others = (column.filter(column.list.len() > 0).explode().struct.unnest() for column in (one, other))
        return mine.equals(others)
    return one.equals(other)
