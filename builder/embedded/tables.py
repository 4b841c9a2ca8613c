"""Tables drawn from the worlds' records, written and read as CSV, JSON and Markdown.

columns ["sender", "weight_kg"], rows [["Petra Novak", "7"], ["Omar Silva", ""]]: cells are text, "" is an empty one.
"""

import csv
import io
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from builder.embedded.worlds import WORLDS
from builder.embedded.worlds.world import Field

FORMS = ("csv", "semicolons", "json", "json_columns", "json_lines", "markdown")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?")  # not more digits than a float keeps
ANY_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
RULE = re.compile(r"\|(?: *:?-+:? *\|)+")


@dataclass(frozen=True)
class Table:
    """A table; every row has a cell for every column."""

    columns: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column from top to bottom."""
        return [row[self.columns.index(name)] for row in self.rows]

    def numeric(self) -> list[str]:
        """Return the columns that hold numbers only."""
        return [name for name in self.columns if all(map(NUMBER.fullmatch, self.column(name)))]

    def pick(self, columns: list[str]) -> "Table":
        """Return the table with these columns, in this order."""
        at = [self.columns.index(name) for name in columns]
        return Table(columns, [[row[place] for place in at] for row in self.rows])


def draw(rng: random.Random, *, shared: bool = False) -> Table:
    """Return a table of records of one world: a column of words at least, one of numbers, and one or two others.

    With `shared`, one more column of words holds only two or three different values.
    """
    worlds = [world for world in WORLDS if _numbers(world.fields) and len(_words(world.fields)) > shared]
    fields = rng.choice(worlds).fields
    must = [rng.choice(_numbers(fields)), *rng.sample(_words(fields), 1 + shared)]
    others = rng.sample([field for field in fields if field not in must], rng.randint(1, 2))
    height = rng.randint(3, 6)
    chosen = rng.sample([*must, *others], len(must) + len(others))
    columns = [
        _few(rng, field, height) if shared and field is must[-1] else _different(rng, field, height) for field in chosen
    ]
    return Table([field.key for field in chosen], [list(row) for row in zip(*columns, strict=True)])


def cell_value(cell: str) -> str | int | float | None:
    """Return a cell as data: a number where it is one, None where it is empty."""
    if not NUMBER.fullmatch(cell):
        return cell or None
    return float(cell) if "." in cell else int(cell)


def write(table: Table, form: str) -> str:
    """Return a table as text in one of the FORMS."""
    records = [dict(zip(table.columns, map(cell_value, row), strict=True)) for row in table.rows]
    match form:
        case "json":
            return "[\n" + ",\n".join(f"  {_dumps(record)}" for record in records) + "\n]"
        case "json_columns":
            return _dumps({name: [record[name] for record in records] for name in table.columns})
        case "json_lines":
            return "\n".join(map(_dumps, records))
        case "markdown":
            rule = ["---"] * len(table.columns)
            return "\n".join("| " + " | ".join(row) + " |" for row in [table.columns, rule, *table.rows])
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter=";" if form == "semicolons" else ",", lineterminator="\n")
    writer.writerows([table.columns, *table.rows])
    return lines.getvalue().rstrip("\n")


def read(text: str) -> Table | None:
    """Return the table that a text is, in whichever form; None where it is none."""
    text = text.strip()
    if text[:1] in ("[", "{"):
        return _read_json(text)
    lines = text.splitlines()
    if text.startswith("|"):
        cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
        return _table([cells[0], *cells[2:]]) if len(lines) > 2 and RULE.fullmatch(lines[1]) else None
    if len(lines) < 2:
        return None
    mark = max(",;", key=lines[0].count)
    try:
        return _table(list(csv.reader(lines, delimiter=mark))) if mark in lines[0] else None
    except csv.Error:
        return None


def _read_json(text: str) -> Table | None:
    lines = text.splitlines()
    try:
        data = json.loads(f"[{','.join(lines)}]" if text[0] == "{" and len(lines) > 1 else text)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict) and data and all(isinstance(cells, list) for cells in data.values()):
        height = len(next(iter(data.values())))
        if any(len(cells) != height for cells in data.values()):
            return None
        data = [{name: cells[at] for name, cells in data.items()} for at in range(height)]
    elif isinstance(data, dict):
        data = [data]
    if not isinstance(data, list) or not data or not all(isinstance(record, dict) for record in data):
        return None
    if any(list(record) != list(data[0]) for record in data):
        return None
    if not all(_plain(value) for record in data for value in record.values()):
        return None
    return _table([list(data[0]), *([_cell(value) for value in record.values()] for record in data)])


def _table(lines: list[list[str]]) -> Table | None:
    """Return a table from its header and rows if they are all of one width, and no number in it is too long."""
    columns, *rows = lines
    sound = columns and rows and len(set(columns)) == len(columns) and all(len(row) == len(columns) for row in rows)
    too_long = any(ANY_NUMBER.fullmatch(cell) and not NUMBER.fullmatch(cell) for row in rows for cell in row)
    return Table(columns, rows) if sound and not too_long else None


def _plain(value: object) -> bool:
    """Tell whether a value of JSON is the same once it was text: not a list, not "7", not an empty string."""
    if isinstance(value, str):
        return bool(value) and not NUMBER.fullmatch(value)
    return value is None or (not isinstance(value, bool) and NUMBER.fullmatch(str(value)) is not None)


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _dumps(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)


def _numbers(fields: Sequence[Field]) -> list[Field]:
    return [field for field in fields if field.kind.number]


def _words(fields: Sequence[Field]) -> list[Field]:
    return [field for field in fields if field.kind.lower]


def _different(rng: random.Random, field: Field, count: int) -> list[str]:
    """Return `count` values of a field, as different as it allows."""
    values: dict[str, None] = {}
    for _ in range(40 * count):
        values[field.kind.draw(rng)] = None
        if len(values) == count:
            return list(values)
    return rng.choices(list(values), k=count)


def _few(rng: random.Random, field: Field, count: int) -> list[str]:
    """Return `count` values of a field, two or three different ones."""
    values = _different(rng, field, min(rng.randint(2, 3), count - 1))
    return rng.sample([*values, *rng.choices(values, k=count - len(values))], count)
