"""Tell the language of prompt and response, each by itself; drop what is surely not wanted, mark what does not match.

    prompt                 response                 lang  response_lang  marks, with keep: [en]
    "Nenne drei Tiere."    "Fuchs, Reh, Dachs"      de    und            "language: prompt in no wanted language: de"
    "Name three animals …" "Im Wald leben zum …"    en    de             "language: response in no wanted language: de"
    "Sort: 3, 1, 2"        "1, 2, 3"                und   und            none: cannot be told

The second one's language_mismatch is "asked in en, answered in de".

What cannot carry an answer (too short, code, digits, a list of words) is `und`, and its evidence says why. A response
may be in the prompt's language, in one the prompt asks for or names, and in one that a line of the prompt is in.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from builder import rows, text
from builder.errors import InputError, Problem
from builder.languages import detectors, scripts, wanted
from builder.languages.tally import tally

if TYPE_CHECKING:
    import polars as pl

    from builder.config import LanguageConfig
    from builder.context import Context

UNDETERMINED = "und"

_READ_CHARS = 400
"""Read this much of a text, from its start: more changes under 1 % of answers and costs in proportion."""
_LOOK_CHARS = 1600
"""Look for those in this much of it."""
_FENCED = r"(?s)```.*?(?:```|\z)"
_CODE_SHARE = 0.06
"""Share of such signs from which a text is code or formulas: profiles read Python functions as Catalan."""
_SQL = r"(?s)^(?:(?:SELECT|DELETE)\b.*\bFROM\b|(?:INSERT INTO|UPDATE .* SET|CREATE TABLE)\b)"
_PART = r"[^\n,;:|]*[^\s,;:|][^\n,;:|]*"
_SENTENCE_WORDS = 2.5
"""Fewer words than this from pause to pause, on average, are a list or a form and no sentences."""
_SURE_LETTERS = 40
"""Shorter texts may be names ("Abraham Lincoln"): they need one of a language's commonest words."""
_SHORT = "too short to tell"
_SIDES = (("prompt", ""), ("response", "response_"))


def check(config: LanguageConfig, base: Path) -> dict[str, str]:
    """Refuse a detector that is not installed, and languages it cannot tell: no row would ever be in them."""
    detectors.require(config.detector)
    given = {"keep": config.keep or [], "languages": config.languages or []}
    known = detectors.known(config.detector) if config.keep or config.languages else []
    problems = []
    for key, codes in given.items():
        for code in sorted(set(codes) - set(known)):
            near = difflib.get_close_matches(code.lower(), known, n=1, cutoff=0.0)[0]
            what = f"language: {key}: {code!r} is no language code {config.detector} knows; did you mean {near!r}?"
            problems.append(Problem(what=what, fix=f"known: {', '.join(known)}"))
    if not problems and config.keep and config.languages:
        for code in config.keep:
            if not any(_is(each, [code]) or _is(code, [each]) for each in config.languages):
                what = f"language: keep: {code!r} is not one of languages: {', '.join(config.languages)}"
                problems.append(Problem(what=what, fix=f"add {code!r} to languages, or take it out of keep"))
    if problems:
        raise InputError(problems)
    return {}


def language(table: pl.DataFrame, config: LanguageConfig, context: Context) -> pl.DataFrame:
    """Fill lang, lang_confidence, response_lang, response_lang_confidence, language_mismatch; mark rows.

    Drops rows in an unwanted language (`keep`); a mismatch marks as `on_mismatch` says.
    """
    import polars as pl

    said = table.select(prompt=text.user_turns(pl.col("prompt")), response=pl.col("response"))
    distinct = pl.concat([said["prompt"], said["response"]]).drop_nulls().unique(maintain_order=True)
    with context.progress("telling languages", len(distinct)) as advance:
        verdicts = _judge(distinct, config)
        advance(len(distinct))
    for side, _ in _SIDES:
        named = verdicts.rename({name: f"{side}_{name}" for name in ("lang", "confidence", "why", "weight")})
        said = said.join(named, left_on=side, right_on="text", how="left", maintain_order="left")
    said = said.with_columns(task=table["task"])
    said = said.with_columns(mismatch=_mismatches(said, config))
    table = table.with_columns(
        *(
            said[f"{side}_{ours}"].alias(f"{prefix}{theirs}")
            for side, prefix in _SIDES
            for ours, theirs in (("lang", "lang"), ("confidence", "lang_confidence"))
        ),
        said["mismatch"].alias("language_mismatch"),
    )
    evidence = _evidence(said)
    if config.keep:
        reason = said.select(_objection(config.keep, config.keep_undetermined).alias("reason"))["reason"]
        table = rows.drop(table, "language", pl.lit(reason.is_not_null()), pl.lit(reason), pl.lit(evidence))
    if config.on_mismatch != "mark":
        column = {"fail": "failed", "drop": "dropped"}[config.on_mismatch]
        mismatch = pl.col("language_mismatch")
        reason_why = pl.lit("mismatch: ") + mismatch
        live = mismatch.is_not_null() & pl.col("dropped").is_null()
        table = rows.drop(table, "language", live, reason_why, pl.lit(evidence), column=column)
    return table


