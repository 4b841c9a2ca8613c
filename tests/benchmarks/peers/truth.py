"""The truth about the near-duplicates of a corpus, without MinHash, and the score of who removed what.

    truth = find(Path("rows.parquet"))
    score(truth, {17, 40})    {"precision": 1.0, "recall": 0.98, "recall_by": {"0.70": 0.96, …}, "planted": {…}}

Sets of word 5-grams are compared exactly. To be as alike as the threshold two sets must share one of the rarest grams
of each (prefix filtering), so an index over those finds every pair. Good for 50,000 rows: the grams are in memory.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from peers.report import texts
from peers.words import shingles


class Truth(NamedTuple):
    """Rows with the very same shingles are a group; pairs are of groups."""

    threshold: float
    groups: list[int]
    """The group of each row."""
    pairs: list[tuple[int, int, float]]
    """Two groups and their Jaccard, at least the threshold, each pair once."""
    planted: list[tuple[int, int, float]]
    """Planted row, the row it was copied from, their Jaccard; empty where the file does not say."""


def find(path: Path, threshold: float = 0.7, sets: Callable[[str], Collection[str]] = shingles) -> Truth:
    """Find all pairs of rows at least as alike as the threshold; `sets` makes the shingles of a text."""
    numbers: dict[str, int] = {}
    groups: dict[tuple[int, ...], int] = {}
    of_row = []
    for text in texts(path):
        grams = tuple(sorted({numbers.setdefault(gram, len(numbers)) for gram in sets(text)}))
        of_row.append(groups.setdefault(grams, len(groups)))
    numbers.clear()
    return Truth(threshold, of_row, list(_pairs([frozenset(grams) for grams in groups], threshold)), planted(path))


def _pairs(sets: list[frozenset[int]], threshold: float) -> list[tuple[int, int, float]]:
    count = Counter(gram for grams in sets for gram in grams)
    seen: dict[int, list[int]] = defaultdict(list)
    found = []
    for number, grams in enumerate(sets):
        rare = sorted(grams, key=lambda gram: (count[gram], gram))
        prefix = rare[: len(rare) - math.ceil(threshold * len(rare)) + 1]
        for other in {other for gram in prefix if count[gram] > 1 for other in seen[gram]}:
            most, least = max(len(grams), len(sets[other])), min(len(grams), len(sets[other]))
            if least < threshold * most:
                continue
            shared = len(grams & sets[other])
            if (alike := shared / (most + least - shared)) >= threshold:
                found.append((other, number, alike))
        for gram in prefix:
            if count[gram] > 1:
                seen[gram].append(number)
    return found


def planted(path: Path) -> list[tuple[int, int, float]]:
    """Read what a corpus says of its planted rows."""
    import pyarrow.parquet as pq

    if "twin" not in pq.read_schema(path).names:
        return []
    columns = pq.read_table(path, columns=["twin", "jaccard"]).to_pydict()
    pairs = enumerate(zip(columns["twin"], columns["jaccard"], strict=True))
    return [(row, twin, alike) for row, (twin, alike) in pairs if twin is not None]


def score(truth: Truth, removed: Collection[int], order: Sequence[int] | None = None) -> dict:
    """Score removed rows.

    precision: share of removed rows that have an earlier kept row at least as alike as the threshold; precision_any: a
    kept row anywhere, for those who do not keep the first.
    recall: share of the true pairs of which not both rows are kept; `recall_by` the same by twentieths of Jaccard.
    planted: the same of all planted pairs (below the threshold less is better); planted_recall: of those not below.

    Args:
        truth: of the corpus.
        removed: numbers of the removed rows.
        order: row numbers in the order in which they were looked at; as they stand by default.
    """
    gone = set(removed)
    rank = {row: place for place, row in enumerate(order)} if order is not None else range(len(truth.groups))
    size, kept = Counter(truth.groups), Counter(group for row, group in enumerate(truth.groups) if row not in gone)
    first: dict[int, int] = {}
    for row, group in enumerate(truth.groups):
        if row not in gone:
            first[group] = min(rank[row], first.get(group, rank[row]))
    alike = defaultdict(list)
    pairs: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for one, other, jaccard in truth.pairs:
        alike[one].append(other)
        alike[other].append(one)
        pairs[bucket(jaccard)] += size[one] * size[other]
        missed[bucket(jaccard)] += kept[one] * kept[other]
    for group, rows in size.items():
        pairs["1.00"] += math.comb(rows, 2)
        missed["1.00"] += math.comb(kept[group], 2)

    def rightly(row: int, before: float) -> bool:
        return any(first.get(near, math.inf) < before for near in (truth.groups[row], *alike[truth.groups[row]]))

    both = Counter(bucket(jaccard) for row, twin, jaccard in truth.planted if not {row, twin} & gone)
    all_planted = Counter(bucket(jaccard) for *_, jaccard in truth.planted)
    above = [not {row, twin}.isdisjoint(gone) for row, twin, jaccard in truth.planted if jaccard >= truth.threshold]
    return {
        "removed": len(gone),
        "precision": _share(sum(rightly(row, rank[row]) for row in gone), len(gone)),
        "precision_any": _share(sum(rightly(row, math.inf) for row in gone), len(gone)),
        "pairs": pairs.total(),
        "recall": _share(pairs.total() - missed.total(), pairs.total()),
        "recall_by": {at: _share(pairs[at] - missed[at], pairs[at]) for at in sorted(pairs) if pairs[at]},
        "planted_recall": _share(sum(above), len(above)),
        "planted": {at: _share(all_planted[at] - both[at], all_planted[at]) for at in sorted(all_planted)},
    }


def bucket(jaccard: float) -> str:
    """Name the twentieth a Jaccard lies in by its lower end."""
    return f"{math.floor(jaccard * 20 + 1e-9) / 20:.2f}"


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
