"""The whole clean line, rows a second: the builder's command beside datatrove and data-juicer, on the same rows.

    python tests/benchmarks/line.py [ROWS] [--data REAL.parquet]      2,000 made-up rows by default

Language, quality, near-duplicates and decontamination. The builder's figure is the whole command `builder build`: the
rows read, those four steps, every reject with its evidence, parquet, card and report. The peers' scripts say what they
leave out.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from peers import python, run

RECIPE = """
name: line
version: 0.1.0
steps:
  - seed: {path: rows.parquet}
  - language: {keep: [en, zh, ja, ru, ar, hi, th, fr, de, es]}
  - quality: {}
  - dedup: {threshold: 0.7, shingle: 5, on: conversation}
  - decontaminate: {against: [evals.jsonl]}
  - emit: {}
"""
PEERS = ("datatrove line", "data-juicer line")


def ours(folder: Path, flags: list[str]) -> dict[str, float]:
    (folder / "recipe.yaml").write_text(RECIPE)
    command = [
        sys.executable,
        "-m",
        "builder",
        "build",
        str(folder / "recipe.yaml"),
        "--out",
        str(folder / "out"),
        *flags,
    ]
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"}, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": time.perf_counter() - clock, "cpu_s": cpu, "rss_mb": after.ru_maxrss // 1024}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int, nargs="?", default=2_000)
    parser.add_argument("--data", type=Path, help="real rows to begin with")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, evals = folder / "rows.parquet", folder / "evals.parquet"
        make = [
            sys.executable,
            str(Path(__file__).parent / "corpus.py"),
            str(args.rows),
            str(rows),
            "--evals",
            str(evals),
        ]
        subprocess.run(
            [*make, *(["--data", str(args.data)] if args.data else [])], check=True, stdout=subprocess.DEVNULL
        )
        import polars as pl

        pl.read_parquet(evals).select(instruction="text").write_ndjson(folder / "evals.jsonl")
        count = pq.read_metadata(rows).num_rows
        lines = {"builder": ours(folder, [])}
        for peer in PEERS:
            if python(peer).exists():
                lines[peer] = run(peer, rows, evals)
            else:
                print(f"  {peer}: not installed; make bench-peers")
        print(f"{count:,} rows{f', {args.data.name} first' if args.data else ', made up'}")
        for who, line in lines.items():
            by_wall, by_cpu = (line[unit] / lines["builder"][unit] for unit in ("wall_s", "cpu_s"))
            print(
                f"  {who:<18}{line['wall_s']:>8.1f} s{line['cpu_s']:>8.1f} CPU s{line['rss_mb']:>7,.0f} MB"
                f"{count / line['wall_s']:>9,.0f} rows/s   {by_wall:>6.1f} x wall {by_cpu:>6.1f} x CPU of ours"
            )


if __name__ == "__main__":
    main()
