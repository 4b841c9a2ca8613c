r"""Measures of a response: what it says that it should not, whether it is whole, what its lines look like.

    "I'm sorry, but I can't help with that."     refusal true
    "Sure:\n```python\nprint(1)"                 truncated true     code true
    "- a\n- b\n- c\n- d\n- e"                    bullet_lines 1.0

Flags are null where there is no response. Phrases are English ones (builder.measures.phrases).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from builder.measures import phrases

if TYPE_CHECKING:
    import polars as pl

ABOUT = {
    "response_chars": "characters, white space around them left out",
    "empty": "there is a response and nothing in it",
    "code": "a code fence, or two lines that look like code",
    "refusal": "opens by declining, or by speaking of itself as an AI",
    "self_reference": "speaks of itself as an AI anywhere",
    "provider_identity": "says in the first person that it is a provider's model, which the prompt does not name",
    "scaffolding": "holds control tokens or labels of a prompt template, and the prompt holds none",
    "extra_turn": "goes on with a turn of the user, and the prompt shows no turns",
    "label_start": "begins with a label: Output:, Response:",
    "echo": "only repeats the last message of the prompt",
    "truncated": "finish_reason is length, or the code fences do not pair",
    "unfinished": "100 words or more, and the last line, a long one, ends in a letter or a comma",
    "colon_end": "ends with a colon",
    "digit_run": "holds nine digits in a row (FastChat)",
    "symbol_ratio": "# and ... per word; in prose as for mean_word_chars (Gopher)",
    "stop_words": "the, be, to, of, and, that, have, with: how many; in prose, of English where lang says so (Gopher)",
    "bullet_lines": "share of lines that are list items; from 5 lines on (Gopher)",
    "duplicate_lines": "share of lines that came before; from 5 lines on, not of code (Gopher)",
}

ECHO_FROM = 40
"""Characters from which a response that begins with the whole prompt may be an echo of it ..."""
ECHO_REST = 0.1
"""... namely where what follows is at most this share of the prompt."""
LINES = 5
"""Lines from which their share means something."""
UNFINISHED = 100
"""Words from which an answer should end like one."""

_STOP_WORDS = r"(?i)(?-u:\b)(?:the|be|to|of|and|that|have|with)(?-u:\b)"
_BULLET = r"(?m)^[ \t]*(?:[-*•◦‣+]|[0-9]{1,3}[.)])[ \t]"


def expressions(there: Sequence[str]) -> dict[str, pl.Expr]:
    """Return the measures in ABOUT, and those of builder.measures.counts that other measures switch off.

    Args:
        there: the columns of the table; finish_reason and lang are looked at if they are among them.
    """
    import polars as pl

    said, asked = pl.col("_said"), pl.col("_asked")
    counted = pl.col("_counts").struct
    words = counted.field("response_words")
    code = (said.str.count_matches(phrases.CODE) >= 2) | said.str.contains("```", literal=True)
    prose = counted.field("mean_word_chars").is_not_null() & ~code
    head = said.str.slice(0, 400).str.to_lowercase().str.replace_all("’", "'")
    truncated = said.str.count_matches("`{3,}") % 2 == 1
    if "finish_reason" in there:
        truncated |= said.is_not_null() & pl.col("finish_reason").eq_missing("length")
    english = pl.col("lang").is_in(["en", "und"]).fill_null(True) if "lang" in there else pl.lit(True)
    signs = said.str.count_matches("#", literal=True) + said.str.count_matches(r"\.\.\.|…")
    return {
        "mean_word_chars": pl.when(prose).then(counted.field("mean_word_chars")),
        "alphabetic_words": pl.when(prose).then(counted.field("alphabetic_words")),
        "response_chars": said.str.len_chars().cast(pl.Int64),
        "empty": said == "",
        "code": code,
        "refusal": head.str.contains(phrases.REFUSAL),
        "self_reference": said.str.contains(phrases.SELF_REFERENCE),
        "provider_identity": _identity(said, asked),
        "scaffolding": _scaffolding(said, asked),
        "extra_turn": _extra_turn(said, asked),
        "label_start": said.str.contains(phrases.LABEL_START),
        "echo": _echo(said, pl.col("_asked_last")),
        "truncated": truncated,
        "unfinished": _unfinished(said, (words >= UNFINISHED) & ~code),
        "colon_end": said.str.contains("[:：]$"),
        "digit_run": said.str.contains(r"[0-9]{9}"),
        "symbol_ratio": pl.when(prose).then((signs / words).round(4)),
        "stop_words": pl.when(prose & english).then(said).str.count_matches(_STOP_WORDS).cast(pl.Int64),
        **_lines(said, code),
    }


def found(text: pl.Expr) -> dict[str, pl.Expr]:
    """Return what the flags that rest on a phrase found in a text, to be shown beside the verdict."""
    head = text.str.slice(0, 400).str.to_lowercase().str.replace_all("’", "'")
    return {
        "refusal": head.str.extract(rf"({phrases.REFUSAL})", 1).str.strip_chars().str.slice(-80),
        "self_reference": text.str.extract(f"({phrases.SELF_REFERENCE})", 1),
        "provider_identity": text.str.extract(f"({phrases.IDENTITY})", 1),
        "scaffolding": text.str.extract(f"({phrases.SCAFFOLDING})", 1).str.strip_chars(),
        "extra_turn": text.str.extract(f"({phrases.EXTRA_TURN})", 1).str.strip_chars(),
    }


def _extra_turn(said: pl.Expr, asked: pl.Expr) -> pl.Expr:
    """Where the prompt asks for turns, or shows some, they are an answer."""
    import polars as pl

    goes_on = said.str.contains(phrases.EXTRA_TURN)
    return goes_on & ~pl.when(goes_on).then(asked.str.to_lowercase()).str.contains(phrases.TURNS).fill_null(False)


def _identity(said: pl.Expr, asked: pl.Expr) -> pl.Expr:
    """Where the prompt brings the name, the answer may play the part."""
    import polars as pl

    groups = said.str.extract_groups(phrases.IDENTITY).struct
    name = pl.coalesce(groups.field(str(group)) for group in range(1, 5)).str.to_lowercase()
    return said.str.contains(phrases.IDENTITY) & ~asked.str.to_lowercase().str.contains(name, literal=True)


def _scaffolding(said: pl.Expr, asked: pl.Expr) -> pl.Expr:
    """A text that shows code may show tokens; one that begins or ends with them leaks them."""
    import polars as pl

    holds = said.str.contains(phrases.SCAFFOLDING)
    leaks = pl.when(holds).then(~said.str.contains("`", literal=True) | said.str.contains(phrases.AT_THE_ENDS))
    return leaks.fill_null(holds) & ~pl.when(holds).then(asked).str.contains(phrases.SCAFFOLDING).fill_null(False)


def _echo(said: pl.Expr, last: pl.Expr) -> pl.Expr:
    """Compare in NFKC, lower case and single spaces; only texts that begin alike, for normalising is dear."""
    import polars as pl

    first = [text.str.slice(0, 1).str.to_lowercase() for text in (said, last.str.strip_chars_start())]
    alike = (first[0] == first[1]) & (said.str.len_chars() <= 2 * last.str.len_chars() + ECHO_FROM)
    asked, answer = _normal(pl.when(alike).then(last)), _normal(pl.when(alike).then(said))
    rest = answer.str.len_chars() - asked.str.len_chars()
    begins = answer.str.starts_with(asked) & (asked.str.len_chars() >= ECHO_FROM)
    same = (answer == asked) | (begins & (rest <= asked.str.len_chars() * ECHO_REST))
    return pl.when(said.is_not_null()).then(((said != "") & same).fill_null(False))


def _normal(text: pl.Expr) -> pl.Expr:
    return text.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def _unfinished(said: pl.Expr, long: pl.Expr) -> pl.Expr:
    """A poem, a list and a letter may end without a stop: their last lines are short."""
    import polars as pl

    last = pl.when(long).then(said).str.slice(-400).str.split("\n").list.last()
    open_end = last.str.contains(r"^[^#]*[\p{L},，、;]$") & (last.str.len_chars() >= 80)
    return pl.when(said.is_not_null()).then(open_end.fill_null(False))


def _lines(said: pl.Expr, code: pl.Expr) -> dict[str, pl.Expr]:
    import polars as pl

    lines = said.str.split("\n").list.eval(pl.element().filter(pl.element().str.contains(r"\S")))
    count = lines.list.len()
    bullets = said.str.count_matches(_BULLET) / count
    return {
        "bullet_lines": pl.when(count >= LINES).then(bullets.round(4)),
        "duplicate_lines": pl.when((count >= LINES) & ~code).then((1 - lines.list.n_unique() / count).round(4)),
    }
