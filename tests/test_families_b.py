"""Laws of the converting, reasoning and sorting families beside the generic ones."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.embedded import tables
from builder.embedded.measures import FROM_ROMAN, FROM_WORDS, clock_12, clock_24, hours, minutes
from builder.embedded.plans import days_of
from builder.verify import problems, verify

CELLS = st.text(st.characters(codec="ascii", exclude_categories=("Cc",), exclude_characters="|"), max_size=12).map(
    str.strip
)
DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))
EXAMPLES = [
    {"check": "table_is", "form": "csv", "columns": ["a", "b"], "rows": [["1", "x"]], "changes": [["sort", "a", "up"]]},
    {"check": "table_is", "form": "json", "columns": ["a", "b"], "rows": [["1", ""]], "changes": [["first", "b"]]},
    {"check": "table_is", "form": "json_lines", "columns": ["a"], "rows": [["1"]], "changes": []},
    {"check": "table_is", "form": "markdown", "columns": ["a"], "rows": [["1"]], "changes": [["rename", "a", "c"]]},
    {
        "check": "table_answer",
        "columns": ["a", "b"],
        "rows": [["1", "x"], ["2", "y"]],
        "ask": {"what": "mean", "column": "a", "name": "b", "where": []},
    },
    {"check": "plan_date", "events": [["e", "on", "2024-02-29"]], "event": "e", "form": "long"},
    {
        "check": "plan_gap",
        "events": [["e", "on", "2024-02-29"], ["f", "days", "9"]],
        "first": "e",
        "last": "f",
        "unit": "days",
    },
    *(
        {"check": "conversions", "values": {"a": value, "b": value}, "kind": kind, "how": how, "layout": layout}
        for kind, value, how in (
            ("rate", "2", ["over", "3", "2"]),
            ("clock_12", "14:30", []),
            ("clock_shift", "14:30", ["2"]),
            ("minutes", "1 h 2 min", []),
            ("date", "May 5, 2024", ["slashes"]),
            ("roman", "14", []),
            ("words", "14", []),
            ("from_words", "fourteen", []),
            ("binary", "5", []),
        )
        for layout in ("lines", "bullets", "values")
    ),
    {"check": "redacted", "source": "Ada Byrne left.", "hidden": [["Ada Byrne", "initials", ""]]},
    *(
        {"check": "routed", "facts": {"size": 3}, "rules": [["above", "size", 2, "x"]], "default": "y", "form": form}
        for form in ("label", "numbered", "json")
    ),
    {"check": "worked_answer", "start": 3, "events": [["add_packs", 2, 4], ["part", 11]], "last": "Answer:"},
]


@pytest.mark.parametrize("check", EXAMPLES, ids=lambda check: check["check"])
@given(
    st.one_of(st.text(), st.from_regex(r"[-0-9a-c:;|\[\]{}\".,/=* ]{0,30}"), st.from_regex(r"a: .{0,12}\nb: .{0,12}"))
)
def test_no_response_makes_a_check_raise(check, response):
    assert problems([check]) == []
    assert isinstance(verify(response, [check]).passed, bool)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4))
def test_a_table_is_read_back_from_every_form_and_passes_its_check(rows):
    table = tables.Table(["first", "second", "third"], [["w" + a, f"{len(b)}", "w" + c] for a, b, c in rows])
    for form in tables.FORMS:
        text = tables.write(table, form)
        check = {"check": "table_is", "form": form, "columns": table.columns, "rows": table.rows, "changes": []}
        assert verify(text, [check]).passed
        assert not verify(tables.write(tables.Table(table.columns, [*table.rows, *table.rows]), form), [check]).passed
        assert tables.read(text) == table


@given(DAYS, st.integers(1, 300), st.sampled_from(["days", "weeks", "working_days", "next", "month_end"]))
def test_the_calendar_of_the_check_agrees_with_the_solver_and_with_counting(start, count, how):
    value = {"next": "Friday", "month_end": ""}.get(how, str(count))
    events = [["the start", "on", start.isoformat()], ["the end", how, value]]
    end = days_of([tuple(event) for event in events])["the end"]
    check = {"check": "plan_date", "events": events, "event": "the end", "form": "iso"}
    assert verify(end.isoformat(), [check]).passed
    assert not verify((end + timedelta(days=1)).isoformat(), [check]).passed
    if how == "working_days":
        passed = (start + timedelta(days=day) for day in range(1, (end - start).days + 1))
        assert sum(day.weekday() < 5 for day in passed) == count
        assert end.weekday() < 5


def test_numerals_words_and_clocks_turn_back():
    assert len(FROM_ROMAN) == len(FROM_WORDS) == 999
    for minute in range(24 * 60):
        clock = f"{minute // 60:02}:{minute % 60:02}"
        assert clock_24(clock_12(clock)) == clock
        assert minutes(hours(str(minute))) == str(minute)


@pytest.mark.parametrize(
    ("roman", "right"), [("XIV", True), ("XIIII", False), ("xiv", False), ("14", False), ("", False)]
)
def test_a_roman_numeral_is_written_properly(roman, right):
    check = {"check": "conversions", "values": {"a": "14"}, "kind": "roman", "how": [], "layout": "values"}
    assert verify(roman, [check]).passed is right


@pytest.mark.parametrize(
    ("response", "right"),
    [
        ("2 * 4 = 8\n3 + 8 = 11\n11 - 1 = 10\nAnswer: 10", True),
        ("3 + 8 = 11\n11 - 1 = 10\nAnswer: 10", True),  # the boxes may be counted in the head
        ("2 * 4 = 9\n3 + 8 = 11\n11 - 1 = 10\nAnswer: 10", False),
        ("3 + 8 = 11\nAnswer: 10", False),
        ("3 + 8 = 11\n11 - 1 = 10\nAnswer: 10.", False),
        ("3 + 8 = 11\n11 - 1 = 10\n10", False),
    ],
)
def test_working_is_true_and_complete(response, right):
    check = {"check": "worked_answer", "start": 3, "events": [["add_packs", 2, 4], ["take", 1]], "last": "Answer:"}
    assert verify(response, [check]).passed is right
