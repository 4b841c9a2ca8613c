"""rubric: rate every answer by aspect, the answers to a prompt side by side.

    score      the mean over the aspects, each the mean over the judges whose rating could be read
    judgement  {"gpt-4o": {"helpfulness": {"score": 4, "reason": "Clear, but the last step is missing."}}}

An answer with an aspect that no judge gave a readable rating has no score. UltraFeedback's honesty does not apply to
creative writing, and a judge may say so (`Rating: N/A`, of every text): then the other aspects make the score, of all
answers to that prompt, also of those that were shown in another call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from builder import prompts, verdicts
from builder.config import JudgeConfig
from builder.judging.answers import Answers
from builder.judging.rounds import Call
from builder.rows import Message
from builder.teacher import Teacher

OWN = "rubric"
"""What a rubric of the user's own is called where an aspect's name stands."""
MOST_TEXTS = 4
"""Side by side in one call, as UltraFeedback was made; more of them get muddled."""

NOT_APPLICABLE: Literal["not applicable"] = "not applicable"
_NOT_APPLICABLE = re.compile(r"\brating[\s*_`'\"]{0,9}:[\s*_`'\"(\[]{0,9}n/?a\b", re.I)

Verdict = verdicts.Rating | Literal["not applicable"] | None
ByJudge = Mapping[int, Mapping[str, Verdict]]
"""Judge -> aspect -> verdict; null where it could not be read."""


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

    def read(call: Call, text: str) -> bool:
        count = len(call.texts)
        found: list[Verdict] = [*verdicts.ratings(text, count, config.low, config.high)]
        if call.aspect == "honesty" and not any(found) and len(_NOT_APPLICABLE.findall(text)) == count:
            found = [NOT_APPLICABLE] * count
        call.verdict = [old or new for old, new in zip(_verdicts(call), found, strict=True)]
        return all(call.verdict)

    return read


def _verdicts(call: Call) -> list[Verdict]:
    return call.verdict or [None] * len(call.texts)


def ratings(asked: Sequence[Call]) -> dict[int, dict[int, dict[str, Verdict]]]:
    """Gather the verdicts on every row that stands for a text: row -> judge -> aspect -> verdict."""
    found: dict[int, dict[int, dict[str, Verdict]]] = {}
    for call in asked:
        for row, verdict in zip(call.texts, _verdicts(call), strict=True):
            found.setdefault(row, {}).setdefault(call.judge, {})[call.aspect] = verdict
    return found


def scores(of: Mapping[int, ByJudge], names: Sequence[str]) -> dict[int, float | None]:
    """Score the answers to one prompt: the mean over the aspects, each the mean over the judges that could be read.

    Args:
        of: row -> judge -> aspect -> verdict.
        names: of the aspects.
    """
    verdicts_on = [(judge, name, by[name]) for text in of.values() for judge, by in text.items() for name in by]
    without = {(judge, name) for judge, name, verdict in verdicts_on if verdict == NOT_APPLICABLE}
    return {row: _score(text, names, without) for row, text in of.items()}


def _score(of: ByJudge, names: Sequence[str], without: set[tuple[int, str]]) -> float | None:
    means = []
    for name in names:
        judges = [judge for judge in of if (judge, name) not in without]
        given = [it.score for judge in judges if isinstance(it := of[judge].get(name), verdicts.Rating)]
        if given:
            means.append(sum(given) / len(given))
        elif len(judges) == len(of):
            return None
    return sum(means) / len(means) if means else None


def told(of: ByJudge, names: Sequence[str]) -> dict[str, Any]:
    """Return the verdicts on one text for people, by judge and aspect."""
    return {names[judge]: {aspect: _plain(it) for aspect, it in by.items()} for judge, by in of.items()}


def _plain(verdict: Verdict) -> Any:
    return {"score": verdict.score, "reason": verdict.reason} if isinstance(verdict, verdicts.Rating) else verdict
