"""Find texts made of the same words as an indexed one, in whatever order: what is left of a text that was rephrased.

The measure is the Jaccard similarity of the two sets of tokens, exact for every pair that reaches the threshold. Pairs
are found by the prefix filter that builder.near.candidates explains: two such texts share one of their rarest words.
Single words, because a few changed ones leave no run of three: of GSM8K questions with one word in six replaced, 0.5
finds all by words and 29 % by runs of three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from builder.contamination.index import Known
from builder.near.candidates import least
from builder.near.postings import ascending, opens
from builder.tokens import Tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]

_BITS = 32
"""Of a packed key that are the number of a word or an indexed text."""
_HASH_BITS = 44
"""Of a hash that are kept where unknown words are counted."""


class Alike(NamedTuple):
    """Pairs, by text, then indexed text."""

    texts: Rows
    indexed: Rows
    jaccard: NDArray[np.float64]


class Similar:
    """Indexed texts, to be found by texts like them."""

    def __init__(self, tokens: Tokens, threshold: float, shortest: int) -> None:
        """Index texts.

        Args:
            tokens: of the texts.
            threshold: the least similarity.
            shortest: texts of fewer different tokens are left out: they are alike by chance.
        """
        import numpy as np

        self._threshold = threshold
        hashes, number = np.unique(tokens.hashes, return_inverse=True)
        keys = _distinct(_owners(tokens), number)
        sizes = np.bincount(_high(keys), minlength=len(tokens.starts) - 1)
        keys = keys[sizes[_high(keys)] >= shortest]
        self._sizes = np.where(sizes >= shortest, sizes, 0)
        often = np.bincount(_low(keys), minlength=len(hashes))
        self._rarity = np.empty(len(hashes), np.int64)
        self._rarity[np.lexsort((hashes, often))] = np.arange(len(hashes))
        self._known = Known(hashes)
        self._words = _distinct(_high(keys), self._rarity[_low(keys)])
        """| indexed text | rarity of a word |, sorted."""
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)])
        prefix = (
            _within(self._words, self._starts) < (self._sizes - least(threshold, self._sizes) + 1)[_high(self._words)]
        )
        self._prefixes = _distinct(_low(self._words[prefix]), _high(self._words[prefix]))
        """| rarity | indexed text |, sorted."""
        self._begins = np.searchsorted(_high(self._prefixes), np.arange(len(hashes) + 1))

    def find(self, tokens: Tokens) -> Alike:
        """Find all pairs that are as like as the threshold says."""
        import numpy as np

        count = len(tokens.starts) - 1
        owners = _owners(tokens)
        places, numbers = self._known.find(tokens.hashes)
        unknown = np.ones(len(owners), bool)
        unknown[places] = False
        others = (owners[unknown].astype(np.uint64) << np.uint64(_HASH_BITS)) | (
            tokens.hashes[unknown] >> np.uint64(64 - _HASH_BITS)
        )
        others = ascending(others)
        strange = np.bincount((others[opens(others)] >> np.uint64(_HASH_BITS)).astype(np.int64), minlength=count)
        words = _distinct(owners[places], self._rarity[numbers])
        known = np.bincount(_high(words), minlength=count)
        sizes = known + strange
        needed = least(self._threshold, sizes)
        words = words[(known >= needed)[_high(words)]]
        known = np.where(known >= needed, known, 0)
        starts = np.concatenate([[0], np.cumsum(known)])

        prefix = words[_within(words, starts) < (sizes - needed + 1 - strange)[_high(words)]]
        begins, ends = self._begins[_low(prefix)], self._begins[_low(prefix) + 1]
        texts = np.repeat(_high(prefix), ends - begins)
        indexed = _low(self._prefixes)[_spread(begins, ends - begins)]
        fit = np.minimum(sizes[texts], self._sizes[indexed]) >= self._threshold * np.maximum(
            sizes[texts], self._sizes[indexed]
        )
        pairs = _distinct(texts[fit], indexed[fit])
        texts, indexed = _high(pairs), _low(pairs)
        sides = [
            (np.repeat(np.arange(len(pairs)), counts), _low(side[_spread(begins[which], counts)]))
            for side, begins, which, counts in (
                (words, starts, texts, known[texts]),
                (self._words, self._starts, indexed, self._sizes[indexed]),
            )
        ]
        both = _packed(*(np.concatenate(columns) for columns in zip(*sides, strict=True)))
        both = ascending(both)
        shared = np.bincount(_high(both[1:][both[1:] == both[:-1]]), minlength=len(pairs))
        jaccard = shared / (sizes[texts] + self._sizes[indexed] - shared)
        near = jaccard >= self._threshold - 1e-9
        return Alike(texts[near], indexed[near], jaccard[near])


def _owners(tokens: Tokens) -> Rows:
    import numpy as np

    return np.repeat(np.arange(len(tokens.starts) - 1), np.diff(tokens.starts))


def _packed(high: Rows, low: Rows) -> Keys:
    import numpy as np

    return (high.astype(np.uint64) << np.uint64(_BITS)) | low.astype(np.uint64)


def _distinct(high: Rows, low: Rows) -> Keys:
    keys = ascending(_packed(high, low))
    return keys[opens(keys)]


def _high(keys: Keys) -> Rows:
    import numpy as np

    high: Rows = (keys >> np.uint64(_BITS)).astype(np.int64)
    return high


def _low(keys: Keys) -> Rows:
    import numpy as np

    low: Rows = (keys & np.uint64((1 << _BITS) - 1)).astype(np.int64)
    return low


def _within(keys: Keys, starts: Rows) -> Rows:
    """Number the keys of each owner from 0."""
    import numpy as np

    numbers: Rows = np.arange(len(keys)) - starts[_high(keys)]
    return numbers


def _spread(begins: Rows, counts: Rows) -> Rows:
    """Return all places of ranges that begin so and are so long."""
    import numpy as np

    places: Rows = np.arange(counts.sum()) + np.repeat(begins - (np.cumsum(counts) - counts), counts)
    return places
