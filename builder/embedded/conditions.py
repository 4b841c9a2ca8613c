"""Conditions on the rows of a sheet: said in English and read back, tested on a row, commonly got wrong.

Condition("price", ">", (40,))    "whose price is above 40" | "with a price of more than 40" | ...
"""

import random
import re
from dataclasses import dataclass, replace

from builder.embedded import sheets
from builder.embedded.grammar import Phrases
from builder.embedded.sheets import Row, Sheet

PHRASES = {
    "between": Phrases(
        "whose {label} is from {a:int} to {b:int}",
        "with {labelled} from {a:int} to {b:int}",
        "[that have|having] {labelled} from {a:int} to {b:int}",
    ),
    ">=": Phrases(
        "whose {label} is [at least|no less than|not below] {a:int}",
        "with {labelled} of [at least|no less than] {a:int}",
        "[that have|having] {labelled} of {a:int} or more",
    ),
    "<=": Phrases(
        "whose {label} is [at most|no more than|not above] {a:int}",
        "with {labelled} of [at most|no more than] {a:int}",
        "[that have|having] {labelled} of {a:int} or less",
    ),
    ">": Phrases(
        "whose {label} is [above|over|more than|greater than] {a:int}",
        "with {labelled} [above|over|of more than] {a:int}",
        "[that have|having] {labelled} [above|over] {a:int}",
    ),
    "<": Phrases(
        "whose {label} is [below|under|less than|smaller than] {a:int}",
        "with {labelled} [below|under|of less than] {a:int}",
        "[that have|having] {labelled} [below|under] {a:int}",
    ),
    "!=": Phrases(
        "whose {label} is not {a}",
        "with any {label} [except|other than] {a}",
    ),
    "in": Phrases(
        "whose {label} is [either |]{a} or {b}",
        "with the {label} {a} or {b}",
    ),
    "=": Phrases(
        "whose {label} is {a}",
        "with the {label} {a}",
        "[that have|having] {a} as their {label}",
    ),
}
OTHERS = {
    ">": (">=", "<"),
    ">=": (">", "<="),
    "<": ("<=", ">"),
    "<=": ("<", ">="),
    "=": ("!=",),
    "!=": ("=",),
    "in": ("=",),
    "between": (">=", "<="),
}


@dataclass(frozen=True)
class Condition:
    """A test of one column: `op` is a key of PHRASES, `values` what the cell is compared with."""

    column: str
    op: str
    values: tuple[str | int, ...]

    def holds(self, row: Row) -> bool:
        """Tell whether a row passes."""
        cell, first, last = row[self.column], self.values[0], self.values[-1]
        if self.op in ("=", "in", "!="):
            return (cell in self.values) != (self.op == "!=")
        assert isinstance(cell, int) and isinstance(first, int) and isinstance(last, int)
        tests = {">": cell > first, ">=": cell >= first, "<": cell < first, "<=": cell <= first}
        return first <= cell <= last if self.op == "between" else tests[self.op]

    def say(self, rng: random.Random) -> str:
        """Return the condition in words."""
        label = sheets.label(self.column)
        labelled = f"{'an' if label[0] in 'aeiou' else 'a'} {label}"
        phrase = PHRASES[self.op].render(rng, label=label, labelled=labelled, a=self.values[0], b=self.values[-1])
        return phrase[0].lower() + phrase[1:]

    def slips(self) -> list["Condition"]:
        """Return the condition as it is commonly got wrong."""
        shifted = tuple(value + 1 for value in self.values if isinstance(value, int))
        wrong = [replace(self, op=op, values=self.values[:1]) for op in OTHERS[self.op]]
        return [*wrong, replace(self, values=shifted)] if shifted else wrong


