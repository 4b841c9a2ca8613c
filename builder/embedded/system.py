"""System messages: some tasks begin with one that sets the tone and asks for nothing that an answer could miss.

    {"role": "system", "content": "You are a careful assistant. You follow instructions to the letter."}

A system message that these patterns do not read may ask for anything, so its conversation is refused.
"""

import random

from builder.embedded.grammar import Phrases
from builder.embedded.task import Messages

SHARE = 0.12  # of the tasks
SYSTEM = Phrases(
    "you are a [helpful|careful|precise|reliable|patient] assistant[| for office work| in a small firm].",
    "you are a [careful|reliable] assistant. You [follow instructions to the letter|answer exactly what is asked].",
    "[follow|keep to] the user's instructions [exactly|closely][| and add nothing of your own].",
    "you help with [short texts|everyday paperwork|small tasks of all kinds]. [be|stay] [exact|accurate|brief].",
    "answer [exactly what is asked|as asked], [nothing more|no more and no less].",
)


def add(rng: random.Random, messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the messages, now and then with a system message in front."""
    if messages[0]["role"] == "system" or rng.random() >= SHARE:
        return messages
    return [{"role": "system", "content": SYSTEM.render(rng)}, *messages]


def take_off(messages: Messages) -> Messages:
    """Return the messages without a system message that asks for nothing; any other one stays."""
    plain = len(messages) > 1 and messages[0]["role"] == "system" and SYSTEM.read(messages[0]["content"]) is not None
    return messages[1:] if plain else messages
