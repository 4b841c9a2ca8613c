"""An OpenAI-compatible server for benchmarks: HTTP by hand on asyncio, cheap enough never to be what is measured.

    python tests/fast_server.py --port 8000 --latency 0.3 --sigma 0.8 --capacity 64 --fault 500=0.05 --log calls.jsonl

How long an answer takes is lognormal with that MEAN, a function of the messages' text alone, so that every client is
given the same work. Beyond the capacity it answers 429. Faults are drawn from that text and the number of the attempt.
GET /stats gives the counts. The log, one line a call, is written when the server is told to end and on GET
/stats?flush=1. It takes one request at a time on a connection, and no chunked bodies.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import signal
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from pathlib import Path

FAULTS = ("500", "429", "reset", "hang", "malformed", "empty", "null", "cut")
PATHS = (b"/v1/chat/completions", b"/v1/completions")
TOKENS_A_SECOND = 200
_FIRST = "river answer garden teacher method map reason bread olive stone winter road letter song field hand"
_SECOND = "holds finds keeps turns needs shows moves takes gives meets calls reads builds draws opens sees"
_PHRASES = [f"{first} {second}" for first in _FIRST.split() for second in _SECOND.split()]
"""A pair of words for each byte of a hash: 32 bytes are a text of 64 words, another one for every prompt."""


@dataclass(slots=True)
class Call:
    """One request."""

    prompt: str
    """The text of the messages, joined by line breaks; it decides everything."""
    sha: bytes
    words: int
    model: str
    n: int
    chat: bool
    came: float
    attempt: int = 0
    fault: str | None = None


@dataclass
class Behaviour:
    """What the server does and what it has seen."""

    latency: float = 0.0
    sigma: float = 0.8
    capacity: int = 1_000_000
    faults: dict[str, float] = field(default_factory=dict)
    retry_after: str | None = None
    log: Path | None = None
    in_flight: int = 0
    most_in_flight: int = 0
    calls: int = 0
    unheard: int = 0
    """Answers, usable and so paid, to clients that had left."""
    attempts: Counter[bytes] = field(default_factory=Counter)
    paid: Counter[bytes] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    first: float = 0.0
    last: float = 0.0
    lines: list[tuple] = field(default_factory=list)

    def seconds(self, prompt: str) -> float:
        """Return how long an answer to a prompt takes."""
        if not self.latency:
            return 0.0
        return _draw("latency", prompt).lognormvariate(math.log(self.latency) - self.sigma**2 / 2, self.sigma)

    def fault(self, prompt: str, attempt: int) -> str | None:
        """Draw what goes wrong with an attempt."""
        if not self.faults:
            return None
        lot = _draw("fault", prompt, attempt).random()
        for name, share in self.faults.items():
            lot -= share
            if lot < 0:
                return name
        return None

    def note(self, call: Call, outcome: str, tokens: int = 0) -> None:
        """Count how a call ended."""
        went = time.time()
        self.outcomes[outcome] += 1
        if outcome not in ("reset", "hang"):
            self.last = went
        if outcome == "ok":
            self.paid[call.sha] += 1
        if self.log:
            self.lines.append((call.came, went, call.sha.hex(), call.attempt, outcome, call.n, tokens))

    def stats(self) -> dict:
        again = sum(self.paid.values()) - len(self.paid)
        counts = {"calls": self.calls, "prompts_paid": len(self.paid), "paid_again": again, "unheard": self.unheard}
        counts |= {"in_flight": self.in_flight, "most_in_flight": self.most_in_flight, "outcomes": dict(self.outcomes)}
        return counts | {"first": self.first, "last": self.last, "span": self.last - self.first}

    def flush(self) -> None:
        """Append to the log what it does not hold yet."""
        if not self.log:
            return
        names = ("came", "went", "sha", "attempt", "outcome", "n", "tokens")
        with self.log.open("a") as file:
            file.writelines(json.dumps(dict(zip(names, line, strict=True))) + "\n" for line in self.lines)
        self.lines.clear()


def _draw(*parts: object) -> random.Random:
    return random.Random(blake2b(repr(parts).encode(), digest_size=8).digest())


def parse(path: bytes, raw: bytes) -> Call:
    body = json.loads(raw)
    chat = path == PATHS[0]
    text = "\n".join([message["content"] for message in body["messages"]]) if chat else body["prompt"]
    sha = sha256(text.encode("utf-8", "surrogatepass")).digest()
    return Call(text, sha, len(text.split()), body["model"], body.get("n", 1), chat, time.time())


def completion(call: Call, tokens: int) -> bytes:
    """Return the body of an answer; by hand, since json.dumps would cost more than all the rest."""
    choices = []
    for index in range(call.n):
        hashed = call.sha if index == 0 else sha256(call.sha + index.to_bytes(4)).digest()
        text = '"' + " ".join([_PHRASES[byte] for byte in hashed]).capitalize() + '."'
        text = {"empty": '""', "null": "null"}.get(call.fault or "", text)
        said = f'"message": {{"role": "assistant", "content": {text}}}' if call.chat else f'"text": {text}'
        choices.append(f'{{"index": {index}, "finish_reason": "stop", {said}}}')
    kind = "chat.completion" if call.chat else "text_completion"
    usage = f'"prompt_tokens": {call.words}, "completion_tokens": {tokens}, "total_tokens": {call.words + tokens}'
    head = f'"id": "c", "object": "{kind}", "created": 0, "model": {json.dumps(call.model)}'
    return f'{{{head}, "choices": [{", ".join(choices)}], "usage": {{{usage}}}}}'.encode()


class Connection(asyncio.Protocol):
    """One client's connection, kept alive."""

    def __init__(self, here: Behaviour, loop: asyncio.AbstractEventLoop) -> None:
        self.here, self.loop, self.buffer = here, loop, b""
        self.hanging: Call | None = None

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, exc):
        if self.hanging:  # the client's patience has ended; its place is free
            self.here.in_flight -= 1
            self.here.note(self.hanging, "hang")

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            at = head.find(b"Content-Length:")
            if at < 0:
                at = head.lower().find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + size:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + size], self.buffer[end + 4 + size :]
            method, path, _ = head.split(b"\r\n", 1)[0].split(b" ")
            if method == b"POST" and path in PATHS:
                self.ask(path, body)
            else:
                self.look(path)

    def look(self, path: bytes) -> None:
        if path == b"/v1/models":
            return self.send(200, b'{"object": "list", "data": [{"id": "loopback", "object": "model"}]}')
        if path not in (b"/stats", b"/stats?flush=1"):
            return self.refuse(404, "no such page")
        if path.endswith(b"flush=1"):
            self.here.flush()
        return self.send(200, json.dumps(self.here.stats()).encode())

    def ask(self, path: bytes, raw: bytes) -> None:
        here = self.here
        try:
            call = parse(path, raw)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self.refuse(400, f"not understood: {error!r}")
        here.calls += 1
        here.first = here.first or call.came
        call.attempt = here.attempts[call.sha]
        if here.in_flight >= here.capacity:
            here.note(call, "busy")
            return self.refuse(429, "busy", here.retry_after or "1")
        here.attempts[call.sha] += 1
        call.fault = here.fault(call.prompt, call.attempt)
        here.in_flight += 1
        here.most_in_flight = max(here.most_in_flight, here.in_flight)
        if call.fault == "hang":
            self.hanging = call
        elif seconds := here.seconds(call.prompt):
            self.loop.call_later(seconds, self.answer, call, seconds)
        else:
            self.answer(call, 0.0)
        return None

    def answer(self, call: Call, seconds: float) -> None:
        here, fault = self.here, call.fault
        here.in_flight -= 1
        if fault == "reset":
            here.note(call, fault)
            return self.reset()
        if fault in ("500", "429"):
            here.note(call, fault)
            return self.refuse(int(fault), "as it was drawn", here.retry_after if fault == "429" else None)
        tokens = call.n * (round(TOKENS_A_SECOND * seconds) + 1 if seconds else 64)
        here.note(call, fault or "ok", tokens)
        here.unheard += fault is None and self.transport.is_closing()
        said = b'{"choices": [{"message": {"con' if fault == "malformed" else completion(call, tokens)
        return self.send(200, said, cut=fault == "cut")

    def refuse(self, status: int, why: str, retry_after: str | None = None) -> None:
        wait = f"Retry-After: {retry_after}\r\n" if retry_after else ""
        self.send(status, json.dumps({"error": {"message": why, "type": "error", "code": status}}).encode(), wait)

    def reset(self) -> None:
        # without lingering, or closing would end the stream in good order
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def send(self, status: int, said: bytes, headers: str = "", cut: bool = False) -> None:
        if self.transport.is_closing():
            return
        head = f"HTTP/1.1 {status} S\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(said)}\r\n\r\n"
        self.transport.write(head.encode() + (said[: len(said) // 2] if cut else said))
        if cut:
            self.transport.close()


async def serve(here: Behaviour, port: int) -> None:
    """Serve until SIGTERM, then write the log."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    server = await loop.create_server(lambda: Connection(here, loop), "127.0.0.1", port, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await told.wait()
    here.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="mean seconds; 0 answers at once")
    parser.add_argument("--sigma", type=float, default=0.8)
    parser.add_argument("--capacity", type=int, default=1_000_000)
    parser.add_argument("--retry-after", help="of drawn 429s too; by default only of those beyond the capacity, 1")
    parser.add_argument("--fault", action="append", default=[], metavar="KIND=SHARE", help=", ".join(FAULTS))
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    faults = {kind: float(share) for kind, _, share in (fault.partition("=") for fault in given.fault)}
    if unknown := set(faults) - set(FAULTS):
        parser.error(f"no such fault: {unknown}")
    if given.log:
        given.log.write_text("")
    asyncio.run(
        serve(Behaviour(given.latency, given.sigma, given.capacity, faults, given.retry_after, given.log), given.port)
    )


if __name__ == "__main__":
    main()
