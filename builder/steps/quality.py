"""Measure every row, then drop what a threshold forbids. Every measure is recorded, used by a rule or not.

    response                                    words  repetition  refusal  mark
    "Apples, pears and plums."                      4        null    false  none
    "As an AI language model, I cannot …"          12        null     true  "quality: refusal"
    "so on and so on and so on and so on …"        80      0.9481    false  "quality: repetition: 0.9481 > 0.5"

The measures are builder.measures'. A rule is a setting of QualityRules held against one of them, for a task its own
setting; it never fires where its measure is null. Where several rules fire, the mark names the first.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from builder import rows
from builder.measures import ABOUT, answers, measure

if TYPE_CHECKING:
    import polars as pl

    from builder.config import QualityConfig
    from builder.context import Context


class Rule(NamedTuple):
    """A setting and the measure it bounds."""

    setting: str
    measure: str
    sign: str
    """`<` and `>`: a row is dropped where its measure is; `is`: where the flag is up."""
    ladder: tuple[float, ...] = ()
    """Bounds worth comparing, from the strictest to the loosest."""


RULES = (
    Rule("min_prompt_words", "prompt_words", "<", (8, 6, 4, 3, 2)),
    Rule("min_response_chars", "response_chars", "<", (50, 20, 10, 5, 2, 1)),
    Rule("min_response_words", "response_words", "<", (50, 20, 10, 5, 3, 2)),
    Rule("max_prompt_chars", "prompt_chars", ">", (2048, 4096, 8192, 16384, 32768, 65536)),
    Rule("max_response_chars", "response_chars", ">", (2048, 4096, 8192, 16384, 32768, 65536, 131072)),
    Rule("max_response_words", "response_words", ">", (500, 1000, 2000, 4000, 8000)),
    Rule("max_repetition", "repetition", ">", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)),
    Rule("min_distinct_words", "distinct_words", "<", (0.3, 0.25, 0.2, 0.15, 0.1, 0.05)),
    Rule("max_duplicate_lines", "duplicate_lines", ">", (0.1, 0.2, 0.3, 0.5, 0.7, 0.9)),
    Rule("max_bullet_lines", "bullet_lines", ">", (0.5, 0.7, 0.9, 0.95)),
    Rule("min_mean_word_chars", "mean_word_chars", "<", (4, 3.5, 3, 2.5, 2)),
    Rule("max_mean_word_chars", "mean_word_chars", ">", (7, 8, 10, 12, 15)),
    Rule("max_symbol_ratio", "symbol_ratio", ">", (0.02, 0.05, 0.1, 0.2, 0.5)),
    Rule("min_alphabetic_words", "alphabetic_words", "<", (0.9, 0.8, 0.7, 0.5, 0.3)),
    Rule("min_stop_words", "stop_words", "<", (4, 3, 2, 1)),
    Rule("refusals", "refusal", "is"),
    Rule("self_references", "self_reference", "is"),
    Rule("provider_identities", "provider_identity", "is"),
    Rule("scaffolding", "scaffolding", "is"),
    Rule("extra_turns", "extra_turn", "is"),
    Rule("label_starts", "label_start", "is"),
    Rule("truncated", "truncated", "is"),
    Rule("unfinished", "unfinished", "is"),
    Rule("colon_ends", "colon_end", "is"),
    Rule("echo", "echo", "is"),
    Rule("digit_runs", "digit_run", "is"),
    Rule("prompt_keywords", "prompt_keyword", "is"),
    Rule("prompt_odd_starts", "prompt_odd_start", "is"),
    Rule("prompt_programs", "prompt_program", "is"),
    Rule("prompt_placeholders", "prompt_placeholder", "is"),
    Rule("prompt_merged", "prompt_merged", "is"),
)


def check(config: QualityConfig, base: Path) -> dict[str, str]:
    """Refuse a classifier that cannot be loaded for want of its package; return nothing read."""
    if config.toxicity is not None:
        from builder.measures import toxicity

        toxicity.check()
    return {}


MEASURES = tuple(ABOUT)
"""The columns it makes."""


def quality(table: pl.DataFrame, config: QualityConfig, context: Context) -> pl.DataFrame:
    """Fill the measures of builder.measures.ABOUT (and toxicity), drop by rule."""
    import polars as pl

    table = measure(table, personal=config.pii != "keep")
    if config.toxicity is not None:
        from builder.measures import toxicity

        table = table.with_columns(toxicity=toxicity.scores(table["response"], config.toxicity, context.progress))
    said = [(rule, broken(rule, config)) for rule in RULES]
    fired = [pl.when(rule_broken).then(reason(rule, config)) for rule, rule_broken in said]
    some = _by_task(config, lambda rules: rules.min_response_chars is not None, None)
    fired = [pl.when(pl.col("empty") & some).then(pl.lit("empty")), *fired]
    if config.pii == "drop":
        fired.append(pl.when(pl.col("pii").list.len() > 0).then(pl.format("pii: {}", pl.col("pii").list.join(", "))))
    if config.toxicity is not None:
        over = pl.col("toxicity") > config.toxicity.max
        fired.append(pl.when(over).then(pl.format(f"toxicity: {{}} > {config.toxicity.max}", "toxicity")))
    table = table.with_columns(_reason=pl.coalesce(fired))
    table = table.with_columns(_evidence=_evidence(table))
    table = rows.drop(table, "quality", pl.col("_reason").is_not_null(), pl.col("_reason"), pl.col("_evidence"))
    return table.drop("_reason", "_evidence")


def broken(rule: Rule, config: QualityConfig, at: float | None = None) -> pl.Expr:
    """Say where a rule fires.

    Args:
        rule: one of RULES.
        config: has its bound, and the bounds of the tasks that have their own.
        at: another bound (or, for a flag, any number: up) in the place of the one for all tasks.
    """
    import polars as pl

    measured = pl.col(rule.measure)
    if rule.sign == "is":
        drops = _by_task(config, lambda rules: getattr(rules, rule.setting) == "drop", None if at is None else True)
        return measured & drops
    bound = _by_task(config, lambda rules: getattr(rules, rule.setting), at)
    return measured < bound if rule.sign == "<" else measured > bound


def reason(rule: Rule, config: QualityConfig) -> pl.Expr:
    """Say why: `repetition: 0.9481 > 0.5`, or the name of the flag."""
    import polars as pl

    if rule.sign == "is":
        return pl.lit(rule.measure)
    bound = _by_task(config, lambda rules: getattr(rules, rule.setting), None)
    return pl.format(f"{rule.measure}: {{}} {rule.sign} {{}}", rule.measure, bound)


def _by_task(config: QualityConfig, setting: Callable[[Any], Any], at: Any) -> pl.Expr:
    """Return a setting as it holds for each row's task; `at` stands in for the one of all tasks."""
    import polars as pl

    general = setting(config) if at is None else at
    value = pl.lit(general)
    for task in sorted(config.tasks):
        own = setting(config.of(task))
        if own != setting(config):
            value = pl.when(pl.col("task") == task).then(pl.lit(own)).otherwise(value)
    return value


def _evidence(table: pl.DataFrame) -> pl.Series:
    """Return JSON for the rows with a reason: the measure, how the response begins and ends, the phrase found."""
    import polars as pl

    marked = table.with_row_index("_row").filter(pl.col("_reason").is_not_null())
    texts: list[str | None] = [None] * table.height
    phrases = marked.select("_row", **answers.found(pl.col("response"))).rows_by_key("_row", named=True, unique=True)
    for row in marked.iter_rows(named=True):
        name = row["_reason"].partition(":")[0]
        shown = {name: row[name]}
        if name not in ("pii",):
            shown |= {"begins": (row["response"] or "")[:120], "ends": (row["response"] or "")[-60:]}
        if name in phrases[row["_row"]]:
            shown["found"] = phrases[row["_row"]][name]
        texts[row["_row"]] = rows.canonical_json(shown)
    return pl.Series("_evidence", texts, dtype=pl.String)
