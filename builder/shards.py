"""The table on disk: an ordered sequence of frames, of which one at a time is in memory.

    table = Shards(folder)
    for part in parts:
        table.add(part)             # 20,000 rows at most stay in memory, what is more goes to files
    for shard in table: ...         # in order, as often as wanted
    for shard in table.frames(["id", "score"]): ...     # only these columns are read

A table that fits into one shard is never written. Files are removed with the object, and by `discard` before that.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

ROWS = 20_000
"""Of a shard, at most. Where rows come out in another order or number by it (children that grow), so do builds."""


class Shards:
    """Frames that make one table when set under each other; columns that one of them lacks are null in it."""

    def __init__(self, room: Path | None = None, rows: int | None = None) -> None:
        """Begin an empty sequence.

        Args:
            room: a folder in which to make the folder of the files; the system's temporary folder by default.
            rows: of a shard, at most; ROWS by default.
        """
        self.height = 0
        """Rows of all shards."""
        self._room = room
        self._rows = rows or ROWS
        self._folder: Path | None = None
        self._files: list[Path] = []
        self._last: pl.DataFrame | None = None
        """What is not in a file (yet)."""

    @classmethod
    def of(cls, frames: Iterable[pl.DataFrame], room: Path | None = None, rows: int | None = None) -> Shards:
        """Make a sequence of frames of any size."""
        made = cls(room, rows)
        for frame in frames:
            made.add(frame)
        return made

    def add(self, frame: pl.DataFrame) -> None:
        """Append the rows of a frame."""
        import polars as pl

        self.height += frame.height
        for part in frame.iter_slices(self._rows):
            if self._last is None or not self._last.height:
                self._last = part
            elif self._last.height + part.height <= self._rows:
                self._last = pl.concat([self._last, part], how="diagonal")
            else:
                self._spill()
                self._last = part
        if self._last is None:  # no rows, and nothing before them: the columns count
            self._last = frame

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Iterate over the shards; a table without rows is one shard without rows."""
        return self.frames()

    def __len__(self) -> int:
        """Count the shards."""
        return len(self._files) + (self._last is not None)

    def frames(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Iterate over the shards with only these columns, as far as a shard has them."""
        import polars as pl

        if self._files:
            self._spill()  # the last part may be a view of a much larger frame: nothing of it is to be held
        for file in list(self._files):
            here = [name for name in columns if name in pl.read_parquet_schema(file)] if columns else None
            yield pl.read_parquet(file, columns=here)
        if self._last is not None:
            last = self._last
            yield last.select(name for name in columns if name in last.columns) if columns else last

    @property
    def columns(self) -> list[str]:
        """The names of the first shard's columns."""
        import polars as pl

        if self._files:
            return list(pl.read_parquet_schema(self._files[0]))
        return [] if self._last is None else self._last.columns

    def whole(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return all rows as one frame, in memory.

        Raises:
            ValueError: nothing was ever added, so not even the columns are known.
        """
        import polars as pl

        return pl.concat(self.frames(columns), how="diagonal")

    def discard(self) -> None:
        """Give memory and files back; what was handed out stays valid."""
        self.height, self._files, self._last = 0, [], None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _spill(self) -> None:
        if self._last is None:
            return
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="shards-", dir=self._room))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        file = self._folder / f"{len(self._files):06}.parquet"
        # of what polars can write, this was the quickest to write and read that halves the text; nothing is searched
        self._last.write_parquet(file, compression="lz4", statistics=False)
        self._files.append(file)
        self._last = None


def elsewhere(shards: Shards, column: str) -> pl.DataFrame:
    """Return the rows whose ids a list column names from another shard than their own; often there are none."""
    import polars as pl

    if len(shards) == 1 or column not in shards.columns:
        return next(iter(shards)).clear()
    wanted = [
        shard.select(id=pl.col(column).explode()).join(shard, on="id", how="anti").unique()
        for shard in shards.frames(["id", column])
    ]
    ids = pl.concat(wanted).drop_nulls().unique()
    found = [shard.join(ids, on="id", how="semi") for shard in shards] if ids.height else []
    return pl.concat(found) if found else next(iter(shards)).clear()