def _is(code: str, codes: list[str]) -> bool:
    """Whether a code is among codes: zh-cn is zh."""
    return code in codes or code.partition("-")[0] in codes


def _objection(keep: list[str], keep_undetermined: bool) -> pl.Expr:
    import polars as pl

    reason = pl.lit(None, pl.String)
    for side, _ in reversed(_SIDES):
        lang, why = pl.col(f"{side}_lang"), pl.col(f"{side}_why")
        unwanted = ~lang.is_in(keep) & ~lang.str.extract(r"^([^-]*)").is_in(keep)
        foreign = pl.format(f"{side} in no wanted language: {{}}", lang)
        untold = pl.format(f"{side} in no known language: {{}}", why)
        undetermined = lang == UNDETERMINED
        reason = pl.when(unwanted & ~undetermined).then(foreign).otherwise(reason)
        if not keep_undetermined:
            reason = pl.when(undetermined).then(untold).otherwise(reason)
    return reason


def _evidence(said: pl.DataFrame) -> pl.Series:
    import polars as pl

    sides = [[f"{side}_{name}" for name in ("lang", "confidence", "why")] for side, _ in _SIDES]
    kinds = said.select(name for side in sides for name in side).with_row_index("row")
    unique = kinds.group_by(pl.exclude("row"), maintain_order=True).agg("row")
    texts = []
    for *values, _ in unique.iter_rows():
        given = {"prompt": values[:3], "response": values[3:]}
        shown = {side: [each for each in found if each is not None] for side, found in given.items() if found[0]}
        texts.append(json.dumps(shown, ensure_ascii=False))
    return unique.with_columns(evidence=pl.Series(texts, dtype=pl.String)).explode("row").sort("row")["evidence"]


def _mismatches(said: pl.DataFrame, config: LanguageConfig) -> pl.Series:
    """Say for each row what language was asked for and which came; null where they match or it cannot be told."""
    import polars as pl

    lang, answered = pl.col("prompt_lang"), pl.col("response_lang")
    told = (answered != UNDETERMINED) & pl.col("prompt").is_not_null()
    apart = (lang != UNDETERMINED) & (lang.str.extract(r"^([^-]*)") != answered.str.extract(r"^([^-]*)"))
    names = pl.col("prompt").str.contains(wanted.requests())
    long = pl.col("response_weight") >= _SURE_LETTERS
    suspects = said.with_row_index("row").filter(told & (apart | names))
    found: list[str | None] = [None] * said.height
    lines: dict[int, list[str]] = {}
    asked_in = {}
    for row, prompt, task, own, came, enough in suspects.select(
        "row", "prompt", "task", lang, answered, long
    ).iter_rows():
        wish = wanted.wish(prompt, task)
        came_family = came.partition("-")[0]
        if wish.required is not None:
            if wish.required != came_family:
                found[row] = f"asked for {wish.required}, answered in {came}"
            continue
        own_family = own.partition("-")[0]
        if own == UNDETERMINED or not enough or came_family in (own_family, *wish.possible) or wish.translation:
            continue
        asked_in[row] = (own, came)
        lines[row] = [line for line in prompt.split("\n") if line.strip()]
    spoken = _judge(pl.Series(sorted({line for each in lines.values() for line in each}), dtype=pl.String), config)
    of_line = dict(spoken.select("text", "lang").iter_rows())
    for row, (own, came) in asked_in.items():
        if not any(_is(of_line[line], [came.partition("-")[0]]) for line in lines[row]):
            found[row] = f"asked in {own}, answered in {came}"
    return pl.Series(found, dtype=pl.String)


