"""MinHash LSH as datasketch has it: the same signatures, bit for bit, and the same decisions, on arrays.

Rows whose signatures agree in a whole band are taken for near-duplicates, unconfirmed: some are not, and at the
threshold itself about half of the true ones are missed. It is here to repeat and to compare; `builder.near.jaccard` is
exact, and cheaper. Broder, "On the resemblance and containment of documents", 1997; datasketch 2.0, scheme affine32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.near.decide import RANK_BITS, Alike, check_count, decide
from builder.near.jaccard import Twins
from builder.near.postings import ascending, opens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from builder.tokens import Tokens

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]
    Signatures = NDArray[np.uint32]

_TOGETHER = 1 << 15
"""Shingles permuted at once: they stay in the innermost cache."""


def signatures(shingles: Tokens, permutations: int = 128) -> Signatures:
    """Return (rows, permutations): what `datasketch.MinHash(permutations)` makes of the low 32 bits of the hashes.

    A row without shingles has the largest number everywhere, as an empty MinHash has.
    """
    import numpy as np
    from datasketch import MinHash

    factors, shifts = MinHash(permutations).permutations
    lengths = np.diff(shingles.starts)
    made = np.full((len(lengths), permutations), np.iinfo(np.uint32).max, np.uint32)
    filled = np.flatnonzero(lengths)
    begins = shingles.starts[:-1][filled]
    at = 0
    while at < len(filled):
        end = max(at + 1, int(np.searchsorted(begins, begins[at] + _TOGETHER)))
        last = begins[end] if end < len(filled) else len(shingles.hashes)
        made[filled[at:end]] = _least(shingles.hashes[begins[at] : last], begins[at:end] - begins[at], factors, shifts)
        at = end
    return made


def find(
    made: Signatures, bands: tuple[int, int], rank: Rows, counts: NDArray[np.bool_], family: Keys | None = None
) -> Twins:
    """Return every row that shares a band with one that stays; the similarity is the signatures' estimate.

    Args:
        made: the signatures of all rows.
        bands: how many, and how many numbers each has.
        rank: of each row; the lower one of two stays.
        counts: False for rows to be left out.
        family: a number for each row; rows with the same one are not compared.
    """
    import numpy as np

    check_count(int(counts.sum()))
    rows = np.argsort(rank, kind="stable")
    rows = rows[counts[rows]]
    meetings, place = [np.empty(0, np.uint64)], 0
    for band in range(bands[0]):
        hashes = _band(made[:, band * bands[1] : (band + 1) * bands[1]])[rows]
        order = np.argsort(hashes, kind="stable")
        places = np.cumsum(opens(hashes[order])) - 1 + place
        place = int(places[-1]) + 1 if len(places) else place
        met = np.bincount(places - places[0])[places - places[0]] > 1 if len(places) else places.astype(bool)
        meetings.append(((places << RANK_BITS) | order)[met].astype(np.uint64))

    def near(later: Rows, earlier: Rows) -> Alike:
        if family is not None:
            other = family[rows[later]] != family[rows[earlier]]
            later, earlier = later[other], earlier[other]
        jaccard = np.empty(len(later))
        for at in range(0, len(later), _TOGETHER):
            sides = (made[rows[side[at : at + _TOGETHER]]] for side in (later, earlier))
            jaccard[at : at + _TOGETHER] = np.equal(*sides).mean(axis=1)
        return Alike(later, earlier, jaccard)

    gone = decide(ascending(np.concatenate(meetings)), len(rows), near)
    order = np.argsort(rows[gone.later])
    return Twins(rows[gone.later[order]], rows[gone.earlier[order]], gone.jaccard[order])


def optimal_bands(threshold: float, permutations: int) -> tuple[int, int]:
    """Return datasketch's own choice: how many bands, and how many numbers each has."""
    from datasketch import MinHashLSH

    index = MinHashLSH(threshold=threshold, num_perm=permutations)
    return index.b, index.r


def _least(hashes: Keys, begins: Rows, factors: Signatures, shifts: Signatures) -> Signatures:
    """Take each row's least number under every permutation, one permutation after another over all rows."""
    import numpy as np

    mixed = hashes.astype(np.uint32)  # the finaliser of MurmurHash3, by which datasketch mixes what it is given
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        mixed ^= mixed >> np.uint32(shift)
        mixed *= np.uint32(factor)
    mixed ^= mixed >> np.uint32(16)
    least = np.empty((len(factors), len(begins)), np.uint32)
    permuted = np.empty_like(mixed)
    for number, (factor, shift) in enumerate(zip(factors, shifts, strict=True)):
        np.multiply(mixed, factor, out=permuted)
        np.add(permuted, shift, out=permuted)
        np.minimum.reduceat(permuted, begins, out=least[number])
    return least.T


def _band(numbers: Signatures) -> Keys:
    """Hash a band of each row to 64 bits."""
    import numpy as np

    from builder.tokens import mixed

    hashes = np.zeros(len(numbers), np.uint64)
    for column in numbers.T:
        hashes = mixed(hashes + column)
    return hashes
