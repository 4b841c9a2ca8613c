"""The laws of the table: ids are what a row is made of, marks stand, nothing is lost; each planted fault is caught."""

import json
import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder import columnar
from builder.errors import TableLawError
from builder.rows import canonical_json, check_laws, columns, content_id, drop, frame, prompt_id, same_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def a_row(name, parent=None, **others):
    prompt = [{"role": "user", "content": f"Say {name}."}]
    row = {"id": content_id(name), "parent": parent and content_id(parent), "seed_id": content_id(parent or name)}
    return row | {"prompt": prompt, "prompt_id": prompt_id(prompt), "source": "s.jsonl:1"} | others


BEFORE = frame([a_row("one"), a_row("two"), a_row("three")])


@given(JSON)
def test_an_id_does_not_depend_on_the_order_of_keys(value):
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(list(value))}
        return [turned(item) for item in value] if isinstance(value, list) else value

    assert content_id(turned(value)) == content_id(value)
    assert json.loads(canonical_json(value)) == value


@given(JSON, JSON)
def test_different_things_have_different_ids(one, other):
    same = canonical_json(one) == canonical_json(other)
    assert (content_id(one) == content_id(other)) == same


def test_an_id_is_tagged_and_parts_are_not_run_together():
    assert content_id("a") == "b2:" + content_id("a")[3:] and len(content_id("a")) == 35
    assert len({content_id("ab"), content_id("a", "b"), content_id(["a", "b"]), content_id(None), content_id("")}) == 5
    assert content_id(1) != content_id("1") != content_id(True)


def test_an_id_is_the_same_in_every_process_and_year():
    assert content_id("seed", [{"role": "user", "content": "Größe 👍"}], None) == "b2:1e2edd8bb61af7c00afe23edf84ca06f"


@pytest.mark.parametrize("value", [math.nan, math.inf, {"x": object()}, {1, 2}, b"x"])
def test_what_json_cannot_say_has_no_id(value):
    with pytest.raises((TypeError, ValueError)):
        content_id(value)


TEXT = st.text(max_size=6) | st.text('"\\\n\r\t\b\f\0\x1f\x7f\u2028é👍/<', max_size=6)
TURN = st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXT})
ROW = st.fixed_dictionaries(
    {
        "text": st.none() | TEXT,
        "number": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "count": st.none() | st.integers(-(2**63), 2**63 - 1),
        "flag": st.none() | st.booleans(),
        "names": st.none() | st.lists(st.none() | TEXT, max_size=3),
        "shares": st.none() | st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), max_size=3),
        "prompt": st.lists(TURN, max_size=3),
        "checks": st.none() | TEXT,
        "nothing": st.none(),
    }
)
KINDS = {"text": pl.String, "number": pl.Float64, "count": pl.Int64, "flag": pl.Boolean, "names": pl.List(pl.String),
         "shares": pl.List(pl.Float64), "prompt": columns()["prompt"], "checks": pl.String, "nothing": pl.Null,
}  # fmt: skip


@settings(deadline=None)
@given(st.lists(ROW, max_size=6))
def test_what_is_made_of_columns_is_what_is_made_row_by_row(rows):
    table = pl.DataFrame({name: [row[name] for row in rows] for name in KINDS}, schema=KINDS)
    whole = [canonical_json({name: value for name, value in row.items() if value is not None}) for row in rows]
    assert columnar.objects(table).to_list() == whole
    texts = columnar.texts(table["text"])
    assert texts.to_list() == [None if row["text"] is None else canonical_json(row["text"]) for row in rows]
    parts = pl.Series([canonical_json([row["text"], row["prompt"]]) for row in rows], dtype=pl.String)
    assert columnar.ids(parts).to_list() == [content_id(row["text"], row["prompt"]) for row in rows]
    assert columnar.prompt_ids(table["prompt"]).to_list() == [prompt_id(row["prompt"]) for row in rows]
    requests = list(columnar.requests(table).iter_rows())
    for one, mine in zip(rows, requests, strict=True):
        for other, others in zip(rows, requests, strict=True):
            assert (same_request(one) == same_request(other)) == (mine == others)