def _judge(given: pl.Series, config: LanguageConfig) -> pl.DataFrame:
    """Judge distinct texts: columns text, lang, confidence, why (null where it could be told), weight in letters."""
    import numpy as np
    import polars as pl

    read = _readings(given)
    letters, weight = pl.col("letters"), pl.col("weight")
    parts = pl.col("reading").str.replace_all(" - ", ",", literal=True).str.count_matches(_PART)
    latin = 2 * pl.col("ascii_letters") > letters
    listed = latin & (pl.col("reading").str.count_matches(r"\S+") < _SENTENCE_WORDS * parts)
    read = read.with_columns(
        why=pl.when(weight < config.min_letters)
        .then(pl.lit(_SHORT))
        .when((2 * (letters + pl.col("marks")) < pl.col("solid")) | pl.col("is_code"))
        .then(pl.lit("mostly digits, code or symbols"))
        .when(listed)
        .then(pl.lit("a list of words, no sentence")),
    )
    asked = read.filter(pl.col("why").is_null())["reading"].unique(maintain_order=True)
    told = detectors.tell(config.detector, asked.to_list(), config.languages)
    answers = pl.DataFrame(
        {"reading": asked, "best": told.languages, "sure": np.round(told.confidences, 4), "spoken": told.words},
        schema={"reading": pl.String, "best": pl.String, "sure": pl.Float64, "spoken": pl.Int64},
    )
    read = read.join(answers, on="reading", how="left", maintain_order="left")
    asked_for = pl.col("why").is_null()
    unknown = pl.lit("no known letters" if config.languages is None else "in no letters of these languages")
    name_like = (pl.col("weight") < _SURE_LETTERS) & (pl.col("spoken") == 0)
    close = pl.format("too close to tell: {} at best", pl.col("best"))
    read = read.with_columns(
        why=pl.when(~asked_for)
        .then(pl.col("why"))
        .when(pl.col("best").is_null())
        .then(unknown)
        .when(pl.col("sure") < config.min_confidence)
        .then(close)
        .when(name_like)
        .then(pl.lit(_SHORT)),
    )
    answered = pl.col("why").is_null()
    return read.select(
        "text",
        lang=pl.when(answered).then(pl.col("best")).otherwise(pl.lit(UNDETERMINED)),
        confidence=pl.col("sure").fill_null(0.0),
        why="why",
        weight="weight",
    )


def _readings(given: pl.Series) -> pl.DataFrame:
    """Take what a detector shall read of each text: the prose, where there is enough; the start; not all in capitals.

    Columns: text, reading, its counts as `tally` has them, weight (a CJK letter counts three), is_code.
    """
    import polars as pl

    table = pl.DataFrame({"text": given}, schema={"text": pl.String}).with_row_index("row")
    text_ = pl.col("text")
    bare = pl.when(text_.str.contains("```", literal=True)).then(text_.str.replace_all(_FENCED, "\n")).otherwise(text_)
    lines = table.select("row", line=bare.str.slice(0, _LOOK_CHARS).str.split("\n")).explode("line")
    lines = _tallied(lines.select("row", pl.col("line").fill_null("").str.strip_chars()), "line")
    prose = lines.filter(~pl.col("is_code"))
    everything = lines.group_by("row", maintain_order=True).agg(everything=pl.col("line").str.join("\n"))
    prose = prose.group_by("row", maintain_order=True).agg(prose=pl.col("line").str.join("\n"), said=pl.sum("weight"))
    chosen = pl.when(pl.col("said") >= _SURE_LETTERS).then(pl.col("prose")).otherwise(pl.col("everything"))
    chosen = chosen.str.slice(0, _READ_CHARS)
    accents = r"[\u0300-\u036f]"
    chosen = pl.when(chosen.str.contains(accents)).then(chosen.str.normalize("NFC")).otherwise(chosen)
    shouted = ~chosen.str.contains(r"\p{Ll}") & chosen.str.contains(r"\p{Lu}")
    chosen = pl.when(shouted).then(chosen.str.to_lowercase()).otherwise(chosen)
    chosen = pl.when(chosen.str.contains("@|://")).then(chosen.str.replace_all(_ADDRESS, " ")).otherwise(chosen)
    whole = table.join(everything, on="row", how="left", maintain_order="left")
    whole = whole.join(prose, on="row", how="left", maintain_order="left")
    return _tallied(whole.select("text", reading=chosen), "reading")


def _tallied(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """Add the counts of a column's texts, their weight and whether they are code."""
    import polars as pl

    counts = tally(table[column].to_list())
    table = table.with_columns(pl.Series(name, each) for name, each in counts._asdict().items())
    more = (scripts.CJK_WEIGHT - 1) * pl.col("cjk")
    table = table.with_columns(weight=pl.col("letters") + more, room=pl.col("solid") + more)
    code = (pl.col("signs") > _CODE_SHARE * pl.col("room")) | pl.col(column).str.contains(_SQL)
    return table.with_columns(is_code=code)


_ADDRESS = r"https?://[-_.?&~;+=/#0-9A-Za-z]+|[-_.0-9A-Za-z]+@[-_0-9A-Za-z]+[-_.0-9A-Za-z]+"
"""langdetect leaves these out as well."""
