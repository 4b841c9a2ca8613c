"""What is compared: the shingles of every row, and a few numbers a row.

A text's shingles are its runs of `size` tokens (`builder.tokens`): words, or characters in scripts without spaces, and
signs. A text with fewer tokens is one shingle as a whole, in NFKC, case and spacing aside: it is like its equals only.
An empty text is such a text; a null is none and is not compared.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from builder.near.jaccard import Twins
from builder.near.jaccard import find as find_exact
from builder.near.postings import Postings
from builder.rows import normalised
from builder.tokens import Tokens, mixed, ngrams, tokenise

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]

_TOGETHER = 16_384
"""Texts shingled at once."""


class Corpus:
    """The rows to compare, in order; add them some at a time."""

    def __init__(self, folder: Path, size: int, *, whole: bool = True, permutations: int | None = None) -> None:
        """Start empty.

        Args:
            folder: where shingles are spilled to; it is left as it was.
            size: tokens in a shingle.
            whole: whether texts with fewer tokens are compared, as a whole.
            permutations: make MinHash signatures of so many numbers instead of keeping the shingles.
        """
        self._size, self._whole, self._permutations = size, whole, permutations
        self._postings = Postings(folder)
        self._signatures: list[NDArray[np.uint32]] = []
        self._sums: list[Keys] = []
        self._filled: list[NDArray[np.bool_]] = []

    def add(self, texts: pl.Series, apart: Keys | None = None) -> None:
        """Add rows by their texts; those with different numbers in `apart` share no shingle. 0 is no number."""
        for at in range(0, len(texts), _TOGETHER):
            some = texts.slice(at, _TOGETHER)
            numbers = None if apart is None else apart[at : at + _TOGETHER]
            self.add_shingles(shingled(some, self._size, self._whole, numbers))

    def add_shingles(self, shingles: Tokens) -> None:
        """Add rows by their shingles, as `shingled` makes them."""
        import numpy as np

        counts = np.diff(shingles.starts)
        running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed(shingles.hashes + np.uint64(1)))])
        self._sums.append(running[shingles.starts[1:]] - running[shingles.starts[:-1]])
        self._filled.append(counts > 0)
        if self._permutations is None:
            self._postings.add(shingles)
        else:
            from builder.near.minhash import signatures

            self._signatures.append(signatures(shingles, self._permutations))

    def twins(
        self, threshold: float, rank: Rows, counts: NDArray[np.bool_], family: Keys, alone: NDArray[np.bool_]
    ) -> Twins:
        """Find the rows that go; the corpus is used up.

        Args:
            threshold: the least similarity of near-duplicates.
            rank: of each row; the lower one of two stays.
            counts: False for rows to be left out.
            family: rows of one family are not compared with each other.
            alone: True for rows that are their whole family.
        """
        import numpy as np
        import polars as pl

        counts = counts & np.concatenate([np.zeros(0, bool), *self._filled])
        sums = np.concatenate([np.empty(0, np.uint64), *self._sums])
        # equal texts are compared once: strangers' in one, a family's in one of its own
        sums = np.where(alone, sums, mixed(sums ^ family))
        rows = pl.DataFrame({"sum": sums, "rank": rank, "alone": alone, "row": np.arange(len(sums))}).filter(counts)
        stand = rows.select("row", first=pl.col("row").sort_by("rank").first().over("sum", "alone"))
        first = np.arange(len(sums))
        first[stand["row"].to_numpy()] = stand["first"].to_numpy()
        found = self._find(threshold, rank, counts & (first == np.arange(len(sums))), family)

        twin, jaccard = np.full(len(sums), -1), np.ones(len(sums))
        twin[found.rows], jaccard[found.rows] = found.twins, found.jaccard
        equal = np.flatnonzero(counts & (first != np.arange(len(sums))))
        twin[equal], jaccard[equal] = twin[first[equal]], jaccard[first[equal]]
        copies = equal[(twin[equal] < 0) & alone[equal]]
        twin[copies] = first[copies]
        gone = np.flatnonzero(twin >= 0)
        return Twins(gone, twin[gone], jaccard[gone])

    def _find(self, threshold: float, rank: Rows, counts: NDArray[np.bool_], family: Keys) -> Twins:
        import numpy as np

        if self._permutations is None:
            return find_exact(self._postings, threshold, rank, counts, family)
        from builder.near import minhash

        bands = minhash.optimal_bands(threshold, self._permutations)
        made = np.concatenate([np.empty((0, self._permutations), np.uint32), *self._signatures])
        return minhash.find(made, bands, rank, counts, family)


def shingled(texts: pl.Series, size: int, whole: bool, apart: Keys | None = None) -> Tokens:
    """Hash the shingles of texts, as a corpus has them; what `apart` says stands in `Corpus.add`."""
    import numpy as np

    tokens = tokenise(texts)
    shingles = ngrams(tokens, size)
    if whole:
        short = np.flatnonzero((np.diff(tokens.starts) < size) & texts.is_not_null().to_numpy())
        wholes = np.array([identity(text) for text in texts.gather(short)], np.uint64)
        added = np.zeros(len(texts) + 1, np.int64)
        added[short + 1] = 1
        hashes = np.insert(shingles.hashes, shingles.starts[short], wholes)
        shingles = Tokens(hashes, shingles.starts + np.cumsum(added))
    if apart is None:
        return shingles
    numbers = np.repeat(apart, np.diff(shingles.starts))
    hashes = np.where(numbers == 0, shingles.hashes, mixed(shingles.hashes ^ numbers))
    return Tokens(hashes, shingles.starts)


def identity(text: str) -> int:
    """Hash a text so that case, width and spacing make no difference."""
    normal = normalised(text).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(normal, digest_size=8).digest(), "little")
