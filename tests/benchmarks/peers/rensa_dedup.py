"""rensa: R-MinHash and its deduplicator, one batch from text, as its documentation has it.

    .venv-peers/rensa/bin/python tests/benchmarks/peers/rensa_dedup.py ROWS.parquet REMOVED.txt

The deduplicator checks each candidate against the threshold by its estimate, and keeps the first. Bands must divide the
permutations: 16 bands of 8 is what suits 0.7. Its `rho` pipeline is not run: on word 5-grams it saves a tenth of the
time, most of which is shingling, and finds a quarter of the duplicates.
"""

from rensa import RMinHashDeduplicator
from report import Clock, arguments, report, texts
from words import shingles

args = arguments()
clock = Clock()
said = texts(args.rows)
dedup = RMinHashDeduplicator(threshold=0.7, num_perm=128, use_lsh=True, num_bands=16, seed=42)
kept = dedup.add_pairs((str(row), shingles(text)) for row, text in enumerate(said))
took = clock.read()
report("rensa", "rensa", len(said), (row for row, keep in enumerate(kept) if not keep), args.removed, took)
