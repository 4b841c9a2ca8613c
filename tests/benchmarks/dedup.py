"""Near-duplicates: the builder beside its peers, on the same rows in one run; CPU seconds, memory, precision, recall.

    python tests/benchmarks/dedup.py                          10,000 made-up rows
    python tests/benchmarks/dedup.py 50000 --data ROWS        real rows first: a parquet of instruction, input, output
    python tests/benchmarks/dedup.py 50000 1000000 --alone    growth; the builder only

From text, threshold 0.7, word 5-grams. Truth is exact Jaccard in plain Python, of words for the peers and of words and
signs for the builder, as each compares; beyond 50,000 rows, of the planted pairs alone. `make bench-peers` installs the
peers, each in an environment of its own.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from peers import python, run
from peers.truth import Truth, find, planted, score
from peers.words import signed

BESIDE = ("builder", "builder minhash", "rensa", "datasketch sha1", "datasketch xxh32", "text-dedup", "data-juicer")
SLOW = {"text-dedup": 50_000, "data-juicer": 50_000}
"""Rows up to which a peer is run."""
ALL_PAIRS = 50_000
"""Rows up to which the truth of all pairs is computed."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int, nargs="*", default=[10_000])
    parser.add_argument("--data", type=Path, help="real rows to begin with")
    parser.add_argument("--alone", action="store_true", help="the builder only")
    args = parser.parse_args()
    for count in args.rows:
        with tempfile.TemporaryDirectory() as folder:
            rows = Path(folder) / "rows.parquet"
            make = [sys.executable, str(Path(__file__).parent / "corpus.py"), str(count), str(rows)]
            subprocess.run(
                [*make, *(["--data", str(args.data)] if args.data else [])], check=True, stdout=subprocess.DEVNULL
            )
            print(f"\n{count:,} rows{f', {args.data.name} first' if args.data else ', made up'}")
            compare(count, rows, ("builder",) if args.alone else BESIDE)


def compare(count: int, rows: Path, names: tuple[str, ...]) -> None:
    lines = {}
    for name in names:
        if not python(name).exists():
            print(f"  {name}: not installed; make bench-peers")
        elif count <= SLOW.get(name, count):
            lines[name] = run(name, rows)
    if count <= ALL_PAIRS:
        ours, theirs = find(rows, sets=signed), find(rows)
    else:
        ours = theirs = Truth(0.7, list(range(count)), [], planted(rows))
    print(f"  {'':<17}{'wall s':>8}{'CPU s':>8}{'/ ours':>7}{'rows/CPU s':>11}{'MB':>7}{'removed':>9}", end="")
    print(f"{'precision':>10}{'recall':>8}{'planted':>8}{'.70-.75':>8}")
    for name, line in lines.items():
        ratio = line["cpu_s"] / lines["builder minhash" if name.startswith("datasketch") else "builder"]["cpu_s"]
        scored = score(ours if name.startswith("builder") else theirs, line["rows_removed"])
        pairs = [scored["precision"], scored["recall"]] if count <= ALL_PAIRS else [None, None]
        told = [*pairs, scored["planted_recall"], scored["planted"].get("0.70")]
        print(
            f"  {name:<17}{line['wall_s']:>8.1f}{line['cpu_s']:>8.1f}{ratio:>7.2f}{count / line['cpu_s']:>11,.0f}",
            end="",
        )
        print(f"{line['rss_mb']:>7,}{line['removed']:>9,}", end="")
        print(
            "".join(
                f"{'-' if share is None else f'{share:.4f}':>{width}}"
                for share, width in zip(told, (10, 8, 8, 8), strict=True)
            )
        )
    print("  / ours: CPU against builder's; datasketch's against builder minhash, which makes its decisions")


if __name__ == "__main__":
    main()
