"""An index of the n-grams of some texts: which stands where, looked up for millions of others at once.

Almost no n-gram of a table stands in a benchmark, so a table of bytes, one for each value of some bits of a hash,
turns most of them away at the price of one read each; only what is left is searched for.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from builder.near.postings import ascending, opens
from builder.tokens import Tokens, ngrams, tokenise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]

_ROOM = 16
"""Bytes in the table for each n-gram: one in so many others gets past it."""
_MOST_BITS = 27
_TOGETHER = 1 << 16
"""N-grams looked up together: they stay in the cache."""


class Known:
    """Some hashes, numbered in ascending order."""

    def __init__(self, hashes: Keys) -> None:
        """Take them sorted, each once."""
        import numpy as np

        self._hashes = hashes
        bits = min(_MOST_BITS, max(10, (_ROOM * len(hashes)).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, bool)
        self._table[(hashes >> self._shift).astype(np.int64)] = True
        bits = min(_MOST_BITS, max(1, len(hashes).bit_length()))
        self._shelf_shift = np.uint64(64 - bits)
        shelves = np.bincount((hashes >> self._shelf_shift).astype(np.int64), minlength=1 << bits)
        self._shelves = np.concatenate([[0], np.cumsum(shelves)])
        """Where the hashes that begin with the same bits begin: there are about as many such places as hashes."""

    def find(self, hashes: Keys) -> tuple[Rows, Rows]:
        """Return (place, number) of those that are known, by place."""
        import numpy as np

        found = [np.empty(0, np.int64)]
        for at in range(0, len(hashes), _TOGETHER):
            some = hashes[at : at + _TOGETHER] >> self._shift
            found.append(np.flatnonzero(self._table[some.view(np.int64)]) + at)
        places = np.concatenate(found)
        sought = hashes[places]
        shelf = (sought >> self._shelf_shift).view(np.int64)
        place, end = self._shelves[shelf], self._shelves[shelf + 1]
        numbers = np.full(len(places), -1)
        (left,) = np.nonzero(place < end)
        while len(left):  # a shelf has one hash or two, and rarely more
            met = self._hashes[place[left]] == sought[left]
            numbers[left[met]] = place[left[met]]
            left = left[~met]
            place[left] += 1
            left = left[place[left] < end[left]]
        real = numbers >= 0
        return places[real], numbers[real]


class Hits(NamedTuple):
    """N-grams of texts that stand in the index; ascending by text and place."""

    texts: Rows
    places: Rows
    """Number of the n-gram in its text."""
    grams: Rows
    """Its number in the index."""


class Index:
    """The n-grams of the indexed texts, each text's one after the other, are its postings."""

    def __init__(self, tokens: Tokens, size: int, benchmarks: Rows, common: int) -> None:
        """Index texts.

        Args:
            tokens: of the texts; no two are the same.
            size: tokens in an n-gram.
            benchmarks: which benchmark each text is of.
            common: an n-gram that more texts of its benchmark have says nothing there; but a text that has no others
                is no template, and keeps them. Where less than half of an n-gram are different words (the rule of a
                table, "24 = 24 = 24"), it never says anything.
        """
        import numpy as np

        self.size = size
        grams = ngrams(tokens, size)
        self.starts = grams.starts
        """Where each text's postings begin, and the end."""
        self.owner = np.repeat(np.arange(len(grams.starts) - 1), np.diff(grams.starts))
        """The text of each posting."""
        order = np.argsort(grams.hashes)
        hashes = grams.hashes[order]
        first = opens(hashes)
        number = np.empty(len(order), np.int64)
        number[order] = np.cumsum(first) - 1
        telling = _telling(tokens, self.owner, np.arange(len(self.owner)) - grams.starts[self.owner], size)
        says = telling & ~_common(number, self.owner, benchmarks, common)
        nothing = np.bincount(self.owner[says], minlength=len(self.starts) - 1) == 0
        self.says = says | (telling & nothing[self.owner])
        """Whether a posting counts."""
        counting = order[self.says[order]]
        self._postings = counting
        """Postings that count, by n-gram."""
        self._begins = np.concatenate([[0], np.cumsum(np.bincount(number[counting], minlength=int(first.sum())))])
        self._known = Known(hashes[first])

    def find(self, tokens: Tokens) -> Hits:
        """Look up the n-grams of texts; those are found, too, that do not count."""
        import numpy as np

        grams = ngrams(tokens, self.size)
        places, numbers = self._known.find(grams.hashes)
        texts = np.searchsorted(grams.starts, places, side="right") - 1
        return Hits(texts, places - grams.starts[texts], numbers)

    def count(self, grams: Rows) -> Rows:
        """Return how many postings each of these n-grams has."""
        counted: Rows = self._begins[grams + 1] - self._begins[grams]
        return counted

    def postings(self, grams: Rows) -> tuple[Rows, Rows]:
        """Return (number among `grams`, posting) for all postings of these n-grams."""
        import numpy as np

        counts = self.count(grams)
        which = np.repeat(np.arange(len(grams)), counts)
        at = np.arange(len(which)) + np.repeat(self._begins[grams] - (np.cumsum(counts) - counts), counts)
        return which, self._postings[at]


def _common(number: Rows, owner: Rows, benchmarks: Rows, common: int) -> NDArray[np.bool_]:
    """Tell which postings are of an n-gram that too many texts of the same benchmark have."""
    import numpy as np

    result = np.zeros(len(number), bool)
    for benchmark in np.unique(benchmarks):
        own = np.flatnonzero(benchmarks[owner] == benchmark)
        keys = (number[own].astype(np.uint64) << np.uint64(32)) | owner[own].astype(np.uint64)
        keys = ascending(keys)
        keys = keys[opens(keys)]
        texts = np.bincount((keys >> np.uint64(32)).astype(np.int64), minlength=1)
        result[own] = texts[number[own]] > common
    return result


def _telling(tokens: Tokens, owner: Rows, places: Rows, size: int) -> NDArray[np.bool_]:
    """Tell which n-grams, given by text and place, have different words for at least half of their tokens."""
    import numpy as np

    count = len(tokens.hashes)
    bits = count.bit_length()
    # sorted as | hash | place |, the place in low bits of the hash: the others are enough to tell words apart
    keys = ascending((tokens.hashes >> np.uint64(bits) << np.uint64(bits)) | np.arange(count, dtype=np.uint64))
    stands = (keys & np.uint64((1 << bits) - 1)).astype(np.int64)
    again = np.flatnonzero(keys[1:] >> np.uint64(bits) == keys[:-1] >> np.uint64(bits))
    before = np.full(count, -1)  # where the same token stood last; in another text is before any n-gram here
    before[stands[again + 1]] = stands[again]
    before[Known(_signs()).find(tokens.hashes)[0]] = count
    begins = tokens.starts[owner] + places
    different = np.zeros(len(owner), np.int64)
    for after in range(size):
        different += before[begins + after] < begins
    return 2 * different >= size


@cache
def _signs() -> Keys:
    """Return the hashes of the tokens that are no words. Some signs are letters once they are folded: № is no sign."""
    import polars as pl

    from builder.text import SIGN

    folded = [unicodedata.normalize("NFKC", chr(point)).casefold() for point in range(0x3000)]
    characters = pl.Series(folded, dtype=pl.String)
    hashes = ascending(tokenise(characters.filter(characters.str.contains(f"^{SIGN}$"))).hashes)
    return hashes[opens(hashes)]
