"""A finished build, read back from its folder: what the card, the report and `builder show` look at.

Everything is scanned lazily: a dataset of millions of rows is looked at without holding it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

SPLITS = ("train", "test")
_BATCH = 10_000


def find(path: Path) -> Path:
    """Return the folder of the dataset meant by `path`: itself, or the only version in it, or below outputs/.

    Raises:
        InputError: there is none, or there are several versions to choose from.
    """
    found: list[Path] = []
    for place in (path, Path("outputs") / path):
        found = found or [
            file.parent for file in (place / "manifest.json", *place.glob("[!.]*/manifest.json")) if file.is_file()
        ]
    if len(found) == 1 or (found and found[0] in (path, Path("outputs") / path)):
        return found[0]
    if found:
        several = ", ".join(str(folder) for folder in sorted(found))
        raise InputError([Problem(str(path), 0, "holds several datasets", f"name one: {several}")])
    what = "no finished dataset here" if path.exists() else "no such dataset"
    raise InputError([Problem(str(path), 0, what, "expected a folder that `builder build` left, with a manifest.json")])


def manifest(folder: Path) -> dict[str, Any]:
    """Read manifest.json.

    Raises:
        InputError: it cannot be read, or is of another kind or version.
    """
    file = folder / "manifest.json"
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError([Problem(str(file), 0, f"cannot be read: {error}")]) from None
    found = read.get("schema") if isinstance(read, dict) else type(read).__name__
    if found != "manifest/v1":
        raise InputError([Problem(str(file), 0, f"found schema {found!r}, expected 'manifest/v1'")])
    return dict(read)


def files(folder: Path, kind: str) -> dict[str, Path]:
    """Return the parquet files of `sft` or `preference`, by split."""
    found = {split: folder / kind / f"{split}.parquet" for split in SPLITS}
    return {split: file for split, file in found.items() if file.is_file()}


def scan(folder: Path, kind: str) -> pl.LazyFrame | None:
    """Scan `sft` or `preference` over its splits, with a column `split`; None where the build has none."""
    import polars as pl

    parts = [pl.scan_parquet(file).with_columns(split=pl.lit(split)) for split, file in files(folder, kind).items()]
    return pl.concat(parts) if parts else None


def scan_file(folder: Path, name: str) -> pl.LazyFrame:
    """Scan `rejects` or `provenance`."""
    import polars as pl

    file = folder / f"{name}.parquet"
    if not file.is_file():
        raise InputError([Problem(str(file), 0, "missing", "the build left it; was the dataset copied in part?")])
    return pl.scan_parquet(file)


def batches(folder: Path, name: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Read columns of a file (`sft/train`, `rejects` …) some rows at a time, where a scan would hold them all."""
    import polars as pl
    import pyarrow.parquet

    scan_file(folder, name)  # raises where it is missing
    with pyarrow.parquet.ParquetFile(folder / f"{name}.parquet", buffer_size=2**20, pre_buffer=False) as file:
        for batch in file.iter_batches(_BATCH, columns=list(columns)):
            yield pl.DataFrame(pl.from_arrow(batch))


def sample(folder: Path, kind: str, count: int) -> list[dict[str, Any]]:
    """Pick rows of `sft` or `preference` to look at: spread over the tasks, and the same ones every time.

    An id is a hash, so the smallest id of a task is a fair and repeatable draw from it. Each row has its
    columns, with `metadata` parsed, and its line of the provenance under `origin`.
    """
    import polars as pl

    rows = scan(folder, kind)
    if rows is None:
        return []
    least = pl.DataFrame(schema={"id": pl.String, "task": pl.String})
    for batch in batches(folder, "provenance", ("id", "task", "kind")):
        here = batch.filter(pl.col("kind") == kind).select("id", pl.col("task").fill_null(""))
        least = (
            pl.concat([least, here]).sort("id").group_by("task", maintain_order=True).head(count).select("id", "task")
        )
    order = pl.col("id").rank("ordinal").over("task")
    picked = least.with_columns(order=order).sort("order", "id").head(count)["id"].to_list()
    known = pl.col("id").is_in(picked)
    held = {row["id"]: row for row in rows.filter(known).collect().to_dicts()}
    lines = scan_file(folder, "provenance").filter(known & (pl.col("kind") == kind)).collect().to_dicts()
    origins = {line["id"]: line for line in lines}
    return [
        held[id] | {"metadata": json.loads(held[id]["metadata"]), "origin": origins[id]}
        for id in picked
        if id in held  # a file of the folder may be lost
    ]
