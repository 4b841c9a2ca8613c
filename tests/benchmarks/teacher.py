"""How well a build drives its teacher, side by side with a bare client on the same server and the same prompts.

    python tests/benchmarks/teacher.py                          all but the longest
    python tests/benchmarks/teacher.py span large ceiling …     some: see SCENARIOS

The server's latency is lognormal, mean 300 ms, sigma 0.8, capacity 64; all clients keep 64 in flight. `ideal` is the
work divided by 64. The bare client is a loop of asyncio and aiohttp under a semaphore, in a process of its own.
Nothing here asserts a time; it exits with 1 if a row is lost or doubled.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
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
from contextlib import contextmanager
from pathlib import Path

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


def recipe(folder: Path, url: str, count: int, version: str = "0.1.0", **settings: object) -> Path:
    seeds = folder / f"seeds{count}.jsonl"
    if not seeds.exists():
        seeds.write_text("".join(json.dumps({"instruction": prompt}) + "\n" for prompt in prompts(count)))
    asked = {"url": url, "model": "loopback", "concurrency": 64, **settings}
    steps = [{"seed": {"path": str(seeds)}}, {"generate": {"teacher": asked}}, {"emit": {}}]
    file = folder / "recipe.yaml"
    file.write_text(json.dumps({"name": "bench", "version": version, "steps": steps}))
    return file


def run(*command: str) -> tuple[float, float, float, int]:
    """Run a command; return (wall seconds, CPU seconds, peak MB, exit code)."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(said[-2000:], file=sys.stderr)
    wall = time.perf_counter() - started
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, process.returncode


def build(file: Path, out: Path) -> tuple[float, float, float, int]:
    return run(sys.executable, "-m", "builder", "build", str(file), "--out", str(out))


def bare(url: str, count: int, in_flight: int = 64) -> tuple[float, float, float, int]:
    return run(sys.executable, str(HERE), "--bare", url, str(count), str(in_flight))


async def bare_client(url: str, count: int, in_flight: int) -> None:
    import aiohttp

    places = asyncio.Semaphore(in_flight)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(prompt: str) -> None:
            body = {"model": "loopback", "messages": [{"role": "user", "content": prompt}], "max_tokens": 1024}
            async with places, session.post(f"{url}/chat/completions", json=body) as said:
                await said.json()

        await asyncio.gather(*map(one, prompts(count)))


def rows(out: Path, count: int, version: str = "0.1.0") -> str:
    """Hold the emitted rows against the prompts; return the hash of the file."""
    import pyarrow.parquet as pq

    file = out / "bench" / version / "sft" / "train.parquet"
    table = pq.read_table(file).to_pylist()
    asked = sorted(row["messages"][0]["content"] for row in table)
    empty = sum(not row["messages"][-1]["content"].strip() for row in table)
    rejected = pq.read_table(file.parent.parent / "rejects.parquet").num_rows
    if len(set(asked)) != len(asked) or len(asked) + rejected != count or empty:
        LOST.append(f"{out}: {len(asked)} rows + {rejected} rejected of {count}, {empty} empty")
    return hashlib.file_digest(file.open("rb"), "sha256").hexdigest()


def line(what: str, ours: str, theirs: str = "", ratio: str = "", goal: str = "") -> None:
    print(f"{what:<52}{ours:>14}{theirs:>14}{ratio:>9}   {goal}", flush=True)


def _span(count: int, folder: Path, goal_span: str = "", goal_wall: str = "", goal_bare: str = "") -> None:
    ideal = _ideal(count)
    with server(*LATENCY) as url:
        theirs = bare(url, count)
        bare_span = stats(url)["span"]
    with server(*LATENCY) as url:
        ours = build(recipe(folder, url, count), folder / f"out{count}")
        our_span = stats(url)["span"]
    rows(folder / f"out{count}", count)
    ratio = f"{our_span / bare_span:.3f}"
    line(f"{count:,} prompts, request span", f"{our_span:.2f} s", f"{bare_span:.2f} s", ratio, goal_span)
    line(
        "  whole command against the bare one's", f"{ours[0]:.2f} s", f"{theirs[0]:.2f} s", f"{ours[0] / theirs[0]:.3f}"
    )
    line("  whole command against ideal", f"{ours[0]:.2f} s", f"{ideal:.2f} s", f"{ours[0] / ideal:.3f}", goal_wall)
    each = [1000 * cpu / count for cpu in (ours[1], theirs[1])]
    line("  CPU a call, start-up included", f"{each[0]:.2f} ms", f"{each[1]:.2f} ms", "", "<= 2 ms")
    line("  peak memory", f"{ours[2]:.0f} MB", f"{theirs[2]:.0f} MB")


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
        took = stats(url)["span"]
    rows(out, count, "0.2.0")
    spans = f"{took:.2f} s", f"{ideal:.2f} s", f"{took / ideal:.3f}"
    line("2,000 prompts, longest answers first, against ideal", *spans, "~ 1.00")
    with server(*LATENCY) as url:
        bare(url, count)
        bare_span = stats(url)["span"]
    line("  against the bare client's span", f"{took:.2f} s", f"{bare_span:.2f} s", f"{took / bare_span:.3f}", "< 1.00")


