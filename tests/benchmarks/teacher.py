"""How well a build drives its teacher, side by side with a bare client on the same server and the same prompts.

    python tests/benchmarks/teacher.py                          all but the longest
    python tests/benchmarks/teacher.py span large ceiling …     some: see SCENARIOS

The server's latency is lognormal, mean 300 ms, sigma 0.8, capacity 64; all clients keep 64 in flight. `ideal` is the
work divided by 64. The bare client is as many loops of asyncio and aiohttp, in a process of its own; it asks once,
keeps nothing and looks at nothing. Spans, from the first request to the last answer, are by the server's clock. On a
busy machine trust CPU and ratios before seconds.

Nothing here asserts a time; it exits with 1 if a row is lost, doubled or silently empty.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve()
SERVER = HERE.parent.parent / "fast_server.py"
LATENCY = ("--latency", "0.3", "--sigma", "0.8", "--capacity", "64")
LOST: list[str] = []


def prompts(count: int) -> list[str]:
    return [
        f"In two sentences, tell the people of town {i * 31 % 97} about number {i} and use {i * 7919 % 1009}."
        for i in range(count)
    ]


@contextmanager
def server(*flags: str) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, str(SERVER), *flags], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def stats(url: str) -> dict:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as said:
        return json.load(said)


def span_of(url: str) -> float:
    """Return the seconds from the first request to the last answer; not a number if nobody asked."""
    return stats(url)["span"] or math.nan


def recipe(folder: Path, url: str, count: int, version: str = "0.1.0", **settings: object) -> Path:
    seeds = folder / f"seeds{count}.jsonl"
    if not seeds.exists():
        seeds.write_text("".join(json.dumps({"instruction": prompt}) + "\n" for prompt in prompts(count)))
    asked = {"url": url, "model": "loopback", "concurrency": 64, **settings}
    steps = [{"seed": {"path": str(seeds)}}, {"generate": {"teacher": asked}}, {"emit": {}}]
    file = folder / "recipe.yaml"
    file.write_text(json.dumps({"name": "bench", "version": version, "steps": steps}))
    return file


class Ran(NamedTuple):
    wall: float
    cpu: float
    peak_mb: float
    said: str


def run(*command: str) -> Ran:
    """Run a command to its end; what it says is shown if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(f"exit code {process.returncode}: {said[-2000:]}", file=sys.stderr)
    return Ran(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said)


def build_command(file: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "builder", "build", str(file), "--out", str(out)]


def build(file: Path, out: Path) -> Ran:
    return run(*build_command(file, out))


def bare(url: str, count: int, in_flight: int = 64, timeout: float = 60) -> Ran:
    return run(sys.executable, str(HERE), "--bare", url, str(count), str(in_flight), str(timeout))


async def bare_client(url: str, count: int, in_flight: int, timeout: float) -> None:
    import aiohttp

    # loops over one list, not a task a prompt under a semaphore: 100,000 waiting tasks would make a poor rival
    left, came = iter(prompts(count)), {"answered": 0, "empty": 0, "failed": 0}
    patience = aiohttp.ClientTimeout(total=timeout)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=patience) as session:

        async def one() -> None:
            for prompt in left:
                body = {"model": "loopback", "messages": [{"role": "user", "content": prompt}], "max_tokens": 1024}
                try:
                    async with session.post(f"{url}/chat/completions", json=body, raise_for_status=True) as said:
                        text = (await said.json())["choices"][0]["message"]["content"]
                    came["answered" if text else "empty"] += 1
                except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
                    came["failed"] += 1

        await asyncio.gather(*(one() for _ in range(in_flight)))
    print(json.dumps(came))


class Rows(NamedTuple):
    sha: str = ""
    rejected: int = 0
    missing: int = 0
    doubled: int = 0
    empty: int = 0


def rows(out: Path, count: int, version: str = "0.1.0") -> Rows:
    """Hold what was emitted and rejected against the prompts."""
    folder = out / "bench" / version
    if not (folder / "manifest.json").exists():
        LOST.append(f"{out.name}: no dataset")
        return Rows(missing=count)
    # in a process of its own: the peak memory of a child starts from ours, and pyarrow would make that 160 MB
    held = Rows(*json.loads(run(sys.executable, str(HERE), "--rows", str(folder), str(count)).said))
    if held.missing or held.doubled or held.empty:
        LOST.append(f"{out.name}: of {count} rows {held.missing} missing, {held.doubled} doubled, {held.empty} empty")
    return held


def read_rows(folder: Path, count: int) -> Rows:
    import pyarrow.parquet as pq

    file = folder / "sft" / "train.parquet"
    table = pq.read_table(file).to_pylist()
    asked = {row["messages"][0]["content"] for row in table}
    empty = sum(not row["messages"][-1]["content"].strip() for row in table)
    rejected = pq.read_table(folder / "rejects.parquet").num_rows
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    missing = count - len(asked & set(prompts(count))) - rejected
    return Rows(sha, rejected, missing, len(table) - len(asked), empty)


