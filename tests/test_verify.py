"""The verifier: every check holds where it should, fails next to it, and never raises on junk."""

import inspect
import json
import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.embedded import Answer, answer, tasks
from builder.embedded.families import FAMILIES
from builder.verify import CHECKS, problems, verify

JSON = '{"a": 1, "b": [true, null]}'
LISTED = ["pear", "fig", "kiwi", "apple"]

# check, a response that passes, responses that are near and fail
CASES: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"check": "max_words", "n": 3}, "one two three", ["one two three four", "", "   "]),
    ({"check": "min_words", "n": 3}, "one two three", ["one two", ""]),
    (
        {"check": "sentences", "n": 2},
        'It costs 3.50 euros. "Really?"',
        ["One. Two. Three.", "One. two", "- One.\n- Two."],
    ),
    ({"check": "paragraphs", "n": 2}, "One.\n\nTwo.", ["One.\nTwo.", "One.\n\nTwo.\n\nThree."]),
    ({"check": "lines", "n": 2}, "one\n\ntwo\n", ["one two", "one\ntwo\nthree"]),
    (
        {"check": "bullets", "n": 2},
        "- one\n* two",
        ["- one\ntwo", "- one", "Here:\n- one\n- two", "-one\n-two"],
    ),
    (
        {"check": "numbered", "n": 2},
        "1. one\n2) two",
        ["1. one\n3. two", "- one\n- two", "1. one\n2. two\n3. three"],
    ),
    ({"check": "lowercase"}, "all small, no 1", ["All small", "123", ""]),
    ({"check": "uppercase"}, "ALL BIG, NO 1", ["ALL BIg", "123", ""]),
    ({"check": "no_commas"}, "one and two", ["one, two", ""]),
    ({"check": "quoted"}, '"a whole reply"', ['"a" and "b"', '"open', "bare", '""']),
    ({"check": "starts_with", "text": "In short:"}, "in short: yes", ["Yes, in short:", ""]),
    ({"check": "ends_with", "text": "Done."}, "All of it. Done.\n", ["Done. All of it.", ""]),
    (
        {"check": "first_line", "text": "Memo"},
        "Memo\nIt rains.",
        ["Memo: it rains.", "It rains.\nMemo", "Memo"],
    ),
    (
        {"check": "parts", "n": 2, "separator": " | "},
        "one | two",
        ["one, two", "one | two | three", "one | "],
    ),
    ({"check": "sentence_ends", "mark": "!"}, "One! Two!", ["One! Two.", "One", ""]),
    ({"check": "sentence_ends", "mark": "!"}, "1. One!\n2. Two!", ["1. One!\n2. Two.", "- One\n- Two!"]),
    (
        {"check": "emphasised", "value": "Oslo", "mark": "**"},
        "To **Oslo**.",
        ["To Oslo.", "**Oslo**, yes, Oslo.", "**oslo bay**"],
    ),
    ({"check": "emphasised", "value": "Oslo", "mark": "[]"}, "To [Oslo].", ["To Oslo.", "To (Oslo)."]),
    ({"check": "in_order", "values": ["a", "b"]}, "a, then b", ["b, then a", "a alone", "abba"]),
    (
        {"check": "includes", "words": ["cat", "red dog"]},
        "A Cat, a red\ndog.",
        ["a catalogue and a red dog", "a cat and a dog"],
    ),
    ({"check": "forbids", "words": ["cat"]}, "a catalogue", ["a CAT!", ""]),
    (
        {"check": "keyword_count", "word": "cat", "n": 2},
        "Cat and cat",
        ["cat", "cat cat cat", "cats and cat"],
    ),
    (
        {"check": "json_equals", "expected": json.loads(JSON)},
        JSON,
        ['{"a": 1}', "{'a': 1}", f"Here: {JSON}", "[" * 100_000],
    ),
    (
        {"check": "json_keys", "keys": ["a", "b"]},
        '{"b": 1, "a": null}',
        ['{"a": 1}', "[]", '{"a": 1, "b": 2, "c": 3}', ""],
    ),
    ({"check": "json_equals", "expected": 1}, "```json\n1.0\n```", ["true", '"1"', "1 2", "NaN"]),
    (
        {"check": "json_equals", "expected": {"a": None}},
        '{"a": null}',
        ["{}", '{"a": ""}', '{"a": 1, "a": null}'],
    ),
    (
        {"check": "key_values", "expected": {"a": "1", "b": "x"}},
        "B: x\na: 1",
        ["a: 1", "a = 1\nb = x", "a: 1\nb: x\nc: y"],
    ),
    (
        {"check": "mentions", "values": ["3", "Oslo"]},
        "3 to oslo",
        ["3.5 to Oslo", "13 to Oslo", "3. To Oslo", "3 to Bergen"],
    ),
    ({"check": "omits", "values": ["3", "Oslo"]}, "3.5 to Osloer Bay", ["3 of them", "to oslo", ""]),
    (
        {"check": "no_new_numbers", "source": "7 of 30"},
        "1. It is 7.\n2. And 30.",
        ["It is 8.", "It is 3.", ""],
    ),
    ({"check": "answer_is", "expected": "Petra Novak"}, "petra  novak.", ["It is Petra Novak.", "Novak", ""]),
    ({"check": "one_of", "answers": ["yes", "no"]}, "Yes.", ["yes and no", "maybe", ""]),
    (
        {"check": "number_is", "value": 1234.5},
        "1,234.50",
        ["1234", "about 1234.5", "12345", "", "1234.5 1234.5"],
    ),
    ({"check": "number_is", "value": 3, "tolerance": 0.1}, "3.05", ["3.2", "-3"]),
    (
        {
            "check": "list_steps",
            "items": LISTED,
            "steps": [["sort", ""], ["drop_first", "1"]],
            "separator": ", ",
        },
        "fig, kiwi, pear",
        ["kiwi, fig, pear", "fig,kiwi,pear", "apple, fig, kiwi, pear", ""],
    ),
]


