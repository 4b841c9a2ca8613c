"""The embedded teacher as a distilabel LLM, for use in distilabel's own Tasks and Pipelines.

    from builder import EmbeddedLLM
    from distilabel.steps.tasks import TextGeneration
    task = TextGeneration(llm=EmbeddedLLM())

A build does not come this way: importing distilabel takes longer than computing a thousand answers.
"""

from __future__ import annotations

from typing import Any

from distilabel.models.llms import LLM

from builder import embedded


class EmbeddedLLM(LLM):  # type: ignore[misc]
    """Answers by computing. A prompt it cannot compute an answer to gives the generation None and `refusal`, why."""

    @property
    def model_name(self) -> str:
        """Return the name distilabel writes beside a generation."""
        return "embedded"

    # no **kwargs: distilabel would demand a runtime parameter of that name
    def generate(self, inputs: list[Any], num_generations: int = 1) -> list[Any]:
        """Answer each conversation; the same answer `num_generations` times, for there is nothing to draw."""
        return [_output(embedded.answer(messages), num_generations) for messages in inputs]


def _output(said: embedded.Answer | embedded.Refusal, n: int) -> dict[str, Any]:
    text, refusal = (None, said.reason) if isinstance(said, embedded.Refusal) else (said.text, None)
    tokens = {"input_tokens": [0] * n, "output_tokens": [0] * n}
    return {"generations": [text] * n, "refusal": [refusal] * n, "statistics": tokens}
