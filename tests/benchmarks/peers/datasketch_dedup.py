"""datasketch 2: MinHash in bulk and MinHashLSH, asked before a row is put in, so that the first of its kind stays.

    .venv-peers/datasketch/bin/python tests/benchmarks/peers/datasketch_dedup.py ROWS.parquet REMOVED.txt [--xxh32]

Threshold 0.7 and 128 permutations: its own optimum is 14 bands of 9. sha1 is its default hash; `--xxh32` gives it a
faster one. It does not verify what the bands propose.
"""

import xxhash
from datasketch import MinHash, MinHashLSH
from report import Clock, arguments, report, texts
from words import shingles

args = arguments("xxh32")
clock = Clock()
said = texts(args.rows)
sets = ([shingle.encode() for shingle in shingles(text)] for text in said)
hashing = {"hashfunc": xxhash.xxh32_intdigest} if args.xxh32 else {}
lsh = MinHashLSH(threshold=0.7, num_perm=128)
removed = []
for row, sketch in enumerate(MinHash.generator(sets, num_perm=128, **hashing)):
    if lsh.query(sketch):
        removed.append(row)
    else:
        lsh.insert(row, sketch, check_duplication=False)
took = clock.read()
report("datasketch, xxh32" if args.xxh32 else "datasketch, sha1", "datasketch", len(said), removed, args.removed, took)
