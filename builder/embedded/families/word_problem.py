"""Work through a small story of numbers, one equation a line, and end with the result.

A bakery has 24 rolls. Then a neighbour brings 3 boxes of 8 each. ...
-> 3 * 8 = 24 / 24 + 24 = 48 / Answer: 48
"""

import random
import re
from collections.abc import Iterator

from builder.embedded import frame, prose
from builder.embedded.grammar import Phrases
from builder.embedded.scenery import WORDS
from builder.embedded.task import Messages, Slip, Task, user
from builder.embedded.worlds import SENTENCE_END

ABILITY = "reasoning"
WEIGHT = 3.0
LEAD = (
    "[I am [practising|checking] [sums|arithmetic] with my [daughter|son|class|nephew|niece]. |"
    "[This|The following] is [from|out of] [an old|a school|a puzzle] [book|magazine|paper]. |"
    "[My|Our] [teacher|tutor|grandfather] [made up|wrote down] this [problem|story] [yesterday|for the next "
    "lesson]. |||]"
)
REQUEST = Phrases(
    f"{LEAD}[solve|work out] the {{text}} {{here:here}}. {{steps}}. {{last}}.",
    f"{LEAD}[read|work through] the {{text}} {{here:here}} [carefully|from start to end] and answer its "
    f"question. {{steps}}. {{last}}.",
    f"{LEAD}[find|give me] the answer to the {{text}} {{here:here}}[, please|]. {{steps}}. {{last}}.",
    f"{LEAD}what is the answer to the {{text}} {{here:here}}? {{steps}}. {{last}}.",
    f"{LEAD}[I need|we would like] the answer to the {{text}} {{here:here}}, with [the|all the] working. "
    f"{{steps}}. {{last}}.",
)
STEPS = Phrases(
    "[write|show] [each|every] step as one equation on its own line, [such as|like] 2 + 3 = 5",
    "[show|write down] your working as equations like 2 + 3 = 5, one [to a|per] line",
    "[every|each] step gets a line of its own, in the form 2 + 3 = 5",
)
LAST = Phrases(
    "[the last line|your last line] [is|must be|should be] {label:quoted} and the number",
    "[end|finish] with a line that has {label:quoted} and [then |]the number",
    "[after that|at the end], write {label:quoted} and the number on [the|a] last line",
)
LABELS = ("Answer:", "Result:", "Final answer:", "Total:", "So the answer is", "In the end:")
EVENTS = {
    "add": Phrases(
        "[then|later|after that|in the morning|the next day] a {who} brings {n:int} more.",
        "a {who} [adds|donates|drops off] another {n:int} [in the evening|before noon|after work|free of charge].",
    ),
    "add_packs": Phrases(
        "[then|later|after that|the next day] a {who} brings {k:int} {packs:word} [of|with] {n:int} each.",
        "{k:int} {packs:word} [with|of] {n:int} each arrive [from a {who}|by post|in the afternoon|by van].",
    ),
    "take": Phrases(
        "{n:int} of them [get lost|go missing|have to be thrown away|are given away] [after that|during the week|that "
        "night|the next day].",
        "[then|later|by noon|over the weekend] {n:int} [are sold|have to be thrown away|are given to a {who}].",
    ),
    "take_each": Phrases(
        "[then|later|by noon|on that day] {k:int} {people:word} [take|buy|receive|collect] {n:int} each.",
        "{k:int} {people:word} come [by|along|in] and [each of them takes|every one of them buys] {n:int}.",
    ),
    "half": Phrases(
        "[then|later|in the evening|after lunch] [half|exactly half] of what is there [is sold|is given "
        "to a {who}|is thrown away|is given to {people:word}]."
    ),
    "part": Phrases(
        "[then|later|in the evening|after lunch] one {part:word} of what is there [is sold|is given "
        "to a {who}|is thrown away|is given to {people:word}]."
    ),
    "times": Phrases(
        "[then|later|within a month|after a good season] the number [grows to|becomes] {k:int} times what it was.",
        "a {who} brings so many that there are [then|now] {k:int} times as many as before.",
    ),
    "share": Phrases(
        "[finally|in the end], {k:int} {people:word} share [all of them|everything that is left] equally."
    ),
}
START = Phrases(
    "a {place} [has|starts the week with|begins with|keeps] {n:int} {things}.",
    "there are {n:int} {things} in [the back room of |the cellar of |the storeroom of |]a {place}.",
    "[at first|to begin with|this morning], a {place} [has|stores|counts] {n:int} {things}.",
)
QUESTIONS = {
    "left": Phrases(
        "how many {things} are there [in the end|now|after all this]?",
        "how many {things} does the {place} have [now|then|in the end]?",
    ),
    "share": Phrases("how many {things} does each [of them|one] get?"),
}
STOCK = "stock of a "
PARTS = {"third": 3, "quarter": 4, "fifth": 5, "tenth": 10}
Event = tuple[str, list[int]]


