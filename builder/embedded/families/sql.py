"""Write a SQL query for a question about a table that the prompt describes.

... Which books have a price above 40? Show the title ... CREATE TABLE books (...) -> SELECT title FROM books WHERE price > 40;
"""

import random
import re
from collections.abc import Iterator
from dataclasses import replace

from builder.embedded import conditions, frame, prose, queries, sheets
from builder.embedded.conditions import Where
from builder.embedded.grammar import Phrases
from builder.embedded.queries import Query
from builder.embedded.sheets import Row, Sheet
from builder.embedded.task import Check, Messages, Slip, Task, user

ABILITY = "code"
WEIGHT = 2.5
REQUEST = Phrases(
    "[[we|I] keep [our|all] {plural} in [a|one] [database|SQLite file]. |][write|give me] [one|a single] SQL query "
    "[for|that answers] this: {question:block} [you find|I have put] the {text} {here:here}. [reply|answer] with the "
    "[query|SQL] only.",
    "[here|this] is what [I|we] want to [know|find out]: {question:block} [please |][write|compose] the SQL for SQLite, "
    "[given|with] the {text} {here:here}, and [add no explanation|nothing else].",
    "[look at|take|use] the {text} {here:here}. {question:block} [answer|reply] with one SQL [statement|query] "
    "[and no other words|and nothing else].",
    "[I am learning SQL|I am rusty with SQL|somebody at work asked me this|I need this for a report]. "
    "{question:block} [which|what] [query|SELECT statement] [gives|finds] that from the {text} {here:here}? "
    "[only the query, please|just the query, no comments].",
    "[as|acting as] [the analyst|the data clerk|a helper] of {place}, [write|prepare] a SQL query for the {text} {here:here}. "
    "{question:block} [output|return] [only SQL|the SQL alone].",
)
QUESTIONS = {
    "list": Phrases(
        "[list|show|give me|return] the {columns} of [all|the] {plural:word} {where}.",
        "[which|what] {plural:word} are there {where}? [show|list|return] the {columns}.",
        "[find|look up|pick out] [all|the] {plural:word} {where} and [show|return] the {columns}.",
        "[for|of] [every|each] one of the {plural:word} {where}, [show|list|I need] the {columns}.",
    ),
    "count": Phrases(
        "how many {plural:word} {where} are there?",
        "count the {plural:word} {where}.",
        "[give me|return|what is] the number of {plural:word} {where}[.|, please.]",
    ),
    "measure": Phrases(
        "what is the {measure} of [all|the] {plural:word} {where}?",
        "[compute|work out|return] the {measure} over all {plural:word} {where}.",
        "[taking|counting] only {plural:word} {where}, what is the {measure}?",
    ),
    "group": Phrases(
        "for [each|every] {group} of the {plural:word}, [show|give] the {group} and the {measure}.",
        "[group|break down] the {plural:word} by {group}: [show|list] the {group} and the {measure}.",
        "[list|return] every {group} [that occurs|that comes up] among the {plural:word}, together with the {measure}.",
    ),
    "group_where": Phrases(
        "[looking|counting] only [at|the] {plural:word} {where}, [show|give] the {group} and, for each, the {measure}.",
        "[take|keep] the {plural:word} {where} and group them by {group}. [show|return] the {group} and the {measure}.",
    ),
    "top": Phrases(
        "[show|list|return] the {columns} of the {limit:int} {plural:word} with the {end} {order}.",
        "which {limit:int} {plural:word} have the {end} {order}? [show|list] the {columns}, the {end} {order} first.",
    ),
    "distinct": Phrases(
        "which different values does the column {columns} have among the {plural:word} {where}?",
        "[list|show] [every|each] {columns} that [occurs|is found] among the {plural:word} {where}, without repeats.",
    ),
    "average": Phrases(
        "[list|show] the {columns} of the {plural:word} whose {above} is above the average {above} of all {plural:word}.",
        "which {plural:word} have a higher {above} than the average of all {plural:word}? [show|return] the {columns}.",
    ),
    "lookup": Phrases(
        "[list|show|return] the {columns} of all {plural:word} whose {lookup} has a {extra} of at least {least:int} in the second table.",
        "the second table describes [each|every] {lookup}. which {plural:word} go with one of its rows "
        "whose {extra} is {least:int} or more? [show|list] the {columns}.",
    ),
}
ORDERS = Phrases(
    "[sort|order] [the rows|the result|them] by {order}, {direction} first.",
    "the {direction} {order} [comes|goes|should come] first.",
)
HAVING = Phrases(
    "[leave out|skip|drop] every {group} that has fewer than {having:int} [rows|entries].",
    "only [keep|show] [each|the] {group} that has at least {having:int} [rows|entries].",
)
ENDS = {"highest": True, "largest": True, "lowest": False, "smallest": False}
EXTRAS = ("budget", "rank", "capacity", "target")
Tables = dict[str, list[str]]


