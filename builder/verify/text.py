"""Checks on the form of a response: length, layout, case, words that must or must not be there."""

import re
from typing import Literal

from builder.verify.arguments import Count, CountOrNone, Separator

SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++[\"')\]]*+(?=\s|$)")  # a long run of dots is walked through once
BULLET = re.compile(r"[-*•] \S")
LIST_NUMBER = re.compile(r"^[ \t]*\d+[.)] ", re.MULTILINE)
# A digit after a point or a comma belongs to a longer number: 3 does not stand in "3.5" or "1,3".
WORD_BEFORE = re.compile(r"\w$|\d[.,:]$")
WORD_AFTER = re.compile(r"\w|[.,:]\d")
NUMBERED = re.compile(r"(\d+)[.)] \S")


def max_words(response: str, n: Count) -> bool:
    """Hold if the response has at most n words, and at least one."""
    return 0 < len(response.split()) <= n


def min_words(response: str, n: CountOrNone) -> bool:
    """Hold if the response has at least n words."""
    return len(response.split()) >= n


def sentences(response: str, n: Count) -> bool:
    """Hold if the response is exactly n sentences of running text (no list), each ended by . ! or ?."""
    text = response.strip()
    ends = list(SENTENCE_END.finditer(text))
    return len(ends) == n and ends[-1].end() == len(text) and not any(map(is_item, _lines(text)))


def paragraphs(response: str, n: Count) -> bool:
    """Hold if the response is exactly n paragraphs parted by blank lines."""
    return len([part for part in re.split(r"\n\s*\n", response) if part.strip()]) == n


def lines(response: str, n: Count) -> bool:
    """Hold if the response has exactly n lines that are not blank."""
    return len(_lines(response)) == n


def bullets(response: str, n: Count) -> bool:
    """Hold if the response is exactly n bullet points ("- ", "* " or "• ") and nothing else."""
    found = _lines(response)
    return len(found) == n and all(BULLET.match(line) for line in found)


def numbered(response: str, n: Count) -> bool:
    """Hold if the response is exactly a list numbered 1 to n and nothing else."""
    marks = [NUMBERED.match(line) for line in _lines(response)]
    return len(marks) == n and all(mark and mark.group(1) == str(number) for number, mark in enumerate(marks, 1))


def lowercase(response: str) -> bool:
    """Hold if the response has letters, none of them a capital."""
    return response.islower()


def uppercase(response: str) -> bool:
    """Hold if the response has letters, all of them capitals."""
    return response.isupper()


def no_commas(response: str) -> bool:
    """Hold if the response has no comma, and is not empty."""
    return bool(response.strip()) and "," not in response


def quoted(response: str) -> bool:
    """Hold if the whole response stands between double quotation marks."""
    text = response.strip()
    return len(text) > 2 and text[0] == text[-1] == '"' and '"' not in text[1:-1]


def starts_with(response: str, text: str) -> bool:
    """Hold if the response starts with the text (any case)."""
    return response.strip().casefold().startswith(text.casefold())


def ends_with(response: str, text: str) -> bool:
    """Hold if the response ends with the text (any case)."""
    return response.strip().casefold().endswith(text.casefold())


def first_line(response: str, text: str) -> bool:
    """Hold if the first line is the text (any case) and more lines follow."""
    found = _lines(response)
    return len(found) > 1 and found[0].casefold() == text.casefold()


def parts(response: str, n: Count, separator: Separator) -> bool:
    """Hold if the response is exactly n parts with the separator between them."""
    found = response.strip().split(separator)
    return len(found) == n and all(part.strip() for part in found)


def sentence_ends(response: str, mark: Literal[".", "!", "?"]) -> bool:
    """Hold if every sentence (and every line of a list) ends with the mark: one of . ! ?"""
    found = _lines(without_list_numbers(response))
    ends = [end.group()[0] for line in found for end in SENTENCE_END.finditer(line)]
    return bool(ends) and set(ends) == {mark} and all(SENTENCE_END.search(line) for line in found)


def emphasised(response: str, value: str, mark: str) -> bool:
    """Hold if the value stands between the marks every time it is told: mark is ** or * or a pair such as []."""
    left, right = (mark[0], mark[1]) if len(mark) == 2 and mark[0] != mark[1] else (mark, mark)
    text, wanted = without_list_numbers(response).casefold(), f"{left}{value}{right}".casefold()
    return wanted in text and count_phrase(text.replace(wanted, " "), value) == 0


def in_order(response: str, values: list[str]) -> bool:
    """Hold if the response tells the values in this order (any case), each for the first time after the one before."""
    text, after = without_list_numbers(response), 0
    for value in values:
        place = next((place for place in find_phrase(text, value) if place >= after), None)
        if place is None:
            return False
        after = place + len(value)
    return True


def includes(response: str, words: list[str]) -> bool:
    """Hold if every one of the words or phrases stands in the response (any case, whole words)."""
    return all(count_phrase(response, word) for word in words)


def forbids(response: str, words: list[str]) -> bool:
    """Hold if none of the words or phrases stands in the response (any case, whole words), and it is not empty."""
    return bool(response.strip()) and not any(count_phrase(response, word) for word in words)


def keyword_count(response: str, word: str, n: CountOrNone) -> bool:
    """Hold if the word stands in the response exactly n times (any case, whole word)."""
    return count_phrase(response, word) == n


def count_phrase(text: str, phrase: str) -> int:
    """Return how often a phrase stands in a text as whole words (any case)."""
    return len(find_phrase(text, phrase))


def find_phrase(text: str, phrase: str) -> list[int]:
    """Return where a phrase begins in a text, as whole words, in any case; blanks of any length are one."""
    hay, wanted = " ".join(text.casefold().split()), " ".join(phrase.casefold().split())
    places = []
    at = hay.find(wanted) if wanted else -1
    while at >= 0:
        before, after = hay[max(0, at - 2) : at], hay[at + len(wanted) : at + len(wanted) + 2]
        if not (WORD_BEFORE.search(before) or WORD_AFTER.match(after)):
            places.append(at)
        at = hay.find(wanted, at + 1)
    return places


def without_list_numbers(text: str) -> str:
    """Return a text without the numbers of its list items: they are layout, not a claim."""
    return LIST_NUMBER.sub("", text)


def is_item(line: str) -> bool:
    """Tell whether a line is an item of a bulleted or numbered list."""
    return bool(BULLET.match(line) or NUMBERED.match(line))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


CHECKS = (
    max_words,
    min_words,
    sentences,
    paragraphs,
    lines,
    bullets,
    numbered,
    lowercase,
    uppercase,
    no_commas,
    quoted,
    starts_with,
    ends_with,
    first_line,
    parts,
    sentence_ends,
    emphasised,
    in_order,
    includes,
    forbids,
    keyword_count,
)
