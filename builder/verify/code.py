"""Checks on code: SQL is run in SQLite on small tables, Python functions are called with test cases.

    {"check": "sql_returns", "tables": {"books": {"columns": {"title": "TEXT", "pages": "INTEGER"},
                                                  "rows": [["Fern", 120], ["Owl", 80]]}}, "expected": [["Fern"]]}
    {"check": "python_returns", "function": "double", "cases": [{"args": [2], "returns": 4}]}

A response may be bare code, or text with one fenced block: the block is the code. `code_only` asks for nothing else.
The expected results travel with the check, so a row shows what was asked of it; code never sees them.
"""

import re
import sqlite3
from contextlib import closing
from typing import Any

from builder.verify import inline, sandbox
from builder.verify.data import same

BLOCK = re.compile(r"^```[\w+-]*[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)
TYPE = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*(?:\(\d{1,3}\))?")  # of a column, and nothing that would be run
STEPS = 50_000  # SQLite machine steps that a query may take
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 5_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 10_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 20,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 50,
}
UNBOUNDED = {"printf", "format"}  # a width of a billion is written out before any limit is looked at
READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def sql_returns(
    response: str, tables: dict[str, dict[str, Any]], expected: list[list[Any]], ordered: bool = False
) -> bool:
    """Hold if the response is one SQL query that returns the expected rows (in order, if `ordered`)."""
    wanted = [list(row) for row in expected]
    found = _select(code_of(response), tables, len(expected))
    if found is None:
        return False
    if not ordered:
        found, wanted = sorted(found, key=_sort_key), sorted(wanted, key=_sort_key)
    return len(found) == len(wanted) and all(map(_same_row, found, wanted))


def python_returns(response: str, function: str, cases: list[dict[str, Any]]) -> bool:
    """Hold if the response defines the Python function and it returns what each case expects for its `args`."""
    calls, wanted = [case["args"] for case in cases], [case["returns"] for case in cases]
    if not function.isidentifier() or not all(isinstance(args, list) for args in calls):
        raise ValueError('a function has a Python name, and a case is such as {"args": [2], "returns": 4}')
    code = code_of(response)
    if function not in code:  # prose, or another function: no need to start a process for it
        return False
    found = _call(code, function, calls)
    return found is not None and len(found) == len(wanted) and all(map(_same_value, found, wanted))


def code_only(response: str) -> bool:
    """Hold if the response is one fenced code block or bare code, without a word of prose around a block."""
    text = response.strip()
    return bool(text) and ("```" not in text or (BLOCK.fullmatch(text) is not None and text.count("```") == 2))


def code_of(response: str) -> str:
    """Return the one fenced block of a response, or the whole response where there is not exactly one."""
    blocks = BLOCK.findall(response)
    return (blocks[0] if len(blocks) == 1 else response).strip()


def _call(code: str, function: str, calls: list[list[Any]]) -> list[Any] | None:
    """Run plain code that can do no harm here, and everything else in a process of its own (far slower)."""
    if inline.harmless(code):
        try:
            return inline.call(code, function, calls)
        except inline.TooMuchError:
            pass
    return sandbox.call(code, function, calls)


def _select(query: str, tables: dict[str, dict[str, Any]], expected: int) -> list[list[Any]] | None:
    """Run one query that may only read; None where it fails, runs too long or returns far too many rows."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("PRAGMA temp_store = MEMORY")
        for name, table in tables.items():
            _create(database, name, table["columns"], table["rows"])
        for limit, most in LIMITS.items():
            database.setlimit(limit, most)
        database.set_authorizer(_may_only_read)
        database.set_progress_handler(lambda: True, STEPS)
        try:
            found = database.execute(query)
            return [list(row) for row in found.fetchmany(expected + 1)] if found.description else None
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError):
            return None


def _create(database: sqlite3.Connection, name: str, columns: dict[str, str], rows: list[list[Any]]) -> None:
    """Make a table and fill it; raises where the data are none for SQLite."""
    if not all(TYPE.fullmatch(kind) for kind in columns.values()):
        raise ValueError(f"a column of {name!r} has no type such as TEXT or INTEGER")
    called, *keys = (_quoted(text) for text in (name, *columns))
    typed = ", ".join(f"{key} {kind}" for key, kind in zip(keys, columns.values(), strict=True))
    database.execute(f"CREATE TABLE {called} ({typed})")
    database.executemany(f"INSERT INTO {called} VALUES ({', '.join('?' * len(columns))})", rows)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _may_only_read(action: int, _: str | None, name: str | None, *__: str | None) -> int:
    fine = action in READING and (action != sqlite3.SQLITE_FUNCTION or name not in UNBOUNDED)
    return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY


def _same_row(found: list[Any], wanted: list[Any]) -> bool:
    return len(found) == len(wanted) and all(map(_same_value, found, wanted))


def _same_value(found: Any, wanted: Any) -> bool:
    """Tell whether two results are equal; floats may differ by rounding, in lists and objects too."""
    if isinstance(found, float) and isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return abs(found - wanted) <= 1e-6 * max(1.0, abs(wanted))
    if isinstance(found, list) and isinstance(wanted, list):
        return _same_row(found, wanted)
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_same_value(found[key], wanted[key]) for key in wanted)
    return same(found, wanted)


def _sort_key(row: list[Any]) -> list[tuple[str, Any]]:
    """Order rows of mixed values: floats are rounded so that a last digit does not change the order."""
    return [
        ("number", round(value, 6)) if isinstance(value, int | float) else (type(value).__name__, str(value))
        for value in row
    ]


CHECKS = (sql_returns, python_returns, code_only)
