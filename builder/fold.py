"""Bring texts to one form, NFKC and casefold, by table: width, case and composition make no difference then.

    ["Ｃａｆé", "Straße"]    the characters of "café" and "strasse"

A text with a character that may join others (a mark, a letter of a Hangul syllable) is left to Python, which takes
several times as long; in all others a character's form does not depend on its neighbours.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POINTS = 0x110000
"""Characters there are."""
_UNKNOWN, _SEVERAL, _JOINS = range(POINTS, POINTS + 3)
"""Beyond the characters: not looked at yet; becomes several; may become one with its neighbours."""


def folded(texts: list[str]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the characters of all texts, folded, and where each text begins; one longer than there are texts."""
    import numpy as np

    table = _fold_table()
    offsets = np.cumsum([0, *map(len, texts)])
    raw = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    made = table[raw]
    odd = np.flatnonzero(made >= _UNKNOWN)
    if not len(odd):
        return made, offsets
    for point in np.unique(raw[odd[made[odd] == _UNKNOWN]]).tolist():
        table[point] = _fold(point)
    made[odd] = table[raw[odd]]
    owner = np.searchsorted(offsets, odd, side="right") - 1
    joins, several = (made[odd] == kind for kind in (_JOINS, _SEVERAL))
    slow = np.unique(owner[joins])
    several &= ~np.isin(owner, slow)
    pieces, lengths, begin = [], np.diff(offsets), 0
    wide = [(int(at), int(at) + 1, _normal(chr(raw[at]))) for at in odd[several]]
    whole = [(int(offsets[row]), int(offsets[row + 1]), _normal(texts[row])) for row in slow]
    lengths += np.bincount(owner[several], [len(new) - 1 for _, _, new in wide], len(texts)).astype(np.int64)
    lengths[slow] = [len(new) for _, _, new in whole]
    for at, end, new in sorted([*wide, *whole]):
        pieces += [made[begin:at], np.frombuffer(new.encode("utf-32-le"), np.uint32)]
        begin = end
    return np.concatenate([*pieces, made[begin:]]), np.concatenate([[0], np.cumsum(lengths)])


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _fold(point: int) -> int:
    """Say what a character becomes where it stands alone, if that is all there is to say."""
    new = _normal(chr(point))
    met = {chr(point), *new, *unicodedata.normalize("NFKC", chr(point))}
    if any(unicodedata.category(each)[0] == "M" or "\u1160" <= each <= "\u11ff" for each in met):
        return _JOINS
    return ord(new) if len(new) == 1 else _SEVERAL


@cache
def _fold_table() -> NDArray[np.uint32]:
    """Return what each character becomes, as far as it was met."""
    import numpy as np

    return np.full(POINTS, _UNKNOWN, np.uint32)
