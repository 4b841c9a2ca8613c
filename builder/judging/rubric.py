"""rubric: rate every answer by aspect, the answers to a prompt side by side.

    score      the mean over the aspects, each the mean over the judges whose rating could be read
    judgement  {"gpt-4o": {"helpfulness": {"score": 4, "reason": "Clear, but the last step is missing."}}}

An answer with an aspect that no judge gave a readable rating has no score.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import prompts
from builder.config import JudgeConfig
from builder.judging.answers import Answers
from builder.judging.rounds import Call
from builder.rows import Message
from builder.teacher import Teacher

if TYPE_CHECKING:
    from builder import verdicts

OWN = "rubric"
"""What a rubric of the user's own is called where an aspect's name stands."""
MOST_TEXTS = 4
"""Side by side in one call, as UltraFeedback was made; more of them get muddled."""

Ratings = dict[int, dict[int, dict[str, "verdicts.Rating | None"]]]
"""Row -> judge -> aspect -> rating."""


def aspects(config: JudgeConfig) -> Sequence[str]:
    """Return the names of what is rated."""
    return [OWN] if config.template is not None else config.aspects


def calls(answers: Answers, judges: Sequence[Teacher], config: JudgeConfig) -> Iterator[Call]:
    """Yield a call for every prompt, aspect and judge, or several where there are many answers."""
    for prompt in answers.prompts:
        for aspect in aspects(config):
            for number, judge in enumerate(judges):
                rows = answers.shuffled(prompt, aspect, judge.model)
                parts = -(-len(rows) // MOST_TEXTS)
                for part in range(parts):  # as even as they go: 3 and 2, not 4 and 1
                    start, end = part * len(rows) // parts, (part + 1) * len(rows) // parts
                    yield Call(number, tuple(rows[start:end]), aspect)


def messages(answers: Answers, config: JudgeConfig, base: Path) -> Callable[[Call], list[Message]]:
    """Return what says the messages of a call."""
    if config.template is not None:
        render, _ = prompts.rubric(config.template, base, config.low, config.high)

        def own(call: Call) -> list[Message]:
            said = render(answers.instruction(call.texts[0]), answers.texts(call.texts))
            return [{"role": "user", "content": said}]

        return own
    from builder.teacher.tasks import ultrafeedback_prompt

    return lambda call: ultrafeedback_prompt(call.aspect, answers.instruction(call.texts[0]), answers.texts(call.texts))


def reader(config: JudgeConfig) -> Callable[[Call, str], bool]:
    """Return what reads an answer: of every text the first rating that can be read counts, from whichever draw."""
    from builder import verdicts

    def read(call: Call, text: str) -> bool:
        found = verdicts.ratings(text, len(call.texts), config.low, config.high)
        before = call.verdict or [None] * len(call.texts)
        call.verdict = [old or new for old, new in zip(before, found, strict=True)]
        return all(call.verdict)

    return read


def ratings(asked: Sequence[Call]) -> Ratings:
    """Gather the ratings of every row that stands for a text."""
    found: Ratings = {}
    for call in asked:
        for row, rating in zip(call.texts, call.verdict or [None] * len(call.texts), strict=True):
            found.setdefault(row, {}).setdefault(call.judge, {})[call.aspect] = rating
    return found


def score(of: Mapping[int, Mapping[str, verdicts.Rating | None]], names: Sequence[str]) -> float | None:
    """Return the mean over the aspects, each the mean over the judges that gave a readable rating."""
    means = []
    for name in names:
        given = [rating.score for judge in of.values() if (rating := judge.get(name)) is not None]
        if not given:
            return None
        means.append(sum(given) / len(given))
    return sum(means) / len(means)


def told(of: Mapping[int, Mapping[str, verdicts.Rating | None]], names: Sequence[str]) -> dict[str, Any]:
    """Return the ratings of one text for people, by judge and aspect."""
    return {names[judge]: {aspect: _plain(it) for aspect, it in by.items()} for judge, by in of.items()}


def _plain(rating: verdicts.Rating | None) -> dict[str, Any] | None:
    return None if rating is None else {"score": rating.score, "reason": rating.reason}