@pytest.mark.parametrize(
    ("check", "good", "bad"), CASES, ids=[f"{n}-{case[0]['check']}" for n, case in enumerate(CASES)]
)
def test_a_check_holds_and_fails_where_it_should(check, good, bad):
    assert problems([check]) == []
    assert verify(good, [check]).passed
    for response in bad:
        assert not verify(response, [check]).passed, response


def test_labels_count_the_checks_of_one_name():
    checks = [{"check": "includes", "words": [word]} for word in ("a", "b", "c")]
    verdict = verify("a c", checks)
    assert verdict.checks == {"includes": True, "includes#2": False, "includes#3": True}
    assert verdict.broken == ["includes#2"]
    assert not verdict.passed


def test_a_row_without_checks_passes():
    assert verify("anything", []).passed


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ({"check": "max_words"}, "checks must be a list of objects, found dict"),
        (
            ["max_words"],
            'check 1: must be an object with a "check" name, such as {"check": "max_words", "n": 50}',
        ),
        ([{"check": "max_word", "n": 5}], "check 1: no such check: 'max_word'; did you mean 'max_words'?"),
        ([{"check": "max_words"}], "check 1: max_words needs 'n' (a whole number from 1 to 10,000)"),
        ([{"check": "no_commas", "n": 1}], "check 1: no_commas takes no 'n'"),
        (
            [{"check": "max_words", "n": "5"}],
            "check 1: max_words: 'n' must be a whole number from 1 to 10,000, found '5'",
        ),
        (
            [{"check": "numbered", "n": 10**9}],
            "check 1: numbered: 'n' must be a whole number from 1 to 10,000, found 1000000000",
        ),
        (
            [{"check": "keyword_count", "word": "cat", "n": -1}],
            "check 1: keyword_count: 'n' must be a whole number from 0 to 10,000, found -1",
        ),
        (
            [{"check": "parts", "n": 2, "separator": ""}],
            "check 1: parts: 'separator' must be text of 1 to 100 characters, found ''",
        ),
        (
            [{"check": "sentence_ends", "mark": "?!"}],
            "check 1: sentence_ends: 'mark' must be one of '.', '!', '?', found '?!'",
        ),
        (
            [{"check": "number_is", "value": True}],
            "check 1: number_is: 'value' must be a number, found True",
        ),
        (
            [{"check": "sql_returns", "tables": {"t": {"columns": {"a": "INT"}, "rows": [[1, 2]]}}, "expected": []}],
            "check 1: sql_returns: arguments cannot be used: Incorrect number of bindings supplied. "
            "The current statement uses 1, and there are 2 supplied.",
        ),
        (
            [{"check": "python_returns", "function": "f", "cases": [{"args": [1]}]}],
            "check 1: python_returns: arguments cannot be used: 'returns' is missing",
        ),
        (
            [{"check": "plan_date", "events": [["e", "on", "2025-01-31"]], "event": "f", "form": "iso"}],
            "check 1: plan_date: arguments cannot be used: 'f' is missing",
        ),
        (
            [{"check": "json_equals", "expected": 10**100}],
            "check 1: json_equals: arguments cannot be used: more than 10,000 values, 50 levels or a number of more "
            "than 100 digits",
        ),
        (
            [{"check": "includes", "words": "cat"}],
            "check 1: includes: 'words' must be a list (text each), found 'cat'",
        ),
        ([{"check": "number_is", "value": None}], "check 1: number_is: 'value' must be a number, found None"),
    ],
)
def test_problems_says_what_is_wrong(checks, said):
    assert problems(checks) == [said]


