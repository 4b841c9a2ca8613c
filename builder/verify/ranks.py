"""A check on rankings: options in order by stated criteria.

Nothing is sorted here: the order holds if no option stands before one that beats it, and none is missing.
"""

import itertools
import operator
from typing import Any, Literal

from builder.verify.arguments import CountOrNone
from builder.verify.text import NUMBERED

TESTS = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}


def ranked(
    response: str,
    options: dict[str, dict[str, Any]],
    by: list[list[str]],
    keep: list[list[Any]],
    layout: Literal["commas", "lines", "numbered", "bullets"],
    first: CountOrNone = 0,
) -> bool:
    """Hold if the response is the names of the options in the right order, and nothing else.

    `by` is [column, "up" or "down"] each, the most important first (what still ties goes by name, a to z); `keep` the
    tests that an option must pass ([column, ">", 3]; also between and in); `first` how many to give (0: all);
    layout: commas, lines, numbered or bullets.
    """
    names = _read(response, layout)
    fit = [name for name, cells in options.items() if all(_passes(cells, *test) for test in keep)]
    for column, way in by:
        _comparable([options[name][column] for name in fit], column, way)
    if len(set(names)) < len(names) or not set(names) <= set(fit) or len(names) != min(first or len(fit), len(fit)):
        return False
    left_out = [name for name in fit if name not in names]
    follows = [*itertools.pairwise(names), *((names[-1], other) for other in left_out if names)]
    return all(_beats(options, before, after, by) for before, after in follows)


def _comparable(cells: list[Any], column: str, way: str) -> None:
    """Raise where a column cannot put options in order: it must hold numbers only or text only."""
    if way not in ("up", "down"):
        raise ValueError(f"{column} goes up or down, not {way!r}")
    if len({"text" if isinstance(cell, str) else "number" for cell in cells}) > 1 or not all(
        isinstance(cell, str | int | float) for cell in cells
    ):
        raise ValueError(f"{column} holds what cannot be compared")


def _beats(options: dict[str, dict[str, Any]], one: str, other: str, by: list[list[str]]) -> bool:
    for column, way in by:
        left, right = options[one][column], options[other][column]
        if left != right:
            return bool((left < right) == (way == "up"))
    return one < other


def _passes(cells: dict[str, Any], column: str, test: str, *values: Any) -> bool:
    cell = cells[column]
    if test == "in":
        return cell in values
    if test == "between":
        return bool(values[0] <= cell <= values[1])
    return bool(TESTS[test](cell, values[0]))


def _read(response: str, layout: str) -> list[str]:
    """Return the names in a layout; an empty name, which is no option, where a line is not of it."""
    if layout == "commas":
        return [name.strip() for name in response.strip().split(",")]
    lines = [line.strip() for line in response.splitlines() if line.strip()]
    if layout == "lines":
        return lines
    if layout == "bullets":
        return [line[2:] if line[:2] in ("- ", "* ") else "" for line in lines]
    marks = [NUMBERED.match(line) for line in lines]
    right = [mark is not None and mark[1] == str(at) for at, mark in enumerate(marks, 1)]
    return [line.split(" ", 1)[1] if ok else "" for line, ok in zip(lines, right, strict=True)]


CHECKS = (ranked,)
