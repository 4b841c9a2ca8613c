"""Record worlds: short texts about orders, parcels, bookings ... that can be told and read back.

passage = draw(rng)     -> Passage(world=parcel, record={"weight_kg": "7", ...}, text="The parcel ...")
read(passage.text)      -> the same passage, from its text alone
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from builder.embedded.grammar import Index
from builder.embedded.worlds.load import load
from builder.embedded.worlds.world import Field, World

WORLDS: tuple[World, ...] = tuple(
    load(file)
    for file in sorted(files("builder.embedded.worlds").iterdir(), key=lambda file: file.name)
    if file.name.endswith(".txt")
)

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9])")


@dataclass(frozen=True)
class Passage:
    """A text that tells part of a record; `record` holds the fields it tells, as they stand in the text."""

    world: World
    record: dict[str, str]
    text: str

    @property
    def absent(self) -> list[Field]:
        """The fields of the world that the text does not tell."""
        return [field for field in self.world.fields if field.key not in self.record]

    def data(self, keys: Sequence[str]) -> dict[str, str | int | float | None]:
        """Return the keys' values as data; None for what the text does not tell."""
        fields = self.world.by_key
        return {key: fields[key].kind.value(self.record[key]) if key in self.record else None for key in keys}


def draw(rng: random.Random, least: int = 4, most: int = 7) -> Passage:
    """Return a passage of a random world that tells `least` to `most` fields, in random order and wording."""
    world = rng.choice(WORLDS)
    chosen = rng.sample(world.fields, rng.randint(least, min(most, len(world.fields) - 1)))
    record = {field.key: field.kind.draw(rng) for field in chosen}
    return Passage(world, record, tell(rng, world, record))


def tell(rng: random.Random, world: World, record: dict[str, str]) -> str:
    """Return a text that states the record in its own order, with an aside or two that say nothing of it."""
    sentences = [rng.choice(world.by_key[key].statements).render(rng, value=value) for key, value in record.items()]
    for aside in rng.sample(world.asides, rng.choice((0, 0, 1, 1, 2))):
        sentences.insert(rng.randint(1, len(sentences)), aside.render(rng))
    return " ".join(sentences)


def read(text: str) -> Passage | None:
    """Return the passage that a text tells; None where a sentence is of no world or another, or two disagree."""
    readings = [list(_index().read(sentence)) for sentence in SENTENCE_END.split(text.strip())]
    names = set.intersection(*({world.name for (world, _), _ in reading} for reading in readings))
    if len(names) != 1:
        return None
    record: dict[str, str] = {}
    for reading in readings:
        world, field, slots = next((w, f, s) for (w, f), s in reading if w.name in names)
        if field is not None:
            value = field.kind.tidy(slots["value"])
            # A text that tells a fact in two ways has no one record.
            if record.setdefault(field.key, value) != value:
                return None
    return Passage(world, record, text)


@cache
def _index() -> Index[tuple[World, Field | None]]:
    """Return every sentence of every world, to be found by its rarest word."""
    stated = [(p, (world, field)) for world in WORLDS for field in world.fields for p in field.statements]
    asides = [(aside, (world, None)) for world in WORLDS for aside in world.asides]
    return Index([*stated, *asides])
