"""Answer a question from a short text, and say so when the text does not tell.

... Who posted the parcel? Answer from the note below only; if it does not say, write "not stated". -> Petra Novak
"""

import random
from collections.abc import Iterator

from builder.embedded import frame, worlds
from builder.embedded.grammar import Phrases
from builder.embedded.task import Check, Messages, Slip, Task, user

ABILITY = "grounding"
WEIGHT = 3.0
REQUEST = Phrases(
    "[answer|reply] from the {text} {here:here} [only|alone]: {question} [if it does not say|if it is silent on "
    "that], [write|reply|answer] {fallback:quoted}. [Give|Return] [only the answer|nothing but the answer].",
    "{question} [take|get] the answer [straight|only] from the {text} {here:here}, [as briefly as you can|without a "
    "full sentence]. [Should the {text} not say|If the {text} says nothing about it], [answer|write] "
    "{fallback:quoted}.",
    "[look at|read|check] the {text} {here:here} and [tell me|answer]: {question} [just|only] [the value|the "
    "answer], please; [if it is not there|if the {text} leaves it open], [put|answer|reply with] {fallback:quoted}.",
    "[I have|Here is] one question about the {text} {here:here}: {question} [do not guess|no guessing]. [say|write] "
    "{fallback:quoted} [if the {text} does not say|if the answer is not in it]; otherwise give only the answer.",
)
FALLBACKS = (
    "not stated",
    "the text does not say",
    "unknown",
    "no answer",
    "not given",
    "not mentioned",
    "n/a",
)


def sample(rng: random.Random) -> Task:
    """Ask for a field that the text tells (7 of 10) or does not tell."""
    passage = worlds.draw(rng)
    key = rng.choice(list(passage.record)) if rng.random() < 0.7 else rng.choice(passage.absent).key
    fallback = rng.choice(FALLBACKS)
    prompt = frame.compose(
        rng,
        REQUEST,
        passage.text,
        world=passage.world,
        question=passage.world.by_key[key].questions.render(rng),
        fallback=f'"{fallback}"',
    )
    expected = passage.record.get(key, fallback)
    checks: list[Check] = [
        {"check": "max_words", "n": len(expected.split())},
        {"check": "answer_is", "expected": expected},
    ]
    return Task("grounded_qa", ABILITY, user(prompt), checks)


def answer(messages: Messages) -> str | None:
    """Find the field that the question asks for and return its value, or the words for "not told"."""
    if not (reading := frame.read(messages, REQUEST)) or not (passage := worlds.read(reading.body)):
        return None
    for field in passage.world.fields:
        if field.questions.read(reading.slots["question"]) is not None:
            return passage.record.get(field.key, reading.slots["fallback"].strip('"'))
    return None


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield another field's value, an invented one, a needless "not told", a sentence where a value is asked."""
    if not (reading := frame.read(messages, REQUEST)) or not (passage := worlds.read(reading.body)):
        return
    fallback = reading.slots["fallback"].strip('"')
    asked = next((f for f in passage.world.fields if f.questions.read(reading.slots["question"]) is not None), None)
    if asked is None:
        return
    neighbours = [value for key, value in passage.record.items() if key != asked.key]
    if neighbours:
        yield Slip("other_field", rng.choice(neighbours))
    yield Slip("invented_value", asked.kind.draw(rng))
    if asked.key in passage.record:
        yield Slip("needless_fallback", fallback)
        yield Slip("full_sentence", asked.state(response))
        if neighbours:
            yield Slip("two_answers", f"{response} or {rng.choice(neighbours)}")
    else:
        yield Slip("own_words_for_fallback", f"Sorry, I could not find anything about the {asked.label}.")
        yield Slip("hedged_guess", f"{fallback}, but probably {asked.kind.draw(rng)}")
