"""What can be converted: how each conversion is asked for, what its values look like, how it is done.

CONVERSIONS["roman"] asks "into Roman numerals", draws "14" and turns it into "XIV".
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from builder.embedded.grammar import Phrases
from builder.embedded.plans import any_date, in_words, read_date
from builder.embedded.vocab import MONTHS

ROMAN = (
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")),
    *((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
)
ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
)
TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
DECIMALS = {
    "0": ("to whole numbers",),
    "1": ("to one decimal place", "to 1 decimal place"),
    "2": ("to two decimal places", "to 2 decimal places"),
}


@dataclass(frozen=True)
class Conversion:
    """How it is asked for, a draw of its arguments and of a value, and the work: (value, *arguments) -> value."""

    asked: Phrases
    arguments: Callable[[random.Random], list[str]]
    draw: Callable[[random.Random], str]
    convert: Callable[..., str]


def _whole(value: str) -> int:
    """Return a whole number of at most nine digits; ValueError for anything else."""
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError(f"no whole number, or too long: {value!r}")
    return int(value)


def _exact(value: str) -> Decimal:
    """Return a number of at most nine digits before the point and after it; ValueError for anything else."""
    if not re.fullmatch(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?", value):
        raise ValueError(f"no number, or too long: {value!r}")
    return Decimal(value)


def to_roman(value: str) -> str:
    """Return a whole number below 4000 as a Roman numeral."""
    left, letters = _whole(value), ""
    if not 0 < left < 4000:
        raise ValueError(f"no Roman numeral for {value}")
    for worth, numeral in ROMAN:
        letters += numeral * (left // worth)
        left %= worth
    return letters


def to_words(value: str) -> str:
    """Return a whole number below a thousand in words."""
    number = _whole(value)
    if number >= 1000:
        raise ValueError(f"not below a thousand: {value}")
    hundreds, rest = divmod(number, 100)
    ten, one = divmod(rest, 10)
    low: str = ONES[rest] if rest < 20 else TENS[ten - 2] + (f"-{ONES[one]}" if one else "")
    if not hundreds:
        return low
    return f"{ONES[hundreds]} hundred" + (f" and {low}" if rest else "")


def rounded(exact: Decimal, decimals: str) -> str:
    """Return a number rounded half up, as text."""
    return str(exact.quantize(Decimal(1).scaleb(-int(decimals)), ROUND_HALF_UP))


def by_rate(value: str, way: str, rate: str, decimals: str) -> str:
    """Return a value times or over a rate."""
    exact = _exact(value) * Decimal(rate) if way == "times" else _exact(value) / Decimal(rate)
    return rounded(exact, decimals)


def _clock(value: str) -> tuple[int, str]:
    """Return the hour and the minute of 14:30; ValueError for what is no time of day."""
    if not re.fullmatch(r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError(f"no time of day: {value!r}")
    hour, minute = value.split(":")
    return int(hour), minute


def clock_12(value: str) -> str:
    """Return 14:30 as 2:30 pm."""
    hour, minute = _clock(value)
    return f"{(hour - 1) % 12 + 1}:{minute} {'pm' if hour > 11 else 'am'}"


def clock_24(value: str) -> str:
    """Return 2:30 pm as 14:30."""
    clock, half = value.split(" ")
    hour, minute = _clock(clock)
    if half not in ("am", "pm") or not 1 <= hour <= 12:
        raise ValueError(f"no time of the 12-hour clock: {value!r}")
    return f"{hour % 12 + 12 * (half == 'pm'):02}:{minute}"


def clock_shift(value: str, hours: str) -> str:
    """Return a time of day some hours later (earlier, if negative)."""
    hour, minute = _clock(value)
    return f"{(hour + int(hours)) % 24:02}:{minute}"


def hours(value: str) -> str:
    """Return 135 minutes as 2 h 15 min."""
    return "{} h {} min".format(*divmod(_whole(value), 60))


def minutes(value: str) -> str:
    """Return 2 h 15 min as 135."""
    if not (found := re.fullmatch(r"([0-9]{1,4}) h ([0-5]?[0-9]) min", value)):
        raise ValueError(f"no hours and minutes: {value!r}")
    return str(int(found[1]) * 60 + int(found[2]))


def show_date(day: date, form: str) -> str:
    """Return a date in the form iso, long, slashes or american."""
    american = f"{MONTHS[day.month - 1]} {day.day}, {day.year}"
    return {"iso": day.isoformat(), "long": in_words(day), "slashes": f"{day:%d/%m/%Y}", "american": american}[form]


def to_date(value: str, form: str) -> str:
    """Return a date in another form."""
    day = read_date(value)
    if day is None:
        raise ValueError(f"no date: {value!r}")
    return show_date(day, form)


FROM_ROMAN = {to_roman(str(number)): str(number) for number in range(1, 1000)}
FROM_WORDS = {to_words(str(number)): str(number) for number in range(1, 1000)}


def _from_binary(value: str) -> str:
    if not re.fullmatch(r"1[01]{0,29}", value):
        raise ValueError(f"no binary number, or too long: {value!r}")
    return str(int(value, 2))


def _none(rng: random.Random) -> list[str]:
    return []


def _decimals(rng: random.Random) -> list[str]:
    return [rng.choice("012")]


def _time(rng: random.Random) -> str:
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"


def _number(rng: random.Random) -> str:
    return str(rng.choice((rng.randint(3, 60), rng.randint(61, 999))))


def _minutes(rng: random.Random) -> str:
    return str(rng.choice([length for length in range(61, 900) if length % 60]))


CONVERSIONS = {
    "to_fahrenheit": Conversion(
        Phrases("from degrees Celsius to degrees Fahrenheit, rounded {decimals}"),
        _decimals,
        lambda rng: str(rng.randint(-9, 38)),
        lambda value, n: rounded(_exact(value) * 9 / 5 + 32, n),
    ),
    "to_celsius": Conversion(
        Phrases("from degrees Fahrenheit to degrees Celsius, rounded {decimals}"),
        _decimals,
        lambda rng: str(rng.randint(15, 104)),
        lambda value, n: rounded((_exact(value) - 32) * 5 / 9, n),
    ),
    "clock_12": Conversion(
        Phrases("[from the 24-hour clock |]to the 12-hour clock, [like|such as] 4:05 pm"), _none, _time, clock_12
    ),
    "clock_24": Conversion(
        Phrases("[from the 12-hour clock |]to the 24-hour clock, [like|such as] 04:05"),
        _none,
        lambda rng: clock_12(_time(rng)),
        clock_24,
    ),
    "clock_shift": Conversion(
        Phrases("to the time of a place where the clocks are {hours:int} hours {way:word}[, like 04:05|]"),
        lambda rng: [rng.choice(("", "-")) + str(rng.randint(2, 9))],
        _time,
        clock_shift,
    ),
    "hours": Conversion(Phrases("from minutes to hours and minutes, [like|such as] 3 h 5 min"), _none, _minutes, hours),
    "minutes": Conversion(
        Phrases("[from hours and minutes |]to minutes [only|alone]"), _none, lambda rng: hours(_minutes(rng)), minutes
    ),
    "date": Conversion(
        Phrases("to dates [like|written like|such as] {example}"),
        lambda rng: [rng.choice(("iso", "long", "slashes"))],
        lambda rng: show_date(any_date(rng), "american"),
        to_date,
    ),
    "roman": Conversion(Phrases("[from digits |]to Roman numerals"), _none, _number, to_roman),
    "from_roman": Conversion(
        Phrases("from Roman numerals to [digits|ordinary numbers]"),
        _none,
        lambda rng: to_roman(_number(rng)),
        FROM_ROMAN.__getitem__,
    ),
    "words": Conversion(
        Phrases("[from digits |]to [English |]words, [like|such as] two hundred and one"), _none, _number, to_words
    ),
    "from_words": Conversion(
        Phrases("from words to digits"),
        _none,
        lambda rng: to_words(_number(rng)),
        FROM_WORDS.__getitem__,
    ),
    "binary": Conversion(Phrases("[from decimal |]to binary"), _none, _number, lambda value: f"{_whole(value):b}"),
    "from_binary": Conversion(
        Phrases("from binary to decimal"), _none, lambda rng: f"{int(_number(rng)):b}", _from_binary
    ),
    "rate": Conversion(
        Phrases(
            "from {source:word} to {target:word} (1 {unit:word} is {rate:number} {other:word}), rounded {decimals}"
        ),
        _none,
        lambda rng: str(rng.randint(2, 95)),
        by_rate,
    ),
}
