"""Kinds of table (books, hotels ...) that the code and ranking families ask about; the data lie in sheets.txt."""

import random
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from builder.embedded.vocab import THINGS

Value = str | int | float | None
Row = dict[str, Value]


@dataclass(frozen=True)
class Column:
    """A column of whole numbers from `low` to `high`, or of one of the `words`."""

    key: str
    words: tuple[str, ...]
    low: int = 0
    high: int = 0

    @property
    def number(self) -> bool:
        """Whether the column holds numbers."""
        return not self.words

    def draw(self, rng: random.Random) -> str | int:
        """Return a value for a cell."""
        return rng.choice(self.words) if self.words else rng.randint(self.low, self.high)


@dataclass(frozen=True)
class Sheet:
    """A kind of table: what its rows are called, the column that names a row, who keeps it, its other columns."""

    plural: str
    singular: str
    name: str
    place: str
    columns: tuple[Column, ...]

    @cached_property
    def by_key(self) -> dict[str, Column]:
        """The columns by their keys, the naming one left out."""
        return {column.key: column for column in self.columns}

    @property
    def numbers(self) -> list[str]:
        """The keys of the columns of numbers."""
        return [column.key for column in self.columns if column.number]

    @property
    def words(self) -> list[str]:
        """The keys of the columns of words."""
        return [column.key for column in self.columns if not column.number]

    def part(self, keys: list[str]) -> "Sheet":
        """Return the sheet with some of its columns only, in that order."""
        return Sheet(self.plural, self.singular, self.name, self.place, tuple(self.by_key[key] for key in keys))

    def row(self, rng: random.Random, name: str) -> Row:
        """Return one row with values drawn at random."""
        row: Row = {self.name: name}
        row.update({column.key: column.draw(rng) for column in self.columns})
        return row


def draw(rng: random.Random, least: int = 4) -> Sheet:
    """Return a sheet with at least `least` of its columns, at least one of numbers and one of words, shuffled."""
    sheet = rng.choice(list(SHEETS.values()))
    while True:
        part = sheet.part(rng.sample(list(sheet.by_key), rng.randint(least, len(sheet.columns))))
        if part.numbers and part.words:
            return part


def label(key: str) -> str:
    """Return a column's key as words."""
    return key.replace("_", " ")


def names(rng: random.Random, count: int) -> list[str]:
    """Return different names for rows."""
    return [word.capitalize() for word in rng.sample(NAMES, count)]


def _load() -> dict[str, Sheet]:
    sheets: dict[str, Sheet] = {}
    text = files("builder.embedded").joinpath("sheets.txt").read_text(encoding="utf-8")
    for block in text.split("\n", 1)[1].replace("\n  ", "\0").splitlines():
        head, *lines = block.split("\0")
        called, _, kept = head.partition(": ")
        (plural, singular), (name, place) = called.split(", "), kept.split("; ")
        sheets[plural] = Sheet(plural, singular, name, place, tuple(map(_column, lines)))
    return sheets


def _column(line: str) -> Column:
    key, _, values = line.partition(": ")
    low, dots, high = values.partition("..")
    return Column(key, (), int(low), int(high)) if dots else Column(key, tuple(values.split(", ")))


SHEETS = _load()
NAMES = sorted(
    {word for kind in ("animals", "fruits", "garden plants", "trees") for word in THINGS[kind] if word.isalpha()}
)
