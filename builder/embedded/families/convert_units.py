"""Convert the values of a list: units, money at a given rate, temperatures, times, dates, numerals, numbers in words.

Convert the values in the list below from inches to cm (1 inch is 2.54 cm), rounded to one decimal -> old drill: 30.5
"""

import random
import re
from collections.abc import Iterator
from contextlib import suppress

from builder.embedded import frame, prose
from builder.embedded.grammar import Phrases
from builder.embedded.measures import CONVERSIONS, DECIMALS
from builder.embedded.rates import RATES, Rate
from builder.embedded.scenery import WORDS
from builder.embedded.task import Messages, Slip, Task, user
from builder.embedded.vocab import THINGS

ABILITY = "conversion"
WEIGHT = 3.0
LEAD = (
    "[I am [adapting|rewriting|translating|updating] [a|an old|our] "
    "[manual|catalogue|brochure|leaflet|notebook|handbook] "
    "for [readers abroad|a new edition|our website|a school class]. |"
    "[My|Our] [cousin|neighbour|customer|partner|teacher] [is used to another notation|asked me to "
    "convert these|needs these in another form]. |"
    "[These|The following] [entries|figures] come from [an old archive|a foreign partner|a handwritten "
    "notebook]. |||]"
)
REQUEST = Phrases(
    f"{LEAD}[convert|change] the values in the {{text}} {{here:here}} {{asked}}. {{layout}}.",
    f"{LEAD}[take|go through] the {{text}} {{here:here}} and [convert|change|bring] [every|each] value "
    f"{{asked}}. {{layout}}.",
    f"{LEAD}[I need|We need|Please give me] the values of the {{text}} {{here:here}} converted {{asked}}. {{layout}}.",
    f"{LEAD}{{layout}}, [after converting|once you have converted] the values in the {{text}} {{here:here}} {{asked}}.",
)
BARE = Phrases("[leave the units out|write no units|give no units][, just numbers|, please|].")
LAYOUTS = {
    "lines": Phrases(
        "[repeat|keep|write] the names [in the same order|in their order], [each on its own line|one per "
        "line], as name: value",
        "[answer|reply] with one line [for each|per] entry, [in the same order|in their order], as name: value",
    ),
    "bullets": Phrases(
        "[make|write|give] a bullet point (- name: value) [for each|per] entry[, in the same order|, in their order]",
        "[answer|reply] with bullet points of the form - name: value[, one for each entry]",
    ),
    "values": Phrases(
        "[list|write|give] [only|just|nothing but] the new values[ in the same order|], separated by semicolons",
        "[answer|reply] with the new values [alone|only], on one line with semicolons between them",
    ),
}
EXAMPLES = {"iso": "1999-12-31", "long": "31 December 1999", "slashes": "31/12/1999"}
OPPOSITES = {
    "to_fahrenheit": "to_celsius",
    "to_celsius": "to_fahrenheit",
    "words": "roman",
    "roman": "words",
    "binary": "roman",
}
Values = dict[str, str]
Problem = tuple[Values, str, list[str], str]


def sample(rng: random.Random) -> Task:
    """Draw three to six named values of one kind and a conversion for them."""
    kind = rng.choice([*CONVERSIONS, "rate", "rate", "rate", "rate"])
    rate = rng.choice(RATES)
    arguments, asked, unit = _ask_rate(rng, rate) if kind == "rate" else _ask(rng, kind)
    count = rng.randint(3, 6)
    names = rate.names(rng, count) if kind == "rate" else _names(rng, kind, count)
    draw = CONVERSIONS[kind].draw
    values = {name: rate.draw_value(rng, unit) if kind == "rate" else draw(rng) for name in names}
    layout = rng.choice(list(LAYOUTS))
    shown = f" {unit}" if unit and rng.random() < 0.5 else ""
    bare = [BARE.render(rng)] if kind in ("rate", "to_fahrenheit", "to_celsius") else []
    prompt = frame.compose(
        rng,
        REQUEST,
        "\n".join(f"{name}: {value}{shown}" for name, value in values.items()),
        text=rng.choice(("list", "overview", "note", "sheet", "record")),
        tail=bare,
        asked=asked,
        layout=prose.lowered(LAYOUTS[layout].render(rng)),
    )
    check = {"check": "conversions", "values": values, "kind": kind, "how": arguments, "layout": layout}
    return Task("convert_units", ABILITY, user(prompt), [check])


