"""Laws that only some families have: two tones, two implementations of a question, edits done again."""

import random
import re

import pytest

from builder.embedded import Answer, answer, conditions, queries, sheets, tasks, tones
from builder.embedded.families import FAMILIES
from builder.verify import verify
from builder.verify.code import sql_returns
from builder.verify.edits import corrected, edited_facts
from builder.verify.ranks import ranked
from builder.verify.text import count_phrase

FAMILIES_HERE = (
    *("correct_text", "edit_turns", "find_contradiction", "python_function", "rank_by_criteria", "sql", "tone"),
)


@pytest.mark.parametrize("number", range(len(tones.SAYINGS)))
@pytest.mark.parametrize("tone", [0, 1])
def test_a_saying_has_a_mark_of_its_own_tone_and_none_of_the_other(number, tone):
    own, other = (tones.CASUAL, tones.FORMAL) if tone == 0 else (tones.FORMAL, tones.CASUAL)
    rng = random.Random(0)
    for _ in range(40):
        text = tones.SAYINGS[number][tone].render(rng, **{gap: values[3] for gap, values in tones.GAPS.items()})
        assert any(count_phrase(text, word) for word in own), text
        assert not [word for word in other if count_phrase(text, word)], text


def test_both_sides_of_a_saying_tell_the_same_facts():
    for pair in tones.SAYINGS:
        gaps = [set(re.findall(r"\{(\w+)\}", pattern.text)) for side in pair for pattern in side.patterns]
        assert gaps[0] and all(found == gaps[0] for found in gaps)


@pytest.mark.parametrize("sheet", sheets.SHEETS.values(), ids=lambda sheet: sheet.plural)
def test_conditions_are_read_back(sheet):
    rng = random.Random(sheet.plural)
    for _ in range(80):
        where = conditions.draw(rng, sheet, rng.choice((1, 2)))
        found = conditions.read(where.say(rng), sheet)
        assert found is not None and found.conditions == where.conditions
        assert found.word == where.word or len(where.conditions) == 1


def test_a_question_in_sql_and_in_plain_python_gives_the_same_rows_on_any_data():
    rng = random.Random(1)
    for _ in range(300):
        sheet = sheets.draw(rng)
        rows = [sheet.row(rng, name) for name in sheets.names(rng, 12)]
        query = queries.Query(
            sheet.plural,
            (sheet.name, rng.choice(sheet.numbers)),
            conditions.draw(rng, sheet, 2),
            order=sheet.name,
            down=rng.random() < 0.5,
            limit=rng.choice((0, 3)),
            above_average=rng.choice(("", rng.choice(sheet.numbers))),
        )
        columns = [sheet.name, *sheet.by_key]
        kinds = {key: "INTEGER" if key in sheet.numbers else "TEXT" for key in columns}
        table = {"columns": kinds, "rows": [[row[key] for key in columns] for row in rows]}
        statement = queries.sql(query)
        assert sql_returns(statement, {sheet.plural: table}, queries.run(query, rows), ordered=True), statement


@pytest.mark.parametrize("family", FAMILIES_HERE)
def test_the_answers_of_other_families_do_not_pass(family):
    own = list(tasks(30, seed=21, families=[family]))
    for task, foreign in zip(
        own, tasks(30, seed=22, families=[name for name in FAMILIES if name != family]), strict=True
    ):
        answered = answer(foreign.messages)
        assert isinstance(answered, Answer)
        assert not verify(answered.text, task.checks).passed


@pytest.mark.parametrize("family", FAMILIES_HERE)
def test_junk_does_not_pass_and_never_raises(family):
    junk = [
        "",
        " ",
        "{",
        "[]",
        "null",
        "\x00",
        "\ud800",
        "-" * 3000,
        "1. \n2. ",
        "- ",
        '{"a": ' * 2000,
        "```\n```",
        "é" * 99,
        ", , ,",
    ]
    for task in tasks(5, seed=23, families=[family]):
        for text in junk:
            assert not verify(text, task.checks).passed


SOURCE = "The van goes to Oslo. Blue paint is on it. It weighs 7 kg, not 70."
CHANGES = {"Oslo": "Bergen", "blue paint": "red ink", "7": "9"}


def test_corrected_takes_the_new_values_and_nothing_else():
    right = "The van goes to Bergen. Red ink is on it. It weighs 9 kg, not 70."
    assert corrected(right, SOURCE, CHANGES)
    assert corrected(right.replace(". ", ".\n"), SOURCE, CHANGES)
    for wrong in (SOURCE, right.replace("70", "90"), right + " Done.", right.replace("not", "never"), right[5:], ""):
        assert not corrected(wrong, SOURCE, CHANGES)


def test_edited_facts_does_the_edits_in_order():
    facts, edits = (
        [["b", "2"], ["a", "1"], ["c", "3"]],
        [["sort"], ["first", "c"], ["drop", "a"], ["add", "d", "4"], ["reverse"]],
    )
    assert edited_facts("- d: 4\n- b: 2\n- c: 3", facts, edits, "bullets")
    assert edited_facts("1. d: 4\n2. b: 2\n3. c: 3", facts, edits, "numbered")
    assert edited_facts("d: 4; b: 2; c: 3", facts, edits, "semicolons")
    assert edited_facts('{"d": "4", "b": "2", "c": "3"}', facts, edits, "json")
    assert not edited_facts('{"b": "2", "d": "4", "c": "3"}', facts, edits, "json")
    assert not edited_facts("- d: 4\n- b: 2\n- c: 3", facts, edits, "lines")


def test_ranked_breaks_ties_by_the_second_column_and_then_by_name():
    options = {
        "Fox": {"price": 3, "age": 1},
        "Elk": {"price": 3, "age": 1},
        "Owl": {"price": 3, "age": 9},
        "Bee": {"price": 1, "age": 5},
    }
    by = [["price", "up"], ["age", "down"]]
    assert ranked("Bee, Owl, Elk, Fox", options, by, [], "commas")
    assert ranked("1. Bee\n2. Owl", options, by, [], "numbered", first=2)
    assert ranked("Owl\nElk\nFox", options, by, [["price", ">", 1]], "lines")
    for wrong in ("Bee, Owl, Fox, Elk", "Bee, Owl, Elk", "Bee, Owl, Elk, Fox, Fox", "Bee, Owl, Elk, Cat", ""):
        assert not ranked(wrong, options, by, [], "commas")
    assert not ranked("1. Bee\n2. Elk", options, by, [], "numbered", first=2)
