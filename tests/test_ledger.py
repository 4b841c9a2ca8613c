"""The ledger: an answer once paid for is there for ever, whatever is killed; nobody else's file is ever touched."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import BuilderError, InputError
from builder.ledger import Answer, Ledger, call_key
from builder.ledger.migrations import MIGRATIONS
from builder.rows import canonical_json

REQUEST = {
    "provider": "openai",
    "base_url": None,
    "model": "m",
    "messages": [{"role": "user", "content": "Hi"}],
    "arguments": {"temperature": 0.7, "max_tokens": 5},
    "draw": 0,
}


def begun(ledger, key):
    """Begin one attempt; its number."""
    return ledger.begin(key).attempts[key]


def turned(value):
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(list(value))}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4) | st.booleans(), max_size=5))
def test_a_key_does_not_depend_on_the_order_of_what_is_sent(arguments):
    request = REQUEST | {"arguments": arguments}
    assert call_key(turned(request)) == call_key(request)


CHANGES = [
    *({"provider": "groq"}, {"base_url": "http://h/v1"}, {"model": "m2"}, {"draw": 1}),
    *({"messages": [{"role": "user", "content": "Hi "}]}, {"messages": [{"role": "system", "content": "Hi"}]}),
    {"messages": REQUEST["messages"] * 2},
    *({"arguments": {"temperature": 0.70001, "max_tokens": 5}}, {"arguments": {"temperature": 0.7}}),
    *({"arguments": {"temperature": 0.7, "max_tokens": 5, "stop": "x"}}, {"extra": None}),
]


def test_any_change_of_what_is_sent_is_another_key():
    keys = [call_key(REQUEST), *(call_key(REQUEST | change) for change in CHANGES)]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("k1:") and len(key) == 35 for key in keys)


def test_a_key_is_the_same_in_every_process_and_year():
    assert call_key(REQUEST) == "k1:be356390e7bced6bb918266065cc9c69"


ANSWERS = [
    Answer("Apples.", "stop", 3, 1),
    Answer("", None, None, None),
    Answer(None, "refused: needs a model"),
    Answer("two\nlines \x00 👍 \u202e", "length", 0, 2**62),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_comes_back_as_it_was_said_from_another_process_too(ledger, answer):
    attempt = begun(ledger, "k")
    assert ledger.finish(attempt, "k", REQUEST, answer) == answer
    with Ledger(ledger.path) as again:
        assert again.get(["k", "other"]) == {"k": answer}
        assert again.request("k") == canonical_json(REQUEST)
        assert again.request("other") is None


def test_many_keys_are_looked_up_at_once(ledger):
    for i in range(1234):
        ledger.finish(begun(ledger, f"k{i}"), f"k{i}", REQUEST, Answer(str(i)))
    held = ledger.get([f"k{i}" for i in range(3000)])
    assert len(held) == 1234 and held["k1200"].text == "1200"
    assert ledger.get([]) == {}


def test_the_first_answer_to_a_key_stands_and_is_handed_back(ledger):
    first, second = Answer("first", "stop", 1, 1), Answer("second", "stop", 9, 9)
    one, other = begun(ledger, "k"), begun(ledger, "k")
    assert ledger.finish(one, "k", REQUEST, first) == first
    assert ledger.finish(other, "k", REQUEST, second) == first
    assert ledger.begin(["k", "l"]).held == ("k",)
    assert ledger.get(["k"]) == {"k": first}
    assert ledger.attempts() == {"answered": 2, "in flight": 1}


def test_every_attempt_is_counted_by_how_it_ended(ledger):
    begun(ledger, "in flight for ever")
    for kind in ("timeout", "http 429", "http 429"):
        ledger.fail(begun(ledger, "k"), kind, "why " * 1000)
    ledger.finish(begun(ledger, "k"), "k", REQUEST, Answer("so"))
    assert ledger.attempts() == {"in flight": 1, "timeout": 1, "http 429": 2, "answered": 1}


def test_an_answer_that_cannot_be_written_leaves_the_ledger_usable(ledger):
    with pytest.raises(OverflowError):
        ledger.finish(begun(ledger, "k"), "k", REQUEST, Answer("so", "stop", 2**70))
    assert ledger.finish(begun(ledger, "k"), "k", REQUEST, Answer("so")).text == "so"


WRITER = """
    import sys
    from pathlib import Path
    from builder.ledger import Answer, Ledger
    def begun(ledger, key):
        return ledger.begin(key).attempts.get(key, 0)
    with Ledger(Path(sys.argv[1])) as ledger:
        print("open", flush=True)
        sys.stdin.readline()
        for i in range(int(sys.argv[3])):
            ledger.finish(begun(ledger, f"k{i}"), f"k{i}", {"draw": i}, Answer(f"{sys.argv[2]} {i}"))
        begun(ledger, "never answered")
        print("done", flush=True)
        sys.stdin.readline()
