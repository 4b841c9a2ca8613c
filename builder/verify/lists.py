"""Checks on list work: the steps are done here again, in another way than a solver would.

A solver cuts and sorts lists; this code numbers the items and works on positions, so that a common mistake is unlikely.
"""

import functools
from collections.abc import Callable

from builder.verify.arguments import Separator


def list_steps(response: str, items: list[str], steps: list[list[str]], separator: Separator) -> bool:
    """Hold if the response is what the steps make of the items, joined by the separator.

    A step is a name and its argument: sort, sort_by_length, reverse, drop_letter L, keep_longer N, drop_first N,
    drop_last N, every_second, swap_ends, rotate, uppercase, append WORD.
    """
    left = functools.reduce(_redo, steps, list(items))
    return [part.strip() for part in response.strip().split(separator)] == left


def _redo(items: list[str], step: list[str]) -> list[str]:
    """Do one step by asking of every position what stands there afterwards."""
    name, arg = (*step, "", "")[:2]
    count = len(items)
    last = count - 1
    match name:
        case "sort":
            return _by_rank(items, lambda left, right: left < right)
        case "sort_by_length":
            return _by_rank(items, lambda left, right: len(left) < len(right))
        case "reverse":
            return [items[last - at] for at in range(count)]
        case "drop_letter":
            return list(filter(lambda item: item.count(arg) == 0, items))
        case "keep_longer":
            return list(filter(lambda item: item[int(arg) :] != "", items))
        case "drop_first":
            return [item for at, item in enumerate(items, 1) if at > int(arg)]
        case "drop_last":
            return [item for at, item in enumerate(items) if at < count - int(arg)]
        case "every_second":
            return [item for at, item in enumerate(items) if at % 2 == 0]
        case "swap_ends":
            return [items[{0: last, last: 0}.get(at, at)] for at in range(count)]
        case "rotate":
            return [items[(at + 1) % count] for at in range(count)]
        case "uppercase":
            return ["".join(letter.upper() for letter in item) for item in items]
        case "append":
            return [*items, arg]
    raise ValueError(f"no such list step: {name!r}")


def _by_rank(items: list[str], before: Callable[[str, str], bool]) -> list[str]:
    """Put every item where as many others come before it as do: a sort that keeps ties in their order."""
    placed = [""] * len(items)
    for at, item in enumerate(items):
        rank = sum(before(other, item) or (place < at and not before(item, other)) for place, other in enumerate(items))
        placed[rank] = item
    return placed


CHECKS = (list_steps,)
