"""Put options in order by stated criteria: leave some out, sort, settle ties by another thing, give the first few.

... Keep only hotels with a rating of at least 5. Lowest price first; ties: highest rating ... -> Heron, Willow, Badger
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from builder.embedded import conditions, frame, sheets
from builder.embedded.conditions import Where
from builder.embedded.grammar import Phrases
from builder.embedded.sheets import Row, Sheet
from builder.embedded.task import Messages, Slip, Task, user

ABILITY = "multi-step"
WEIGHT = 2.0
REQUEST = Phrases(
    "[rank|order|sort] the {plural} of {place} {here:here}. {rules:block} [write|give me] {layout}.",
    "[I want to choose|We have to choose|Help me to choose] between the {plural} {here:here} [for|on behalf of] "
    "{place}. {rules:block} [answer with|return] {layout} and [nothing else|no comment].",
    "[what is the right order|which order is right] for the {plural} {here:here}? {rules:block} [I "
    "need|please give] {layout}, [no reasons|without explanations].",
    "[somebody|a colleague|the boss] at {place} [sent|left] me the {plural} {here:here} [to sort|to put in "
    "order]. {rules:block} [what I need is|the answer should be] {layout}.",
    "[work through|take] the {plural} {here:here} [step by step|one rule at a time]. {rules:block} [show "
    "only|reply with] {layout}.",
)
KEEP = Phrases(
    "[keep|take] only [the ones|those] {where}.",
    "[leave out|drop|ignore] all but [the ones|those] {where}.",
    "only {plural} {where} [count|qualify|are of interest].",
)
ORDER = Phrases(
    "the {end} {first} comes first; [where that is equal,|if two tie,|among equals,] the {next} {second} "
    "[comes first|wins|goes ahead].",
    "[sort|order] them by {first}, {end} first, and [then|for equal ones] by {second}, {next} first.",
    "[put|place] the {end} {first} [at the top|first]; [if two tie|on a tie], the {next} {second} [decides|wins].",
)
LAST = Phrases(
    "[what still ties|anything that still ties] [goes|is put] in alphabetical order.",
    "[if that is equal too|should two still tie], go by name from a to z.",
)
FIRST = Phrases(
    "[only|just] the [top|first|best] {count:int} [count|are needed].",
    "[stop after|list no more than] the [first|top|best] {count:int}.",
)
LAYOUTS = {
    "commas": Phrases("the names on one line, separated by commas", "just the names, separated by commas"),
    "lines": Phrases("one name per line", "the names line by line"),
    "numbered": Phrases("a numbered list of the names", "the names as a numbered list"),
    "bullets": Phrases("a bulleted list of the names", 'the names as bullet points that start with "- "'),
}
# Columns that are large or small rather than high or low.
EXTENTS = {
    "area",
    "crew",
    "distance",
    "duration",
    "experience",
    "height",
    "length",
    "load",
    "memory",
    "size",
    "stock",
    "width",
}
ENDS = {"highest": True, "largest": True, "lowest": False, "smallest": False}


@dataclass(frozen=True)
class Ranking:
    """What is asked: which options to keep, two criteria (column, high first), how many to give, the layout."""

    where: Where
    by: tuple[tuple[str, bool], ...]
    count: int
    layout: str


def sample(rng: random.Random) -> Task:
    """Draw options with ties and rules that need every criterion."""
    while True:
        sheet = sheets.draw(rng, least=3)
        if len(sheet.numbers) < 2:
            continue
        first, second = rng.sample(sheet.numbers, 2)
        where = conditions.draw(rng, sheet, 1) if rng.random() < 0.6 else Where()
        asked = Ranking(
            where, ((first, rng.random() < 0.5), (second, rng.random() < 0.5)), rng.choice((0, 0, 3, 4)), "commas"
        )
        asked = replace(asked, layout=rng.choice(list(LAYOUTS)))
        rows = _rows(rng, sheet, first, where)
        if len(_rank(sheet, rows, replace(asked, count=0))) >= 2 and _needs_all(sheet, rows, asked):
            break
    body = _describe(rng, sheet, rows)
    layout = LAYOUTS[asked.layout].render(rng)
    prompt = frame.compose(
        rng,
        REQUEST,
        body,
        text=f"list of {sheet.plural}",
        plural=sheet.plural,
        place=sheet.place,
        rules=_say(rng, sheet, asked),
        layout=layout[0].lower() + layout[1:],
    )
    check = {
        "check": "ranked",
        "options": {str(row[sheet.name]): {key: row[key] for key in sheet.by_key} for row in rows},
        "by": [[column, "down" if down else "up"] for column, down in asked.by],
        "keep": [[test.column, test.op, *test.values] for test in where.conditions],
        "first": asked.count,
        "layout": asked.layout,
    }
    return Task("rank_by_criteria", ABILITY, user(prompt), [check])


def answer(messages: Messages) -> str | None:
    """Read the options and the rules, and sort."""
    problem = _read(messages)
    return _write(_rank(*problem), problem[2].layout) or None if problem else None


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a forgotten or swapped criterion, the wrong way round, too many or too few, another layout."""
    if not (problem := _read(messages)):
        return
    sheet, rows, asked = problem
    names = _rank(*problem)
    for kind, wrong in _misread(asked):
        yield Slip(kind, _write(_rank(sheet, rows, wrong), asked.layout))
    if len(names) > 1:
        lost = rng.randrange(len(names))
        yield Slip("lost_option", _write(names[:lost] + names[lost + 1 :], asked.layout))
        at = rng.randrange(len(names) - 1)
        yield Slip("two_swapped", _write([*names[:at], names[at + 1], names[at], *names[at + 2 :]], asked.layout))
    yield Slip("other_layout", _write(names, rng.choice([layout for layout in LAYOUTS if layout != asked.layout])))
    yield Slip("chatty", f"The right order is: {_write(names, asked.layout)}")


