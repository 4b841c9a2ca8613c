"""Rewrite a message from a casual into a formal tone or back, and keep every fact.

... Hey Ben! It's gonna be Friday at 14:30, ok? ... -> Dear Ben, I would like to confirm Friday at 14:30. ...
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from builder.embedded import frame
from builder.embedded.grammar import Phrases
from builder.embedded.task import Check, Messages, Slip, Task, user
from builder.embedded.tones import CASUAL, CLOSINGS, FORMAL, GAPS, GREETINGS, SAYINGS

ABILITY = "tone"
WEIGHT = 1.0
REQUEST = Phrases(
    "[rewrite|rephrase] the {text} {here:here} in a {tone} tone. [keep|leave in] [all the facts|every fact][, names "
    "and numbers included| and add nothing new].",
    "[please |]make the {text} {here:here} [sound |]{tone}, [sentence by sentence|one sentence for each of mine]. "
    "[no detail may get lost|all the details must stay].",
    "[I have to send|I want to send] the {text} {here:here} to {reader}, so it [needs|should have] a {tone} "
    "tone. [change|adapt] the wording but "
    "[keep the facts|not the facts], and [write|use] [just as many sentences|the same number of sentences].",
    "the {text} {here:here} [is not right for|will not do for] {reader}. [put|turn] it into a {tone} style[, "
    "leaving out nothing|; every fact stays in].",
    "[how would you put|how would one write] the {text} {here:here} to {reader}? [give me|write] a {tone} "
    "version [with the same facts|that says exactly the same].",
)
TONES = (
    ("casual", "relaxed", "chatty", "friendly and informal", "laid-back", "breezy"),
    ("formal", "polite and formal", "businesslike", "courteous and official", "professional", "dignified"),
)
READERS = (
    (
        "my sister",
        "an old friend",
        "my flatmate",
        "the lads from training",
        "my cousin",
        "a close neighbour",
        "our group chat",
    ),
    (
        "the board",
        "an insurance firm",
        "a new client",
        "the headteacher",
        "our landlord",
        "the town council",
        "a law office",
    ),
)
TEXTS = ("message", "mail", "note", "draft", "text")


@dataclass(frozen=True)
class Letter:
    """A message as data: whom it greets, which sayings it holds with their facts, who signs."""

    person: str
    said: tuple[tuple[int, dict[str, str]], ...]
    name: str


def sample(rng: random.Random) -> Task:
    """Draw a message in one tone that is wanted in the other."""
    numbers = rng.sample(range(len(SAYINGS)), rng.randint(2, 5))
    names = rng.sample(GAPS["person"], 2)
    said = tuple(
        (number, {gap: rng.choice(values) for gap, values in GAPS.items() if gap in _gaps(number)})
        for number in numbers
    )
    letter, wanted = Letter(names[0], said, names[1]), rng.choice((0, 1, 1))
    body = _write(rng, letter, 1 - wanted)
    prompt = frame.compose(
        rng, REQUEST, body, text=rng.choice(TEXTS), tone=rng.choice(TONES[wanted]), reader=rng.choice(READERS[wanted])
    )
    facts = [fact for _, gaps in said for fact in gaps.values()]
    checks: list[Check] = [
        {"check": "mentions", "values": [*names, *facts]},
        {"check": "forbids", "words": list((FORMAL, CASUAL)[wanted])},
        {"check": "no_new_numbers", "source": body},
    ]
    return Task("tone", ABILITY, user(prompt), checks)


def answer(messages: Messages) -> str | None:
    """Read the message sentence by sentence and say it again in the other tone."""
    problem = _read(messages)
    return _write(random.Random(repr(problem)), *problem) if problem else None


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield the message unchanged, half changed, with a fact lost, changed or invented, or with the names swapped."""
    if not (problem := _read(messages)):
        return
    letter, wanted = problem
    greeting, text, closing = _write(rng, letter, wanted).split("\n")
    old_greeting, old_text, old_closing = _write(rng, letter, 1 - wanted).split("\n")
    yield Slip("tone_unchanged", "\n".join((greeting, old_text, closing)))
    yield Slip("greeting_unchanged", "\n".join((old_greeting, text, closing)))
    yield Slip("closing_unchanged", "\n".join((greeting, text, old_closing)))
    yield Slip("closing_lost", "\n".join((greeting, text)))
    at = rng.randrange(len(letter.said))
    number, gaps = letter.said[at]
    others = letter.said[:at] + letter.said[at + 1 :]
    one_old = [_say(rng, said, wanted if place != at else 1 - wanted) for place, said in enumerate(letter.said)]
    yield Slip("one_sentence_unchanged", "\n".join((greeting, " ".join(one_old), closing)))
    yield Slip("lost_sentence", _write(rng, Letter(letter.person, others, letter.name), wanted))
    gap = rng.choice(list(gaps))
    changed = (number, gaps | {gap: rng.choice([value for value in GAPS[gap] if value != gaps[gap]])})
    yield Slip(
        "changed_fact",
        _write(rng, Letter(letter.person, (*letter.said[:at], changed, *letter.said[at + 1 :]), letter.name), wanted),
    )


def _gaps(number: int) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", SAYINGS[number][0].patterns[0].text))


def _say(rng: random.Random, said: tuple[int, dict[str, str]], tone: int) -> str:
    return SAYINGS[said[0]][tone].render(rng, **said[1])


def _write(rng: random.Random, letter: Letter, tone: int) -> str:
    text = " ".join(_say(rng, said, tone) for said in letter.said)
    greeting, closing = GREETINGS[tone].render(rng, person=letter.person), CLOSINGS[tone].render(rng, name=letter.name)
    return f"{greeting}\n{text}\n{closing}"


def _read(messages: Messages) -> tuple[Letter, int] | None:
    """Return the message as data and the tone that is wanted: 0 casual, 1 formal."""
    reading = frame.read(messages, REQUEST)
    wanted = next((tone for tone, names in enumerate(TONES) if reading and reading.slots["tone"] in names), None)
    if not reading or wanted is None or reading.body.count("\n") != 2:
        return None
    greeting, text, closing = reading.body.split("\n")
    hello, bye = GREETINGS[1 - wanted].read(greeting), CLOSINGS[1 - wanted].read(closing)
    said = [_read_saying(sentence, 1 - wanted) for sentence in re.split(r"(?<=[.?!]) ", text)]
    found = tuple(saying for saying in said if saying)
    if not hello or not bye or len(found) < len(said):
        return None
    return Letter(hello["person"], found, bye["name"]), wanted


def _read_saying(sentence: str, tone: int) -> tuple[int, dict[str, str]] | None:
    for number, saying in enumerate(SAYINGS):
        slots = saying[tone].read(sentence)
        if slots is not None and all(value in GAPS[gap] for gap, value in slots.items()):
            return number, slots
    return None
