"""Find texts made of the same words as an indexed one, in whatever order: what is left of a text that was rephrased.

The measure is the Jaccard similarity of the two sets of tokens, exact for every pair that reaches the threshold. Pairs
are found by the prefix filter that builder.near.candidates explains: two such texts share one of their rarest words,
are of a like size, and have enough words after the first that they share (Xiao et al., "Efficient similarity joins for
near-duplicate detection", 2008).
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


_TOGETHER = 1 << 22
"""Meetings looked at together."""
_PAIRS = 1 << 15
"""Pairs compared together."""


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
        owner, place = _high(self._words), _within(self._words, self._starts)
        prefix = place < (self._sizes - least(threshold, self._sizes) + 1)[owner]
        owner, place, word = owner[prefix], place[prefix], _low(self._words[prefix])
        keys = _packed(word, self._sizes[owner])
        order = np.lexsort((owner, keys))
        self._keys = keys[order]
        """Of the prefixes, | rarity of a word | size of the text it is in |, sorted."""
        self._owner, self._place = owner[order], place[order]

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

        place = _within(words, starts) + strange[_high(words)]
        prefix = place < (sizes - needed + 1)[_high(words)]
        text, word, place = _high(words[prefix]), _low(words[prefix]), place[prefix]
        # only texts of a like size
        begins = np.searchsorted(self._keys, _packed(word, needed[text]))
        ends = np.searchsorted(self._keys, _packed(word, np.floor(sizes[text] / self._threshold + 1e-9) + 1))
        total = np.cumsum(ends - begins)
        found = [np.empty(0, np.uint64)]
        at = 0
        while at < len(text):  # some of the meetings together
            done = total[at - 1] if at else 0
            end = max(at + 1, int(np.searchsorted(total, done + _TOGETHER, side="right")))
            counts = ends[at:end] - begins[at:end]
            met = _spread(begins[at:end], counts)
            one, other = np.repeat(text[at:end], counts), self._owner[met]
            # where two meet by this word first, no more than what follows it on both sides is the same
            rest = np.minimum(sizes[one] - np.repeat(place[at:end], counts), self._sizes[other] - self._place[met])
            enough = rest >= self._threshold / (1 + self._threshold) * (sizes[one] + self._sizes[other]) - 1e-9
            found.append(_distinct(one[enough], other[enough]))
            at = end
        pairs = ascending(np.concatenate(found))
        pairs = pairs[opens(pairs)]
        alike = [_none()]
        for at in range(0, len(pairs), _PAIRS):
            one, other = _high(pairs[at : at + _PAIRS]), _low(pairs[at : at + _PAIRS])
            alike.append(self._compared(one, other, words, starts, sizes))
        return Alike(*(np.concatenate(columns) for columns in zip(*alike, strict=True)))

    def _compared(self, texts: Rows, indexed: Rows, words: Keys, starts: Rows, sizes: Rows) -> Alike:
        """Return those of the pairs that reach the threshold."""
        import numpy as np

        sides = []
        for all_words, begins, which in ((words, starts, texts), (self._words, self._starts, indexed)):
            counts = begins[which + 1] - begins[which]
            sides.append(
                _packed(np.repeat(np.arange(len(texts)), counts), _low(all_words[_spread(begins[which], counts)]))
            )
        both = ascending(np.concatenate(sides))
        shared = np.bincount(_high(both[1:][both[1:] == both[:-1]]), minlength=len(texts))
        jaccard = shared / (sizes[texts] + self._sizes[indexed] - shared)
        near = jaccard >= self._threshold - 1e-9
        return Alike(texts[near], indexed[near], jaccard[near])


def _none() -> Alike:
    import numpy as np

    return Alike(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))


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
