"""The judge, whatever its method: what is asked again and what never, what it refuses, what it says of itself."""

import re
import subprocess
import sys
from collections import Counter

import loopback
import polars as pl
import pytest
from judging import answered, at, judged, judging, prefers, rates

from builder import config
from builder.context import DryRunEnds, Estimate
from builder.errors import InputError
from builder.judging.answers import Answers
from builder.rows import content_id, frame
from builder.steps.judge import check, judge

METHODS = {"rubric": (rates, {"aspects": ["honesty"]}), "pairwise": (prefers, {"method": "pairwise"})}


@pytest.fixture(params=METHODS)
def method(request):
    return METHODS[request.param]


def test_the_same_step_again_asks_nothing_online_and_offline(context, method):
    answer, settings = method
    hard = Counter()

    def sometimes(messages, rng):
        sent = messages[-1]["content"]
        hard[sent] += 1
        return "Hm." if "Q1?" in sent and hard[sent] == 1 else answer(messages, rng)

    table = pl.concat([answered("a", "b★", user=f"Q{i}?") for i in range(3)])
    with loopback.server(answer=sometimes, behave=lambda prompt, n: "500" if "Q2?" in prompt else None) as here:
        first = judged(table, judging(at(here), **settings), context)
        asked = here.calls
        assert max(hard.values()) == 2
    context.offline = True
    said = list(context.notes)
    context.notes.clear()
    again = judged(table, judging(at(here), **settings), context)
    assert again.equals(first) and here.calls == asked and context.notes == said
    low, high = (1.0, 2.0) if answer is rates else (0.0, 1.0)
    assert first["score"].to_list() == [low, high] * 2 + [None, None]


def test_offline_without_the_answers_says_how_many_are_missing(context, method):
    _, settings = method
    context.offline = True
    with pytest.raises(InputError, match=r"[12] of the answers this build needs are not in"):
        judge(answered("a", "b★"), judging("http://127.0.0.1:9/v1#m", **settings), context)


def test_a_dry_run_counts_the_calls_and_makes_none(context, method):
    answer, settings = method
    context.estimate = Estimate()
    with loopback.server(answer=answer) as here:
        with pytest.raises(DryRunEnds):
            judge(answered("a", "b★"), judging(at(here), **settings), context)
        assert here.calls == 0
    (asked,) = context.estimate.asked.values()
    assert asked.calls == (2 if "method" in settings else 1) and context.estimate.replayed == 0


def test_a_dry_run_counts_what_would_be_asked_again(context, method):
    _, settings = method
    with loopback.server(answer=lambda messages, rng: "Hm.") as here:
        table, judge_of = answered("a", "b★"), at(here)
        judged(table, judging(judge_of, reasks=0, **settings), context)
        asked, context.estimate = here.calls, Estimate()
        with pytest.raises(DryRunEnds):
            judge(table, judging(judge_of, reasks=1, **settings), context)
        assert here.calls == asked
    assert [it.calls for it in context.estimate.asked.values()] == [asked] and context.estimate.replayed == asked


@pytest.mark.parametrize("table", [frame([]), answered(None)])
def test_where_there_is_nothing_to_judge_nobody_is_asked(context, method, table):
    out = judged(table, judging("http://127.0.0.1:9/v1#m", **method[1]), context)
    assert out["judgement"].null_count() == table.height and out.schema["judge_calls"] == pl.List(pl.String)
    assert "score" in out.columns and context.notes == []


def test_a_judge_of_its_own_answers_is_pointed_out(context, method):
    answer, settings = method
    with loopback.server(answer=answer) as here:
        table = answered("a", "b★").with_columns(model=pl.Series(["loopback", "writer"]))
        judged(table, judging(at(here), **settings), context)
    assert context.notes[0].startswith("judge: loopback wrote 1 of the answers it judges")


def test_answers_to_prompts_that_differ_in_their_checks_are_not_compared(context):
    table = pl.concat([answered("a", checks='[{"check": "max_words", "n": 1}]'), answered("b")])
    table = table.with_columns(id=pl.Series([content_id(i) for i in range(2)]))
    assert [len(prompt.texts) for prompt in Answers(table).prompts] == [1, 1]


# what is refused


@pytest.mark.parametrize(("settings", "says"), [
    ({"method": "pairwise", "aspects": ["honesty"]}, "aspects: for method rubric only"),
    ({"opponents": 2}, "opponents: for method pairwise only"),
    ({"low": 0, "high": 10}, "UltraFeedback rates from 1 to 5"),
    ({"template": "x.jinja", "aspects": ["honesty"]}, "aspects are UltraFeedback's"),
    ({"template": "x.jinja", "low": 5, "high": 5}, "low must be below high"),
    ({"min_score": 6}, "min_score must lie among the scores, 1 to 5"),
    ({"method": "pairwise", "min_score": 3}, "min_score must lie among the scores, 0 to 1"),
    ({"aspects": ["honesty", "honesty"]}, "an aspect stands twice"),
    ({"aspects": []}, "at least 1 item"),
    ({"aspects": ["wit"]}, "overall-rating"),
    ({"teacher": ["openai:a", "openai:a"]}, "the same judge stands twice"),
])  # fmt: skip
def test_settings_that_do_not_go_together_are_refused(settings, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        config.JudgeConfig.model_validate({"teacher": "openai:judge"} | settings)


def test_the_embedded_teacher_is_no_judge(tmp_path):
    with pytest.raises(InputError, match="has no opinion") as refused:
        check(judging("embedded", "openai:judge"), tmp_path)
    assert len(refused.value.problems) == 1


def test_the_hash_of_what_is_asked_changes_with_the_aspects_and_the_method(tmp_path):
    hashes = check(judging("openai:judge"), tmp_path)
    assert len(hashes) == len(set(hashes.values())) == 4
    assert not set(check(judging("openai:judge", method="pairwise"), tmp_path).values()) & set(hashes.values())


def test_ultrafeedback_is_asked_for_late_and_says_nothing_of_its_own():
    script = (
        "import sys, builder.steps; assert 'distilabel' not in sys.modules\n"
        "from builder.teacher.tasks import ultrafeedback_prompt\n"
        "turns = ultrafeedback_prompt('honesty', 'Why?', ['Because.', '{{ 7 * 7 }}'])\n"
        "assert [turn['role'] for turn in turns] == ['system', 'user'] and '2 text outputs' in turns[0]['content']\n"
        "assert turns[1]['content'].rstrip().endswith('<text 2> {{ 7 * 7 }}\\n\\n### Output'), turns\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
