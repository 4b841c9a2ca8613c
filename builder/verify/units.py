"""Checks on converted values: what the response tells is turned back, or measured against the exact value."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

from builder.verify.dates import FORMS, MONTHS

AMERICAN = r"(?P<m>[A-Z][a-z]+) (?P<d>\d{1,2}), (?P<y>\d{4})"
NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,12})?", re.ASCII)
ROMAN = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
)
TENS = re.findall(r"\S+", "- - twenty thirty forty fifty sixty seventy eighty ninety")

Rates = Literal["rate", "to_fahrenheit", "to_celsius"]
Times = Literal["clock_12", "clock_24", "clock_shift", "hours", "minutes", "date"]
Numerals = Literal["roman", "from_roman", "words", "from_words", "binary", "from_binary"]
Kind = Literal[Rates, Times, Numerals]
Layout = Literal["lines", "bullets", "values"]


def conversions(response: str, values: dict[str, str], kind: Kind, how: list[str], layout: Layout) -> bool:
    """Hold if the response is every value converted as told, in order, in the layout asked for.

    Kinds: rate ["times" or "over", rate, decimals], to_fahrenheit [decimals], to_celsius [decimals], clock_12,
    clock_24, clock_shift [hours], hours, minutes, date [iso, long or slashes], roman, from_roman, words, from_words,
    binary, from_binary.
    Layouts: lines ("name: value"), bullets ("- name: value"), values ("value; value").
    """
    if layout == "values":
        told = [(name, part.strip()) for name, part in zip(values, response.split(";"), strict=False)]
        whole = response.count(";") == len(values) - 1
    else:
        found = [line.strip() for line in response.strip().splitlines() if line.strip()]
        whole = layout != "bullets" or all(line.startswith("- ") for line in found)
        parted = [line.removeprefix("- " if layout == "bullets" else "").partition(":") for line in found]
        told = [(name.strip(), value.strip()) for name, _, value in parted]
    answers = dict(told)
    right = [RIGHT[kind](value, answers.get(name, ""), *how) for name, value in values.items()]
    return whole and [name for name, _ in told] == list(values) and all(right)


def _rated(value: str, told: str, way: str, rate: str, decimals: str) -> bool:
    exact = _exact(value) * _exact(rate) if way == "times" else _exact(value) / _exact(rate)
    return _rounded(exact, told, decimals)


def _rounded(exact: Fraction, told: str, decimals: str) -> bool:
    """Tell whether a number is the exact one, rounded: no further digits, at most half a unit of the last one off."""
    if decimals not in ("0", "1", "2", "3", "4", "5", "6"):
        raise ValueError(f"decimals are 0 to 6, not {decimals!r}")
    if not NUMBER.fullmatch(told) or len(told.partition(".")[2]) > int(decimals):
        return False
    half = Fraction(1, 2 * 10 ** int(decimals))
    return -half <= Fraction(told) - exact <= half


def _exact(value: str) -> Fraction:
    return Fraction(_known(value if NUMBER.fullmatch(value) else None, value))


def _known(read: Any, value: str) -> Any:
    """Return what was read of a value that the check was given; raise where that is nothing."""
    if read is None:
        raise ValueError(f"{value!r} cannot be converted")
    return read


def _minutes(clock: str) -> int | None:
    """Return the minutes since midnight of 14:30 or 2:30 pm."""
    found = re.fullmatch(r"(\d{1,2}):([0-5]\d)(?: ([ap])\.?m\.?)?", clock.lower(), re.ASCII)
    if not found:
        return None
    hour, half = int(found[1]), found[3]
    if (half and not 1 <= hour <= 12) or hour > 23:
        return None
    return (hour % 12 + 12 * (half == "p") if half else hour) * 60 + int(found[2])


def _length(text: str) -> int | None:
    """Return the minutes of 135 or 2 h 15 min."""
    found = re.fullmatch(r"(?:(\d{1,4}) h)? ?(?:([0-5]?\d) min)?|(\d{1,6})", text, re.ASCII)
    return int(found[3] or 0) + int(found[1] or 0) * 60 + int(found[2] or 0) if found and text else None


def _day(text: str) -> tuple[int, int, int] | None:
    """Return year, month and day of a date in any of the forms."""
    for shape in (FORMS["iso"], FORMS["long"], FORMS["slashes"], AMERICAN):
        if found := re.fullmatch(shape, text, re.ASCII):
            month = MONTHS.index(found["m"]) + 1 if found["m"] in MONTHS else found["m"]
            return (int(found["y"]), int(month), int(found["d"])) if str(month).isdigit() else None
    return None


def _roman(text: str) -> int | None:
    if not text or not ROMAN.fullmatch(text):
        return None
    worth = [dict(zip("IVXLCDM", (1, 5, 10, 50, 100, 500, 1000), strict=True))[letter] for letter in text]
    return sum(-one if one < after else one for one, after in zip(worth, [*worth[1:], 0], strict=True))


def _worded(text: str) -> int | None:
    """Return the number that words below a thousand say."""
    head, hundred, tail = text.rpartition(" hundred")
    tail = tail.removeprefix(" and").strip() if hundred else text
    ten, _, one = tail.rpartition("-") if "-" in tail else ("", "", tail)
    if (head and head not in ONES[1:10]) or (ten and (ten not in TENS[2:] or one not in ONES[1:10])):
        return None
    if one not in [*ONES, *TENS[2:], *[""] * bool(head)]:
        return None
    low = ONES.index(one) if one in ONES else TENS.index(one) * 10 if one else 0
    return (ONES.index(head) * 100 if head else 0) + (TENS.index(ten) * 10 if ten else 0) + low


def _binary(text: str) -> int | None:
    return (
        sum(2**place for place, bit in enumerate(reversed(text)) if bit == "1")
        if re.fullmatch("1[01]{0,30}", text)
        else None
    )


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def _both(before: Callable[[str], object], after: Callable[[str], object], shape: str = "") -> Callable[..., bool]:
    """Return a test that a value and what is told for it are the same thing, the latter in a certain shape."""

    def right(value: str, told: str, *how: str) -> bool:
        wanted = _known(before(value), value)
        return re.fullmatch(shape or ".+", told, re.ASCII) is not None and after(told) == wanted

    return right


def _shifted(value: str, told: str, hours: str) -> bool:
    minutes, wanted = _minutes(told), (_known(_minutes(value), value) + 60 * int(hours)) % 1440
    return re.fullmatch(r"\d\d:\d\d", told) is not None and minutes == wanted


def _dated(value: str, told: str, form: str) -> bool:
    wanted = _known(_day(value), value)
    return re.fullmatch(FORMS[form], told, re.ASCII) is not None and _day(told) == wanted


RIGHT: dict[str, Callable[..., bool]] = {
    "rate": _rated,
    "to_fahrenheit": lambda value, told, n: _rounded(_exact(value) * 9 / 5 + 32, told, n),
    "to_celsius": lambda value, told, n: _rounded((_exact(value) - 32) * 5 / 9, told, n),
    "clock_12": _both(_minutes, _minutes, r"\d{1,2}:\d\d [ap]m"),
    "clock_24": _both(_minutes, _minutes, r"\d\d:\d\d"),
    "clock_shift": _shifted,
    "hours": _both(_length, _length, r"\d+ h(?: \d+ min)?"),
    "minutes": _both(_length, _length, r"\d+"),
    "date": _dated,
    "roman": _both(_whole, _roman),
    "from_roman": _both(_roman, _whole),
    "words": _both(_whole, _worded),
    "from_words": _both(_worded, _whole),
    "binary": _both(_whole, _binary),
    "from_binary": _both(_binary, _whole),
}


CHECKS = (conversions,)
