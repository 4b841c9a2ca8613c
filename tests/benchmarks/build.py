"""How long a build of the quickstart recipe takes, step by step, at several sizes: seconds and rows a second.

python tests/benchmarks/build.py [SEEDS ...]        default 500 5000
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from builder import build, load_recipe
from builder.assets import read


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [500, 5000]
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            recipe = Path(folder) / "recipe.yaml"
            recipe.write_text(read("recipes/quickstart.yaml").replace("count: 500", f"count: {size}"))
            started = time.perf_counter()
            manifest = build(load_recipe(str(recipe)), Path(folder) / "out").manifest
            seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{size} seeds: {seconds:.1f} s, {size / seconds:,.0f} seeds/s, peak {peak:,.0f} MB so far")
        for line in manifest["funnel"]:
            rows = max(line["in"], line["out"])
            print(f"  {line['step']:<10}{line['seconds']:>7.2f} s {rows / max(line['seconds'], 0.01):>10,.0f} rows/s")


if __name__ == "__main__":
    main()
