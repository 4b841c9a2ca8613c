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
_ROUNDS = 32
"""After so many rounds what is left is walked in order of rank: a crowd of unlike rows would take a round each."""


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


def decide(
    meetings: Keys,
    count: int,
    near: Callable[[Rows, Rows], Alike],
    walk: Callable[[Rows], Alike] | None = None,
) -> Alike:
    """Return the candidates that go, each once, with one that stays and is near: of those met at once the most like.

    Args:
        meetings: | place | candidate | with RANK_BITS for the candidate, sorted: those at one place are compared.
        count: of candidates.
        near: (later, earlier) -> those of the pairs that are near-duplicates.
        walk: does the same for some candidates, ascending, compared with each other; takes over what rounds leave.
    """
    import numpy as np

    meetings = _where_two_meet(meetings)
    gone, rounds = [_none()], 0
    while len(meetings):
        if walk is not None and rounds == _ROUNDS:
            gone.append(walk(np.unique(_numbers(meetings))))
            break
        rounds += 1
        who, first = _numbers(meetings), opens(meetings >> np.uint64(RANK_BITS))
        anywhere, as_first = np.bincount(who, minlength=count), np.bincount(who[first], minlength=count)
        stays = (anywhere > 0) & (anywhere == as_first)
        head = who[first][np.cumsum(first) - 1]
        met = stays[head] & ~first
        gone.append(_best(near(*_distinct(who[met], head[met]))))
        leaves = stays
        leaves[gone[-1].later] = True
        meetings = _where_two_meet(meetings[~leaves[who]])
    return _joined(gone)


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
