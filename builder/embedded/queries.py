"""Questions about a sheet as data: which rows, which columns, what to count. Run in plain Python, written as SQL.

    Query("books", ("title",), Where((Condition("price", ">", (40,)),)), order="pages", down=True, limit=3)
    -> SELECT title FROM books WHERE price > 40 ORDER BY pages DESC LIMIT 3;

`run` and `sql` are two implementations of one meaning: the first makes the expected rows, the second the answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from builder.embedded.conditions import Condition, Where
from builder.embedded.sheets import Row, Value

SQL_NAMES = {"count": "COUNT", "total": "SUM", "average": "AVG", "highest": "MAX", "lowest": "MIN"}


@dataclass(frozen=True)
class Query:
    """A question: the rows `where` holds, their `columns`, or a `measure` of them (of each `group`)."""

    table: str
    columns: tuple[str, ...]
    where: Where
    measure: tuple[str, str] | None = None  # a key of SQL_NAMES and a column ("" for count)
    group: str = ""
    having: int = 0  # least number of rows of a group
    order: str = ""
    down: bool = False
    limit: int = 0
    distinct: bool = False
    above_average: str = ""  # only rows above the average of this column over all rows
    lookup: str = ""  # the column that leads to a second table


def run(query: Query, rows: list[Row]) -> list[list[Value]]:
    """Return the rows that the question asks for, computed without SQL."""
    kept = [row for row in rows if query.where.holds(row)]
    if query.above_average:
        cells = [_number(row[query.above_average]) for row in rows]
        kept = [row for row in kept if _number(row[query.above_average]) * len(cells) > sum(cells)]
    if query.group:
        groups: dict[Value, list[Row]] = {}
        for row in kept:
            groups.setdefault(row[query.group], []).append(row)
        found = [[key, _measure(query, members)] for key, members in groups.items() if len(members) >= query.having]
        found.sort(key=lambda cells: str(cells[0]), reverse=query.down)
        return found
    if query.measure:
        return [[_measure(query, kept)]]
    if query.order:
        kept.sort(key=lambda row: _sort_key(row[query.order]), reverse=query.down)
    cells_of = [[row[column] for column in query.columns] for row in kept[: query.limit or None]]
    return [cells for at, cells in enumerate(cells_of) if not query.distinct or cells not in cells_of[:at]]


def sql(query: Query) -> str:
    """Return the question as one SQL statement for SQLite."""
    if query.group:
        picked = f"{query.group}, {_measured(query)}"
    else:
        picked = _measured(query) if query.measure else ", ".join(query.columns)
    statement = f"SELECT {'DISTINCT ' if query.distinct else ''}{picked} FROM {query.table}"
    if query.lookup:
        statement += f" JOIN {lookup_table(query.lookup)} USING ({query.lookup})"
    tests = f" {query.where.word.upper()} ".join(map(sql_test, query.where.conditions))
    if query.above_average:
        average = f"{query.above_average} > (SELECT AVG({query.above_average}) FROM {query.table})"
        tests = (
            f"({tests}) AND {average}"
            if query.where.word == "or" and tests
            else " AND ".join(filter(None, (tests, average)))
        )
    statement += f" WHERE {tests}" if tests else ""
    statement += f" GROUP BY {query.group}" if query.group else ""
    statement += f" HAVING COUNT(*) >= {query.having}" if query.having else ""
    statement += f" ORDER BY {query.order}{' DESC' if query.down else ''}" if query.order else ""
    statement += f" LIMIT {query.limit}" if query.limit else ""
    return statement + ";"


def slips(query: Query) -> Iterator[tuple[str, Query]]:
    """Yield the question as it is commonly misread, with the kind of mistake."""
    for kind, wheres in query.where.slips().items():
        yield from ((kind, replace(query, where=where)) for where in wheres)
    if query.measure:
        function, column = query.measure
        wrong = {"total": "average", "average": "total", "highest": "lowest", "lowest": "highest", "count": ""}[
            function
        ]
        if wrong:
            yield "wrong_measure", replace(query, measure=(wrong, column))
    if query.group:
        yield "forgotten_group", replace(query, group="", having=0, order="")
    if query.having:
        yield "forgotten_having", replace(query, having=0)
        yield "off_by_one", replace(query, having=query.having + 1)
    if query.limit:
        yield "off_by_one", replace(query, limit=query.limit + 1)
        yield "forgotten_limit", replace(query, limit=0)
    if query.order:
        yield "wrong_direction", replace(query, down=not query.down)
        yield "forgotten_order", replace(query, order="", down=False)
    if len(query.columns) > 1:
        yield "columns_swapped", replace(query, columns=query.columns[::-1])
        yield "forgotten_column", replace(query, columns=query.columns[:-1])
    if query.distinct:
        yield "forgotten_distinct", replace(query, distinct=False)
    if query.above_average:
        yield "forgotten_average", replace(query, above_average="")


def lookup_table(key: str) -> str:
    """Return the name of the second table that describes a column's words."""
    return f"{key}_list"


def sql_test(condition: Condition) -> str:
    """Return one condition as SQL."""
    values = [f"'{value}'" if isinstance(value, str) else str(value) for value in condition.values]
    if condition.op == "between":
        return f"{condition.column} BETWEEN {values[0]} AND {values[1]}"
    if condition.op == "in":
        return f"{condition.column} IN ({', '.join(values)})"
    return f"{condition.column} {condition.op.replace('!=', '<>')} {values[0]}"


def _measured(query: Query) -> str:
    assert query.measure
    function, column = query.measure
    return f"{SQL_NAMES[function]}({column or '*'})"


def _measure(query: Query, rows: list[Row]) -> Value:
    assert query.measure
    function, column = query.measure
    if function == "count":
        return len(rows)
    cells = [_number(row[column]) for row in rows]
    if not cells:
        return None
    if function == "average":
        return sum(cells) / len(cells)
    return {"total": sum(cells), "highest": max(cells), "lowest": min(cells)}[function]


def _number(cell: Value) -> int:
    assert isinstance(cell, int)
    return cell


def _sort_key(cell: Value) -> tuple[int, str]:
    return (cell, "") if isinstance(cell, int) else (0, str(cell))
