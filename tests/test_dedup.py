import json
import os
import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder import rows
from builder.config import DedupConfig
from builder.context import Context
from builder.shards import Shards
from builder.steps import dedup as step


def table(*prompts, responses=None, seeds=None, **columns):
    """One row a prompt; rows with the same entry of `seeds` grew from one seed."""
    made = []
    for i, prompt in enumerate(prompts):
        messages = [{"role": "user", "content": prompt}]
        row = {"id": f"id{i}", "seed_id": f"seed{seeds[i] if seeds else i}", "prompt": messages}
        row |= {"prompt_id": rows.prompt_id(messages), "response": responses[i] if responses else None}
        made.append(row | {name: values[i] for name, values in columns.items()})
    return rows.frame(made)


def dedup(given, config, context, size=None):
    """Run the step over shards of so many rows."""
    return pl.concat(step.dedup(Shards.of([given], rows=size), config, context))


def run(given, **config):
    context = Context(seed=0, base=Path(), ledger=None)
    after = dedup(given, DedupConfig(**config), context)
    rows.check_laws(given, after, "dedup", grows=False)
    return after


def dropped(after):
    return [None if mark is None else mark.removeprefix("dedup: ").partition(":")[0] for mark in after["dropped"]]


SPAIN = "Name three fruits that are eaten in winter and grow on trees in the south of Spain."
ITALY = SPAIN.replace("Spain", "Italy")


def test_the_first_stays_and_the_others_name_their_twin():
    after = run(table("Something else altogether, to begin with.", SPAIN, SPAIN.upper() + "  ", ITALY))
    assert dropped(after) == [None, None, "exact duplicate", "near-duplicate"]
    assert after["twin"].to_list() == [None, None, "id1", "id1"]
    assert after["dropped"][3] == "dedup: near-duplicate: 0.88 of id1"
    evidence = json.loads(after["evidence"][3])
    assert evidence["twin"] == "id1" and evidence["twin_text"] == SPAIN[:120]
    assert evidence["jaccard"] == pytest.approx(jaccard(SPAIN, ITALY), abs=1e-4)


def test_short_texts_do_not_collapse():
    short = ["yes", "no", "42", "", "👍", "🎉", "3 > 4", "3 < 4", "Rome", "好", "Yes!", "はい"]
    assert dropped(run(table(*short))) == [None] * len(short)
    assert dropped(run(table("42", "yes", " 42 ", "YES"))) == [
        None,
        None,
        "exact duplicate",
        "exact duplicate",
    ]


def test_signs_tell_texts_apart():
    prompts = ["Work out 12 + 7 + 5", "Work out 12 - 7 * 5", "Is 3 > 4 or 7 > 2?", "Is 3 < 4 or 7 < 2?"]
    assert dropped(run(table(*prompts))) == [None] * 4


def test_a_short_answer_to_another_prompt_is_no_duplicate():
    given = table("Is fire hot?", "Is snow cold, as far as one can tell?", responses=["Yes", "Yes"])
    assert dropped(run(given, on="response")) == [None, None]


def test_two_seeds_with_one_prompt_lose_the_later_seed_with_all_its_rows():
    after = run(table(SPAIN, SPAIN, SPAIN, SPAIN, seeds=[1, 1, 2, 2], responses=["a", "b", "c", "d"]))
    assert dropped(after) == [None, None, "exact duplicate", "exact duplicate"]
    assert after["twin"].to_list() == [None, None, "id0", "id0"]


@pytest.mark.parametrize("on", ["prompt", "response", "conversation"])
def test_siblings_are_only_dropped_for_the_very_same_answer(on):
    answers = [SPAIN, ITALY, SPAIN, SPAIN.upper(), SPAIN + "  ", None, None]
    after = run(table(*["Which?"] * 7, seeds=[1] * 7, responses=answers), on=on)
    assert dropped(after) == [None, None, "same answer as a sibling", None, None, None, None]
    assert after["twin"][2] == "id0"


