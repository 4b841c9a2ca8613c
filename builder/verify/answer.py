"""Checks on a short answer: the whole response is the answer, not a text that happens to hold it."""

import re

NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")


def answer_is(response: str, expected: str) -> bool:
    """Hold if the response is the expected answer and nothing else (any case; a full stop at the end is free)."""
    return plain(response) == plain(expected) != ""


def one_of(response: str, answers: list[str]) -> bool:
    """Hold if the response is one of the answers and nothing else (any case; a full stop at the end is free)."""
    return plain(response) in {plain(expected) for expected in answers} - {""}


def number_is(response: str, value: float, tolerance: float = 0.0) -> bool:
    """Hold if the response is that number and nothing else (commas between thousands are free)."""
    found = NUMBER.fullmatch(response.strip().removesuffix("."))
    return found is not None and abs(float(found.group().replace(",", "")) - float(value)) <= tolerance + 1e-9


def plain(text: str) -> str:
    """Return a text in lower case, blanks evened out, quotation marks around it and the last full stop taken off."""
    return " ".join(text.strip().strip("\"'").removesuffix(".").casefold().split())


CHECKS = (answer_is, one_of, number_is)
