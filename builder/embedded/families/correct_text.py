"""Correct stated facts in a short text and leave the rest of it as it is.

... the sender should be Petra Novak; the weight is 9 ... The parcel weighs 7 kg. ... -> The parcel weighs 9 kg. ...
"""

import random
import re
from collections.abc import Iterator

from builder.embedded import frame, prose, worlds
from builder.embedded.grammar import Phrases
from builder.embedded.task import Messages, Slip, Task, user
from builder.embedded.worlds import Passage
from builder.embedded.worlds.world import World

ABILITY = "editing"
WEIGHT = 2.5
REQUEST = Phrases(
    "[correct|fix] the {text} {here:here}: {fixes}. [change nothing else|leave everything else as it is|touch "
    "nothing else] and [return|give me] the [whole|full|corrected] {text}.",
    "[there is an error|something is wrong|I found a mistake] in the {text} {here:here}. [in truth|in "
    "fact|actually], {fixes}. [write it out again|send it back to me] with [only that|nothing but "
    "this] [put right|changed].",
    "[please |][update|revise] the {text} {here:here} [so that it is right|to match our files]: {fixes}. [keep "
    "all other words as they are|keep the rest of the wording untouched|repeat the rest word for word].",
    "{fixes}. [that is not what|this differs from what] the {text} {here:here} says, so [amend|correct|edit] it "
    "and change no other [word|part].",
    "[we have just learned|it turns out|I was told today] that {fixes}. [rewrite|copy out] the {text} "
    "{here:here} with [that|the new facts] [in place|worked in], [and keep|keeping] every other word.",
)
FIX = Phrases(
    "the {label} [should be|must be|ought to be] {value}",
    "the {label} should [read|say] {value}",
    'the {label} should [read|say] "{value}"',
)


def sample(rng: random.Random) -> Task:
    """Draw a passage and one to three facts that should read otherwise."""
    while True:
        passage = worlds.draw(rng, least=4)
        keys = rng.sample(list(passage.record), rng.randint(1, min(3, len(passage.record) - 1)))
        new = {key: passage.world.by_key[key].kind.draw(rng) for key in keys}
        old_and_new = [*(passage.record[key] for key in keys), *new.values()]
        # A value that stands twice, or within another, could not be told apart by the text alone.
        if all(len(_found(passage.text, passage.record[key])) == 1 for key in keys) and len(set(old_and_new)) == len(
            old_and_new
        ):
            break
    fixes = [FIX.render(rng, label=passage.world.by_key[key].label, value=value) for key, value in new.items()]
    prompt = frame.compose(rng, REQUEST, passage.text, world=passage.world, fixes="; ".join(map(prose.lowered, fixes)))
    changes = {passage.record[key]: value for key, value in new.items()}
    check = {"check": "corrected", "source": passage.text, "changes": changes}
    return Task("correct_text", ABILITY, user(prompt), [check])


def answer(messages: Messages) -> str | None:
    """Read the passage and the corrections, and put the new values in place of the old."""
    if not (problem := _read(messages)):
        return None
    passage, new = problem
    return _write(passage, new)


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a fix forgotten or misplaced, another value changed too, a sentence lost or added, other wording."""
    if not (problem := _read(messages)):
        return
    passage, new = problem
    right = _write(passage, new)
    for key in new:
        yield Slip("forgotten_fix", _write(passage, {name: value for name, value in new.items() if name != key}))
    others = [key for key in passage.record if key not in new]
    other, key = rng.choice(others or [""]), rng.choice(list(new))
    if other:
        yield Slip("changed_too_much", _write(passage, new | {other: passage.world.by_key[other].kind.draw(rng)}))
        yield Slip("fixed_wrong_place", _write(passage, {other: new[key]}))
    sentences = worlds.SENTENCE_END.split(right)
    lost = rng.randrange(len(sentences))
    yield Slip("lost_sentence", " ".join(sentences[:lost] + sentences[lost + 1 :]))
    yield Slip("appended_not_fixed", f"{passage.text} {passage.world.by_key[key].state(new[key])}")
    yield Slip("reworded", worlds.tell(rng, passage.world, passage.record | new))
    yield Slip("other_order", " ".join([*sentences[1:], sentences[0]]))


def _write(passage: Passage, new: dict[str, str]) -> str:
    text = passage.text
    # Places are looked up in the old text and filled from its end: a new value must not be taken for an old one.
    places = [(*span, key) for key in new for span in _found(text, passage.record[key])[:1]]
    for start, end, key in sorted(places, reverse=True):
        opens = text[start] != passage.record[key][0]  # the capital of a sentence's start
        value = new[key][0].upper() + new[key][1:] if opens else new[key]
        text = text[:start] + value + text[end:]
    return text


def _found(text: str, value: str) -> list[tuple[int, int]]:
    """Return where a value stands in a text as whole words, perhaps with the capital of a sentence's start."""
    if not value:
        return []
    first = f"[{value[0]}{value[0].upper()}]" if value[0].isalpha() else re.escape(value[0])
    pattern = rf"(?<![\w@]){first}{re.escape(value[1:])}(?!\w)"
    return [found.span() for found in re.finditer(pattern, text)]


def _read(messages: Messages) -> tuple[Passage, dict[str, str]] | None:
    """Return the passage and the new values by key."""
    reading = frame.read(messages, REQUEST)
    passage = worlds.read(reading.body) if reading else None
    if not reading or not passage:
        return None
    new: dict[str, str] = {}
    for text in re.split(r"; (?=the |as )", reading.slots["fixes"]):
        fix = _read_fix(passage.world, prose.lowered(text))
        # A fact that is fixed twice, or told in two places, could be meant in more than one way.
        if not fix or fix[0] in new or len(_found(passage.text, passage.record.get(fix[0], ""))) != 1:
            return None
        new[fix[0]] = fix[1]
    return passage, new


def _read_fix(world: World, text: str) -> tuple[str, str] | None:
    for pattern in FIX.patterns:
        slots = pattern.read(text)
        field = next((field for field in world.fields if slots and field.label == slots["label"]), None)
        if slots and field and re.fullmatch(field.kind.regex, slots["value"]):
            return field.key, slots["value"]
    return None
