"""The engine against its definition, written apart, and against datasketch."""

import random
from collections import Counter, defaultdict

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.errors import InputError
from builder.near import decide, jaccard, minhash, postings
from builder.near.candidates import candidates
from builder.near.corpus import Corpus
from builder.tokens import Tokens, ngrams, tokenise


def shingles(sets):
    """Rows of small numbers as rows of hashes, spread as real ones are."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 2**64, 4096, np.uint64)
    return Tokens(numbers[np.array([one for row in sets for one in row], int)], np.cumsum([0, *map(len, sets)]))


def find(sets, threshold, tmp_path, **how):
    rows = postings.Postings(tmp_path)
    for at in range(0, len(sets), 7):
        rows.add(shingles(sets[at : at + 7]))
    rank = how.pop("rank", np.arange(len(sets)))
    found = jaccard.find(rows, threshold, rank, **how)
    assert not list(tmp_path.iterdir()), "what was spilled is gone"
    return dict(zip(found.rows.tolist(), zip(found.twins.tolist(), found.jaccard.tolist(), strict=True), strict=True))


def definition(sets, threshold, rank=None, family=None, counts=None):
    """Walk by rank; a row goes if one that stays is near: {row: {twin: similarity}}."""
    where, gone = defaultdict(list), {}
    for row in np.argsort(rank) if rank is not None else range(len(sets)):
        if counts is not None and not counts[row]:
            continue
        own = set(sets[row])
        common = Counter(other for one in own for other in where[one])
        near = {other: both / (len(own) + len(set(sets[other])) - both) for other, both in common.items()}
        near = {o: j for o, j in near.items() if j >= threshold and (family is None or family[o] != family[row])}
        if near:
            gone[int(row)] = near
        else:
            for one in own:
                where[one].append(int(row))
    return gone


SETS = st.lists(st.lists(st.integers(0, 25), max_size=12), max_size=40)


@settings(max_examples=250, deadline=None)
@given(
    SETS,
    st.sampled_from([0.1, 0.34, 0.5, 0.7, 0.9, 1.0]),
    st.randoms(use_true_random=False),
    st.sampled_from([0, 1, 64]),
)
def test_decisions_are_those_of_the_definition(tmp_path_factory, sets, threshold, draw, rounds):
    rank = np.array(draw.sample(range(len(sets)), len(sets)), np.int64)
    family = np.array([draw.randrange(len(sets)) for _ in sets], np.uint64)
    counts = np.array([draw.random() < 0.9 for _ in sets], bool)
    expected = definition(sets, threshold, rank, family, counts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decide, "_ROUNDS", rounds)
        patch.setattr(jaccard, "_PRODUCT", draw.choice([3, 1000]))
        patch.setattr(jaccard, "_SHINGLES", draw.choice([5, 1000]))
        patch.setattr(postings, "_IN_MEMORY", draw.choice([4, 1000]))
        patch.setattr(postings, "_TOGETHER", draw.choice([3, 1000]))
        found = find(sets, threshold, tmp_path_factory.mktemp("spill"), rank=rank, family=family, counts=counts)
    assert found.keys() == expected.keys()
    for row, (twin, similarity) in found.items():
        assert expected[row][twin] == pytest.approx(similarity)
        assert twin not in expected, "a twin stays"


def test_the_order_of_rows_is_no_matter_where_rank_says_which_stays(tmp_path):
    draw = random.Random(3)
    sets = [draw.choices(range(60), k=draw.randint(3, 14)) for _ in range(400)]
    names = [tuple(row) for row in sets]
    kept = set()
    for turn in range(3):
        order = draw.sample(range(400), 400) if turn else list(range(400))
        found = find([sets[i] for i in order], 0.5, tmp_path, rank=np.array(order))
        kept.add(frozenset(names[order[i]] for i in range(400) if i not in found))
    assert len(kept) == 1


def test_a_cluster_of_copies_costs_a_comparison_each_and_a_crowd_of_strangers_none(tmp_path, monkeypatch):
    compared = []
    common = jaccard._common
    monkeypatch.setattr(jaccard, "_common", lambda f, one, other: compared.append(len(one)) or common(f, one, other))
    template = list(range(30))
    copies = [[*template, 100 + i] for i in range(1000)]
    assert len(find(copies, 0.9, tmp_path)) == 999
    assert sum(compared) == 999
    compared.clear()
    strangers = [[*template, *range(100 + 30 * i, 130 + 30 * i)] for i in range(100)]
    assert not find(strangers, 0.7, tmp_path)
    assert sum(compared) == 0, "rows meet by what is rare in them, not by the words of a template"


def texts(seed, count=400):
    draw = random.Random(seed)
    made = [" ".join(draw.choices([f"w{i}" for i in range(300)], k=draw.randint(0, 40))) for _ in range(count)]
    for _ in range(count // 4):
        words = draw.choice(made).split() or ["x"]
        words[draw.randrange(len(words))] = "other"
        made.append(" ".join(words))
    return made


@pytest.mark.parametrize(("permutations", "seed"), [(16, 1), (128, 2), (256, 3)])
def test_signatures_are_datasketchs_bit_for_bit(permutations, seed):
    made = ngrams(tokenise(pl.Series(["", *texts(seed)])), 3)
    ours = minhash.signatures(made, permutations)
    for row in range(len(made.starts) - 1):
        theirs = MinHash(permutations, hashfunc=lambda number: number)
        theirs.update_batch((made.hashes[made.starts[row] : made.starts[row + 1]] & np.uint64(2**32 - 1)).tolist())
        assert (theirs.hashvalues == ours[row]).all()


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9])
def test_minhash_decides_as_datasketch_does(threshold):
    said = texts(7)
    made = ngrams(tokenise(pl.Series(said)), 3)
    ours = minhash.signatures(made, 128)
    index, gone = MinHashLSH(threshold=threshold, num_perm=128), []
    filled = np.diff(made.starts) > 0
    for row in np.flatnonzero(filled):
        sketch = MinHash(128, hashvalues=ours[row], scheme="affine32")
        if index.query(sketch):
            gone.append(int(row))
        else:
            index.insert(int(row), sketch)
    bands = minhash.optimal_bands(threshold, 128)
    assert bands == (index.b, index.r)
    found = minhash.find(ours, bands, np.arange(len(said)), filled)
    assert found.rows.tolist() == gone
    assert not set(found.twins.tolist()) & set(gone)
    assert len(gone) >= 8


def test_equal_rows_are_compared_once(tmp_path):
    corpus = Corpus(tmp_path, 3)
    said = [
        "one two three four five six",
        "ONE two three four five six",
        "seven",
        "Seven!",
        "seven",
        None,
        "one two three four five seven",
    ]
    corpus.add(pl.Series(said))
    every = np.arange(7)
    found = corpus.twins(0.6, every, np.ones(7, bool), every.astype(np.uint64), np.ones(7, bool))
    assert found.rows.tolist() == [1, 4, 6] and found.twins.tolist() == [0, 2, 0]
    assert found.jaccard.tolist() == [1, 1, 0.6]


def test_texts_apart_share_nothing(tmp_path):
    corpus = Corpus(tmp_path, 2)
    corpus.add(pl.Series(["one two three"] * 3), np.array([0, 5, 0], np.uint64))
    every = np.arange(3)
    found = corpus.twins(0.5, every, np.ones(3, bool), every.astype(np.uint64), np.ones(3, bool))
    assert found.rows.tolist() == [2] and found.twins.tolist() == [0]


def test_too_many_rows_are_refused_in_a_sentence(tmp_path):
    rows = postings.Postings(tmp_path)
    rows.rows = postings.ROW_MASK
    with pytest.raises(InputError, match="at most 67,108,863 rows"):
        rows.add(shingles([[1]]))
    with pytest.raises(InputError, match="at most 16,777,216"):
        decide.check_count(1 << 24)


def test_the_filters_lose_no_pair_and_leave_few_rows(tmp_path):
    rows = postings.Postings(tmp_path)
    said = texts(11, 2000)
    rows.add(ngrams(tokenise(pl.Series(said)), 3))
    found = candidates(rows, 0.7, np.arange(len(said)), np.ones(len(said), bool))
    assert 500 < len(found.rows) < 1000 < len(said), "the copies and their originals"
