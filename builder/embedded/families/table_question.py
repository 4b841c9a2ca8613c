"""Answer a question about a table: add up, average, count, compare, find, over all rows or some of them.

What is the sum of the weight column in the rows where the destination is "Oslo"? Reply with the bare number. -> 41
"""

import random
import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from builder.embedded import frame, tables
from builder.embedded.grammar import Phrases
from builder.embedded.tables import Table
from builder.embedded.task import Messages, Slip, Task, user
from builder.embedded.worlds.world import is_plural, label

ABILITY = "reasoning"
WEIGHT = 3.0
LEAD = (
    "[I am [writing|preparing|checking] [the|a short|our] [monthly |yearly |weekly "
    "||][report|overview|summary] [for the "
    "[board|team|manager]|and need one figure|before lunch]. |"
    "[My|Our] [colleague|manager|accountant|neighbour] [asked me|wants to know] [something|one thing] about "
    "[our|these] "
    "[figures|records|entries]. |[We|They] keep [such|these] [records|tables|lists] [by hand|for the whole "
    "team|on paper too]. |||]"
)
REQUEST = Phrases(
    f"{LEAD}[look at|use|take] the {{text}} {{here:here}} and [tell me|answer this]: {{question}}? {{form}}.",
    f"{LEAD}[use only|use nothing but|rely only on] the {{text}} {{here:here}}. {{question}}? {{form}}.",
    f"{LEAD}[here is|I have] a [short |small ||]question about the {{text}} {{here:here}}. {{question}}? {{form}}.",
    f"{LEAD}[going by|according to|judging by] the {{text}} {{here:here}}, {{question}}? {{form}}.",
)
NUMBER_FORM = Phrases(
    "[answer|reply] with the [bare |]number[ only|, no words|]",
    "[give|write] [just|only] the number[, without a unit|]",
)
NAME_FORM = Phrases(
    "[answer|reply] with [the entry|that entry] [only|and nothing else]",
    "[give|write] [just|only] the entry[ itself|]",
)
NAMES_FORM = Phrases(
    "[list|give|write] [the entries|them] [in the order of the {table:word}, ||]separated by commas",
    "[answer|reply] with [the entries|them] [only|alone], [with commas between them|separated by commas]",
)
ASKS = {
    "sum": Phrases(
        "what is the sum of the {column} column {where:rows}",
        "what does the {column} column add up to {where:rows}",
    ),
    "mean": Phrases(
        "what is the [mean|average] {column} {where:rows}, rounded to two decimal places",
        "to two decimal places, what is the [mean|average] {column} {where:rows}",
    ),
    "max": Phrases("what is the [largest|highest|greatest] {column} {where:rows}"),
    "min": Phrases("what is the [smallest|lowest] {column} {where:rows}"),
    "range": Phrases(
        "how far apart are the [largest and the smallest|highest and the lowest] {column} {where:rows}",
        "what is the difference between the [largest and the smallest|highest and the lowest] {column} {where:rows}",
    ),
    "count": Phrases("how many [rows|entries|lines] [are there|can you count] {where:rows}"),
    "who_max": Phrases(
        "which {name} entry [goes with|belongs to] the [largest|highest|greatest] {column} {where:rows}"
    ),
    "who_min": Phrases("which {name} entry [goes with|belongs to] the [smallest|lowest] {column} {where:rows}"),
    "who_second": Phrases(
        "which {name} entry [goes with|belongs to] the second [largest|highest] {column} {where:rows}"
    ),
    "names": Phrases("which entries [do you find|are given] under {name} {where:rows}"),
}
EVERYWHERE = Phrases("[in|over|across] all rows", "in the [whole|entire] {table:word}")
WHERES = {
    "above": Phrases("[where|in which] the {column} {be:be} [above|greater than|more than] {value:number}"),
    "below": Phrases("[where|in which] the {column} {be:be} [below|less than|under] {value:number}"),
    "is": Phrases("[where|in which] the {column} {be:be} {value:quoted}", "with {value:quoted} as the {column}"),
    "is not": Phrases("[where|in which] the {column} {be:be} not {value:quoted}"),
}
# Numbers that only name a thing: nobody adds them up or asks for the largest.
NOT_A_MEASURE = {
    *("flat_number", "gallery", "hive_number", "line", "lot_number", "platform", "plot_number", "scene"),
    *("treatment_room", "year"),
}
Ask = dict[str, Any]


