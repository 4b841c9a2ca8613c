"""Check a response against what was asked, by rules that travel with the row as plain JSON.

    verify("Oslo, Bergen", [{"check": "max_words", "n": 5}, {"check": "no_commas"}])
    -> Verdict(checks={"max_words": True, "no_commas": False}); .broken == ["no_commas"]

The same rules may stand in a seed file: `{"instruction": "...", "checks": [{"check": "max_words", "n": 50}]}`.
A check never raises on a response, whatever it holds: junk just fails. `problems` says what is wrong with the rules.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.verify import answer, code, data, dates, edits, lists, ranks, stories, tables, text, units
from builder.verify.arguments import faults

MODULES = (text, data, answer, lists, tables, dates, code, units, stories, edits, ranks)
CHECKS: dict[str, Callable[..., bool]] = {check.__name__: check for module in MODULES for check in module.CHECKS}


@dataclass(frozen=True)
class Verdict:
    """Which checks a response passed, in order; the second check of a name is labelled `name#2`."""

    checks: dict[str, bool]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(self.checks.values())

    @property
    def broken(self) -> list[str]:
        """The labels of the checks that failed."""
        return [label for label, held in self.checks.items() if not held]


def verify(response: str, checks: Sequence[Mapping[str, Any]]) -> Verdict:
    """Run the checks on a response. The checks must be sound (see `problems`): an unknown name raises KeyError."""
    held: dict[str, bool] = {}
    for check in checks:
        arguments = {name: value for name, value in check.items() if name != "check"}
        held[_label(check["check"], held)] = CHECKS[check["check"]](response, **arguments)
    return Verdict(held)


def problems(checks: object) -> list[str]:
    """Return what is wrong with a list of checks, one sentence each; an empty list if they can be run."""
    if not isinstance(checks, list):
        return [f"checks must be a list of objects, found {type(checks).__name__}"]
    return [f"check {number}: {fault}" for number, check in enumerate(checks, 1) for fault in _faults(check)]


def _label(name: str, taken: Mapping[str, bool]) -> str:
    number = 1 + sum(label.partition("#")[0] == name for label in taken)
    return name if number == 1 else f"{name}#{number}"


def _faults(check: object) -> list[str]:
    if not isinstance(check, dict) or not isinstance(check.get("check"), str):
        return ['must be an object with a "check" name, such as {"check": "max_words", "n": 50}']
    name = check["check"]
    if name not in CHECKS:
        near = difflib.get_close_matches(name, CHECKS, n=1)
        return [
            f"no such check: {name!r}" + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(CHECKS)}")
        ]
    return faults(name, CHECKS[name], {key: value for key, value in check.items() if key != "check"})
