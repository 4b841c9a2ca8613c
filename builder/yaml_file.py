"""YAML as plain data, with the line of every key. Stricter than YAML: what JSON cannot say is refused.

    name: my-dataset       ->  {"name": "my-dataset", "steps": [{"seed": {}}]}
    steps:                     {("name",): 1, ("steps",): 2, ("steps", 0): 3, ("steps", 0, "seed"): 3}
      - seed: {}

Keys are always text, so `on:` is "on" and `1:` is "1". A key that stands twice, a tag, a date, `.nan`, a
number over 64 bits, an alias bomb: each is a problem with its line, never a surprise further down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from builder.errors import InputError, Problem

if TYPE_CHECKING:
    import yaml

Place = tuple[str | int, ...]
Lines = dict[Place, int]

_TOO_DEEP = 32
_TOO_MANY = 20_000
_PLAIN = "tag:yaml.org,2002:"
_COLLECTIONS = {f"{_PLAIN}map", f"{_PLAIN}seq"}


def parse(text: str, file: str) -> tuple[Any, Lines]:
    """Parse YAML.

    Returns:
        (data, line of every key and item by its path).

    Raises:
        InputError: it is not valid YAML, or says what is refused here; every problem with its line.
    """
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        reading = _Reading(file, loader)
        value = None if node is None else reading.value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark and error.context_mark and mark.index >= len(text.rstrip()):
            mark = error.context_mark  # what is open at the end of the file is told where it was opened
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise InputError([Problem(file, mark.line + 1 if mark else 1, f"not valid YAML: {what}")]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"not valid YAML: the character U+{error.character:04X} may not stand in it"
        raise InputError([Problem(file, line, what)]) from None
    except RecursionError:
        raise InputError([Problem(file, 1, "nested too deeply")]) from None
    if reading.problems:
        raise InputError(sorted(reading.problems))
    return value, reading.lines


@dataclass
class _Reading:
    """One walk over a tree of nodes."""

    file: str
    loader: yaml.SafeLoader
    lines: Lines = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    count: int = 0
    """Nodes met; an alias counts as often as it is used."""

    def value(self, node: yaml.Node, place: Place) -> Any:
        import yaml

        line = node.start_mark.line + 1
        self.lines.setdefault(place, line)
        self.count += 1
        if len(place) > _TOO_DEEP or self.count > _TOO_MANY:
            how = "nested too deeply" if len(place) > _TOO_DEEP else f"more than {_TOO_MANY} entries"
            raise InputError([Problem(self.file, line, f"{how} (an alias that contains itself?)")])
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
            self._refuse(line, f"YAML tags are not used here; found {_shown(node.tag)}")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*place, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, line)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        import yaml

        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(line, "a key must be a plain word")
                continue
            key = key_node.value
            if key in mapping:
                self._refuse(line, f"the key {key!r} stands twice")
            if not _writable(key):
                self._refuse(line, f"the key {key!r} holds a character that cannot be written to a file")
            self.lines[(*place, key)] = line
            mapping[key] = self.value(value_node, (*place, key))
        return mapping

    def _scalar(self, node: yaml.Node, line: int) -> Any:
        if not node.tag.startswith(_PLAIN):
            self._refuse(line, f"YAML tags are not used here; found {_shown(node.tag)}")
            return None
        try:
            value = self.loader.construct_object(node)
        except (ValueError, KeyError, IndexError, AttributeError):  # `!!bool maybe`, `2024-13-45`
            self._refuse(line, f"{_shown(node.value)!r} is not a {_shown(node.tag.removeprefix(_PLAIN))}")
            return None
        if isinstance(value, str):
            if not _writable(value):
                self._refuse(line, f"{_shown(value)!r} holds a character that cannot be written to a file")
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            self._refuse(line, f"the number {_shown(node.value)} is beyond 64 bits")
        elif isinstance(value, float) and not math.isfinite(value):
            self._refuse(line, f"expected a finite number; found {_shown(node.value)}")
        elif value is not None and not isinstance(value, (int, float)):
            what = f"{_shown(node.value)!r} is read as a {type(value).__name__}"
            self._refuse(line, what, "put quotes around it if it is a text")
        return value

    def _refuse(self, line: int, what: str, fix: str = "") -> None:
        self.problems.append(Problem(self.file, line, what, fix))


def _writable(text: str) -> bool:
    """Tell whether a text can be a file name and UTF-8: no NUL, no half of a character pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
