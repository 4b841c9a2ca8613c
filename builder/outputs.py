"""What a build leaves: the parquet files, written so that every trainer's loader takes them.

Plain string and list types and no schema metadata: the same files load in `datasets` 3.6 to 5. Rows keep the order
of the table, nothing in them depends on the time of day, so the same build gives the same bytes. The table is walked
shard by shard and column by column; only what concerns pairs is done row by row.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from builder import columnar, schema
from builder.rows import canonical_json, columns
from builder.shards import Shards, elsewhere

if TYPE_CHECKING:
    import polars as pl
    import pyarrow

Row = dict[str, Any]
Shape = dict[str, Any]
"""Column names and their polars types."""

_ROWS_PER_GROUP = 10_000
_SPLITS = ("train", "test")

# Columns that a row's line in the provenance tells by themselves; every other column a step made is a measure.
_TOLD = frozenset(
    {"model", "teacher", "template_hash", "call_key", "score", "lang", "verdict"}
    | {"split", "sft", "rejected_ids", "near_miss", "judgement", "judge_calls"}
)
_METADATA = ("seed_id", "source", "license", "task", "model", "score", "lang")


def write(table: Shards, rejects: Shards, folder: Path) -> dict[str, Any]:
    """Write sft/, preference/, rejects.parquet and provenance.parquet into an empty folder.

    Args:
        table: the rows that are emitted, with what `emit` decided on each.
        rejects: all other rows.
        folder: where to.

    Returns:
        The counts the manifest shows: splits, rows, pairs, by_task, by_language.
    """
    import polars as pl

    counts = _Counts()
    with ExitStack() as files:

        def open_file(name: str, shape: Shape, *, even_empty: bool = False) -> _File:
            return files.enter_context(_File(folder / f"{name}.parquet", shape, even_empty=even_empty))

        emitted = {
            (kind, split): open_file(f"{kind}/{split}", shape) for kind, shape in _shapes().items() for split in _SPLITS
        }
        origins = open_file("provenance", _provenance_shape())
        rejected = open_file("rejects", _rejects_shape(), even_empty=True)
        sides = elsewhere(table, "rejected_ids")
        for shard in table:
            pairs = _pairs(shard, sides)
            counts.emitted(shard)
            for split in _SPLITS:
                emitted["sft", split].write(_sft(shard.filter((pl.col("split") == split) & pl.col("sft"))))
                here = [pair.row for pair in pairs if pair.split == split]
                emitted["preference", split].write(_frame(here, _shapes()["preference"]))
            origins.write(_provenance(shard, pairs))
        for shard in rejects:
            counts.rejected(shard)
            rejected.write(_rejects(shard))
        written = {key: file.rows for key, file in emitted.items()}
    splits = {kind: {split: written[kind, split] for split in _SPLITS if written[kind, split]} for kind in schema.KINDS}
    return counts.told(splits)


def _shapes() -> dict[str, Shape]:
    import polars as pl

    text = pl.String()
    turns = pl.List(pl.Struct({"role": text, "content": text}))
    return {
        "sft": {"id": text, "messages": turns, "metadata": text},
        "preference": {"id": text, "prompt": turns, "chosen": turns, "rejected": turns, "metadata": text},
    }


def _rejects_shape() -> Shape:
    import polars as pl

    return dict.fromkeys(("id", "parent", "seed_id", "step", "reason", "evidence", "row"), pl.String())


def _provenance_shape() -> Shape:
    import polars as pl

    names = ("id", "kind", "split", "seed_id", "source", "license", "task", "template_hash", "model", "lang")
    lists = dict.fromkeys(("call_keys", "parents"), pl.List(pl.String()))
    return dict.fromkeys((*names, "checks", "measures"), pl.String()) | lists | {"score": pl.Float64()}


def _sft(shard: pl.DataFrame) -> pl.DataFrame:
    """Make SFT rows of the rows that are some."""
    import polars as pl

    answer = pl.struct(role=pl.lit("assistant"), content="response")
    metadata = columnar.objects(shard.select(name for name in _METADATA if name in shard.columns))
    return shard.select("id", messages=pl.concat_list("prompt", answer)).with_columns(metadata.alias("metadata"))


class _Pair(NamedTuple):
    """A pair: the number of its chosen row in the shard, its split, its row and its line of the provenance."""

    at: int
    split: str
    row: Row
    origin: Row


def _pairs(shard: pl.DataFrame, sides: pl.DataFrame) -> list[_Pair]:
    """Make the pairs whose chosen side stands in this shard, in the order of the table."""
    import polars as pl

    chosen = shard.with_row_index("at").filter(pl.col("rejected_ids").list.len() > 0)
    wanted = chosen.select(id=pl.col("rejected_ids").explode()).unique()
    held = [frame.join(wanted, on="id", how="semi") for frame in (shard, sides)]
    by_id = {row["id"]: row for frame in held for row in frame.iter_rows(named=True)}
    pairs = []
    for row in chosen.iter_rows(named=True):
        at = row.pop("at")
        for side in (by_id[id] for id in row["rejected_ids"]):
            pair = schema.pair(row, side)
            pair["metadata"] = _told(row, side)
            pairs.append(_Pair(at, row["split"], pair, _origin(row, side, pair["id"])))
    return pairs


def _told(chosen: Row, rejected: Row) -> str:
    """Return the metadata of a pair."""
    told = {name: chosen.get(name) for name in _METADATA} | {
        "chosen_id": chosen["id"],
        "rejected_id": rejected["id"],
        "margin": round(chosen["score"] - rejected["score"], 9),  # as `pair` holds it against min_margin
        "broke": _broken(rejected),
        "near_miss": rejected.get("near_miss"),
        "rejected_model": rejected.get("model"),
        "chosen_judgement": _judgement(chosen),
        "rejected_judgement": _judgement(rejected),
    }
    return canonical_json({name: value for name, value in told.items() if value is not None})


def _broken(row: Row) -> list[str]:
    verdict = json.loads(row["verdict"]) if row.get("verdict") else {}
    return [label for label, held in verdict.items() if not held]


def _judgement(row: Row) -> Row | None:
    return json.loads(row["judgement"]) if row.get("judgement") else None


def _provenance(shard: pl.DataFrame, pairs: list[_Pair]) -> pl.DataFrame:
    """Make one line per SFT row and one per pair, in the order of the table, a row before its pairs."""
    import polars as pl

    shape = _provenance_shape()
    rows = shard.with_row_index("at").filter("sft")
    may_lack = {"call_key": pl.String(), "judgement": pl.String(), "judge_calls": pl.List(pl.String())}
    known = _TOLD | columns().keys() | {"at"}
    measures = rows.select(name for name in rows.columns if name not in known)
    rows = rows.with_columns(pl.lit(None, kind).alias(name) for name, kind in may_lack.items() if name not in rows)
    own = pl.concat_list("call_key").list.drop_nulls()
    every = pl.concat_list(own, pl.col("judge_calls").fill_null([])).list.unique(maintain_order=True)
    judges = every.list.len().cast(pl.Int64) - own.list.len()
    told = rows.select(judge_calls=pl.when(judges > 0).then(judges.cast(pl.String)))
    said = [json.loads(text) if text else None for text in rows["judgement"]]
    told = told.with_columns(pl.Series("judgement", [it and canonical_json(it) for it in said], pl.String))
    sft = rows.select(
        *(name for name in shape if name in rows and name != "checks"),
        "at",
        kind=pl.lit("sft"),
        call_keys=every,
        parents=pl.concat_list("parent").list.drop_nulls(),
        checks=pl.col("verdict") if "verdict" in rows else pl.lit(None, pl.String),
        measures=pl.lit(columnar.objects(measures, told)),
    )
    if not pairs:
        return sft
    lines = _frame([pair.origin for pair in pairs], shape)
    lines = lines.with_columns(pl.Series("at", [pair.at for pair in pairs], pl.UInt32))
    return pl.concat([sft, lines], how="diagonal_relaxed").sort("at", maintain_order=True)


def _origin(row: Row, side: Row, id: str) -> Row:
    """Return the line of a pair in the provenance."""
    own = dict.fromkeys(one["call_key"] for one in (row, side) if one.get("call_key"))
    judges = dict.fromkeys(key for one in (row, side) for key in one.get("judge_calls") or [] if key not in own)
    known = _TOLD | columns().keys()
    measures = {name: value for name, value in row.items() if name not in known}
    measures |= {"judgement": _judgement(row), "judge_calls": len(judges) or None}
    return {
        **{name: row.get(name) for name in _provenance_shape()},
        "id": id,
        "kind": "preference",
        "call_keys": [*own, *judges],
        "parents": [row["id"], side["id"]],
        "checks": row.get("verdict"),
        "measures": canonical_json({name: value for name, value in measures.items() if value is not None}),
    }


def _rejects(rows: pl.DataFrame) -> pl.DataFrame:
    """Make lines of the rejects."""
    import polars as pl

    mark = pl.col("dropped").str.splitn(": ", 2).struct
    said = {"step": mark.field("field_0"), "reason": mark.field("field_1").fill_null("")}
    return rows.select("id", "parent", "seed_id", "evidence", **said, row=pl.lit(columnar.objects(rows)))


def _frame(rows: list[Row], shape: Shape) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({name: [row.get(name) for row in rows] for name in shape}, schema=shape)


class _File:
    """A parquet file that is written in groups of the same size, however the rows come.

    No row, no file (a loader chokes on an empty split), unless `even_empty`.
    """

    def __init__(self, file: Path, shape: Shape, *, even_empty: bool = False) -> None:
        self.rows = 0
        self._file, self._shape, self._even_empty = file, shape, even_empty
        self._writer: Any = None
        self._waiting: list[pl.DataFrame] = []

    def __enter__(self) -> _File:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None and (self._waiting or (self._even_empty and not self.rows)):
            self._groups(1)
        if self._writer is not None:
            self._writer.close()

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows; columns that the file has and they have not are null."""
        import polars as pl

        if not frame.height:
            return
        made = [
            pl.col(name).cast(kind) if name in frame else pl.lit(None, kind).alias(name)
            for name, kind in self._shape.items()
        ]
        self.rows += frame.height
        self._waiting.append(frame.select(made))
        if sum(waiting.height for waiting in self._waiting) >= _ROWS_PER_GROUP:
            self._groups(_ROWS_PER_GROUP)

    def _groups(self, least: int) -> None:
        """Write what waits in groups, as far as they have `least` rows."""
        import polars as pl
        import pyarrow as pa
        import pyarrow.parquet as pq

        plain = pa.schema([(name, _plain(kind)) for name, kind in self._shape.items()])
        if self._writer is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._file, plain, compression="zstd", store_schema=False)
        waiting = pl.concat([pl.DataFrame(schema=self._shape), *self._waiting])
        self._waiting = []
        for group in waiting.iter_slices(_ROWS_PER_GROUP) if waiting.height else [waiting]:
            if group.height and group.height < least:
                self._waiting = [group]
            else:
                self._writer.write_table(group.rechunk().to_arrow().cast(plain))


