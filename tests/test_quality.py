import json
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder import rows
from builder.config import QualityConfig, QualityRules, ToxicityConfig
from builder.context import Context
from builder.errors import InputError
from builder.measures import ABOUT, toxicity
from builder.steps.quality import check, quality

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
    return round(1 - len(set(grams)) / len(grams), 4) if len(words) >= 50 else None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdeF"), max_size=90).map(" ".join), max_size=5))
def test_repetition_is_the_share_of_four_grams_seen_before(texts):
    assert run(table(*texts))["repetition"].to_list() == pytest.approx([plain_repetition(text) for text in texts])


def test_repetition_is_dropped_above_the_threshold():
    after = run(table("so on and " * 30, "so on and " * 16, " ".join(f"word{i}" for i in range(90))))
    assert marks(after) == ["repetition: 0.9655 > 0.5", None, None]
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


def test_every_measure_is_a_column_and_none_of_them_needs_a_response():
    after = run(table("Apples.", None))
    assert set(ABOUT) <= set(after.columns)
    silent = after.row(1, named=True)
    assert [name for name in ABOUT if silent[name] is not None] == [
        *(n for n in ABOUT if n.startswith("prompt")),
        "pii",
    ]


PROSE = "The cat sat on the mat and looked at the dog that had come into the garden of the house with a ball. " * 2


