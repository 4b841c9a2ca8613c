"""Which shingle is in which row: an inverted index as packed numbers, cut by hash into parts that spill to a folder.

A posting is one number of 64 bits, so that a sort groups equal shingles, their rows in order:

    | hash of the shingle, without its first 6 bits (38) | row (26) |        the first 6 bits say which of 64 parts

44 bits of hash stand for a shingle: two different ones of two rows with a hundred shingles each are taken for one
another with probability 1e-9.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import InputError, Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from builder.tokens import Tokens

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]

PARTS = 64
ROW_BITS = 26
ROW_MASK = (1 << ROW_BITS) - 1
_PART_BITS = 6
_IN_MEMORY = 1 << 25
"""Postings held before any are written: 256 MB."""
_TOGETHER = 1 << 20
"""Postings sorted into parts together: they stay in the cache."""


class Postings:
    """The postings of all rows, in 64 parts. `folder` must be there; what is written into it is removed again."""

    def __init__(self, folder: Path, name: str = "postings") -> None:
        self._files = [folder / f"{name}-{part:02}.u64" for part in range(PARTS)]
        self._held: list[list[Keys]] = [[] for _ in range(PARTS)]
        self._count = 0
        self.rows = 0
        """Rows added so far."""

    def add(self, shingles: Tokens) -> None:
        """Add the shingles of the next rows.

        Raises:
            InputError: beyond 67 million rows.
        """
        import numpy as np

        first, count = self.rows, len(shingles.starts) - 1
        self.rows += count
        if self.rows > ROW_MASK:
            what = f"dedup compares at most {ROW_MASK:,} rows with each other; found more"
            raise InputError([Problem(what=what, fix="deduplicate in pieces, each `against` those before it")])
        rows = np.repeat(np.arange(first, self.rows, dtype=np.uint64), np.diff(shingles.starts))
        for at in range(0, len(rows), _TOGETHER):
            hashes = shingles.hashes[at : at + _TOGETHER]
            part = (hashes >> np.uint64(64 - _PART_BITS)).astype(np.uint8)
            order = np.argsort(part, kind="stable")  # by counting: a fifth of what a sort costs
            keys = ((hashes << np.uint64(_PART_BITS)) & np.uint64(~ROW_MASK & (1 << 64) - 1)) | rows[
                at : at + _TOGETHER
            ]
            keys = keys[order]
            ends = np.cumsum(np.bincount(part, minlength=PARTS)).tolist()
            for number, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
                self.put(number, keys[begin:end])

    def put(self, part: int, keys: Keys) -> None:
        """Add to one part; write all parts out where too much is held."""
        if len(keys):
            self._held[part].append(keys)
            self._count += len(keys)
            if self._count > _IN_MEMORY:
                self._spill()

    def take(self, part: int) -> Keys:
        """Hand out a part and forget it."""
        import numpy as np

        held, self._held[part] = self._held[part], []
        self._count -= sum(map(len, held))
        file = self._files[part]
        if file.exists():
            held.append(np.fromfile(file, np.uint64))
            file.unlink()
        return held[0] if len(held) == 1 else np.concatenate([np.empty(0, np.uint64), *held])

    def _spill(self) -> None:
        for file, held in zip(self._files, self._held, strict=True):
            with file.open("ab") as out:
                for keys in held:
                    keys.tofile(out)
            held.clear()
        self._count = 0


def rows_of(keys: Keys) -> Rows:
    """Return the rows of postings."""
    import numpy as np

    return (keys & np.uint64(ROW_MASK)).astype(np.int64)


def ascending(keys: Keys) -> Keys:
    """Sort: polars' sort of 64-bit numbers takes a quarter of numpy's time here, and one thread the least CPU."""
    import polars as pl

    return pl.Series(keys).sort(multithreaded=False).to_numpy()


def opens(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Of sorted values, tell where a new one begins."""
    import numpy as np

    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return new


def shared(keys: Keys, low_bits: int = ROW_BITS) -> NDArray[np.bool_]:
    """Of sorted keys, tell which have a neighbour that differs in the low bits only: whose shingle others have, too."""
    import numpy as np

    high = keys >> np.uint64(low_bits)
    same = np.zeros(len(keys) + 1, bool)
    np.equal(high[1:], high[:-1], out=same[1 : len(keys)])
    return same[1:] | same[:-1]
