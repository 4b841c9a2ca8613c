"""Find the statement of a text that disagrees with a record, and give what is right; or say that nothing does.

... - destination: Oslo - weight kg: 7 ... The parcel weighs 7 kg. The label says Bergen. -> destination: Oslo
"""

import json
import random
import re
from collections.abc import Iterator

from builder.embedded import frame, worlds
from builder.embedded.grammar import Phrases
from builder.embedded.task import Check, Messages, Slip, Task, user
from builder.embedded.worlds import Passage
from builder.embedded.worlds.world import Field

ABILITY = "grounding"
WEIGHT = 2.5
REQUEST = Phrases(
    "[compare the {text} {here:here} with|check the {text} {here:here} against] the record [that comes|which stands] "
    "before it. [one of its statements|one detail] may be wrong; the record is right. {form} [if|when] everything "
    "[is right|agrees], [write|answer] {none:quoted}.",
    "does the {text} {here:here} [agree|tally] with the record in front of it? [trust the record|the record is "
    "reliable]. {form} if there is no error, [answer|reply] {none:quoted}.",
    "[the record|the list of facts] comes first {here:here}, then the {text}. [somebody|the writer] may have got one "
    "[fact|thing] wrong in the {text}. {form} [if there is no error|if all is well], [just |][say|write] "
    "{none:quoted}.",
    "[please |][find|spot|look for] the [mistake|wrong statement] in the {text} {here:here}, [going by|given] "
    "the record [that|which] precedes it. {form} if there is [no mistake|nothing wrong], [answer|write] {none:quoted}.",
)
FORMS = {
    "pair": Phrases(
        "[name|give] the field that is wrong and its right value, [written as|in the form] [field: value|FIELD: "
        "VALUE].",
        "[answer|reply] with [one line|a line] of the form field: right value.",
    ),
    "sentence": Phrases(
        "[answer|put it] [in this form|like this]: the FIELD should be RIGHT, not WRONG.",
        "[complete|fill in] this [sentence|line] for what is wrong: the FIELD should be RIGHT, not WRONG.",
    ),
    "arrow": Phrases(
        "[write|give] the wrong value and the right one as WRONG -> RIGHT.",
        "[show|note] the correction as WRONG -> RIGHT.",
    ),
    "json": Phrases(
        'return a JSON object with the keys "field", "wrong" and "right", all of them [text|strings].',
        '[answer|reply] in JSON [with|using] the keys "field", "wrong" and "right" [for|and] text values.',
    ),
}
BOXES = ("record, followed by the text", "record with its text", "material")
NONES = ("no contradiction", "all correct", "none", "no error", "everything agrees", "no difference")


def sample(rng: random.Random) -> Task:
    """Draw a record and a text that differs from it in one value (4 of 5) or in none."""
    passage = worlds.draw(rng, least=4)
    key = rng.choice(list(passage.record))
    right = passage.world.by_key[key].kind.draw(rng)
    while right in passage.text:
        right = passage.world.by_key[key].kind.draw(rng)
    differs = rng.random() < 0.8
    record = passage.record | ({key: right} if differs else {})
    record |= {
        field.key: field.kind.draw(rng)
        for field in rng.sample(passage.absent, rng.randint(0, min(2, len(passage.absent))))
    }
    form, none = rng.choice(list(FORMS)), rng.choice(NONES)
    lines = [
        f"- {passage.world.by_key[name].heading}: {record[name]}" for name in rng.sample(list(record), len(record))
    ]
    body = "\n".join(lines) + "\n\n" + passage.text
    prompt = frame.compose(
        rng, REQUEST, body, world=passage.world, boxed=rng.choice(BOXES), form=FORMS[form].render(rng), none=f'"{none}"'
    )
    label, wrong = passage.world.by_key[key].heading, passage.record[key]
    check: Check = {"check": "answer_is", "expected": none}
    if differs and form == "json":
        check = {"check": "json_equals", "expected": {"field": label, "wrong": wrong, "right": right}}
    elif differs:
        told = {
            "pair": f"{label}: {right}",
            "sentence": f"the {label} should be {right}, not {wrong}",
            "arrow": f"{wrong} -> {right}",
        }
        check["expected"] = told[form]
    return Task("find_contradiction", ABILITY, user(prompt), [check])


def answer(messages: Messages) -> str | None:
    """Read the record and the text, and compare them field by field."""
    if not (problem := _read(messages)):
        return None
    passage, record, form, none = problem
    found = _different(passage, record)
    return _write(form, found, passage.record[found.key], record[found.key]) if found else none


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield the sides swapped, another field blamed, a value made up, a mistake missed or found where none is."""
    if not (problem := _read(messages)):
        return
    passage, record, form, none = problem
    found = _different(passage, record)
    others = [passage.world.by_key[key] for key in passage.record if not found or key != found.key]
    if not others:
        return
    other = rng.choice(others)
    told = record[other.key]
    if found:
        wrong, right = passage.record[found.key], record[found.key]
        yield Slip("missed", none)
        yield Slip("sides_swapped", _write(form, found, right, wrong))
        yield Slip("other_field", _write(form, other, other.kind.draw(rng), told))
        yield Slip("other_right_value", _write(form, found, wrong, found.kind.draw(rng)))
        yield Slip("right_value_elsewhere", _write(form, other, told, right))
        yield Slip("other_form", _write(rng.choice([name for name in FORMS if name != form]), found, wrong, right))
    else:
        yield Slip("blamed_without_cause", _write(form, other, told, other.kind.draw(rng)))
        yield Slip("hedged", f"{none}, but the {other.label} looks doubtful")
        yield Slip("own_words_for_none", "I could not find any mistake in the text.")
        for key in [key for key in record if key not in passage.record]:
            field = passage.world.by_key[key]
            yield Slip("silence_taken_for_error", _write(form, field, "not given", record[key]))


def _different(passage: Passage, record: dict[str, str]) -> Field | None:
    return next((passage.world.by_key[key] for key, value in passage.record.items() if record[key] != value), None)


def _write(form: str, field: Field, wrong: str, right: str) -> str:
    if form == "json":
        return json.dumps({"field": field.heading, "wrong": wrong, "right": right}, ensure_ascii=False)
    told = {"pair": f"{field.heading}: {right}", "sentence": f"The {field.heading} should be {right}, not {wrong}."}
    return told.get(form, f"{wrong} -> {right}")


def _read(messages: Messages) -> tuple[Passage, dict[str, str], str, str] | None:
    """Return the passage, the record, the form of the answer and the words for no mistake."""
    if not (reading := frame.read(messages, REQUEST)):
        return None
    form = next((name for name, phrases in FORMS.items() if phrases.read(reading.slots["form"]) is not None), None)
    lines, _, text = reading.body.partition("\n\n")
    passage = worlds.read(text)
    if not passage or not form:
        return None
    fields = {field.heading: field for field in passage.world.fields}
    pairs = [line.removeprefix("- ").partition(": ") for line in lines.split("\n")]
    record = {
        fields[label].key: value
        for label, _, value in pairs
        if label in fields and re.fullmatch(fields[label].kind.regex, value)
    }
    if len(record) < len(pairs) or not passage.record.keys() <= record.keys():
        return None
    if not all(re.fullmatch(passage.world.by_key[key].kind.regex, value) for key, value in record.items()):
        return None
    if len([key for key, value in passage.record.items() if record[key] != value]) > 1:
        return None  # the forms have room for one mistake
    return passage, record, form, reading.slots["none"].strip('"')
