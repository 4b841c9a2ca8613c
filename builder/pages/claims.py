"""What a dataset teaches and what it does not, in plain sentences, told from its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from builder.providers import EMBEDDED

# What rows of each ability of the embedded teacher's families teach.
_ABILITIES = {
    "instruction following": "Obedience to constraints that can be checked: words, lengths, order, quotes.",
    "extraction": "Extraction: fields, dates and figures moved from prose to data; null where the text has none.",
    "conversion": "Conversion: tables, units, numerals and marked texts from one exact form to another.",
    "grounding": "Grounding: answers taken from a given text, and saying so when the text does not tell.",
    "summarisation": "Summaries of the facts that were asked for, and of no others.",
    "multi-step": "Several steps in order.",
    "multi-turn": "Changes asked for over several turns.",
    "editing": "Corrections that leave the rest as it was.",
    "tone": "Casual and formal tone, the facts kept.",
    "classification": "Classification by rules stated in the prompt.",
    "reasoning": "Arithmetic in words, calendars and tables, with the working where it is asked for.",
    "code": "Small SQL queries and Python functions.",
}


@dataclass(frozen=True)
class Claims:
    """Sentences, each complete in itself."""

    teaches: tuple[str, ...]
    teaches_not: tuple[str, ...]
    limits: tuple[str, ...]
    """What to know before training on it."""


def teachers(manifest: dict[str, Any]) -> str:
    """Name who wrote the responses, as part of a sentence; empty where no teacher was asked."""
    return " and ".join("the embedded teacher" if name == EMBEDDED else name for name in manifest["teachers"])


def claims(manifest: dict[str, Any]) -> Claims:
    """Say what can be said honestly of a build with these teachers and these steps."""
    steps = {line["step"] for line in manifest["funnel"]}
    others = [name for name in manifest["teachers"] if name != EMBEDDED]
    teaches: list[str] = []
    teaches_not: list[str] = []
    limits: list[str] = []
    if manifest["preview"]:
        limits.append("This is a preview of a few seeds, to be looked at; do not train on it.")
    if EMBEDDED in manifest["teachers"]:
        teaches += [sentence for ability, sentence in _ABILITIES.items() if ability in _abilities(manifest)]
        teaches_not += [
            "World knowledge: nothing here is about the world beyond the texts in the prompts.",
            "Free writing: no stories, no essays, no advice, no opinions.",
            "Open translation, or any language but that of the prompts.",
        ]
        limits.append(
            "The embedded teacher computes its answers and its prompts grow from grammars: the wording is "
            "narrower than what people write. Mix it with rows written by people or models."
        )
    if others:
        teaches.append(f"What the seeds ask for, in the manner of {' and '.join(others)}.")
        teaches_not.append("Anything the teacher does not know: its errors and its habits are in these rows.")
    if not manifest["teachers"]:
        teaches.append("What its source teaches: the responses came with the seeds, none was written by this build.")
        teaches_not.append("Anything beyond its source: this build filtered, it did not correct.")
    if "verify" not in steps:
        limits.append("No answer was checked for being right; only what the steps of the funnel measure was measured.")
    elif manifest["teachers"] != [EMBEDDED]:
        unscored = "" if "judge" in steps else "; the others have no score"
        limits.append(f"Only rows whose seed brings checks were verified{unscored}.")
    if "judge" in steps:
        limits.append(
            "The scores are a model's opinion, with its tastes for length, style and its own kind; nobody has held "
            "them against the judgement of people."
        )
    if manifest["pairs"] and "near_miss" in steps:
        limits.append(
            "The rejected sides are near misses, a few words away from the chosen side. Plain DPO on them "
            "lowers the likelihood of the chosen side too: add an NLL term, and compare with more SFT alone."
        )
    return Claims(tuple(teaches), tuple(teaches_not), tuple(limits))


def _abilities(manifest: dict[str, Any]) -> set[str]:
    from builder.embedded.families import FAMILIES

    emitted = [task for task, counts in manifest["by_task"].items() if counts["sft"] or counts["preference"]]
    return {FAMILIES[task].ABILITY for task in emitted if task in FAMILIES}
