"""Turn a table into another form (CSV, JSON, Markdown), perhaps with a column dropped or renamed, or the rows sorted.

Turn the table below into a JSON list of objects ... Leave out the column sender. -> [{"weight_kg": 7}, ...]
"""

import random
from collections.abc import Iterator

from builder.embedded import frame, tables
from builder.embedded.grammar import Phrases
from builder.embedded.tables import Table
from builder.embedded.task import Messages, Slip, Task, user

ABILITY = "conversion"
WEIGHT = 3.0
LEAD = (
    "[I am [moving|tidying|importing|cleaning up] [our|some|my] [old |monthly |shared ||]"
    "[records|data|lists] [this week|before the audit|for a new tool|from an old program]. |"
    "[Our new|Another|Their] [program|tool|script|system] [cannot read this|needs another|does not accept this] "
    "[layout|format]. |[We|They] can only [load|import|work with] one kind of file[| here]. |||]"
)
REQUEST = Phrases(
    f"{LEAD}[convert|turn|change] the {{text}} {{here:here}} into {{form}}.",
    f"{LEAD}[I need|please give me|write|return] the [rows|contents|entries] of the {{text}} {{here:here}} "
    f"as {{form}}.",
    f"{LEAD}[take|read] the {{text}} {{here:here}} and [write|print] [it out|the same data] as "
    f"{{form}}[, nothing else|, without any comment|].",
    f"{LEAD}[what does the {{text}} {{here:here}} look like|how would the {{text}} {{here:here}} look] as "
    f"{{form}}? [answer|reply] with [the result|that] "
    "[only|alone].",
)
FORMS = {
    "csv": Phrases("[plain |]CSV with commas[ and a header line|]", "comma-separated values with a header"),
    "semicolons": Phrases("CSV with semicolons[ in place of commas|]", "semicolon-separated values with a header"),
    "json": Phrases("a JSON [array|list] of objects[, one [for each|per] row|]"),
    "json_columns": Phrases("[one|a] JSON object that has a list [of values |]for [every|each] column"),
    "json_lines": Phrases("JSON lines, one object [per|for each] row", "JSON objects, one [per|on each] line"),
    "markdown": Phrases("a Markdown table", "Markdown"),
}
CHANGES = {
    "drop": Phrases(
        "[leave out|drop|skip|remove] the [column|field] {column:word}.",
        "I do not need the [column|field] {column:word}[ any more|].",
    ),
    "rename": Phrases(
        "[rename|change the name of] the [column|field] {column:word} to {name:word}.",
        "the [column|field] {column:word} [is now called|should be called|becomes] {name:word}.",
    ),
    "first": Phrases(
        "move the [column|field] {column:word} to the [front|first place].",
        "put the [column|field] {column:word} first.",
        "the [column|field] {column:word} [should|must] come first.",
    ),
    "up": Phrases(
        "[sort|order] the rows by {column:word}, [smallest|lowest] first.",
        "the rows [go|should stand] from the smallest to the largest {column:word}.",
    ),
    "down": Phrases(
        "[sort|order] the rows by {column:word}, [largest|highest] first.",
        "the rows [go|should stand] from the largest to the smallest {column:word}.",
    ),
}
EMPTY = Phrases(
    "[an empty cell|a missing value|a gap] [becomes|is written as] null in JSON and stays empty "
    "in [the other formats|any other format]."
)
Change = list[str]


def sample(rng: random.Random) -> Task:
    """Draw a table, two forms and up to three changes of different columns."""
    table = tables.draw(rng)
    columns = rng.sample(table.columns, len(table.columns))
    changes: list[Change] = []
    for kind in rng.sample(["drop", "rename", "first", "sort"], rng.choice((0, 1, 1, 2, 2, 3))):
        column = columns.pop()
        if kind != "sort":
            changes.append([kind, column, _other_name(rng, column)] if kind == "rename" else [kind, column])
        elif column in table.numeric():
            changes.append(["sort", column, rng.choice(("up", "down"))])
    tail = [
        CHANGES[change[-1] if change[0] == "sort" else change[0]].render(rng, column=change[1], name=change[-1])
        for change in changes
    ]
    if columns and rng.random() < 0.3:
        table.rows[rng.randrange(len(table.rows))][table.columns.index(columns[0])] = ""
        tail.append(EMPTY.render(rng))
    source, form = rng.sample(list(FORMS), 2)
    body = tables.write(table, source)
    prompt = frame.compose(
        rng,
        REQUEST,
        body,
        text=rng.choice(("table", "data", "list", "sheet")),
        tail=tail,
        form=_phrase(rng, form),
    )
    rows = [["" if cell is None else str(cell) for cell in map(tables.cell_value, row)] for row in table.rows]
    check = {
        "check": "table_is",
        "form": form,
        "columns": table.columns,
        "rows": rows if "json" in source else table.rows,
        "changes": changes,
    }
    return Task("convert_table", ABILITY, user(prompt), [check])


