"""Measures of a prompt: the filters of Self-Instruct, Alpaca and AlpacaDataCleaned, as records instead of verdicts.

"Write a program that sorts a list."    prompt_words 7   prompt_program true
"Describe the picture. <noinput>"       prompt_keyword true   prompt_placeholder true
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from builder.text import words

if TYPE_CHECKING:
    import polars as pl

ABOUT = {
    "prompt_chars": "characters of all messages",
    "prompt_words": "words of all messages",
    "prompt_keyword": "names what text cannot show: image, graph, file, map, draw … (Self-Instruct, Alpaca)",
    "prompt_odd_start": "begins with neither letter nor digit (Self-Instruct)",
    "prompt_program": "begins with 'Write a program' (Self-Instruct)",
    "prompt_placeholder": "holds <noinput> or the address of an image (AlpacaDataCleaned)",
    "prompt_merged": "holds the labels of a second instruction (AlpacaDataCleaned)",
}

_KEYWORDS = (
    r"(?-u:\b)(?:images?|graphs?|pictures?|files?|maps?|draw|plot|go to|videos?|audio|music|flowcharts?|diagrams?)"
    r"(?-u:\b)"
)
_PLACEHOLDER = r"<\s?[Nn]o\s?[Ii]nput\s?>|^\s*[Nn]o ?[Ii]nput\s*$"
_IMAGE = r"https?://[^\s]+\.(?:png|jpe?g|gif|webp|svg)(?-u:\b)"
_MERGED = r"\n(?:#{2,4} ?|[0-9]{1,2}\. ?)?(?:[Ii]nstruction|INSTRUCTION)(?: ?[0-9]{1,2})? ?:"


def expressions(text: str) -> dict[str, pl.Expr]:
    """Return the measures in ABOUT over a column that holds the whole prompt."""
    import polars as pl

    asked = pl.col(text)
    return {
        "prompt_chars": asked.str.len_chars().cast(pl.Int64),
        "prompt_words": words(asked).list.len().cast(pl.Int64),
        "prompt_keyword": asked.str.to_lowercase().str.contains(_KEYWORDS),
        "prompt_odd_start": asked.str.contains(r"^\s*[^\s\p{L}\p{M}\p{N}]"),
        "prompt_program": asked.str.contains(r"(?i)^\s*write (?:a|another) program\b"),
        "prompt_placeholder": asked.str.contains(_PLACEHOLDER) | asked.str.contains(_IMAGE),
        "prompt_merged": asked.str.contains(_MERGED),
    }
