"""What a cleaning build of many rows costs: rows a second by step, and the peak of memory as seen from outside.

python tests/benchmarks/scale.py [ROWS ...] [--steps quality,dedup]      default 50000 200000; language,quality,dedup

Rows are made of random words, about 1 kB each; a tenth of the prompts are copies of an earlier one with a word
changed. Each build is a process of its own; its peak is what the kernel counted for it when it ended.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

WORDS = 30_000
CHARS = 1000
COPIES = 0.1
GROUP = 10_000


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("rows", nargs="*", type=int, default=[50_000, 200_000])
    given.add_argument("--steps", default="language,quality,dedup", help="between seed and emit")
    given.add_argument("--folder", type=Path, help="where data and builds are kept; else they go when it is done")
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        before: tuple[int, float, float] | None = None
        for count in asked.rows:
            seconds, peak, manifest = build(folder, count, [name for name in asked.steps.split(",") if name])
            rate = count / seconds
            print(f"{count:,} rows: {seconds:.1f} s, {rate:,.0f} rows/s, peak {peak:,.0f} MB")
            for line in manifest["funnel"]:
                rows, took = max(line["in"], line["out"]), max(line["seconds"], 0.01)
                print(f"  {line['step']:<14}{took:>8.2f} s {rows / took:>10,.0f} rows/s  dropped {line['dropped']:,}")
            other = manifest["seconds"] - sum(line["seconds"] for line in manifest["funnel"])
            print(f"  {'files, hashes':<14}{other:>8.2f} s {count / max(other, 0.01):>10,.0f} rows/s")
            if before is not None:
                more, longer, larger = count / before[0], seconds / before[1], (peak - before[2]) * 1e6
                grown = larger / (count - before[0])
                print(f"  {more:.1f} times the rows: {longer:.2f} times the seconds, {grown:,.0f} bytes more a row")
            before = count, seconds, peak


def build(folder: Path, count: int, steps: list[str]) -> tuple[float, float, dict]:
    """Build in a process of its own: its seconds, its peak in MB, its manifest."""
    data, recipe = folder / f"{count}.parquet", folder / f"{count}.yaml"
    if not data.exists():
        write(data, count)
    lines = [f"  - seed: {{path: {data}, license: CC0-1.0}}", *(f"  - {name}: {{}}" for name in steps)]
    lines.append("  - emit: {test_share: 0.01}")
    recipe.write_text("\n".join([f"name: scale-{count}", "version: 0.1.0", "steps:", *lines]) + "\n")
    out = Path(tempfile.mkdtemp(dir=folder))
    command = [sys.executable, "-m", "builder", "build", str(recipe), "--out", str(out)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited with {process.returncode}")
    manifest = json.loads((out / f"scale-{count}" / "0.1.0" / "manifest.json").read_text())
    return seconds, usage.ru_maxrss / 1024, manifest


def write(file: Path, count: int) -> None:
    """Write a parquet file of so many rows; more rows begin with the same ones."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    shape = pa.schema([("instruction", pa.string()), ("output", pa.string())])
    made = rows()
    with pq.ParquetWriter(file, shape) as writer:
        for left in range(count, 0, -GROUP):
            some = list(itertools.islice(made, min(left, GROUP)))
            writer.write_table(pa.Table.from_pylist(some, schema=shape))


def rows() -> Iterator[dict[str, str]]:
    """Make rows for ever, the same ones every time."""
    draw = random.Random(7)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 9))) for _ in range(WORDS)]
    weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(WORDS)))
    said: list[str] = []
    while True:
        if said and draw.random() < COPIES:
            turned = draw.choice(said).split(" ")
            turned[draw.randrange(len(turned))] = draw.choice(words)
            prompt = " ".join(turned)
        else:
            prompt = " ".join(draw.choices(words, cum_weights=weights, k=draw.randint(20, 60)))
            said = [*said[-2000:], prompt]
        answer = " ".join(draw.choices(words, cum_weights=weights, k=draw.randint(60, 200)))
        yield {"instruction": prompt, "output": answer[:CHARS] + "."}


if __name__ == "__main__":
    main()