def answer(messages: Messages) -> str | None:
    """Read the table, change it, write it in the form asked for."""
    if not (problem := _read(messages)):
        return None
    table, form, changes = problem
    return tables.write(_change(table, changes), form)


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield another form, a skipped or reversed change, a lost or repeated row, swapped cells or headers, chat."""
    if not (problem := _read(messages)):
        return
    table, form, changes = problem
    done = _change(table, changes)
    yield Slip("other_form", tables.write(done, rng.choice([other for other in FORMS if other != form])))
    for at in range(len(changes)):
        yield Slip("skipped_change", tables.write(_change(table, changes[:at] + changes[at + 1 :]), form))
    for change in changes:
        if change[0] == "sort":
            other = [*change[:2], "down" if change[2] == "up" else "up"]
            turned = [other if change is one else one for one in changes]
            yield Slip("wrong_direction", tables.write(_change(table, turned), form))
    lost = rng.randrange(len(done.rows))
    yield Slip("lost_row", tables.write(Table(done.columns, done.rows[:lost] + done.rows[lost + 1 :]), form))
    yield Slip("repeated_row", tables.write(Table(done.columns, [*done.rows, done.rows[lost]]), form))
    if len(done.columns) > 1:
        gone = rng.choice(done.columns)
        kept = [name for name in done.columns if name != gone]
        yield Slip("lost_column", tables.write(done.pick(kept), form))
        yield Slip("swapped_headers", tables.write(Table(done.columns[::-1], done.rows), form))
    column = rng.randrange(len(done.columns))
    shifted = [list(row) for row in done.rows]
    shifted[lost][column], shifted[lost - 1][column] = shifted[lost - 1][column], shifted[lost][column]
    yield Slip("swapped_cells", tables.write(Table(done.columns, shifted), form))
    yield Slip("chatty", f"Sure! Here is the converted table:\n\n{response}")


def _change(table: Table, changes: list[Change]) -> Table:
    """Apply the changes in order."""
    for kind, column, *rest in changes:
        others = [name for name in table.columns if name != column]
        if kind == "drop":
            table = table.pick(others)
        elif kind == "first":
            table = table.pick([column, *others])
        elif kind == "rename":
            table = Table([rest[0] if name == column else name for name in table.columns], table.rows)
        else:
            at = table.columns.index(column)
            rows = sorted(table.rows, key=lambda row: float(row[at]), reverse=rest[0] == "down")
            table = Table(table.columns, rows)
    return table


def _phrase(rng: random.Random, form: str) -> str:
    phrase = FORMS[form].render(rng)
    return phrase if phrase.startswith(("JSON", "CSV", "Markdown")) else phrase[:1].lower() + phrase[1:]


def _other_name(rng: random.Random, column: str) -> str:
    """Return another name for a column: orderDate for order_date, item_info for item."""
    head, *rest = column.split("_")
    return head + "".join(map(str.capitalize, rest)) if rest else f"{column}_{rng.choice(('info', 'entry', 'value'))}"


def _read(messages: Messages) -> tuple[Table, str, list[Change]] | None:
    """Return the table, the form and the changes that a prompt asks for."""
    reading = frame.read(messages, REQUEST, rest=True)
    if not reading or not (table := tables.read(reading.body)):
        return None
    form = next((name for name, phrases in FORMS.items() if phrases.read(reading.slots["form"]) is not None), None)
    changes: list[Change] = []
    rest = reading.rest
    while rest:
        if found := EMPTY.match(rest):
            rest = found[1]
            continue
        kind, found = next(((kind, f) for kind, phrases in CHANGES.items() if (f := phrases.match(rest))), ("", None))
        if not found or found[0]["column"].lower() not in table.columns:
            return None
        column = found[0]["column"].lower()
        if kind in ("up", "down"):
            if column not in table.numeric():
                return None
            changes.append(["sort", column, kind])
        else:
            changes.append([kind, column, *([found[0]["name"]] if kind == "rename" else [])])
        rest = found[1]
    # Two changes of one column could be read in more than one way.
    once = len({change[1] for change in changes}) == len(changes)
    new = [change[2] for change in changes if change[0] == "rename"]
    sound = once and not {*new} & {*table.columns} and len(changes) < len(table.columns) + 1
    return (table, form, changes) if form and sound else None
