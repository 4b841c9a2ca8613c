"""Checks on the content of a response: data that must be equal, facts that must or must not be told."""

import json
import re
from typing import Any

from builder.verify.arguments import Separator
from builder.verify.text import count_phrase, without_list_numbers

NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
FENCE = re.compile(r"```[a-z]*\n(.*)\n```", re.DOTALL)


def json_equals(response: str, expected: Any) -> bool:
    """Hold if the response is JSON (bare, or in one code fence) with exactly the expected data; key order is free."""
    try:
        found = json.loads(unfenced(response), object_pairs_hook=_no_twins)
    except (ValueError, RecursionError):
        return False
    return same(found, expected)


def json_keys(response: str, keys: list[str]) -> bool:
    """Hold if the response is a JSON object (bare, or in one code fence) with exactly these keys, in any order."""
    try:
        found = json.loads(unfenced(response), object_pairs_hook=_no_twins)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() == set(keys)


def key_values(response: str, expected: dict[str, str], separator: Separator = ": ") -> bool:
    """Hold if the response is one line per key, the key, the separator and its value; the order of lines is free."""
    found = [line.strip().partition(separator) for line in response.splitlines() if line.strip()]
    pairs = {key.strip().casefold(): value.strip() for key, _, value in found}
    return len(found) == len(expected) and pairs == {key.casefold(): value for key, value in expected.items()}


def mentions(response: str, values: list[str]) -> bool:
    """Hold if the response tells every one of the values (whole words, any case)."""
    told = without_list_numbers(response)
    return all(count_phrase(told, value) for value in values)


def omits(response: str, values: list[str]) -> bool:
    """Hold if the response is not empty and tells none of the values (whole words, any case)."""
    told = without_list_numbers(response)
    return bool(told.strip()) and not any(count_phrase(told, value) for value in values)


def no_new_numbers(response: str, source: str) -> bool:
    """Hold if the response is not empty and every number in it stands in the source too."""
    told = without_list_numbers(response)
    return bool(told.strip()) and set(NUMBER.findall(told)) <= set(NUMBER.findall(source))


def unfenced(response: str) -> str:
    """Return what stands in a code fence if the whole response is one, else the response; stripped."""
    found = FENCE.fullmatch(response.strip())
    return (found.group(1) if found else response).strip()


def same(found: Any, expected: Any) -> bool:
    """Tell whether two JSON values are equal: true is not 1, 2.0 is 2, the order of keys is free."""
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return bool(found == expected)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that has a key twice: which value is meant cannot be told."""
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


CHECKS = (json_equals, json_keys, key_values, mentions, omits, no_new_numbers)
