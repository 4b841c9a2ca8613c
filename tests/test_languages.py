"""builder.languages: the arrays against langdetect's own code and against plain Python."""

import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

from builder.languages import grams, lookup, profiles, scripts, wanted
from builder.languages.tally import tally

OWN = Path(__file__).parent / "benchmarks" / "language_sentences.txt"
SENTENCES = [line.split("\t") for line in OWN.read_text("utf-8").splitlines() if not line.startswith("#")]
TEXTS = [text for _, text in SENTENCES]


def langdetects():
    factory = DetectorFactory()
    factory.load_json_profile([path.read_text("utf-8") for path in sorted(Path(PROFILES_DIRECTORY).iterdir())])
    factory.set_seed(0)
    return factory


def unpacked(key):
    return "".join(chr(key >> shift & 0xFFFF) for shift in (32, 16, 0)).lstrip("\0")


def shorter(gram):
    """All n-grams that end where this one does, as langdetect takes them."""
    return [gram[-n:] for n in range(1, len(gram) + 1) if gram[-n:] != " "]


def test_the_n_grams_are_langdetects():
    texts = [
        *TEXTS,
        "HALLO Welt",
        "USA und EU",
        "a  b",
        "東京タワー and 한국어",
        "Ελληνικά with Latin words",
        "l'été, déjà-vu",
    ]
    factory = langdetects()
    for text in texts:
        detector = factory.create()
        detector.append(f"{text} ")  # its end does not end a word there
        detector.cleaning_text()
        theirs = Counter(detector._extract_ngrams())
        found = grams.n_grams(grams.points([text]))
        ours = Counter(gram for key in found.keys.tolist() for gram in shorter(unpacked(key)))
        known = Counter({gram: count for gram, count in ours.items() if gram in factory.word_lang_prob_map})
        assert known == theirs, text


def test_agreement_with_the_package_itself():
    factory = langdetects()
    long = [" ".join(TEXTS[at : at + 6]) for at in range(0, len(TEXTS), 6)]
    told = profiles.tell(long)
    truth = [code for code, _ in SENTENCES[::6]]
    theirs = []
    for text in long:
        detector = factory.create()
        detector.append(text)
        theirs.append(detector.detect())
    assert [code.partition("-")[0] for code in told.languages] == truth
    agree = sum(a.partition("-")[0] == b.partition("-")[0] for a, b in zip(told.languages, theirs, strict=True))
    assert agree >= len(long) - 1, list(zip(told.languages, theirs, strict=True))


def test_short_instructions_in_34_languages():
    told = profiles.tell(TEXTS)
    right = [got.partition("-")[0] == want for got, (want, _) in zip(told.languages, SENTENCES, strict=True)]
    assert np.mean(right) >= 0.98
    sure = told.confidences >= 0.8
    assert np.mean(sure) >= 0.93 and np.mean(np.array(right)[sure]) >= 0.99
    assert abs(told.confidences.mean() - np.mean(right)) < 0.03, "confidence means what it says"


def test_an_answer_does_not_depend_on_chunk_or_neighbours(monkeypatch):
    whole = profiles.tell(TEXTS)
    monkeypatch.setattr(profiles, "_CHUNK", 100)
    order = list(range(len(TEXTS)))
    random.Random(1).shuffle(order)
    parts = profiles.tell([TEXTS[at] for at in order])
    assert [whole.languages[at] for at in order] == parts.languages
    assert (whole.confidences[order] == parts.confidences).all() and (whole.words[order] == parts.words).all()


def test_nothing_to_go_by():
    told = profiles.tell(["", "   ", "123 !?", "👍", "ⴰⵎⴰⵣⵉⵖ", "\ud800"])
    assert told.languages == [None] * 6 and (told.confidences == 0).all()
    empty = profiles.tell([])
    assert empty.languages == [] and len(empty.confidences) == 0
    assert profiles.tell(["Что такое любовь?"], among=["en", "de"]).languages == [None]
    assert profiles.tell(["Что такое любовь?"], among=["en", "uk"]).languages == ["uk"]


