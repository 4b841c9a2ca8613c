"""Tell the language of prompt and response, each by itself, and drop what is surely not wanted.

    prompt                                    lang  lang_confidence   mark, with keep: [en]
    "Nenne drei Tiere, die im Wald leben …"   de    0.99              "language: prompt is de, not one of en"
    "Sort: 3, 1, 2"                           und   0.0               none: too short to tell

langdetect draws n-grams at random; here each text starts from the same seed, so that an answer depends on the
text alone. It guesses wildly on short texts and on code: those are `und` and say why.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from builder import rows, text
from builder.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

    from builder.config import LanguageConfig
    from builder.context import Context

UNDETERMINED = "und"

_READ_CHARS = 400
"""Read this much of a text, from its start: more changes under 1 % of answers and costs in proportion."""
_FENCED = re.compile(r"```.*?(```|\Z)", re.DOTALL)
_CODE = re.compile(r'[(){}\[\]=;<>_+\\^$|]|"[:,}\]]|[:,{\[] *"')
_CODE_SHARE = 0.06
"""Share of such signs from which a text is code or formulas: langdetect reads Python functions as Catalan."""
_SQL = re.compile(r"(SELECT|DELETE)\b.*\bFROM\b|(INSERT INTO|UPDATE .* SET|CREATE TABLE)\b", re.DOTALL)
_PAUSE = re.compile(r"[\n,;:|]| - ")
_SENTENCE_WORDS = 2.5
"""Fewer words than this from pause to pause, on average, are a list or a form and no sentences."""
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\u1100-\u11ff\uac00-\ud7af]")
_CJK = ("ja", "ko", "zh-cn", "zh-tw")


class Verdict(NamedTuple):
    """What one text is written in."""

    lang: str
    """langdetect's code (ISO 639-1, zh-cn, zh-tw) or `und`."""
    confidence: float
    """Of the best language, 0 where none was looked for."""
    why: str | None = None
    """Why it could not be told."""


def check(config: LanguageConfig, base: Path) -> dict[str, str]:
    """Refuse a language in `keep` that langdetect does not know: no row would ever be in it."""
    known = known_languages() if config.keep else []
    problems = []
    for code in sorted(set(config.keep or []) - set(known)):
        near = difflib.get_close_matches(code.lower(), known, n=1, cutoff=0.0)[0]
        what = f"language: keep: {code!r} is no language code langdetect knows; did you mean {near!r}?"
        problems.append(Problem(what=what, fix=f"known: {', '.join(known)}"))
    if problems:
        raise InputError(problems)
    return {}


def language(table: pl.DataFrame, config: LanguageConfig, context: Context) -> pl.DataFrame:
    """Fill lang, lang_confidence, response_lang, response_lang_confidence; drop rows in an unwanted language."""
    import polars as pl

    keep = config.keep or []
    texts = {
        "prompt": table.select(text.user_turns(pl.col("prompt")))["prompt"].to_list(),
        "response": table["response"].to_list(),
    }
    verdicts = _detect_all({given for side in texts.values() for given in side if given is not None}, config, context)
    columns, marks = [], []
    for side, prefix in (("prompt", ""), ("response", "response_")):
        found = [None if given is None else verdicts[given] for given in texts[side]]
        columns.append(pl.Series(f"{prefix}lang", [v and v.lang for v in found], pl.String))
        columns.append(pl.Series(f"{prefix}lang_confidence", [v and v.confidence for v in found], pl.Float64))
        marks.append(found)
    table = table.with_columns(columns)
    if not keep:
        return table
    reasons = [
        _objection(prompt, response, keep, config.keep_undetermined) for prompt, response in zip(*marks, strict=True)
    ]
    evidence = [_evidence(prompt, response) for prompt, response in zip(*marks, strict=True)]
    reason = pl.lit(pl.Series(reasons, dtype=pl.String))
    return rows.drop(table, "language", reason.is_not_null(), reason, pl.lit(pl.Series(evidence, dtype=pl.String)))


def known_languages() -> list[str]:
    """List the codes `keep` may name: langdetect's 55 and `zh` for both its Chinese ones."""
    from langdetect.detector_factory import PROFILES_DIRECTORY

    return sorted({"zh", *(path.name for path in Path(PROFILES_DIRECTORY).iterdir())})


def _objection(
    prompt: Verdict | None, response: Verdict | None, keep: list[str], keep_undetermined: bool
) -> str | None:
    for side, verdict in (("prompt", prompt), ("response", response)):
        if verdict is None:
            continue
        if verdict.lang == UNDETERMINED:
            if not keep_undetermined:
                return f"{side} is {UNDETERMINED}: {verdict.why}"
        elif not {verdict.lang, verdict.lang.partition("-")[0]} & set(keep):
            return f"{side} is {verdict.lang}, not one of {', '.join(keep)}"
    return None


def _evidence(prompt: Verdict | None, response: Verdict | None) -> str:
    sides = {"prompt": prompt, "response": response}
    given = {side: [part for part in verdict if part is not None] for side, verdict in sides.items() if verdict}
    return json.dumps(given, ensure_ascii=False)


