"""The frame around a request: how a whole prompt is composed of parts, and taken apart again.

    Hello! I am chasing a parcel for a neighbour. Pull the sender and the weight out of the note below as JSON. Thanks!
    <blank line>
    Note:
    The parcel weighs 7 kg. Petra Novak posted the parcel.

is a lead ("Hello! I am chasing ..."), a request (which the family brings), a closer ("Thanks!") and a body. What stands
between the request and the closer is left to the family: `Reading.rest`, "" unless the family allows it.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from builder.embedded.grammar import Pattern, Phrases
from builder.embedded.task import Messages, only_prompt
from builder.embedded.worlds import WORLDS
from builder.embedded.worlds.world import World

GREETINGS = (
    "[Hi|Hello|Hey][| there][!|.]",
    "[Good morning|Good afternoon|Good evening][!|.]",
    "[A quick|A small|One simple] [task|job|request] [for you|today].",
    "[I need|I could use] [a hand|some help] with [something|a small task].",
    "[Can|Could] you help me [out for a moment|with something today|with a small task|with this, please]?",
)
CLOSERS = Phrases(
    "[Thanks|Thank you|Many thanks][!|.]",
    "[Thanks|Thank you|Many thanks] in advance[!|.]",
    "[Thanks|Thank you] for your [help|time].",
    "[There is no|No] [need to hurry|rush].",
    "[It is|This is] for [my|our] [records|files|team].",
)
LABELS = Phrases("[here is|this is] the {text}:", "[the |]{text}:")
MANY_LABELS = Phrases("here are the {text}:", "[the |]{text}:")  # for a body that is called by a plural
FENCES = (("---\n", "\n---"), ("```\n", "\n```"), ("<text>\n", "\n</text>"), ("<<<\n", "\n>>>"))


@dataclass(frozen=True)
class Reading:
    """A prompt taken apart: the request's slots, what follows the request, and the body."""

    slots: dict[str, str]
    rest: str
    body: str


def compose(
    rng: random.Random,
    request: Phrases,
    body: str = "",
    *,
    world: World | None = None,
    text: str = "text",
    boxed: str = "",
    tail: Sequence[str] = (),
    **slots: object,
) -> str:
    """Return a prompt: lead, request, `tail` sentences, closer, and the body below or above them.

    The body may be labelled as what `boxed` says (by default as what it is called).
    `request` may use the slots {text} (what the body is called) and {here:here} ("below" or "above") for free.
    """
    called = world.text.render(rng).lower() if world else text
    above = bool(body) and rng.random() < 0.3
    sentences = [
        *([rng.choice(_greetings()).render(rng)] if rng.random() < 0.25 else []),
        *([rng.choice(world.situations).render(rng)] if world and rng.random() < 0.6 else []),
        request.render(rng, here="above" if above else "below", text=called, **slots),
        *tail,
        *([CLOSERS.render(rng)] if rng.random() < 0.2 else []),
    ]
    asked = re.sub(r" *\n *", "\n", " ".join(sentences)).strip()
    if not body:
        return asked
    framed = _box(rng, body, boxed or called)
    return f"{framed}\n\n{asked}" if above else f"{asked}\n\n{framed}"


def read(messages: Messages, request: Phrases, *, rest: bool = False) -> Reading | None:
    """Take a one-message prompt apart by a family's request; None where it is not one, or leaves words unread.

    With `rest`, what follows the request (constraints, say) is given back for the family to read.
    """
    prompt = only_prompt(messages)
    if prompt is None:
        return None
    for asked, body in _halves(prompt):
        if found := request.match(asked):
            slots, after = found
            after = _without_closer(after)
            if not after or rest:
                return Reading(slots, after, body)
    return None


@lru_cache(maxsize=64)
def _halves(prompt: str) -> tuple[tuple[str, str], ...]:
    """Return the ways to part a prompt into what is asked (lead taken off) and the body."""
    first, _, below = prompt.partition("\n\n")
    above, _, last = prompt.rpartition("\n\n")
    halves = [(first, below), (last, above)] if below else [(prompt, "")]
    return tuple((_without_lead(asked.strip()), _unbox(body)) for asked, body in halves)


def _box(rng: random.Random, body: str, called: str) -> str:
    style = rng.choice(("plain", "label", "label", "fence"))
    if style == "plain":
        return body
    if style == "label":
        many = called.partition(" of ")[0].endswith("s")
        return (MANY_LABELS if many else LABELS).render(rng, text=called) + rng.choice(("\n", "\n\n")) + body
    opening, closing = rng.choice(FENCES)
    return opening + body + closing


def _unbox(boxed: str) -> str:
    for opening, closing in FENCES:
        if boxed.startswith(opening) and boxed.endswith(closing) and len(boxed) > len(opening + closing):
            return boxed[len(opening) : -len(closing)]
    first, _, body = boxed.partition("\n")
    return body.lstrip("\n") if body and (LABELS.read(first) or MANY_LABELS.read(first)) else boxed


def _without_lead(asked: str) -> str:
    while found := _leads().match(asked):
        asked = asked[found.end() :].lstrip()
    return asked


def _without_closer(rest: str) -> str:
    found = _closing().search(rest)
    return rest[: found.start()].rstrip() if found else rest


@cache
def _greetings() -> tuple[Pattern, ...]:
    return tuple(Pattern(text) for text in GREETINGS)


@cache
def _leads() -> re.Pattern[str]:
    """Every greeting and situation as one regular expression."""
    patterns = [*_greetings(), *(pattern for world in WORLDS for pattern in world.situations)]
    return re.compile("(?:" + "|".join(pattern.regex for pattern in patterns) + r")(?=\s)")


@cache
def _closing() -> re.Pattern[str]:
    return re.compile(r"(?:^|(?<=\s))(?:" + "|".join(p.regex for p in CLOSERS.patterns) + r")$")
