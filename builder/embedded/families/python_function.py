"""Write a Python function over a list: some items are kept, each is changed, something is made of them.

... `sum_up(scores)` ... Take the numbers that are even, double each of them and return their sum. -> def sum_up ...
"""

import keyword
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from builder.embedded import frame, prose
from builder.embedded.grammar import Phrases
from builder.embedded.listwork import CHANGE, KEEP, MAKE, Part
from builder.embedded.task import Check, Messages, Slip, Task, user
from builder.embedded.vocab import THINGS

ABILITY = "code"
WEIGHT = 1.0
REQUEST = Phrases(
    "[write|implement|give me|I need] [a|one] Python function `{signature}` that [takes|is given|works on] "
    "{takes}. {task:block} [reply|answer] with the code [only|and nothing else].",
    "[what we need is|I still need|my script calls|please write me] the Python function `{signature}`. [its "
    "argument is|the caller "
    "passes|it is called with] {takes}. {task:block} [no explanation|nothing but code], please.",
    "[complete|fill in|write the body of] `def {signature}:` in Python. [what comes in is|the input is|you get] "
    "{takes}. {task:block} [return|send back] [just|only] the [finished|whole] function.",
    "in Python, [define|write|code] `{signature}`[.| for me.] [given|starting from] {takes}, [it does this|it "
    "works as follows]: {task:block} [code only, no comments|only code, no prose].",
    "[a small exercise|an exercise for a beginner|a task from our code review]: `{signature}` gets {takes}. "
    "{task:block} [solve it in|write it in] Python and [show|send] only the code.",
)
TAKES = {
    "number": Phrases("a list of [whole numbers|integers]"),
    "word": Phrases("a list of [lower-case |]words", "a list of [words|strings], all in lower case"),
}
PARAMETERS = {
    "number": (
        "readings",
        "scores",
        "steps",
        "points",
        "ages",
        "counts",
        "levels",
        "values",
        "marks",
        "sizes",
        "numbers",
    ),
    "word": ("tags", "titles", "labels", "names", "terms", "entries", "tokens", "topics", "keys", "words"),
}
VERBS = (
    "pick",
    "process",
    "handle",
    "reduce",
    "check",
    "work_out",
    "report",
    "prepare",
    "convert",
    "sum_up",
    "collect",
)
TASK = Phrases(
    "keep [only|just] the {kind:word}s that {keep}. then {change}. [at the end|finally], {make}.",
    "[ignore|skip] all {kind:word}s except those that {keep}; {change}; then {make}.",
    "[take|pick|select] the {kind:word}s that {keep}, {change} and {make}.",
    "of the {kind:word}s, only those that {keep} [count|matter]. {change}, and {make}.",
)
WORDS = sorted({word for words in THINGS.values() for word in words if word.isalpha()})
JOIN = re.compile(r" (and|or) (?=are|have|start|begin|end|contain|do|lie|can|lack)")


@dataclass(frozen=True)
class Plan:
    """A function as data; a part is its name and its argument."""

    kind: str  # number or word
    keep: tuple[tuple[str, str], ...]
    word: str  # between what is kept: and, or
    change: tuple[str, str]
    make: tuple[str, str]


def sample(rng: random.Random) -> Task:
    """Draw a plan, and lists that tell its function from every common wrong one."""
    while True:
        kind = rng.choice(list(KEEP))
        plan = Plan(
            kind,
            tuple(_draw(rng, KEEP[kind], name) for name in rng.sample(list(KEEP[kind]), rng.choice((1, 2)))),
            rng.choice(("and", "and", "or")),
            _draw(rng, CHANGE[kind], rng.choice(list(CHANGE[kind]))),
            _draw(rng, MAKE[kind], rng.choice(list(MAKE[kind]))),
        )
        if cases := _cases(rng, plan):
            break
    function, parameter = rng.choice(VERBS), rng.choice(PARAMETERS[kind])
    function = f"{function}_{parameter}"
    task = TASK.render(
        rng,
        kind=kind,
        keep=f" {plan.word} ".join(_say(rng, KEEP[kind], part) for part in plan.keep),
        change=_say(rng, CHANGE[kind], plan.change),
        make=_say(rng, MAKE[kind], plan.make),
    )
    takes = prose.lowered(TAKES[kind].render(rng))
    prompt = frame.compose(rng, REQUEST, signature=f"{function}({parameter})", takes=takes, task=task)
    checks: list[Check] = [{"check": "python_returns", "function": function, "cases": cases}, {"check": "code_only"}]
    return Task("python_function", ABILITY, user(prompt), checks)


