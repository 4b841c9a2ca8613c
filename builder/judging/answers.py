"""What is judged: for each prompt its live answers, equal texts once.

Judges favour places: the first text, or the last. So texts are shown in the order of a hash, which knows neither
when an answer was drawn nor who wrote it, and which differs from prompt to prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from builder.rows import Message, content_id, same_request

if TYPE_CHECKING:
    import polars as pl


class Prompt(NamedTuple):
    """One prompt and its answers."""

    id: str
    texts: tuple[int, ...]
    """One row of the table for each different text."""
    rows: dict[int, int]
    """Every row that is judged -> the row that stands for its text."""


class Answers:
    """The prompts of a table, and the texts behind its rows."""

    def __init__(self, table: pl.DataFrame) -> None:
        self._table = table
        found: dict[str, tuple[dict[str, int], dict[int, int]]] = {}
        wanted = table.select("prompt", "checks", "response", "failed").iter_rows(named=True)
        for number, row in enumerate(wanted):
            if row["response"] is None or row["failed"] is not None:
                continue
            texts, rows = found.setdefault(content_id("request", same_request(row)), ({}, {}))
            rows[number] = texts.setdefault(content_id("text", row["response"]), number)
        self.prompts = [Prompt(id, tuple(texts.values()), rows) for id, (texts, rows) in found.items()]
        self._hash = {row: hash for texts, _ in found.values() for hash, row in texts.items()}

    def shuffled(self, prompt: Prompt, *why: str) -> list[int]:
        """Return the rows of a prompt's texts in the order in which this judge of this aspect sees them."""
        return sorted(prompt.texts, key=lambda row: content_id(*why, prompt.id, self._hash[row]))

    def instruction(self, row: int) -> str:
        """Return what the answer in a row answers, as one text."""
        return instruction(self._table["prompt"][row].to_list())

    def texts(self, rows: Iterable[int]) -> list[str]:
        """Return the answers in these rows."""
        return [str(self._table["response"][row]) for row in rows]


def instruction(prompt: Sequence[Message]) -> str:
    """Return a prompt as one text: itself if it is one turn of the user's, else the conversation turn by turn."""
    if [turn["role"] for turn in prompt] == ["user"]:
        return prompt[0]["content"]
    turns = [f"{turn['role'].capitalize()}: {turn['content']}" for turn in prompt]
    return "\n\n".join(["A conversation; what is judged is the reply to its last turn.", *turns])