def sample(rng: random.Random) -> Task:
    """Draw a table, a question about it, and rows that tell the right query from every common wrong one."""
    while True:
        sheet = sheets.draw(rng, least=4)
        query, question = _draw(rng, sheet)
        if "" not in query.columns and (check := _test_data(rng, sheet, query)):
            break
    tables = {sheet.plural: [sheet.name, *sheet.by_key]}
    if query.lookup:
        tables[queries.lookup_table(query.lookup)] = [query.lookup, query.where.conditions[0].column]
    prompt = frame.compose(
        rng,
        REQUEST,
        _describe(rng, tables, sheet),
        text="tables" if query.lookup else "table",
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


def _draw(rng: random.Random, sheet: Sheet) -> tuple[Query, str]:
    """Return a question as data and in words."""
    kind = rng.choice([*QUESTIONS, "list", "list", "measure", "count", "group_where"])
    where = conditions.draw(rng, sheet, rng.choice((1, 1, 2, 2)))
    numbers, words = rng.sample(sheet.numbers, len(sheet.numbers)), rng.sample(sheet.words, len(sheet.words))
    columns = (sheet.name, *rng.sample(list(sheet.by_key), rng.choice((0, 1, 1, 2))))
    measure = rng.choice((("count", ""), *((function, numbers[0]) for function in ("total", "average", "highest", "lowest"))))
    query, more = Query(sheet.plural, columns, where), [""]
    slots: dict[str, object] = {}
    ends = list(ENDS.items())
    if kind in ("count", "measure"):
        query = replace(query, columns=(), measure=measure if measure[0] != "count" and kind == "measure" else ("count", ""))
        if kind == "measure" and measure[0] == "count":
            kind = "count"
    elif kind in ("group", "group_where"):
        having = rng.choice((0, 2, 3)) if kind == "group" else 0
        query = Query(sheet.plural, (), where if kind == "group_where" else Where(), measure, words[0], having)
        more = [HAVING.render(rng, group=sheets.label(words[0]), having=having)] if having else []
    elif kind == "top":
        end, down = rng.choice(ends)
        query = replace(query, where=Where(), order=numbers[0], down=down, limit=rng.randint(2, 6))
        slots = {"end": end, "limit": query.limit}
    elif kind == "distinct":
        asked = next((key for key in words if key not in {test.column for test in where.conditions}), "")
        query = replace(query, columns=(asked,), distinct=True)
    elif kind == "average":
        query = replace(query, where=Where(), above_average=numbers[0])
        slots = {"above": sheets.label(numbers[0])}
    elif kind == "lookup":
        least, extra = rng.randint(3, 60), rng.choice(EXTRAS)
        query = replace(query, where=Where((conditions.Condition(extra, ">=", (least,)),)), lookup=words[0])
        slots = {"lookup": sheets.label(words[0]), "extra": extra, "least": least}
    if kind in ("list", "average", "lookup") and rng.random() < 0.5:
        end, down = rng.choice(ends)
        query = replace(query, order=numbers[-1], down=down)
        more = [ORDERS.render(rng, order=sheets.label(query.order), direction=end)]
    question = QUESTIONS[kind].render(
        rng,
        plural=sheet.plural,
        columns=prose.join([sheets.label(column) for column in query.columns]) if query.columns else "",
        where=query.where.say(rng) if kind in ("list", "count", "measure", "group_where", "distinct") else "",
        group=sheets.label(query.group),
        measure=_measure_words(query),
        order=sheets.label(query.order),
        **slots,
    )
    return query, " ".join([question, *filter(None, more)])


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
            extra: list[Row] = [{query.lookup: word, test.column: value} for word, value in zip(words, values, strict=False)]
            tables[queries.lookup_table(query.lookup)] = _table(sheet, [query.lookup, test.column], extra)
            rows = [row | next(e for e in extra if e[query.lookup] == row[query.lookup]) for row in rows]
        expected = queries.run(query, rows)
        if query.order and len({row[query.order] for row in rows}) < len(rows):
            continue  # rows that tie could come in either order
        if expected not in ([], [[None]]) and all(_tells(query, wrong, expected, rows) for _, wrong in queries.slips(query)):
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
    main, second = next(iter(tables.items())), list(tables.items())[1:]
    sheet = sheets.SHEETS.get(main[0])
    if not sheet or main[1][0] != sheet.name or not set(main[1][1:]) <= set(sheet.by_key):
        return None
    part = sheet.part(main[1][1:])
    for kind, phrases in QUESTIONS.items():
        for pattern in phrases.patterns:
            if (found := pattern.match(reading.slots["question"])) and found[0]["plural"] == sheet.plural:
                query = _build(kind, found[0], part)
                query = query and _read_more(query, found[1], part)
                if query and [queries.lookup_table(query.lookup)] * bool(query.lookup) == [name for name, _ in second]:
                    return query
    return None


def _build(kind: str, slots: dict[str, str], sheet: Sheet) -> Query | None:
    """Return the question that a pattern's slots tell; None where they do not fit the table."""
    known = {sheet.name, *sheet.by_key}
    columns = tuple(_key(part) for part in prose.split(slots["columns"])) if "columns" in slots else ()
    where = conditions.read(slots["where"], sheet) if "where" in slots else Where()
    measure = _read_measure(slots.get("measure", f"number of {sheet.plural}"), sheet)
    if where is None or measure is None or not set(columns) <= known:
        return None
    query = Query(sheet.plural, columns, where)
    if kind in ("count", "measure"):
        return replace(query, measure=measure)
    if kind.startswith("group"):
        return replace(query, measure=measure, group=_key(slots["group"])) if _key(slots["group"]) in known else None
    if kind == "top":
        order, limit = _key(slots["order"]), int(slots["limit"])
        return replace(query, order=order, down=ENDS[slots["end"]], limit=limit) if slots["end"] in ENDS and order in known else None
    if kind == "average":
        return replace(query, above_average=_key(slots["above"])) if _key(slots["above"]) in sheet.numbers else None
    if kind == "lookup":
        test = conditions.Condition(slots["extra"], ">=", (int(slots["least"]),))
        return replace(query, where=Where((test,)), lookup=_key(slots["lookup"])) if test.column in EXTRAS else None
    return replace(query, distinct=kind == "distinct")


def _read_more(query: Query, rest: str, sheet: Sheet) -> Query | None:
    """Read the sentences after the question: an order, a least size of groups."""
    if not rest:
        return query
    if found := HAVING.read(rest):
        return replace(query, having=int(found["having"])) if _key(found["group"]) == query.group else None
    if (found := ORDERS.read(rest)) and found["direction"] in ENDS and _key(found["order"]) in sheet.numbers:
        return replace(query, order=_key(found["order"]), down=ENDS[found["direction"]])
    return None


def _measure_words(query: Query) -> str:
    function, column = query.measure or ("count", "")
    return f"{function} {sheets.label(column)}" if column else f"number of {query.table}"


def _read_measure(text: str, sheet: Sheet) -> tuple[str, str] | None:
    if text == f"number of {sheet.plural}":
        return "count", ""
    function, _, column = text.partition(" ")
    return (function, _key(column)) if function in queries.SQL_NAMES and _key(column) in sheet.numbers else None


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


def _key(text: str) -> str:
    return text.replace(" ", "_")
