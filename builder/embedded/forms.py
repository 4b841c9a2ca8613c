"""The constraints that can be put on top of an answer: how each is phrased, and which check it means.

A constraint as it stands in a prompt is a name and its slots: ("ends_with", {"text": '"That is all."'}).
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from builder.embedded.grammar import Phrases
from builder.embedded.task import Check

Slots = dict[str, str]


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


def value_of(facts: Sequence[Fact], label: str) -> str:
    """Return the value of the fact that is called so; "" if there is none."""
    return next((fact.value for fact in facts if fact.label == label), "")


def _number(rng: random.Random, facts: Sequence[Fact]) -> Slots:
    return {"n": str(len(facts))}


def _room_for_words(rng: random.Random, facts: Sequence[Fact]) -> Slots:
    # Room for the plain sentences, a mark per fact ("-", "1.", "|"), an opening and an ending.
    plain = sum(len(fact.sentence.split()) for fact in facts)
    return {"n": str(plain + len(facts) + 8 + rng.randint(0, 4))}


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
        return {"check": "emphasised", "value": value_of(facts, slots["label"]), "mark": mark}

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
            "[use|write] [exactly |]{n:int} sentences[, no list|].",
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
            "[one|a single] sentence [has to|must] be enough.",
        ),
        _nothing,
        lambda slots, facts: {"check": "sentences", "n": 1},
    ),
    "paragraphs": Form(
        "layout",
        Phrases(
            "[write|make] {n:int} paragraphs, [one per fact|one for each fact][|, with a blank line between them].",
            "give each fact a paragraph of its own, {n:int} in all.",
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
    "max_words": Form(
        "length",
        Phrases(
            "[use|write] [no more than|at most] {n:int} words.",
            "[stay within|keep it to|do not go over] {n:int} words.",
            "{n:int} words [are the limit|must be enough].",
        ),
        _room_for_words,
        _counted("max_words"),
    ),
    "lowercase": Form(
        "case",
        Phrases(
            "[write|put] [everything|the whole answer] in lower case[, names too|, even names|].",
            "[do not use|avoid] capital letters[| at all|, please].",
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
            "[there must be|I want to see] no [comma|commas] in the answer.",
        ),
        _nothing,
        _plain("no_commas"),
    ),
    "starts_with": Form(
        "start",
        Phrases(
            "[start|begin|open] [with|your answer with|the reply with] {text:quoted}.",
            "{text:quoted} should be the [first|opening] words.",
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
            "[end|finish|close] [with|your answer with|the reply with] {text:quoted}",
            "{text:quoted} should be the [last|closing] words.",
        ),
        _one_of(ENDINGS),
        _worded("ends_with"),
    ),
    "quoted": Form(
        "start",
        Phrases(
            "[put|wrap|set] [the whole|the entire|your whole] [answer|reply] in double [quotation marks|quotes].",
            "[the whole answer|everything] [must|should] be in double [quotation marks|quotes].",
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
            "do not change the order [of the facts|in which I named them].",
            "[keep|leave] the order [of the facts|in which I named them] as it is.",
        ),
        _nothing,
        lambda slots, facts: {"check": "in_order", "values": [fact.value for fact in facts]},
    ),
}
