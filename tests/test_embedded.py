"""Laws of the embedded teacher, held over every family and every world."""

import os
import random
import subprocess
import sys

import pytest

from builder.embedded import Answer, Refusal, answer, near_misses, tasks
from builder.embedded.families import FAMILIES
from builder.embedded.grammar import Pattern
from builder.embedded.worlds import WORLDS, read, tell
from builder.verify import problems, verify

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
            assert miss.text != answered.text
            assert miss.broken == verify(miss.text, task.checks).broken != []
            kinds.add(miss.kind)
    assert len(kinds) >= 3


@pytest.mark.parametrize("family", FAMILIES)
def test_slips_of_a_foreign_answer_or_prompt_do_not_raise(family):
    own = next(tasks(1, seed=5, families=[family]))
    for response in ("", "I am sorry, I cannot help.", "{", "[1, 2]", "a\nb"):
        list(FAMILIES[family].slips(own.messages, response, random.Random(0)))
    foreign = [{"role": "user", "content": "Write a poem about the sea."}]
    assert list(FAMILIES[family].slips(foreign, "The sea, the sea.", random.Random(0))) == []


@pytest.mark.parametrize("prompt", OPEN_PROMPTS)
def test_an_open_prompt_is_refused(prompt):
    assert isinstance(answer([{"role": "user", "content": prompt}]), Refusal)


def test_a_prompt_with_words_that_no_grammar_reads_is_refused():
    for task in tasks(100, seed=6):
        first, *rest = task.messages[-1]["content"].split("\n")
        changed = "\n".join([f"{first} And then sing it to me.", *rest])
        assert isinstance(answer([*task.messages[:-1], {"role": "user", "content": changed}]), Refusal)


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
        "for task in tasks(60, seed=9):\n"
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
