"""The shape of a world: a kind of record, and the sentences that tell it."""

import re
from dataclasses import dataclass
from functools import cached_property

from builder.embedded.grammar import Pattern, Phrases
from builder.embedded.worlds.kinds import Kind

UNITS = {"kg", "euros", "minutes", "hours", "days", "years", "km", "metres", "m2", "cm", "mm", "degrees"}
OF = re.compile(r" (?:of|in|to) ")


@dataclass(frozen=True)
class Field:
    """One fact of a record: its key, its kind, sentences that state it and questions that ask for it."""

    key: str
    kind: Kind
    says: tuple[str, ...]
    asks: tuple[str, ...]

    @property
    def label(self) -> str:
        """The key as words, its unit left off: "weight" for weight_kg."""
        return label(self.key)

    @property
    def heading(self) -> str:
        """The label with its unit, if it has one: "weight (kg)" for weight_kg."""
        unit = self.key.rpartition("_")[2]
        return f"{self.label} ({unit})" if unit in UNITS else self.label

    @property
    def plural(self) -> bool:
        """Whether the label is a plural: "votes in favour" is, "number of nights" is not."""
        return is_plural(self.label)

    @cached_property
    def statements(self) -> tuple[Pattern, ...]:
        """The sentences as patterns with one slot, `value`."""
        return tuple(Pattern(text, {"value": self.kind.regex}) for text in self.says)

    @cached_property
    def questions(self) -> Phrases:
        """The questions as patterns."""
        return Phrases(*self.asks)

    def state(self, value: str) -> str:
        """Return the plainest sentence that states the value."""
        head, tail = self.says[0].split("{}")
        return head + value + tail


def label(key: str) -> str:
    """Return a key as words, its unit left off."""
    words = key.split("_")
    return " ".join(words[:-1] if len(words) > 1 and words[-1] in UNITS else words)


def is_plural(text: str) -> bool:
    """Tell whether a label is a plural: "votes in favour" is, "number of nights" is not."""
    noun = OF.split(text)[0]
    return noun.endswith("s") and not noun.endswith("ss")


@dataclass(frozen=True)
class World:
    """A kind of record: what its text is called, who would ask, its fields, sentences that tell no field."""

    name: str
    text: Pattern
    situations: tuple[Pattern, ...]
    fields: tuple[Field, ...]
    asides: tuple[Pattern, ...]

    @cached_property
    def by_key(self) -> dict[str, Field]:
        """The fields by their keys."""
        return {field.key: field for field in self.fields}
