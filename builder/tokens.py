r"""Tokenise and hash texts, all of a column at once: the one pass that dedup, decontamination and repetition share.

    ["Is 3 > 4?", "東京です"]    tokens  is 3 > 4 | 東 京 で す      as builder.text has them, in NFKC and casefold
                                hashes  eight numbers of 64 bits    starts  [0, 4, 8]

A token's hash is a polynomial over its characters, so that the hashes of all tokens come from one running sum; equal
tokens have equal hashes in every process and version, and different ones collide with probability 2**-64 or so.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from builder.fold import POINTS, folded

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]
    Positions = NDArray[np.int64]

_ODD = 0x9E3779B97F4A7C15
_TOGETHER = 1 << 17
"""Characters looked at together: the arrays stay in the cache."""
_OTHER, _WORD, _UNSPACED, _MARK, _SIGN = range(5)
"""What a character is: none of a token; of a word; a word alone; joins what is before it; a sign alone."""


class Tokens(NamedTuple):
    """The hashed tokens, or n-grams, of many texts."""

    hashes: Hashes
    """Of all texts, one after the other, in order."""
    starts: Positions
    """Text i has hashes[starts[i] : starts[i + 1]]; one longer than there are texts."""


def tokenise(texts: pl.Series) -> Tokens:
    """Hash the tokens of each text; a null has none."""
    import numpy as np

    texts = texts.fill_null("")
    plain = (texts.str.len_bytes() == texts.str.len_chars()).to_numpy()
    if plain.all():
        return _of(_ascii(texts))
    rows = [np.flatnonzero(plain), np.flatnonzero(~plain)]
    parts = [_of(_ascii(texts.filter(plain))), _of(_unicode(texts.filter(~plain)))]
    return _woven(parts, rows)


def ngrams(tokens: Tokens, size: int) -> Tokens:
    """Hash every run of `size` tokens within a text; a text with fewer tokens has none."""
    import numpy as np

    hashes, starts = tokens
    if size == 1:
        return tokens
    counts = np.maximum(np.diff(starts) - (size - 1), 0)
    begins = np.concatenate([[0], np.cumsum(counts)])
    if not begins[-1]:
        return Tokens(np.empty(0, np.uint64), begins)
    runs = hashes[: len(hashes) - size + 1].copy()
    for after in range(1, size):
        runs *= np.uint64(_ODD)
        runs += hashes[after : len(hashes) - size + 1 + after]
    within = np.ones(len(hashes), bool)
    for before in range(1, size):  # a run that starts among a text's last tokens would end in the next text
        ends = starts[1:][np.diff(starts) >= before]
        within[ends - before] = False
    return Tokens(mixed(runs[within[: len(runs)]]), begins)


def fingerprint(texts: pl.Series) -> Hashes:
    """Hash each text as it stands, to 64 bits that are the same on every machine; a null is an empty text."""
    import numpy as np

    texts = texts.fill_null("")
    hashes = [np.empty(0, np.uint64)]
    for some in _cut(texts, texts.str.len_bytes().to_numpy()):
        offsets, data = _buffers(some)
        lengths = np.diff(offsets).astype(np.uint64)
        hashes.append(mixed(_hashed(np.frombuffer(data, np.uint8), offsets[:-1], offsets[1:]) ^ lengths))
    return np.concatenate(hashes)


def listed(tokens: Tokens) -> pl.Series:
    """Return them as a column of lists; nothing is copied."""
    import polars as pl
    import pyarrow as pa

    lists = pa.LargeListArray.from_arrays(pa.array(tokens.starts), pa.array(tokens.hashes))
    return pl.Series(lists, dtype=pl.List(pl.UInt64))


def unlisted(lists: pl.Series) -> Tokens:
    """Return a column of lists as tokens."""
    import numpy as np
    import polars as pl

    array = lists.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    starts = array.offsets.to_numpy()
    return Tokens(array.values.to_numpy()[starts[0] : starts[-1]], (starts - starts[0]).astype(np.int64))


def mixed(numbers: Hashes) -> Hashes:
    """Spread 64-bit numbers over all their bits, one to one, in place (the finaliser of splitmix64)."""
    import numpy as np

    numbers ^= numbers >> np.uint64(30)
    numbers *= np.uint64(0xBF58476D1CE4E5B9)
    numbers ^= numbers >> np.uint64(27)
    numbers *= np.uint64(0x94D049BB133111EB)
    numbers ^= numbers >> np.uint64(31)
    return numbers


class _Chunk(NamedTuple):
    """Some texts, end to end."""

    points: NDArray[np.uint8] | NDArray[np.uint32]
    """The characters."""
    classes: NDArray[np.uint8]
    offsets: Positions
    """Where each text begins, and the end."""


def _of(chunks: Iterator[_Chunk]) -> Tokens:
    import numpy as np

    hashes, counts = [np.empty(0, np.uint64)], [np.zeros(1, np.int64)]
    for chunk in chunks:
        first, last = _bounds(chunk.classes, chunk.offsets)
        hashes.append(_hashed(chunk.points, first, last))
        counts.append(np.diff(np.searchsorted(first, chunk.offsets)))
    return Tokens(np.concatenate(hashes), np.cumsum(np.concatenate(counts)))


def _woven(parts: list[Tokens], rows: list[Positions]) -> Tokens:
    """Put texts that were hashed apart back into one order: `rows` has the places of each part's texts."""
    import numpy as np

    counts = np.zeros(sum(map(len, rows)), np.int64)
    for part, places in zip(parts, rows, strict=True):
        counts[places] = np.diff(part.starts)
    starts = np.concatenate([[0], np.cumsum(counts)])
    hashes = np.empty(starts[-1], np.uint64)
    for part, places in zip(parts, rows, strict=True):
        shift = np.repeat(starts[places] - part.starts[:-1], np.diff(part.starts))
        hashes[np.arange(len(part.hashes)) + shift] = part.hashes
    return Tokens(hashes, starts)


