"""Tell some facts of a text under one to four constraints of form.

Give me the sender and the weight from the note below. Use no commas. End with "Done." -> The sender is ... Done.
"""

import random
from collections.abc import Iterator

from builder.embedded import constraints, frame, prose, worlds
from builder.embedded.constraints import Asked
from builder.embedded.forms import Fact
from builder.embedded.grammar import Phrases
from builder.embedded.task import Messages, Slip, Task, user
from builder.embedded.worlds import Passage
from builder.verify import verify

ABILITY = "instruction following"
WEIGHT = 4.0
REQUEST = Phrases(
    "[tell|give] me the {labels} [from|stated in|named in] the {text} {here:here}.",
    "[write|draft] a [short|brief] [answer|reply|message] that [tells|states|gives] the {labels}, "
    "[based on|going by|using] the {text} {here:here}.",
    "[report|state|note down] the {labels} [as given in|from|found in] the {text} {here:here}.",
    "from the {text} {here:here}, [I need|we need|my colleague needs] the {labels}[| and nothing more].",
    "[what are|can you give me] the {labels} according to the {text} {here:here}?",
)
PADDING = (
    "I hope that this is what you were looking for; please do not hesitate to ask if anything else in the text "
    "should be looked up for you as well."
)


def sample(rng: random.Random) -> Task:
    """Ask for two to four facts under one to four constraints."""
    passage = worlds.draw(rng, least=5)
    keys = rng.sample(list(passage.record), rng.randint(2, 4))
    facts = _facts(passage, keys)
    asked = constraints.draw(rng, facts, rng.choice((1, 2, 2, 3, 3, 4)))
    prompt = frame.compose(
        rng,
        REQUEST,
        passage.text,
        world=passage.world,
        tail=constraints.phrase(rng, asked),
        labels=prose.join([fact.label for fact in facts]),
    )
    told = [fact.value for fact in facts]
    others = [value for key, value in passage.record.items() if key not in keys and value not in " ".join(told)]
    content = [{"check": "mentions", "values": told}, {"check": "omits", "values": others}]
    return Task("constraints", ABILITY, user(prompt), [*content, *constraints.checks(asked, facts)])


def answer(messages: Messages) -> str | None:
    """State the facts asked for so that every constraint holds."""
    if not (problem := _read(messages)):
        return None
    _, facts, asked = problem
    text = constraints.write(facts, asked)
    # A prompt changed by hand may ask for what these facts cannot meet: 5 bullet points of 2 facts.
    return text if verify(text, constraints.checks(asked, facts)).passed else None


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield an answer that ignores a constraint, one that ignores all, a lost fact, a changed one, an extra one."""
    if not (problem := _read(messages)):
        return
    passage, facts, asked = problem
    for name in asked:
        others = {other: slots for other, slots in asked.items() if other != name}
        yield Slip(f"ignored_{name}", constraints.write(facts, others))
    if len(asked) > 1:
        yield Slip("ignored_all", constraints.write(facts, {}))
    if "max_words" in asked:
        yield Slip("too_long", f"{response} {PADDING}")
    if "in_order" in asked:
        yield Slip("changed_order", constraints.write(facts[::-1], asked))
    lost = rng.randrange(len(facts))
    kept = [*facts[:lost], *facts[lost + 1 :]]
    field = next(field for field in passage.world.fields if field.label == facts[lost].label)
    wrong = field.kind.draw(rng)
    if kept:
        yield Slip("lost_fact", constraints.write(kept, asked))
    changed = [*facts[:lost], Fact(field.label, wrong, field.state(wrong)), *facts[lost + 1 :]]
    yield Slip("wrong_value", constraints.write(changed, asked))
    told = {fact.label for fact in facts}
    extra = rng.choice([key for key in passage.record if passage.world.by_key[key].label not in told])
    yield Slip("extra_fact", constraints.write([*facts, *_facts(passage, [extra])], asked))


def _facts(passage: Passage, keys: list[str]) -> list[Fact]:
    fields = [passage.world.by_key[key] for key in keys]
    return [Fact(f.label, passage.record[f.key], f.state(passage.record[f.key])) for f in fields]


def _read(messages: Messages) -> tuple[Passage, list[Fact], Asked] | None:
    """Return the passage, the facts asked for and the constraints."""
    if not (reading := frame.read(messages, REQUEST, rest=True)) or not (passage := worlds.read(reading.body)):
        return None
    asked = constraints.read(reading.rest)
    keys = {passage.world.by_key[key].label: key for key in passage.record}
    labels = prose.split(reading.slots["labels"])
    if not asked or not set(labels) < set(keys) or len(set(labels)) < len(labels):
        return None
    return passage, _facts(passage, [keys[label] for label in labels]), asked
