"""langdetect's profiles, evaluated on all n-grams of a text instead of some drawn at random, for many texts at once.

    tell(["Nenne drei Tiere.", "Что такое любовь?"])     de 0.99   ru 0.97

The script says which languages can be meant (`scripts`). Among them it is naive Bayes, as langdetect's: the log
probability of each n-gram in each profile, smoothed, added up; to it a bonus for each word that is one of a language's
commonest (`words.txt`). Such sums are far too sure of themselves, so they are divided by a temperature that grows with
the text: the constants were fitted on translated user interfaces and the Universal Declaration of Human Rights, cut to
many lengths; docs/language.md has what they are worth elsewhere.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from builder.languages import grams, scripts
from builder.languages.lookup import Lookup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WEIGHTS = {1: 0.5, 2: 0.5, 3: 1.0}
"""How much an n-gram of so many characters counts: a trigram holds the other two once more."""
_SMOOTHING = {1: 5e-5, 2: 2e-5, 3: 3e-5}
"""Added to each n-gram's probability. Profiles leave out what is rarer than about 1e-4; langdetect adds 5e-5."""
_WORD_BONUS = 6.0
_GROWTH = 0.3
_FOREIGN, _MIXED = 0.02, 0.75
"""A text in whose one half its language is as unlikely as this may be of two languages: below the usual 0.8."""
_SHARE = 2 / 3
"""With less than this of a text's letters in one script, its confidence shrinks by the share."""
_CHUNK = 1 << 20
"""Characters at once: bounds the memory."""


class Told(NamedTuple):
    """Answers for a list of texts."""

    languages: list[str | None]
    """langdetect's codes; None where no letter is of a script (or a language) in question."""
    confidences: NDArray[np.float64]
    words: NDArray[np.int64]
    """How many of the text's words are among the told language's commonest; -1 where no such list is needed."""


class _Family(NamedTuple):
    languages: tuple[str, ...]
    lookup: Lookup
    table: NDArray[np.float32]
    """A row for each key of the lookup, and one of zeros at the end: log probabilities by language."""
    words: Lookup
    bonus: NDArray[np.float32]


def known() -> list[str]:
    """List the 55 codes of langdetect's profiles."""
    return sorted(code for codes in scripts.LANGUAGES.values() for code in codes)


def tell(texts: Sequence[str], among: Collection[str] | None = None) -> Told:
    """Tell the language of each text; it depends on that text alone.

    Args:
        texts: what to read, as it stands; markup and code taken out.
        among: the languages that can be meant; None for all.
    """
    import numpy as np

    languages: list[str | None] = [None] * len(texts)
    confidences, words = np.zeros(len(texts)), np.zeros(len(texts), np.int64)
    begin = 0
    while begin < len(texts):
        end, size = begin, 0
        while end < len(texts) and (size < _CHUNK or end == begin):
            size += len(texts[end]) + 1
            end += 1
        _tell_chunk(texts[begin:end], among, begin, languages, confidences, words)
        begin = end
    return Told(languages, confidences, words)


def _tell_chunk(
    texts: Sequence[str],
    among: Collection[str] | None,
    offset: int,
    languages: list[str | None],
    confidences: NDArray[np.float64],
    words: NDArray[np.int64],
) -> None:
    import numpy as np

    laid = grams.points(texts)
    script, share = scripts.dominant(laid.points, laid.bounds)
    certain = np.where(share >= _SHARE, 1.0, share)
    for number in np.unique(script[script >= 0]):
        codes = scripts.LANGUAGES[scripts.NAMES[number]]
        possible = [column for column, code in enumerate(codes) if among is None or code in among]
        here = np.flatnonzero(script == number)
        if not possible:
            continue
        if len(possible) == 1 and len(codes) == 1:
            best, sure, spoken = np.zeros(len(here), np.int64), np.ones(len(here)), np.full(len(here), -1)
        else:
            part = laid if len(here) == len(texts) else grams.points([texts[row] for row in here.tolist()])
            best, sure, spoken = _among(part, _family(scripts.NAMES[number]), possible)
        confidences[offset + here] = sure * certain[here]
        words[offset + here] = spoken
        for row, column in zip(here.tolist(), best.tolist(), strict=True):
            languages[offset + row] = codes[column]


