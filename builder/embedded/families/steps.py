"""Work through a list step by step.

Take the fruits below. 1. Remove every item with the letter g. 2. Sort what is left from a to z. ... -> lemon; pear
"""

import itertools
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from builder.embedded import frame
from builder.embedded.grammar import Phrases
from builder.embedded.task import Check, Messages, Slip, Task, user
from builder.embedded.vocab import THINGS

ABILITY = "multi-step"
WEIGHT = 3.0
NUMBERED = (
    "[take|use] the [list of |]{text} {here:here} and [do this|work through these steps|follow these steps][| in "
    "order]:\n{steps:block}\n[give me|write|return] the [result|final list] {layout}.",
    "[here is what to do|do the following] with the [list of |]{text} {here:here}:\n{steps:block}\n[the result|the "
    "final list] [should|must] be [written|given] {layout}.",
    "[start|begin] with the [list of |]{text} {here:here} and [go on as follows|take these steps]:\n{steps:block}\n"
    "[answer|reply] with the [finished|resulting] list {layout} and nothing else.",
)
IN_PROSE = (
    "[take|use] the [list of |]{text} {here:here}. {steps:block} [give me|write|return] the [result|final list] "
    "{layout}.",
    "[here is what to do|do the following] with the [list of |]{text} {here:here}. {steps:block}\n[the result|the "
    "final list] [should|must] be [written|given] {layout}.",
    "[work through|go through] the [list of |]{text} {here:here} [step by step|like this]. {steps:block} "
    "[answer|reply] with the [finished|resulting] list {layout} and nothing else.",
)
REQUEST = Phrases(*NUMBERED, *IN_PROSE)
LAYOUTS = {
    ", ": Phrases("separated by commas", "with commas between the items", "on one line, separated by commas"),
    "; ": Phrases("separated by semicolons", "with semicolons between the items"),
    "\n": Phrases("with one item [per|on each] line", "line by line"),
    " - ": Phrases('joined [with|by] " - "'),
}
Draw = Callable[[random.Random, list[str]], int | str | None]


@dataclass(frozen=True)
class Step:
    """A list operation: how it is asked for, the argument it takes, what it does.

    The argument is a number, a letter, a word (one of the words that the list might have had as well), or none.
    """

    phrases: Phrases
    draw: Draw
    apply: Callable[[list[str], str], list[str]]


def _none(rng: random.Random, others: list[str]) -> None:
    return None


STEPS = {
    "sort": Step(
        Phrases("[sort|order|arrange] [the items|them|the list] [alphabetically|from a to z|in alphabetical order]"),
        _none,
        lambda items, arg: sorted(items),
    ),
    "sort_by_length": Step(
        Phrases(
            "[sort|order] [the items|them] by length, shortest first [(items of equal length keep their order)|(leave "
            "ties as they are)]"
        ),
        _none,
        lambda items, arg: sorted(items, key=len),
    ),
    "reverse": Step(
        Phrases("reverse the [order|list|whole list]", "turn the [whole |]list around"),
        _none,
        lambda items, arg: items[::-1],
    ),
    "drop_letter": Step(
        Phrases(
            "[remove|drop|take out] [every|each|any] [item|word] [that contains|with] the letter {arg:word}",
            "[leave out|remove] all [items|words] that have the letter {arg:word} in them",
        ),
        lambda rng, others: rng.choice("abcdgiklnoprstu"),
        lambda items, arg: [item for item in items if arg not in item],
    ),
    "keep_longer": Step(
        Phrases(
            "[keep|retain] only the [items|words] [longer than|with more than] {arg:int} letters",
            "[remove|drop] every [item|word] with {arg:int} letters or fewer",
        ),
        lambda rng, others: rng.randint(3, 5),
        lambda items, arg: [item for item in items if len(item) > int(arg)],
    ),
    "drop_first": Step(
        Phrases("[remove|drop|delete|take off] the first {arg:int} [items|entries|words]"),
        lambda rng, others: rng.randint(2, 3),
        lambda items, arg: items[int(arg) :],
    ),
    "drop_last": Step(
        Phrases("[remove|drop|delete|take off] the last {arg:int} [items|entries|words]"),
        lambda rng, others: rng.randint(2, 3),
        lambda items, arg: items[: -int(arg)],
    ),
    "every_second": Step(
        Phrases("keep only every second [item|entry|word], starting with the first"),
        _none,
        lambda items, arg: items[::2],
    ),
    "swap_ends": Step(
        Phrases(
            "[swap|exchange] the first and the last [item|entry|word]",
            "let the first and the last [item|word] trade places",
        ),
        _none,
        lambda items, arg: [items[-1], *items[1:-1], items[0]] if len(items) > 1 else items,
    ),
    "rotate": Step(
        Phrases("[move|shift] the first [item|entry|word] to the [very |]end[| of the list]"),
        _none,
        lambda items, arg: items[1:] + items[:1],
    ),
    "uppercase": Step(
        Phrases(
            "[write|put] [everything|all items|every word] in capital letters",
            "[change|turn] all letters to upper case",
        ),
        _none,
        lambda items, arg: [item.upper() for item in items],
    ),
    "append": Step(
        Phrases("[add|append] the word {arg:word} [at|to] the end[| of the list]"),
        lambda rng, others: rng.choice(others),
        lambda items, arg: [*items, arg],
    ),
}
Plan = list[tuple[str, str]]


