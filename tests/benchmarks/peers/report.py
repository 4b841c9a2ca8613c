"""What every peer's script does the same: read the rows, take the time, print one JSON line.

    {"peer": "rensa", "version": "0.5.0", "rows": 50000, "wall_s": 3.2, "cpu_s": 3.3, "rss_mb": 1080, "removed": 1873}

The clock starts when the peer is imported and its input lies as it wants it. CPU seconds are of all its processes,
`rss_mb` is the peak of the largest one, input included. The numbers of the removed rows go to a file, one a line.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

FIELDS = ("instruction", "input", "output")


def arguments(*flags: str) -> argparse.Namespace:
    """Parse the command line all peers share: the rows, where to write what was removed, the peer's own flags."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=Path, help="parquet with the columns instruction, input, output")
    parser.add_argument("removed", type=Path, help="file to write the numbers of the removed rows to")
    parser.add_argument("--evals", type=Path, help="parquet with the column text: what must not be in the rows")
    for flag in flags:
        parser.add_argument(f"--{flag}", action="store_true")
    return parser.parse_args()


def texts(path: Path) -> list[str]:
    """Read the text of each row: its fields, one a line."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=list(FIELDS))
    return ["\n".join(row) for row in zip(*(table[name].to_pylist() for name in FIELDS), strict=True)]


def shards(path: Path, folder: Path, count: int) -> None:
    """Write the rows as pipelines want them, columns `text` and `id` (the row number), in `count` files in order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = texts(path)
    step = -(-len(said) // count)
    folder.mkdir()
    for number, first in enumerate(range(0, len(said), step)):
        part = said[first : first + step]
        ids = list(map(str, range(first, first + len(part))))
        pq.write_table(pa.table({"text": part, "id": ids}), folder / f"{number:05d}.parquet")


class Clock:
    """Wall and CPU seconds since it was made, of this process and the children that have ended."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), sum(os.times()[:4])

    def read(self) -> dict[str, float]:
        """Return both, and the peak memory so far."""
        peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        wall, cpu = time.perf_counter() - self.wall, sum(os.times()[:4]) - self.cpu
        return {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "rss_mb": max(peaks) // 1024}


def report(peer: str, package: str, rows: int, removed: Iterable[int], path: Path, took: dict[str, float]) -> None:
    """Write the removed rows and print the line."""
    gone = sorted(removed)
    path.write_text("".join(f"{row}\n" for row in gone))
    line = {"peer": peer, "version": version(package), "rows": rows, **took, "removed": len(gone)}
    print(json.dumps(line), flush=True)