def test_measures_rest_where_they_mean_nothing():
    code = "```python\n" + "x = [1, 2]\n" * 30 + "```"
    after = run(table(PROSE, code, "Paris", "東京は日本の首都です。" * 20, "a\nb\nc"))
    prose = ("mean_word_chars", "alphabetic_words", "symbol_ratio", "stop_words")
    for name in prose:
        assert after[name].is_not_null().to_list() == [True, False, False, False, False], name
    assert after["code"].to_list() == [False, True, False, False, False]
    assert after["duplicate_lines"].to_list() == [None] * 5
    assert after["bullet_lines"].is_not_null().to_list() == [False, True, False, False, False]
    row = after.row(0, named=True)
    assert row["stop_words"] == 2 * len(
        re.findall(r"\b(the|that|of|and|to|with|be|have)\b", PROSE[: len(PROSE) // 2], re.I)
    )
    assert row["alphabetic_words"] == 1 and row["symbol_ratio"] == 0
    german = run(table(PROSE).with_columns(lang=pl.lit("de")))
    assert german["stop_words"].to_list() == [None] and german["mean_word_chars"].count() == 1


def test_lines():
    after = run(table("- a\n- b\n\n- a\n2. c\nend", "one\n" * 6, "one"))
    assert after["bullet_lines"].to_list() == [0.8, 0, None]
    assert after["duplicate_lines"].to_list() == [0.2, 0.8333, None]


FLAGS = [
    ("provider_identity", "I am an AI model trained by OpenAI.", "I was trained by OpenTable to serve."),
    ("provider_identity", "I'm Qwen, created by Alibaba Cloud.", "I am Claude Monet, a painter."),
    ("scaffolding", "Paris.<|im_end|>", "Paris < Rome | Oslo > Bonn"),
    ("scaffolding", "[INST] Hi [/INST] Hello", "The tag is [INSTALL]"),
    ("scaffolding", "#Rewritten Prompt#: Name five fruits.", "# Rewritten prompts are fun"),
    ("scaffolding", "Here is the rewritten prompt: Name five.", "Here is the rewritten letter: Dear Sam"),
    ("scaffolding", "Sure.\n### Response:\nYes.", "### Response times\nThey vary."),
    ("scaffolding", "```py\nx\n```</s>", "Write `</s>` at the end, as `<s>` at the start, to strike it through."),
    ("self_reference", "It is late. However, as an AI, I do not sleep.", "As an AI researcher, I sleep."),
    ("extra_turn", "Paris.\nHuman: And of Italy?", "Human rights: a list"),
    ("label_start", "Output: 7", "Outputs: 7"),
    ("colon_end", "Here they are:", "Here: they are"),
    ("digit_run", "It is 123456789.", "It is 12345678, not 123-456-789."),
]


@pytest.mark.parametrize(("flag", "up", "down"), FLAGS)
def test_flags(flag, up, down):
    assert run(table(up, down, None), scaffolding="keep")[flag].to_list() == [True, False, None]


PROMPT_FLAGS = [
    ("prompt_keyword", "Draw a cat", "Drawn cats"),
    ("prompt_odd_start", "- list", "Éclairs"),
    ("prompt_program", "Write a program that sorts.", "Write a programme for the fair."),
    ("prompt_placeholder", "Sum up.\n<noinput>", "There is no input here."),
    ("prompt_placeholder", "See https://a.org/b.png", "See https://a.org/b.html"),
    ("prompt_merged", "Add.\n### Instruction: subtract", "Follow the instruction: add"),
]


@pytest.mark.parametrize(("flag", "up", "down"), PROMPT_FLAGS)
def test_flags_of_prompts(flag, up, down):
    for prompt, wanted in ((up, True), (down, False)):
        assert run(table("x", prompt=prompt))[flag].to_list() == [wanted]
        assert marks(run(table("x", prompt=prompt), **{f"{flag}s" if flag != "prompt_merged" else flag: "drop"})) == [
            flag if wanted else None
        ]


def test_what_the_prompt_asks_for_is_no_leak():
    named = "You are ChatGPT by OpenAI. Introduce yourself."
    assert marks(run(table("I am a model trained by OpenAI.", prompt=named))) == [None]
    assert marks(run(table("<|im_start|>user", prompt="What does <|im_end|> follow?"))) == [None]
    assert run(table("Q: A?\nQ: B?", prompt="Write two quiz lines."))["extra_turn"].to_list() == [False]


def test_unfinished():
    line = "word " * 120
    after = run(
        table(line + "and then the", line + "and then.", line + "\nYours, Sam", "and then the", line + "#a #b #c")
    )
    assert after["unfinished"].to_list() == [True, False, False, False, False]


def test_a_task_has_its_own_rules():
    given = pl.concat([table("a b", "a b", "c d", "I am just an AI.", "I am just an AI."), table()])
    given = given.with_columns(task=pl.Series(["short", "long", None, "long", "other"]))
    tasks = {"long": QualityRules(min_response_words=3, refusals="keep"), "gone": QualityRules(refusals="keep")}
    after = run(given, min_response_words=2, tasks=tasks)
    assert marks(after) == [None, "response_words: 2 < 3", None, None, "refusal"]
    off = run(given, min_response_words=3, tasks={"short": QualityRules(min_response_words=None)})
    assert marks(off)[:3] == [None, "response_words: 2 < 3", "response_words: 2 < 3"]


def test_a_task_may_have_empty_answers():
    given = table("", "").with_columns(task=pl.Series(["silent", None]))
    assert marks(run(given, tasks={"silent": QualityRules(min_response_chars=None)})) == [None, "empty"]


def test_what_a_recipe_says_of_tasks_is_part_of_its_identity():
    plain, off, same = (
        QualityConfig(tasks=tasks).identity()
        for tasks in ({}, {"a": QualityRules(max_repetition=None)}, {"a": QualityRules(max_repetition=0.5)})
    )
    assert off["tasks"] == {"a": {"max_repetition": None}} and same["tasks"] == {"a": {"max_repetition": 0.5}}
    assert len({rows.content_id(one) for one in (plain, off, same)}) == 3


def test_redacting_is_refused_with_the_way_to_do_it():
    with pytest.raises(ValueError, match=r"- redact: \{\}"):
        QualityConfig(pii="redact")


def test_personal_data():
    given = table("Write to ann.lee@acme.io.", "Write to ann@example.com.", None)
    assert run(given)["pii"].to_list() == [["email"], [], []]
    assert run(given, pii="keep")["pii"].to_list() == [None] * 3
    dropped = run(given, pii="drop")
    assert marks(dropped) == ["pii: email", None, None]
    assert "ann" not in dropped["evidence"][0]
    asked = run(table("Yes.", prompt="Is ann.lee@acme.io right?"))
    assert asked["pii"].to_list() == [["email"]]


def test_evidence_shows_what_was_found():
    after = run(table("Paris.<|im_end|>", "I'm Qwen, created by Alibaba Cloud.", "fine"))
    shown = [json.loads(text) for text in after["evidence"][:2]]
    assert shown[0] == {
        "scaffolding": True,
        "begins": "Paris.<|im_end|>",
        "ends": "Paris.<|im_end|>",
        "found": "<|im_end|>",
    }
    assert shown[1]["found"] == "I'm Qwen, created by"
    assert after["evidence"][2] is None


def test_a_classifier_without_its_package_is_refused(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs transformers and torch \(pip install"):
        check(QualityConfig(toxicity=ToxicityConfig(model="a/b")), Path())
    assert check(QualityConfig(), Path()) == {}


def test_a_classifier(monkeypatch):
    """The wiring; a model is not run here."""
    monkeypatch.setattr(toxicity, "scores", lambda texts, config, progress: pl.Series([0.1, 0.9, None]))
    after = run(table("a", "b", None), toxicity=ToxicityConfig(model="a/b"))
    assert marks(after) == [None, "toxicity: 0.9 > 0.5", None]


def test_words_of_scripts_without_spaces():
    assert run(table("東京です。はい", "สวัสดี", "नमस्ते दुनिया"))["response_words"].to_list() == [6, 4, 2]


def test_the_empty_table():
    assert run(table()).height == 0


@settings(max_examples=40, deadline=None)
@given(ANY.map(lambda text: text[:40]), st.lists(st.one_of(st.none(), ANY), max_size=4))
def test_any_text(prompt, responses):
    after = run(table(*responses, prompt=prompt))
    assert after["empty"].to_list() == [said if said is None else not said.strip() for said in responses]
