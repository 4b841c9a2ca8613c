"""Questions about a sheet in words: drawn at random, said in English, and read back as data (see queries.py)."""

import random
from dataclasses import replace

from builder.embedded import conditions, prose, queries, sheets
from builder.embedded.conditions import Where
from builder.embedded.grammar import Phrases
from builder.embedded.queries import Query
from builder.embedded.sheets import Sheet

QUESTIONS = {
    "list": Phrases(
        "[list|show|give me|return] the {columns} of [all|the] {plural:word} {where}.",
        "[which|what] {plural:word} are there {where}? [show|list|return] the {columns}.",
        "[find|look up|pick out] [all|the] {plural:word} {where} and [show|return] the {columns}.",
        "for each of the {plural:word} {where}, [show|list|I need] the {columns}.",
    ),
    "count": Phrases(
        "how many {plural:word} {where} are there?",
        "count the {plural:word} {where}.",
        "[give me|return] the number of {plural:word} {where}[.|, please.]",
    ),
    "measure": Phrases(
        "what is the {measure} of [all|the] {plural:word} {where}?",
        "[compute|work out|return] the {measure} over all {plural:word} {where}.",
        "[taking|counting] only the {plural:word} {where}, what is the {measure}?",
    ),
    "group": Phrases(
        "for [each|every] {group} of the {plural:word}, [show|give] the {group} and the {measure}.",
        "[group|break down] the {plural:word} by {group}: [show|list] the {group} and the {measure}.",
        "[list|return] every {group} [that occurs|that comes up] among the {plural:word}, together with the {measure}.",
    ),
    "group_where": Phrases(
        "[looking only at|counting only] the {plural:word} {where}, [show|give] the {group} and, for each, "
        "the {measure}.",
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
        "[list|show] the {columns} of the {plural:word} whose {above} is above the average {above} of all "
        "{plural:word}.",
        "which {plural:word} have a higher {above} than the average of all {plural:word}? [show|return] the {columns}.",
    ),
    "lookup": Phrases(
        "[list|show|return] the {columns} of all {plural:word} whose {lookup} has a {extra} of at least "
        "{least:int} in the second table.",
        "the second table describes [each|every] {lookup}. which {plural:word} go with one of its rows "
        "whose {extra} is {least:int} or more? [show|list] the {columns}.",
    ),
}
ORDERS = Phrases(
    "[sort|order] [the rows|the result|them] by {order}, {direction} first.",
    "the {direction} {order} [comes|goes|should come] first.",
)
HAVING = Phrases(
    "[leave out|skip|drop] every {group} with fewer than {having:int} [rows|entries].",
    "only [include|show] those values of {group} that have at least {having:int} [rows|entries].",
)
ENDS = {"highest": True, "largest": True, "lowest": False, "smallest": False}
EXTRAS = ("budget", "rank", "capacity", "target")


def draw(rng: random.Random, sheet: Sheet) -> tuple[Query, str]:
    """Return a question as data and in words."""
    kind = rng.choice([*QUESTIONS, "list", "list", "measure", "count", "group_where"])
    where = conditions.draw(rng, sheet, rng.choice((1, 1, 2, 2)))
    numbers, words = rng.sample(sheet.numbers, len(sheet.numbers)), rng.sample(sheet.words, len(sheet.words))
    columns = (sheet.name, *rng.sample(list(sheet.by_key), rng.choice((0, 1, 1, 2))))
    measure = rng.choice(
        (("count", ""), *((function, numbers[0]) for function in ("total", "average", "highest", "lowest")))
    )
    query, more = Query(sheet.plural, columns, where), [""]
    slots: dict[str, object] = {}
    ends = list(ENDS.items())
    if kind in ("count", "measure"):
        query = replace(
            query, columns=(), measure=measure if measure[0] != "count" and kind == "measure" else ("count", "")
        )
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


def read(text: str, sheet: Sheet) -> Query | None:
    """Read a question in words; None where it is none, or not about this sheet."""
    for kind, phrases in QUESTIONS.items():
        for pattern in phrases.patterns:
            if (found := pattern.match(text)) and found[0]["plural"] == sheet.plural:
                query = _build(kind, found[0], sheet)
                if query and (whole := _read_more(query, found[1], sheet)):
                    return whole
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
        return (
            replace(query, order=order, down=ENDS[slots["end"]], limit=limit)
            if limit and slots["end"] in ENDS and order in sheet.numbers
            else None
        )
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


def _key(text: str) -> str:
    return text.replace(" ", "_")
