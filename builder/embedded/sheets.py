"""Tables drawn from the worlds' records, written and read as CSV, JSON and Markdown.

columns ["sender", "weight_kg"], rows [["Petra Novak", "7"], ["Omar Silva", ""]]: every cell is text, "" is an empty one.
"""

import csv
import io
import json
import random
import re
from dataclasses import dataclass

from builder.embedded.worlds import WORLDS
from builder.embedded.worlds.world import Field

NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
RULE = re.compile(r"\|(?: *:?-+:? *\|)+")

Rows = list[list[str]]


@dataclass(frozen=True)
class Sheet:
    """A table; every row has a cell for every column."""

    columns: list[str]
    rows: Rows

    def column(self, name: str) -> list[str]:
        """Return the cells of a column from top to bottom."""
        return [row[self.columns.index(name)] for row in self.rows]

    def numeric(self) -> list[str]:
        """Return the columns that hold numbers only."""
        return [name for name in self.columns if all(map(NUMBER.fullmatch, self.column(name)))]

    def pick(self, columns: list[str]) -> "Sheet":
        """Return the table with these columns, in this order."""
        at = [self.columns.index(name) for name in columns]
        return Sheet(columns, [[row[place] for place in at] for row in self.rows])


def draw(rng: random.Random, *, shared: bool = False) -> Sheet:
    """Return a table of records of one world: words first drawn, a number at least, no value twice in a column.

    With `shared`, one further column of words holds only two or three different values.
    """
    world = rng.choice(
        [world for world in WORLDS if _numbers(world.fields) and len(_words(world.fields)) > shared]
    )
    must = [rng.choice(_numbers(world.fields)), *rng.sample(_words(world.fields), 1 + shared)]
    others = rng.sample([f for f in world.fields if f not in must], rng.randint(1, 2))
    fields = rng.sample([*must, *others], len(must) + len(others))
    height = rng.randint(3, 6)
    columns = [
        _few(rng, field, height) if shared and field is must[-1] else _different(rng, field, height)
        for field in fields
    ]
    return Sheet([field.key for field in fields], [list(row) for row in zip(*columns, strict=True)])


def cell_value(cell: str) -> str | int | float | None:
    """Return a cell as data: a number where it is one, None where it is empty."""
    if not NUMBER.fullmatch(cell):
        return cell or None
    return float(cell) if "." in cell else int(cell)


def write(sheet: Sheet, form: str) -> str:
    """Return a table as text; the forms are csv, semicolons, json, json_columns, json_lines and markdown."""
    records = [dict(zip(sheet.columns, map(cell_value, row), strict=True)) for row in sheet.rows]
    match form:
        case "json":
            return "[\n" + ",\n".join(f"  {_dumps(record)}" for record in records) + "\n]"
        case "json_columns":
            return _dumps({name: [record[name] for record in records] for name in sheet.columns})
        case "json_lines":
            return "\n".join(map(_dumps, records))
        case "markdown":
            rule = ["---"] * len(sheet.columns)
            return "\n".join("| " + " | ".join(row) + " |" for row in [sheet.columns, rule, *sheet.rows])
    lines = io.StringIO()
    csv.writer(lines, delimiter=";" if form == "semicolons" else ",", lineterminator="\n").writerows(
        [sheet.columns, *sheet.rows]
    )
    return lines.getvalue().rstrip("\n")


def read(text: str) -> Sheet | None:
    """Return the table that a text is, in whichever form; None where it is none."""
    text = text.strip()
    if text[:1] in ("[", "{"):
        return _read_json(text)
    lines = text.splitlines()
    if text.startswith("|"):
        cells = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
        return _sheet([cells[0], *cells[2:]]) if len(lines) > 2 and RULE.fullmatch(lines[1]) else None
    if len(lines) < 2:
        return None
    mark = max(",;", key=lines[0].count)
    return _sheet(list(csv.reader(lines, delimiter=mark))) if mark in lines[0] else None


def _read_json(text: str) -> Sheet | None:
    try:
        data = json.loads(text if text[0] == "[" or "\n" not in text else f"[{','.join(text.splitlines())}]")
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict) and data and all(isinstance(cells, list) for cells in data.values()):
        height = min(map(len, data.values()))
        data = [{name: cells[at] for name, cells in data.items()} for at in range(height)]
    if not isinstance(data, list) or not data or not all(isinstance(record, dict) for record in data):
        return None
    return _sheet([list(data[0]), *([_cell(value) for value in record.values()] for record in data)])


def _sheet(lines: Rows) -> Sheet | None:
    """Return a table from its header and rows if they are all of one width."""
    columns, *rows = lines
    sound = rows and len(set(columns)) == len(columns) and all(len(row) == len(columns) for row in rows)
    return Sheet(columns, rows) if sound else None


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _dumps(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)


def _numbers(fields: tuple[Field, ...]) -> list[Field]:
    return [field for field in fields if field.kind.number]


def _words(fields: tuple[Field, ...]) -> list[Field]:
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
    rest = rng.choices(values, k=count - len(values))
    return rng.sample([*values, *rest], count)