def line(what: str, ours: str, theirs: str = "", ratio: str = "", goal: str = "") -> None:
    print(f"{what:<52}{ours:>14}{theirs:>14}{ratio:>9}   {goal}", flush=True)


def seconds(what: str, ours: float, theirs: float, goal: str = "") -> None:
    line(what, f"{ours:.2f} s", f"{theirs:.2f} s", f"{ours / theirs:.3f}", goal)


def rate(what: str, ours: float, theirs: float, goal: str = "") -> None:
    line(what, f"{ours:,.0f}/s", f"{theirs:,.0f}/s", f"{ours / theirs:.3f}", goal)


def cpu(what: str, ours: Ran, theirs: Ran, count: int, goal: str = "") -> None:
    each = [1000 * ran.cpu / count for ran in (ours, theirs)]
    line(what, f"{each[0]:.2f} ms", f"{each[1]:.2f} ms", f"{each[0] / each[1]:.2f}", goal)


def _span(count: int, folder: Path, goal_span: str = "", goal_wall: str = "", goal_bare: str = "") -> None:
    ideal, out = _ideal(count), folder / f"out{count}"
    with server(*LATENCY) as url:
        theirs = bare(url, count)
        bare_span = span_of(url)
    with server(*LATENCY) as url:
        ours = build(recipe(folder, url, count), out)
        our_span = span_of(url)
    rows(out, count)
    seconds(f"{count:,} prompts, request span", our_span, bare_span, goal_span)
    seconds("  whole command", ours.wall, theirs.wall, goal_bare)
    seconds("  whole command against ideal (not bare)", ours.wall, ideal, goal_wall)
    cpu("  CPU a call, start-up included", ours, theirs, count, "<= 2 ms")
    line("  peak memory", f"{ours.peak_mb:.0f} MB", f"{theirs.peak_mb:.0f} MB")


def _ideal(count: int) -> float:
    sys.path.insert(0, str(SERVER.parent))
    from fast_server import Behaviour

    here = Behaviour(0.3, 0.8)
    return sum(map(here.seconds, prompts(count))) / 64


def span(folder: Path) -> None:
    _span(2_000, folder, goal_span="<= 1.02", goal_wall="<= 1.5")


def large(folder: Path) -> None:
    _span(10_000, folder, goal_bare="<= 1.08")


def longest_first(folder: Path) -> None:
    """A second build with another temperature: the ledger knows how long each prompt's answer was."""
    count, ideal, out = 2_000, _ideal(2_000), folder / "order"
    with server(*LATENCY) as url:
        build(recipe(folder, url, count), out)
    with server(*LATENCY) as url:
        build(recipe(folder, url, count, "0.2.0", temperature=0.5), out)
        took = span_of(url)
    rows(out, count, "0.2.0")
    with server(*LATENCY) as url:
        bare(url, count)
        bare_span = span_of(url)
    seconds("2,000 prompts, longest answers first, request span", took, bare_span, "< 1.00")
    seconds("  against ideal (not bare)", took, ideal, "~ 1.00")


def _ceiling(count: int, folder: Path) -> None:
    out = folder / f"ceiling{count}"
    with server() as url:
        theirs = bare(url, count, 512)
        bare_span = span_of(url)
    with server() as url:
        ours = build(recipe(folder, url, count, concurrency=512), out)
        our_span = span_of(url)
    rows(out, count)
    rate(f"{count:,} at an instant server, 512 in flight", count / our_span, count / bare_span, ">= 900/s")
    rate("  over the whole command", count / ours.wall, count / theirs.wall)
    cpu("  CPU a call, start-up included", ours, theirs, count)
    line("  peak memory", f"{ours.peak_mb:.0f} MB", f"{theirs.peak_mb:.0f} MB")


def ceiling(folder: Path) -> None:
    _ceiling(20_000, folder)


def ceiling_large(folder: Path) -> None:
    _ceiling(100_000, folder)


def kill(folder: Path) -> None:
    count = 2_000
    with server(*LATENCY) as url:
        whole, out = folder / "whole", folder / "killed"
        build(recipe(folder, url, count, alias="bench"), whole)
    with server(*LATENCY) as url:
        file = recipe(folder, url, count, alias="bench")
        if not _killed_half_way(build_command(file, out), url, count):
            LOST.append("kill -9: the build ended before it could be killed")
            return
        while stats(url)["in_flight"]:  # answers on their way to the dead are paid for
            time.sleep(0.05)
        listed, unheard = _listed(out, folder), stats(url)["unheard"]
        build(file, out)
        again = stats(url)["paid_again"]
    held, undisturbed = rows(out, count), rows(whole, count)
    same = held.sha == undisturbed.sha != ""
    line("kill -9 half-way, run again: answers paid twice", str(again), "", "", f"<= {listed} listed in flight")
    line("  answers on their way when it was killed", str(unheard))
    line("  rows missing, doubled", f"{held.missing}, {held.doubled}", "", "", "0, 0")
    line("  same bytes as an undisturbed build", "yes" if same else "NO", "", "", "yes")
    if again > listed or not same:
        LOST.append(f"kill -9: {again} paid twice, {listed} listed in flight, same bytes: {same}")


