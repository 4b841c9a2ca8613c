"""Extract named fields of a short text as lines of key and value, with a mark for what the text does not tell.

Find these details in the note below: sender and weight (kg) ... as "key = value" ... -> sender = Petra Novak
"""

import random
from collections.abc import Iterator

from builder.embedded import frame, prose, worlds
from builder.embedded.grammar import Phrases
from builder.embedded.task import Check, Messages, Slip, Task, user
from builder.embedded.worlds import Passage

ABILITY = "extraction"
WEIGHT = 3.0
REQUEST = Phrases(
    "[find|look up] [these|the following] [details|things] in the {text} {here:here}: {labels}. "
    "[write|put] one [per|on each] line, as {shape:quoted}, and {missing:quoted} for [a detail|anything] that is "
    "[missing|not given].",
    "[copy|take] the {labels} [out of|from] the {text} {here:here}. [each of them|every one] [goes|belongs] on its "
    "own line [in the form|like this:] {shape:quoted}; [write|put] {missing:quoted} for [anything|whatever] the {text} "
    "does not [give|mention].",
    "[fill in|complete] this form from the {text} {here:here}: {labels}. [write|use] one line for each, in the form "
    "{shape:quoted}. [unknown|missing] [entries|fields] are marked {missing:quoted}.",
    "[I need|we need|my form asks for] the {labels}. [get|take] them from the {text} {here:here}, "
    "[one per line|one on each line], as {shape:quoted}. [If|where] [there is no such entry|one is not given], "
    "[write|put] {missing:quoted}.",
)
SEPARATORS = (": ", " = ", " -> ", " | ", " - ")
MISSING = ("-", "?", "none", "missing", "unknown", "n/a")
KEY_WORDS = (("key", "value"), ("field", "value"), ("name", "entry"), ("label", "content"))


def sample(rng: random.Random) -> Task:
    """Ask for some fields that the text tells and perhaps one or two that it does not."""
    passage = worlds.draw(rng)
    told = [passage.world.by_key[key] for key in rng.sample(list(passage.record), rng.randint(2, 4))]
    untold = rng.sample(passage.absent, min(len(passage.absent), rng.choice((0, 1, 1, 2))))
    fields = [*told, *untold]
    rng.shuffle(fields)
    labels = [field.heading for field in fields]
    separator, missing, (key, value) = rng.choice(SEPARATORS), rng.choice(MISSING), rng.choice(KEY_WORDS)
    prompt = frame.compose(
        rng,
        REQUEST,
        passage.text,
        world=passage.world,
        labels=prose.join(labels),
        shape=f'"{key}{separator}{value}"',
        missing=f'"{missing}"',
    )
    expected = {field.heading: passage.record.get(field.key, missing) for field in fields}
    checks: list[Check] = [
        {"check": "lines", "n": len(fields)},
        {"check": "key_values", "expected": expected, "separator": separator},
    ]
    return Task("extract_fields", ABILITY, user(prompt), checks)


def answer(messages: Messages) -> str | None:
    """Read the passage and write a line for every field asked for."""
    if not (problem := _read(messages)):
        return None
    passage, labels, separator, missing = problem
    return _write(_values(passage, labels, missing), separator)


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a dropped line, swapped values, an invented value, a left-out mark, the wrong separator, one line only."""
    if not (problem := _read(messages)):
        return
    passage, labels, separator, missing = problem
    values = _values(passage, labels, missing)
    first, second = (rng.sample(labels, min(2, len(labels))) * 2)[:2]
    yield Slip("dropped_line", _write({label: value for label, value in values.items() if label != first}, separator))
    yield Slip("swapped_values", _write({**values, first: values[second], second: values[first]}, separator))
    for field in passage.world.fields:
        if field.heading in values and field.key not in passage.record:
            yield Slip("invented_value", _write({**values, field.heading: field.kind.draw(rng)}, separator))
            yield Slip("empty_for_missing", _write({**values, field.heading: ""}, separator))
    yield Slip("missing_for_told", _write({**values, first: missing}, separator))
    other = rng.choice([mark for mark in SEPARATORS if mark != separator])
    yield Slip("wrong_separator", _write(values, other))
    yield Slip("all_on_one_line", response.replace("\n", "; "))
    yield Slip("values_only", "\n".join(values.values()))


def _values(passage: Passage, labels: list[str], missing: str) -> dict[str, str]:
    keys = {field.heading: field.key for field in passage.world.fields}
    return {label: passage.record.get(keys[label], missing) for label in labels}


def _write(values: dict[str, str], separator: str) -> str:
    return "\n".join(f"{label}{separator}{value}" for label, value in values.items())


def _read(messages: Messages) -> tuple[Passage, list[str], str, str] | None:
    """Return the passage, the labels asked for, the separator and the mark for what is missing."""
    if not (reading := frame.read(messages, REQUEST)) or not (passage := worlds.read(reading.body)):
        return None
    shape = reading.slots["shape"].strip('"')
    separator = next((mark for mark in SEPARATORS for key, value in KEY_WORDS if shape == f"{key}{mark}{value}"), None)
    labels = prose.split(reading.slots["labels"])
    if separator is None or not set(labels) <= {field.heading for field in passage.world.fields}:
        return None
    return passage, labels, separator, reading.slots["missing"].strip('"')
