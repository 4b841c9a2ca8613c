"""Answers under constraints: draw some, phrase them, read them back, write the answer that meets them.

    asked = read('Use no commas. End with "Done."')     -> {"no_commas": {}, "ends_with": {"text": '"Done."'}}
    write(facts, asked)                                 -> 'The sender is Petra Novak. The parcel weighs 7 kg. Done.'

What constraints there are, how they are phrased and which check each means stands in forms.py.
"""

import random
import re
from collections.abc import Sequence

from builder.embedded import prose
from builder.embedded.forms import FORMS, Fact, Slots, value_of
from builder.embedded.task import Check

Asked = dict[str, Slots]
# Pairs that no answer can meet together; a list must be "nothing but" its items, so nothing may stand around it.
CONFLICTS = {
    *(
        (layout, edge)
        for layout in ("bullets", "numbered")
        for edge in ("starts_with", "first_line", "quoted", "ends_with")
    ),
    *(("quoted", edge) for edge in ("ends_with", "starts_with", "first_line")),
    *((layout, edge) for layout in ("sentences", "one_sentence") for edge in ("ends_with", "first_line")),
    *((other, "first_line") for other in ("paragraphs", "lines", "separated", "exclaim")),
    # Fixed words have capitals and small letters of their own.
    *((case, edge) for case in ("lowercase", "uppercase") for edge in ("starts_with", "first_line", "ends_with")),
}
CONNECTORS = ("Also, ", "And ", "In addition, ", "One more thing: ")


def draw(rng: random.Random, facts: Sequence[Fact], count: int) -> Asked:
    """Return up to `count` constraints that the facts can meet together."""
    asked: Asked = {}
    for name in rng.sample(list(FORMS), len(FORMS)):
        fits = all(
            FORMS[name].group != FORMS[other].group and not {(name, other), (other, name)} & CONFLICTS
            for other in asked
        )
        if fits and len(asked) < count:
            asked[name] = FORMS[name].draw(rng, facts)
    return asked


def phrase(rng: random.Random, asked: Asked) -> list[str]:
    """Return the constraints as sentences; now and then as the points of a list of rules."""
    sentences = [FORMS[name].phrases.render(rng, **slots) for name, slots in asked.items()]
    if len(sentences) > 1 and rng.random() < 0.3:
        head = rng.choice(("Rules:", "Please mind:", "What matters:", "Some rules:"))
        return ["\n" + head + "".join(f"\n- {sentence}" for sentence in sentences) + "\n"]
    return [sentences[0], *(_connected(rng, sentence) for sentence in sentences[1:])] if sentences else []


def read(text: str) -> Asked | None:
    """Read back what `phrase` wrote; None where a word is left over."""
    asked: Asked = {}
    rest = re.sub(r"^(?:Rules|Please mind|What matters|Some rules):\n", "", text)
    while rest:
        rest = re.sub(r"^(?:- |Also, |And |In addition, |One more thing: )", "", rest)
        found = next(((name, match) for name, form in FORMS.items() if (match := form.phrases.match(rest))), None)
        if found is None or found[0] in asked:
            return None
        name, (slots, rest) = found
        asked[name] = slots
    return asked


def checks(asked: Asked, facts: Sequence[Fact]) -> list[Check]:
    """Return the checks that the constraints mean."""
    return [FORMS[name].check(slots, facts) for name, slots in asked.items()]


def write(facts: Sequence[Fact], asked: Asked) -> str:
    """Tell the facts in a way that meets the constraints."""
    sentences = [fact.sentence for fact in facts]
    for name, (left, right) in {"bold": ("**", "**"), "bracketed": ("[", "]")}.items():
        if name in asked and (value := value_of(facts, asked[name]["label"])):
            sentences = [
                fact.sentence.replace(value, left + value + right) if fact.label == asked[name]["label"] else sentence
                for fact, sentence in zip(facts, sentences, strict=True)
            ]
    text = _lay_out(sentences, asked)
    if "exclaim" in asked:
        text = re.sub(r"\.(?=\s|$)", "!", re.sub(r"^(\d+)\.", r"\1)", text, flags=re.MULTILINE))
    if "starts_with" in asked:
        text = asked["starts_with"]["text"].strip('"') + " " + text
    if "first_line" in asked:
        text = asked["first_line"]["text"].strip('"') + "\n" + text
    if "ends_with" in asked:
        text += " " + asked["ends_with"]["text"].strip('"')
    if "quoted" in asked:
        text = f'"{text}"'
    return text.lower() if "lowercase" in asked else text.upper() if "uppercase" in asked else text


def _lay_out(sentences: list[str], asked: Asked) -> str:
    layout = next((name for name in asked if FORMS[name].group == "layout"), "")
    match layout:
        case "bullets":
            return "\n".join(f"- {sentence}" for sentence in sentences)
        case "numbered":
            return "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1))
        case "paragraphs":
            return "\n\n".join(sentences)
        case "lines":
            return "\n".join(sentences)
        case "separated":
            return " | ".join(sentences)
        case "one_sentence":
            one = prose.clauses(sentences)
            return one.replace(", ", " and ") if "no_commas" in asked else one
    return " ".join(sentences)


def _connected(rng: random.Random, sentence: str) -> str:
    connector = rng.choice(CONNECTORS) if rng.random() < 0.3 else ""
    return connector + sentence[:1].lower() + sentence[1:] if connector else sentence
