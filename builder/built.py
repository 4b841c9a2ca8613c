"""A finished build, read back from its folder: what the card, the report and `builder show` look at.

Everything is scanned lazily: a dataset of millions of rows is looked at without holding it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

SPLITS = ("train", "test")


def manifest(folder: Path) -> dict[str, Any]:
    """Read manifest.json.

    Raises:
        InputError: the folder is not a finished build; names one nearby if there is one.
    """
    file = folder / "manifest.json"
    if not file.is_file():
        near = sorted(found.parent for found in folder.glob("**/manifest.json")) if folder.is_dir() else []
        fix = (
            f"did you mean {near[-1]}?"
            if near
            else "expected a folder that `builder build` left, with a manifest.json"
        )
        what = "no finished dataset here" if folder.exists() else "no such folder"
        raise InputError([Problem(str(folder), 0, what, fix)])
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError([Problem(str(file), 0, f"not valid JSON: {error}")]) from None
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

    parts = [
        pl.scan_parquet(file).with_columns(split=pl.lit(split)) for split, file in files(folder, kind).items()
    ]
    return pl.concat(parts) if parts else None


def scan_file(folder: Path, name: str) -> pl.LazyFrame:
    """Scan `rejects` or `provenance`."""
    import polars as pl

    file = folder / f"{name}.parquet"
    if not file.is_file():
        raise InputError(
            [Problem(str(file), 0, "missing", "the build left it; was the dataset copied in part?")]
        )
    return pl.scan_parquet(file)


def sample(folder: Path, kind: str, count: int) -> list[dict[str, Any]]:
    """Pick rows of `sft` or `preference` to look at: spread over the tasks, and the same ones every time.

    An id is a hash, so the smallest id of a task is a fair and repeatable draw from it. Each row is its columns,
    with `metadata` parsed, and its line of the provenance under `origin`.
    """
    import polars as pl

    rows = scan(folder, kind)
    if rows is None:
        return []
    origin = scan_file(folder, "provenance").filter(pl.col("kind") == kind)
    order = pl.col("id").rank("ordinal").over(pl.col("task").fill_null(""))
    picked = origin.with_columns(order=order).sort("order", "id").head(count).collect()
    held = {
        row["id"]: row for row in rows.filter(pl.col("id").is_in(picked["id"].to_list())).collect().to_dicts()
    }
    return [
        held[line["id"]] | {"metadata": json.loads(held[line["id"]]["metadata"]), "origin": line}
        for line in picked.drop("order").to_dicts()
    ]