def sample(rng: random.Random) -> Task:
    """Draw a list and two to four different steps that each change it and leave at least two items."""
    text = rng.choice(list(THINGS))
    items = rng.sample(THINGS[text], rng.randint(6, 12))
    others = [word for word in THINGS[text] if word not in items]
    plan: Plan = []
    while len(run(items, plan)) < 2 or not _all_matter(items, plan):
        names = rng.sample(list(STEPS), rng.randint(2, 4))
        names.sort(key=lambda name: name == "uppercase")  # letters are looked for in lower case, so capitals come last
        plan = [(name, str(STEPS[name].draw(rng, others))) for name in names]
    separator = rng.choice(list(LAYOUTS))
    asked = [STEPS[name].phrases.render(rng, arg=arg) for name, arg in plan]
    body = rng.choice((", ", ", ", "\n")).join(items)
    style, steps = (NUMBERED, _numbered(asked)) if rng.random() < 0.5 else (IN_PROSE, _in_prose(rng, asked))
    layout = LAYOUTS[separator].render(rng).lower()
    prompt = frame.compose(rng, Phrases(*style), body, text=text, steps=steps, layout=layout)
    checks: list[Check] = [
        {"check": "parts", "n": len(run(items, plan)), "separator": separator},
        {"check": "list_steps", "items": items, "steps": [list(step) for step in plan], "separator": separator},
    ]
    return Task("steps", ABILITY, user(prompt), checks)


def answer(messages: Messages) -> str | None:
    """Read the list and the steps, and run them."""
    if not (problem := _read(messages)):
        return None
    items, plan, separator = problem
    return separator.join(run(items, plan)) or None


def run(items: list[str], plan: Plan) -> list[str]:
    """Apply the steps in order."""
    for name, arg in plan:
        items = STEPS[name].apply(items, arg)
    return items


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a skipped step, two steps in the wrong order, a number off by one, a lost item, the wrong separator."""
    if not (problem := _read(messages)):
        return
    items, plan, separator = problem
    done = run(items, plan)
    yield Slip("skipped_last_step", separator.join(run(items, plan[:-1])))
    skipped = rng.randrange(len(plan))
    yield Slip("skipped_step", separator.join(run(items, plan[:skipped] + plan[skipped + 1 :])))
    yield Slip("steps_out_of_order", separator.join(run(items, plan[::-1])))
    for at, (name, arg) in enumerate(plan):
        if arg.isdecimal():
            yield Slip(
                "off_by_one",
                separator.join(run(items, [*plan[:at], (name, str(int(arg) + 1)), *plan[at + 1 :]])),
            )
    if done:
        lost = rng.randrange(len(done))
        yield Slip("lost_item", separator.join(done[:lost] + done[lost + 1 :]))
    yield Slip("wrong_separator", rng.choice([other for other in LAYOUTS if other != separator]).join(done))
    yield Slip("chatty", f"Here is the final list: {response}")


def _all_matter(items: list[str], plan: Plan) -> bool:
    """Tell whether there are steps and each of them changes what the one before left."""
    stages = [run(items, plan[:done]) for done in range(len(plan) + 1)]
    return bool(plan) and all(before != after for before, after in itertools.pairwise(stages))


def _numbered(asked: list[str]) -> str:
    return "\n".join(f"{number}. {step}." for number, step in enumerate(asked, 1))


def _in_prose(rng: random.Random, asked: list[str]) -> str:
    lowered = [step[:1].lower() + step[1:] for step in asked]
    middle = "".join(f"; {rng.choice(('then', 'next', 'after that'))} {step}" for step in lowered[1:-1])
    return f"First {lowered[0]}{middle}; {rng.choice(('finally', 'then'))} {lowered[-1]}."


def _read(messages: Messages) -> tuple[list[str], Plan, str] | None:
    """Return the items, the steps and the separator that a prompt asks for."""
    if not (reading := frame.read(messages, REQUEST)):
        return None
    separator = next(
        (mark for mark, layout in LAYOUTS.items() if layout.read(reading.slots["layout"]) is not None), None
    )
    text = re.sub(r"^(?:First |1\. )", "", reading.slots["steps"].strip()).removesuffix(".")
    plan = [_read_step(step) for step in re.split(r"\.\n\d+\. |; (?:then|next|after that|finally) ", text)]
    if separator is None or None in plan:
        return None
    items = re.split(r", |\n", reading.body)
    numbers = re.findall(r"^(\d+)\. ", reading.slots["steps"], re.MULTILINE)
    if numbers != [str(number) for number in range(1, len(numbers) + 1)] or not _sound([step for step in plan if step]):
        return None
    if not all(re.fullmatch(r"[a-z]+(?: [a-z]+)?", item) for item in items):
        return None
    return items, [step for step in plan if step], separator


def _sound(plan: Plan) -> bool:
    """Tell whether the steps have one meaning: no "first 0 items", one letter at a time, capitals come last."""
    names = [name for name, _ in plan]
    one_letter = all(len(arg) == 1 for name, arg in plan if name == "drop_letter")
    return one_letter and all(arg != "0" for _, arg in plan) and "uppercase" not in names[:-1]


def _read_step(text: str) -> tuple[str, str] | None:
    for name, step in STEPS.items():
        if (slots := step.phrases.read(text)) is not None:
            return name, slots.get("arg", "None")
    return None
