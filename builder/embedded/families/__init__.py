"""The task families, one small file each: what they sample, how they answer, how they slip."""

import random
from collections.abc import Iterator
from typing import Protocol

from builder.embedded.families import (
    constraints,
    convert_table,
    convert_units,
    correct_text,
    dates,
    edit_turns,
    extract_fields,
    extract_json,
    find_contradiction,
    grounded_qa,
    python_function,
    rank_by_criteria,
    redact,
    route,
    sql,
    steps,
    summarize,
    table_question,
    tone,
    word_problem,
)
from builder.embedded.task import Messages, Slip, Task


class Family(Protocol):
    """What a family's module has."""

    ABILITY: str
    WEIGHT: float  # its share of a run: large for a family with room for many different prompts

    def sample(self, rng: random.Random) -> Task:
        """Return a task; its checks hold the truth."""

    def answer(self, messages: Messages) -> str | None:
        """Compute the answer from the messages alone; None (at once) where this is not the family's prompt."""

    def slips(self, messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
        """Yield plausible wrong answers; nothing where the prompt is not the family's."""


FAMILIES: dict[str, Family] = {
    "constraints": constraints,
    "convert_table": convert_table,
    "convert_units": convert_units,
    "correct_text": correct_text,
    "dates": dates,
    "edit_turns": edit_turns,
    "extract_fields": extract_fields,
    "extract_json": extract_json,
    "find_contradiction": find_contradiction,
    "grounded_qa": grounded_qa,
    "python_function": python_function,
    "rank_by_criteria": rank_by_criteria,
    "redact": redact,
    "route": route,
    "sql": sql,
    "steps": steps,
    "summarize": summarize,
    "table_question": table_question,
    "tone": tone,
    "word_problem": word_problem,
}
