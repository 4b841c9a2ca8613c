"""Measure every row, then drop what a threshold forbids. Every measure is recorded, used by a rule or not.

    response                                    words  repetition  refusal  mark
    "Apples, pears and plums."                      4        null    false  none
    "As an AI language model, I cannot …"          12        null     true  "quality: refusal"
    "so on and so on and so on and so on …"        80        0.95    false  "quality: repetition: 0.95 > 0.5"

All measures are polars expressions of one `with_columns`; no row is looped over. Where there is no response
yet, its measures are null and its rules do not fire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder import rows
from builder.text import words

if TYPE_CHECKING:
    import polars as pl

    from builder.config import QualityConfig
    from builder.context import Context

NGRAM = 4
"""Words in the n-grams of `repetition`."""
REPETITION_FROM = 50
"""Words from which `repetition` is measured: a short list or refrain repeats by right."""
ECHO_FROM = 40
"""Characters from which a response that begins with the whole prompt may be an echo of it ..."""
ECHO_REST = 0.1
"""... namely where what follows is at most this share of the prompt."""

_PREAMBLE = (
    r"^\W*(?:(?:oh|well|hello|hi|but|however|unfortunately|regrettably|(?:my )?apologies|sorry|"
    r"i(?:'m| am) (?:\w+ )?(?:sorry|afraid)(?: that)?|i apologi[sz]e(?: for [^.,;!]{0,60})?|"
    r"thank(?:s| you)[^.,;!\n]{0,80})\W+)*"
)
_UNABLE = (
    r"i(?:(?: \w+ly)? (?:cannot|can't|can not|won't|will not|must decline to|have to decline to)|"
    r"(?: am|'m) (?:\w+ly )?(?:unable|not able|not allowed|not programmed) to) (?:\w+ly )?"
)
_AN_AI = (
    r"an? (?:ai|artificial intelligence|(?:large |ai )?language model)"
    r"(?: (?:language model|model|assistant|chatbot|system|program))?"
)
_REFUSALS = (
    # speaks of itself as a machine; "as an AI researcher, I ..." does not
    rf"as {_AN_AI},? (?:i|my|it is|it's)\b",
    rf"i(?: am|'m) (?:just |only |merely |simply )?{_AN_AI}"
    r"(?:\W*$|[.,;:!]| (?:and|so|but|that|who|without|created|trained|developed|designed|programmed)\b)",
    r"i (?:don't|do not) (?:have|possess) (?:any )?(?:personal|human|feelings|emotions|opinions|beliefs|"
    r"consciousness|a physical|the (?:ability|capability) to|"
    r"access to (?:the internet|real|current|external|any))",
    # declines; "I cannot find my keys" and "I cannot help but smile" do not
    rf"{_UNABLE}(?:(?:assist|help) (?:you|with)|comply with|continue with)\b",
    rf"{_UNABLE}(?:fulfill?|complete|answer|process|honou?r) (?:this|that|your|the) "
    r"(?:\w+ )?(?:request|question|query|prompt|task|instruction)",
    rf"{_UNABLE}(?:provide|generate|create|write|give|share|offer|produce|engage in|support|discuss)"
    r"(?: you)?(?: with)? (?:any |such |this |that |the |an? )?"
    r"(?:specific |explicit |detailed |personal |accurate )?"
    r"(?:instructions|information|content|advice|images?|guidance|assistance|opinions?|responses?|answers?|"
    r"medical|legal|financial|real-time|hateful|harmful|offensive|discriminat|violen|illegal|sexual)",
    rf"{_UNABLE}(?:access|browse|open|view|see|search) "
    r"(?:the internet|the web|the image|external|real-time|live|any|files|links|urls|websites|images)",
    r"(?:this|that|it|your request) (?:(?:is|would be|goes) against|violates) (?:my|our|openai's) "
    r"(?:programming|guidelines|polic|ethic|content)",
)
REFUSAL = rf"{_PREAMBLE}(?:{'|'.join(_REFUSALS)})|^.{{0,160}}\bas an ai (?:language )?model,? (?:i|my)\b"
"""How an answer opens that declines or speaks of itself as an AI: in lower case, English only."""


def quality(table: pl.DataFrame, config: QualityConfig, context: Context) -> pl.DataFrame:
    """Fill {prompt,response}_{chars,words}, repetition, refusal, truncated, echo, empty; drop by rule."""
    import polars as pl

    table = table.with_columns(**_measures(knows_finish="finish_reason" in table.columns))
    below = [("prompt_words", config.min_prompt_words), ("response_chars", config.min_response_chars)]
    above = [
        ("prompt_chars", config.max_prompt_chars),
        ("response_chars", config.max_response_chars),
        ("repetition", config.max_repetition),
    ]
    flags = [("refusal", config.refusals), ("truncated", config.truncated), ("echo", config.echo)]
    rules: list[tuple[str, pl.Expr, str | pl.Expr]] = []
    if config.min_response_chars is not None:
        rules.append(("response_chars", pl.col("empty"), "empty"))
    for bounds, sign in ((below, "<"), (above, ">")):
        for name, bound in bounds:
            if bound is not None:
                broken = pl.col(name) < bound if sign == "<" else pl.col(name) > bound
                rules.append((name, broken, pl.format(f"{name}: {{}} {sign} {bound}", name)))
    rules += [(name, pl.col(name), name) for name, rule in flags if rule == "drop"]
    response = pl.col("response")
    for name, broken, reason in rules:
        shown = pl.struct(name, begins=response.str.slice(0, 120), ends=response.str.slice(-60))
        table = rows.drop(table, "quality", broken, reason, shown.struct.json_encode())
    return table


def _measures(*, knows_finish: bool) -> dict[str, pl.Expr]:
    """Name every measure. `knows_finish`: the table tells why the teacher stopped."""
    import polars as pl

    response = pl.col("response")
    contents = pl.col("prompt").list.eval(pl.element().struct.field("content")).list.join("\n", ignore_nulls=True)
    asked = _normal(pl.col("prompt").list.last().struct.field("content"))
    said = _normal(response)
    rest = said.str.len_chars() - asked.str.len_chars()
    begins = said.str.starts_with(asked) & (asked.str.len_chars() >= ECHO_FROM)
    truncated = response.str.count_matches("`{3,}") % 2 == 1
    if knows_finish:
        truncated |= response.is_not_null() & pl.col("finish_reason").eq_missing("length")
    return {
        "prompt_chars": contents.str.len_chars().cast(pl.Int64),
        "prompt_words": words(contents).list.len().cast(pl.Int64),
        "response_chars": response.str.strip_chars().str.len_chars().cast(pl.Int64),
        "response_words": words(response).list.len().cast(pl.Int64),
        "repetition": _repetition(words(response.str.to_lowercase())),
        "refusal": response.str.slice(0, 400).str.to_lowercase().str.replace_all("’", "'").str.contains(REFUSAL),
        "truncated": truncated,
        "echo": (said != "") & ((said == asked) | (begins & (rest <= asked.str.len_chars() * ECHO_REST))),
        "empty": said == "",
    }


def _normal(text: pl.Expr) -> pl.Expr:
    return text.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _repetition(said: pl.Expr) -> pl.Expr:
    """Share of n-grams seen before in the same list of words, to two digits; null for short lists."""
    import polars as pl

    grams = pl.concat_str([pl.element().shift(-k) for k in range(NGRAM)], separator=" ")
    distinct = said.list.eval(grams.drop_nulls().n_unique()).list.first()
    share = 1 - distinct / (said.list.len().cast(pl.Int64) - (NGRAM - 1))
    return pl.when(said.list.len() >= REPETITION_FROM).then(share.round(2))