def test_json_that_is_written_already_stands_among_the_fields():
    written = pl.DataFrame({"b": ['{"z":1}', None]})
    assert columnar.objects(pl.DataFrame({"c": [1, 2], "a": ["x", None]}), written).to_list() == [
        '{"a":"x","b":{"z":1},"c":1}',
        '{"c":2}',
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_column_with_a_number_that_json_has_not_is_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        columnar.objects(pl.DataFrame({"a": [1.0, value]}))


def test_case_width_and_spacing_do_not_make_two_prompts_of_one():
    def one(text, role="user"):
        return prompt_id([{"role": role, "content": text}])

    assert one("Name  three\nfruits. ") == one("name three fruits.") == one("ＮＡＭＥ three fruits.")
    assert one("name four fruits.") != one("name three fruits.") != one("name three fruits.", "system")
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert prompt_id(turns) != prompt_id([{"role": "user", "content": "a b"}]) != prompt_id(turns[:1])


def test_a_frame_has_every_column_even_without_rows():
    assert dict(frame([]).schema) == columns()
    like = frame([]).with_columns(pl.lit(None, pl.Float64).alias("score"))
    assert frame([a_row("one", score=1.0)], like)["score"].to_list() == [1.0]


def test_a_mark_names_step_and_reason_and_the_first_one_stands():
    table = drop(BEFORE, "quality", pl.col("id") == content_id("one"), "echo", pl.lit('{"n": 1}'))
    table = drop(table, "dedup", pl.lit(True), pl.lit("twin of ") + pl.col("source"), pl.lit("{}"))
    assert table["dropped"].to_list() == ["quality: echo"] + ["dedup: twin of s.jsonl:1"] * 2
    assert table["evidence"].to_list() == ['{"n": 1}', "{}", "{}"]


def test_a_condition_that_is_null_marks_nothing_and_a_reason_that_is_null_still_marks():
    unknown = drop(BEFORE, "quality", pl.lit(None, pl.Boolean), "echo")
    assert unknown["dropped"].null_count() == 3
    unnamed = drop(BEFORE, "quality", pl.lit(True), pl.lit(None, pl.String))
    assert unnamed["dropped"].to_list() == ["quality: no reason given"] * 3


@given(st.lists(st.booleans(), min_size=3, max_size=3), st.sampled_from(["dropped", "failed"]))
def test_marking_breaks_no_law(which, column):
    marked = drop(BEFORE, "quality", pl.Series(which), "echo", pl.lit("{}"), column)
    check_laws(BEFORE, marked, "quality", grows=False)
    assert marked["id"].to_list() == BEFORE["id"].to_list()
    assert marked[column].is_not_null().to_list() == which


def child(name, parent, **others):
    return a_row(name, parent, **others)


PLANTED = {
    "a changed response": (BEFORE.with_columns(response=pl.lit("x")), False, "changed response"),
    "changed checks": (BEFORE.with_columns(checks=pl.lit("[]")), False, "changed checks"),
    "a child of another seed": (
        pl.concat([BEFORE, frame([child("four", "one", seed_id="b2:0")])]),
        True,
        "another seed_id",
    ),
    "a deleted row": (BEFORE.head(2), False, "1 vanished"),
    "a deleted row in a growing step": (BEFORE.head(2), True, "vanished without a child"),
    "a row more in a marking step": (pl.concat([BEFORE, frame([child("four", "one")])]), False, "1 rows appeared"),
    "an orphan": (pl.concat([BEFORE, frame([child("four", "nobody")])]), True, "no parent in the table"),
    "a row out of nothing": (pl.concat([BEFORE, frame([a_row("four")])]), True, "no parent in the table"),
    "a lost column": (BEFORE.drop("license"), False, "lost columns ['license']"),
    "an id twice": (pl.concat([BEFORE, BEFORE.head(1)]), True, "ids are not unique"),
    "no id": (BEFORE.with_columns(pl.lit(None, pl.String).alias("id")), False, "ids are not unique"),
    "a changed id": (BEFORE.with_columns(pl.col("id") + "x"), False, "appeared"),
    "a changed prompt": (BEFORE.with_columns(prompt=BEFORE["prompt"].reverse()), False, "changed prompt"),
    "a changed prompt_id": (BEFORE.with_columns(prompt_id=pl.lit("b2:0")), False, "changed prompt_id"),
    "a changed seed_id": (BEFORE.with_columns(seed_id=pl.lit("b2:0")), False, "changed seed_id"),
    "a forgotten source": (BEFORE.with_columns(source=pl.lit(None, pl.String)), False, "changed source"),
    "a changed parent": (BEFORE.with_columns(parent=pl.col("id")), False, "changed parent"),
    "a mark of another step": (BEFORE.with_columns(dropped=pl.lit("dedup: twin")), False, "does not begin with"),
    "a mark without a step": (BEFORE.with_columns(failed=pl.lit("bad")), False, "does not begin with 'quality: '"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_caught_and_named(planted):
    after, grows, says = PLANTED[planted]
    with pytest.raises(TableLawError) as caught:
        check_laws(BEFORE, after, "quality", grows=grows)
    assert "'quality'" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize("after", [None, "quality: better"])
def test_a_mark_that_stood_cannot_be_taken_back_or_changed(after):
    before = BEFORE.with_columns(failed=pl.lit("verify: broke lines"))
    with pytest.raises(TableLawError, match="changed a failed mark"):
        check_laws(before, before.with_columns(failed=pl.lit(after, pl.String)), "quality", grows=False)


def test_seeds_come_out_of_nothing_and_have_no_parent():
    check_laws(frame([]), BEFORE, "seed", grows=True)
    with pytest.raises(TableLawError, match="no parent"):
        check_laws(frame([]), frame([child("four", "nobody")]), "seed", grows=True)


def test_a_row_may_be_replaced_by_its_children_which_keep_its_marks():
    before = BEFORE.with_columns(failed=pl.lit("verify: broke lines"))
    kids = frame([child(f"kid {i}", "one", failed="verify: broke lines") for i in range(2)])
    check_laws(before, pl.concat([before.tail(2), kids]), "generate", grows=True)


def test_the_order_of_rows_is_not_a_law():
    check_laws(BEFORE, BEFORE.reverse(), "quality", grows=False)