def test_answers_to_different_prompts_are_compared_where_asked():
    words = ["one two three four five six seven", "un deux trois quatre cinq six sept", "eins zwei drei vier"]
    given = table(*words, responses=[SPAIN, ITALY, None])
    assert dropped(run(given, on="prompt")) == [None] * 3
    assert dropped(run(given, on="response")) == [None, "near-duplicate", None]
    assert dropped(run(given, on="conversation")) == [None, None, None]


def test_a_failed_answer_takes_no_good_ones_place():
    given = table("First?", "Another?", responses=[SPAIN, ITALY], failed=["verify: wrong", None])
    assert dropped(run(given, on="response")) == ["near-duplicate", None]


def test_a_row_dropped_before_is_nobodys_twin():
    after = run(table(SPAIN, SPAIN, dropped=["quality: echo", None]))
    assert after["dropped"].to_list() == ["quality: echo", None]


def test_all_messages_count():
    given = table("Go on.", "Go on.")
    talks = [[{"role": "system", "content": text}, {"role": "user", "content": "Go on."}] for text in (SPAIN, "Rhyme.")]
    ids = [rows.prompt_id(talk) for talk in talks]
    given = given.with_columns(pl.Series("prompt", talks, given.schema["prompt"]), pl.Series("prompt_id", ids))
    assert dropped(run(given)) == [None, None]


@pytest.mark.parametrize(
    ("start", "one_end", "other_end"),
    [
        (
            "世界で最も珍しい果物の一つであるドリアンについて、特徴と",
            "味を教えてください。",
            "値段を教えてください。",
        ),
        ("请列出三种生长在西班牙南部的水果，并说明它们的", "味道。", "价格。"),
        ("ตั้งชื่อผลไม้สามชนิดที่ปลูกในภาคใต้ของสเปนและรับประทานในฤดู", "หนาว", "ร้อน"),
        (
            "스페인 남부의 나무에서 자라고 겨울에 먹는 과일 세 가지를 말하고",
            " 맛을 설명하세요",
            " 값을 설명하세요",
        ),
        ("स्पेन के दक्षिण में पेड़ों पर उगने वाले तीन फलों के नाम", " और स्वाद", " और मूल्य"),
        ("ﬁnd the ｗｉｄｅ letters in this very sentence", "", "."),
    ],
)
def test_scripts(start, one_end, other_end):
    unlike = "Ἐν ἀρχῇ ἦν ὁ λόγος, καὶ ὁ λόγος ἦν πρὸς τὸν θεόν"
    after = run(table(start + one_end, unlike, start + other_end), threshold=0.6)
    assert dropped(after) == [None, None, "near-duplicate"]


def test_nothing_and_no_responses():
    assert run(table(), on="response").height == 0
    assert dropped(run(table("a", "b"), on="response")) == [None, None]


def test_minhash_says_what_it_misses():
    context = Context(seed=0, base=Path(), ledger=None)
    dedup(table(SPAIN, ITALY), DedupConfig(method="minhash"), context)
    assert "minhash finds about 44% of the pairs at similarity 0.7" in context.notes[0]
    context.notes.clear()
    dedup(table(SPAIN, ITALY), DedupConfig(), context)
    assert not context.notes


def grams(text, size=3):
    """The plain definition, written apart from the step; for lower-case ASCII words."""
    words = text.lower().replace(".", "").replace(",", "").split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def jaccard(one, other):
    return len(grams(one) & grams(other)) / len(grams(one) | grams(other))