def _ascii(texts: pl.Series) -> Iterator[_Chunk]:
    """Read the bytes where they lie. Lower case is all that NFKC and casefold do to them."""
    import numpy as np

    table = _classes(256).tobytes()  # only the first half is met
    for some in _cut(texts, texts.str.len_bytes().to_numpy()):
        offsets, data = _buffers(some)
        yield _Chunk(np.frombuffer(data.lower(), np.uint8), np.frombuffer(data.translate(table), np.uint8), offsets)


def _unicode(texts: pl.Series) -> Iterator[_Chunk]:
    import numpy as np

    classes = _classes(POINTS)
    for some in _cut(texts, texts.str.len_chars().to_numpy()):
        points, offsets = folded(some.to_list())
        yield _Chunk(points, _joined(classes[points], offsets), np.asarray(offsets))


def _cut(texts: pl.Series, sizes: Any) -> Iterator[pl.Series]:
    """Cut a column into pieces of about `_TOGETHER` characters; a longer text is a piece of its own."""
    import numpy as np

    total = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    at = 0
    while at < len(texts):
        end = max(at + 1, int(np.searchsorted(total, total[at] + _TOGETHER, side="right")) - 1)
        yield texts.slice(at, end - at)
        at = end


def _buffers(texts: pl.Series) -> tuple[Positions, bytes]:
    """Return where each text begins in its bytes, with the end, and the bytes."""
    import numpy as np
    import polars as pl

    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return places - places[0], b"" if data is None else data[places[0] : places[-1]].to_pybytes()


@cache
def _classes(count: int) -> NDArray[np.uint8]:
    """Tell the class of each of the first `count` characters, as the expressions in builder.text have it."""
    import numpy as np
    import polars as pl

    from builder.text import MARK, SIGN, UNSPACED, WORDLIKE

    # letters and signs lie in the first four planes, variation selectors in plane 14; the rest holds neither
    some = [point for point in range(min(count, 0xE1000)) if point < 0x40000 or point >= 0xE0000]
    kinds = {_WORD: WORDLIKE, _UNSPACED: UNSPACED, _MARK: MARK, _SIGN: SIGN}
    table = pl.DataFrame({"point": ["" if 0xD800 <= point < 0xE000 else chr(point) for point in some]}).select(
        pl.col("point").str.contains(pattern).alias(str(kind)) for kind, pattern in kinds.items()
    )
    places = np.array(some)
    classes = np.zeros(count, np.uint8)
    for kind in kinds:
        classes[places[table[str(kind)].to_numpy()]] = kind
    return classes


def _joined(classes: NDArray[np.uint8], offsets: Positions) -> NDArray[np.uint8]:
    """Give marks the class of what they follow: a letter that stands alone takes them in, else they are of a word."""
    import numpy as np

    marks = np.flatnonzero(classes == _MARK)
    if not len(marks):
        return classes
    begin = offsets[np.searchsorted(offsets, marks, side="right") - 1]
    before = marks - 1
    while (again := (before >= begin) & (classes[before] == _MARK)).any():
        before -= again
    alone = (before >= begin) & (classes[before] == _UNSPACED)
    joined = classes.copy()
    joined[marks[~alone]] = _WORD
    return joined


def _bounds(classes: NDArray[np.uint8], offsets: Positions) -> tuple[Positions, Positions]:
    """Return where each token begins and where it ends."""
    import numpy as np

    if not len(classes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    word = classes == _WORD
    opens = classes != _WORD
    opens[1:] |= ~word[:-1]
    opens[offsets[:-1][offsets[:-1] < len(classes)]] = True
    opens &= classes != _MARK
    edges = np.append(np.flatnonzero(opens), len(classes))
    first, last = edges[:-1], edges[1:]
    real = classes[first] != _OTHER
    return first[real], last[real]


def _hashed(points: NDArray[Any], first: Positions, last: Positions) -> Hashes:
    """Hash each span of characters by a polynomial in an odd number: the difference of two running sums."""
    import numpy as np

    up, down = _powers(max(_TOGETHER, 1 << len(points).bit_length()))
    running = np.zeros(len(points) + 1, np.uint64)
    np.cumsum(np.multiply(points, up[: len(points)], dtype=np.uint64), out=running[1:])
    hashes = running[last]
    hashes -= running[first]
    hashes *= down[np.minimum(first, len(down) - 1)]  # an empty span at the very end is 0 in any case
    return mixed(hashes)


@cache
def _powers(count: int) -> tuple[Hashes, Hashes]:
    """Return the first powers of an odd number and of its inverse, modulo 2**64."""
    import numpy as np

    both = []
    for base in (_ODD, pow(_ODD, -1, 1 << 64)):
        powers = np.full(count, base, np.uint64)
        powers[0] = 1
        both.append(np.multiply.accumulate(powers))
    return both[0], both[1]
