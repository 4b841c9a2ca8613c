import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder import rows
from builder.config import QualityConfig
from builder.context import Context
from builder.steps.quality import quality

# Python strips four control characters that Unicode does not count as white space
ANY = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60)
ASKED = "Name three kinds of fruit that grow on trees."


def table(*responses, prompt=ASKED):
    messages = [{"role": "user", "content": prompt}]
    same = {"prompt": messages, "prompt_id": rows.prompt_id(messages)}
    return rows.frame([{"id": f"id{i}", "seed_id": "s", "response": said} | same for i, said in enumerate(responses)])


def run(given, **config):
    after = quality(given, QualityConfig(**config), Context(seed=0, base=Path(), ledger=None))
    rows.check_laws(given, after, "quality", grows=False)
    return after


def marks(after):
    return [mark and mark.removeprefix("quality: ") for mark in after["dropped"]]


def test_every_measure():
    row = run(table("  Apples, pears & well-known plums. ")).row(0, named=True)
    assert (row["prompt_chars"], row["prompt_words"]) == (len(ASKED), 9)
    assert (row["response_chars"], row["response_words"]) == (33, 5)
    assert row["repetition"] is None
    assert [row[flag] for flag in ("refusal", "truncated", "echo", "empty")] == [False] * 4
    assert row["dropped"] is None


def test_without_a_response_its_measures_are_null_and_its_rules_rest():
    row = run(table(None)).row(0, named=True)
    assert row["prompt_words"] == 9 and row["dropped"] is None
    flags = ("response_chars", "response_words", "repetition", "refusal", "truncated", "echo", "empty")
    assert [row[name] for name in flags] == [None] * len(flags)
    with_finish = table(None).with_columns(finish_reason=pl.lit("length"))
    assert run(with_finish)["truncated"].to_list() == [None]


def test_lengths():
    after = run(table("", " \n", "four", "longer"), min_response_chars=5, max_response_chars=5)
    assert marks(after) == ["empty", "empty", "response_chars: 4 < 5", "response_chars: 6 > 5"]
    assert json.loads(after["evidence"][2])["response_chars"] == 4
    assert marks(run(table("x"), min_prompt_words=10)) == ["prompt_words: 9 < 10"]
    assert marks(run(table("x"), max_prompt_chars=9)) == [f"prompt_chars: {len(ASKED)} > 9"]
    off = {
        "min_response_chars": None,
        "max_response_chars": None,
        "max_prompt_chars": None,
        "max_repetition": None,
    }
    assert marks(run(table("", "over and over " * 7000), **off)) == [None, None]


def plain_repetition(text):
    words = text.lower().split()
    grams = [tuple(words[i : i + 4]) for i in range(len(words) - 3)]
    return round(1 - len(set(grams)) / len(grams), 2) if len(words) >= 50 else None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdeF"), max_size=90).map(" ".join), max_size=5))
def test_repetition_is_the_share_of_four_grams_seen_before(texts):
    assert run(table(*texts))["repetition"].to_list() == pytest.approx([plain_repetition(text) for text in texts])


def test_repetition_is_dropped_above_the_threshold():
    after = run(table("so on and " * 30, "so on and " * 16, " ".join(f"word{i}" for i in range(90))))
    assert marks(after) == ["repetition: 0.97 > 0.5", None, None]
    table_of_rules = "| a | b |\n|---|---|---|---|---|---|\n" * 20
    assert run(table(table_of_rules))["repetition"].to_list() == [None], "rules of a table are no words"


REFUSALS = [
    "I'm sorry, but I can't assist with that request.",
    "I’m sorry, but I can’t help with that.",
    "I cannot fulfill your request.",
    "As an AI language model, I do not have personal opinions, but here are some views.",
    "As an AI, I cannot create a painting.",
    "As a large language model, I am unable to generate visual data.",
    "Hello! As an AI assistant, my knowledge ends in 2021.",
    "I am just an AI, so I have never been there.",
    "I am an AI language model created by a company.",
    "Unfortunately, I do not have access to real-time train timetables.",
    "I don't have personal preferences.",
    "I apologize for the confusion, but I am unable to provide medical advice.",
    "Thank you for asking! However, I am not able to browse the internet.",
    "Sorry, I won't create harmful content.",
    "It goes against my programming to say so.",
    "There are many views, but as an AI language model, I hold none.",
]

ORDINARY = [
    "I cannot find my keys, she thought, and looked under the bed once more.",
    "I cannot help but smile when I think of that summer.",
    "I can't believe it is already over. I can't answer the phone when I drive.",
    "I won't give up, said the boy. I will not write another word.",
    "I'm sorry to hear that. Can you tell me a bit more about it?",
    "I am sorry that I was late to our meeting.",
    "Dear Sam, I am sorry, but I can't come to your party on Friday.",
    "As an AI researcher, I study how machines learn from examples.",
    "As an AI personal trainer, I would recommend the following plan.",
    "I am an AI engineer with ten years of experience.",
    "As a language teacher, I know how hard verbs are.",
    "As an assistant to the director, I kept the books.",
    "This is my programming project, and it is about bees.",
    "A language model is a program that predicts text.",
    "I do not have any eggs left, so the cake has to wait.",
    "Unfortunately, the train was late, and I could not help my sister to move.",
    "The phrase 'I cannot assist with that' is how a machine declines.",
]


@pytest.mark.parametrize("said", REFUSALS)
def test_refusals(said):
    assert marks(run(table(said, said + " Still, here is more."))) == ["refusal", "refusal"]
    assert marks(run(table(said), refusals="keep")) == [None]


@pytest.mark.parametrize("said", ORDINARY)
def test_what_is_no_refusal(said):
    assert run(table(said, "Once upon a time. " + said))["refusal"].to_list() == [False, False]


def test_a_refusal_in_the_middle_of_a_text_is_ordinary():
    story = "The robot looked up. " * 20 + "I'm sorry, but I can't assist with that, it said."
    assert run(table(story))["refusal"].to_list() == [False]


def test_truncated():
    fenced = "Here:\n```python\nprint(1)\n"
    after = run(
        table(fenced, fenced + "```", "plain", "cut").with_columns(
            finish_reason=pl.Series([None, "stop", "stop", "length"])
        )
    )
    assert marks(after) == ["truncated", None, None, "truncated"]
    assert marks(run(table(fenced), truncated="keep")) == [None]


def test_echo():
    answers = [
        ASKED,
        f"  {ASKED.upper()}\n",
        ASKED + " Ok.",
        ASKED + " Apples, pears and plums.",
        "Name three",
    ]
    assert run(table(*answers))["echo"].to_list() == [True, True, True, False, False]
    assert run(table("Hi", "Hi there", prompt="hi"))["echo"].to_list() == [True, False], "short: only if equal"
    assert marks(run(table(ASKED), echo="keep")) == [None]
    assert marks(run(table(ASKED))) == ["echo"]


def test_words_of_scripts_without_spaces():
    assert run(table("東京です。はい", "สวัสดี", "नमस्ते दुनिया"))["response_words"].to_list() == [6, 4, 2]


def test_the_empty_table():
    assert run(table()).height == 0


@settings(max_examples=40, deadline=None)
@given(ANY.map(lambda text: text[:40]), st.lists(st.one_of(st.none(), ANY), max_size=4))
def test_any_text(prompt, responses):
    after = run(table(*responses, prompt=prompt))
    assert after["empty"].to_list() == [said if said is None else not said.strip() for said in responses]