def _killed_half_way(command: list[str], url: str, count: int) -> bool:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        while stats(url)["prompts_paid"] < count // 2:
            if process.poll() is not None:
                return False
            time.sleep(0.05)
        return True
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listed(out: Path, folder: Path) -> int:
    """Count the attempts without an end, in a copy: to open a ledger is to mend it."""
    copied = folder / "copied"
    copied.mkdir()
    for file in out.glob("ledger.db*"):
        shutil.copy(file, copied)
    with closing(sqlite3.connect(copied / "ledger.db")) as ledger:
        return ledger.execute("SELECT count(*) FROM attempts WHERE outcome IS NULL").fetchone()[0]


@cache
def _clean(folder: Path, count: int) -> float:
    with server(*LATENCY) as url:
        return build(recipe(folder, url, count), folder / "clean").wall


def _faulty(
    what: str, folder: Path, drawn: list[str], goal: str, more: tuple[str, ...] = (), timeout: int = 60
) -> None:
    count, out, clean = 500, folder / what, _clean(folder, 500)
    flags = [*LATENCY, *more, *(part for fault in drawn for part in ("--fault", fault))]
    with server(*flags) as url:
        theirs = bare(url, count, timeout=timeout)
    with server(*flags) as url:
        ours = build(recipe(folder, url, count, timeout=timeout), out)
        outcomes = stats(url)["outcomes"]
    held, came = rows(out, count), json.loads(theirs.said)
    line(f"{what}: whole command", f"{ours.wall:.2f} s", f"{theirs.wall:.2f} s")
    seconds("  against the same without faults (not bare)", ours.wall, clean, goal)
    line("  rejected with a reason; failed", str(held.rejected), str(came["failed"]))
    line("  rows missing, doubled", f"{held.missing}, {held.doubled}", "", "", "0, 0")
    line("  silently empty", str(held.empty), str(came["empty"]), "", "0")
    print("  calls: " + ", ".join(f"{number} {kind}" for kind, number in outcomes.items()))


def faults(folder: Path) -> None:
    drawn = ["500=0.05", "429=0.05", "reset=0.02"]
    _faulty("5% 500 + 5% 429 + 2% reset", folder, drawn, "<= 1.5")
    _faulty("the same, Retry-After 1", folder, drawn, "", ("--retry-after", "1"))


def hangs(folder: Path) -> None:
    _faulty("1% hang, timeout 5 s", folder, ["hang=0.01"], "", timeout=5)


def bodies(folder: Path) -> None:
    _faulty("12% malformed, empty, null", folder, ["malformed=0.04", "empty=0.04", "null=0.04"], "")


def million(folder: Path) -> None:
    """Is memory flat? The gate alone, a million calls streamed through it."""
    for count in (100_000, 1_000_000):
        with server() as url:
            wall, cpu, peak, _ = run(sys.executable, str(HERE), "--gate", url, str(count), str(folder / f"{count}.db"))
            took = span_of(url)
        line(
            f"{count:,} calls through the gate",
            f"{count / took:,.0f}/s",
            f"{peak:.0f} MB",
            "",
            f"{1000 * cpu / count:.2f} ms a call, {wall:.0f} s",
        )


def gate_alone(url: str, count: int, ledger: str) -> None:
    from builder.config import TeacherConfig
    from builder.context import Context
    from builder.ledger import Ledger
    from builder.teacher import gate, make

    teacher = make(TeacherConfig(url=url, model="loopback", concurrency=512))
    stream = (gate.request(teacher, [{"role": "user", "content": f"Tell me about {i}."}], 0) for i in range(count))
    with Ledger(Path(ledger)) as held:
        faults = gate.ask_streams([stream], Context(0, Path(), held), "asking", count)
        assert not faults and held.attempts() == {"answered": count}


SCENARIOS = {
    "span": span,
    "longest_first": longest_first,
    "ceiling": ceiling,
    "kill": kill,
    "faults": faults,
    "hangs": hangs,
    "bodies": bodies,
    "large": large,
    "ceiling_large": ceiling_large,
    "million": million,
}
_LONG = ("large", "ceiling_large", "million")


def main() -> None:
    if sys.argv[1:2] == ["--bare"]:
        return asyncio.run(bare_client(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
    if sys.argv[1:2] == ["--rows"]:
        return print(json.dumps(read_rows(Path(sys.argv[2]), int(sys.argv[3]))))
    if sys.argv[1:2] == ["--gate"]:
        return gate_alone(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    names = sys.argv[1:] or [name for name in SCENARIOS if name not in _LONG]
    if unknown := set(names) - set(SCENARIOS):
        sys.exit(f"no such scenario: {', '.join(unknown)}; there are {', '.join(SCENARIOS)}")
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} before the first line")
    line("", "ours", "bare", "ratio", "goal")
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        for name in names:
            SCENARIOS[name](folder)
    finally:
        shutil.rmtree(folder)
    for what in LOST:
        print(f"LOST: {what}")
    return sys.exit(bool(LOST))


if __name__ == "__main__":
    main()
