"""Extract named fields of a short text as JSON; what the text does not tell is null.

Pull the sender and weight kg out of the note below as a JSON object ... -> {"sender": "Petra Novak", "weight_kg": 7}
"""

import json
import random
from collections.abc import Iterator

from builder.embedded import frame, worlds
from builder.embedded.grammar import Phrases
from builder.embedded.task import Check, Messages, Slip, Task, user
from builder.embedded.worlds import Passage

ABILITY = "extraction"
WEIGHT = 3.0
REQUEST = Phrases(
    "[extract|pull|take] [these|the following] [fields|values] from the {text} {here:here} [as|into] a JSON object: "
    "{keys}. "
    "[Use|Write|Put] null [for anything that is|where a value is] [missing|not given].",
    "[read|go through] the {text} {here:here} and [return|give me|reply with] [one|a] JSON object with the keys "
    "{keys}. "
    "A [key|field] that the {text} [says nothing about|does not mention] is set to null.",
    "[turn|convert] the {text} {here:here} into JSON. [Use exactly|Use] the keys {keys}; "
    "[missing|absent|unknown] [values|ones] [become|are written as|must be] null.",
    "[what|which values] does the {text} {here:here} give for the keys {keys}? [answer|reply] [in|with] JSON "
    "[only|alone], [with|using] null for [what|whatever] [is not there|it leaves out].",
)


def sample(rng: random.Random) -> Task:
    """Ask for some fields that the text tells and perhaps one or two that it does not."""
    passage = worlds.draw(rng)
    told = rng.sample(list(passage.record), rng.randint(2, min(5, len(passage.record))))
    untold = [field.key for field in rng.sample(passage.absent, min(len(passage.absent), rng.choice((0, 1, 1, 2))))]
    keys = told + untold
    rng.shuffle(keys)
    prompt = frame.compose(rng, REQUEST, passage.text, world=passage.world, keys=", ".join(keys))
    checks: list[Check] = [
        {"check": "json_keys", "keys": keys},
        {"check": "json_equals", "expected": passage.data(keys)},
    ]
    return Task("extract_json", ABILITY, user(prompt), checks)


def answer(messages: Messages) -> str | None:
    """Read the passage and return the keys asked for."""
    if not (problem := _read(messages)):
        return None
    passage, keys = problem
    return _dumps(passage.data(keys))


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a dropped key, an invented or a swapped value, a null for a told one, a number as text, a chatty answer."""
    if not (problem := _read(messages)):
        return
    passage, keys = problem
    data = passage.data(keys)
    told = [key for key, value in data.items() if value is not None]
    untold = [key for key in data if key not in told]
    dropped = rng.choice(list(data))
    yield Slip("dropped_key", _dumps({key: value for key, value in data.items() if key != dropped}))
    some = rng.sample(told, min(2, len(told)))
    if len(some) == 2:
        first, second = some
        yield Slip("swapped_values", _dumps({**data, first: data[second], second: data[first]}))
    for key in some[:1]:
        yield Slip("null_for_told", _dumps({**data, key: None}))
    for key in untold:
        invented = passage.world.by_key[key].kind
        yield Slip("invented_value", _dumps({**data, key: invented.value(invented.draw(rng))}))
        yield Slip("empty_for_null", _dumps({**data, key: ""}))
        yield Slip("dropped_null", _dumps({name: value for name, value in data.items() if name != key}))
    for key in told:
        if isinstance(data[key], int | float):
            yield Slip("number_as_text", _dumps({**data, key: str(data[key])}))
    yield Slip("chatty", f"Here is the JSON you asked for:\n{response}\nLet me know if you need anything else.")


def _dumps(data: object) -> str:
    return json.dumps(data, ensure_ascii=False)


def _read(messages: Messages) -> tuple[Passage, list[str]] | None:
    """Return the passage and the keys asked for."""
    if not (reading := frame.read(messages, REQUEST)) or not (passage := worlds.read(reading.body)):
        return None
    keys = reading.slots["keys"].split(", ")
    return (passage, keys) if set(keys) <= set(passage.world.by_key) else None