def _misread(asked: Ranking) -> Iterator[tuple[str, Ranking]]:
    (first, down), (second, second_down) = asked.by
    yield "forgotten_tie_break", replace(asked, by=asked.by[:1])
    yield "wrong_tie_break", replace(asked, by=(asked.by[0], (second, not second_down)))
    yield "wrong_direction", replace(asked, by=((first, not down), asked.by[1]))
    yield "criteria_swapped", replace(asked, by=asked.by[::-1])
    for kind, wheres in asked.where.slips().items():
        yield from ((kind, replace(asked, where=where)) for where in wheres)
    if asked.count:
        yield "forgotten_limit", replace(asked, count=0)


def _needs_all(sheet: Sheet, rows: list[Row], asked: Ranking) -> bool:
    """Tell whether every way to misread the rules gives another ranking."""
    right = _rank(sheet, rows, asked)
    return all(_rank(sheet, rows, wrong) != right for _, wrong in _misread(asked))


def _rows(rng: random.Random, sheet: Sheet, first: str, where: Where) -> list[Row]:
    """Return five to nine options of which several are equal in the first criterion."""
    drawn = [sheet.row(rng, "") for _ in range(rng.randint(5, 8))]
    if where.conditions:
        drawn += conditions.boundary_rows(rng, sheet, where, "")[:3]
    few = [sheet.by_key[first].draw(rng) for _ in range(len(drawn) // 2)]
    tested = {condition.column for condition in where.conditions}
    names = sheets.names(rng, len(drawn))
    return [
        row | {sheet.name: name} | ({} if first in tested else {first: rng.choice(few)})
        for row, name in zip(rng.sample(drawn, len(drawn)), names, strict=True)
    ]


def _rank(sheet: Sheet, rows: list[Row], asked: Ranking) -> list[str]:
    left = sorted((row for row in rows if asked.where.holds(row)), key=lambda row: str(row[sheet.name]))
    for column, down in reversed(asked.by):
        left.sort(key=lambda row: int(str(row[column])), reverse=down)
    return [str(row[sheet.name]) for row in left[: asked.count or None]]


def _write(names: list[str], layout: str) -> str:
    if layout == "commas":
        return ", ".join(names)
    marks = {"lines": "", "bullets": "- "}
    return "\n".join(f"{marks.get(layout, f'{at}. ')}{name}" for at, name in enumerate(names, 1))


def _say(rng: random.Random, sheet: Sheet, asked: Ranking) -> str:
    ends = [rng.choice([word for word in _ends(column) if ENDS[word] == wanted]) for column, wanted in asked.by]
    first, second = (sheets.label(column) for column, _ in asked.by)
    rules = [KEEP.render(rng, where=asked.where.say(rng), plural=sheet.plural)] if asked.where.conditions else []
    rules += [ORDER.render(rng, end=ends[0], first=first, next=ends[1], second=second), LAST.render(rng)]
    rules += [FIRST.render(rng, count=asked.count)] if asked.count else []
    return " ".join(rules)


def _ends(column: str) -> tuple[str, ...]:
    """Return the words for the ends of a column: nobody asks for the lowest width."""
    return ("largest", "smallest") if column in EXTENTS else ("highest", "lowest")


def _describe(rng: random.Random, sheet: Sheet, rows: list[Row]) -> str:
    style = rng.choice(("- {name}: {cells}", "{name} ({cells})", "{name} - {cells}"))
    cells = [", ".join(f"{sheets.label(key)} {row[key]}" for key in sheet.by_key) for row in rows]
    return "\n".join(style.format(name=row[sheet.name], cells=text) for row, text in zip(rows, cells, strict=True))


def _read(messages: Messages) -> tuple[Sheet, list[Row], Ranking] | None:
    """Return the options and the rules of a prompt."""
    reading = frame.read(messages, REQUEST)
    sheet = sheets.SHEETS.get(reading.slots["plural"]) if reading else None
    if not reading or not sheet:
        return None
    rows = [_read_row(sheet, line) for line in reading.body.split("\n")]
    found = [row for row in rows if row]
    asked = _read_rules(sheet, reading.slots["rules"])
    layout = next(
        (name for name, phrases in LAYOUTS.items() if phrases.read(reading.slots["layout"]) is not None), None
    )
    if not asked or not layout or len(found) < len(rows) or any(row.keys() != found[0].keys() for row in found):
        return None
    if len({row[sheet.name] for row in found}) < len(found):
        return None
    needed = {column for column, _ in asked.by} | {test.column for test in asked.where.conditions}
    return (sheet, found, replace(asked, layout=layout)) if needed <= found[0].keys() else None


def _read_row(sheet: Sheet, line: str) -> Row | None:
    if not (found := re.fullmatch(r"(?:- )?([A-Z][a-z]+)(?:: | - | \()(.*?)\)?", line)):
        return None
    row: Row = {sheet.name: found[1]}
    for cell in found[2].split(", "):
        key = next((key for key in sheet.by_key if cell.startswith(f"{sheets.label(key)} ")), None)
        if key is None:
            return None
        value = cell[len(key) + 1 :]
        column = sheet.by_key[key]
        if not (re.fullmatch(r"[0-9]{1,9}", value) if column.number else value in column.words):
            return None
        row[key] = int(value) if column.number else value
    return row


def _read_rules(sheet: Sheet, text: str) -> Ranking | None:
    where: Where | None = Where()
    if found := KEEP.match(text):
        where, text = conditions.read(found[0]["where"], sheet), found[1]
    order = ORDER.match(text)
    last = LAST.match(order[1]) if order else None
    if where is None or not order or not last:
        return None
    limit = FIRST.read(last[1]) if last[1] else {"count": "0"}
    (end, first), (next_end, second) = (
        (order[0][a], order[0][b].replace(" ", "_")) for a, b in (("end", "first"), ("next", "second"))
    )
    if (
        limit is None
        or (last[1] and not int(limit["count"]))
        or not {first, second} <= set(sheet.numbers)
        or not {end, next_end} <= set(ENDS)
    ):
        return None
    return Ranking(where, ((first, ENDS[end]), (second, ENDS[next_end])), int(limit["count"]), "")
