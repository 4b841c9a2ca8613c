"""Near-duplicates by exact Jaccard similarity: all of them, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from builder.near.candidates import ORDER_BITS, Candidates, candidates
from builder.near.decide import RANK_BITS, Alike, decide
from builder.near.postings import Postings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]

_SHINGLES = 1 << 23
"""Shingles compared at once."""
_PRODUCT = 1 << 26
"""Multiplications of sparse matrices done at once."""


class Twins(NamedTuple):
    """Rows that go, ascending, each with the one that stays for it and how like the two are."""

    rows: Rows
    twins: Rows
    jaccard: NDArray[np.float64]


def find(
    postings: Postings,
    threshold: float,
    rank: Rows,
    counts: NDArray[np.bool_] | None = None,
    family: Keys | None = None,
) -> Twins:
    """Return every row that is a near-duplicate of one that stays.

    Args:
        postings: the shingles of all rows; used up.
        threshold: the least Jaccard similarity of near-duplicates, above 0, up to 1.
        rank: of each row; the lower one of two near-duplicates stays.
        counts: False for rows to be left out.
        family: a number for each row; rows with the same one are not compared.
    """
    import numpy as np

    found = candidates(postings, threshold, rank, np.ones(postings.rows, bool) if counts is None else counts)
    kin = None if family is None else family[found.rows]
    gone = decide(
        found.meetings,
        len(found.rows),
        lambda later, earlier: _near(found, later, earlier, threshold, kin),
        lambda some: _walk(found, some, threshold, kin),
    )
    order = np.argsort(found.rows[gone.later])
    return Twins(found.rows[gone.later[order]], found.rows[gone.earlier[order]], gone.jaccard[order])


def _near(found: Candidates, later: Rows, earlier: Rows, threshold: float, kin: Keys | None) -> Alike:
    import numpy as np

    live = np.diff(found.starts)
    # with o shingles in common, J = o / (sizes - o) reaches t from o = sizes * t / (1 + t) on
    least = (found.sizes[later] + found.sizes[earlier]) * (threshold / (1 + threshold))
    fit = np.minimum(live[later], live[earlier]) >= least - 1e-9
    if kin is not None:
        fit &= kin[later] != kin[earlier]
    later, earlier = later[fit], earlier[fit]
    both = _common(found, later, earlier)
    jaccard = both / (found.sizes[later] + found.sizes[earlier] - both)
    near = jaccard >= threshold - 1e-9
    return Alike(later[near], earlier[near], jaccard[near])


def _common(found: Candidates, later: Rows, earlier: Rows) -> Rows:
    """Count the shingles each pair has in common: those that come twice when both sides' are sorted together."""
    import numpy as np

    lengths = np.diff(found.starts)
    cost = np.cumsum(lengths[later] + lengths[earlier])
    common = np.zeros(len(later), np.int64)
    begin = 0
    while begin < len(later):
        spent = cost[begin - 1] if begin else 0
        end = min(max(begin + 1, int(np.searchsorted(cost, spent + _SHINGLES))), begin + (1 << RANK_BITS) - 1)
        sides = []
        for side in (later[begin:end], earlier[begin:end]):
            size = lengths[side]
            at = np.arange(size.sum()) + np.repeat(found.starts[side] - (np.cumsum(size) - size), size)
            pair = np.repeat(np.arange(end - begin, dtype=np.uint64), size)
            sides.append((found.shingles[at] & np.uint64((1 << ORDER_BITS) - 1)) | (pair << np.uint64(ORDER_BITS)))
        keys = np.sort(np.concatenate(sides), kind="stable")  # both sides are in order: they are only merged
        twice = keys[1:][keys[1:] == keys[:-1]]
        common[begin:end] = np.bincount((twice >> np.uint64(ORDER_BITS)).astype(np.int64), minlength=end - begin)
        begin = end
    return common


def _walk(found: Candidates, some: Rows, threshold: float, kin: Keys | None) -> Alike:
    """Compare each of some candidates, in order, with all before it that stay: a block of them at a time.

    What two have in common is counted for all pairs of a block at once, as a product of sparse matrices: where
    everybody meets everybody, that is a hundredth of the cost of comparing them two by two.
    """
    import numpy as np
    from scipy.sparse import csr_array

    size = np.diff(found.starts)[some]
    begins = np.cumsum(size) - size
    at = np.arange(size.sum()) + np.repeat(found.starts[some] - begins, size)
    shingles, column = np.unique(found.shingles[at] & np.uint64((1 << ORDER_BITS) - 1), return_inverse=True)
    shape = (len(some), len(shingles))
    sets = csr_array((np.ones(len(column), np.int32), column, np.append(begins, len(column))), shape=shape)
    often = np.bincount(column, minlength=len(shingles))
    cost = np.cumsum(np.add.reduceat(often[column], begins))
    sizes = found.sizes[some]
    stays = np.zeros(len(some), bool)
    gone: list[tuple[int, int, float]] = []
    begin = 0
    while begin < len(some):
        end = max(begin + 1, int(np.searchsorted(cost, (cost[begin - 1] if begin else 0) + _PRODUCT)))
        before = np.concatenate([np.flatnonzero(stays[:begin]), np.arange(begin, end)])
        common = (sets[begin:end] @ sets[before].T).tocoo()
        row, other, both = common.row + begin, before[common.col], common.data
        jaccard = both / (sizes[row] + sizes[other] - both)
        near = (jaccard >= threshold - 1e-9) & (other < row)
        if kin is not None:
            near &= kin[some[row]] != kin[some[other]]
        pairs = np.lexsort((other[near], -jaccard[near], row[near]))
        twins: dict[int, list[tuple[int, float]]] = {}
        for one, two, alike in zip(*(part[near][pairs].tolist() for part in (row, other, jaccard)), strict=True):
            twins.setdefault(one, []).append((two, alike))
        for one in range(begin, end):
            twin = next((pair for pair in twins.get(one, ()) if stays[pair[0]]), None)
            stays[one] = twin is None
            if twin is not None:
                gone.append((one, *twin))
        begin = end
    later, earlier, alike = ([pair[part] for pair in gone] for part in range(3))
    return Alike(some[np.array(later, np.int64)], some[np.array(earlier, np.int64)], np.array(alike, np.float64))
