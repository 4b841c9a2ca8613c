"""Code checks: right code passes, wrong code fails, hostile code harms nothing and never raises."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.verify import inline, problems, sandbox, verify
from builder.verify.code import code_of, code_only, python_returns, sql_returns

TABLES = {
    "books": {"columns": {"title": "TEXT", "pages": "INTEGER"}, "rows": [["Fern", 120], ["Owl", 80], ["Yew", 80]]}
}
DOUBLE = [{"args": [[1, 2]], "returns": [2, 4]}, {"args": [[]], "returns": []}]
RIGHT = "def double(xs):\n    return [x * 2 for x in xs]"


def sql(query, expected, ordered=False):
    return sql_returns(query, TABLES, expected, ordered)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT title FROM books WHERE pages < 100;",
        "select b.title from books as b where b.pages <= 80",
        "-- short ones\nSELECT title FROM books WHERE NOT pages > 100",
        "```sql\nSELECT title FROM books WHERE pages = 80\n```",
        "WITH short AS (SELECT * FROM books WHERE pages < 100) SELECT title FROM short",
        "SELECT title FROM books WHERE pages = 80 ORDER BY title DESC",
    ],
)
def test_every_right_query_passes(query):
    assert sql(query, [["Owl"], ["Yew"]])


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELECT",
        "SELECT title FROM films",
        "SELECT title FROM books",
        "SELECT pages FROM books",
        "SELECT 1; SELECT 2",
    ],
)
def test_a_wrong_query_fails(query):
    assert not sql(query, [["Owl"], ["Yew"]])


def test_order_counts_only_where_it_is_asked_for():
    assert sql("SELECT title FROM books ORDER BY title", [["Yew"], ["Owl"], ["Fern"]])
    assert not sql("SELECT title FROM books ORDER BY title", [["Yew"], ["Owl"], ["Fern"]], ordered=True)
    assert sql("SELECT title FROM books ORDER BY title DESC", [["Yew"], ["Owl"], ["Fern"]], ordered=True)


def test_an_average_may_differ_in_its_last_digit():
    assert sql("SELECT AVG(pages) FROM books", [[93.33333333333]])
    assert not sql("SELECT AVG(pages) FROM books", [[93.3]])
    assert sql("SELECT MAX(pages) FROM books WHERE pages > 900", [[None]])


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) "


@pytest.mark.parametrize(
    "query",
    [
        "DROP TABLE books",
        "DELETE FROM books",
        "ATTACH 'stolen.db' AS stolen",
        "VACUUM INTO 'copy.db'",
        "PRAGMA user_version = 3",
        "SELECT load_extension('evil')",
        "SELECT randomblob(1000000000)",
        "SELECT printf('%.*c', 1000000000, 'x')",
        "SELECT hex(zeroblob(2400)) LIKE '" + "%0" * 20 + "%1'",
        "SELECT hex(zeroblob(2400)) GLOB '" + "*0" * 20 + "*1'",
        ENDLESS + "SELECT COUNT(*) FROM c",
        ENDLESS + "SELECT group_concat(hex(zeroblob(2000))) FROM c",
        ENDLESS + "SELECT SUM(instr(hex(zeroblob(2400)), hex(zeroblob(1200)) || '1')) FROM c",
        ENDLESS + "SELECT hex(zeroblob(2400)) FROM c ORDER BY 1 DESC, x",
        "SELECT " + "(" * 4000,
        "SELECT COUNT(*) FROM " + ", ".join(f"books t{number}" for number in range(40)),
        "\x00",
        "\ud800",
    ],
)
def test_a_hostile_query_fails_soon_and_leaves_nothing(query, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = time.monotonic()
    assert not sql(query, [["Owl"]])
    assert time.monotonic() - before < 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "code",
    [
        RIGHT,
        f"```python\n{RIGHT}\n```",
        f"Here you are:\n\n```python\n{RIGHT}\n```\nIt doubles every number.",
        "def double(xs: list[int]) -> list[int]:\n    '''Double.'''\n    return list(map(lambda x: x + x, xs))",
        "def double(xs):\n    out = []\n    for x in xs:\n        out.append(2 * x)\n    return out",
        "import itertools\n\ndef double(xs):\n    return [sum(itertools.repeat(x, 2)) for x in xs]",
        "def double(xs):\n    print('working')\n    return [x << 1 for x in xs]",
    ],
)
def test_every_right_function_passes(code):
    assert python_returns(code, "double", DOUBLE)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "def double(xs):",
        "def twice(xs):\n    return [x * 2 for x in xs]",
        "def double(xs):\n    return [x + 2 for x in xs]",
        "def double(xs):\n    result = [x * 2 for x in xs]",
        "def double(xs):\n    print([x * 2 for x in xs])",
        "def double(xs):\n    return tuple(str(x * 2) for x in xs)",
        "def double(xs, factor):\n    return [x * factor for x in xs]",
    ],
)
def test_a_wrong_function_fails(code):
    assert not python_returns(code, "double", DOUBLE)


HOSTILE = {
    "endless loop": "def double(xs):\n    while True: pass",
    "memory": "def double(xs):\n    return [0] * 10**10",
    "power": "def double(xs):\n    return 10 ** 10 ** 10",
    "recursion": "def double(xs):\n    return double(xs)",
    "file in cwd": "def double(xs):\n    open('left_behind', 'w').write('x')",
    "file elsewhere": "import pathlib\npathlib.Path('/tmp/left_behind_by_double').write_text('x')",
    "command": "import os\nos.system('touch /tmp/left_behind_by_double')\ndef double(xs): return [2, 4]",
    "subprocess": "import subprocess\nsubprocess.run(['touch', '/tmp/left_behind_by_double'])",
    "fork": "import os\nwhile True: os.fork()",
    "socket": "import socket\nsocket.create_connection(('127.0.0.1', 9))",
    "removal by the back door": "import sys\nsys.modules['os'].remove(__import__('sys').executable)",
    "kill": "import sys\nsys.modules['os'].kill(sys.modules['os'].getppid(), 9)",
    "swallowed error": (
        "def double(xs):\n    try:\n        open('/etc/passwd')\n    except BaseException:\n        pass\n"
        "    return [x * 2 for x in xs]"
    ),
    "huge print": "def double(xs):\n    print('a' * 10**9)\n    return [x * 2 for x in xs]",
    "huge result": "def double(xs):\n    return 'a' * 3_000_000",
    "early exit": "import os\nos._exit(0)",
    "exit": "raise SystemExit(0)",
    "sleep": "import time\ndef double(xs):\n    time.sleep(10**6)",
    "ctypes": "import ctypes\nctypes.string_at(0)",
    "no JSON": "def double(xs):\n    return double",
    "a loop of itself": "def double(xs):\n    xs.append(xs)\n    return xs",
    "not text": "\ud800",
    "NUL": "def double(xs):\x00 return []",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_code_fails_soon_and_leaves_nothing(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sandbox, "SECONDS", 1)
    monkeypatch.setattr(sandbox, "PATIENCE", 2)
    before = time.monotonic()
    assert not python_returns(HOSTILE[kind], "double", DOUBLE)
    assert time.monotonic() - before < 9
    assert list(tmp_path.iterdir()) == []
    assert not Path("/tmp/left_behind_by_double").exists()


DOUBLING = "".join("    a = [a, a]\n" for _ in range(60))
SHORT_BUT_LARGE = {
    "containers": f"def double(xs):\n    a = xs\n{DOUBLING}    return str(a)",
    "texts": "def double(xs):\n    a = 'ab'\n" + "    a = a + a\n" * 60 + "    return a",
    "joins": "def double(xs):\n    a = 'ab'\n" + "    a = a.join([a, a, a])\n" * 30 + "    return a",
    "replacements": "def double(xs):\n    a = 'aa'\n" + "    a = a.replace('a', a)\n" * 30 + "    return a",
    "nested loops": "def double(xs):\n    return sum(1 " + "for x in [1, 2, 3, 4, 5, 6, 7, 8, 9] " * 12 + ")",
    "nested sorts": "def double(xs):\n    return "
    + "sorted([1, 2, 3, 4, 5, 6, 7], key=lambda a: " * 20
    + "1"
    + ")" * 20,
    "numbers": "def double(xs):\n    a = 9\n" + "    a = a * a\n" * 60 + "    return a",
    "rounding": "def double(xs):\n    return round(5, -999999999)",
    "sums of lists": "def double(xs):\n    a = [1, 2, 3, 4]\n" + "    a = sum([a, a, a], [])\n" * 30 + "    return a",
}


@pytest.mark.parametrize("kind", SHORT_BUT_LARGE)
def test_plain_code_that_wants_too_much_is_stopped_at_once(kind):
    code = SHORT_BUT_LARGE[kind]
    assert inline.harmless(code)
    before = time.monotonic()
    with pytest.raises(inline.TooMuchError):
        inline.call(code, "double", [[[1, 2]]])
    assert time.monotonic() - before < 1


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "def f(x):\n    return x.__class__",
        "def f(x):\n    return ().__class__.__bases__[0].__subclasses__()",
        "def f(x):\n    return __import__('os')",
        "def f(x):\n    return open('a')",
        "def f(x):\n    return eval('1')",
        "def f(x):\n    return '{0.__class__}'.format(x)",
        "def f(x):\n    return f'{x:9999999999}'",
        "def f(x):\n    return '%9999999999d' % 1 if f(x) else 0",
        "def f(x):\n    while x: pass",
        "def f(x):\n    return x.append",
        "def f(len):\n    return len(1)",
        "def f(x):\n    return list({'a', 'b'})",
        "@print\ndef f(x):\n    return x",
        "f = lambda x: x",
    ],
)
def test_only_plain_code_is_run_in_this_process(code):
    assert not inline.harmless(code)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-50, 50), max_size=8))
def test_both_ways_to_run_a_function_agree(numbers):
    code = "def f(xs):\n    kept = [x for x in xs if x % 3 != 0]\n    return [len(kept), sum(kept), sorted(kept)[:2]]"
    assert inline.harmless(code)
    assert inline.call(code, "f", [[numbers]]) == sandbox.call(code, "f", [[numbers]])


def test_the_sandbox_gives_the_same_verdict_for_the_order_of_a_set():
    code = "def f(xs):\n    return list(set(xs))"
    words = ["oak", "fern", "yew", "owl", "lime"]
    assert len({json.dumps(sandbox.call(code, "f", [[words]])) for _ in range(4)}) == 1


@given(st.text(max_size=200))
def test_junk_never_raises(text):
    assert not sql(text, [["Owl"]])
    assert isinstance(code_only(text), bool)
    assert isinstance(code_of(text), str)
    assert isinstance(inline.harmless(text), bool)


def test_code_alone_is_told_from_code_with_a_word_around_it():
    assert code_only(RIGHT)
    assert code_only(f"```python\n{RIGHT}\n```")
    assert not code_only(f"Sure:\n```python\n{RIGHT}\n```")
    assert not code_only(f"```python\n{RIGHT}\n```\nand\n```python\n{RIGHT}\n```")
    assert not code_only("")


def test_the_checks_can_stand_in_a_seed_file():
    checks = json.loads(
        json.dumps([{"check": "python_returns", "function": "double", "cases": DOUBLE}, {"check": "code_only"}])
    )
    assert problems(checks) == []
    assert verify(RIGHT, checks).passed
    assert verify(f"Sure!\n```python\n{RIGHT}\n```", checks).broken == ["code_only"]
