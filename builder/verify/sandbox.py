"""Run a Python function that nobody has read in a process of its own, with everything but computing taken away.

The process has a bare environment, an empty folder, limits on time, memory and output, no further processes, and an
audit hook that ends it at the first file, socket, command or foreign import. It is told the arguments, never the
results that are expected. It needs the rlimits of Linux or macOS; where they are missing no code passes.
"""

import json
import subprocess
import sys
import tempfile
from typing import Any

SECONDS = 2  # of computing
PATIENCE = 5  # seconds by the clock, for code that sleeps
MEMORY = 512 * 2**20
OUTPUT = 2**20

CHILD = """
import json, os, resource, sys
import bisect, collections, copy, dataclasses, datetime, decimal, enum, fractions, functools, heapq, itertools, math
import operator, random, re, statistics, string, textwrap, time, typing, unicodedata
limits = json.loads(sys.stdin.readline())
task = json.loads(sys.stdin.readline())
results = os.fdopen(os.dup(1), "w")
sys.stdout = sys.stderr = open(os.devnull, "w")
for name, most in limits.items():
    resource.setrlimit(getattr(resource, name), (most, most))
if os.geteuid() == 0:  # what root may do no limit forbids
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.addaudithook(
    lambda event, args, allowed=frozenset(("compile", "exec", "object.__getattr__", "builtins.id")),
    loaded=frozenset(sys.modules), leave=os._exit:
        None if event in allowed or event == "import" and args[0] in loaded else leave(9)
)
space = {"__name__": "answer"}
exec(compile(task["code"], "answer", "exec"), space)
found = [space[task["function"]](*args) for args in task["calls"]]
json.dump(found, results)
results.flush()
os._exit(0)
"""


def call(code: str, function: str, calls: list[list[Any]]) -> list[Any] | None:
    """Return what the function gives for each list of arguments, as JSON data; None where it fails."""
    limits = {
        "RLIMIT_CPU": SECONDS,
        "RLIMIT_FSIZE": OUTPUT,
        "RLIMIT_NOFILE": 16,
        "RLIMIT_NPROC": 0,
        "RLIMIT_CORE": 0,
        **({} if sys.platform == "darwin" else {"RLIMIT_AS": MEMORY}),  # macOS refuses this one
    }
    task = json.dumps({"code": code, "function": function, "calls": calls})
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                [sys.executable, "-s", "-S", "-P", "-B", "-c", CHILD],
                input=f"{json.dumps(limits)}\n{task}\n".encode(),
                stdout=output,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env={"PYTHONHASHSEED": "0"},  # the same verdict every time for code that walks through a set
                timeout=PATIENCE,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            return None
        output.seek(0)
        return _results(output.read(OUTPUT)) if done.returncode == 0 else None


def _results(text: bytes) -> list[Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None
