"""A folder that remembers what was kept: the shingles of every finished build, one parquet file each.

    store/store.json                {"format": 1, "on": "prompt", "shingle": 3}
    store/my-data-0.1.0.parquet     id, text (its beginning), identity (of all of it), shingles (64-bit hashes)

A later build compares its rows with those of all others. Its own file it does not read, and replaces when it ends.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

_FORMAT = 1


class Store:
    """The store in a folder, which need not be there yet."""

    def __init__(self, folder: Path, *, on: str, shingle: int) -> None:
        """Open it.

        Raises:
            InputError: it was made with other settings, or is something else.
        """
        self._folder = folder
        self._about: dict[str, Any] = {"format": _FORMAT, "on": on, "shingle": shingle}
        file = folder / "store.json"
        try:
            there = (
                json.loads(file.read_text(encoding="utf-8"))
                if folder.exists() and any(folder.iterdir())
                else self._about
            )
        except (OSError, ValueError):
            what = "is no store: it has no readable store.json"
            raise InputError([Problem(str(folder), what=what, fix="name a folder that is not there yet")]) from None
        if there != self._about:
            found, wanted = json.dumps(there), json.dumps(self._about)
            what = f"a store made with other settings: found {found}, expected {wanted}"
            raise InputError([Problem(str(file), what=what, fix="use those settings, or another store")])

    def others(self, build: str) -> Iterator[tuple[str, pl.DataFrame]]:
        """Read what other builds kept, some rows at a time, with each build's name.

        Raises:
            InputError: a file in it cannot be read.
        """
        import polars as pl
        import pyarrow as pa
        import pyarrow.parquet as pq

        for file in sorted(file for file in self._folder.glob("*.parquet") if not file.name.startswith(".")):
            if file.stem == build:
                continue
            try:
                with pq.ParquetFile(file) as parquet:
                    for batch in parquet.iter_batches(10_000, columns=["id", "text", "identity", "shingles"]):
                        frame = pl.from_arrow(batch)
                        assert isinstance(frame, pl.DataFrame)
                        yield file.stem, frame
            except (pa.ArrowException, OSError, ValueError, KeyError) as error:
                what = f"not readable as a part of a store: {str(error).splitlines()[0]}"
                raise InputError(
                    [Problem(str(file), what=what, fix="remove it, and build that version again")]
                ) from None

    def put(self, build: str, kept: Iterable[pl.DataFrame]) -> None:
        """Write what a build kept, in the place of what an earlier run of it kept."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._folder.mkdir(parents=True, exist_ok=True)
        kinds = {"id": pa.string(), "text": pa.string(), "identity": pa.uint64(), "shingles": pa.list_(pa.uint64())}
        shape = pa.schema(list(kinds.items()))
        about, work = (self._folder / f".{build}.{os.getpid()}.{name}" for name in ("json", "parquet"))
        try:
            about.write_text(json.dumps(self._about) + "\n", encoding="utf-8")
            with pq.ParquetWriter(work, shape, compression="zstd", store_schema=False) as writer:
                for frame in kept:
                    writer.write_table(frame.select(*kinds).to_arrow().cast(shape))
            about.replace(self._folder / "store.json")
            work.replace(self._folder / f"{build}.parquet")
        finally:
            for file in (about, work):
                file.unlink(missing_ok=True)
