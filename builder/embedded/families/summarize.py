"""Sum up a short text in sentences or bullet points that give some of its facts and no others.

Sum up the note below in one sentence. Give the sender and weight only. -> The sender is ... and the parcel weighs ...
"""

import random
from collections.abc import Iterator

from builder.embedded import frame, prose, worlds
from builder.embedded.grammar import Phrases
from builder.embedded.task import Check, Messages, Slip, Task, user
from builder.embedded.worlds import Passage

ABILITY = "summarisation"
WEIGHT = 3.0
REQUEST = Phrases(
    "[summarise|sum up|condense] the {text} {here:here} in {form}. [Mention|Cover|Give] the {labels} [and nothing "
    "else|only].",
    "[write|give me] {form} [about|on|summing up] the {text} {here:here}. [I only need|The only facts I need are] "
    "the {labels}[.|; "
    "leave out the rest.]",
    "[in|using] {form}, [give me|state] the {labels} [from|in|given in] the {text} {here:here}[, and skip everything "
    "else|; leave "
    "the rest out].",
    "[my|our] [team|manager|colleague] [wants|needs] {form} [with|covering] the {labels} [from|given in] the "
    "{text} {here:here}. "
    "[No other details, please|Other details do not matter, so please leave them out].",
)
FORMS = {
    1: ("one sentence", "a single sentence"),
    2: ("two sentences", "exactly two sentences"),
}
BULLETS = ("a list of {n} bullet points", "{n} bullet points", "a bulleted list with {n} points")


def sample(rng: random.Random) -> Task:
    """Ask for two to four facts of the text."""
    passage = worlds.draw(rng, least=5)
    keys = rng.sample(list(passage.record), rng.randint(2, 4))
    told = [passage.record[key] for key in keys]
    size: Check
    if rng.random() < 0.4:
        form, size = rng.choice(BULLETS).replace("{n}", str(len(keys))), {"check": "bullets", "n": len(keys)}
    else:
        n = rng.choice((1, 2))
        form, size = rng.choice(FORMS[n]), {"check": "sentences", "n": n}
    left_out = [value for key, value in passage.record.items() if key not in keys and value not in " ".join(told)]
    prompt = frame.compose(
        rng,
        REQUEST,
        passage.text,
        world=passage.world,
        form=form,
        labels=prose.join([passage.world.by_key[key].label for key in keys]),
    )
    checks: list[Check] = [
        {"check": "mentions", "values": told},
        {"check": "omits", "values": left_out},
        {"check": "no_new_numbers", "source": passage.text},
        size,
    ]
    return Task("summarize", ABILITY, user(prompt), checks)


def answer(messages: Messages) -> str | None:
    """State the facts asked for, plainly, in the form asked for."""
    if not (problem := _read(messages)):
        return None
    passage, keys, form = problem
    return _write(passage, keys, form)


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a dropped fact, an added one, a changed value, a changed number, one sentence too many."""
    if not (problem := _read(messages)):
        return
    passage, keys, form = problem
    dropped = rng.choice(keys)
    others = [key for key in passage.record if key not in keys]
    kept = [key for key in keys if key != dropped]
    if kept:
        yield Slip("dropped_fact", _write(passage, kept, form))
    if others:
        yield Slip("replaced_fact", _write(passage, [*kept, rng.choice(others)], form))
        yield Slip("added_fact", f"{response} {passage.world.by_key[others[0]].state(passage.record[others[0]])}")
    wrong = passage.world.by_key[dropped].kind.draw(rng)
    yield Slip("wrong_value", response.replace(passage.record[dropped], wrong))
    yield Slip("copied_text", passage.text)
    yield Slip("other_form", _write(passage, keys, "one sentence" if "bullet" in form else "two bullet points"))


def _write(passage: Passage, keys: list[str], form: str) -> str:
    sentences = [passage.world.by_key[key].state(passage.record[key]) for key in keys]
    if "bullet" in form:
        return "\n".join(f"- {sentence}" for sentence in sentences)
    if "two" in form and len(sentences) > 1:
        half = (len(sentences) + 1) // 2
        return prose.clauses(sentences[:half]) + " " + prose.clauses(sentences[half:])
    return prose.clauses(sentences)


def _read(messages: Messages) -> tuple[Passage, list[str], str] | None:
    """Return the passage, the keys asked for and the form."""
    if not (reading := frame.read(messages, REQUEST)) or not (passage := worlds.read(reading.body)):
        return None
    form = reading.slots["form"]
    known = [*FORMS[1], *FORMS[2]]
    by_label = {field.label: field.key for field in passage.world.fields}
    labels = prose.split(reading.slots["labels"])
    if not set(labels) <= set(by_label) or not (form in known or "bullet" in form):
        return None
    keys = [by_label[label] for label in labels]
    if "bullet" in form and form not in {bullets.replace("{n}", str(len(keys))) for bullets in BULLETS}:
        return None
    if form in FORMS[2] and len(keys) < 2:
        return None
    return (passage, keys, form) if all(key in passage.record for key in keys) else None
