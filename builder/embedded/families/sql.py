"""Write an SQL query for a question about a table that the prompt describes.

... Show the title of all books whose price is above 40. ... -> SELECT title FROM books WHERE price > 40;
"""

import random
import re
from collections.abc import Iterator
from dataclasses import replace

from builder.embedded import conditions, frame, queries, questions, sheets
from builder.embedded.grammar import Phrases
from builder.embedded.queries import Query
from builder.embedded.sheets import Row, Sheet
from builder.embedded.task import Check, Messages, Slip, Task, user

ABILITY = "code"
WEIGHT = 2.5
REQUEST = Phrases(
    "[[we|I] keep [our|all] {plural} in [a|one] [database|SQLite file]. |][write|give me] [one|a single] SQL query "
    "[for|that answers] this: {question:block} [you will find|you can see] the {text} "
    "{here:here}. [reply|answer] with the [query|SQL] only.",
    "[here|this] is what [I|we] want to [know|find out]: {question:block} [write|compose] the SQL for "
    "SQLite, [given|with] the {text} {here:here}, and [add no explanation|nothing else].",
    "[look at|take|use] the {text} {here:here}. {question:block} [answer|reply] with one SQL [statement|query] "
    "[and no other words|and nothing else].",
    "[I am learning SQL|I am rusty with SQL|somebody at work asked me this|I need this for a report]. "
    "{question:block} [which|what] [query|SELECT statement] [gives|finds] that from the {text} {here:here}? "
    "[only the query, please|just the query, no comments].",
    "[as|acting as] [the analyst|the data clerk|a helper] of {place}, [write|prepare] an SQL query for the "
    "{text} {here:here}. {question:block} [output|return] [only SQL|the SQL alone].",
)
Tables = dict[str, list[str]]


def sample(rng: random.Random) -> Task:
    """Draw a table, a question about it, and rows that tell the right query from every common wrong one."""
    while True:
        sheet = sheets.draw(rng, least=4)
        query, question = questions.draw(rng, sheet)
        if "" not in query.columns and (check := _test_data(rng, sheet, query)):
            break
    tables = {sheet.plural: [sheet.name, *sheet.by_key]}
    if query.lookup:
        tables[queries.lookup_table(query.lookup)] = [query.lookup, query.where.conditions[0].column]
    prompt = frame.compose(
        rng,
        REQUEST,
        _describe(rng, tables, sheet),
        text="schema" if query.lookup else "table",
        question=question,
        plural=sheet.plural,
        place=sheet.place,
    )
    return Task("sql", ABILITY, user(prompt), [check, {"check": "code_only"}])


