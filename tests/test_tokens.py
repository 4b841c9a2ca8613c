import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builder import fold, text, tokens

# letters of every kind the expressions tell apart, marks alone and in rows, signs, spaces, compatibility forms
CHARACTERS = (
    "ab Z9_.,!?'\"-–+<>=*/\n\t\u0301\u0e33\u0e31\u093f\u3099は東กลខမ한글נםعربيéßİﬁＡ①👍🏽🎉$€²\u200d\U000e0100ⅷ"
)
TEXTS = st.lists(st.text(st.one_of(st.sampled_from(CHARACTERS), st.characters(exclude_categories=["Cs"])), max_size=24))


def plain(said):
    """The definition: the expression of builder.text on the normalised text."""
    normal = unicodedata.normalize("NFKC", said).casefold()
    return pl.DataFrame({"text": [normal]}).select(text.tokens(pl.col("text"))).to_series()[0].to_list()


def hashes(made, row):
    return made.hashes[made.starts[row] : made.starts[row + 1]].tolist()


@settings(max_examples=150, deadline=None)
@given(TEXTS)
@example(["", "\u0301", "は\u3099a", "a\u0301b", "\u0e31ก", "가나", "ｈｅｌｌｏ", "3 > 4", "yes"])
def test_tokens_are_those_of_the_expression(texts):
    made = tokens.tokenise(pl.Series(texts, dtype=pl.String))
    words = {}
    for row, said in enumerate(texts):
        expected, found = plain(said), hashes(made, row)
        assert len(expected) == len(found)
        for word, number in zip(expected, found, strict=True):
            assert words.setdefault(word, number) == number
    assert len(set(words.values())) == len(words)


def test_only_what_joins_its_neighbours_is_left_to_python():
    """The characters folded by table give the same alone and in company: checked for all that could compose."""
    seconds = set(range(0x1100, 0x1200))
    for point in range(0x110000):
        parts = unicodedata.decomposition(chr(point)).split()
        if len(parts) == 2 and parts[0][0] != "<":
            seconds.add(int(parts[1], 16))
    alone = [point for point in seconds if fold._fold(point) != fold._JOINS]
    for second in alone:
        for first in "ᄀ가각eΑ":
            apart = plain_form(first) + plain_form(chr(second))
            assert plain_form(first + chr(second)) == apart
    assert fold._fold(ord("ß")) == fold._SEVERAL and fold._fold(ord("Ａ")) == ord("a")


def plain_form(said):
    return unicodedata.normalize("NFKC", said).casefold()


def test_a_token_has_one_hash_wherever_it_stands():
    texts = ["fox", "the FOX jumps", "é fox", "x" * 200_000 + " fox", "le ｆｏｘ", "fox" + " y" * 100_000]
    made = tokens.tokenise(pl.Series(texts))
    fox = hashes(made, 0)[0]
    assert [hashes(made, row).count(fox) for row in range(6)] == [1] * 6


@pytest.mark.parametrize("together", [1, 7, 1 << 17])
def test_any_cut_gives_the_same(together, monkeypatch):
    texts = ["one two three", None, "", "vier fünf", "六七 八", "nine\u0301 ten " * 30, "eleven"] * 3
    whole = tokens.tokenise(pl.Series(texts))
    monkeypatch.setattr(tokens, "_TOGETHER", together)
    cut = tokens.tokenise(pl.Series(texts))
    assert (whole.hashes == cut.hashes).all() and (whole.starts == cut.starts).all()
    sliced = tokens.tokenise(pl.Series(["before", *texts]).slice(1))
    assert (whole.hashes == sliced.hashes).all()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), max_size=9)), st.integers(1, 6))
def test_ngrams_are_the_runs_within_each_text(rows, size):
    made = tokens.Tokens(np.array([token for row in rows for token in row], np.uint64), np.cumsum([0, *map(len, rows)]))
    grams = tokens.ngrams(made, size)
    seen = {}
    for number, row in enumerate(rows):
        runs = [tuple(row[at : at + size]) for at in range(len(row) - size + 1)]
        found = hashes(grams, number)
        assert len(found) == len(runs)
        for run, value in zip(runs, found, strict=True):
            assert seen.setdefault(run, value) == value
    assert len(set(seen.values())) == len(seen)


def test_the_numbers_are_the_same_in_every_process_and_version():
    """They stand in stores: a change here must raise the store's format."""
    made = tokens.ngrams(tokens.tokenise(pl.Series(["The quick brown fox", "東京 é"])), 2)
    code = (
        "import polars as pl; from builder import tokens;"
        "print(tokens.ngrams(tokens.tokenise(pl.Series(['The quick brown fox', '東京 é'])), 2).hashes.tolist())"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "5"},
        cwd=Path(__file__).parents[1],
    ).stdout
    assert made.hashes.tolist() == eval(said) == GOLDEN


GOLDEN = [8034893950023346057, 3233314565281069663, 12653378276021595166, 7660906081690765060, 7600835959440370431]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=9))
@example(["", "\0", "\0\0", "a", "a\0", "A", "é", "e\u0301", None, ""])
def test_fingerprints_tell_all_texts_apart(texts):
    made = tokens.fingerprint(pl.Series(texts, dtype=pl.String)).tolist()
    assert len(set(made)) == len({text or "" for text in texts})
    assert made == [tokens.fingerprint(pl.Series([text], dtype=pl.String))[0] for text in texts]