def _among(
    laid: grams.Points, family: _Family, possible: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return the best language of each text (a column), its probability, and how many words speak for it."""
    import numpy as np

    found, spoken = grams.n_grams(laid), grams.words(laid)
    rows = _rows(found.keys, family)
    halves, listed = (
        _sums(family.table, rows, _halved(found.starts)),
        _sums(family.bonus, family.words.find(spoken.keys), _halved(spoken.starts)),
    )
    halves = (halves + _WORD_BONUS * listed).astype(np.float64)
    barred = np.full(halves.shape[1], -np.inf)
    barred[possible] = 0
    length = np.maximum(np.diff(found.starts), 1)
    whole = halves[0::2] + halves[1::2] + barred
    best = whole.argmax(axis=1)
    sure = _shares(whole, length, best, family)
    for half in (halves[0::2], halves[1::2]):
        sure = np.where(_shares(half + barred, length / 2, best, family) < _FOREIGN, sure * _MIXED, sure)
    said = listed[0::2] + listed[1::2]
    spoken_for = np.round(said[np.arange(len(best)), best]).astype(np.int64)
    return best, sure, spoken_for if len(family.bonus) > 1 else np.full(len(best), -1)


def _shares(
    scores: NDArray[np.float64], length: NDArray[np.float64], best: NDArray[np.int64], family: _Family
) -> NDArray[np.float64]:
    """Return the probability of the language named; both kinds of Chinese speak for each other."""
    import numpy as np

    shares = np.exp((scores - scores.max(axis=1, keepdims=True)) / (length**_GROWTH)[:, None])
    if family.languages == scripts.LANGUAGES["Han"]:
        return np.ones(len(best))
    chosen: NDArray[np.float64] = shares[np.arange(len(best)), best] / shares.sum(axis=1)
    return chosen


def _halved(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cut each text in the middle: twice as many texts."""
    import numpy as np

    cut = np.empty(2 * len(starts) - 1, np.int64)
    cut[0::2] = starts
    cut[1::2] = (starts[:-1] + starts[1:]) // 2
    return cut


def _rows(keys: NDArray[np.uint64], family: _Family) -> NDArray[np.int32]:
    """Find each key's row, else that of its last two characters, else of its last."""
    import numpy as np

    rows = family.lookup.find(keys)
    for bits in (32, 16):
        missing = np.flatnonzero(rows < 0)
        rows[missing] = family.lookup.find(keys[missing] & np.uint64((1 << bits) - 1))
    return rows


def _sums(table: NDArray[np.float32], rows: NDArray[np.int32], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Add up the rows of each text, one after another; -1 names the last row, which is zero."""
    import numpy as np
    from scipy.sparse import csr_array

    named = np.where(rows < 0, len(table) - 1, rows)
    picked = csr_array((np.ones(len(named), np.float32), named, starts), shape=(len(starts) - 1, len(table)))
    sums: NDArray[np.float32] = picked @ table
    return sums


@functools.cache
def _family(script: str) -> _Family:
    """Build the tables of one script's languages from langdetect's files (0.2 s for the 31 in Latin script)."""
    import numpy as np
    from langdetect.detector_factory import PROFILES_DIRECTORY

    languages = scripts.LANGUAGES[script]
    packed, columns, chances = [], [], []
    for column, code in enumerate(languages):
        profile = json.loads((Path(PROFILES_DIRECTORY) / code).read_text(encoding="utf-8"))
        kept = [(gram, count) for gram, count in profile["freq"].items() if 1 <= len(gram) <= 3]
        letters = np.array([gram.rjust(3, "\0") for gram, _ in kept], "U3").view(np.uint32).reshape(-1, 3)
        order = np.array([len(gram) for gram, _ in kept])
        packed.append((letters.astype(np.uint64) << np.array([32, 16, 0], np.uint64)).sum(axis=1, dtype=np.uint64))
        columns.append(np.full(len(kept), column))
        chances.append(np.array([count for _, count in kept]) / np.array(profile["n_words"])[order - 1])
    keys, row = np.unique(np.concatenate(packed), return_inverse=True)
    chance = np.zeros((len(keys), len(languages)))
    chance[row, np.concatenate(columns)] = np.concatenate(chances)
    order = 1 + (keys >= 1 << 16).astype(int) + (keys >= 1 << 32)
    lookup = Lookup(keys)
    table = np.zeros((len(keys) + 1, len(languages)), np.float32)
    for n in (1, 2, 3):  # a row holds its shorter n-grams' evidence as well
        at = np.flatnonzero(order == n)
        shorter = np.full(len(at), -1) if n == 1 else lookup.find(keys[at] & np.uint64((1 << 16 * (n - 1)) - 1))
        if n == 3:  # a bigram no profile holds: its last character still may be there
            none = np.flatnonzero(shorter < 0)
            shorter[none] = lookup.find(keys[at][none] & np.uint64(0xFFFF))
        table[at] = table[shorter] + _WEIGHTS[n] * np.log(chance[at] + _SMOOTHING[n])
    hashes, bonus = _words(languages)
    return _Family(languages, lookup, table, Lookup(hashes), bonus)


def _words(languages: tuple[str, ...]) -> tuple[NDArray[np.uint64], NDArray[np.float32]]:
    import numpy as np

    owners: dict[str, set[int]] = {}
    for line in (Path(__file__).parent / "words.txt").read_text(encoding="utf-8").splitlines():
        code, _, listed = line.partition(": ")
        if code in languages:
            for word in listed.split():
                owners.setdefault(word, set()).add(languages.index(code))
    bonus = np.zeros((len(owners) + 1, len(languages)), np.float32)
    for row, columns in enumerate(owners.values()):
        bonus[row, sorted(columns)] = 1
    return grams.words(grams.points(list(owners))).keys, bonus
