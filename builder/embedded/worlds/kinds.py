"""Kinds of value that a field of a world can hold: how one is drawn, and how it is read in a sentence."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from builder.embedded.grammar import Pattern
from builder.embedded.vocab import CITIES, FIRST_NAMES, LAST_NAMES, MONTHS


@dataclass(frozen=True)
class Kind:
    """A kind of value: `draw` makes one, `regex` reads one, `number` says that it is a number in data.

    `lower`: it begins with a small letter; `code`: it is a code of letters and digits.
    """

    draw: Callable[[random.Random], str]
    regex: str
    number: bool = False
    lower: bool = False
    code: bool = False

    def tidy(self, text: str) -> str:
        """Return a value as it stands inside a sentence (undo the capital that a sentence begins with)."""
        return text[:1].lower() + text[1:] if self.lower else text

    def value(self, text: str) -> str | int | float:
        """Return the value as data: a number where it is one, else the text."""
        if not self.number:
            return text
        return float(text) if "." in text else int(text)


def words(*patterns: str) -> Kind:
    """Lower-case words from a pattern of choices: `words("[blue|grey] [wool|felt] [cap|scarf]")`."""
    parsed = [Pattern(text) for text in patterns]

    def draw(rng: random.Random) -> str:
        phrase = rng.choice(parsed).render(rng)
        return phrase[:1].lower() + phrase[1:]

    return Kind(draw, r"[A-Za-z][^.!?;:\n]*?", lower=True)


def names(*patterns: str) -> Kind:
    """A name in capitals from a pattern of choices: `names("[Merry|Silver] [Gull|Seal]")`."""
    parsed = [Pattern(text) for text in patterns]
    return Kind(lambda rng: rng.choice(parsed).render(rng), r"[A-Z][A-Za-z]*(?: [A-Z][a-z]+)?")


def whole(low: int, high: int, step: int = 1) -> Kind:
    """A whole number."""
    return Kind(lambda rng: str(rng.randrange(low, high + 1, step)), r"\d{1,9}", number=True)


def amount(low: int, high: int) -> Kind:
    """A number with two decimals, as prices have."""
    return Kind(lambda rng: f"{rng.randrange(low * 20, high * 20) / 20:.2f}", r"\d{1,9}\.\d\d", number=True)


def code(shape: str) -> Kind:
    """A code of a shape, where # stands for a digit and @ for a capital letter: `code("ORD-####")`."""

    def draw(rng: random.Random) -> str:
        letters = {"#": "0123456789", "@": "ABCDEFGHKLMNPRSTUVWXYZ"}
        return "".join(rng.choice(letters[mark]) if mark in letters else mark for mark in shape)

    return Kind(draw, re.escape(shape).replace(r"\#", r"\d").replace("@", "[A-Z]"), code=True)


def person() -> Kind:
    """A first and a last name."""
    return Kind(lambda rng: f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}", r"[A-Z][a-z]+ [A-Z][a-z]+")


def city() -> Kind:
    """The name of a city."""
    return Kind(lambda rng: rng.choice(CITIES), r"[A-Z][a-z]+")


def date() -> Kind:
    """A date such as 14 March 2025."""
    return Kind(
        lambda rng: f"{rng.randint(1, 28)} {rng.choice(MONTHS)} {rng.randint(2021, 2027)}",
        r"\d{1,2} [A-Z][a-z]+ \d{4}",
    )


def time(first: int = 7, last: int = 20) -> Kind:
    """A time of day such as 14:30, within some hours."""

    def draw(rng: random.Random) -> str:
        return f"{rng.randint(first, last):02}:{rng.choice((0, 10, 15, 20, 30, 40, 45, 50)):02}"

    return Kind(draw, r"\d\d:\d\d")


def email() -> Kind:
    """An e-mail address."""
    return Kind(
        lambda rng: f"{rng.choice(FIRST_NAMES)}.{rng.choice(LAST_NAMES)}@example.org".lower(),
        r"[a-z.]+@[a-z.]+[a-z]",
    )