def test_problems_reports_every_fault_at_once():
    assert len(problems([{"check": "max_words", "m": 1}, {"check": "lines", "n": 2}, {"check": "zzz"}])) == 3


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_is_plain_json_and_says_what_it_does(name):
    check = CHECKS[name]
    assert (inspect.getdoc(check) or "").startswith("Hold if ")
    hints = typing.get_type_hints(check)
    assert hints.pop("return") is bool
    assert hints.pop("response") is str
    plain = {str, int, float, bool, list, dict, Any, type(None)}
    assert all((typing.get_origin(hint) or hint) in plain or typing.get_args(hint) for hint in hints.values())


# Junk: any text, and texts made of the very pieces that the checks look for.
pieces = st.sampled_from(
    [
        *'{}[]":,|-*`#.!?\n\t 0123456789',
        "null",
        "true",
        "```json\n",
        "1e999",
        "- ",
        "1. ",
        "SELECT",
        "lambda: 0",
        "ß",
        "\0",
        "def f(x):",
    ]
)
junk = st.one_of(st.text(max_size=60), st.lists(pieces, max_size=40).map("".join))
SAMPLES = [task for family in FAMILIES for task in tasks(4, seed=21, families=[family])]


@settings(max_examples=300, deadline=None)
@given(response=junk, task=st.sampled_from(SAMPLES))
def test_junk_never_raises(response, task):
    for case, _, _ in CASES:
        verify(response, [case])
    # A lone digit may happen to be the answer; longer junk is not.
    assert not verify(response, task.checks).passed or len(response.strip()) < 3


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_and_answers_of_other_families_do_not_pass(family):
    own = list(tasks(25, seed=22, families=[family]))
    others = [task for task in SAMPLES if task.family != family]
    foreign = [said.text for task in others if isinstance(said := answer(task.messages), Answer)]
    assert len(foreign) == len(others)
    assert not any(verify(empty, task.checks).passed for task in own for empty in ("", " \n"))
    accepted = sum(verify(text, task.checks).passed for task in own for text in foreign)
    assert accepted <= 0.01 * len(own) * len(foreign)
