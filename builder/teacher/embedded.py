"""The embedded teacher behind the same door as any other; `EmbeddedLLM` is its distilabel class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builder import embedded
from builder.config import TeacherConfig
from builder.embedded import Refusal
from builder.ledger import Answer, Usage
from builder.rows import Message
from builder.teacher import Fault, Reply


class EmbeddedTeacher:
    """Computes its answers in this process: no model, no key, no network."""

    name = model = "embedded"

    server = ("embedded", "", "embedded")

    def __init__(self, config: TeacherConfig) -> None:
        self.config = config

    def identity(self) -> dict[str, Any]:
        """Return the version of the computation: a changed solver must be asked again."""
        return {"provider": "embedded", "model": "embedded", "version": embedded.VERSION}

    async def open(self) -> None:
        """Nothing to get ready."""

    async def ask(self, messages: Sequence[Message], draws: Sequence[int]) -> Reply:
        """Read the prompt and compute; a prompt outside the grammars is refused, never guessed at."""
        try:
            said = embedded.answer(messages)
        except Exception as error:  # a solver that fails costs one row, as any teacher's call does
            raise Fault("computation", f"{type(error).__name__}: {error}") from error
        if isinstance(said, Refusal):
            return Reply([Answer(None, f"refused: {said.reason}")], Usage(0, 0))
        return Reply([Answer(said.text, "stop")], Usage(0, 0))

    async def close(self) -> None:
        """Nothing to let go of."""
