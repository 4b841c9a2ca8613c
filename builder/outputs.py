"""What a build leaves: the parquet files, written so that every trainer's loader takes them.

Plain string and list types and no schema metadata: the same files load in `datasets` 3.6 to 5. Rows keep the order
of the table, nothing in them depends on the time of day, so the same build gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import schema
from builder.rows import canonical_json, columns

if TYPE_CHECKING:
    import polars as pl
    import pyarrow

Row = dict[str, Any]
Shape = dict[str, Any]
"""Column names and their polars types."""

_ROWS_PER_GROUP = 10_000

# Columns that a row's line in the provenance tells by themselves; every other column a step made is a measure.
_TOLD = frozenset(
    {"model", "teacher", "template_hash", "call_key", "score", "lang", "verdict"}
    | {"split", "sft", "rejected_ids", "near_miss", "judgement", "judge_calls"}
)


def write(table: pl.DataFrame, rejects: pl.DataFrame, folder: Path) -> dict[str, Any]:
    """Write sft/, preference/, rejects.parquet and provenance.parquet into an empty folder.

    Returns:
        The counts the manifest shows: splits, rows, pairs, by_task, by_language.
    """
    import polars as pl

    text = pl.String()
    turns = pl.List(pl.Struct({"role": text, "content": text}))
    sft: Shape = {"id": text, "messages": turns, "metadata": text}
    preference: Shape = {"id": text, "prompt": turns, "chosen": turns, "rejected": turns, "metadata": text}
    names = ("id", "parent", "seed_id", "step", "reason", "evidence", "row")
    rejected: Shape = dict.fromkeys(names, text)

    rows: dict[str, Row] = {row["id"]: row for row in table.iter_rows(named=True)}
    splits: dict[str, dict[str, int]] = {"sft": {}, "preference": {}}
    for split in ("train", "test"):
        here = [row for row in rows.values() if row["split"] == split]
        wanted = {"sft": (_sft_rows(here), sft), "preference": (_pairs(here, rows), preference)}
        for kind, (made, shape) in wanted.items():
            if count := _write(folder / kind / f"{split}.parquet", made, shape):
                splits[kind][split] = count
    _write(folder / "provenance.parquet", _provenance(rows), _provenance_shape())
    _write(folder / "rejects.parquet", map(_reject, rejects.iter_rows(named=True)), rejected, even_empty=True)
    return _counts(rows, rejects, splits)


def _sft_rows(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        if row["sft"]:
            yield {
                "id": row["id"],
                "messages": schema.messages(row),
                "metadata": canonical_json(_metadata(row)),
            }


def _pairs(rows: Iterable[Row], all_rows: dict[str, Row]) -> Iterator[Row]:
    for chosen in rows:
        for rejected in (all_rows[id] for id in chosen["rejected_ids"] or []):
            told = _metadata(chosen) | {
                "chosen_id": chosen["id"],
                "rejected_id": rejected["id"],
                "margin": round(chosen["score"] - rejected["score"], 9),  # as `pair` holds it against min_margin
                "broke": _broken(rejected),
                "near_miss": rejected.get("near_miss"),
                "rejected_model": rejected.get("model"),
                "chosen_judgement": _judgement(chosen),
                "rejected_judgement": _judgement(rejected),
            }
            told = {name: value for name, value in told.items() if value is not None}
            yield schema.pair(chosen, rejected) | {"metadata": canonical_json(told)}


def _metadata(row: Row) -> Row:
    names = ("seed_id", "source", "license", "task", "model", "score", "lang")
    return {name: row[name] for name in names if row.get(name) is not None}


def _broken(row: Row) -> list[str]:
    verdict = json.loads(row["verdict"]) if row.get("verdict") else {}
    return [label for label, held in verdict.items() if not held]


def _judgement(row: Row) -> Row | None:
    return json.loads(row["judgement"]) if row.get("judgement") else None


def _provenance_shape() -> Shape:
    import polars as pl

    names = ("id", "kind", "split", "seed_id", "source", "license", "task", "template_hash", "model", "lang")
    lists = dict.fromkeys(("call_keys", "parents"), pl.List(pl.String()))
    return dict.fromkeys((*names, "checks", "measures"), pl.String()) | lists | {"score": pl.Float64()}


def _provenance(rows: dict[str, Row]) -> Iterator[Row]:
    """Yield one line per SFT row and one per pair."""
    for row in rows.values():
        if row["sft"]:
            yield _origin(row, "sft", [row], row["id"])
        for id in row["rejected_ids"] or []:
            yield _origin(row, "preference", [row, rows[id]], schema.pair(row, rows[id])["id"])


def _origin(row: Row, kind: str, sides: list[Row], id: str) -> Row:
    own = dict.fromkeys(side["call_key"] for side in sides if side.get("call_key"))
    judges = dict.fromkeys(key for side in sides for key in side.get("judge_calls") or [] if key not in own)
    parents = [row["parent"]] if kind == "sft" else [side["id"] for side in sides]
    return {
        **{name: row.get(name) for name in ("split", "seed_id", "source", "license", "task", "template_hash")},
        **{name: row.get(name) for name in ("model", "score", "lang")},
        "id": id,
        "kind": kind,
        "call_keys": [*own, *judges],
        "parents": [parent for parent in parents if parent],
        "checks": row.get("verdict"),
        "measures": canonical_json(_measures(row) | _judged(row, len(judges))),
    }


def _measures(row: Row) -> Row:
    known = _TOLD | columns().keys()
    return {name: value for name, value in row.items() if name not in known and value is not None}


def _judged(row: Row, calls: int) -> Row:
    """Return what judges said of a row, and how many calls at the end of its `call_keys` were theirs."""
    said = {"judgement": _judgement(row), "judge_calls": calls or None}
    return {name: value for name, value in said.items() if value is not None}


def _reject(row: Row) -> Row:
    step, _, reason = row["dropped"].partition(": ")
    whole = {name: value for name, value in row.items() if value is not None}
    kept = {name: row[name] for name in ("id", "parent", "seed_id", "evidence")}
    return kept | {"step": step, "reason": reason, "row": canonical_json(whole)}


def _write(file: Path, rows: Iterable[Row], shape: Shape, *, even_empty: bool = False) -> int:
    """Write rows in groups; no row, no file (a loader chokes on an empty split). Returns how many."""
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    plain = pa.schema([(name, _plain(kind)) for name, kind in shape.items()])
    rows = iter(rows)
    group = list(islice(rows, _ROWS_PER_GROUP))
    if not group and not even_empty:
        return 0
    count = 0
    file.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(file, plain, compression="zstd", store_schema=False) as writer:
        while True:
            values = {name: [row.get(name) for row in group] for name in shape}
            writer.write_table(pl.DataFrame(values, schema=shape).to_arrow().cast(plain))
            count += len(group)
            if not (group := list(islice(rows, _ROWS_PER_GROUP))):
                return count


def _plain(kind: Any) -> pyarrow.DataType:
    """Return the arrow type every loader knows; polars' own (large strings and lists) crash older ones."""
    import polars as pl
    import pyarrow as pa

    if isinstance(kind, pl.List):
        return pa.list_(_plain(kind.inner))
    if isinstance(kind, pl.Struct):
        return pa.struct([(field.name, _plain(field.dtype)) for field in kind.fields])
    return pa.float64() if kind == pl.Float64 else pa.string()


