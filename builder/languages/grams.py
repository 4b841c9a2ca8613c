"""Code points, n-grams and words of many texts at once, as arrays; langdetect takes them one character at a time.

    "Der Wald"   n-gram keys   " D"  "Der"  "er "  " W"  "Wal"  "ald"  "ld "        one for each character that ends one
                 word hashes   der   wald

An n-gram key packs a character and the two before it, 16 bits each (no profile holds a code point beyond them); the
first is left out (0) where a word begins. A key names its shorter n-grams too: they are its lower bits.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SPACE = 0x20
_BEYOND = 0xFFFF
"""Stands for every character outside the basic plane."""
_LONGEST = 32
"""Longer words are on no list; they are hashed by their first letters."""
_BASE = 0x9E3779B97F4A7C15


class Points(NamedTuple):
    """The code points of a list of texts, one text after another with a space behind each."""

    points: NDArray[np.uint16]
    bounds: NDArray[np.int64]
    """Where each text begins, and the end of the last: one more than there are texts."""


class Spans(NamedTuple):
    """What was found in each text: keys of n-grams, hashes of words."""

    keys: NDArray[np.uint64]
    starts: NDArray[np.int64]
    """Where each text begins in `keys`, and the end of the last."""


def points(texts: Sequence[str]) -> Points:
    """Lay out the texts as code points."""
    import numpy as np

    joined = " ".join([*texts, ""])
    wide = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter((len(text) + 1 for text in texts), dtype=np.int64, count=len(texts))
    return Points(np.minimum(wide, _BEYOND).astype(np.uint16), np.concatenate([[0], np.cumsum(lengths)]))


def n_grams(given: Points) -> Spans:
    """Return the n-grams of each text as langdetect reads it: folded, words apart, no words all in capitals.

    As there, Latin letters in a text of another script are left out. Unlike there, the end of a text ends a word.
    """
    import numpy as np

    folded, upper = _folding()
    read = _without_stray_latin(given)
    here = folded[read]
    before = np.concatenate([np.array([_SPACE], np.uint16), here])[: len(here)]
    earlier = np.concatenate([np.array([_SPACE, _SPACE], np.uint16), here])[: len(here)]
    shouted = upper[here] & upper[before]
    ends_one = ~shouted & ((here != _SPACE) | (before != _SPACE))
    earlier = np.where(before == _SPACE, np.uint16(0), earlier)
    keys = here.astype(np.uint64)
    keys |= before.astype(np.uint64) << np.uint64(16)
    keys |= earlier.astype(np.uint64) << np.uint64(32)
    return Spans(keys[ends_one], np.concatenate([[0], np.cumsum(ends_one)])[given.bounds])


def words(given: Points) -> Spans:
    """Return a hash of each word in lower case: a run of letters and their marks."""
    import numpy as np

    lower = _lowered()[given.points]
    inside = lower > 0
    begins = inside.copy()
    begins[1:] &= ~inside[:-1]
    first = np.flatnonzero(begins)
    starts = np.concatenate([[0], np.cumsum(begins)])[given.bounds]
    if not len(first):
        return Spans(np.zeros(0, np.uint64), starts)
    place = np.arange(len(lower))
    place -= np.repeat(np.concatenate([[0], first]), np.diff(np.concatenate([[0], first, [len(lower)]])))
    factors = np.cumprod(np.full(_LONGEST + 1, _BASE, np.uint64))
    factors[-1] = 0
    return Spans(np.add.reduceat(lower * factors[np.minimum(place, _LONGEST)], first), starts)


def _without_stray_latin(given: Points) -> NDArray[np.uint16]:
    import numpy as np

    latin = (given.points >= ord("A")) & (given.points <= ord("z"))
    other = (given.points >= 0x300) & ~((given.points >= 0x1E00) & (given.points <= 0x1EFF))
    if not other.any():
        return given.points
    few, many = (np.diff(np.concatenate([[0], np.cumsum(kind)])[given.bounds]) for kind in (latin, other))
    stray = np.repeat(2 * few < many, np.diff(given.bounds)) & latin
    return np.where(stray, np.uint16(_SPACE), given.points)


@functools.cache
def _folding() -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Return langdetect's own folding of each code point, and which are capitals (0.2 s, once)."""
    import numpy as np
    from langdetect.utils.ngram import NGram

    every = [chr(point) for point in range(_BEYOND + 1)]
    folded = [ord(NGram.normalize(char)) for char in every]
    return np.array(folded, np.uint16), np.array([char.isupper() for char in every])


@functools.cache
def _lowered() -> NDArray[np.uint64]:
    """Return the lower case of each letter or mark, 0 for whatever else."""
    import numpy as np

    lower = np.zeros(_BEYOND + 1, np.uint64)
    for point in range(_BEYOND):
        char = chr(point)
        if unicodedata.category(char)[0] in "LM":
            lower[point] = ord(char.lower()[0])
    return lower
