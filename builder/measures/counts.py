"""Words and letters of a column of texts, counted on arrays: what would be dear as list expressions.

    "so on and so on and so on ..."  (80 words)    response_words 80   distinct_words 0.04   repetition 0.95

A word is what builder.text calls one, in NFKC and casefold; signs are left out, so that the rules of a table repeat
nothing. Where words in Gopher's sense are meant (rows 2 and 3), they are what stands between white space.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from builder.text import SIGN
from builder.tokens import Tokens, mixed, ngrams, tokenise

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

ABOUT = {
    "response_words": "words",
    "mean_word_chars": "characters between white space, per word; of Latin text of 20 words or more that is no code",
    "alphabetic_words": "share of words with a letter; where mean_word_chars is measured",
    "distinct_words": "different words per word, in responses of 50 words or more",
    "repetition": "share of word 4-grams that came before, in responses of 50 words or more",
}

NGRAM = 4
"""Words in the n-grams of `repetition`."""
LONG = 50
"""Words from which repetition is measured: a short list or refrain repeats by right."""
PROSE = 20
"""Words from which the form of words is measured: a one-word answer has none."""

_ROWS = 1024
"""Texts counted together; what is counted does not depend on it."""
_TOGETHER = 1 << 16
"""Hashes looked at together: their table stays in the cache."""


def expression(text: pl.Expr) -> pl.Expr:
    """Return a struct of the measures in ABOUT; all null for null."""
    import polars as pl

    return text.map_batches(_counted, return_dtype=pl.Struct(_shape()))


def _shape() -> dict[str, Any]:
    import polars as pl

    return {name: pl.Int64() if name == "response_words" else pl.Float64() for name in ABOUT}


def _counted(texts: pl.Series) -> pl.Series:
    import polars as pl

    if not len(texts):
        return pl.Series(dtype=pl.Struct(_shape()))
    pieces = [texts.slice(at, _ROWS) for at in range(0, len(texts), _ROWS)]
    with ThreadPoolExecutor(min(len(pieces), pl.thread_pool_size())) as pool:
        return pl.concat(list(pool.map(_some, pieces)))


def _some(texts: pl.Series) -> pl.Series:
    import numpy as np
    import polars as pl

    known = texts.is_not_null().to_numpy()
    texts = texts.fill_null("")
    words = tokenise(texts.str.replace_all(SIGN, " "))
    count = np.diff(words.starts)
    grams = ngrams(words, NGRAM)
    mean, alphabetic, prose = _letters(texts, count)
    values = {
        "response_words": (count, known),
        "mean_word_chars": (mean, known & prose),
        "alphabetic_words": (alphabetic, known & prose),
        "distinct_words": (distinct(words) / np.maximum(count, 1), known & (count >= LONG)),
        "repetition": (1 - distinct(grams) / np.maximum(np.diff(grams.starts), 1), known & (count >= LONG)),
    }
    columns = [pl.Series(name, _masked(value, there)) for name, (value, there) in values.items()]
    return pl.DataFrame(columns).to_struct()


def _masked(values: NDArray[Any], there: NDArray[np.bool_]) -> pl.Series:
    import polars as pl

    column = pl.Series(values)
    column = column.round(4) if column.dtype == pl.Float64 else column
    return column.zip_with(pl.Series(there), pl.Series([None], dtype=column.dtype).new_from_index(0, len(column)))


def distinct(hashed: Tokens) -> NDArray[np.int64]:
    """Count the different hashes of each text.

    Every hash, made one with the number of its text, writes its place into a table. Who reads its own place back is
    the first of its kind; who reads an equal one is a repetition; the rest try another slot.
    """
    import numpy as np

    hashes, starts = hashed
    found = np.zeros(len(starts) - 1, np.int64)
    cuts = np.searchsorted(starts, np.arange(0, starts[-1] + 1, _TOGETHER))
    cuts = np.unique(np.append(cuts, len(found)))
    for begin, end in pairwise(cuts):
        here = starts[begin : end + 1]
        row = np.repeat(np.arange(begin, end), np.diff(here))
        keys = hashes[here[0] : here[-1]] ^ mixed(row.astype(np.uint64) * np.uint64(0xD1342543DE82EF95) + np.uint64(1))
        bits = max(len(keys).bit_length() + 1, 4)
        table = np.zeros(1 << bits, np.int32)
        left, slots = np.arange(len(keys), dtype=np.int32), keys
        while len(left):
            slot = (slots >> np.uint64(64 - bits)).astype(np.int32)
            table[slot] = left
            there = table[slot]
            found += np.bincount(row[left[there == left]], minlength=len(found))
            again = keys[there] != keys[left]
            left, slots = left[again], mixed(slots[again])
    return found


def _letters(texts: pl.Series, words: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Return mean length and alphabetic share of the words between white space, and where they mean something.

    Works on the bytes of UTF-8: white space is ASCII's, every character beyond ASCII is a letter.
    """
    import numpy as np
    import polars as pl

    data = np.frombuffer(b" ".join([*texts.cast(pl.Binary).to_list(), b""]), np.uint8)
    starts = np.concatenate([[0], np.cumsum(texts.str.len_bytes().to_numpy().astype(np.int64) + 1)[:-1]])

    def per_text(mask: NDArray[Any]) -> NDArray[np.int64]:
        return np.add.reduceat(mask.view(np.uint8), starts, dtype=np.int64)

    space = (data == 32) | (data - np.uint8(9) < 5)
    beyond = data >= 0xC0  # first bytes of characters beyond ASCII
    latin = (data | 32) - np.uint8(97) < 26
    begins = ~space
    begins[1:] &= space[:-1]
    count = per_text(begins)
    chars = per_text(~space & ((data & 0xC0) != 0x80))
    first = np.flatnonzero(begins)
    lettered = np.zeros(len(data), bool)
    if len(first):
        lettered[first] = np.logical_or.reduceat(latin | beyond, first)
    much = np.maximum(count, 1)
    # in a script without spaces there are many more letters that stand alone than stretches between spaces
    prose = (np.minimum(count, words) >= PROSE) & (per_text(latin) >= 4 * per_text(beyond)) & (words <= 3 * count)
    return chars / much, per_text(lettered) / much, prose