def _plain(kind: Any) -> pyarrow.DataType:
    """Return the arrow type every loader knows; polars' own (large strings and lists) crash older ones."""
    import polars as pl
    import pyarrow as pa

    if isinstance(kind, pl.List):
        return pa.list_(_plain(kind.inner))
    if isinstance(kind, pl.Struct):
        return pa.struct([(field.name, _plain(field.dtype)) for field in kind.fields])
    return pa.float64() if kind == pl.Float64 else pa.string()


class _Counts:
    """What the manifest shows, counted shard by shard."""

    def __init__(self) -> None:
        self.rows = self.sft = self.pairs = self.rejects = 0
        self.by_language: Counter[str] = Counter()
        self.by_task: dict[str, Counter[str]] = {}

    def emitted(self, shard: pl.DataFrame) -> None:
        """Count rows that are emitted."""
        import polars as pl

        lang = pl.col("lang") if "lang" in shard else pl.lit(None, pl.String)
        pairs = pl.col("rejected_ids").list.len().fill_null(0).cast(pl.Int64)
        shown = shard.select("task", "sft", pairs=pairs, lang=lang.fill_null("(none)"))
        self.rows += shard.height
        self.sft += int(shard["sft"].sum())
        self.pairs += int(shown["pairs"].sum())
        self.by_language.update(dict(shown.filter("sft").group_by("lang").len().iter_rows()))
        for task, sft, preference in shown.group_by("task").agg(pl.col("sft", "pairs").sum()).iter_rows():
            self._task(task, sft=sft, preference=preference)

    def rejected(self, shard: pl.DataFrame) -> None:
        """Count rows that are not."""
        self.rejects += shard.height
        for task, count in shard.group_by("task").len().iter_rows():
            self._task(task, rejected=count)

    def _task(self, task: str | None, **counts: int) -> None:
        self.by_task.setdefault(task or "(none)", Counter(sft=0, preference=0, rejected=0)).update(counts)

    def told(self, splits: dict[str, dict[str, int]]) -> dict[str, Any]:
        """Return all counts."""
        made, left = self.rows + self.rejects, self.rows - self.sft
        return {
            "rows": {"made": made, "sft": self.sft, "preference_only": left, "rejected": self.rejects},
            "pairs": self.pairs,
            "splits": splits,
            "by_task": {task: dict(counts) for task, counts in sorted(self.by_task.items())},
            "by_language": dict(sorted(self.by_language.items(), key=lambda item: (-item[1], item[0]))),
        }


def file_hashes(folder: Path) -> dict[str, str]:
    """Return `sha256:…` of every file below a folder, by relative path."""
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): sha256(file) for file in found}


def sha256(file: Path) -> str:
    """Return `sha256:…` of a file's bytes."""
    with file.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
