"""One pattern both renders a phrase and reads it back.

    request = Pattern("[pull|take] the {keys} [out of|from] the [note|text] below.")
    request.render(rng, keys="price and date")      -> "Take the price and date out of the text below."
    request.match("Pull the price from the note below. Thanks!")  -> ({"keys": "price"}, "Thanks!")

`[a|b|]` is a choice (it nests, and may be empty), `{name}` a slot, `{name:kind}` one that reads only what KINDS says.
A sentence gets its capital when rendered, and the fixed words are read in any case: patterns are in lower case.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

T = TypeVar("T")

KINDS = {
    "": r"[^\n]+?",
    # Nine digits at most: a prompt with an absurd number is refused.
    "int": r"(?:0|[1-9][0-9]{0,8})",
    "number": r"-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,9})?",
    "word": r"[\w'-]+",
    "quoted": r'"[^"\n]+"',
    "here": r"below|above",
    "be": r"is|are",
    "rows": r"(?:in|over|across|among) (?:all|the) [^\n]+?|(?:where|in which|with) [^\n]+?",
    "block": r"[\s\S]+?",
}

TOKEN = re.compile(r"\{(\w*):?(\w*)\}|([\[\]|])")
SENTENCE_START = re.compile(r"^[a-z]|(?<=[.!?]\s)[a-z]")


@dataclass(frozen=True)
class Slot:
    """A gap in a pattern that a value fills."""

    name: str
    kind: str


@dataclass(frozen=True)
class Choice:
    """Alternatives, each a sequence of text, slots and further choices."""

    options: tuple["Sequence", ...]


Sequence = tuple[str | Slot | Choice, ...]


@dataclass(frozen=True)
class Pattern:
    """A phrase with choices and slots; `slots` gives a slot's own regular expression (else KINDS does)."""

    text: str
    slots: Mapping[str, str] = field(default_factory=dict)

    def render(self, rng: random.Random, **values: object) -> str:
        """Return one phrase: choices drawn from rng, slots filled, a capital at the start of every sentence."""
        phrase = "".join(_spell(self._tree, rng, values))
        return SENTENCE_START.sub(lambda found: found.group().upper(), phrase)

    def match(self, text: str) -> tuple[dict[str, str], str] | None:
        """Read the start of the text; return the slots and what is left, or None. Stops at a word's end only."""
        found = self._start.match(text)
        return (_slots(found), text[found.end() :].lstrip()) if found else None

    def read(self, text: str) -> dict[str, str] | None:
        """Read the whole text; return the slots, or None."""
        found = self._whole.fullmatch(text)
        return _slots(found) if found else None

    @cached_property
    def words(self) -> set[str]:
        """The lower-case words that every phrase of this pattern has."""
        fixed = "".join(part if isinstance(part, str) else "\0" for part in self._tree)
        # A word that touches a slot or a choice may be only a part of a word.
        return set(re.findall(r"(?<![\w\0])[a-z]+(?![\w\0])", fixed.lower()))

    @cached_property
    def regex(self) -> str:
        """The pattern as a regular expression (no anchors)."""
        return _regex(self._tree, self.slots, set())

    @cached_property
    def _tree(self) -> Sequence:
        return _parse(self.text)

    @cached_property
    def _start(self) -> re.Pattern[str]:
        return re.compile(self.regex + r"(?=\s|$)")

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        return re.compile(self.regex)


class Phrases:
    """Several patterns for one meaning."""

    def __init__(self, *texts: str) -> None:
        """Take the patterns' texts."""
        self.patterns = tuple(Pattern(text) for text in texts)

    def render(self, rng: random.Random, **values: object) -> str:
        """Render one of the patterns, drawn from rng."""
        return rng.choice(self.patterns).render(rng, **values)

    def match(self, text: str) -> tuple[dict[str, str], str] | None:
        """Read the start of the text by the first pattern that can."""
        return next((found for pattern in self.patterns if (found := pattern.match(text))), None)

    def read(self, text: str) -> dict[str, str] | None:
        """Read the whole text by the first pattern that can."""
        return next((found for p in self.patterns if (found := p.read(text)) is not None), None)


class Index(Generic[T]):
    """Many patterns, found by the rarest word that each of them always has: reading tries only a few."""

    def __init__(self, entries: Iterable[tuple[Pattern, T]]) -> None:
        """Take pairs of a pattern and what it stands for."""
        pairs = list(entries)
        count: dict[str, int] = {}
        for pattern, _ in pairs:
            for word in pattern.words:
                count[word] = count.get(word, 0) + 1
        self._by_word: dict[str, list[tuple[Pattern, T]]] = {}
        for pattern, meaning in pairs:
            if not pattern.words:
                raise ValueError(f"pattern has no fixed word to find it by: {pattern.text!r}")
            rarest = min(pattern.words, key=lambda word: (count[word], word))
            self._by_word.setdefault(rarest, []).append((pattern, meaning))

    def read(self, text: str) -> Iterator[tuple[T, dict[str, str]]]:
        """Yield every meaning whose pattern reads the whole text, with its slots."""
        for word in dict.fromkeys(re.findall(r"[a-z]+", text.lower())):
            for pattern, meaning in self._by_word.get(word, ()):
                if (slots := pattern.read(text)) is not None:
                    yield meaning, slots


def _parse(text: str) -> Sequence:
    """Parse a pattern's text into a tree."""
    stack: list[list[list[str | Slot | Choice]]] = [[[]]]
    at = 0
    for token in TOKEN.finditer(text):
        if token.start() > at:
            stack[-1][-1].append(text[at : token.start()])
        at = token.end()
        mark = token.group(3)
        if mark == "[":
            stack.append([[]])
        elif mark == "|" and len(stack) > 1:
            stack[-1].append([])
        elif mark == "]" and len(stack) > 1:
            options = stack.pop()
            stack[-1][-1].append(Choice(tuple(tuple(option) for option in options)))
        elif mark == "|":
            stack[-1][-1].append("|")
        elif mark:
            raise ValueError(f"stray ] in pattern {text!r}")
        else:
            stack[-1][-1].append(Slot(token.group(1) or "value", token.group(2)))
    if len(stack) > 1:
        raise ValueError(f"unclosed [ in pattern {text!r}")
    stack[-1][-1].append(text[at:])
    return tuple(stack[0][0])


def _spell(tree: Sequence, rng: random.Random, values: Mapping[str, object]) -> Iterator[str]:
    for part in tree:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Slot):
            yield str(values[part.name])
        else:
            yield from _spell(rng.choice(part.options), rng, values)


def _regex(tree: Sequence, slots: Mapping[str, str], named: set[str]) -> str:
    """Return a tree as a regular expression; a slot that comes again is read again, but only the first is named."""
    parts = []
    for part in tree:
        if isinstance(part, str):
            parts.append(f"(?i:{re.escape(part)})" if part else "")
        elif isinstance(part, Slot):
            name = "?:" if part.name in named else f"?P<{part.name}>"
            parts.append(f"({name}{slots.get(part.name) or KINDS[part.kind]})")
            named.add(part.name)
        else:
            parts.append("(?:" + "|".join(_regex(option, slots, named) for option in part.options) + ")")
    return "".join(parts)


def _slots(found: re.Match[str]) -> dict[str, str]:
    return {name: value for name, value in found.groupdict().items() if value is not None}
