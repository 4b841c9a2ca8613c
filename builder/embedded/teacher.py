"""Tasks, answers and near misses over all families: the embedded teacher's whole face."""

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from builder.embedded import system
from builder.embedded.families import FAMILIES
from builder.embedded.task import Answer, Check, Messages, NearMiss, NearMisses, Refusal, Slip, Task
from builder.verify import verify

ATTEMPTS = 200  # draws for one new prompt before a family counts as exhausted


def tasks(count: int, seed: int, families: Sequence[str] | None = None) -> Iterator[Task]:
    """Yield `count` tasks with different prompts; a longer run of the same seed and families begins with a shorter one.

    Raises ValueError for an unknown family, or when the families have no more new prompts.
    """
    names = list(FAMILIES if families is None else families)
    if unknown := [name for name in names if name not in FAMILIES]:
        raise ValueError(f"no such task family: {', '.join(unknown)}; known: {', '.join(FAMILIES)}")
    weights = [FAMILIES[name].WEIGHT for name in names]
    seen: set[bytes] = set()
    for number in range(count):
        for attempt in range(ATTEMPTS):
            rng = random.Random(f"{seed}/{','.join(names)}/{number}/{attempt}")
            task = FAMILIES[rng.choices(names, weights)[0]].sample(rng)
            digest = hashlib.blake2b(repr(task.messages).encode(), digest_size=16).digest()
            if digest not in seen:
                break
        else:
            raise ValueError(f"{', '.join(names)}: no new prompt after {number} tasks")
        seen.add(digest)
        yield replace(task, messages=system.add(rng, task.messages))


def answer(messages: Messages) -> Answer | Refusal:
    """Compute the answer from the messages alone, or refuse: nothing is ever made up."""
    asked = system.take_off(messages)
    for name, family in FAMILIES.items():
        if (text := family.answer(asked)) is not None:
            return Answer(text, name)
    return Refusal("needs a model", "No task family reads this prompt, so its answer cannot be computed.")


# A right answer in other words is a mistake only where the prompt wants nothing beside it.
_DRESSED = ("chatty", "full_sentence")
_BARE = re.compile(
    r"\b(only|just|nothing|alone|bare|exactly|without|as briefly"
    r"|no (?:other|extra|more|further|comment|explanation)s?)\b",
    re.IGNORECASE,
)


def near_misses(
    messages: Messages,
    response: str,
    checks: Sequence[Check],
    rng: random.Random,
    count: int = 1,
    min_char_distance: float = 0.02,
) -> NearMisses:
    """Return up to `count` wrong answers close to the response, each really failed by the checks.

    Kinds of mistake are taken in turn, each as likely as the next; half of the time one that breaks a single check is
    preferred. A slip that is blank, that differs in white space only, or that is nearer to the response than
    `min_char_distance` (a share of its characters) is left out.
    """
    computed = answer(messages)
    if isinstance(computed, Refusal):
        return NearMisses([], 0)
    slips = list(FAMILIES[computed.family].slips(system.take_off(messages), response, rng))
    misses: list[NearMiss] = []
    harmless = 0
    texts = {response}
    same = ("", _evened(response))
    bare = _BARE.search("\n".join(m["content"] for m in messages if m["role"] != "assistant"))
    for slip in _one_of_each_kind_first(slips, rng):
        if slip.kind in _DRESSED and not bare:
            continue
        too_near = _evened(slip.text) in same or char_distance(slip.text, response) < min_char_distance
        if slip.text in texts or too_near:
            continue
        texts.add(slip.text)
        if broken := verify(slip.text, checks).broken:
            misses.append(NearMiss(slip.text, slip.kind, broken))
        else:
            harmless += 1
    if rng.random() < 0.5:
        misses.sort(key=lambda miss: len(miss.broken) > 1)
    return NearMisses(misses[:count], harmless)


def char_distance(left: str, right: str) -> float:
    """Return the share of characters outside the common start and the common end: 0.0 equal, 1.0 nothing in common."""
    longer = max(len(left), len(right))
    shorter = min(len(left), len(right))
    start = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    room = shorter - start
    end = next((at for at in range(room) if left[-1 - at] != right[-1 - at]), room)
    return (longer - start - end) / longer if longer else 0.0


def _evened(text: str) -> str:
    return " ".join(text.split())


def _one_of_each_kind_first(slips: list[Slip], rng: random.Random) -> list[Slip]:
    """Return the slips in random order, the first of every kind before the second of any."""
    rng.shuffle(slips)
    turn: dict[str, int] = {}
    turns = []
    for slip in slips:
        turns.append(turn.setdefault(slip.kind, 0))
        turn[slip.kind] += 1
    return [slip for _, slip in sorted(zip(turns, slips, strict=True), key=lambda pair: pair[0])]
