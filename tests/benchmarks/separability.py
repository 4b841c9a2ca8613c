"""Can a near miss be told from a right answer without reading the prompt? 0.5: no; 1.0: it gives itself away.

    python tests/benchmarks/separability.py [PAIRS]        default 3000

Naive Bayes on the words of the response alone, fitted on two thirds of the pairs, asked of the last third which side
of a pair is the right one. Kinds that give themselves away teach a model to spot them, not to read the prompt.
"""

from __future__ import annotations

import math
import random
import re
import sys
from collections import Counter, defaultdict
from itertools import pairwise

from builder.embedded import Answer, answer, near_misses, tasks


def words(text: str) -> set[str]:
    found = re.findall(r"\w+|[^\w\s]", text.lower())
    return {*found, *(" ".join(pair) for pair in pairwise(found))}


def main() -> None:
    pairs = []
    for number, task in enumerate(tasks(int(sys.argv[1]) if len(sys.argv) > 1 else 3000, seed=5)):
        said = answer(task.messages)
        assert isinstance(said, Answer)
        for miss in near_misses(task.messages, said.text, task.checks, random.Random(number)).misses:
            pairs.append((words(said.text), words(miss.text), miss.kind))
    random.Random(0).shuffle(pairs)
    fit, held = pairs[: len(pairs) * 2 // 3], pairs[len(pairs) * 2 // 3 :]
    right = Counter(word for chosen, _, _ in fit for word in chosen)
    wrong = Counter(word for _, rejected, _ in fit for word in rejected)

    def score(text: set[str]) -> float:
        return math.fsum(math.log((right[word] + 1) / (wrong[word] + 1)) for word in text)  # in any order of the set

    kinds = defaultdict(list)
    for chosen, rejected, kind in held:
        margin = score(chosen) - score(rejected)
        kinds[kind].append(1.0 if margin > 0 else 0.5 if margin == 0 else 0.0)
    verdicts = [verdict for told in kinds.values() for verdict in told]
    print(f"{len(held)} pairs told from the response alone: {sum(verdicts) / len(verdicts):.3f} (0.5 is blind)")
    for kind, told in sorted(kinds.items(), key=lambda item: -sum(item[1]))[:12]:
        print(f"  {kind:<28}{len(told):>5} pairs {sum(told) / len(told):>7.2f}")


if __name__ == "__main__":
    main()
