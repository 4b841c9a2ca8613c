"""What teachers cost: the shipped table of prices, and a user's own over it.

    table = prices.load(None)                              (provider, model) -> Price, from templates/prices
    prices.find("openai", "gpt-4o-mini", table)            a Price, or None: the name must be exactly that one
    price.cost(1_200, 300, cached_tokens=1_000)            US dollars

A cost is a ceiling wherever the table is silent: a discount that is not in it is not assumed. Tokens from a cache
cost what `input` costs where no cached_input is known. A batch costs the standard price where no batch price is known
(`knows_batch` tells), and in a batch the cache saves nothing: whether the two discounts add up is not in the table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from builder import assets, yaml_file
from builder.errors import InputError, Problem

_UNIT = {"currency": "USD", "unit": "per million tokens"}
"""Said in every table, so that nobody's euros or prices per thousand are read as what they are not."""
_HEAD = ("as_of", *_UNIT, "prices")
_NUMBERS = ("input", "output", "cached_input", "batch_input", "batch_output")
_ENTRY = (*_NUMBERS, "seen", "source")
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_URL = re.compile(r"https?://[^\s/]+\S*")


class Price(NamedTuple):
    """What one model costs at one provider, in US dollars per million tokens."""

    input: float
    """Tokens sent."""
    output: float
    """Tokens answered."""
    cached_input: float | None = None
    """Tokens sent that the server had cached; None where it is not known. So are the next two."""
    batch_input: float | None = None
    """Tokens sent to the batch API; known together with batch_output, or not at all."""
    batch_output: float | None = None
    source: str = ""
    """Where it is from, for people: `templates/prices/2026-11.yaml, seen 2026-08`."""

    @property
    def knows_batch(self) -> bool:
        """Tell whether a batch's cost is its own price; else it is the standard price, which may be too high."""
        return self.batch_input is not None and self.batch_output is not None

    def cost(self, input_tokens: int, output_tokens: int, cached_tokens: int = 0, batch: bool = False) -> float:
        """Return US dollars.

        Args:
            input_tokens: tokens sent, those from the cache among them.
            output_tokens: tokens answered.
            cached_tokens: how many of the tokens sent were cached; counts for nothing in a batch.
            batch: whether they went through the provider's batch API.
        """
        if batch:
            sent = self.input if self.batch_input is None else self.batch_input
            said = self.output if self.batch_output is None else self.batch_output
            return (input_tokens * sent + output_tokens * said) / 1e6
        cached = min(cached_tokens, input_tokens)  # a server that counts them apart must not make the rest negative
        at = self.input if self.cached_input is None else self.cached_input
        return ((input_tokens - cached) * self.input + cached * at + output_tokens * self.output) / 1e6


Table = dict[tuple[str, str], Price]


def load(path: Path | None) -> Table:
    """Return the newest shipped table by (provider, model).

    Args:
        path: a file of the same shape; each of its entries replaces the shipped one of that name as a whole.

    Raises:
        InputError: the file cannot be read or is not such a table; every problem with its line.
    """
    shipped = f"prices/{assets.names('prices', '.yaml')[-1]}.yaml"  # named by month, so the last is the newest
    table = _table(assets.read(shipped), f"templates/{shipped}")
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:  # not UTF-8; a NUL in the path
            what = f"cannot read the price table: {getattr(error, 'strerror', None) or error}"
            raise InputError([Problem(str(path), 0, what)]) from None
        table |= _table(text, str(path))
    return table


def find(provider: str, model: str, table: Mapping[tuple[str, str], Price]) -> Price | None:
    """Return the price of a model by its exact name; what looks alike may cost a hundred times as much."""
    return table.get((provider, model))


def _table(text: str, file: str) -> Table:
    value, lines = yaml_file.parse(text, file)
    reading = _Reading(file, lines)
    table = reading.table(value)
    if reading.problems:
        raise InputError(sorted(reading.problems))
    return table


@dataclass
class _Reading:
    """One table as it is read; what is wrong in it is noted, and the reading goes on."""

    file: str
    lines: yaml_file.Lines
    problems: list[Problem] = field(default_factory=list)

    def table(self, value: Any) -> Table:
        if not isinstance(value, dict):
            self._refuse((), f"expected a mapping with {', '.join(_HEAD)}; found {_found(value)}")
            return {}
        self._keys(value, _HEAD, ())
        for key, wanted in _UNIT.items():
            if value.get(key) != wanted:
                self._refuse((key,), f"{key} must be {wanted!r}; found {_found(value.get(key))}")
        as_of = self._month(value.get("as_of"), ("as_of",))
        table: Table = {}
        for provider, models in self._mapping(value.get("prices"), ("prices",), "providers").items():
            for model, entry in self._mapping(models, ("prices", provider), "models").items():
                table[provider, model] = self._price(entry, ("prices", provider, model), as_of)
        return table

    def _price(self, entry: Any, place: yaml_file.Place, as_of: str) -> Price:
        known = {"input": 0.0, "output": 0.0}  # stands in for what is refused: such a table is never returned
        if not isinstance(entry, dict):
            self._refuse(place, f"expected a mapping with {', '.join(_ENTRY)}; found {_found(entry)}")
            return Price(0.0, 0.0)
        self._keys(entry, _ENTRY, place)
        for key in _NUMBERS:
            if key in entry:
                known[key] = self._dollars(entry[key], (*place, key))
            elif key in known:
                self._refuse(place, f"{key} is missing", "US dollars per million tokens")
        if ("batch_input" in entry) != ("batch_output" in entry):
            self._refuse(place, "batch_input and batch_output are given together or not at all")
        if "source" in entry and not (isinstance(entry["source"], str) and _URL.fullmatch(entry["source"])):
            self._refuse((*place, "source"), f"expected the URL of a page; found {_found(entry['source'])}")
        seen = self._month(entry["seen"], (*place, "seen")) if "seen" in entry else as_of
        batch = known.get("batch_input"), known.get("batch_output")
        return Price(
            known["input"], known["output"], known.get("cached_input"), *batch, source=f"{self.file}, seen {seen}"
        )

    def _mapping(self, value: Any, place: yaml_file.Place, of: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._refuse(place, f"expected a mapping of {of}; found {_found(value)}")
        return {}

    def _keys(self, value: dict[str, Any], known: Sequence[str], place: yaml_file.Place) -> None:
        for key in value:
            if key not in known:
                self._refuse((*place, key), f"unknown key {key!r}", f"known: {', '.join(known)}")

    def _dollars(self, value: Any, place: yaml_file.Place) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
            self._refuse(place, f"{place[-1]} must be a number, 0 or more; found {_found(value)}")
            return 0.0
        return float(value)

    def _month(self, value: Any, place: yaml_file.Place) -> str:
        if isinstance(value, str) and _MONTH.fullmatch(value):
            return value
        self._refuse(place, f"{place[-1]} must be a month like 2026-11; found {_found(value)}")
        return ""

    def _refuse(self, place: yaml_file.Place, what: str, fix: str = "") -> None:
        while place and place not in self.lines:  # a key that is missing is told where it should stand
            place = place[:-1]
        whose = f"{place[1]} {place[2]}: " if len(place) > 2 else ""
        self.problems.append(Problem(self.file, self.lines.get(place, 1), f"{whose}{what}", fix))


def _found(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."