def _detect_all(texts: Iterable[str], config: LanguageConfig, context: Context) -> dict[str, Verdict]:
    """Judge each distinct text once, and each distinct reading of them once."""
    readings = {given: _reading(given, config.min_letters) for given in texts}
    verdicts: dict[str, Verdict] = {}
    with context.progress("telling languages", len(readings)) as advance:
        for reading in readings.values():
            if reading not in verdicts:
                verdicts[reading] = _judge(reading, config)
            advance(1)
    return {given: verdicts[reading] for given, reading in readings.items()}


def _reading(given: str, min_letters: int) -> str:
    """Take what langdetect shall read: the prose, where there is enough; the start; not all in capitals."""
    lines = [" ".join(line.split()) for line in _FENCED.sub("\n", given).splitlines()]
    prose = "\n".join(line for line in lines if not _is_code(line))[:_READ_CHARS]
    enough = _weigh(prose)[0] >= min_letters
    reading = prose if enough else "\n".join(lines)[:_READ_CHARS]
    return reading.lower() if reading.isupper() else reading


def _weigh(reading: str) -> tuple[int, int]:
    """Count letters, each Chinese, Japanese or Korean one as three (it says as much); and those alone."""
    letters = sum(map(str.isalpha, reading))
    cjk = sum(len(script.findall(reading)) for script in (_HAN, _KANA, _HANGUL))
    return letters + 2 * cjk, cjk


def _is_code(reading: str) -> bool:
    signs = len(_CODE.findall(reading))
    return signs > _CODE_SHARE * len("".join(reading.split())) or _SQL.match(reading) is not None


def _is_list(reading: str, letters: int) -> bool:
    """Tell a list from sentences, in Latin script: others are known by their letters, spaced or not."""
    latin = sum(map(str.isascii, filter(str.isalpha, reading)))
    parts = [part for part in _PAUSE.split(reading) if part.strip()]
    return 2 * latin > letters and len(reading.split()) < _SENTENCE_WORDS * len(parts)


def _judge(reading: str, config: LanguageConfig) -> Verdict:
    weight, cjk = _weigh(reading)
    letters = weight - 2 * cjk
    if weight < config.min_letters:
        return Verdict(UNDETERMINED, 0.0, "too short to tell")
    if 2 * letters < len("".join(reading.split())) or _is_code(reading):
        return Verdict(UNDETERMINED, 0.0, "mostly digits, code or symbols")
    if _is_list(reading, letters):
        return Verdict(UNDETERMINED, 0.0, "a list of words, no sentence")
    lang, confidence = _detect(reading, _possible(reading, cjk, letters - cjk))
    if confidence < config.min_confidence:
        return Verdict(UNDETERMINED, confidence, f"too close to tell: {lang} at best" if lang else "no known letters")
    return Verdict(lang, confidence)


def _possible(reading: str, cjk: int, other: int) -> dict[str, float] | None:
    """Name the languages the script allows, where it says: langdetect reads much plain Chinese as Korean."""
    if not cjk:
        return None
    barred = {code for code, script in (("ko", _HANGUL), ("ja", _KANA)) if not script.search(reading)}
    among = _CJK if 2 * cjk > other else _detectors().langlist
    return {code: 1.0 for code in among if code not in barred}


def _detect(reading: str, possible: dict[str, float] | None) -> tuple[str, float]:
    """Ask langdetect; both kinds of Chinese speak for each other. ("", 0.0) where it knows no n-gram."""
    from langdetect.lang_detect_exception import LangDetectException

    detector = _detectors().create()
    if possible is not None:
        detector.set_prior_map(possible)
    detector.append(reading)
    try:
        found = [(each.lang, float(each.prob)) for each in detector.get_probabilities()]
    except LangDetectException:  # raised for one thing only: no n-gram of the text is in any profile
        return "", 0.0
    if not found:
        return "", 0.0
    best = found[0][0]
    family = best.partition("-")[0]
    return best, round(min(1.0, sum(share for code, share in found if code.partition("-")[0] == family)), 4)


@functools.cache
def _detectors() -> Any:
    """Load langdetect's profiles (0.6 s, once), in sorted order: a folder's own order differs by machine.

    Its inner loop over 55 languages is done by numpy: the same draws and the same answers, in half the time.
    """
    import numpy as np
    from langdetect.detector import Detector
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    class ArrayDetector(Detector):  # type: ignore[misc]
        def _init_probability(self) -> Any:
            return np.array(super()._init_probability())

        def _update_lang_prob(self, prob: Any, word: str, alpha: float) -> bool:
            prob *= alpha / self.BASE_FREQ + self.word_lang_prob_map[word]
            return True

        def _normalize_prob(self, prob: Any) -> float:
            prob /= prob.sum()
            return float(prob.max())

    class ArrayFactory(DetectorFactory):  # type: ignore[misc]
        def _create_detector(self) -> ArrayDetector:
            return ArrayDetector(self)

    factory = ArrayFactory()
    profiles = sorted(path for path in Path(PROFILES_DIRECTORY).iterdir() if path.is_file())
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles])
    by_gram = factory.word_lang_prob_map
    factory.word_lang_prob_map = dict(zip(by_gram, np.array(list(by_gram.values())), strict=True))
    factory.set_seed(0)
    return factory