"""


def writer(path, name, count):
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), name, str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def say(process):
    process.stdin.write("\n")
    process.stdin.flush()


def test_processes_may_open_and_write_one_ledger_at_once_and_the_first_answer_stands(tmp_path):
    path = tmp_path / "deep" / "ledger.db"
    writers = [writer(path, name, 300) for name in ("a", "b", "c")]
    try:
        assert [process.stdout.readline() for process in writers] == ["open\n"] * 3
        for process in writers:
            say(process)
        assert [process.stdout.readline() for process in writers] == ["done\n"] * 3
        with Ledger(path) as ledger:
            held = ledger.get([f"k{i}" for i in range(300)])
            counts = ledger.attempts()
            assert 300 <= counts["answered"] <= 900 and counts["in flight"] == 1, "what one has begun the others leave"
        assert len(held) == 300
        for process in writers:
            say(process)
        assert [process.wait(10) for process in writers] == [0, 0, 0]
    finally:
        for process in writers:
            process.kill()
            process.communicate()
    with Ledger(path) as ledger:
        assert ledger.get(list(held)) == held


def test_a_process_killed_in_flight_loses_no_answer_and_is_known_as_such(tmp_path):
    path = tmp_path / "ledger.db"
    process = writer(path, "a", 50)
    process.stdout.readline()
    say(process)
    assert process.stdout.readline() == "done\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with Ledger(path) as ledger:
        assert len(ledger.get([f"k{i}" for i in range(50)])) == 50
        assert ledger.attempts() == {"answered": 50, "in flight": 1}


def refusal(path):
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(InputError) as caught:
        Ledger(path)
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert before is None or path.read_bytes() == before
    assert not list(path.parent.glob("*-wal")) + list(path.parent.glob("*-journal"))
    return problem.what


def test_a_folder_is_no_ledger(tmp_path):
    assert "cannot be used as the ledger" in refusal(tmp_path)


@pytest.mark.parametrize(
    "content", [b"hello, this is a text and no database\n" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path, content):
    (tmp_path / "x.db").write_bytes(content)
    assert "cannot be used as the ledger" in refusal(tmp_path / "x.db")


@pytest.mark.parametrize("version", [0, 1, 77])
def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path, version):
    other = sqlite3.connect(tmp_path / "x.db")
    other.executescript(f"CREATE TABLE bookmarks (url TEXT); PRAGMA user_version={version};")
    other.close()
    assert "another program's database" in refusal(tmp_path / "x.db")


def test_a_ledger_of_a_newer_builder_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "x.db"
    Ledger(path).close()
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    newer.close()
    assert "newer builder" in refusal(path)


def test_a_path_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "ledger.db", tmp_path / ("a" * 5000), tmp_path / "a\0b"):
        with pytest.raises(InputError, match="cannot be used as the ledger"):
            Ledger(path)


def test_a_torn_ledger_is_a_sentence_not_a_traceback(tmp_path):
    path = tmp_path / "x.db"
    with Ledger(path) as ledger:
        for i in range(500):
            ledger.finish(begun(ledger, f"k{i}"), f"k{i}", REQUEST, Answer("long " * 200))
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(BuilderError, match=r"x\.db"), Ledger(path) as torn:  # at once, or when the hole is met
            torn.get([f"k{i}" for i in range(500)])
            torn.attempts()
            raise AssertionError("a torn ledger was read as if it were whole")


def test_a_full_disk_is_a_sentence_and_what_was_written_stands(ledger):
    ledger.finish(begun(ledger, "k"), "k", REQUEST, Answer("so"))
    pages = ledger.db.execute("PRAGMA page_count").fetchone()[0]
    ledger.db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(BuilderError, match="full"):
        ledger.finish(begun(ledger, "l"), "l", REQUEST, Answer("long " * 20_000))
    assert ledger.get(["k", "l"]) == {"k": Answer("so")}
