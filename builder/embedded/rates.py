"""Units and money that can be converted at a rate: what has such values, how large they are, how they are asked for.

("inch", "inches", "cm", 2.54, 2.54, "short things", 4, 60): 1 inch is 2.54 cm, and a shelf may have 4 to 60 inches.
"""

import random
from dataclasses import dataclass

from builder.embedded.scenery import WORDS


@dataclass(frozen=True)
class Rate:
    """How many `other` one `single` is (`low` to `high`), which things have such values, the `least` and the `most`."""

    single: str
    plural: str
    other: str
    low: float
    high: float
    things: str
    least: int
    most: int

    def draw_value(self, rng: random.Random, unit: str) -> str:
        """Return a value in the plural unit or the other one; one in three has a half."""
        scale = 1.0 if unit == self.plural else self.low
        least, most = max(1, round(self.least * scale)), max(4, round(self.most * scale))
        whole = rng.randint(least, most)
        return f"{whole}.5" if rng.random() < 0.3 and most < 400 else str(whole)

    def names(self, rng: random.Random, count: int) -> list[str]:
        """Return different names of things that have such values."""
        things = rng.sample(WORDS[self.things], count)
        if self.things == "ingredients":
            return [f"{thing} for the {rng.choice(WORDS['dishes'])}" for thing in things]
        kinds = "kinds of event" if self.things in ("events", "ways") else "looks"
        return [f"{kind} {thing}" for kind, thing in zip(rng.sample(WORDS[kinds], count), things, strict=True)]


RATES = tuple(
    Rate(*line)
    for line in (
        ("inch", "inches", "cm", 2.54, 2.54, "short things", 4, 60),
        ("foot", "feet", "metres", 0.3048, 0.3048, "long things", 12, 300),
        ("yard", "yards", "metres", 0.9144, 0.9144, "long things", 5, 120),
        ("mile", "miles", "km", 1.609, 1.609, "ways", 3, 95),
        ("pound", "pounds", "kg", 0.4536, 0.4536, "loads", 5, 95),
        ("stone", "stone", "kg", 6.35, 6.35, "loads", 2, 30),
        ("ounce", "ounces", "grams", 28.35, 28.35, "ingredients", 1, 30),
        ("cup", "cups", "millilitres", 240, 240, "ingredients", 1, 9),
        ("pint", "pints", "litres", 0.568, 0.568, "tanks", 10, 300),
        ("gallon", "gallons", "litres", 3.785, 3.785, "tanks", 5, 200),
        ("acre", "acres", "hectares", 0.4047, 0.4047, "pieces of land", 3, 95),
        ("hour", "hours", "minutes", 60, 60, "events", 1, 9),
        ("euro", "euros", "dollars", 1.02, 1.24, "priced things", 2, 480),
        ("pound", "pounds", "euros", 1.12, 1.24, "priced things", 2, 480),
        ("pound", "pounds", "dollars", 1.2, 1.42, "priced things", 2, 480),
        ("euro", "euros", "zloty", 4.1, 4.8, "priced things", 2, 90),
        ("euro", "euros", "yen", 148, 176, "priced things", 2, 60),
        ("dollar", "dollars", "yen", 128, 158, "priced things", 2, 60),
        ("dollar", "dollars", "pesos", 16.5, 20.5, "priced things", 2, 90),
        ("pound", "pounds", "rupees", 96, 112, "priced things", 2, 60),
        ("voucher", "vouchers", "points", 8, 25, "priced things", 2, 40),
        ("token", "tokens", "credits", 1.5, 12, "priced things", 2, 90),
    )
)
