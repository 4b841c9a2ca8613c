"""Laws held over every check: arguments are refused or can be used, and then no response makes the check raise."""

import inspect
import time
import typing
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.embedded import Answer, answer, tasks
from builder.embedded.families import FAMILIES
from builder.verify import CHECKS, Verdict, problems, verify

LONGEST = 1.0  # second that a trial or a check may take on small arguments
BY_HAND = [  # checks that no embedded task brings, with a response that passes
    ({"check": "min_words", "n": 2}, "one two three"),
    ({"check": "one_of", "answers": ["yes", "no"]}, "Yes."),
    ({"check": "number_is", "value": 1234.5, "tolerance": 0.1}, "1,234.5"),
    ({"check": "includes", "words": ["cat", "red dog"]}, "a cat and a red dog"),
    ({"check": "keyword_count", "word": "cat", "n": 2}, "Cat and cat"),
    ({"check": "list_steps", "items": ["b", "a"], "steps": [["sort"], ["append", "c"]], "separator": ", "}, "a, b, c"),
]


def _collected() -> dict[str, list[tuple[dict[str, Any], str]]]:
    """Return sound examples of every check with a response that passes: from the families' tasks, and by hand."""
    found: dict[str, list[tuple[dict[str, Any], str]]] = {}
    for check, response in BY_HAND:
        found.setdefault(check["check"], []).append((check, response))
    for family in FAMILIES:
        for task in tasks(60 if family == "constraints" else 12, seed=23, families=[family]):
            said = answer(task.messages)
            assert isinstance(said, Answer)
            for check in task.checks:
                found.setdefault(check["check"], []).append((check, said.text))
    return found


EXAMPLES = _collected()

pieces = st.sampled_from([*'{}[]":;,|-*`#.!?\n\t 0123456789=@', "null", "```json\n", "1e999", "- ", "1. ", "ß", "\0"])
junk = st.one_of(st.text(max_size=40), st.lists(pieces, max_size=40).map("".join))
words = st.sampled_from(
    [
        *("", "a", "b", "0", "7", "-1", "9" * 30, "1e99999999", "٣", "sort", "on", "days", "weeks", "months", "next"),
        *("2024-02-29", "9999-12-31", "working_days", "month_end", "Friday", "up", "down", "above", "is", "drop"),
        *("add", "rename", "first", "tag", "domain", "times", "over", "TEXT", "columns", "rows", "args", "returns"),
        *("what", "where", "column", "name", "part", "between", "in", ">"),
    ]
)
strings = st.one_of(words, st.text(max_size=8))
numbers = st.one_of(st.integers(-3, 12), st.sampled_from([10**9, -(10**15), 10**99, 10**400]))
floats = st.one_of(numbers, st.floats())
values = st.recursive(
    st.one_of(st.none(), st.booleans(), floats, strings),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(strings, inner, max_size=4)),
    max_leaves=8,
)


def _of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for what a type hint allows."""
    if get_origin(hint) is Annotated:
        kind, span = get_args(hint)
        if kind is str:
            return st.text(min_size=span[0], max_size=3)
        return st.one_of(st.integers(span[0], 12), st.just(span[-1]))
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is list:
        return st.lists(_of(get_args(hint)[0]), max_size=5)
    if get_origin(hint) is dict:
        return st.dictionaries(strings, _of(get_args(hint)[1]), max_size=5)
    return {Any: values, str: strings, int: numbers, float: floats, bool: st.booleans()}[hint]


def _arguments(name: str) -> st.SearchStrategy[dict[str, Any]]:
    hints = typing.get_type_hints(CHECKS[name], include_extras=True)
    names = list(inspect.signature(CHECKS[name]).parameters)[1:]
    return st.fixed_dictionaries({"check": st.just(name), **{key: _of(hints[key]) for key in names}})


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """Return data with some of its parts lost, repeated or made into something else."""
    if draw(st.integers(0, 5)) == 0:
        return draw(values)
    if isinstance(value, list):
        kept = [_changed(draw, item) for item in value if draw(st.integers(0, 8))]
        return kept + kept[: draw(st.integers(0, 1))]
    if isinstance(value, dict):
        return {key: _changed(draw, item) for key, item in value.items() if draw(st.integers(0, 12))}
    return value


@st.composite
def changed_examples(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Return a sound check with one of its arguments changed somewhere."""
    check, _ = draw(st.sampled_from(EXAMPLES[name]))
    if len(check) == 1:
        return check
    key = draw(st.sampled_from([key for key in check if key != "check"]))
    return {**check, key: _changed(draw, check[key])}


