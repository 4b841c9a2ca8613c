"""Checks on tables: what was asked is done here again on the data, in another way than a solver would."""

import csv
import json
import re
from fractions import Fraction
from typing import Any, Literal

from builder.verify.answer import plain
from builder.verify.data import json_equals, same, unfenced

NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")

Record = dict[str, str]
Form = Literal["csv", "semicolons", "json", "json_columns", "json_lines", "markdown"]


def table_is(response: str, form: Form, columns: list[str], rows: list[list[str]], changes: list[list[str]]) -> bool:
    """Hold if the response is the table (bare or in a code fence), changed as told, in the form asked for.

    Forms: csv, semicolons, json, json_columns, json_lines, markdown. Changes: ["drop", column], ["first", column],
    ["rename", column, name], ["sort", column, "up" or "down"]. In JSON a number is a number and an empty cell null.
    """
    names = {name: name for name in columns}
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    for change, column, *rest in changes:
        if change == "drop":
            del names[column]
        elif change == "rename":
            names[column] = rest[0]
        elif change == "first":
            names = {column: names.pop(column), **names}
        elif change == "sort":
            records = _sorted(records, column, down=rest[0] == "down")
        else:
            raise ValueError(f"no such change: {change!r}")
    wanted = [{names[name]: record[name] for name in names} for record in records]
    text = unfenced(response)
    match form:
        case "json":
            return json_equals(text, [_typed(record) for record in wanted])
        case "json_columns":
            typed = [_typed(record) for record in wanted]
            return json_equals(text, {name: [record[name] for record in typed] for name in names.values()})
        case "json_lines":
            found = [_loads(line) for line in text.splitlines()]
            return same(found, [_typed(record) for record in wanted])
        case "markdown":
            grid = [_bars(line) for line in text.splitlines()]
            rule = grid.pop(1) if len(grid) > 1 else []
            ruled = len(rule) == len(names) and all(re.fullmatch(r":?-+:?", cell) for cell in rule)
        case _:
            grid, ruled = _separated(text, ";" if form == "semicolons" else ","), True
    return ruled and _alike(grid, [list(names.values()), *(list(record.values()) for record in wanted)])


def table_answer(response: str, columns: list[str], rows: list[list[str]], ask: dict[str, Any]) -> bool:
    """Hold if the response is just the answer to a question about the table.

    `ask` has "what" (sum, mean, max, min, range, count, who_max, who_min, who_second, names), "column" (of numbers),
    "name" (the column whose cell answers who/names) and "where": [] or [column, "above"/"below"/"is"/"is not", value].
    A mean is rounded to two decimals; names are parted by commas, in the order of the table.
    """
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    left = [record for record in records if _meets(record, *ask["where"])]
    what, found = ask["what"], _number(response)
    if what == "count":
        return found == len(left)
    if what == "names":
        return [plain(part) for part in response.split(",")] == [plain(record[ask["name"]]) for record in left]
    cells = [_exact(record[ask["column"]]) for record in left]
    if what in ("who_max", "who_min", "who_second"):
        wanted = {"who_max": 0, "who_second": 1, "who_min": len(cells) - 1}[what]
        winners = [r for r, cell in zip(left, cells, strict=True) if sum(o > cell for o in cells) == wanted]
        return [plain(response)] == [plain(record[ask["name"]]) for record in winners]
    if what not in ("sum", "mean", "max", "min", "range"):
        raise ValueError(f"no such question: {what!r}")
    if found is None:
        return False
    match what:
        case "sum":
            return found - sum(cells) == 0
        case "mean":
            return found * 100 % 1 == 0 and abs(found * len(cells) - sum(cells)) * 200 <= len(cells)
        case "max":
            return found in cells and all(found >= cell for cell in cells)
        case "min":
            return found in cells and all(found <= cell for cell in cells)
    ordered = sorted(cells)
    return bool(cells) and found == ordered[-1] - ordered[0]


def _meets(record: Record, column: str = "", how: str = "", value: str = "") -> bool:
    if not column:
        return True
    if how in ("is", "is not"):
        return (record[column].casefold() == value.casefold()) == (how == "is")
    gap = _exact(record[column]) - _exact(value)
    return {"above": gap > 0, "below": gap < 0}[how]


def _exact(cell: str) -> Fraction:
    if (number := _number(cell)) is None:
        raise ValueError(f"{cell!r} is no number")
    return number


def _number(text: str) -> Fraction | None:
    bare = text.strip().removesuffix(".").replace(",", "")
    return Fraction(bare) if len(bare) < 40 and NUMBER.fullmatch(bare) and bare.isascii() else None


def _sorted(records: list[Record], column: str, *, down: bool) -> list[Record]:
    """Put every record where as many others come before it as do."""
    numeric = all(NUMBER.fullmatch(record[column]) for record in records)
    keys = [_exact(r[column]) if numeric else r[column].casefold() for r in records]
    ranks = [
        sum((other > key if down else other < key) or (other == key and place < at) for place, other in enumerate(keys))  # type: ignore[operator]
        for at, key in enumerate(keys)
    ]
    return [records[ranks.index(rank)] for rank in range(len(records))]


def _typed(record: Record) -> dict[str, Any]:
    return {name: json.loads(cell) if NUMBER.fullmatch(cell) else cell or None for name, cell in record.items()}


def _loads(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _bars(line: str) -> list[str]:
    parts = line.strip().split("|")
    return [cell.strip() for cell in parts[1:-1]] if len(parts) > 2 and parts[0] == parts[-1] == "" else []


def _separated(text: str, mark: str) -> list[list[str]]:
    try:
        return [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=mark, strict=True)]
    except csv.Error:
        return []


def _alike(found: list[list[str]], wanted: list[list[str]]) -> bool:
    """Tell whether two grids are equal; 12.50 is 12.5."""
    return [[_even(cell) for cell in row] for row in found] == [[_even(cell) for cell in row] for row in wanted]


def _even(cell: str) -> str | Fraction:
    return Fraction(cell) if len(cell) < 40 and NUMBER.fullmatch(cell) and cell.isascii() else cell


CHECKS = (table_is, table_answer)
