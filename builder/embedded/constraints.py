"""Constraints that can be put on top of an answer: how each is asked for, how it is met, how it is checked.

A constraint as it stands in a prompt is a name and its slots: ("ends_with", {"text": '"That is all."'}). FORMS says how
it is phrased and which check it means; `write` makes the answer that meets a set of them.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from builder.embedded import prose
from builder.embedded.grammar import Phrases
from builder.embedded.task import Check

Slots = dict[str, str]
Asked = dict[str, Slots]


@dataclass(frozen=True)
class Fact:
    """One thing to be told: what it is called, its value, the sentence that states it."""

    label: str
    value: str
    sentence: str


@dataclass(frozen=True)
class Form:
    """A constraint: its group (one of a group at a time), its phrases, its slots for some facts, the check it means."""

    group: str
    phrases: Phrases
    draw: Callable[[random.Random, Sequence[Fact]], Slots]
    check: Callable[[Slots, Sequence[Fact]], Check]


OPENINGS = (
    "Here you go:",
    "In short:",
    "From the notes:",
    "As asked:",
    "To sum up:",
    "Good news:",
    "For the record:",
)
ENDINGS = (
    "That is all.",
    "End of message.",
    "Over and out.",
    "Nothing else is known.",
    "Have a nice day.",
    "Done.",
)
TITLES = (
    "At a glance",
    "The facts",
    "What we know",
    "For your files",
    "Short report",
    "Key points",
    "Memo",
    "Update",
)


def _number(rng: random.Random, facts: Sequence[Fact]) -> Slots:
    return {"n": str(len(facts))}


def _nothing(rng: random.Random, facts: Sequence[Fact]) -> Slots:
    return {}


def _one_of(texts: Sequence[str]) -> Callable[[random.Random, Sequence[Fact]], Slots]:
    return lambda rng, facts: {"text": f'"{rng.choice(texts)}"'}


def _some_label(rng: random.Random, facts: Sequence[Fact]) -> Slots:
    told = [fact.value for fact in facts]
    # A value that stands inside another one (the 6 of "6 May 2025") could not be marked everywhere.
    alone = [fact.label for fact in facts if sum(fact.value in value for value in told) == 1]
    return {"label": rng.choice(alone or [facts[0].label])}


def _plain(name: str) -> Callable[[Slots, Sequence[Fact]], Check]:
    return lambda slots, facts: {"check": name}


def _counted(name: str) -> Callable[[Slots, Sequence[Fact]], Check]:
    return lambda slots, facts: {"check": name, "n": int(slots["n"])}


def _worded(name: str) -> Callable[[Slots, Sequence[Fact]], Check]:
    return lambda slots, facts: {"check": name, "text": slots["text"].strip('"')}


def _emphasis(mark: str) -> Callable[[Slots, Sequence[Fact]], Check]:
    def check(slots: Slots, facts: Sequence[Fact]) -> Check:
        return {"check": "emphasised", "value": _value(facts, slots["label"]), "mark": mark}

    return check


FORMS: dict[str, Form] = {
    "bullets": Form(
        "layout",
        Phrases(
            "[use|write|answer with] {n:int} bullet points[| and nothing around them].",
            "[format|lay out] the [answer|reply] as a list of {n:int} bullets[, each starting with a dash|].",
            "give {n:int} bullet points[,|:] one [per|for each] fact.",
        ),
        _number,
        _counted("bullets"),
    ),
    "numbered": Form(
        "layout",
        Phrases(
            "[use|write|answer with] a numbered list of {n:int} [items|points].",
            "number the facts from 1 to {n:int}, [each on its own line|one per line].",
            "[I want|make it] a list with the numbers 1 to {n:int}[| in front].",
        ),
        _number,
        _counted("numbered"),
    ),
    "sentences": Form(
        "layout",
        Phrases(
            "[use|write] [exactly {n:int}|{n:int}] sentences[, no list|].",
            "[the answer|your reply] [must|should] [be|consist of] {n:int} [full|complete] sentences.",
            "[say|put] it in {n:int} [plain|short|proper] sentences.",
        ),
        _number,
        _counted("sentences"),
    ),
    "one_sentence": Form(
        "layout",
        Phrases(
            "[put|fit|say] [everything|it all] [in|into] [one|a single] sentence.",
            "[one|a single] sentence [has to|must] [do|be enough].",
        ),
        _nothing,
        lambda slots, facts: {"check": "sentences", "n": 1},
    ),
    "paragraphs": Form(
        "layout",
        Phrases(
            "[write|make] {n:int} paragraphs, [one per fact|a paragraph for each fact][| and a blank line between them].",
            "[give|grant] each fact a paragraph of its own, {n:int} in all.",
        ),
        _number,
        _counted("paragraphs"),
    ),
    "lines": Form(
        "layout",
        Phrases(
            "[put|write|place] each fact on its own line, {n:int} lines [in all|altogether].",
            "[the answer|your answer] [has|takes] {n:int} lines, one [for each|per] fact.",
        ),
        _number,
        _counted("lines"),
    ),
    "separated": Form(
        "layout",
        Phrases(
            '[separate|part|divide] the {n:int} facts [by|with] " | "[| on one line].',
            'write [it|everything] on one line, with " | " between the {n:int} facts.',
        ),
        _number,
        lambda slots, facts: {"check": "parts", "n": int(slots["n"]), "separator": " | "},
    ),
    "lowercase": Form(
        "case",
        Phrases(
            "[write|put] [everything|the whole answer] in lower case[, names too|, even names|].",
            "[do not use|avoid|no] capital letters[| at all|, please].",
            "[use|I want] [only small letters|small letters only].",
        ),
        _nothing,
        _plain("lowercase"),
    ),
    "uppercase": Form(
        "case",
        Phrases(
            "[write|put] [everything|the whole answer|all of it] in [capital letters|capitals|upper case].",
            "[use|I want] [only capital letters|nothing but capitals].",
        ),
        _nothing,
        _plain("uppercase"),
    ),
    "no_commas": Form(
        "commas",
        Phrases(
            "[do not use|use no|avoid] commas[| anywhere| in your answer].",
            "[leave out|skip] [every comma|all commas].",
            "[there must be|I want to see] no comma in [it|the answer].",
        ),
        _nothing,
        _plain("no_commas"),
    ),
    "starts_with": Form(
        "start",
        Phrases(
            "[start|begin|open] [with|your answer with|the reply with] {text:quoted}.",
            "[the first words|the opening words] [should be|are] {text:quoted}.",
        ),
        _one_of(OPENINGS),
        _worded("starts_with"),
    ),
    "first_line": Form(
        "start",
        Phrases(
            "[put|write] the title {text:quoted} on the first line[|, alone].",
            "[give it|it needs] a first line that [says|reads] {text:quoted}[| and nothing else].",
        ),
        _one_of(TITLES),
        _worded("first_line"),
    ),
    "ends_with": Form(
        "end",
        Phrases(
            "[end|finish|close] [with|your answer with|the reply with] {text:quoted}.",
            "[the last words|the closing words] [should be|are] {text:quoted}.",
        ),
        _one_of(ENDINGS),
        _worded("ends_with"),
    ),
    "quoted": Form(
        "start",
        Phrases(
            "[put|wrap|set] [the whole|the entire|your whole] [answer|reply] in double [quotation marks|quotes].",
            "[the answer|everything] [must|should] stand between double [quotation marks|quotes].",
        ),
        _nothing,
        _plain("quoted"),
    ),
    "exclaim": Form(
        "end",
        Phrases(
            "[end|close] [every|each] sentence with an exclamation mark.",
            "[use|put] an exclamation mark [instead of|in place of] [every|each] full stop.",
        ),
        _nothing,
        lambda slots, facts: {"check": "sentence_ends", "mark": "!"},
    ),
    "bold": Form(
        "emphasis",
        Phrases(
            "[put|set|print] the {label} in bold, [as in **this**|with two asterisks on each side].",
            "[mark|highlight] the {label} [in bold Markdown|with **double asterisks**].",
        ),
        _some_label,
        _emphasis("**"),
    ),
    "bracketed": Form(
        "emphasis",
        Phrases(
            "[put|set|enclose] the {label} in [square|box] brackets.",
            "[there should be|I need] square brackets around the {label}.",
        ),
        _some_label,
        _emphasis("[]"),
    ),
    "in_order": Form(
        "order",
        Phrases(
            "[keep|stick to] [this|that|the given] order.",
            "[the order|their order] [matters|must stay as given].",
            "[do not change|leave] the order [of the facts|in which I named them][| as it is].",
        ),
        _nothing,
        lambda slots, facts: {"check": "in_order", "values": [fact.value for fact in facts]},
    ),
}
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
}
CONNECTORS = ("Also, ", "Besides, ", "And ", "One more thing: ")


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
        rest = re.sub(r"^(?:- |Also, |Besides, |And |One more thing: )", "", rest)
        found = next(
            ((name, match) for name, form in FORMS.items() if (match := form.phrases.match(rest))), None
        )
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
        if name in asked and (value := _value(facts, asked[name]["label"])):
            sentences = [
                fact.sentence.replace(value, left + value + right)
                if fact.label == asked[name]["label"]
                else sentence
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


def _value(facts: Sequence[Fact], label: str) -> str:
    return next((fact.value for fact in facts if fact.label == label), "")


def _connected(rng: random.Random, sentence: str) -> str:
    connector = rng.choice(CONNECTORS) if rng.random() < 0.3 else ""
    return connector + sentence[:1].lower() + sentence[1:] if connector else sentence
