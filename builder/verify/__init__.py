"""Check a response against what was asked, by rules that travel with the row as plain JSON.

    verify("Oslo, Bergen", [{"check": "max_words", "n": 5}, {"check": "no_commas"}])
    -> Verdict(checks={"max_words": True, "no_commas": False}); .broken == ["no_commas"]

The same rules may stand in a seed file: `{"instruction": "...", "checks": [{"check": "max_words", "n": 50}]}`.
A check never raises on a response, whatever it holds: junk just fails. `problems` says what is wrong with the rules.
"""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin, get_type_hints

from builder.verify import answer, code, data, dates, edits, lists, ranks, stories, tables, text, units

CHECKS: dict[str, Callable[..., bool]] = {
    check.__name__: check
    for check in (
        *(
            text.max_words,
            text.min_words,
            text.sentences,
            text.paragraphs,
            text.lines,
            text.bullets,
            text.numbered,
        ),
        *(text.lowercase, text.uppercase, text.no_commas, text.quoted, text.starts_with, text.ends_with),
        *(text.first_line, text.parts, text.sentence_ends, text.emphasised, text.in_order),
        *(text.includes, text.forbids, text.keyword_count),
        *(data.json_equals, data.json_keys, data.key_values, data.mentions, data.omits, data.no_new_numbers),
        *(answer.answer_is, answer.one_of, answer.number_is),
        *(lists.list_steps,),
        *(tables.table_is, tables.table_answer),
        *(dates.plan_date, dates.plan_gap),
        *(
            code.sql_returns,
            code.python_returns,
            code.code_only,
        ),
        *(units.conversions,),
        *(stories.redacted, stories.routed, stories.worked_answer),
        *(
            edits.corrected,
            edits.edited_facts,
        ),
        *(ranks.ranked,),
    )
}


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
    hints = get_type_hints(CHECKS[name])
    wanted = dict(list(inspect.signature(CHECKS[name]).parameters.items())[1:])
    needed = [key for key, parameter in wanted.items() if parameter.default is parameter.empty]
    given = {key: value for key, value in check.items() if key != "check"}
    return [
        *(f"{name} needs {key!r} ({_plain(hints[key])})" for key in needed if key not in given),
        *(f"{name} takes no {key!r}" for key in given if key not in wanted),
        *(
            f"{name}: {key!r} must be {_plain(hints[key])}, found {value!r}"
            for key, value in given.items()
            if key in wanted and not _fits(value, hints[key])
        ),
    ]


def _fits(value: object, hint: Any) -> bool:
    """Tell whether a JSON value fits a check's type hint."""
    if hint is Any:
        return True
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(_fits(item, get_args(hint)[1]) for item in value.values())
    if get_args(hint):
        return any(_fits(value, option) for option in get_args(hint))
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _plain(hint: Any) -> str:
    """Name a type hint in a user's words."""
    names = {
        int: "a whole number",
        float: "a number",
        str: "text",
        bool: "true or false",
        type(None): "null",
        Any: "any JSON",
    }
    if get_origin(hint) is list:
        return f"a list ({_plain(get_args(hint)[0])} each)"
    if get_origin(hint) is dict:
        return "an object"
    if get_args(hint):
        return " or ".join(_plain(option) for option in get_args(hint))
    return names.get(hint, str(hint))
