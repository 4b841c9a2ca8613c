"""Laws of the embedded teacher, held over every family and every world."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from builder.embedded import VERSION, Answer, NearMisses, Refusal, answer, near_misses, tasks
from builder.embedded.families import FAMILIES
from builder.embedded.grammar import Pattern
from builder.embedded.teacher import char_distance
from builder.embedded.worlds import WORLDS, read, tell
from builder.embedded.worlds.load import load
from builder.verify import problems, verify

GOLDEN = Path(__file__).parent / "golden" / "embedded.jsonl"
ODD_NUMBERS = ("0", "-1", "1", "007", "999999999", "9" * 21, "9" * 5000, "1e999", "1_000", "3.14159265358979", "٣", "²")
OPEN_PROMPTS = [
    "Write a poem about the sea.",
    "Who won the football world cup in 1990?",
    "Translate this into French: the cat sleeps.",
    "What should I cook tonight?",
    "Summarise the plot of Hamlet in one sentence.",
    "Extract the sender from the note below as JSON.\n\nIt rained all day and nobody came.",
    "",
    "42",
]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_answers_its_own_prompts_and_the_verifier_agrees(family):
    for task in tasks(60, seed=3, families=[family]):
        assert (task.family, task.ability) == (family, FAMILIES[family].ABILITY)
        assert task.messages[-1]["role"] == "user"
        assert problems(task.checks) == []
        answered = answer(task.messages)
        assert isinstance(answered, Answer), task.messages[-1]["content"]
        assert answered.family == family
        assert verify(answered.text, task.checks).broken == [], (task.messages[-1]["content"], answered.text)


@pytest.mark.parametrize("family", FAMILIES)
def test_near_misses_differ_from_the_answer_and_really_fail(family):
    kinds = set()
    for number, task in enumerate(tasks(60, seed=4, families=[family])):
        answered = answer(task.messages)
        assert isinstance(answered, Answer)
        near = near_misses(task.messages, answered.text, task.checks, random.Random(number), count=2)
        assert near.misses, task.messages[-1]["content"]
        for miss in near.misses:
            assert miss.text.split() not in ([], answered.text.split())
            assert miss.broken == verify(miss.text, task.checks).broken != []
            kinds.add(miss.kind)
    assert len(kinds) >= 3


@pytest.mark.parametrize("family", FAMILIES)
def test_slips_of_a_foreign_answer_or_prompt_do_not_raise(family):
    own = FAMILIES[family].sample(random.Random(5))
    for response in ("", "I am sorry, I cannot help.", "{", "[1, 2]", "a\nb"):
        list(FAMILIES[family].slips(own.messages, response, random.Random(0)))
    foreign = [{"role": "user", "content": "Write a poem about the sea."}]
    assert list(FAMILIES[family].slips(foreign, "The sea, the sea.", random.Random(0))) == []


def _changed(rng, messages):
    """Return the conversation with lines or sentences of one prompt lost, doubled or moved, or with an odd number."""
    at = rng.choice([at for at, message in enumerate(messages) if message["role"] == "user"])
    parts = re.split(r"(\n+|(?<=[.!?:])\s+)", messages[at]["content"])
    pieces, gaps = parts[::2], [*parts[1::2], ""]
    match rng.randrange(4):
        case 0:
            kept = sorted(rng.sample(range(len(pieces)), rng.randint(1, len(pieces))))
            pieces, gaps = [pieces[place] for place in kept], [gaps[place] for place in kept]
        case 1:
            place = rng.randrange(len(pieces))
            pieces.insert(place, pieces[place])
            gaps.insert(place, gaps[place] or "\n")
        case 2:
            rng.shuffle(pieces)
        case 3:
            spans = [(place, found.span()) for place, p in enumerate(pieces) for found in re.finditer(r"\d+", p)]
            if spans:
                place, (start, end) = rng.choice(spans)
                pieces[place] = pieces[place][:start] + rng.choice(ODD_NUMBERS) + pieces[place][end:]
    text = "".join(piece + gap for piece, gap in zip(pieces, gaps, strict=True)).strip()
    return [*messages[:at], {"role": "user", "content": text}, *messages[at + 1 :]]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_changed_by_hand_is_answered_or_refused_and_nothing_raises(family):
    rng = random.Random(family)
    for task in tasks(12, seed=12, families=[family]):
        first = answer(task.messages)
        assert isinstance(first, Answer)
        for _ in range(25):
            messages = _changed(rng, task.messages)
            list(FAMILIES[family].slips(messages, first.text, rng))
            if isinstance(said := answer(messages), Answer):
                assert said.text.strip(), messages
                assert len(said.text) < 50_000
                list(FAMILIES[said.family].slips(messages, said.text, rng))
                near_misses(messages, said.text, task.checks, rng, count=50)


@pytest.mark.parametrize(
    "family", ["constraints", "extract_fields", "extract_json", "grounded_qa", "route", "summarize"]
)
def test_facts_told_twice_or_in_another_order_change_no_answer(family):
    rng = random.Random(family)
    changed = 0
    for task in tasks(40, seed=13, families=[family]):
        prompt = task.messages[-1]["content"]
        facts = [fact for fact in re.split(r"(?<=[.!?])\s+|\n", prompt) if (told := read(fact)) and told.record]
        one, other = rng.sample(facts, 2)
        doubled = prompt.replace(one, f"{one} {one}")
        swapped = other.join(part.replace(other, one) for part in prompt.split(one))
        for text in (doubled, swapped):
            said = answer([*task.messages[:-1], {"role": "user", "content": text}])
            if isinstance(said, Answer):
                changed += 1
                assert verify(said.text, task.checks).broken == [], (text, said.text)
    assert changed > 60


def test_a_fact_that_is_no_longer_told_becomes_null():
    for task in tasks(60, seed=14, families=["extract_json"]):
        prompt, expected = task.messages[-1]["content"], dict(task.checks[1]["expected"])
        fact = next(fact for fact in re.split(r"(?<=[.!?])\s+|\n", prompt) if (told := read(fact)) and told.record)
        said = answer([*task.messages[:-1], {"role": "user", "content": prompt.replace(fact, "").strip()}])
        expected |= dict.fromkeys(set(read(fact).record) & set(expected))
        if isinstance(said, Answer):
            assert json.loads(said.text) == expected, prompt


@pytest.mark.parametrize("prompt", OPEN_PROMPTS)
def test_an_open_prompt_is_refused(prompt):
    assert isinstance(answer([{"role": "user", "content": prompt}]), Refusal)


def test_a_request_with_words_that_no_grammar_reads_is_refused():
    for task in tasks(300, seed=6):
        # The request is the first or the last paragraph; the other one may be data, where any words may stand.
        paragraphs = task.messages[-1]["content"].split("\n\n")
        for at in {0, len(paragraphs) - 1}:
            paragraphs[at] += " And then sing it to me."
        changed = {"role": "user", "content": "\n\n".join(paragraphs)}
        assert isinstance(answer([*task.messages[:-1], changed]), Refusal), changed["content"]


def test_a_system_message_is_read_or_refused():
    with_system = [task for task in tasks(200, seed=10) if task.messages[0]["role"] == "system"]
    assert 5 < len(with_system) < 60
    for task in with_system:
        assert isinstance(answer(task.messages), Answer)
        changed = [{"role": "system", "content": "You are a pirate. Answer in rhymes."}, *task.messages[1:]]
        assert isinstance(answer(changed), Refusal)


def test_a_longer_run_begins_with_the_shorter_one():
    assert list(tasks(120, seed=7))[:50] == list(tasks(50, seed=7))


def test_prompts_are_never_equal():
    prompts = [str(task.messages) for task in tasks(500, seed=8)]
    assert len(set(prompts)) == len(prompts)


def test_a_family_without_new_prompts_says_so(monkeypatch):
    only = next(tasks(1, seed=1, families=["steps"]))
    monkeypatch.setattr(FAMILIES["steps"], "sample", lambda rng: only)
    with pytest.raises(ValueError, match="steps: no new prompt after 1 tasks"):
        list(tasks(2, seed=1, families=["steps"]))


def test_an_unknown_family_is_named():
    with pytest.raises(ValueError, match="no such task family: poems"):
        next(tasks(1, seed=1, families=["poems"]))


def test_the_hash_seed_changes_nothing():
    program = (
        "import random; from builder.embedded import *\n"
        "for task in tasks(250, seed=9):\n"
        "    text = answer(task.messages).text\n"
        "    print(task, text, near_misses(task.messages, text, task.checks, random.Random(1)))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_every_sentence_of_a_world_is_read_back_as_what_it_tells(world):
    rng = random.Random(world.name)
    for field in world.fields:
        for statement in field.statements:
            for _ in range(5):
                value = field.kind.draw(rng)
                aside = world.asides[0].render(rng)
                passage = read(f"{statement.render(rng, value=value)} {aside}")
                assert passage is not None, (statement.text, value)
                assert (passage.world.name, passage.record) == (world.name, {field.key: value})


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_a_passage_is_read_back_whole(world):
    rng = random.Random(world.name)
    for _ in range(20):
        record = {field.key: field.kind.draw(rng) for field in rng.sample(world.fields, 6)}
        passage = read(tell(rng, world, record))
        assert passage is not None
        assert (passage.world.name, passage.record) == (world.name, record)


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_every_question_of_a_world_asks_for_one_field(world):
    rng = random.Random(world.name)
    for field in world.fields:
        for _ in range(10):
            question = field.questions.render(rng)
            assert [other.key for other in world.fields if other.questions.read(question) is not None] == [field.key]


def test_a_pattern_reads_what_it_renders():
    pattern = Pattern("[pull|take] the {keys} [out of|from] the [[old|new] note|text][| below].")
    rng = random.Random(0)
    phrases = {pattern.render(rng, keys="price, date") for _ in range(400)}
    assert len(phrases) == 2 * 2 * 3 * 2
    assert all(pattern.read(phrase) == {"keys": "price, date"} for phrase in phrases)
    assert pattern.match("Take the price from the text. Thanks!") == ({"keys": "price"}, "Thanks!")
    assert pattern.read("Take the price from the text. Thanks!") is None


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [
        ("abcd", "abcd", 0.0),
        ("", "", 0.0),
        ("abcd", "abxd", 0.25),
        ("ab", "abab", 0.5),
        ("abc", "", 1.0),
        ("aa", "a", 0.5),
    ],
)
def test_char_distance_is_the_share_outside_the_common_ends(left, right, distance):
    assert char_distance(left, right) == char_distance(right, left) == distance


def test_near_misses_leave_out_slips_that_are_too_near():
    task = next(tasks(1, seed=1, families=["extract_json"]))
    said = answer(task.messages)
    assert isinstance(said, Answer)
    assert near_misses(task.messages, said.text, task.checks, random.Random(1), min_char_distance=1.01).misses == []


def test_near_misses_of_an_open_prompt_are_none():
    asked = [{"role": "user", "content": "Write a poem about the sea."}]
    assert near_misses(asked, "The sea.", [], random.Random(1)) == NearMisses([], 0)


@pytest.mark.parametrize("line", ["weight_kg: kilos 2 30", "The parcel weighs {} kg.", "mood: happy"])
def test_a_world_file_that_cannot_be_read_names_the_line(tmp_path, line):
    file = tmp_path / "parcel.txt"
    file.write_text(f"# A parcel.\ntext: note\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"parcel\.txt, line 3: expected"):
        load(file)


@pytest.mark.parametrize("text", ["a [b|c", "a ] b"])
def test_a_pattern_with_an_open_or_a_stray_bracket_is_refused(text):
    with pytest.raises(ValueError, match="in pattern"):
        Pattern(text).render(random.Random(0))


def test_stored_prompts_get_their_stored_answers():
    """Answers are part of a dataset's fingerprint: they change only together with embedded.VERSION."""
    if os.environ.get("UPDATE_GOLDEN"):
        drawn = [task for family in FAMILIES for task in tasks(3, seed=20, families=[family])]
        rows = [{"messages": task.messages, "answer": said.text} for task in drawn if (said := answer(task.messages))]
        lines = [json.dumps(row, ensure_ascii=False) for row in [{"version": VERSION}, *rows]]
        GOLDEN.write_text("\n".join(lines) + "\n", encoding="utf-8")
    head, *rows = map(json.loads, GOLDEN.read_text(encoding="utf-8").splitlines())
    assert head == {"version": VERSION}, "embedded.VERSION was raised: run with UPDATE_GOLDEN=1"
    assert len(rows) == 3 * len(FAMILIES)
    for row in rows:
        said = answer(row["messages"])
        found = said.text if isinstance(said, Answer) else said
        assert found == row["answer"], f"raise embedded.VERSION, then run with UPDATE_GOLDEN=1: {row['messages']}"
