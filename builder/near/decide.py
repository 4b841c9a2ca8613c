"""Decide which rows stay: in order of rank, a row stays unless one that stays before it is its near-duplicate.

That rule alone decides, and not how pairs were found: any way to cut the work gives the same answer. It is carried out
in rounds over all rows at once. A candidate that is the first wherever it meets others stays for certain; those that
meet it are compared with it and go if they are near. Then both leave, and others are first. So a cluster of a thousand
copies costs a thousand comparisons and not half a million.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from builder.errors import InputError, Problem
from builder.near.postings import ascending, opens, shared

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]

RANK_BITS = 24
"""A candidate's number, which is its rank among the candidates."""
_ROUNDS = 64
"""After so many rounds, what is left is compared all with all: a chain or a crowd of unlike rows takes a round each."""
_PAIRS = 1 << 22
"""Pairs held at once."""


class Alike(NamedTuple):
    """Pairs of candidates that are near-duplicates."""

    later: Rows
    earlier: Rows
    jaccard: NDArray[np.float64]


def check_count(count: int) -> None:
    """Refuse more candidates than a packed key has room for.

    Raises:
        InputError: beyond 16 million.
    """
    if count >= 1 << RANK_BITS:
        what = (
            f"dedup: {count:,} rows may have a near-duplicate; at most {1 << RANK_BITS:,} are compared with each other"
        )
        raise InputError([Problem(what=what, fix="deduplicate in pieces, each `against` those before it")])


def decide(meetings: Keys, count: int, near: Callable[[Rows, Rows], Alike]) -> Alike:
    """Return the candidates that go, each once, with one that stays and is near: of those met at once the most like.

    Args:
        meetings: | place | candidate | with RANK_BITS for the candidate, sorted: those at one place are compared.
        count: of candidates.
        near: (later, earlier) -> those of the pairs that are near-duplicates.
    """
    import numpy as np

    meetings = _where_two_meet(meetings)
    gone = [_none()]
    for _ in range(_ROUNDS):
        if not len(meetings):
            break
        who, first = _numbers(meetings), opens(meetings >> np.uint64(RANK_BITS))
        anywhere, as_first = np.bincount(who, minlength=count), np.bincount(who[first], minlength=count)
        stays = (anywhere > 0) & (anywhere == as_first)
        head = who[first][np.cumsum(first) - 1]
        met = stays[head] & ~first
        gone.append(_best(near(*_distinct(who[met], head[met]))))
        leaves = stays
        leaves[gone[-1].later] = True
        meetings = _where_two_meet(meetings[~leaves[who]])
    else:
        gone.append(_all_with_all(meetings, near))
    return _joined(gone)


def _all_with_all(meetings: Keys, near: Callable[[Rows, Rows], Alike]) -> Alike:
    """Compare each with all before it at every place, then walk the near pairs one by one."""
    import numpy as np

    who, first = _numbers(meetings), opens(meetings >> np.uint64(RANK_BITS))
    before = np.arange(len(who)) - np.flatnonzero(first)[np.cumsum(first) - 1]
    total = np.cumsum(before)
    found = [_none()]
    at = 0
    while at < len(who):
        done = total[at - 1] if at else 0
        end = max(at + 1, int(np.searchsorted(total, done + _PAIRS)))
        size = before[at:end]
        offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        earlier = who[np.repeat(np.arange(at, end) - size, size) + offset]
        found.append(near(*_distinct(np.repeat(who[at:end], size), earlier)))
        at = end
    later, earlier, jaccard = _joined(found)
    order = np.lexsort((earlier, -jaccard, later))
    twins: dict[int, tuple[int, float]] = {}
    for row, other, alike in zip(*(column[order].tolist() for column in (later, earlier, jaccard)), strict=True):
        if row not in twins and other not in twins:
            twins[row] = other, alike
    others, alikes = [twin[0] for twin in twins.values()], [twin[1] for twin in twins.values()]
    return Alike(np.array([*twins], np.int64), np.array(others, np.int64), np.array(alikes, np.float64))


def _best(pairs: Alike) -> Alike:
    """Of several twins of a row, name the most like, then the first."""
    import numpy as np

    order = np.lexsort((pairs.earlier, -pairs.jaccard, pairs.later))
    order = order[opens(pairs.later[order])]
    return Alike(pairs.later[order], pairs.earlier[order], pairs.jaccard[order])


def _none() -> Alike:
    import numpy as np

    return Alike(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


def _joined(parts: list[Alike]) -> Alike:
    import numpy as np

    return Alike(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _numbers(meetings: Keys) -> Rows:
    import numpy as np

    return (meetings & np.uint64((1 << RANK_BITS) - 1)).astype(np.int64)


def _where_two_meet(meetings: Keys) -> Keys:
    return meetings[shared(meetings, RANK_BITS)]


def _distinct(later: Rows, earlier: Rows) -> tuple[Rows, Rows]:
    """Name each pair once, sorted."""
    import numpy as np

    pairs = ascending((later.astype(np.uint64) << np.uint64(RANK_BITS)) | earlier.astype(np.uint64))
    pairs = pairs[opens(pairs)]
    return (pairs >> np.uint64(RANK_BITS)).astype(np.int64), _numbers(pairs)
