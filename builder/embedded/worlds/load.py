"""Read a world from its text file.

# A parcel on its way.                           a comment
text: [delivery note|shipping note]              what a passage is called
situation: I [work|help out] at a depot.         who would ask (any number)
aside: The depot was [busy|quiet] today.         a sentence that tells no field (any number)

weight_kg: whole 2 30                            a field: its key, its kind and the kind's arguments
  The parcel weighs {} kg.                       sentences that state it, the plainest first: answers use it
  On the depot scales the box came to {} kg.
  ? How heavy is the parcel in kg?               questions that ask for it

contents: words                                  words begin with small letters, names with capitals
  = [a|one] [new|vintage] [lamp|clock]           what a field of words or names can be
  The parcel contains {}.
"""

from collections.abc import Callable
from importlib.resources.abc import Traversable

from builder.embedded.grammar import Pattern
from builder.embedded.worlds import kinds
from builder.embedded.worlds.kinds import Kind
from builder.embedded.worlds.world import Field, World

KINDS: dict[str, Callable[..., Kind]] = {
    "amount": lambda low, high: kinds.amount(int(low), int(high)),
    "city": kinds.city,
    "code": kinds.code,
    "date": kinds.date,
    "email": kinds.email,
    "names": kinds.names,
    "person": kinds.person,
    "time": lambda *hours: kinds.time(*map(int, hours)),
    "whole": lambda *numbers: kinds.whole(*map(int, numbers)),
    "words": kinds.words,
}


def load(file: Traversable) -> World:
    """Return the world that a file holds; ValueError names the file and the line where it cannot be read."""
    head: dict[str, list[str]] = {"text": [], "situation": [], "aside": []}
    fields: list[list[str]] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        name, colon, value = line.partition(": ")
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  ") and fields:
            fields[-1].append(line.strip())
        elif colon and name in head:
            head[name].append(value)
        elif colon and name.isidentifier() and value.split()[0] in KINDS:
            fields.append([line])
        else:
            raise ValueError(f"{file.name}, line {number}: expected a field or one of {', '.join(head)}: {line!r}")
    return World(
        name=file.name.removesuffix(".txt"),
        text=Pattern(head["text"][0]),
        situations=tuple(map(Pattern, head["situation"])),
        fields=tuple(_field(lines) for lines in fields),
        asides=tuple(map(Pattern, head["aside"])),
    )


def _field(lines: list[str]) -> Field:
    key, _, kind = lines[0].partition(": ")
    name, *arguments = kind.split()
    arguments += [line.removeprefix("= ") for line in lines[1:] if line.startswith("= ")]
    return Field(
        key,
        KINDS[name](*arguments),
        says=tuple(line for line in lines[1:] if not line.startswith(("= ", "? "))),
        asks=tuple(line.removeprefix("? ") for line in lines[1:] if line.startswith("? ")),
    )
