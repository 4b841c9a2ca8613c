"""How many different rows the embedded teacher has: the share that near-duplicate removal would drop.

    python tests/benchmarks/capacity.py                     # the table of sizes, raw and masked
    python tests/benchmarks/capacity.py --families          # 1,000 rows of every family alone
    python tests/benchmarks/capacity.py --twins steps       # the closest pairs of one family, to read

A row is dropped when the word 3-grams of its prompt have a Jaccard similarity of at least 0.7 with an earlier kept row
(exact, found by prefix filtering: two sets that alike must share one of their rarest grams). "Masked" is the honest
figure: numbers, quoted words, names and codes are blanked first, so that only wording and lower-case vocabulary count.
"""

import argparse
import math
import re
from collections import Counter
from collections.abc import Iterator

from builder.embedded import tasks
from builder.embedded.families import FAMILIES

SIZES = (1_000, 3_000, 5_000, 10_000, 20_000)

QUOTED = re.compile(r'"[^"\n]*"')
CODE = re.compile(r"\b(?:\S+@\S+|\w*[A-Z]\w*[-\d][\w-]*)\b")
NAME = re.compile(r"(?<![.!?:\n] )(?<!^)(?<!\n)\b[A-Z]\w*")
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def mask(text: str) -> str:
    """Blank what a template fills in: quoted spans, codes and e-mails, capitalised words within a sentence, numbers."""
    for pattern, blank in ((QUOTED, "Q"), (CODE, "X"), (NAME, "X"), (NUMBER, "#")):
        text = pattern.sub(blank, text)
    return text


def grams(text: str) -> frozenset[str]:
    """Return the word 3-grams of a text (the whole text if it has fewer than three words)."""
    words = re.findall(r"[\w#]+", text.lower())
    return frozenset(" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2)))


def twins(sets: list[frozenset[str]], threshold: float = 0.7) -> Iterator[tuple[int, int, float]]:
    """Yield (row, earlier kept row, similarity) for every row that would be dropped."""
    count = Counter(gram for row in sets for gram in row)
    kept_by_gram: dict[str, list[int]] = {}
    for number, row in enumerate(sets):
        rare = sorted(row, key=lambda gram: (count[gram], gram))
        prefix = rare[: len(row) - math.ceil(threshold * len(row)) + 1]
        candidates = dict.fromkeys(other for gram in prefix for other in kept_by_gram.get(gram, ()))
        for other in candidates:
            if min(len(row), len(sets[other])) < threshold * max(len(row), len(sets[other])):
                continue
            shared = len(row & sets[other])
            if (alike := shared / (len(row) + len(sets[other]) - shared)) >= threshold:
                yield number, other, alike
                break
        else:
            for gram in prefix:
                kept_by_gram.setdefault(gram, []).append(number)


def prompts(count: int, families: list[str] | None, seed: int) -> list[str]:
    """Return prompts as one text each, the turns of a conversation one after the other."""
    return ["\n".join(turn["content"] for turn in task.messages) for task in tasks(count, seed, families)]


def dropped(texts: list[str], *, masked: bool, threshold: float = 0.7) -> float:
    """Return the percentage of rows that would be dropped."""
    return (
        100 * sum(1 for _ in twins([grams(mask(text) if masked else text) for text in texts], threshold)) / len(texts)
    )


def show_sizes(seed: int, threshold: float) -> None:
    """Print the table rows x {raw, masked}."""
    texts = prompts(SIZES[-1], None, seed)
    print(f"{'rows':>7} {'raw %':>7} {'masked %':>9}   {len(FAMILIES)} families")
    for size in SIZES:
        raw = dropped(texts[:size], masked=False, threshold=threshold)
        masked = dropped(texts[:size], masked=True, threshold=threshold)
        print(f"{size:>7} {raw:>7.2f} {masked:>9.2f}")


def show_families(seed: int, count: int) -> None:
    """Print every family's own figures and its share of a run."""
    total = sum(family.WEIGHT for family in FAMILIES.values())
    print(f"{'family':<20} {'share %':>7} {'raw %':>7} {'masked %':>9}   of {count} rows of the family alone")
    for name, family in FAMILIES.items():
        try:
            texts = prompts(count, [name], seed)
        except ValueError as error:
            print(f"{name:<20} {error}")
            continue
        share, raw, masked = 100 * family.WEIGHT / total, dropped(texts, masked=False), dropped(texts, masked=True)
        print(f"{name:<20} {share:>7.1f} {raw:>7.2f} {masked:>9.2f}")


def show_twins(family: str, seed: int, count: int) -> None:
    """Print the closest masked pairs of a family."""
    texts = prompts(count, [family], seed)
    for row, other, alike in sorted(twins([grams(mask(text)) for text in texts]), key=lambda pair: -pair[2])[:5]:
        print(f"=== {alike:.2f}\n{texts[row]}\n--- and\n{texts[other]}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", action="store_true", help="every family alone")
    parser.add_argument("--twins", metavar="FAMILY", help="the closest pairs of one family")
    parser.add_argument("--count", type=int, default=1_000, help="rows of a family (default 1000)")
    parser.add_argument("--threshold", type=float, default=0.7, help="Jaccard similarity of a near-duplicate")
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    if given.twins:
        show_twins(given.twins, given.seed, given.count)
    elif given.families:
        show_families(given.seed, given.count)
    else:
        show_sizes(given.seed, given.threshold)