@dataclass(frozen=True)
class Where:
    """Conditions that must all hold ("and") or of which one must ("or"); none at all lets every row pass."""

    conditions: tuple[Condition, ...] = ()
    word: str = "and"

    def holds(self, row: Row) -> bool:
        """Tell whether a row passes."""
        held = [condition.holds(row) for condition in self.conditions]
        return any(held) if self.word == "or" and held else all(held)

    def say(self, rng: random.Random) -> str:
        """Return the conditions in words."""
        return f" {self.word} ".join(condition.say(rng) for condition in self.conditions)

    def slips(self) -> dict[str, list["Where"]]:
        """Return the conditions as they are commonly got wrong, by the kind of mistake."""
        many = self.conditions
        wrong = {
            "wrong_comparison": [
                replace(self, conditions=(*many[:at], slip, *many[at + 1 :]))
                for at, condition in enumerate(many)
                for slip in condition.slips()
            ],
            "forgotten_condition": [replace(self, conditions=(*many[:at], *many[at + 1 :])) for at in range(len(many))],
        }
        if len(many) > 1:
            wrong["and_for_or"] = [replace(self, word="or" if self.word == "and" else "and")]
        return wrong


def draw(rng: random.Random, sheet: Sheet, count: int) -> Where:
    """Return `count` conditions on different columns of the sheet."""
    keys = rng.sample(list(sheet.by_key), count)
    return Where(tuple(_draw_one(rng, sheet, key) for key in keys), rng.choice(("and", "and", "or")))


def read(text: str, sheet: Sheet) -> Where | None:
    """Read conditions in words; None where a part is not one, or not of this sheet."""
    parts = re.split(r" (and|or) (?=whose |with |that have |having )", text)
    found = [_read_one(part, sheet) for part in parts[::2]]
    conditions = tuple(condition for condition in found if condition)
    if len(conditions) < len(found) or len(set(parts[1::2])) > 1:
        return None
    return Where(conditions, parts[1] if len(parts) > 1 else "and")


def boundary_rows(rng: random.Random, sheet: Sheet, where: Where, name: str) -> list[Row]:
    """Return rows that stand on either side of every comparison while the other conditions cannot decide for it."""
    rows = []
    for condition in where.conditions:
        others = Where(tuple(other for other in where.conditions if other != condition), where.word)
        column = sheet.by_key[condition.column]
        edges = [v + step for v in condition.values if isinstance(v, int) for step in (-1, 0, 1)]
        for value in edges or column.words:
            row = sheet.row(rng, name)
            for _ in range(30):
                if not others.conditions or others.holds(row) == (where.word == "and"):
                    break
                row = sheet.row(rng, name)
            rows.append(row | {condition.column: value})
    return rows


def _draw_one(rng: random.Random, sheet: Sheet, key: str) -> Condition:
    column = sheet.by_key[key]
    if not column.number:
        op = rng.choice(("=", "=", "!=", "in") if len(column.words) > 2 else ("=", "!="))
        return Condition(key, op, tuple(rng.sample(column.words, 2 if op == "in" else 1)))
    span = column.high - column.low
    low, high = column.low + span // 4, column.low + span * 3 // 4
    first = rng.randint(low, high - 1)
    op = rng.choice((">", ">=", "<", "<=", ">", ">=", "<", "<=", "between"))
    return Condition(key, op, (first, rng.randint(first + 1, high)) if op == "between" else (first,))


def _read_one(text: str, sheet: Sheet) -> Condition | None:
    for op, phrases in PHRASES.items():
        slots = phrases.read(text)
        if slots is None:
            continue
        label = slots.get("label") or slots["labelled"].removeprefix("an ").removeprefix("a ")
        key = label.replace(" ", "_")
        column = sheet.by_key.get(key)
        values = tuple(slots[key] for key in ("a", "b") if key in slots)
        if column is None or column.number != (op in ("between", ">", ">=", "<", "<=")):
            return None
        if column.number:
            return Condition(key, op, tuple(map(int, values)))
        return Condition(key, op, values) if set(values) <= set(column.words) else None
    return None
