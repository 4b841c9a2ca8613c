"""Checks on texts that must be worked through: redacting, routing by rules, arithmetic in words."""

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal

from builder.verify.answer import plain
from builder.verify.data import same, unfenced

EQUATION = re.compile(r"(\d{1,9}) ([-+*×x/÷:−]) (\d{1,9}) = (\d{1,12})", re.ASCII)
LARGEST = 10**12  # a total, and a number that changes it, must be smaller


def redacted(response: str, source: str, hidden: list[list[str]]) -> bool:
    """Hold if the response is the source with every hidden value replaced, and nothing else changed.

    `hidden` has [value, how, mask] for each: how is tag (the mask itself), initials (Ada Byrne: AB), domain (***@...),
    last (0455 213 998: xxxx xxx 998), year (the date's year), digits (every digit becomes #).
    """
    wanted, at = "", 0
    longest = sorted(hidden, key=lambda entry: -len(entry[0]))
    while at < len(source):
        value, how, mask = next((entry for entry in longest if source.startswith(entry[0], at)), ("", "", ""))
        wanted += _masked(value, how, mask) if value else source[at]
        at += max(1, len(value))
    return response.split() == wanted.split()


def _masked(value: str, how: str, mask: str) -> str:
    match how:
        case "initials":
            return "".join(filter(str.isupper, value))
        case "domain":
            return "***" + value[value.index("@") :]
        case "last":
            return "".join("x" if letter.isdigit() else letter for letter in value[:-3]) + value[-3:]
        case "year":
            return value[-4:]
        case "digits":
            return "".join("#" if letter.isdigit() else letter for letter in value)
        case "tag":
            return mask
    raise ValueError(f"no such way to hide a value: {how!r}")


def routed(
    response: str,
    facts: dict[str, Any],
    rules: list[list[Any]],
    default: str,
    form: Literal["label", "numbered", "json"],
) -> bool:
    """Hold if the response is the label of the first rule that fits the facts (or the default), in the form asked for.

    A rule is ["above" or "below", fact, number, label], ["is", fact, value, label] or ["told" or "untold", fact, null,
    label]; a rule about a fact that is not there does not fit. Forms: label, numbered ("2: label"), json ({"label",
    "rule"}). The default has the number after the last rule.
    """
    fitting = {at: rule[3] for at, rule in enumerate(rules, 1) if _fits(facts, *rule[:3])}
    number = min(fitting, default=len(rules) + 1)
    label = fitting.get(number, default)
    if form == "json":
        try:
            return same(json.loads(unfenced(response)), {"label": label, "rule": number})
        except (ValueError, RecursionError):
            return False
    return plain(response) == plain(f"{number}: {label}" if form == "numbered" else label)


def _fits(facts: dict[str, Any], how: str, fact: str, value: Any) -> bool:
    if how in ("told", "untold"):
        return (fact in facts) == (how == "told")
    if fact not in facts:
        return False
    match how:
        case "above":
            return bool(facts[fact] > value)
        case "below":
            return bool(facts[fact] < value)
        case "is":
            return bool(facts[fact] == value)
    raise ValueError(f"no such rule: {how!r}")


def worked_answer(response: str, start: int, events: list[list[Any]], last: str) -> bool:
    """Hold if the response is one true equation a line (3 + 4 = 7), every total among them, then `last` and the result.

    Events change the total: ["add", n], ["take", n], ["add_packs", k, n], ["take_each", k, n], ["part", k] (one part in
    k goes), ["times", k], ["share", k] (divided by k).
    """
    totals = _totals(start, events)
    *steps, final = [line.strip() for line in response.strip().splitlines() if line.strip()] or [""]
    found = [EQUATION.fullmatch(step) for step in steps]
    told = [int(equation[4]) for equation in found if equation and _true(*map(equation.group, (1, 2, 3, 4)))]
    if len(told) < len(steps) or not final.startswith(last):
        return False
    left: Iterator[Fraction] = map(Fraction, told)
    return all(total in left for total in totals) and final.removeprefix(last).strip() == str([start, *totals][-1])


def _totals(start: int, events: list[list[Any]]) -> list[Fraction]:
    """Return the total after every event."""
    totals = [Fraction(start)]
    for event, *numbers in events:
        if not numbers or not all(isinstance(number, int) and 0 < number < LARGEST for number in numbers):
            raise ValueError(f"{event!r} needs whole numbers from 1 to {LARGEST - 1:,}")
        first, many = numbers[0], Fraction(numbers[-1] * (numbers[0] if len(numbers) == 2 else 1))
        change = {
            "add": many,
            "add_packs": many,
            "take": -many,
            "take_each": -many,
            "part": -totals[-1] / first,
            "times": totals[-1] * (first - 1),
            "share": totals[-1] / first - totals[-1],
        }
        totals.append(totals[-1] + change[event])
        if max(abs(totals[-1].numerator), totals[-1].denominator) >= LARGEST:
            raise ValueError(f"a total of {LARGEST:,} or more")
    return totals[1:]


def _true(left: str, sign: str, right: str, result: str) -> bool:
    one, other, claimed = Fraction(left), Fraction(right), Fraction(result)
    if sign in "/÷:":
        return claimed * other == one and other != 0
    return claimed == (one + other if sign == "+" else one - other if sign in "-−" else one * other)


CHECKS = (redacted, routed, worked_answer)