def ceiling(folder: Path) -> None:
    for count in (20_000, 100_000):
        with server() as url:
            theirs = bare(url, count, 512)
            bare_span = stats(url)["span"]
        with server() as url:
            ours = build(recipe(folder, url, count, concurrency=512), folder / f"ceiling{count}")
            our_span = stats(url)["span"]
        rows(folder / f"ceiling{count}", count)
        rates = f"{count / our_span:,.0f}/s", f"{count / bare_span:,.0f}/s"
        line(f"{count:,} at an instant server, 512 in flight", *rates, f"{bare_span / our_span:.2f}", ">= 900/s")
        line("  peak memory", f"{ours[2]:.0f} MB", f"{theirs[2]:.0f} MB")


def kill(folder: Path) -> None:
    count = 2_000
    with server(*LATENCY) as url:
        whole = folder / "whole"
        file = recipe(folder, url, count, alias="bench")
        build(file, whole)
    with server(*LATENCY) as url:
        file, out = recipe(folder, url, count, alias="bench"), folder / "killed"
        command = [sys.executable, "-m", "builder", "build", str(file), "--out", str(out)]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while stats(url)["prompts_paid"] < count // 2:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(3)  # answers on their way to the dead are paid for
        lost = (
            sqlite3.connect(out / "ledger.db").execute("SELECT count(*) FROM attempts WHERE outcome IS NULL").fetchone()
        )
        build(file, out)
        again = stats(url)["paid_again"]
    same = rows(out, count) == rows(whole, count)
    line("kill -9 half-way, run again: answers paid twice", str(again), f"{lost[0]} listed", "", "<= those listed")
    line("  same bytes as an undisturbed build", "yes" if same else "NO")
    if again > lost[0] or not same:
        LOST.append("kill -9 lost or doubled an answer")


def _faulty(what: str, folder: Path, faults: list[str], goal: str, **settings: object) -> None:
    count, walls = 500, []
    for name, flags in (("clean", []), ("faulty", faults)):
        with server(*LATENCY, *flags) as url:
            out = folder / f"{what.split()[0]}-{name}"
            walls.append(build(recipe(folder, url, count, **settings), out)[0])
            outcomes = stats(url)["outcomes"]
        rows(out, count)
    drawn = ", ".join(f"{n} {kind}" for kind, n in outcomes.items())
    line(f"{what}: against the clean run", f"{walls[1]:.2f} s", f"{walls[0]:.2f} s", f"{walls[1] / walls[0]:.2f}", goal)
    print(f"    {drawn}")


def faults(folder: Path) -> None:
    drawn = ["500=0.05", "429=0.05", "reset=0.02"]
    flags = [part for fault in drawn for part in ("--fault", fault)]
    _faulty("5% 500 + 5% 429 + 2% reset", folder, flags, "<= 1.5")
    _faulty("the same, Retry-After 1", folder, [*flags, "--retry-after", "1"], "")


def hangs(folder: Path) -> None:
    _faulty("1% hang, timeout 5 s", folder, ["--fault", "hang=0.01"], "within the deadline", timeout=5)


def bodies(folder: Path) -> None:
    drawn = ["malformed=0.04", "empty=0.04", "null=0.04"]
    _faulty("12% malformed, empty, null", folder, [p for f in drawn for p in ("--fault", f)], "0 silent")


def million(folder: Path) -> None:
    """Is memory flat? The gate alone, a million calls streamed through it."""
    for count in (100_000, 1_000_000):
        with server() as url:
            wall, cpu, peak, _ = run(sys.executable, str(HERE), "--gate", url, str(count), str(folder / f"{count}.db"))
            took = stats(url)["span"]
        rate = f"{count / took:,.0f}/s"
        line(
            f"{count:,} calls through the gate",
            rate,
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
    "million": million,
}
_LONG = ("large", "million")


def main() -> None:
    if sys.argv[1:2] == ["--bare"]:
        return asyncio.run(bare_client(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    if sys.argv[1:2] == ["--gate"]:
        return gate_alone(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    line("", "ours", "bare", "ratio", "goal")
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        for name in sys.argv[1:] or [name for name in SCENARIOS if name not in _LONG]:
            SCENARIOS[name](folder)
    finally:
        shutil.rmtree(folder)
    for what in LOST:
        print(f"LOST: {what}")
    return sys.exit(bool(LOST))


if __name__ == "__main__":
    main()