def _counts(rows: dict[str, Row], rejects: pl.DataFrame, splits: dict[str, dict[str, int]]) -> dict[str, Any]:
    by_task: dict[str, dict[str, int]] = {}
    by_language: dict[str, int] = {}

    def count(task: str | None, what: str, n: int = 1) -> None:
        line = by_task.setdefault(task or "(none)", {"sft": 0, "preference": 0, "rejected": 0})
        line[what] += n

    for row in rows.values():
        count(row["task"], "sft", int(row["sft"]))
        count(row["task"], "preference", len(row["rejected_ids"] or []))
        if row["sft"]:
            language = row.get("lang") or "(none)"
            by_language[language] = by_language.get(language, 0) + 1
    for task in rejects["task"]:
        count(task, "rejected")
    sft = sum(splits["sft"].values())
    return {
        "rows": {
            "made": len(rows) + rejects.height,
            "sft": sft,
            "preference_only": len(rows) - sft,
            "rejected": rejects.height,
        },
        "pairs": sum(splits["preference"].values()),
        "splits": splits,
        "by_task": dict(sorted(by_task.items())),
        "by_language": dict(sorted(by_language.items(), key=lambda item: (-item[1], item[0]))),
    }


def file_hashes(folder: Path) -> dict[str, str]:
    """Return `sha256:…` of every file below a folder, by relative path."""
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): sha256(file) for file in found}


def sha256(file: Path) -> str:
    """Return `sha256:…` of a file's bytes."""
    with file.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
