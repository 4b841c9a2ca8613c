"""Which ids were there before, in 16 bytes an id: for tables of which only a part is in memory at a time.

    seen = Seen()
    seen.add(pl.Series(["b2:1", "b2:2"]))            [False, False]
    seen.add(pl.Series(["b2:2", "b2:3", "b2:3"]))    [True, False, True]

An id is known by two 64-bit hashes of it, kept in sorted runs that are merged like the digits of a counter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]
    Bools = np.ndarray[Any, np.dtype[np.bool_]]


class Seen:
    """A set of ids that can only grow."""

    def __init__(self) -> None:
        self._runs: list[tuple[Hashes, Hashes]] = []
        """Each sorted, by the first hash and then the second."""

    def add(self, ids: pl.Series) -> Bools:
        """Add ids; say of each whether it was there before, added earlier or standing earlier in `ids`."""
        import numpy as np

        high, low = ids.hash(1).to_numpy(), ids.hash(2).to_numpy()
        again = np.zeros(len(ids), dtype=np.bool_)
        for run in self._runs:
            again |= _among(run, high, low)
        order = np.lexsort((low, high))  # stable: of equals the first stays first
        first, second = high[order], low[order]
        again[order[1:][(first[1:] == first[:-1]) & (second[1:] == second[:-1])]] = True
        new = ~again[order]
        self._runs.append((first[new], second[new]))
        while len(self._runs) > 1 and len(self._runs[-2][0]) <= 2 * len(self._runs[-1][0]):
            both = zip(self._runs.pop(), self._runs.pop(), strict=True)
            first, second = (np.concatenate(halves) for halves in both)
            order = np.lexsort((second, first))
            self._runs.append((first[order], second[order]))
        return again


def _among(run: tuple[Hashes, Hashes], high: Hashes, low: Hashes) -> Bools:
    import numpy as np

    first, second = run
    found = np.zeros(len(high), dtype=np.bool_)
    at = np.searchsorted(first, high)
    left = np.flatnonzero(at < len(first))
    while len(left := left[first[at[left]] == high[left]]):  # equal first hashes stand side by side
        found[left] |= second[at[left]] == low[left]
        at[left] += 1
        left = left[at[left] < len(first)]
    return found
