"""What a dataset teaches and what it does not, in plain sentences, from its manifest: for the card, the page, the summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from builder.providers import EMBEDDED


@dataclass(frozen=True)
class Claims:
    """Sentences, each complete in itself."""

    teaches: tuple[str, ...]
    teaches_not: tuple[str, ...]
    limits: tuple[str, ...]
    """What to know before training on it."""


def claims(manifest: dict[str, Any]) -> Claims:
    """Say what can be said honestly of a build with these teachers and these steps."""
    steps = {line["step"] for line in manifest["funnel"]}
    teachers = manifest["teachers"]
    teaches: list[str] = []
    teaches_not: list[str] = []
    limits: list[str] = []
    if manifest["preview"]:
        limits.append("This is a preview of a few seeds, to be looked at; do not train on it.")
    if EMBEDDED in teachers:
        teaches += [
            "Format: lists, JSON, code and sentences in exactly the shape that was asked for.",
            "Grounding: answers taken from a given text, and saying so when the text does not tell.",
            "Extraction and conversion: fields, dates and figures moved from prose to data and back.",
            "Several steps in order, in one turn and over turns.",
            "Obedience to constraints that can be checked: words, lengths, order, quotes.",
        ]
        teaches_not += [
            "World knowledge: nothing here is about the world beyond the texts in the prompts.",
            "Free writing: no stories, no essays, no advice, no opinions.",
            "Open translation, or any language but that of the prompts.",
        ]
        limits.append(
            "The embedded teacher computes its answers and its prompts grow from grammars: the wording is narrower "
            "than what people write. Mix it with human or model-written rows."
        )
    if others := [teacher for teacher in teachers if teacher != EMBEDDED]:
        teaches.append(f"What the seeds ask for, in the manner of {' and '.join(others)}.")
        teaches_not.append("Anything the teacher does not know: its errors and its habits are in these rows.")
    if not teachers:
        teaches.append(
            "What its source teaches: the responses came with the seeds, none was written by this build."
        )
        teaches_not.append("Anything beyond its source: this build filtered, it did not correct.")
    if "verify" not in steps:
        limits.append(
            "No answer was checked for being right; only what the steps of the funnel measure was measured."
        )
    elif others or not teachers:
        limits.append("Only rows whose seed brings checks were verified; the others have no score.")
    if manifest["pairs"] and "near_miss" in steps:
        limits.append(
            "The rejected sides are near misses: they differ from the chosen side in a few words. Plain DPO on such pairs "
            "lowers the likelihood of the chosen side too. Add an NLL term on it, or train SFT first and compare."
        )
    return Claims(tuple(teaches), tuple(teaches_not), tuple(limits))
