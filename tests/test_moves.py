"""A ledger's answers are checked, carried to another machine and replayed there, and nothing else gets in."""

import gzip
import json
import sqlite3
import subprocess
import sys

import loopback
import pytest
from asking import ask, prompts, teacher
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gate import data, recipe

from builder.errors import InputError
from builder.ledger import Answer, Ledger, call_key, history, moves
from builder.ledger.migrations import MIGRATIONS
from builder.pipeline import build, load_recipe

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COUNT = st.none() | st.integers(0, 2**63 - 1)
ANSWERS = st.builds(Answer, st.none() | TEXT, st.none() | TEXT, COUNT, COUNT, COUNT, st.none() | TEXT, st.none() | TEXT)


def request(number, text="Hi"):
    return {"model": "m", "messages": [{"role": "user", "content": text}], "draw": number}


def filled(path, answers):
    with Ledger(path) as ledger:
        for number, answer in enumerate(answers):
            sent = request(number)
            key = call_key(sent)
            ledger.finish(ledger.begin(key).attempts[key], key, sent, answer)
    return [call_key(request(number)) for number in range(len(answers))]


@given(st.lists(ANSWERS, max_size=6), st.sampled_from([".jsonl", ".jsonl.gz"]))
@settings(max_examples=30, deadline=None)
def test_what_is_exported_and_imported_is_the_same_answer(tmp_path_factory, answers, suffix):
    folder = tmp_path_factory.mktemp("moves")
    keys = filled(folder / "a.db", answers)
    with Ledger(folder / "a.db") as ledger:
        assert moves.export(ledger, folder / f"x{suffix}") == (len(answers), 0, 0, 0)
        before = ledger.get(keys)
    with Ledger(folder / "b.db") as ledger:
        assert moves.import_(ledger, folder / f"x{suffix}") == (len(answers), 0, 0, 0)
        assert ledger.get(keys) == before
        assert moves.verify(ledger) == (len(answers), [])
        assert moves.import_(ledger, folder / f"x{suffix}") == (0, 0, len(answers), 0)
        assert history.spent(ledger) == [], "what was paid elsewhere was not spent here"


def test_the_same_answers_give_the_same_bytes(tmp_path):
    filled(tmp_path / "a.db", [Answer("so")] * 3)
    with Ledger(tmp_path / "a.db") as ledger:
        for name in ("x.jsonl.gz", "y.jsonl.gz"):
            moves.export(ledger, tmp_path / "deep" / name)
    assert (tmp_path / "deep" / "x.jsonl.gz").read_bytes() == (tmp_path / "deep" / "y.jsonl.gz").read_bytes()
    with gzip.open(tmp_path / "deep" / "x.jsonl.gz", "rt") as file:
        assert len(file.readlines()) == 3


def test_an_answer_that_is_there_stands_and_another_one_is_counted(tmp_path):
    keys = filled(tmp_path / "a.db", [Answer("one"), Answer("two")])
    filled(tmp_path / "b.db", [Answer("one"), Answer("other")])
    with Ledger(tmp_path / "a.db") as ledger:
        moves.export(ledger, tmp_path / "x.jsonl")
    with Ledger(tmp_path / "b.db") as ledger:
        assert moves.import_(ledger, tmp_path / "x.jsonl") == (0, 0, 2, 1)
        assert ledger.get(keys)[keys[1]].text == "other"


def test_a_build_replayed_on_another_machine_gives_the_same_bytes_also_of_its_rejects(tmp_path):
    with loopback.server(behave=lambda prompt, attempt: "400" if "7" in prompt else None) as here:
        file = recipe(tmp_path, here, 40)
        build(load_recipe(str(file)), tmp_path / "out")
    with Ledger(tmp_path / "out" / "ledger.db") as ledger:
        moved = moves.export(ledger, tmp_path / "x.jsonl.gz")
    assert (moved.answers, moved.failures) == (36, 4)
    with Ledger(tmp_path / "there.db") as ledger:
        assert moves.import_(ledger, tmp_path / "x.jsonl.gz") == moved
    build(load_recipe(str(file)), tmp_path / "there", ledger=tmp_path / "there.db", offline=True)
    assert data(tmp_path / "there") == data(tmp_path / "out")


def good(number=0):
    return {"key": call_key(request(number)), "request": request(number), "text": "so", "answered_at": 1.0}


