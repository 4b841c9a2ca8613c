"""The systems the clean steps are measured against, each in an environment of its own (`make bench-peers`).

    from peers import run
    run("rensa", Path("rows.parquet"))    {"peer": "rensa", "cpu_s": 3.3, …, "removed": 1873, "rows_removed": {…}}

A peer's script takes a parquet file and prints one JSON line (peers/report.py says what is in it); so a benchmark runs
it side by side with ours on the same rows, and peers/truth.py scores both.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

HOME = Path(__file__).parent
ROOT = HOME.parents[2]


class Peer(NamedTuple):
    """How a peer is run."""

    environment: str
    """Its folder; empty for the builder itself, which runs where the benchmark does."""
    script: str
    flags: tuple[str, ...] = ()


PEERS = {
    "builder": Peer("", "ours.py"),
    "builder minhash": Peer("", "ours.py", ("--minhash",)),
    "rensa": Peer("rensa", "rensa_dedup.py"),
    "datasketch sha1": Peer("datasketch", "datasketch_dedup.py"),
    "datasketch xxh32": Peer("datasketch", "datasketch_dedup.py", ("--xxh32",)),
    "text-dedup": Peer("textdedup", "textdedup_dedup.py"),
    "datatrove": Peer("datatrove", "datatrove_clean.py"),
    "data-juicer": Peer("datajuicer", "datajuicer_clean.py"),
    "datatrove line": Peer("datatrove", "datatrove_clean.py", ("--line",)),
    "data-juicer line": Peer("datajuicer", "datajuicer_clean.py", ("--line",)),
}


def python(name: str, environments: Path = ROOT / ".venv-peers") -> Path:
    """Return the interpreter of a peer's environment, there or not."""
    environment = PEERS[name].environment
    return environments / environment / "bin" / "python" if environment else Path(sys.executable)


def run(name: str, rows: Path, evals: Path | None = None, environments: Path = ROOT / ".venv-peers") -> dict[str, Any]:
    """Run a peer over the rows and return its line, with the numbers of the removed rows.

    Raises:
        SystemExit: its environment is not there, or it failed; with the end of what it said.
    """
    peer = PEERS[name]
    interpreter = python(name, environments)
    if not interpreter.exists():
        raise SystemExit(f"{name}: no environment {interpreter.parents[1]}; `make bench-peers` makes it")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "removed.txt"
        flags = [*peer.flags, *(["--evals", str(evals)] if evals and "--line" in peer.flags else [])]
        command = [str(interpreter), str(HOME / peer.script), str(rows), str(out), *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed with {done.returncode}:\n{done.stderr[-2_000:]}")
        line = json.loads(done.stdout.strip().splitlines()[-1])
        return line | {"rows_removed": set(map(int, out.read_text().split()))}
