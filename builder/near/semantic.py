"""Near-duplicates in meaning: rows whose embeddings point the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.near.jaccard import Twins

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]

_BLOCK = 2048


def find(vectors: NDArray[np.float32], threshold: float, family: Keys) -> Twins:
    """Return every row, in order, that is as near as `threshold` to one before it that stays.

    Compares all with all that stay, block by block: time grows with the square of the rows, memory does not.

    Args:
        vectors: (rows, dimensions), each of length 1.
        threshold: the least cosine similarity.
        family: rows of one family are not compared.
    """
    import numpy as np

    stays = np.ones(len(vectors), bool)
    gone: list[tuple[int, int, float]] = []
    for at in range(0, len(vectors), _BLOCK):
        block = vectors[at : at + _BLOCK]
        before = np.flatnonzero(stays[: at + len(block)])
        alike = block @ vectors[before].T
        alike[family[at : at + len(block), None] == family[before]] = -1
        for row in np.flatnonzero((alike >= threshold).any(axis=1)).tolist():
            still = stays[before] & (before < at + row)
            own = np.where(still, alike[row], -1)
            best = int(own.argmax()) if len(own) else 0
            if len(own) and own[best] >= threshold:
                stays[at + row] = False
                gone.append((at + row, int(before[best]), min(1.0, float(own[best]))))
    rows, twins, similar = ([found[column] for found in gone] for column in range(3))
    return Twins(np.array(rows, np.int64), np.array(twins, np.int64), np.array(similar, np.float64))
