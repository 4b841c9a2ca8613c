"""Sort a text into one of some named places by rules that the prompt states; the first rule that fits counts.

1. If the weight is above 12: heavy desk. 2. The lost tray if the sender is not given. ... -> lost tray
"""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

from builder.embedded import frame, prose, worlds
from builder.embedded.grammar import Phrases
from builder.embedded.scenery import WORDS
from builder.embedded.task import Messages, Slip, Task, user
from builder.embedded.worlds import Passage

ABILITY = "classification"
WEIGHT = 3.0
SILENT = (
    "[A rule that compares a value does not fit where the text does not give that value|Where the text leaves a value "
    "open, rules that depend on that value do not fit|If a value is not in the text, no rule that compares it fits]."
)
REQUEST = Phrases(
    "[sort|route|assign] the {text} {here:here} to [one|exactly one] of our {places:word} by these rules; "
    f"the first that fits [counts|decides].\n{{rules:block}}\n{SILENT} {{form}}.",
    "[to which|to which one] of our {places:word} does the {text} {here:here} [go|belong]? [work|go] through "
    "the rules from the top "
    f"and stop at the first that fits.\n{{rules:block}}\n{SILENT} {{form}}.",
    "[we have|here are|these are our] rules for [picking|choosing] one of our {places:word}; the first that "
    "fits wins.\n{rules:block}\n"
    f"{SILENT} [apply the rules to|use the rules on] the {{text}} {{here:here}}. {{form}}.",
)
FORMS = {
    "label": Phrases("[answer|reply] with [its name|the name] [only|alone]", "[give|write] just the name"),
    "numbered": Phrases(
        "[answer|reply] with the [number of the rule|rule's number], a colon and the name",
        "[write|give] it as number: name, with the number of the rule",
    ),
    "json": Phrases('[answer|reply] [in|with] JSON with the keys "label" and "rule" (a number)'),
}
CONDITIONS = {
    "above": Phrases(
        "the {fact} {be:be} [above|more than|over] {value:number}",
        "it gives [more than|over] {value:number} for the {fact}",
    ),
    "below": Phrases(
        "the {fact} {be:be} [below|less than|under] {value:number}",
        "it gives [less than|under] {value:number} for the {fact}",
    ),
    "is": Phrases("the {fact} {be:be} {value:quoted}", "{value:quoted} is [named|given] as the {fact}"),
    "untold": Phrases(
        "the {fact} {be:be} not [mentioned|given|stated]", "it [says nothing about|does not mention] the {fact}"
    ),
    "told": Phrases(
        "the {fact} {be:be} [mentioned|given|stated] at all", "it [says something about|mentions] the {fact}"
    ),
}
RULE = Phrases(
    "if {condition}: {label}.", "the {label} if {condition}.", "[if|when] {condition}, [choose|take] the {label}."
)
DEFAULT = Phrases("[otherwise|in all other cases]: {label}.", "the {label} [in any other case|in all other cases].")
Rule = tuple[str, str, Any, str]


def sample(rng: random.Random) -> Task:
    """Draw a text and two to four rules; the first that fits stands at any place, or nowhere."""
    passage = worlds.draw(rng)
    facts = _facts(passage)
    count = rng.randint(2, 4)
    target = rng.randrange(count + 1)
    places = rng.choice(WORDS["destinations"])
    single = {"shelves": "shelf", "boxes": "box"}.get(places, places.removesuffix("s"))
    *labels, default = [f"{name} {single}" for name in rng.sample(WORDS["kinds of destination"], count + 1)]
    rules: list[Rule] = []
    taken: set[str] = set()
    for at, label in enumerate(labels):
        fits = at == target or (at > target and rng.random() < 0.5)
        how, fact, value = _condition(rng, passage, taken, fits=fits)
        taken.add(fact)
        rules.append((how, fact, value, label))
    form = rng.choice(("label", "label", "numbered", "json"))
    prompt = frame.compose(
        rng,
        REQUEST,
        passage.text,
        world=passage.world,
        places=places,
        rules=_spell(rng, rules, default, {field.label for field in passage.world.fields if field.plural}),
        form=prose.lowered(FORMS[form].render(rng)),
    )
    check = {
        "check": "routed",
        "facts": facts,
        "rules": [list(rule) for rule in rules],
        "default": default,
        "form": form,
    }
    return Task("route", ABILITY, user(prompt), [check])


def answer(messages: Messages) -> str | None:
    """Read the text and the rules; the first rule that fits gives the answer."""
    if not (problem := _read(messages)):
        return None
    facts, rules, default, form = problem
    at = next((at for at, rule in enumerate(rules) if _fits(facts, rule)), len(rules))
    return _write(at, [*(rule[3] for rule in rules), default], form)