def answer(messages: Messages) -> str | None:
    """Read the tables and the question, and write the query."""
    query = _read(messages)
    return queries.sql(query) if query else None


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield the query for a question misread, with a table or a join forgotten, or wrapped in chatter."""
    if not (query := _read(messages)):
        return
    for kind, wrong in queries.slips(query):
        yield Slip(kind, queries.sql(wrong))
    if query.lookup:
        yield Slip("forgotten_join", queries.sql(replace(query, lookup="")))
    yield Slip("wrong_table", queries.sql(replace(query, table=query.table.removesuffix("s"))))
    yield Slip("chatty", f"Sure! This query should do it:\n\n```sql\n{queries.sql(query)}\n```")


def _test_data(rng: random.Random, sheet: Sheet, query: Query) -> Check | None:
    """Return a check whose rows tell the query from each of its slips; None where 30 draws of rows do not."""
    for _ in range(30):
        drawn: list[Row] = [] if query.lookup else conditions.boundary_rows(rng, sheet, query.where, "")
        drawn += [sheet.row(rng, "") for _ in range(8)]
        rng.shuffle(drawn)
        rows = [row | {sheet.name: name} for row, name in zip(drawn, sheets.names(rng, len(drawn)), strict=True)]
        tables = {sheet.plural: _table(sheet, [sheet.name, *sheet.by_key], rows)}
        if query.lookup:
            test = query.where.conditions[0]
            least = int(test.values[0])
            values = [least - 1, least, least + 1, least + 9, least - 2]
            words = list(sheet.by_key[query.lookup].words)
            extra: list[Row] = [
                {query.lookup: word, test.column: value} for word, value in zip(words, values, strict=False)
            ]
            tables[queries.lookup_table(query.lookup)] = _table(sheet, [query.lookup, test.column], extra)
            rows = [row | next(e for e in extra if e[query.lookup] == row[query.lookup]) for row in rows]
        expected = queries.run(query, rows)
        if query.order and len({row[query.order] for row in rows}) < len(rows):
            continue  # rows that tie could come in either order
        if expected not in ([], [[None]]) and all(
            _tells(query, wrong, expected, rows) for _, wrong in queries.slips(query)
        ):
            ordered = bool(query.order)
            return {"check": "sql_returns", "tables": tables, "expected": expected, "ordered": ordered}
    return None


def _tells(query: Query, wrong: Query, expected: list[list[sheets.Value]], rows: list[Row]) -> bool:
    found = queries.run(wrong, rows)
    return found != expected if query.order else sorted(map(str, found)) != sorted(map(str, expected))


def _table(sheet: Sheet, columns: list[str], rows: list[Row]) -> dict[str, object]:
    kinds = {column: "TEXT" if isinstance(rows[0][column], str) else "INTEGER" for column in columns}
    return {"columns": kinds, "rows": [[row[column] for column in columns] for row in rows]}


def _describe(rng: random.Random, tables: Tables, sheet: Sheet) -> str:
    """Write the tables as statements, as lists of columns or as lines."""
    style = rng.choice(("create", "create", "call", "lines"))
    texts = []
    for table, columns in tables.items():
        kinds = [(c, "TEXT" if c == sheet.name or c in sheet.words else "INTEGER") for c in columns]
        if style == "create":
            texts.append(f"CREATE TABLE {table} (\n" + ",\n".join(f"  {c} {kind}" for c, kind in kinds) + "\n);")
        elif style == "call":
            texts.append(f"{table}({', '.join(f'{c} {kind.lower()}' for c, kind in kinds)})")
        else:
            texts.append(f"Table {table}\n" + "\n".join(f"- {c} ({kind.lower()})" for c, kind in kinds))
    return "\n".join(texts)


def _read(messages: Messages) -> Query | None:
    """Return the question of a prompt as data."""
    reading = frame.read(messages, REQUEST)
    if not reading or not (tables := _read_tables(reading.body)):
        return None
    (name, columns), *second = tables.items()
    sheet = sheets.SHEETS.get(name)
    if not sheet or columns[0] != sheet.name or not set(columns[1:]) <= set(sheet.by_key):
        return None
    kinds = re.findall(r"(\w+) \(?(text|integer)\b", reading.body.lower())
    if any((kind == "text") == (name in sheet.numbers) for name, kind in kinds if name in sheet.by_key):
        return None
    query = questions.read(reading.slots["question"], sheet.part(columns[1:]))
    if not query:
        return None
    needed = (
        (queries.lookup_table(query.lookup), [query.lookup, query.where.conditions[0].column]) if query.lookup else ()
    )
    return query if tuple(second) == (needed,) * bool(needed) else None


def _read_tables(body: str) -> Tables:
    """Read the tables in any of the ways that they are written; nothing where a line is of none."""
    column = r"\w+ (?:TEXT|INTEGER)"
    statement = rf"CREATE TABLE \w+ \(\n  {column}(?:,\n  {column})*\n\);"
    call = r"\w+\(\w+ (?:text|integer)(?:, \w+ (?:text|integer))*\)"
    lines = r"Table \w+(?:\n- \w+ \((?:text|integer)\))+"
    one = rf"(?:{statement}|{call}|{lines})"
    if not re.fullmatch(rf"{one}(?:\n{one})?", body):
        return {}
    tables = {}
    for text in re.findall(one, body):
        words = re.findall(r"\w+", text.removeprefix("CREATE TABLE ").removeprefix("Table "))
        tables[words[0]] = words[1::2]
    return tables
