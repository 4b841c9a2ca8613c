"""Find the rows that can have a near-duplicate at all, and the few shingles by which such rows must meet.

Two filters, neither of which loses a pair whose Jaccard similarity reaches the threshold t:

1.  A row with n shingles shares at least t * n of them with a near-duplicate. Where fewer stand in any other row, the
    row has none; its shingles then count for nobody, so others fall out in turn. This ends with few rows left.
2.  Prefix filter (Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", 2007): with the shingles of all
    rows in one order, two near-duplicates share one among the first n - ceil(t * n) + 1 of each. Rare shingles come
    first in that order, so that rows meet by what sets them apart and not by the words of a template.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from builder.near.decide import RANK_BITS, check_count
from builder.near.postings import PARTS, ROW_BITS, Postings, ascending, opens, rows_of, shared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]

ORDER_BITS = 40
"""A shingle's place in the order of all: how rare it is (8 bits, logarithmic), then its number (32)."""
_NUMBER_BITS = 32
_TOGETHER = 1 << 20
"""Postings looked at together."""
_ENOUGH = 0.98
"""The first filter is repeated while it takes more than the rest from this share."""


class Candidates(NamedTuple):
    """Rows that may have a near-duplicate, numbered by rank: the first stays in case of doubt."""

    rows: Rows
    """The row of each candidate."""
    sizes: Rows
    """How many distinct shingles each has, shared or not."""
    shingles: Keys
    """Its shared ones, in the order of all, as | candidate | place in the order |; candidate after candidate."""
    starts: Rows
    """Where each candidate's begin, and the end."""
    meetings: Keys
    """Prefix postings, as | place in the order | candidate |, sorted: rows that may be alike stand side by side."""


def candidates(postings: Postings, threshold: float, rank: Rows, counts: NDArray[np.bool_]) -> Candidates:
    """Filter the rows of `postings`, which are used up.

    Args:
        postings: every row's shingles.
        threshold: the least Jaccard similarity of near-duplicates, above 0.
        rank: of each row; the lower one of two near-duplicates stays.
        counts: False for rows to be left out.
    """
    sizes, live = _first_look(postings, counts)
    needed = least(threshold, sizes)
    alive = counts & (live >= needed) & (sizes > 0)
    before = int(live.sum()) + 1
    while before and (now := int(live[alive].sum())) < _ENOUGH * before:
        before, live = now, _look_again(postings, alive)
        alive &= live >= needed
    _look_again(postings, alive)
    return _arranged(postings, sizes, needed, rank)


def least(threshold: float, sizes: Rows) -> Rows:
    """Return how many of its shingles a row shares at least with one as like as the threshold says."""
    import numpy as np

    shared: Rows = np.ceil(threshold * sizes - 1e-9).astype(np.int64)
    return shared


def _first_look(postings: Postings, counts: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """Count each row's distinct shingles, and those that another row has; keep only the latter."""
    import numpy as np

    sizes, live = (np.zeros(postings.rows, np.int64) for _ in range(2))
    everybody = bool(counts.all())
    for part in range(PARTS):
        keys = postings.take(part)
        if not everybody:
            keys = keys[counts[rows_of(keys)]]
        keys = ascending(keys)
        keys = keys[opens(keys)]
        sizes += np.bincount(rows_of(keys), minlength=postings.rows)
        keys = keys[shared(keys)]
        live += np.bincount(rows_of(keys), minlength=postings.rows)
        postings.put(part, keys)
    return sizes, live


def _look_again(postings: Postings, alive: NDArray[np.bool_]) -> Rows:
    """Forget the postings of rows that fell out, and shingles that now stand in one row; count each row's others."""
    import numpy as np

    live = np.zeros(postings.rows, np.int64)
    for part in range(PARTS):
        keys = postings.take(part)
        keys = keys[alive[rows_of(keys)]]
        keys = keys[shared(keys)]
        live += np.bincount(rows_of(keys), minlength=postings.rows)
        postings.put(part, keys)
    return live


def _arranged(postings: Postings, sizes: Rows, needed: Rows, rank: Rows) -> Candidates:
    import numpy as np

    parts = [postings.take(part) for part in range(PARTS)]
    live = sum((np.bincount(rows_of(keys), minlength=len(sizes)) for keys in parts), np.zeros(len(sizes), np.int64))
    found = np.flatnonzero(live)
    check_count(len(found))
    rows = found[np.argsort(rank[found], kind="stable")]
    number = np.zeros(len(sizes), np.uint64)
    number[rows] = np.arange(len(rows), dtype=np.uint64)
    keys = ascending(_by_candidate(parts, number))
    starts = np.concatenate([[0], np.cumsum(live[rows])])
    # what stands in no other row comes first in the order and is a part of the prefix by which nobody meets
    prefix = sizes[rows] - needed[rows] + 1 - (sizes[rows] - live[rows])
    meetings = ascending(np.concatenate([np.empty(0, np.uint64), *_prefixes(keys, starts, prefix)]))
    return Candidates(rows, sizes[rows], keys, starts, meetings)


def _by_candidate(parts: list[Keys], number: Keys) -> Keys:
    """Turn postings, part by part, into | candidate | place in the order |; the parts are used up."""
    import numpy as np

    keys = np.empty(sum(map(len, parts)), np.uint64)
    at = shingle = 0
    for part, own in enumerate(parts):
        hashes = own >> np.uint64(ROW_BITS)
        numbers = np.cumsum(opens(hashes)) - 1
        often = np.bincount(numbers)
        rare = np.minimum(8 * np.log2(np.maximum(often, 1)), 255).astype(np.uint64)
        place = (rare[numbers] << np.uint64(_NUMBER_BITS)) | (numbers + shingle).astype(np.uint64)
        keys[at : at + len(own)] = (number[rows_of(own)] << np.uint64(ORDER_BITS)) | place
        at, shingle = at + len(own), shingle + len(often)
        parts[part] = own[:0]
    return keys


def _prefixes(keys: Keys, starts: Rows, prefix: Rows) -> Iterator[Keys]:
    """Yield the first shingles of each candidate, as many as `prefix` says, as | place in the order | candidate |."""
    import numpy as np

    for at in range(0, len(keys), _TOGETHER):
        some = keys[at : at + _TOGETHER]
        owner = (some >> np.uint64(ORDER_BITS)).astype(np.int64)
        some = some[np.arange(at, at + len(some)) - starts[owner] < prefix[owner]]
        yield (some << np.uint64(RANK_BITS)) | (some >> np.uint64(ORDER_BITS))
