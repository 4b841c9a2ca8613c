"""The builder's own dedup from text, measured as its peers are.

    .venv/bin/python tests/benchmarks/peers/ours.py ROWS.parquet REMOVED.txt [--minhash]

Exact by default; `--minhash` makes datasketch's decisions. Rows are streamed, 50,000 at a time, from the file.
"""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
from report import FIELDS, Clock, arguments, report

from builder.near.corpus import Corpus

args = arguments("minhash")
if args.minhash:
    import datasketch  # noqa: F401  # before the clock, as its own script has it
clock = Clock()
with tempfile.TemporaryDirectory() as folder:
    corpus = Corpus(Path(folder), 5, permutations=128 if args.minhash else None)
    rows = pl.scan_parquet(args.rows).select(pl.concat_str(FIELDS, separator="\n"))
    count = rows.select(pl.len()).collect().item()
    for at in range(0, count, 50_000):
        corpus.add(rows.slice(at, 50_000).collect().to_series())
    every, everybody = np.arange(count), np.ones(count, bool)
    found = corpus.twins(0.7, every, everybody, every.astype(np.uint64), everybody)
name = "builder minhash" if args.minhash else "builder"
report(name, "instruct-builder", count, found.rows.tolist(), args.removed, clock.read())