BAD = {
    "no JSON": ("{", "no JSON"),
    "a list": ("[]", "found no JSON object"),
    "a text": ('"so"', "found so"),
    "no key": ({"request": {}}, "it has no key"),
    "no request": ({"key": "k1:0"}, "it has no request"),
    "another key": (good() | {"key": call_key(request(1))}, "but its request's is"),
    "a changed request": (good() | {"request": request(0, "Ho")}, "but its request's is"),
    "a text that is none": (good() | {"text": 7}, "another type than text"),
    "a count that is none": (good() | {"input_tokens": -1}, "another type than text or a count"),
    "a count too large": (good() | {"output_tokens": 2**63}, "another type than text or a count"),
    "no time": ({name: value for name, value in good().items() if name != "answered_at"}, "when it was answered"),
    "half a failure": ({"key": "k1:0", "failed": "timeout"}, "a failure must have"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_line_that_is_no_answer_is_refused_with_its_line_and_nothing_is_imported(name, tmp_path):
    line, what = BAD[name]
    file = tmp_path / "x.jsonl"
    text = line if isinstance(line, str) else json.dumps(line)
    file.write_text(f"{json.dumps(good(5))}\n\n{text}\n{text}\n")
    with Ledger(tmp_path / "a.db") as ledger:
        with pytest.raises(InputError) as caught:
            moves.import_(ledger, file)
        assert [problem.line for problem in caught.value.problems] == [3, 4]
        assert all(what in problem.what for problem in caught.value.problems), caught.value.problems
        assert moves.verify(ledger) == (0, [])


@pytest.mark.parametrize("content", [None, b"\x1f\x8b and no more", b"\xff\xfe\xfd"])
def test_a_file_that_cannot_be_read_is_one_sentence(content, tmp_path):
    for name in ("x.jsonl", "x.jsonl.gz"):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with Ledger(tmp_path / "a.db") as ledger, pytest.raises(InputError):
            moves.import_(ledger, tmp_path / name)


def test_verify_finds_every_request_that_was_changed(tmp_path):
    keys = filled(tmp_path / "a.db", [Answer("so")] * 4)
    with Ledger(tmp_path / "a.db") as ledger:
        ledger.db.execute("UPDATE calls SET request = replace(request, 'Hi', 'Ho') WHERE key = ?", (keys[1],))
        ledger.db.execute("UPDATE calls SET request = 'no json' WHERE key = ?", (keys[3],))
        count, problems = moves.verify(ledger)
    assert count == 4 and [keys[1] in problems[0].what, keys[3] in problems[1].what] == [True, True]


def test_a_ledger_of_the_first_version_keeps_its_answers(tmp_path):
    old = sqlite3.connect(tmp_path / "old.db")
    old.executescript(MIGRATIONS[0] + "PRAGMA user_version=1;")
    sent = json.dumps(request(0), sort_keys=True, separators=(",", ":"))
    old.execute("INSERT INTO calls VALUES (?, ?, 'so', 'stop', 3, 4, 1.0)", (call_key(request(0)), sent))
    old.execute("INSERT INTO attempts (key, started_at, outcome) VALUES ('k', 1.0, 'answered')")
    old.commit()
    old.close()
    with pytest.raises(InputError, match="older builder"):
        Ledger(tmp_path / "old.db", readonly=True)
    with Ledger(tmp_path / "old.db") as ledger:
        assert ledger.get([call_key(request(0))]) == {call_key(request(0)): Answer("so", "stop", 3, 4)}
        assert moves.verify(ledger) == (1, []) and ledger.attempts() == {"answered": 1}


def test_a_ledger_can_be_read_where_nothing_can_be_written(tmp_path, monkeypatch):
    keys = filled(tmp_path / "a.db", [Answer("so")])
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with Ledger(tmp_path / "a.db", readonly=True) as ledger:
        assert set(ledger.get(keys)) == set(keys)
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]
    (tmp_path / "a.db-wal").write_bytes(b"something")
    with pytest.raises(InputError, match="copy the folder"):
        Ledger(tmp_path / "a.db", readonly=True)


def command(*words):
    said = subprocess.run([sys.executable, "-m", "builder", *map(str, words)], capture_output=True, text=True)
    return said.returncode, said.stdout + said.stderr


def test_the_command_line_shows_checks_and_carries(tmp_path):
    ledger = tmp_path / "ledger.db"
    with loopback.server(faults={"500": 0.2, "empty": 0.1}) as here, Ledger(ledger) as held:
        ask(teacher(here, retries=9), prompts(30), held)
    code, said = command("ledger", "--ledger", ledger)
    assert code == 0 and "no price known" in said and "http 500" in said and f" {here.calls} " in said
    code, said = command("ledger", "--ledger", ledger, "verify")
    assert (code, said) == (0, f"{ledger}: 30 answers, every key is its request's\n")
    assert command("ledger", "--ledger", ledger, "export", tmp_path / "x.jsonl.gz")[0] == 0
    code, said = command("ledger", "--ledger", tmp_path / "b.db", "import", tmp_path / "x.jsonl.gz")
    assert code == 0 and "30 answers and 0 failures imported" in said
    code, said = command("ledger", "--ledger", tmp_path / "none.db")
    assert code == 2 and "no such ledger" in said and "Traceback" not in said
    code, said = command("ledger", "--ledger", ledger, "export", "/proc/nowhere/x.jsonl")
    assert code == 2 and "cannot be written" in said and "Traceback" not in said