def sample(rng: random.Random) -> Task:
    """Draw a story of two to five events in which every total is a whole number."""
    start, events = _draw(rng)
    story = _tell(rng, start, events)
    last = rng.choice(LABELS)
    prompt = frame.compose(
        rng,
        REQUEST,
        rng.choice((" ", " ", "\n")).join(story),
        text=rng.choice(("problem", "story", "puzzle", "exercise", "word problem")),
        steps=prose.lowered(STEPS.render(rng)),
        last=prose.lowered(LAST.render(rng, label=f'"{last}"')),
    )
    check = {
        "check": "worked_answer",
        "start": start,
        "events": [[kind, *numbers] for kind, numbers in events],
        "last": last,
    }
    return Task("word_problem", ABILITY, user(prompt), [check])


def answer(messages: Messages) -> str | None:
    """Read the story and write down every step."""
    if not (problem := _read(messages)):
        return None
    start, events, last = problem
    lines, total = _work(start, events)
    return "\n".join([*lines, f"{last} {total}"])


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a skipped event, an event turned round, a false sum carried on, a lost line, another result, no working."""
    if not (problem := _read(messages)):
        return
    start, events, last = problem
    lines, total = _work(start, events)
    turned = {
        "add": "take",
        "take": "add",
        "add_packs": "take_each",
        "take_each": "add_packs",
        "part": "times",
        "times": "add",
    }
    for at, (kind, numbers) in enumerate(events):
        others = {"skipped_event": events[:at] + events[at + 1 :]}
        if kind in turned:
            others["wrong_operation"] = [*events[:at], (turned[kind], numbers), *events[at + 1 :]]
        if len(numbers) == 2:
            others["forgot_each"] = [*events[:at], (kind.partition("_")[0], numbers[1:]), *events[at + 1 :]]
        for name, changed in others.items():
            if changed:
                told, wrong = _work(start, changed)
                yield Slip(name, "\n".join([*told, f"{last} {wrong}"]))
    lost = rng.randrange(len(lines))
    yield Slip("lost_line", "\n".join([*lines[:lost], *lines[lost + 1 :], f"{last} {total}"]))
    off = total + rng.choice((-1, 1, 10))
    yield Slip("wrong_result_line", "\n".join([*lines, f"{last} {off}"]))
    yield Slip("false_sum", "\n".join([*lines[:-1], f"{lines[-1].partition(' = ')[0]} = {off}", f"{last} {off}"]))
    yield Slip("no_working", f"{last} {total}")
    yield Slip("other_last_line", "\n".join([*lines, f"There are {total}."]))


def _draw(rng: random.Random) -> tuple[int, list[Event]]:
    """Return a start and events that keep the total whole and above zero."""
    start = total = rng.randint(12, 180)
    events: list[Event] = []
    count = rng.randint(2, 5)
    while len(events) < count:
        kind = rng.choice(("add", "add", "add_packs", "take", "take_each", "part", "part", "times", "share"))
        one, many = rng.randint(2, 9), rng.randint(2, 30)
        numbers = {"add": [many], "add_packs": [one, many], "take": [many], "take_each": [one, rng.randint(2, 8)]}.get(
            kind, [one]
        )
        if kind == "part":
            numbers = [rng.choice((2, 2, *PARTS.values()))]
        after = _work(total, [(kind, numbers)])[1]
        last = len(events) == count - 1
        uneven = kind in ("part", "share") and total % numbers[0]
        if uneven or not 1 < after < 2000 or (kind == "share") > last or (kind == "times" and numbers[0] > 4):
            continue
        total = after
        events.append((kind, numbers))
    return start, events


def _tell(rng: random.Random, start: int, events: list[Event]) -> list[str]:
    """Return the sentences of a story, its question last."""
    place = rng.choice([name for name in WORDS if name.startswith(STOCK)])
    slots = {"place": place.removeprefix(STOCK), "things": rng.choice(WORDS[place])}
    sentences = [START.render(rng, n=start, **slots)]
    for kind, numbers in events:
        pattern = "half" if (kind, numbers) == ("part", [2]) else kind
        sentences.append(
            EVENTS[pattern].render(
                rng,
                k=numbers[0],
                n=numbers[-1],
                part=next((word for word, parts in PARTS.items() if parts == numbers[0]), ""),
                who=rng.choice(WORDS["givers"]),
                packs=rng.choice(WORDS["packs"]),
                people=rng.choice(WORDS["people"]),
            )
        )
    question = "share" if events[-1][0] == "share" else "left"
    return [*sentences, QUESTIONS[question].render(rng, **slots)]


def _work(total: int, events: list[Event]) -> tuple[list[str], int]:
    """Return the equations, one for every operation, and the last total."""
    lines = []
    for kind, numbers in events:
        number = numbers[-1]
        if len(numbers) == 2:
            lines.append(f"{numbers[0]} * {numbers[1]} = {numbers[0] * numbers[1]}")
            number *= numbers[0]
        if kind == "part":
            lines.append(f"{total} / {number} = {total // number}")
            if number == 2:
                total //= 2
                continue
            number = total // number
        if kind in ("add", "add_packs"):
            sign, after = "+", total + number
        elif kind in ("times", "share"):
            sign, after = ("*", total * number) if kind == "times" else ("/", total // number)
        else:
            sign, after = "-", total - number
        lines.append(f"{total} {sign} {number} = {after}")
        total = after
    return lines, total


def _read(messages: Messages) -> tuple[int, list[Event], str] | None:
    """Return the start, the events and what the last line begins with."""
    reading = frame.read(messages, REQUEST)
    if not reading or STEPS.read(reading.slots["steps"]) is None or not (last := LAST.read(reading.slots["last"])):
        return None
    sentences = SENTENCE_END.split(reading.body.strip())
    first, middle, question = sentences[0], sentences[1:-1], sentences[-1]
    start = START.read(first)
    events = [_read_event(sentence) for sentence in middle]
    asked, slots = next(((name, s) for name, words in QUESTIONS.items() if (s := words.read(question))), ("", {}))
    # The question must be about the things and the place of the story.
    if not start or not events or None in events or not slots or not slots.items() <= start.items():
        return None
    told = [event for event in events if event]
    if (told[-1][0] == "share") != (asked == "share"):
        return None
    if not _possible(int(start["n"]), told):
        return None
    return int(start["n"]), told, last["label"].strip('"')


def _possible(total: int, events: list[Event]) -> bool:
    """Tell whether every total is a whole number and nothing is taken that is not there."""
    for event in events:
        kind, numbers = event
        if kind in ("part", "share") and (not numbers[0] or total % numbers[0]):
            return False
        total = _work(total, [event])[1]
        if total < 0:
            return False
    return True


def _read_event(sentence: str) -> Event | None:
    for kind, phrases in EVENTS.items():
        if (slots := phrases.read(sentence)) is None:
            continue
        if kind == "half":
            return "part", [2]
        if kind == "part":
            return ("part", [PARTS[slots["part"]]]) if slots["part"] in PARTS else None
        return kind, [int(slots[name]) for name in ("k", "n") if re.fullmatch(r"\d+", slots.get(name, ""))]
    return None