def test_every_profile_has_a_script_and_every_word_is_one():
    assert profiles.known() == sorted(path.name for path in Path(PROFILES_DIRECTORY).iterdir())
    for script, codes in scripts.LANGUAGES.items():
        hashes, bonus = profiles._words(codes)
        assert len(hashes) + 1 == len(bonus) == len(np.unique(hashes)) + 1, script
    lines = (Path(profiles.__file__).parent / "words.txt").read_text("utf-8").splitlines()
    told = {line.partition(": ")[0] for line in lines if not line.startswith("#")}
    assert told == {code for name in ("Latin", "Cyrillic", "Arabic", "Devanagari") for code in scripts.LANGUAGES[name]}


def test_scripts():
    texts = ["hello", "привет мир", "東京", "東京です", "한국어", "Ελλάδα", "12 !", "Пишу: hi", "iPhone 手机很好用"]
    laid = grams.points(texts)
    script, share = scripts.dominant(laid.points, laid.bounds)
    names = [scripts.NAMES[number] if number >= 0 else None for number in script]
    assert names == ["Latin", "Cyrillic", "Han", "kana", "Hangul", "Greek", None, "Cyrillic", "Han"]
    assert share[0] == 1 and 0.6 < share[7] < 0.7


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=300), st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_lookup(keys, others):
    table = lookup.Lookup(np.array(keys, np.uint64))
    asked = keys + others
    where = {key: row for row, key in enumerate(keys)}
    assert table.find(np.array(asked, np.uint64)).tolist() == [where.get(key, -1) for key in asked]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=8))
def test_words_are_hashed_one_by_one(texts):
    found = grams.words(grams.points(texts))
    alone = [grams.words(grams.points([text])).keys.tolist() for text in texts]
    assert [found.keys[a:b].tolist() for a, b in zip(found.starts, found.starts[1:], strict=False)] == alone


def test_words_ignore_case_and_signs():
    same = grams.words(grams.points(["Der Wald", "der, WALD!", "«der»\twald"])).keys.tolist()
    assert same[:2] == same[2:4] == same[4:] and same[0] != same[1]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", max_codepoint=0xFFFE), max_size=40), max_size=6))
def test_tally_counts_as_python_does(texts):
    counts = tally(texts)
    assert counts.letters.tolist() == [sum(map(str.isalpha, text)) for text in texts]
    assert counts.solid.tolist() == [sum(not char.isspace() for char in text) for text in texts]
    ascii_letters = [sum(char.isascii() and char.isalpha() for char in text) for text in texts]
    assert counts.ascii_letters.tolist() == ascii_letters
    plain = [text.replace('"', "") for text in texts]
    assert tally(plain).signs.tolist() == [sum(char in "(){}[]=;<>_+\\^$|" for char in text) for text in plain]


def test_tally_counts_the_quotes_of_json():
    assert tally(['{"a": "b"}', 'She said "no" twice', "", "東京か"]).signs.tolist() == [4, 0, 0, 0]
    assert tally(["東京か", "한국"]).cjk.tolist() == [3, 2]


def test_wishes():
    read = wanted.wish
    assert read("Answer in simplified Chinese.").required == "zh"
    assert read("Translate from English into French: hello") == wanted.Wish("fr", frozenset({"en", "fr"}), True)
    assert read("Polish this text so that it reads like a good story.").required is None
    assert read("Write a letter in English and translate it to German.").required is None, "two wishes are none"
    assert read("What is the word for dog in Spanish?") == wanted.Wish(None, frozenset({"es"}), False)
    assert read("Name three animals.") == wanted.Wish(None, frozenset(), False)
    assert read("Name three animals.", "translation").translation
    for prompt in ("Antworte auf Englisch.", "Répondez en anglais.", "Responde en inglés.", "Ответь на английском."):
        assert read(prompt).required == "en", prompt


def test_reading_a_prompt_takes_no_time_however_odd():
    started = time.perf_counter()
    for text in ("write " * 5000, "in " * 20000, "translate in " * 4000 + "French", "schreib auf " * 4000):
        wanted.wish(text)
    assert time.perf_counter() - started < 5, "no catastrophic backtracking"
