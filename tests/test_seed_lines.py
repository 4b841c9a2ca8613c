"""Lines the seed step rejects: each with its reason, and reading goes on."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seed_step import BOT, FRUITS, RIVERS, SYSTEM, USER, good, read, refused, write

from builder import seeds
from builder.rows import content_id
from builder.verify import CHECKS

TOOL = {"role": "tool", "content": "42"}
BAD_LINES = {
    "not JSON: Expecting value at column 1": "oops",
    "not JSON: Expecting ',' delimiter at column 22": '{"instruction": "Hi" "x"}',
    "not JSON: Unterminated string starting at at column 17": '{"instruction": "Hi',
    "not JSON: Extra data at column 22": '{"instruction": "Hi"}{"instruction": "Hi"}',
    "not JSON: Invalid control character at at column 20": '{"instruction": "Hi\tthere"}',
    "not JSON: a number with too many digits": '{"instruction": "Hi", "n": ' + "9" * 5000 + "}",
    "not JSON: nested too deep": '{"a":' * 100_000,
    "not an object: found a list": "[1, 2]",
    "not an object: found a string": '"Hi"',
    "not an object: found a number": "42",
    "not an object: found null": "null",
    "not an object: found true or false": "true",
    "no known shape: found the keys none": {},
    "no known shape: found the keys text, n": {"text": "Hi", "n": 1},
    "no known shape: found the keys \\ud800": '{"\\ud800": 1}',
    "blank: instruction": {"instruction": " \n\t"},
    "blank: prompt": {"prompt": ""},
    "blank: question": {"question": ""},
    "blank: messages has no messages": {"messages": []},
    "blank: messages[1].content": {"messages": [USER, {"role": "assistant", "content": " "}]},
    "blank: instances has none": {"instruction": "Hi", "instances": []},
    "wrong type: instruction is a number, expected a string": {"instruction": 3},
    "wrong type: instruction is null, expected a string": {"instruction": None},
    "wrong type: instruction is a list, expected a string": {"question": "", "instruction": ["Hi"]},
    "wrong type: input is an object, expected a string": {"instruction": "Hi", "input": {"a": 1}},
    "wrong type: output is a number, expected a string": {"instruction": "Hi", "output": 4.5},
    "wrong type: answer is true or false, expected a string": {"question": "Hi", "answer": True},
    "wrong type: prompt is an object, expected a string": {"prompt": {"role": "user"}},
    "wrong type: system is a number, expected a string": {"instruction": "Hi", "system": 1},
    "wrong type: id is a list, expected a string": {"instruction": "Hi", "id": [1]},
    "wrong type: license is an object, expected a string": {"instruction": "Hi", "license": {"name": "MIT"}},
    "wrong type: category is a list, expected a string": {"instruction": "Hi", "category": ["a", "b"]},
    "wrong type: messages is an object, expected a list of messages": {"messages": {"role": "user"}},
    "wrong type: messages is a string, expected a list": {"messages": "Hi"},
    "wrong type: messages[0] is a string, expected an object with role and content": {"messages": ["Hi"]},
    "wrong type: messages[0].content is a list, expected a string": {"messages": [{"role": "user", "content": []}]},
    "wrong type: messages[0].content is null, expected a string": {"messages": [{"role": "user"}]},
    "wrong type: instances is a number, expected a list": {"instruction": "Hi", "instances": 3},
    "wrong type: instances[1] is a string, expected an object": {"instruction": "Hi", "instances": [{}, "x"]},
    "wrong type: instances[0].output is a number, expected a string": {
        "instruction": "Hi",
        "instances": [{"output": 1}],
    },
    "wrong type: instances[0].input is a list, expected a string": {
        "instruction": "Hi",
        "instances": [{"input": [1]}],
    },
    "wrong type: checks is an object, expected a list": {"instruction": "Hi", "checks": {"check": "quoted"}},
    "wrong type: checks is a string, expected a list": {"instruction": "Hi", "checks": "max_words"},
    "unknown role: messages[0] has 'narrator', expected system, user or assistant": {
        "messages": [{"role": "narrator", "content": "x"}]
    },
    "unknown role: messages[0] has null, expected system, user or assistant": {"messages": [{"content": "x"}]},
    "unknown role: messages[0] has a list, expected system, user or assistant": {
        "messages": [{"role": [], "content": "x"}]
    },
    "turns out of order: messages[0] is from the assistant, expected the user": {"messages": [BOT, USER]},
    "turns out of order: messages[1] is from the user, expected the assistant": {"messages": [USER, USER]},
    "turns out of order: messages[3] is from the assistant, expected the user": {"messages": [SYSTEM, USER, BOT, BOT]},
    "turns out of order: messages[1] is from the system, expected the assistant": {"messages": [USER, SYSTEM, BOT]},
    "turns out of order: messages[1] is from the system, expected the user": {"messages": [SYSTEM, SYSTEM, USER]},
    "turns out of order: messages has no user message": {"messages": [SYSTEM]},
    "turns out of order: prompt ends on the assistant; a whole conversation is messages": {"prompt": [USER, BOT]},
    "turns out of order: chosen does not end on the assistant": {"prompt": "Hi", "chosen": [USER]},
    "turns out of order: chosen begins with other messages than its prompt": {
        "prompt": "Ho",
        "chosen": [USER, BOT],
    },
    "two system messages: one in the record, another in its messages": {
        "messages": [SYSTEM, USER],
        "system": "Be rude.",
    },
    "tool calls are not supported in sft/v1": {
        "messages": [USER, {"role": "assistant", "tool_calls": [{"id": "1"}]}, TOOL]
    },
    "history is not supported: give its turns as messages": {
        "instruction": "And?",
        "history": [["Hi", "Yo"]],
    },
    "label is false: the response is marked as one not to learn from": {
        "prompt": "Hi",
        "completion": "No",
        "label": False,
    },
    "bad character: instruction has a NUL at position 2": {"instruction": "Hi\0"},
    "bad character: instruction has a lone surrogate at position 0": '{"instruction": "\\ud83d"}',
    "bad character: messages[0].content has a lone surrogate at position 2": (
        '{"messages": [{"role": "user", "content": "Yo\\udfff"}]}'
    ),
    "bad character: task has a NUL at position 0": {"instruction": "Hi", "task": "\0"},
    "bad checks: check 1: no such check: 'max_word'; did you mean 'max_words'?": {
        "instruction": "Hi",
        "checks": [{"check": "max_word", "n": 3}],
    },
    "bad checks: check 2: max_words needs 'n' (a whole number from 1 to 10,000)": {
        "instruction": "Hi",
        "checks": [{"check": "quoted"}, {"check": "max_words"}],
    },
}


@pytest.mark.parametrize("reason", BAD_LINES)
def test_a_bad_line_is_rejected_with_its_reason(tmp_path, reason):
    bad = BAD_LINES[reason]
    text = bad if isinstance(bad, str) else json.dumps(bad)
    write(tmp_path, FRUITS, "", text, RIVERS)
    table, notes = read(tmp_path)
    row = table.row(1, named=True)
    assert row["dropped"] == f"seed: {reason}"
    assert json.loads(row["evidence"]) == {"file": "seeds.jsonl", "line": 3, "text": text[:10_000]}
    assert (row["source"], row["prompt"], row["response"]) == ("seeds.jsonl:3", [], None)
    assert row["id"] == row["seed_id"] == content_id("bad", "seeds.jsonl", 3, text)
    assert good(table).height == 2
    assert notes == ["seeds.jsonl: 1 of 3 lines could not be read; they are in the rejects"]
    said = refused(tmp_path, on_bad="stop")
    assert said == f"{tmp_path / 'seeds.jsonl'}:3: {reason}"


@pytest.mark.parametrize("role", ["tool", "function", "function_call", "observation"])
def test_tool_turns_are_named_as_such(tmp_path, role):
    chat = [{"from": "human", "value": "Hi"}, {"from": role, "value": "{}"}]
    write(tmp_path, FRUITS, {"conversations": chat}, {"messages": [USER, BOT], "tools": '[{"name": "search"}]'})
    table, _ = read(tmp_path)
    assert table["dropped"].to_list()[1:] == ["seed: tool calls are not supported in sft/v1"] * 2


@pytest.mark.parametrize("value", ["NaN", '"\\ud800"', "[" * 300 + "]" * 300], ids=["nan", "surrogate", "deep"])
@pytest.mark.parametrize("check", ["json_equals", "max_words", "includes"])
def test_checks_that_json_cannot_hold_are_bad_not_fatal(tmp_path, value, check):
    name = {"json_equals": "value", "max_words": "n", "includes": "words"}[check]
    assert check in CHECKS
    write(tmp_path, FRUITS, f'{{"instruction": "Hi", "checks": [{{"check": "{check}", "{name}": {value}}}]}}')
    table, _ = read(tmp_path)
    if not (value.startswith("[") and check == "json_equals"):
        assert table["dropped"][1].startswith("seed: bad checks: ")


def test_stop_lists_fifty_problems_and_counts_the_rest(tmp_path):
    write(tmp_path, FRUITS, *["oops"] * 60)
    lines = refused(tmp_path, on_bad="stop").splitlines()
    assert len(lines) == 51
    assert lines[0].endswith("seeds.jsonl:2: not JSON: Expecting value at column 1")
    assert lines[-1] == "and 10 more"


def test_a_file_without_a_seed_says_why_once_per_reason(tmp_path):
    write(tmp_path, *["oops"] * 99, {"text": "Hi"})
    lines = refused(tmp_path).splitlines()
    assert lines[0].endswith("seeds.jsonl: no seed in 100 lines")
    assert lines[1].endswith("seeds.jsonl:1: not JSON: Expecting value at column 1 (and 98 more like it)")
    assert lines[2].endswith("seeds.jsonl:100: no known shape: found the keys text")
    assert len(lines) == 3


def test_bad_csv_records_are_rejected_and_reading_goes_on(tmp_path):
    (tmp_path / "a.csv").write_text('instruction,output\nHi,Yo\na,b,c\n"x"y,z\nshort\n,blank\nHo,Yo\n"open,1\n2,3\n')
    table, notes = read(tmp_path, "a.csv")
    assert table["source"].to_list() == [f"a.csv:{n}" for n in range(2, 9)]
    assert table["dropped"].to_list() == [
        None,
        "seed: not CSV: found 3 fields, the header has 2",
        "seed: not CSV: ',' expected after '\"'",
        "seed: not CSV: found 1 fields, the header has 2",
        "seed: blank: instruction",
        None,
        "seed: not CSV: unexpected end of data",
    ]
    assert json.loads(table["evidence"][6])["text"] == '"open,1\n2,3'
    assert notes == ["a.csv: 5 of 7 lines could not be read; they are in the rejects"]


def test_bad_rows_of_tables_show_what_was_found(tmp_path):
    pq.write_table(pa.Table.from_pylist([{"instruction": "Hi"}, {"instruction": " "}]), tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text(json.dumps([{"instruction": "Hi"}, {"instruction": " "}]))
    for name in ("a.parquet", "a.json"):
        table, notes = read(tmp_path, name)
        assert json.loads(table["evidence"][1]) == {"file": name, "line": 2, "text": '{"instruction": " "}'}
        assert notes == [f"{name}: 1 of 2 rows could not be read; they are in the rejects"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["user", "gpt", "Hi"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "from", "value", "check", "n", "input", "output"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from([*seeds.shapes.KNOWN, "other"]), JSON, max_size=5), max_size=4))
def test_no_record_makes_any_other_error(tmp_path, records):
    write(tmp_path, FRUITS, *records)
    table, _ = read(tmp_path)
    assert table.height >= len(records) + 1