def planted(pairs, seed):
    """Pairs of random texts in which `other` has one run of words replaced: similarities from .4 to 1."""
    draw = random.Random(seed)
    words = [f"w{i}" for i in range(4000)]
    for _ in range(pairs):
        one = draw.choices(words, k=draw.randint(20, 120))
        other = list(one)
        for at in range(draw.randint(0, len(one) // 4)):
            other[at] = draw.choice(words)
        yield " ".join(one), " ".join(other)


def test_planted_pairs_are_found_and_nothing_else_is_dropped():
    found = sought = 0
    texts = [text for pair in planted(1500, seed=4) for text in pair]
    after = run(table(*texts))
    for i in range(0, len(texts), 2):
        near, mark = jaccard(texts[i], texts[i + 1]), after["dropped"][i + 1]
        assert after["dropped"][i] is None
        if mark is not None:
            assert near >= 0.7 and after["twin"][i + 1] == f"id{i}"
        if near >= 0.72:
            sought, found = sought + 1, found + (mark is not None)
    assert sought > 300
    assert found / sought >= 0.99


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(prompts=st.lists(WORDS, max_size=14), threshold=st.sampled_from([0.3, 0.5, 0.7, 1.0]))
def test_a_row_is_dropped_exactly_when_an_earlier_kept_row_is_near(prompts, threshold):
    after = run(table(*prompts), threshold=threshold)
    kept = []
    for i, prompt in enumerate(prompts):
        twins = [j for j in kept if prompts[j] == prompt]
        if grams(prompt):
            twins += [j for j in kept if grams(prompts[j]) and jaccard(prompt, prompts[j]) >= threshold]
        assert (after["dropped"][i] is not None) == bool(twins)
        assert after["twin"][i] is None or int(after["twin"][i][2:]) in twins
        if not twins:
            kept.append(i)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.one_of(st.none(), st.text(max_size=30))), max_size=8))
def test_any_text_and_twice_is_once(pairs):
    given = table(*[prompt for prompt, _ in pairs], responses=[response for _, response in pairs])
    for on in ("prompt", "response", "conversation"):
        after = run(given, on=on)
        stays = after.filter(pl.col("dropped").is_null()).drop("twin")
        assert run(stays, on=on)["dropped"].null_count() == stays.height


PROCESS = """
from tests.test_dedup import *
after = run(table(*[text for pair in planted(60, seed=9) for text in pair]), threshold=0.4)
print(after.select("dropped", "evidence").write_json())
"""


def test_the_same_in_every_process():
    root = Path(__file__).parents[1]
    said = {
        subprocess.run(
            [sys.executable, "-c", PROCESS],
            cwd=root,
            env=os.environ | {"PYTHONHASHSEED": salt},
            capture_output=True,
            check=True,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(said) == 1 and b"near-duplicate" in said.pop()


def test_a_shared_system_message_outvotes_no_question_and_another_one_makes_another_request():
    system = "You are a patient assistant for a shop that sells jackets, boots and tents to hikers in the far north."
    questions = ["Who wrote Hamlet?", "How do I return a jacket?", "Name a river in Peru, please."]
    turns = [[{"role": "system", "content": system}, {"role": "user", "content": text}] for text in questions]
    alike = [
        [{"role": "system", "content": f"{system} {n}"}, {"role": "user", "content": "Hi there, you"}] for n in (1, 2)
    ]
    made = [{"id": f"i{n}", "seed_id": f"i{n}", "prompt_id": f"p{n}", "prompt": p} for n, p in enumerate(turns + alike)]
    after = dedup(rows.frame(made), DedupConfig(), Context(seed=0, base=Path(), ledger=None))
    assert after["dropped"].null_count() == 5


def test_a_prompt_whose_answer_failed_takes_no_place_from_one_with_a_good_answer():
    near = "Name three fruits that grow on trees in the cool countries of the north and keep well {}."
    given = table(near.format("all winter"), near.format("all autumn"), responses=["Bad.", "Good."])
    given = given.with_columns(failed=pl.Series(["verify: broke: lines", None]))
    after = dedup(given, DedupConfig(threshold=0.6), Context(seed=0, base=Path(), ledger=None))
    assert after["dropped"].is_null().to_list() == [False, True]