def slips(messages: Messages, response: str, rng: random.Random) -> Iterator[Slip]:
    """Yield a later rule that fits too, the default, a rule that does not fit, another form, a made-up name."""
    if not (problem := _read(messages)):
        return
    facts, rules, default, form = problem
    labels = [*(rule[3] for rule in rules), default]
    fitting = [at for at, rule in enumerate(rules) if _fits(facts, rule)]
    right = min(fitting, default=len(rules))
    for at in range(len(labels)):
        if at == right:
            continue
        kind = "later_rule" if at in fitting else "default_instead" if at == len(rules) else "rule_that_does_not_fit"
        yield Slip(kind, _write(at, labels, form))
    yield Slip("other_form", _write(right, labels, rng.choice([name for name in FORMS if name != form])))
    wrong = rng.choice([at for at in range(len(labels)) if at != right])
    if form == "label":
        yield Slip("two_names", f"{labels[wrong]} or {labels[right]}")
    else:
        swapped = [labels[right] if at == wrong else label for at, label in enumerate(labels)]
        yield Slip("number_and_name_disagree", _write(wrong, swapped, form))
    yield Slip("made_up_name", _write(right, [f"general {label.split()[-1]}" for label in labels], form))
    yield Slip("gave_reasons", f"{response} (because rule {right + 1} is the first that fits)")


def _condition(rng: random.Random, passage: Passage, taken: set[str], *, fits: bool) -> tuple[str, str, Any]:
    """Return a condition on a fact not yet used that fits the passage, or does not."""
    told = [passage.world.by_key[key] for key in passage.record if passage.world.by_key[key].label not in taken]
    untold = [field for field in passage.absent if field.label not in taken]
    ways: list[tuple[str, str, Any]] = []
    for field in told:
        value = field.kind.value(passage.record[field.key])
        if isinstance(value, int | float):
            step = rng.choice((0, 1, 3, 10)) if isinstance(value, int) else rng.choice((0, 5, 20))
            low, high = round(max(0, value - max(step, 1)), 2), round(value + max(step, 1), 2)
            ways.append(("above", field.label, low if fits else round(value + step, 2)))
            ways.append(("below", field.label, high if fits else round(max(0, value - step), 2)))
        elif fits:
            ways.append(("is", field.label, value))
        else:
            other = field.kind.draw(rng)
            ways += [("is", field.label, other)] * (other != value)
    ways += [("told", field.label, None) for field in (told if fits else untold)][:2]
    ways += [("untold", field.label, None) for field in (untold if fits else told)][:2]
    if not fits:
        ways += [("is", field.label, field.kind.draw(rng)) for field in untold if not field.kind.number][:1]
    return rng.choice(ways)


def _spell(rng: random.Random, rules: list[Rule], default: str, plurals: set[str]) -> str:
    """Write the rules as numbered lines or as sentences."""
    lines = []
    for how, fact, value, label in rules:
        shown = f'"{value}"' if how == "is" else f"{value:.2f}" if isinstance(value, float) else value
        condition = prose.lowered(
            CONDITIONS[how].render(rng, fact=fact, value=shown, be="are" if fact in plurals else "is")
        )
        lines.append(RULE.render(rng, condition=condition, label=label))
    lines.append(DEFAULT.render(rng, label=default))
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))


def _facts(passage: Passage) -> dict[str, Any]:
    """Return what the passage tells, by the labels of the facts."""
    return {passage.world.by_key[key].label: value for key, value in passage.data(list(passage.record)).items()}


def _fits(facts: dict[str, Any], rule: Rule) -> bool:
    how, fact, value, _ = rule
    told = facts.get(fact)
    match how:
        case "untold":
            return told is None
        case "told":
            return told is not None
        case "is":
            return told is not None and str(told) == str(value)
    if not isinstance(told, int | float):
        return False
    return told > float(value) if how == "above" else told < float(value)


def _write(at: int, labels: list[str], form: str) -> str:
    if form == "json":
        return json.dumps({"label": labels[at], "rule": at + 1})
    return f"{at + 1}: {labels[at]}" if form == "numbered" else labels[at]


def _read(messages: Messages) -> tuple[dict[str, Any], list[Rule], str, str] | None:
    """Return the facts of the text, the rules, the default and the form of the answer."""
    reading = frame.read(messages, REQUEST)
    if not reading or not (passage := worlds.read(reading.body)):
        return None
    form = next((name for name, words in FORMS.items() if words.read(reading.slots["form"]) is not None), None)
    numbers = re.findall(r"^(\d+)\. ", reading.slots["rules"], re.MULTILINE)
    if numbers != [str(number) for number in range(1, len(numbers) + 1)]:
        return None
    *lines, last = re.split(r"\n\d+\. ", "\n" + reading.slots["rules"])[1:] or [""]
    default = DEFAULT.read(last)
    labels = {field.label for field in passage.world.fields}
    rules = [_read_rule(line, labels) for line in lines]
    if form is None or default is None or not rules or None in rules:
        return None
    return _facts(passage), [rule for rule in rules if rule], default["label"].lower(), form


def _read_rule(line: str, facts: set[str]) -> Rule | None:
    if not (parts := RULE.read(line)):
        return None
    for how, phrases in CONDITIONS.items():
        if (slots := phrases.read(parts["condition"])) and slots["fact"] in facts:
            return how, slots["fact"], slots.get("value", "").strip('"'), parts["label"].lower()
    return None
