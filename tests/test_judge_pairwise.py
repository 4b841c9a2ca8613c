"""The judge by comparison: every two answers, both orders, and what becomes of judges that go by the place."""

import json
from collections import Counter

import loopback
import pytest
from judging import answered, at, judged, judging, prefers, scores, shown, texts_sent

from builder.judging.pairwise import matches


def test_every_two_answers_are_compared_in_both_orders(context):
    with loopback.server(answer=prefers) as here:
        out = judged(answered("a", "b★", "c★★", "d★★"), judging(at(here), method="pairwise"), context)
        sent = texts_sent(here)
    assert len(sent) == len(set(sent)) == 12 and {texts[::-1] for texts in sent} == set(sent)
    assert scores(out) == {"a": 0.0, "b★": 1 / 3, "c★★": 2.5 / 3, "d★★": 2.5 / 3}
    (said,) = json.loads(out["judgement"][2]).values()
    by = {line["opponent"]: line for line in said}
    assert {out["response"][i]: by[out["id"][i]]["is"] for i in (0, 1, 3)} == {"a": "win", "b★": "win", "d★★": "tie"}
    assert by[out["id"][0]] == {"opponent": out["id"][0], "shown first": "win", "shown second": "win", "is": "win"}
    assert context.notes == ["judge: 1 of 6 comparisons were ties in both orders"]


@pytest.mark.parametrize("place", ["A", "B"])
def test_a_judge_that_goes_by_the_place_gives_only_ties(context, place):
    with loopback.server(answer=lambda messages, rng: f"[[{place}]]") as here:
        out = judged(answered("a", "b★", "c★★"), judging(at(here), method="pairwise"), context)
    assert out["score"].to_list() == [0.5] * 3
    (said,) = json.loads(out["judgement"][0]).values()
    assert {(line["shown first"], line["is"]) for line in said} == {("win" if place == "A" else "loss", "tie")}
    assert context.notes == ["judge: the two orders disagreed in 3 of 3 comparisons, which then count as ties"]


def test_a_comparison_that_could_be_read_in_one_order_only_has_no_verdict(context):
    def answer(messages, rng):
        return "Hm." if shown(messages) == ["b★", "a"] else prefers(messages, rng)

    with loopback.server(answer=answer) as here:
        out = judged(answered("a", "b★", "c★★"), judging(at(here), method="pairwise", reasks=1), context)
        assert here.calls == 7
    assert scores(out) == {"a": 0.0, "b★": 0.0, "c★★": 1.0}
    (said,) = json.loads(out["judgement"][0]).values()
    assert [line["is"] for line in said if line["opponent"] == out["id"][1]] == [None]


def test_a_single_answer_has_nothing_to_be_compared_with(context):
    with loopback.server(answer=prefers) as here:
        out = judged(answered("a", "a"), judging(at(here), method="pairwise"), context)
        assert here.calls == 0
    assert out["score"].to_list() == [None, None]
    assert context.notes == ["judge: 2 answers had nothing to be compared with and are left unscored"]


@pytest.mark.parametrize(("answers", "opponents"), [(2, 1), (4, 3), (5, 3), (9, 2), (9, 3), (16, 4), (3, 8)])
def test_the_ring_gives_everybody_enough_opponents_and_nobody_the_same_twice(answers, opponents):
    found = matches(range(answers), opponents)
    assert len({frozenset(pair) for pair in found}) == len(found) and all(one != other for one, other in found)
    met = Counter(row for pair in found for row in pair)
    assert set(met) == set(range(answers))
    wanted = min(opponents, answers - 1)
    assert all(wanted <= met[row] <= wanted + 1 for row in met)