def answer(messages: Messages) -> str | None:
    """Read the values and convert them one by one."""
    if not (problem := _read(messages)):
        return None
    values, kind, arguments, layout = problem
    return _write(_convert(values, kind, arguments), layout)


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a value left as it was, a digit off, swapped values, a lost entry, the wrong way round, a wrong layout."""
    if not (problem := _read(messages)):
        return
    values, kind, arguments, layout = problem
    done = _convert(values, kind, arguments)
    one, other = rng.sample(list(values), 2)
    yield Slip("not_converted", _write({**done, one: values[one]}, layout))
    yield Slip("swapped_values", _write({**done, one: done[other], other: done[one]}, layout))
    yield Slip("lost_entry", _write({name: value for name, value in done.items() if name != one}, layout))
    yield Slip("other_layout", _write(done, rng.choice([name for name in LAYOUTS if name != layout])))
    digits = [found.start() for found in re.finditer(r"\d", done[one])]
    if digits:
        at = rng.choice(digits)
        yield Slip(
            "digit_off",
            _write({**done, one: done[one][:at] + str((int(done[one][at]) + 1) % 10) + done[one][at + 1 :]}, layout),
        )
    if kind == "rate":
        turned = ["over" if arguments[0] == "times" else "times", *arguments[1:]]
        yield Slip("wrong_way_round", _write(_convert(values, kind, turned), layout))
    elif kind == "clock_shift":
        yield Slip("wrong_way_round", _write(_convert(values, kind, [str(-int(arguments[0]))]), layout))
    elif kind == "date":
        form = rng.choice([form for form in EXAMPLES if form != arguments[0]])
        yield Slip("other_form", _write(_convert(values, kind, [form]), layout))
    elif kind in OPPOSITES:
        with suppress(ValueError):  # no Roman numeral for 0
            yield Slip("other_conversion", _write(_convert(values, OPPOSITES[kind], arguments), layout))
    yield Slip("chatty", f"Here are the converted values:\n{response}")


def _ask(rng: random.Random, kind: str) -> tuple[list[str], str, str]:
    """Return the arguments of a conversion, the words that ask for it, and the unit of the values ("": none)."""
    conversion = CONVERSIONS[kind]
    arguments = conversion.arguments(rng)
    slots: dict[str, str] = {}
    if kind.startswith("to_"):
        slots = {"decimals": rng.choice(DECIMALS[arguments[0]])}
    elif kind == "clock_shift":
        slots = {"hours": arguments[0].lstrip("-"), "way": "behind" if arguments[0].startswith("-") else "ahead"}
    elif kind == "date":
        slots = {"example": EXAMPLES[arguments[0]]}
    return arguments, prose.lowered(conversion.asked.render(rng, **slots)), ""


def _ask_rate(rng: random.Random, rate: Rate) -> tuple[list[str], str, str]:
    """Return the same for a conversion at a rate, one way or the other."""
    times = rng.random() < 0.6
    worth = f"{rng.uniform(rate.low, rate.high):.2f}" if rate.low < rate.high else f"{rate.low:g}"
    unit, target = (rate.plural, rate.other) if times else (rate.other, rate.plural)
    # A large number of small ones is only a part of one: whole numbers would all be nought.
    decimals = rng.choice("012" if times or rate.low < 10 else "2")
    slots = {"source": unit, "target": target, "unit": rate.single, "rate": worth, "other": rate.other}
    asked = CONVERSIONS["rate"].asked.render(rng, decimals=rng.choice(DECIMALS[decimals]), **slots)
    return ["times" if times else "over", worth, decimals], prose.lowered(asked), unit


def _names(rng: random.Random, kind: str, count: int) -> list[str]:
    """Return different names for values of a kind."""
    things = [thing for name, words in THINGS.items() if name != "trades" for thing in words]
    if kind.startswith("to_"):
        pairs = zip(rng.choices(WORDS["sides"], k=count), rng.sample(WORDS["rooms"], count), strict=True)
    elif kind.startswith("clock") or kind in ("hours", "minutes", "date"):
        pairs = zip(rng.sample(WORDS["kinds of event"], count), rng.sample(WORDS["events"], count), strict=True)
    else:
        pairs = zip(rng.sample(things, count), rng.choices(WORDS["records"], k=count), strict=True)
    return [" ".join(pair) for pair in pairs]


def _convert(values: Values, kind: str, arguments: list[str]) -> Values:
    return {name: CONVERSIONS[kind].convert(value, *arguments) for name, value in values.items()}


def _write(values: Values, layout: str) -> str:
    if layout == "values":
        return "; ".join(values.values())
    mark = "- " if layout == "bullets" else ""
    return "\n".join(f"{mark}{name}: {value}" for name, value in values.items())


def _read(messages: Messages) -> Problem | None:
    """Return values, kind, arguments and layout; None where a value is not of the kind."""
    reading = frame.read(messages, REQUEST, rest=True)
    if not reading or (reading.rest and BARE.read(reading.rest) is None):
        return None
    layout = next((name for name, words in LAYOUTS.items() if words.read(reading.slots["layout"]) is not None), None)
    for kind, conversion in CONVERSIONS.items():
        if (slots := conversion.asked.read(reading.slots["asked"])) is not None:
            arguments = _arguments(kind, slots)
            break
    else:
        return None
    if layout is None or arguments is None:
        return None
    entries = [line.partition(": ") for line in reading.body.splitlines()]
    unit = f" {slots['source']}" if kind == "rate" else ""
    values = {name: value.removesuffix(unit) for name, _, value in entries}
    try:
        _convert(values, kind, arguments)
    except (ValueError, LookupError, ArithmeticError):
        return None
    return (values, kind, arguments, layout) if len(values) == len(entries) > 1 else None


def _arguments(kind: str, slots: dict[str, str]) -> list[str] | None:
    """Return the arguments that a request gives a conversion, or None where they are not sound."""
    decimals = next((n for n, words in DECIMALS.items() if slots.get("decimals") in words), None)
    if kind == "rate":
        one = next((rate.plural for rate in RATES if rate.single == slots["unit"]), None)
        ways = {(one, slots["other"]): "times", (slots["other"], one): "over"}
        way = ways.get((slots["source"], slots["target"]))
        return [way, slots["rate"], decimals] if way and decimals and float(slots["rate"]) > 0 else None
    if kind.startswith("to_"):
        return [decimals] if decimals else None
    if kind == "clock_shift":
        return {"ahead": [slots["hours"]], "behind": [f"-{slots['hours']}"]}.get(slots["way"])
    if kind == "date":
        return next(([form] for form, example in EXAMPLES.items() if slots["example"] == example), None)
    return []
