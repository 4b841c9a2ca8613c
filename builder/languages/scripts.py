"""Which script a text is written in, and so which languages it can be in at all.

    "Что такое любовь?"   Cyrillic: bg, mk, ru or uk          "東京です"   kana among Han: ja, and nothing else

A Chinese, Japanese or Korean letter says about as much as three of an alphabet, and counts as three.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CJK_WEIGHT = 3

# Unicode blocks, first and last code point, and the languages among langdetect's 55 that are written in them.
_FAMILIES: dict[str, tuple[tuple[tuple[int, int], ...], tuple[str, ...]]] = {
    "Latin": (
        ((0x41, 0x24F), (0x1E00, 0x1EFF)),
        (
            "af",
            "ca",
            "cs",
            "cy",
            "da",
            "de",
            "en",
            "es",
            "et",
            "fi",
            "fr",
            "hr",
            "hu",
            "id",
            "it",
            "lt",
            "lv",
            "nl",
            "no",
            "pl",
            "pt",
            "ro",
            "sk",
            "sl",
            "so",
            "sq",
            "sv",
            "sw",
            "tl",
            "tr",
            "vi",
        ),
    ),
    "Han": (((0x3400, 0x9FFF), (0xF900, 0xFAFF)), ("zh-cn", "zh-tw")),
    "kana": (((0x3040, 0x30FF), (0xFF66, 0xFF9D)), ("ja",)),
    "Hangul": (((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)), ("ko",)),
    "Cyrillic": (((0x400, 0x52F),), ("bg", "mk", "ru", "uk")),
    "Arabic": (((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)), ("ar", "fa", "ur")),
    "Devanagari": (((0x900, 0x97F),), ("hi", "mr", "ne")),
    "Greek": (((0x370, 0x3FF), (0x1F00, 0x1FFF)), ("el",)),
    "Hebrew": (((0x590, 0x5FF),), ("he",)),
    "Thai": (((0xE00, 0xE7F),), ("th",)),
    "Bengali": (((0x980, 0x9FF),), ("bn",)),
    "Gujarati": (((0xA80, 0xAFF),), ("gu",)),
    "Gurmukhi": (((0xA00, 0xA7F),), ("pa",)),
    "Kannada": (((0xC80, 0xCFF),), ("kn",)),
    "Malayalam": (((0xD00, 0xD7F),), ("ml",)),
    "Tamil": (((0xB80, 0xBFF),), ("ta",)),
    "Telugu": (((0xC00, 0xC7F),), ("te",)),
}
NAMES = tuple(_FAMILIES)
LANGUAGES: dict[str, tuple[str, ...]] = {name: languages for name, (_, languages) in _FAMILIES.items()}
_KANA_SHARE = 0.05
"""Less kana than this among Han is a name or a brand in Chinese."""


def dominant(points: NDArray[np.uint16], bounds: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the script most of each text's letters are in, and its share of them.

    Args:
        points: code points of all texts, one after another.
        bounds: where each text begins, and the end of the last.

    Returns:
        An index into `NAMES` for each text, -1 where it has no letter of any; the share, 0 to 1.
    """
    import numpy as np

    texts = len(bounds) - 1
    found = kinds()[points]
    letters = np.flatnonzero(found >= 0)
    owner = np.repeat(np.arange(texts), np.diff(bounds))[letters]
    counts = np.bincount(owner * len(NAMES) + found[letters], minlength=texts * len(NAMES))
    weights = counts.reshape(texts, len(NAMES)).astype(np.float64)
    han, kana, hangul = (NAMES.index(name) for name in ("Han", "kana", "Hangul"))
    weights[:, [han, kana, hangul]] *= CJK_WEIGHT
    japanese = weights[:, kana] > _KANA_SHARE * (weights[:, han] + weights[:, kana])
    weights[:, kana] = np.where(japanese, weights[:, kana] + weights[:, han], 0)
    weights[:, han] = np.where(japanese, 0, weights[:, han])
    best = weights.argmax(axis=1)
    total = weights.sum(axis=1)
    share = weights[np.arange(texts), best] / np.maximum(total, 1)
    return np.where(total > 0, best, -1), share


@functools.cache
def kinds() -> NDArray[np.int8]:
    """Return the script of each code point, an index into `NAMES`; -1 for what is no letter of any."""
    import numpy as np

    table = np.full(0x10000, -1, np.int8)
    for number, (blocks, _) in enumerate(_FAMILIES.values()):
        for first, last in blocks:
            table[[point for point in range(first, last + 1) if chr(point).isalpha()]] = number
    return table