def answer(messages: Messages) -> str | None:
    """Read the plan and write its function."""
    problem = _read(messages)
    return _write(*problem) if problem else None


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield the function of a plan misread, under another name, without its return, or wrapped in chatter."""
    if not (problem := _read(messages)):
        return
    function, parameter, plan = problem
    for kind, wrong in _misread(plan):
        yield Slip(kind, _write(function, parameter, wrong))
    yield Slip("wrong_name", _write(f"my_{function}", parameter, plan))
    code = _write(*problem)
    yield Slip("forgotten_return", code.replace("return ", "result = "))
    yield Slip("printed_not_returned", re.sub(r"return (.*)", r"print(\1)", code))
    yield Slip("chatty", f"Of course! Here is the function:\n\n```python\n{code}\n```\nIt should do what you need.")


def _misread(plan: Plan) -> Iterator[tuple[str, Plan]]:
    """Yield the plan as it is commonly misread, with the kind of mistake."""
    for at in range(len(plan.keep)):
        yield "forgotten_filter", replace(plan, keep=plan.keep[:at] + plan.keep[at + 1 :])
    if len(plan.keep) > 1:
        yield "and_for_or", replace(plan, word="or" if plan.word == "and" else "and")
    for at, (name, arg) in enumerate(plan.keep):
        if arg.isdecimal():
            off = (name, str(int(arg) + 1))
            yield "off_by_one", replace(plan, keep=(*plan.keep[:at], off, *plan.keep[at + 1 :]))
    if plan.change[0] != "same":
        yield "forgotten_change", replace(plan, change=("same", ""))
    if plan.change[1].isdecimal():
        yield "off_by_one", replace(plan, change=(plan.change[0], str(int(plan.change[1]) + 1)))
    opposite = {"largest": "smallest", "smallest": "largest", "up": "down", "down": "up", "turned": "list"}.get(
        plan.make[0]
    )
    if opposite:
        yield "wrong_end", replace(plan, make=(opposite, ""))
    elif plan.make[0] != "list":
        yield "forgotten_end", replace(plan, make=("list", ""))


def _cases(rng: random.Random, plan: Plan) -> list[dict[str, Any]]:
    """Return five calls with what they should give; none where no draw of lists tells the plan from each misreading."""
    for _ in range(20):
        lists: list[list[Any]] = [[], *(_items(rng, plan) for _ in range(4))]
        expected = [_do(plan, items) for items in lists]
        if all([_do(wrong, items) for items in lists] != expected for _, wrong in _misread(plan)):
            return [{"args": [items], "returns": value} for items, value in zip(lists, expected, strict=True)]
    return []


def _items(rng: random.Random, plan: Plan) -> list[Any]:
    """Return a list for a case: numbers round the plan's arguments, or words that have its letters."""
    if plan.kind == "number":
        edges = [int(arg) + step for _, arg in plan.keep if arg for step in (-1, 0, 1)]
        return rng.sample([*edges, *range(-12, 31)], 7) + edges
    words = [word for word in WORDS if any(KEEP["word"][name].do(word, arg) for name, arg in plan.keep)]
    return rng.sample(words, min(5, len(words))) + rng.sample(WORDS, 3)


def _do(plan: Plan, items: list[Any]) -> Any:
    """Return what the function gives for a list, without the code of an answer."""
    test = any if plan.word == "or" and plan.keep else all
    kept = [item for item in items if test(KEEP[plan.kind][name].do(item, arg) for name, arg in plan.keep)]
    changed = [CHANGE[plan.kind][plan.change[0]].do(item, plan.change[1]) for item in kept]
    return MAKE[plan.kind][plan.make[0]].do(changed, plan.make[1])


def _write(function: str, parameter: str, plan: Plan) -> str:
    tests = f" {plan.word} ".join(KEEP[plan.kind][name].code.replace("{a}", arg) for name, arg in plan.keep)
    new = CHANGE[plan.kind][plan.change[0]].code.replace("{a}", plan.change[1])
    made = MAKE[plan.kind][plan.make[0]].code.replace("{a}", plan.make[1])
    kept = f"[{new} for x in {parameter}{' if ' if tests else ''}{tests}]"
    return f"def {function}({parameter}):\n    xs = {kept}\n    return {made}"


def _draw(rng: random.Random, parts: dict[str, Part], name: str) -> tuple[str, str]:
    return name, parts[name].draw(rng)


def _say(rng: random.Random, parts: dict[str, Part], part: tuple[str, str]) -> str:
    return prose.lowered(parts[part[0]].phrases.render(rng, a=part[1]))


def _read(messages: Messages) -> tuple[str, str, Plan] | None:
    """Return the name, the parameter and the plan of the function that a prompt asks for."""
    reading = frame.read(messages, REQUEST)
    signature = re.fullmatch(r"(\w+)\((\w+)\)", reading.slots["signature"]) if reading else None
    if not reading or not signature or not (slots := TASK.read(reading.slots["task"])):
        return None
    kind = slots["kind"]
    if any(keyword.iskeyword(name) or name[0].isdecimal() for name in signature.groups()):
        return None
    if kind not in KEEP or TAKES[kind].read(reading.slots["takes"]) is None:
        return None
    parts = JOIN.split(slots["keep"])
    keep = [_read_part(KEEP[kind], text) for text in parts[::2]]
    change, make = _read_part(CHANGE[kind], slots["change"]), _read_part(MAKE[kind], slots["make"])
    by_zero = ("divisible", "0") in keep or change == ("rest", "0")
    if change is None or make is None or None in keep or len(keep) > 2 or by_zero:
        return None
    word = parts[1] if len(parts) > 1 else "and"
    return signature[1], signature[2], Plan(kind, tuple(part for part in keep if part), word, change, make)


def _read_part(parts: dict[str, Part], text: str) -> tuple[str, str] | None:
    for name, part in parts.items():
        if (slots := part.phrases.read(text)) is not None:
            divides_by_zero = name in ("divisible", "rest") and slots["a"] == "0"
            return None if divides_by_zero else (name, slots.get("a", ""))
    return None
