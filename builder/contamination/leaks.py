"""What of the indexed texts stands in others, word for word: n-grams, and texts too short for any.

    indexed    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."
    text       "Solve: Natalia sold clips to 48 of her friends in April, and half as many clips in May."
    overlap    11 of 19 tokens covered by the same 8-grams, 11 of them in a row, from token 1 of the text

All is done on arrays; the work goes with what is found, which is little.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from builder.near.postings import opens
from builder.tokens import Tokens, mixed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from builder.contamination.index import Hits, Index

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]

_BITS = 40
"""Of a packed key that are the number of an n-gram or posting; the others are the text's."""
_PAIRS = 1 << 22
"""Pairs of a text and a posting held at once."""


class Overlaps(NamedTuple):
    """A pair of a text and an indexed one that share n-grams, one in each place of the arrays."""

    texts: Rows
    indexed: Rows
    covered: Rows
    """Tokens of the indexed text that the shared n-grams cover."""
    length: Rows
    """Tokens of the longest run that is the same in both."""
    place: Rows
    """First token of that run in the text."""


def overlaps(hits: Hits, index: Index) -> Overlaps:
    """Return all pairs that share n-grams which count, by text, then indexed text; `hits` are all of the texts'."""
    import numpy as np

    found = [_none()]
    for piece in _pieces(hits, index):
        which, postings = index.postings(piece.grams)
        texts, places = piece.texts[which], piece.places[which]
        order = np.lexsort((postings, texts))
        found.append(_paired(texts[order], postings[order], places[order], index))
    return Overlaps(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def own_tokens(index: Index) -> Rows:
    """Return how many tokens of each indexed text the n-grams that count cover."""
    import numpy as np

    (counting,) = np.nonzero(index.says)
    zeros = np.zeros(len(counting), np.int64)
    made = _paired(zeros, counting, zeros, index)
    own = np.zeros(len(index.starts) - 1, np.int64)
    own[made.indexed] = made.covered
    return own


def some(tokens: Tokens, texts: Rows) -> Tokens:
    """Return the tokens of some of the texts."""
    import numpy as np

    counts = np.diff(tokens.starts)[texts]
    starts = np.concatenate([[0], np.cumsum(counts)])
    return Tokens(tokens.hashes[np.arange(starts[-1]) + np.repeat(tokens.starts[texts] - starts[:-1], counts)], starts)


def whole(tokens: Tokens) -> Keys:
    """Hash each text as a whole: 0 for one without tokens."""
    import numpy as np

    counts = np.diff(tokens.starts)
    places = np.arange(len(tokens.hashes)) - np.repeat(tokens.starts[:-1], counts)
    # each token times an odd number of its place, so that their order counts
    terms = tokens.hashes * (mixed(places.astype(np.uint64)) | np.uint64(1))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms)])
    wholes: Keys = sums[tokens.starts[1:]] - sums[tokens.starts[:-1]]
    return wholes


def _pieces(hits: Hits, index: Index) -> Iterator[Hits]:
    """Leave of each text's n-grams the first of its kind, and cut between texts so that memory stays bounded."""
    import numpy as np

    keys = (hits.texts.astype(np.uint64) << np.uint64(_BITS)) | hits.grams.astype(np.uint64)
    order = np.argsort(keys, kind="stable")
    order = np.sort(order[opens(keys[order])])
    texts, places, grams = (column[order] for column in hits)
    cost = np.cumsum(index.count(grams))
    first = np.append(np.flatnonzero(opens(texts)), len(texts))
    at = 0
    while at < len(texts):
        done = cost[at - 1] if at else 0
        end = first[np.searchsorted(first, np.searchsorted(cost, done + _PAIRS, side="right"), side="right") - 1]
        end = max(int(end), int(first[np.searchsorted(first, at, side="right")]))
        yield type(hits)(texts[at:end], places[at:end], grams[at:end])
        at = end


def _paired(texts: Rows, postings: Rows, places: Rows, index: Index) -> Overlaps:
    """Add up the shared n-grams of each pair; given by text, then posting."""
    import numpy as np

    if not len(texts):
        return _none()
    indexed = index.owner[postings]
    new = opens(texts) | opens(indexed)
    step = np.diff(postings, append=postings[-1:])
    within = np.append(~new[1:], False)
    covers = np.where(within, np.minimum(step, index.size), index.size)
    pairs = np.flatnonzero(new)
    covered = np.add.reduceat(covers, pairs)

    broken = new.copy()
    broken[1:] |= (step[:-1] != 1) | (np.diff(places) != 1)
    runs = np.flatnonzero(broken)
    lengths = np.diff(np.append(runs, len(texts)))
    pair_of_run = (np.cumsum(new) - 1)[runs]
    best = np.lexsort((runs, -lengths, pair_of_run))
    best = best[opens(pair_of_run[best])]
    return Overlaps(texts[pairs], indexed[pairs], covered, lengths[best] + index.size - 1, places[runs[best]])


def _none() -> Overlaps:
    import numpy as np

    return Overlaps(*(np.empty(0, np.int64) for _ in Overlaps._fields))
