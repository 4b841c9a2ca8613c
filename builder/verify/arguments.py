"""What arguments a check takes, read from its signature, and whether those given can be used at all.

    faults("sentences", sentences, {"n": 0})    -> ["sentences: 'n' must be a whole number from 1 to 10,000, found 0"]

A type hint says most of it; what no hint can say (a date of a plan, a column that a table lacks) a trial finds: the
check is run on two tiny responses. So a check reads all its arguments before it looks at the response.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

MOST = 10_000
Count = Annotated[int, range(1, MOST + 1)]
CountOrNone = Annotated[int, range(MOST + 1)]
Separator = Annotated[str, range(1, 101)]  # of its length

DEPTH = 50  # objects and lists within each other
VALUES = 10_000  # of all the arguments of a check
LARGEST = 10**100
TRIALS = ("", "1")  # neither is code, so that no trial starts a process
PLAIN = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    type(None): "null",
    Any: "any JSON",
}


def faults(name: str, check: Callable[..., bool], given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the arguments given to a check, one sentence each."""
    hints, needed = _signature(check)
    found = [
        *(f"{name} needs {key!r} ({_plain(hints[key])})" for key in needed if key not in given),
        *(f"{name} takes no {key!r}" for key in given if key not in hints),
        *(
            f"{name}: {key!r} must be {_plain(hints[key])}, found {value!r}"
            for key, value in given.items()
            if key in hints and not _fits(value, hints[key])
        ),
    ]
    return found or [f"{name}: arguments cannot be used: {why}" for why in _unusable(check, given)]


def _unusable(check: Callable[..., bool], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield why arguments of the right types are of no use, if they are not."""
    if _room(given) < 0:
        yield f"more than {VALUES:,} values, {DEPTH} levels or a number of more than 100 digits"
        return
    try:
        for response in TRIALS:
            check(response, **given)
    except KeyError as error:
        yield f"{error} is missing"
    except Exception as error:  # whatever a stranger's arguments make it raise
        yield str(error) or type(error).__name__


@cache
def _signature(check: Callable[..., bool]) -> tuple[dict[str, Any], list[str]]:
    """Return the type hints of a check's arguments, and the names of those that must be given."""
    hints = get_type_hints(check, include_extras=True)
    parameters = list(inspect.signature(check).parameters.values())[1:]
    return (
        {parameter.name: hints[parameter.name] for parameter in parameters},
        [parameter.name for parameter in parameters if parameter.default is parameter.empty],
    )


def _fits(value: object, hint: Any) -> bool:
    """Tell whether a JSON value fits a check's type hint."""
    if hint is Any:
        return True
    if get_origin(hint) is Annotated:
        kind, span = get_args(hint)
        return _fits(value, kind) and (len(value) if isinstance(value, str) else value) in span
    if get_origin(hint) is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(_fits(item, get_args(hint)[1]) for item in value.values())
    if get_args(hint):
        return any(_fits(value, option) for option in get_args(hint))
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _room(value: object, left: int = VALUES, depth: int = DEPTH) -> int:
    """Return how many more values there is room for after this one; below zero where it is too large itself."""
    if isinstance(value, int | float) and not -LARGEST < value < LARGEST:
        return -1
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    left -= 1
    for item in inside:
        if left < 0 or depth == 0:
            return -1
        left = _room(item, left, depth - 1)
    return left


def _plain(hint: Any) -> str:
    """Name a type hint in a user's words."""
    if get_origin(hint) is Annotated:
        kind, span = get_args(hint)
        low, high = f"{span[0]:,}", f"{span[-1]:,}"
        return f"text of {low} to {high} characters" if kind is str else f"{_plain(kind)} from {low} to {high}"
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(repr, get_args(hint)))}"
    if get_origin(hint) is list:
        return f"a list ({_plain(get_args(hint)[0])} each)"
    if get_origin(hint) is dict:
        return "an object"
    if get_args(hint):
        return " or ".join(_plain(option) for option in get_args(hint))
    return PLAIN.get(hint, str(hint))
