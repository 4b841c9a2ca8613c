"""What a small function over a list does: which items it keeps, how it changes each, what it makes of them.

Every part is there twice: as the Python of an answer (`code`), and done in another way (`do`) to make the expected
results.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from builder.embedded.grammar import Phrases

Do = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Part:
    """One part of a function: how it is asked for, its argument, its Python, and what it does in another way."""

    phrases: Phrases
    code: str
    do: Do
    draw: Callable[[random.Random], str] = lambda rng: ""


def _small(rng: random.Random) -> str:
    return str(rng.randint(2, 9))


def _letter(rng: random.Random) -> str:
    return rng.choice("abcdefghlmnoprst")


KEEP = {
    "number": {
        "even": Part(Phrases("are even", "can be halved without a remainder"), "x % 2 == 0", lambda x, a: not x & 1),
        "odd": Part(Phrases("are odd", "are not even"), "x % 2 == 1", lambda x, a: bool(x & 1)),
        "above": Part(
            Phrases("are [greater|more] than {a:int}", "lie above {a:int}"),
            "x > {a}",
            lambda x, a: x - int(a) > 0,
            _small,
        ),
        "below": Part(
            Phrases("are [smaller|less] than {a:int}", "lie below {a:int}"),
            "x < {a}",
            lambda x, a: int(a) - x > 0,
            _small,
        ),
        "at_least": Part(
            Phrases("are at least {a:int}", "are {a:int} or more"), "x >= {a}", lambda x, a: x + 1 > int(a), _small
        ),
        "divisible": Part(
            Phrases("are [divisible by|multiples of] {a:int}"),
            "x % {a} == 0",
            lambda x, a: x == x // int(a) * int(a),
            lambda r: str(r.randint(3, 7)),
        ),
        "negative": Part(Phrases("are [negative|below zero]"), "x < 0", lambda x, a: abs(x) != x),
    },
    "word": {
        "longer": Part(
            Phrases("have more than {a:int} letters", "are longer than {a:int} letters"),
            "len(x) > {a}",
            lambda x, a: x[int(a) :] != "",
            lambda r: str(r.randint(3, 6)),
        ),
        "shorter": Part(
            Phrases("have fewer than {a:int} letters", "are shorter than {a:int} letters"),
            "len(x) < {a}",
            lambda x, a: x[int(a) - 1 :] == "",
            lambda r: str(r.randint(5, 8)),
        ),
        "starts": Part(
            Phrases("[start|begin] with the letter {a:word}"), 'x.startswith("{a}")', lambda x, a: x[:1] == a, _letter
        ),
        "ends": Part(
            Phrases("end [with|in] the letter {a:word}"), 'x.endswith("{a}")', lambda x, a: x[-1:] == a, _letter
        ),
        "contains": Part(
            Phrases("contain the letter {a:word}", "have the letter {a:word} in them"),
            '"{a}" in x',
            lambda x, a: x.count(a) > 0,
            _letter,
        ),
        "lacks": Part(
            Phrases("do not contain the letter {a:word}", "lack the letter {a:word}"),
            '"{a}" not in x',
            lambda x, a: x.find(a) < 0,
            _letter,
        ),
    },
}
CHANGE = {
    "number": {
        "same": Part(Phrases("leave them as they are", "leave each of them unchanged"), "x", lambda x, a: x),
        "double": Part(Phrases("double each of them", "multiply each by two"), "x * 2", lambda x, a: x + x),
        "square": Part(Phrases("square each of them", "multiply each by itself"), "x * x", lambda x, a: x**2),
        "plus": Part(
            Phrases("add {a:int} to each", "raise each by {a:int}"), "x + {a}", lambda x, a: x - -int(a), _small
        ),
        "minus": Part(
            Phrases("subtract {a:int} from each", "lower each by {a:int}"),
            "x - {a}",
            lambda x, a: -(int(a) - x),
            _small,
        ),
        "absolute": Part(
            Phrases("drop the sign of each", "take the absolute value of each"), "abs(x)", lambda x, a: max(x, -x)
        ),
        "rest": Part(
            Phrases("take the remainder of each after division by {a:int}"),
            "x % {a}",
            lambda x, a: x - x // int(a) * int(a),
            _small,
        ),
    },
    "word": {
        "same": Part(Phrases("leave them as they are", "leave each of them unchanged"), "x", lambda x, a: x),
        "upper": Part(
            Phrases("[write|put] each in capital letters", "turn each into upper case"),
            "x.upper()",
            lambda x, a: "".join(map(str.upper, x)),
        ),
        "reverse": Part(
            Phrases("[reverse|turn round] each of them", "spell each backwards"),
            "x[::-1]",
            lambda x, a: "".join(reversed(x)),
        ),
        "first": Part(Phrases("[take|keep] the first letter of each"), "x[0]", lambda x, a: x[:1]),
        "cut": Part(
            Phrases("cut each [down |]to its first {a:int} letters"),
            "x[:{a}]",
            lambda x, a: "".join(c for at, c in enumerate(x) if at < int(a)),
            lambda r: str(r.randint(2, 4)),
        ),
        "suffix": Part(
            Phrases("[add|append] the letter {a:word} to each"), 'x + "{a}"', lambda x, a: "".join((x, a)), _letter
        ),
    },
}
MAKE = {
    "number": {
        "list": Part(
            Phrases("return [them|what you have] as a list", "return the [resulting list|new list]"),
            "xs",
            lambda xs, a: xs,
        ),
        "sum": Part(Phrases("return their sum", "return what they add up to"), "sum(xs)", lambda xs, a: sum(xs)),
        "largest": Part(
            Phrases("return the [largest|highest] (None if there is none)"),
            "max(xs, default=None)",
            lambda xs, a: sorted(xs)[-1] if xs else None,
        ),
        "smallest": Part(
            Phrases("return the [smallest|lowest] (None if there is none)"),
            "min(xs, default=None)",
            lambda xs, a: sorted(xs)[0] if xs else None,
        ),
        "down": Part(
            Phrases("return them sorted from [high to low|the largest to the smallest]"),
            "sorted(xs, reverse=True)",
            lambda xs, a: sorted(xs)[::-1],
        ),
        "up": Part(
            Phrases("return them sorted from [low to high|the smallest to the largest]"),
            "sorted(xs)",
            lambda xs, a: sorted(xs),
        ),
        "turned": Part(
            Phrases("return them in reverse order", "return the list back to front"),
            "xs[::-1]",
            lambda xs, a: list(reversed(xs)),
        ),
    },
    "word": {
        "list": Part(
            Phrases("return [them|what you have] as a list", "return the [resulting list|new list]"),
            "xs",
            lambda xs, a: xs,
        ),
        "joined": Part(
            Phrases('return one string with "{a}" between them', 'return them joined by "{a}"'),
            '"{a}".join(xs)',
            lambda xs, a: "".join(a + x for x in xs)[len(a) :],
            lambda r: r.choice(("-", "+", "/", ", ", "; ")),
        ),
        "down": Part(
            Phrases("return them sorted from z to a", "return them in reverse alphabetical order"),
            "sorted(xs, reverse=True)",
            lambda xs, a: sorted(xs)[::-1],
        ),
        "up": Part(
            Phrases("return them sorted from a to z", "return them in alphabetical order"),
            "sorted(xs)",
            lambda xs, a: sorted(xs),
        ),
        "letters": Part(
            Phrases("return the total number of [letters|characters]"),
            "sum(len(x) for x in xs)",
            lambda xs, a: len("".join(xs)),
        ),
        "turned": Part(
            Phrases("return them in reverse order", "return the list back to front"),
            "xs[::-1]",
            lambda xs, a: list(reversed(xs)),
        ),
        "last": Part(
            Phrases("return the last one (None if there is none)"),
            "xs[-1] if xs else None",
            lambda xs, a: ([None, *xs])[-1],
        ),
    },
}
