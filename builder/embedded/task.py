"""What the embedded teacher deals in: tasks, answers, refusals and slips."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Messages = Sequence[dict[str, str]]
Check = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A prompt and the checks that a right answer to it passes; the checks hold the truth, not an answer."""

    family: str
    ability: str
    messages: list[dict[str, str]]
    checks: list[Check]


@dataclass(frozen=True)
class Answer:
    """A computed answer, and the family that computed it."""

    text: str
    family: str


@dataclass(frozen=True)
class Refusal:
    """Why no answer was computed: `reason` is short and countable, `detail` a sentence."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Slip:
    """A plausible wrong answer: `kind` names the mistake."""

    kind: str
    text: str


@dataclass(frozen=True)
class NearMiss:
    """A slip that the verifier really fails; `broken` lists the labels of the failed checks."""

    text: str
    kind: str
    broken: list[str]


@dataclass(frozen=True)
class NearMisses:
    """The near misses found, and how many slips turned out harmless (they still pass every check)."""

    misses: list[NearMiss]
    harmless: int


def user(prompt: str) -> list[dict[str, str]]:
    """Return a conversation of one user message."""
    return [{"role": "user", "content": prompt}]


def only_prompt(messages: Messages) -> str | None:
    """Return the text of a conversation that is one user message, or None for any other."""
    return messages[0]["content"] if len(messages) == 1 and messages[0]["role"] == "user" else None
