import random
import re
import string
import unicodedata

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.measures import counts
from builder.text import words
from builder.tokens import Tokens

SPACE = " \t\n\r\x0b\x0c"
PROSE = ("The cat, who is 4, sat on a mat and looked at the two dogs in the long and quiet garden of her house. " * 3)[
    :-1
]


def count(*texts):
    return (
        pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
        .select(c=counts.expression(pl.col("text")))
        .unnest("c")
    )


def plain(text):
    """The same by a loop over ASCII texts."""
    found = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold(), re.ASCII)
    grams = [tuple(found[i : i + 4]) for i in range(len(found) - 3)]
    stretches = text.split()
    told = dict.fromkeys(counts.ABOUT) | {"response_words": len(found)}
    if len(found) >= 50:
        told["distinct_words"] = round(len(set(found)) / len(found), 4)
        told["repetition"] = round(1 - len(set(grams)) / len(grams), 4)
    if min(len(stretches), len(found)) >= 20 and any(c.isalpha() for c in text) and len(found) <= 3 * len(stretches):
        told["mean_word_chars"] = round(sum(map(len, stretches)) / len(stretches), 4)
        told["alphabetic_words"] = round(sum(any(c.isalpha() for c in w) for w in stretches) / len(stretches), 4)
    return told


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text(string.ascii_letters[:6] + "12.,-#\n\t ", max_size=400), max_size=6))
def test_counts_are_those_of_a_loop(texts):
    for text, told in zip(texts, count(*texts).to_dicts(), strict=True):
        wanted = plain(text)
        if not any(c.isalpha() for c in text):  # nothing Latin, nothing beyond: both shares are 0 of 0
            wanted = {name: wanted[name] for name in ("response_words", "distinct_words", "repetition")}
        assert {name: told[name] for name in wanted} == pytest.approx(wanted, abs=1.01e-4), text


def test_prose():
    told = count(PROSE).row(0, named=True)
    assert told == pytest.approx(plain(PROSE), abs=1e-9)
    assert told["mean_word_chars"] is not None and told["repetition"] > 0.5


@pytest.mark.parametrize(
    "text",
    [
        "東京は日本の首都です。" * 30,
        "Москва это столица России и очень большой город. " * 9,
        "x" * 900,
        "",
        "1 + 2 = 3",
    ],
)
def test_where_words_have_no_form_to_measure(text):
    told = count(text).row(0, named=True)
    assert (told["mean_word_chars"], told["alphabetic_words"]) == (None, None)
    words_found = pl.select(n=words(pl.lit(text)).list.len()).item()
    assert told["response_words"] == words_found


def test_null_and_no_texts():
    assert set(count(None).row(0)) == {None}
    assert count().height == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=60), max_size=40))
def test_distinct_counts_hashes_of_each_text(rows):
    starts = np.cumsum([0, *map(len, rows)])
    hashes = np.array([value for row in rows for value in row], np.uint64)
    assert counts.distinct(Tokens(hashes, starts)).tolist() == [len(set(row)) for row in rows]


def test_distinct_over_many_pieces():
    rng = random.Random(1)
    rows = [
        [rng.getrandbits(64) % (1 << rng.choice((4, 63))) for _ in range(rng.choice((0, 3, 4000)))] for _ in range(120)
    ]
    starts = np.cumsum([0, *map(len, rows)])
    assert starts[-1] > 2 * counts._TOGETHER
    found = counts.distinct(Tokens(np.array([v for row in rows for v in row], np.uint64), starts))
    assert found.tolist() == [len(set(row)) for row in rows]


def test_neither_the_order_nor_the_cut_matters(monkeypatch):
    texts = [PROSE, None, "", "東京です", "so on and " * 40, "café " * 30, PROSE.upper()]
    whole = count(*texts).to_dicts()
    monkeypatch.setattr(counts, "_ROWS", 2)
    assert count(*texts).to_dicts() == whole
    assert count(*texts[::-1]).to_dicts() == whole[::-1]
