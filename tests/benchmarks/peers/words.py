"""What a word is and what a shingle is, in plain Python: written apart from the builder, to be held against it.

    "Is 3 > 4? A well-known 東京です"    words    is 3 4 a well known 東 京 で す
                                        signed   is 3 > 4 a well - known 東 京 で す    what the builder compares
    shingles    five words in a row; a text of fewer words is one, whole

A run of letters, digits, vowel signs and `_` is a word; of scripts written without spaces, each
character is one.
"""

import re
import unicodedata

_UNSPACED = (  # Thai, Lao, Burmese, Khmer, kana, Han
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e80-\u0eb0\u1000-\u102a\u1780-\u17b3"
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS = "\u0300-\u036f\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
_ASCII = re.compile(r"[a-z0-9_]+")
_ANY = re.compile(rf"[{_UNSPACED}][{_MARKS}]*|(?:[^\W{_UNSPACED}]|[{_MARKS}])+")
_PLAIN_SIGNS = r"[-+<>=|~^$`*/%&#@\\]"
_KINDS = {"Sm", "Sc", "Sk", "So", "Pd"}
_POINTS = list(map(chr, range(128, 0x20000)))
_SIGNS = "".join(re.escape(point) for point in _POINTS if unicodedata.category(point) in _KINDS)
_ALL_MARKS = "".join(point for point in _POINTS if unicodedata.category(point).startswith("M"))
_SIGNED = re.compile(rf"[{_UNSPACED}][{_ALL_MARKS}]*|(?:[^\W{_UNSPACED}]|[{_ALL_MARKS}])+|{_PLAIN_SIGNS}|[{_SIGNS}]")


def words(text: str) -> list[str]:
    """Return the lower-cased words of a text, in order."""
    lower = text.lower()
    return _ASCII.findall(lower) if lower.isascii() else _ANY.findall(lower)


def signed(text: str) -> set[str]:
    """Return the shingles of words and signs, of a text in NFKC and casefold: what the builder says it compares."""
    normal = unicodedata.normalize("NFKC", text).casefold()
    return _runs(_SIGNED.findall(normal), normal, 5)


def shingles(text: str, size: int = 5) -> set[str]:
    """Return the runs of `size` words of a text; a shorter text is one shingle, and so is one without a word."""
    return _runs(words(text), text, size)


def _runs(said: list[str], text: str, size: int) -> set[str]:
    if len(said) < size:
        return {" ".join(said) or text}
    return set(map(" ".join, zip(*(said[at:] for at in range(size)), strict=False)))


def jaccard(one: set[str], other: set[str]) -> float:
    """Return the share of the shingles of either that are in both."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
