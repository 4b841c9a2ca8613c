"""How many letters, marks and signs each text has: one pass over the code points of all of them.

tally(["x = f(y)", "Tag!"])     letters 3, 3   signs 3, 0   solid (whatever is no space) 6, 4
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from builder.languages import grams, scripts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BITS = 21
"""Three counts share a 64-bit number: a text may have two million characters."""
_SIGNS = "(){}[]=;<>_+\\^$|"
_CHUNK = 1 << 21
"""Characters at once: bounds the memory."""


class Tally(NamedTuple):
    """Counts of characters, one of each for every text."""

    letters: NDArray[np.int64]
    marks: NDArray[np.int64]
    """Vowel signs and accents that are characters of their own."""
    cjk: NDArray[np.int64]
    """Letters that are Han, kana or Hangul."""
    ascii_letters: NDArray[np.int64]
    solid: NDArray[np.int64]
    """Characters other than spaces."""
    signs: NDArray[np.int64]
    """Signs of code and formulas, and quotes as JSON has them."""


def tally(texts: Sequence[str]) -> Tally:
    """Count what each text is made of."""
    import numpy as np

    parts, begin = [], 0
    while begin < len(texts):
        end, size = begin, 0
        while end < len(texts) and (size < _CHUNK or end == begin):
            size += len(texts[end]) + 1
            end += 1
        parts.append(_count(grams.points(texts[begin:end])))
        begin = end
    return Tally(*np.concatenate(parts, axis=1)) if parts else Tally(*np.zeros((6, 0), np.int64))


def _count(given: grams.Points) -> NDArray[np.int64]:
    import numpy as np

    counts: list[NDArray[np.int64]] = []
    for packed in _packed():
        sums = np.diff(np.concatenate([np.zeros(1, np.uint64), np.cumsum(packed[given.points])])[given.bounds])
        fields = [(sums >> np.uint64(_BITS * place)) & np.uint64((1 << _BITS) - 1) for place in range(3)]
        counts.extend(field.astype(np.int64) for field in fields)
    owners = np.searchsorted(given.bounds, _json_quotes(given.points), side="right") - 1
    counts[-1] += np.bincount(owners, minlength=len(given.bounds) - 1)
    return np.stack(counts)


def _json_quotes(points: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Find quotes before a colon, comma or closing bracket, and those after `key: ` or `, ` that is no string's end."""
    import numpy as np

    at = np.flatnonzero(points == ord('"'))
    after = points[np.minimum(at + 1, len(points) - 1)]
    before = np.maximum(at - 1, 0)
    before = np.where(points[before] == ord(" "), np.maximum(before - 1, 0), before)
    closes = np.isin(after, [ord(char) for char in ":,}]"])
    opens = np.isin(points[before], [ord(char) for char in ":,"]) & (points[np.maximum(before - 1, 0)] != ord('"'))
    found: NDArray[np.int64] = at[closes | opens]
    return found


@functools.cache
def _packed() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return for each code point which of the six counts it adds one to, three in a number."""
    import numpy as np

    every = [chr(point) for point in range(0x10000)]
    category = [unicodedata.category(char)[0] for char in every]
    cjk = np.isin(scripts.kinds(), [scripts.NAMES.index(name) for name in ("Han", "kana", "Hangul")])
    six = np.stack(
        [
            np.array([kind == "L" for kind in category]),
            np.array([kind == "M" for kind in category]),
            cjk,
            np.array([kind == "L" and char.isascii() for kind, char in zip(category, every, strict=True)]),
            np.array([not char.isspace() for char in every]),
            np.array([char in _SIGNS for char in every]),
        ]
    ).astype(np.uint64)
    places = np.array([1, 1 << _BITS, 1 << 2 * _BITS], np.uint64)[:, None]
    return (six[:3] * places).sum(axis=0, dtype=np.uint64), (six[3:] * places).sum(axis=0, dtype=np.uint64)
