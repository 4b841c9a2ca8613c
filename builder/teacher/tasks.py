"""distilabel's judging Tasks, of which only the prompts are used: what is said back is read by `builder.verdicts`.

    ultrafeedback_prompt("helpfulness", "How much is 2+2?", ["4", "and a car"]) -> [system turn, user turn]

Importing distilabel takes seconds, so it is done at the first prompt.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from builder.errors import BuilderError
from builder.rows import Message, content_id


def ultrafeedback_prompt(aspect: str, instruction: str, generations: Sequence[str]) -> list[Message]:
    """Return UltraFeedback's prompt: it asks for a rating of 1 to 5 and a rationale for every text.

    Args:
        aspect: instruction-following, truthfulness, honesty, helpfulness or overall-rating.
        instruction: what the texts answer.
        generations: the texts, which it numbers from 1.
    """
    asked = {"instruction": instruction, "generations": list(generations)}
    turns = _ultrafeedback(aspect).format_input(asked)
    return [{"role": turn["role"], "content": turn["content"]} for turn in turns]


def ultrafeedback_hash(aspect: str) -> str:
    """Hash an aspect's rubric as it is installed, without importing distilabel."""
    found = find_spec("distilabel")
    folders = found.submodule_search_locations if found else None
    if not folders:
        raise BuilderError("distilabel is not installed: the installation is broken")
    file = Path(folders[0], "steps", "tasks", "templates", "ultrafeedback", f"{aspect}.jinja2")
    return content_id("template", file.read_text(encoding="utf-8"))


@cache
def _ultrafeedback(aspect: str) -> Any:
    with _silently():
        from distilabel.steps.tasks import UltraFeedback

        from builder.teacher.embedded_llm import EmbeddedLLM

        # the Task wants an LLM and never asks it: every call goes through the gate
        task = UltraFeedback(llm=EmbeddedLLM(), aspect=aspect)
        task.load()
    return task


@contextmanager
def _silently() -> Iterator[None]:
    """Keep back what distilabel says about pydantic and about having no pipeline; nothing a user could mend."""
    logging.getLogger("distilabel").setLevel(logging.ERROR)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # a Task makes a logger of its own and sets its level
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