@st.composite
def responses(draw: st.DrawFn, right: str) -> str:
    """Return junk, or a response that passes with a piece of it lost, doubled or replaced by junk."""
    if draw(st.booleans()):
        return draw(junk)
    start, end = sorted((draw(st.integers(0, len(right))), draw(st.integers(0, len(right)))))
    return right[:start] + draw(st.sampled_from([right[start:end] * 2, draw(junk)])) + right[end:]


def test_every_check_has_an_example_of_sound_arguments():
    assert set(EXAMPLES) == set(CHECKS), "a new check: add an example to BY_HAND"
    for name, examples in EXAMPLES.items():
        for check, response in examples:
            assert problems([check]) == []
            assert verify(response, [check]).passed, (name, response)


@pytest.mark.parametrize("name", CHECKS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_arguments_of_the_right_types_are_refused_or_can_be_used(name, data):
    check = data.draw(st.one_of(_arguments(name), changed_examples(name)))
    began = time.perf_counter()
    if not problems([check]):
        for response in ("", data.draw(junk), data.draw(st.sampled_from(EXAMPLES[name]))[1]):
            assert isinstance(verify(response, [check]), Verdict)
    assert time.perf_counter() - began < LONGEST


@pytest.mark.parametrize("name", CHECKS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_no_response_makes_a_check_raise(name, data):
    check, right = data.draw(st.sampled_from(EXAMPLES[name]))
    assert isinstance(verify(data.draw(responses(right)), [check]), Verdict)


@pytest.mark.parametrize(
    "body",
    ["-" * 1900 + "x", "not " * 480 + "x", "x + " * 480 + "x", "x" + "[0]" * 640, "(" * 950 + "x" + ")" * 950],
)
def test_code_that_is_nested_too_deep_fails_and_does_not_raise(body):
    check = {"check": "python_returns", "function": "f", "cases": [{"args": [1], "returns": 2}]}
    assert verify(f"def f(x):\n    return {body}", [check]).broken == ["python_returns"]


def test_changing_many_values_takes_no_longer_than_reading_them():
    check = {"check": "corrected", "source": "cat. " * 60, "changes": {"cat": "7"}}
    assert problems([check]) == []
    assert verify("7. " * 60, [check]).passed
    assert not verify("7. " * 59 + "cat.", [check]).passed


def test_a_query_that_is_none_does_not_pass_for_one_without_rows():
    check = {
        "check": "sql_returns",
        "tables": {"t": {"columns": {"a": "INTEGER"}, "rows": [[1]]}},
        "expected": [],
    }
    assert not verify("-- nothing to see", [check]).passed
    assert verify("SELECT a FROM t WHERE a > 1", [check]).passed


def test_a_table_of_a_check_runs_nothing():
    endless = "x(a) AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c; --"
    for name, kind in ((f'x" {endless}', "TEXT"), ("t", "TEXT CHECK (1)"), ("t", f"TEXT); {endless}")):
        check = {"check": "sql_returns", "tables": {name: {"columns": {"a": kind}, "rows": []}}, "expected": [["b"]]}
        began = time.perf_counter()
        assert problems([check]) == [] or kind != "TEXT"
        assert time.perf_counter() - began < LONGEST
