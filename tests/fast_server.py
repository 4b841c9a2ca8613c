"""An OpenAI-compatible server for benchmarks: HTTP by hand on asyncio, cheap enough never to be what is measured.

    python tests/fast_server.py --port 8000 --latency 0.3 --sigma 0.8 --capacity 64 --fault 500=0.05 --log calls.jsonl

How long an answer takes is lognormal with that MEAN, a function of the prompt alone, so that every client is given the
same work. Beyond the capacity it answers 429. Faults are drawn from the prompt and the number of its attempt. GET
/stats gives the counts; the log (one line a call) is written when the server is told to end.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

FAULTS = ("500", "429", "reset", "hang", "malformed", "empty", "null", "cut")
_WORDS = ("river", "answer", "garden", "teacher", "method", "map", "reason", "bread", "olive", "stone", "winter")


@dataclass
class Behaviour:
    """What the server does and what it has seen."""

    latency: float = 0.0
    sigma: float = 0.8
    capacity: int = 1_000_000
    faults: dict[str, float] = field(default_factory=dict)
    retry_after: str | None = None
    in_flight: int = 0
    most_in_flight: int = 0
    calls: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    paid: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    first: float = 0.0
    last: float = 0.0
    log: list[tuple] = field(default_factory=list)

    def seconds(self, prompt: str) -> float:
        """Return how long an answer to a prompt takes."""
        if not self.latency:
            return 0.0
        return _draw("latency", prompt).lognormvariate(math.log(self.latency) - self.sigma**2 / 2, self.sigma)

    def fault(self, prompt: str) -> str | None:
        """Draw what goes wrong with the next attempt at a prompt."""
        if not self.faults:
            return None
        lot = _draw("fault", prompt, self.attempts[prompt]).random()
        for name, share in self.faults.items():
            lot -= share
            if lot < 0:
                return name
        return None

    def stats(self) -> dict:
        again = sum(count - 1 for count in self.paid.values())
        counts = {"calls": self.calls, "prompts_paid": len(self.paid), "paid_again": again}
        counts |= {"most_in_flight": self.most_in_flight, "outcomes": dict(self.outcomes)}
        return counts | {"first": self.first, "last": self.last, "span": self.last - self.first}


def _draw(*parts: object) -> random.Random:
    return random.Random(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest())


def prompt_of(body: dict) -> str:
    """Return the text that decides everything."""
    return body["prompt"] if "prompt" in body else body["messages"][-1]["content"]


class Connection(asyncio.Protocol):
    """One client's connection, kept alive; one request at a time."""

    def __init__(self, here: Behaviour) -> None:
        self.here, self.buffer = here, b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            at = head.lower().find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + size:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + size], self.buffer[end + 4 + size :]
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self.request(method, path, body)

    def request(self, method: str, path: str, raw: bytes) -> None:
        here = self.here
        if method == "GET":
            said = here.stats() if path == "/stats" else {"object": "list", "data": [{"id": "loopback"}]}
            return self.send(200, json.dumps(said).encode())
        if path not in ("/v1/chat/completions", "/v1/completions"):
            return self.send(404, b'{"error": {"message": "no such page"}}')
        body = json.loads(raw)
        prompt, came = prompt_of(body), time.time()
        here.calls += 1
        here.first = here.first or came
        if here.in_flight >= here.capacity:
            return self.end(429, b'{"error": {"message": "busy"}}', prompt, came, "busy")
        fault = here.fault(prompt)
        here.attempts[prompt] += 1
        here.in_flight += 1
        here.most_in_flight = max(here.most_in_flight, here.in_flight)
        seconds = here.seconds(prompt)
        if fault == "hang":
            seconds = 3600.0
        asyncio.get_running_loop().call_later(seconds, self.answer, body, prompt, came, fault)
        return None

    def answer(self, body: dict, prompt: str, came: float, fault: str | None) -> None:
        self.here.in_flight -= 1
        if fault == "reset":
            self.here.outcomes["reset"] += 1
            return self.transport.abort()
        if fault in ("500", "429"):
            return self.end(int(fault), b'{"error": {"message": "as it was drawn"}}', prompt, came, fault)
        said = b'{"choices": [{"message": {"con' if fault == "malformed" else self.completion(body, prompt, fault)
        return self.end(200, said, prompt, came, fault or "ok")

    def completion(self, body: dict, prompt: str, fault: str | None) -> bytes:
        seconds = self.here.seconds(prompt) or 0.3
        rng = _draw("text", prompt)
        text = {"empty": "", "null": None}.get(fault or "", " ".join(rng.choices(_WORDS, k=60)).capitalize() + ".")
        said = {"text": text} if "prompt" in body else {"message": {"role": "assistant", "content": text}}
        choices = [{"index": i, "finish_reason": "stop", **said} for i in range(body.get("n", 1))]
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": int(200 * seconds) + 1}
        return json.dumps({"id": "c", "model": body["model"], "choices": choices, "usage": usage}).encode()

    def end(self, status: int, said: bytes, prompt: str, came: float, outcome: str) -> None:
        here = self.here
        here.outcomes[outcome] += 1
        here.last = time.time()
        if outcome == "ok":
            here.paid[prompt] += 1
        here.log.append((came, here.last, outcome, prompt))
        self.send(status, said, cut=outcome == "cut")

    def send(self, status: int, said: bytes, cut: bool = False) -> None:
        if self.transport.is_closing():
            return
        wait = f"Retry-After: {self.here.retry_after}\r\n" if status == 429 and self.here.retry_after else ""
        head = f"HTTP/1.1 {status} S\r\nContent-Type: application/json\r\n{wait}Content-Length: {len(said)}\r\n\r\n"
        self.transport.write(head.encode() + (said[: len(said) // 2] if cut else said))
        if cut:
            self.transport.close()


async def serve(here: Behaviour, port: int, log: str | None) -> None:
    """Serve until SIGTERM, then write the log."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    server = await loop.create_server(lambda: Connection(here), "127.0.0.1", port, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await told.wait()
    if log:
        with open(log, "w") as file:  # noqa: PTH123
            for came, went, outcome, prompt in here.log:
                file.write(json.dumps({"came": came, "went": went, "outcome": outcome, "prompt": prompt}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="mean seconds; 0 answers at once")
    parser.add_argument("--sigma", type=float, default=0.8)
    parser.add_argument("--capacity", type=int, default=1_000_000)
    parser.add_argument("--retry-after")
    parser.add_argument("--fault", action="append", default=[], metavar="KIND=SHARE", help=", ".join(FAULTS))
    parser.add_argument("--log")
    given = parser.parse_args()
    faults = {kind: float(share) for kind, _, share in (fault.partition("=") for fault in given.fault)}
    if unknown := set(faults) - set(FAULTS):
        parser.error(f"no such fault: {unknown}")
    here = Behaviour(given.latency, given.sigma, given.capacity, faults, given.retry_after)
    asyncio.run(serve(here, given.port, given.log))


if __name__ == "__main__":
    main()