def sample(rng: random.Random) -> Task:
    """Draw a table and a question whose answer is one and only one."""
    ask: Ask | None = None
    while ask is None:
        table = tables.draw(rng, shared=True)
        ask = _draw_ask(rng, table)
    text = rng.choice(("table", "sheet", "list"))
    prompt = frame.compose(
        rng,
        REQUEST,
        tables.write(table, rng.choice(("markdown", "markdown", "csv", "semicolons", "json_lines"))),
        text=text,
        question=_spell(rng, ask, text),
        form=_form(ask["what"]).render(rng, table=text),
    )
    check = {"check": "table_answer", "columns": table.columns, "rows": table.rows, "ask": ask}
    return Task("table_question", ABILITY, user(prompt), [check])


def answer(messages: Messages) -> str | None:
    """Read the table and the question, and work it out."""
    problem = _read(messages)
    return _solve(*problem) if problem else None


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield the answer to a neighbouring question (no filter, another column, a row forgotten ...), or a sentence."""
    if not (problem := _read(messages)):
        return
    table, ask = problem
    opposite = {"above": "below", "below": "above", "is": "is not", "is not": "is"}
    wrong: list[tuple[str, Table, Ask]] = []
    if ask["where"]:
        column, how, value = ask["where"]
        wrong.append(("ignored_filter", table, {**ask, "where": []}))
        wrong.append(("turned_filter", table, {**ask, "where": [column, opposite[how], value]}))
    others = [name for name in table.numeric() if name != ask["column"]]
    wrong += [("other_column", table, {**ask, "column": name}) for name in others]
    for at in range(len(table.rows)):
        wrong.append(("forgotten_row", Table(table.columns, table.rows[:at] + table.rows[at + 1 :]), ask))
    twins = {
        "max": "min",
        "min": "max",
        "sum": "mean",
        "mean": "sum",
        "who_max": "who_second",
        "who_second": "who_max",
    }
    wrong.append(("other_operation", table, {**ask, "what": twins.get(ask["what"], ask["what"])}))
    for kind, other_sheet, other_ask in wrong:
        if (text := _solve(other_sheet, other_ask)) is not None:
            yield Slip(kind, text)
    if ask["what"].startswith("who"):
        yield Slip("value_for_name", rng.choice(table.column(ask["column"])))
        yield Slip("other_name", rng.choice(table.column(ask["name"])))
    elif ask["what"] == "names":
        yield Slip("lost_entry", ", ".join(response.split(", ")[1:]) or "none")
    else:
        yield Slip("off_by_one", str(Decimal(response) + rng.choice((-1, 1))) if _is_number(response) else "0")
    yield Slip("full_sentence", f"According to the table, the answer is {response}.")


def _draw_ask(rng: random.Random, table: Table) -> Ask | None:
    """Return a question that the table answers in one way only, or None."""
    numeric = table.numeric()
    what = rng.choice(list(ASKS))
    measures = [name for name in numeric if name not in NOT_A_MEASURE]
    plain = [c for c in table.columns if c not in numeric and not any("," in cell for cell in table.column(c))]
    names = [column for column in plain if len(set(table.column(column))) == len(table.rows)]
    shared = [column for column in plain if column not in names]
    if not measures or not names:
        return None
    ask: Ask = {"what": what, "column": rng.choice(measures), "name": rng.choice(names), "where": []}
    if shared and rng.random() < 0.45:
        column = rng.choice(shared)
        ask["where"] = [column, rng.choice(("is", "is", "is not")), rng.choice(table.column(column))]
    elif rng.random() < 0.6 or what in ("names", "count"):
        column = rng.choice(numeric)
        # Never the largest or the smallest value itself alone: something must be left, and something go.
        ask["where"] = [column, rng.choice(("above", "below")), rng.choice(table.column(column))]
    left = _left(table, ask["where"])
    least = 1 if what in ("names", "count") else 2
    if len(left) < least or (ask["where"] and len(left) == len(table.rows)):
        return None
    cells = sorted(Decimal(cell) for cell in Table(table.columns, left).column(ask["column"]))
    tied = len(set(cells)) < len(cells)
    # A mean that ends exactly in half a hundredth could be rounded either way.
    half = what == "mean" and sum(cells) * 1000 / len(cells) % 10 == 5
    return None if tied or half else ask


def _spell(rng: random.Random, ask: Ask, text: str) -> str:
    """Return the question in words, its question mark left off."""
    where = EVERYWHERE.render(rng, table=text).lower()
    if ask["where"]:
        column, how, value = ask["where"]
        shown = f'"{value}"' if how.startswith("is") else value
        be = "are" if is_plural(label(column)) else "is"
        where = WHERES[how].render(rng, column=label(column), value=shown, be=be)
        where = where[:1].lower() + where[1:]
        where = where if ask["what"] == "count" else rng.choice(("in", "among")) + " the rows " + where
    asked = ASKS[ask["what"]].render(rng, column=label(ask["column"]), name=label(ask["name"]), where=where, table=text)
    return asked[:1].lower() + asked[1:]


def _form(what: str) -> Phrases:
    return NAMES_FORM if what == "names" else NAME_FORM if what.startswith("who") else NUMBER_FORM


def _read(messages: Messages) -> tuple[Table, Ask] | None:
    """Return the table and the question of a prompt."""
    if not (reading := frame.read(messages, REQUEST)) or not (table := tables.read(reading.body)):
        return None
    keys = {label(column): column for column in table.columns}
    for what, phrases in ASKS.items():
        for pattern in phrases.patterns:
            slots = pattern.read(reading.slots["question"])
            where = _read_where(slots["where"], keys) if slots else None
            if not slots or where is None or not {slots.get("column"), slots.get("name")} <= {*keys, None}:
                continue
            ask: Ask = {"what": what, "column": keys.get(slots.get("column", ""), "")}
            ask |= {"name": keys.get(slots.get("name", ""), ""), "where": where}
            numbers = {ask["column"], where[0] if where and where[1] in ("above", "below") else ""} - {""}
            if numbers <= set(table.numeric()) and _form(what).read(reading.slots["form"]) is not None:
                return table, ask
    return None


def _read_where(text: str, keys: dict[str, str]) -> list[str] | None:
    """Return [column, comparison, value], [] for every row, None for words that are no such thing."""
    text = text.removeprefix("in the rows ").removeprefix("among the rows ")
    for how, phrases in WHERES.items():
        if (slots := phrases.read(text)) is not None and slots["column"] in keys:
            return [keys[slots["column"]], how, slots["value"].strip('"')]
    return [] if EVERYWHERE.read(text) is not None else None


def _left(table: Table, where: list[str]) -> list[list[str]]:
    """Return the rows that a filter leaves."""
    if not where:
        return table.rows
    column, how, value = where
    keep: dict[str, Callable[[str], bool]] = {
        "is": lambda cell: cell == value,
        "is not": lambda cell: cell != value,
        "above": lambda cell: Decimal(cell) > Decimal(value),
        "below": lambda cell: Decimal(cell) < Decimal(value),
    }
    return [row for row, cell in zip(table.rows, table.column(column), strict=True) if keep[how](cell)]


def _solve(table: Table, ask: Ask) -> str | None:
    """Return the answer, or None where the rows left do not give one."""
    left = Table(table.columns, _left(table, ask["where"]))
    what = ask["what"]
    if what == "count":
        return str(len(left.rows))
    if what == "names":
        return ", ".join(left.column(ask["name"])) or None
    cells = [Decimal(cell) for cell in left.column(ask["column"])]
    if not cells or (what == "who_second" and len(cells) < 2):
        return None
    if what.startswith("who"):
        if len(set(cells)) < len(cells):
            return None  # among equals it could be either
        ranked = sorted(zip(cells, left.column(ask["name"]), strict=True), reverse=True)
        return ranked[{"who_max": 0, "who_second": 1, "who_min": -1}[what]][1]
    match what:
        case "sum":
            return str(sum(cells))
        case "mean":
            return str((sum(cells, Decimal(0)) / len(cells)).quantize(Decimal("0.01"), ROUND_HALF_UP))
        case "max":
            return str(max(cells))
        case "min":
            return str(min(cells))
    return str(max(cells) - min(cells))


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None
