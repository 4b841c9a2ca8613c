"""judge: let models score the answers to a prompt; `pair` and `emit` go by the score.

    response   "Apples, pears, plums."    score 1.0 (verify's)
 -> score      4.25    judgement  {"gpt-4o": {"helpfulness": {"score": 4, "reason": "…"}, …}}
    failed     "judge: scored 2.1, below 3"      where the recipe has a min_score

Answers that are already `failed` are not shown to anybody and keep their score. A judged answer without a verdict has
no score at all: verify's 1.0 would not mean the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from builder import prompts
from builder.config import JudgeConfig
from builder.context import Context
from builder.errors import InputError, Problem
from builder.judging import pairwise, rounds, rubric
from builder.judging.answers import Answers
from builder.providers import EMBEDDED
from builder.rows import canonical_json, drop
from builder.teacher import Teacher, make

if TYPE_CHECKING:
    import polars as pl


class Opinion(NamedTuple):
    """What was found of one text."""

    score: float | None
    judgement: dict[str, Any]


def check(config: JudgeConfig, base: Path) -> dict[str, str]:
    """Refuse a judge that cannot judge or a template that cannot be used; return the hashes of what is asked."""
    if any(judge.provider == EMBEDDED for judge in config.teacher):
        what = "judge: the embedded teacher computes answers, it has no opinion of any"
        raise InputError([Problem("", 0, what, "name a model: teacher: openai:MODEL or http://host/v1#MODEL")])
    for judge in config.teacher:
        make(judge)
    if config.method == "pairwise":
        return {"judge template pairwise": prompts.comparison()[1]}
    if config.template is not None:
        hash = prompts.rubric(config.template, base, config.low, config.high)[1]
        return {f"judge template {config.template}": hash}
    from builder.teacher.tasks import ultrafeedback_hash

    return {f"judge template {aspect}": ultrafeedback_hash(aspect) for aspect in config.aspects}


def judge(table: pl.DataFrame, config: JudgeConfig, context: Context) -> pl.DataFrame:
    """Ask the judges, and record score, judgement and calls of every answer they saw."""
    judges = [make(one) for one in config.teacher]
    answers = Answers(table)
    _beware_of_themselves(table, answers, judges, context)
    if config.method == "pairwise":
        calls = list(pairwise.calls(answers, judges, config))
        rounds.ask(calls, judges, pairwise.messages(answers), pairwise.read, context, config.reasks)
        opinions = _compared(calls, answers, _names(judges), table["id"], context)
    else:
        calls = list(rubric.calls(answers, judges, config))
        said = rubric.messages(answers, config, context.base)
        rounds.ask(calls, judges, said, rubric.reader(config), context, config.reasks)
        opinions = _rated(calls, answers, _names(judges), rubric.aspects(config))
    _note_calls(calls, config, context)
    return _mark(_with_opinions(table, answers, opinions, calls, context), config, context)


def _rated(
    calls: Sequence[rounds.Call], answers: Answers, judges: Sequence[str], aspects: Sequence[str]
) -> dict[int, Opinion]:
    ratings = rubric.ratings(calls)
    scores: dict[int, float | None] = {}
    for prompt in answers.prompts:
        scores |= rubric.scores({row: ratings[row] for row in prompt.texts}, aspects)
    return {row: Opinion(scores[row], rubric.told(of, judges)) for row, of in ratings.items()}


def _compared(
    calls: Sequence[rounds.Call], answers: Answers, judges: Sequence[str], ids: pl.Series, context: Context
) -> dict[int, Opinion]:
    found = pairwise.comparisons(calls)
    decided = [comparison for comparison in found if comparison.outcome is not None]
    disagreed = sum(comparison.shown_first != comparison.shown_second for comparison in decided)
    ties = sum(comparison.outcome == "tie" for comparison in decided) - disagreed
    if disagreed:
        share = f"{disagreed} of {len(decided)} comparisons"
        context.notes.append(f"judge: the two orders disagreed in {share}, which then count as ties")
    if ties:
        context.notes.append(f"judge: {ties} of {len(decided)} comparisons were ties in both orders")
    if alone := sum(len(prompt.rows) for prompt in answers.prompts if len(prompt.texts) == 1):
        context.notes.append(f"judge: {alone} answers had nothing to be compared with and are left unscored")
    of = pairwise.by_text(found)
    return {row: Opinion(pairwise.score(of[row]), pairwise.told(of[row], judges, lambda i: str(ids[i]))) for row in of}


def _names(judges: Sequence[Teacher]) -> list[str]:
    """Name the judges, each differently: one model may sit twice, with other settings.

    By their models: the address of a server is nobody's business where the dataset is published.
    """
    names = [judge.model for judge in judges]
    return [f"{name} ({names[:i].count(name) + 1})" if name in names[:i] else name for i, name in enumerate(names)]


def _beware_of_themselves(table: pl.DataFrame, answers: Answers, judges: Sequence[Teacher], context: Context) -> None:
    if "model" not in table.columns:
        return
    models = table["model"][[row for prompt in answers.prompts for row in prompt.rows]].value_counts()
    wrote = dict(models.drop_nulls().iter_rows())
    for model in dict.fromkeys(judge.model for judge in judges):
        if model in wrote:
            context.notes.append(
                f"judge: {model} wrote {wrote[model]} of the answers it judges; models favour their own, so another "
                "judge would be worth more"
            )


def _note_calls(calls: Sequence[rounds.Call], config: JudgeConfig, context: Context) -> None:
    """Say what did not become a verdict."""
    if failed := sum(call.failed for call in calls):
        context.notes.append(f"judge: {failed} of {len(calls)} calls failed, and give no verdict")
    unread = [call for call in calls if not call.settled and not call.failed]
    if unread:
        note = f"judge: {len(unread)} of {len(calls)} verdicts could not be read, after {config.reasks} more attempts"
        if cut := sum(call.cut for call in unread):
            note += f"; {cut} of them were cut off at max_tokens: raise the judge's"
        context.notes.append(note)


def _with_opinions(
    table: pl.DataFrame,
    answers: Answers,
    opinions: dict[int, Opinion],
    calls: Sequence[rounds.Call],
    context: Context,
) -> pl.DataFrame:
    import polars as pl

    keys: dict[int, list[str]] = {}
    for call in calls:
        for row in call.texts:
            keys.setdefault(row, []).extend(call.keys)
    scores = table["score"].to_list() if "score" in table.columns else [None] * table.height
    judgements: list[str | None] = [None] * table.height
    asked: list[list[str] | None] = [None] * table.height
    told = {row: canonical_json(opinion.judgement) for row, opinion in opinions.items()}
    without = 0
    for prompt in answers.prompts:
        for row, text in prompt.rows.items():
            scores[row] = opinions[text].score if text in opinions else None
            judgements[row] = told.get(text)
            asked[row] = keys.get(text)
            without += text in opinions and scores[row] is None
    if without:
        context.notes.append(f"judge: {without} answers have no score, for want of a verdict")
    return table.with_columns(
        pl.Series("score", scores, pl.Float64),
        pl.Series("judgement", judgements, pl.String),
        pl.Series("judge_calls", asked, pl.List(pl.String)),
    )


def _mark(table: pl.DataFrame, config: JudgeConfig, context: Context) -> pl.DataFrame:
    """Mark what was judged and scored too low."""
    import polars as pl

    if config.min_score is None:
        return table
    live = pl.col("response").is_not_null() & pl.col("failed").is_null()
    if unscored := table.filter(live & pl.col("score").is_null()).height:
        context.notes.append(f"judge: {unscored} answers without a score are not held to min_score")
    low = pl.col("judgement").is_not_null() & (pl.col("score") < config.min_score)
    reason = pl.format(f"scored {{}}, below {config.min_score:g}", pl.col("score").round(2))
    return drop(table, "judge", low, reason, pl.col("judgement"), "failed")
