"""What a word is and what a shingle is, in plain Python: written apart from the builder, to be held against it.

    "Is 3 > 4? A well-known 東京です"    words    is 3 > 4 a well - known 東 京 で す
    shingles    five words in a row; a text of fewer words is one, whole

A run of letters, digits, vowel signs and `_` is a word, and so is a sign; of scripts written without spaces, each
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
_PLAIN_SIGNS = r"[-+<>=|~^$`*/%&#@\\]"
_KINDS = {"Sm", "Sc", "Sk", "So", "Pd"}
_SIGNS = "".join(re.escape(sign) for sign in map(chr, range(128, 0x20000)) if unicodedata.category(sign) in _KINDS)
_ASCII = re.compile(rf"[a-z0-9_]+|{_PLAIN_SIGNS}")
_ANY = re.compile(rf"[{_UNSPACED}][{_MARKS}]*|(?:[^\W{_UNSPACED}]|[{_MARKS}])+|{_PLAIN_SIGNS}|[{_SIGNS}]")


def words(text: str) -> list[str]:
    """Return the lower-cased words of a text, in order."""
    lower = text.lower()
    return _ASCII.findall(lower) if lower.isascii() else _ANY.findall(lower)


def shingles(text: str, size: int = 5) -> set[str]:
    """Return the runs of `size` words of a text; a shorter text is one shingle, and so is one without a word."""
    said = words(text)
    if len(said) < size:
        return {" ".join(said) or text}
    return set(map(" ".join, zip(*(said[at:] for at in range(size)), strict=False)))


def jaccard(one: set[str], other: set[str]) -> float:
    """Return the share of the shingles of either that are in both."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
