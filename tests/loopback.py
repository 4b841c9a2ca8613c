"""An OpenAI-compatible server of our own: strict in what it takes, deterministic in what it says, faulty on demand.

    with loopback.server(faults={"429": 0.1}) as here:
        ...                                # ask here.url
    here.paid["Name three fruits."]        # how often that prompt was answered with HTTP 200

    python tests/loopback.py --port 8000 --latency 0.3 --fault 500=0.05 --fault reset=0.02

What goes wrong is drawn from the prompt and the number of its attempt, so a run can be repeated, and a retry may
succeed. `GET /v1/models` costs nothing; `GET /stats` gives the counts as JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FAULTS = (
    *("400", "401", "403", "404", "429", "500", "503", "529"),  # as HTTP status
    *("reset", "hang", "cut"),  # the connection is reset, never answered, closed in the middle of the body
    *("empty", "null", "blank", "surrogate"),  # HTTP 200 with such a text
    *("malformed", "html", "no_choices", "no_usage", "bad_usage"),  # HTTP 200 with such a body
    *("content_filter", "length"),  # as finish_reason
    "short",  # fewer answers than asked for
)
ANSWERED = ("ok", "length", "no_usage", "bad_usage", "short")
"""What counts as paid and usable."""

_SUBJECTS = "The river|A good answer|Every gardener|The old town|Our teacher|This method|The committee|A traveller"
_VERBS = "explains|prefers|carries|remembers|changes|describes|needs|follows"
_OBJECTS = "the first of three reasons|a small but useful detail|what the map does not show|the colour of the sky"
_OBJECTS += "|bread, salt and olives|a longer way around the hill|one question at a time|the work of many hands"


@dataclass
class Loopback:
    """How the server behaves, and what it has seen."""

    seed: int = 0
    models: tuple[str, ...] = ("loopback",)
    key: str | None = None
    """The key to demand; None lets everybody in."""
    faults: Mapping[str, float] = field(default_factory=dict)
    """Share of the attempts that go wrong, by fault."""
    fail_first: int = 0
    """So many attempts of every prompt go wrong, with `fail_with`."""
    fail_with: str = "500"
    behave: Callable[[str, int], str | None] | None = None
    """(prompt, attempt from 0) -> fault or None; instead of the three above."""
    retry_after: str | None = None
    """What Retry-After says on 429 and 503."""
    latency: float = 0.0
    """Median seconds an answer takes, lognormal."""
    sigma: float = 0.5
    answer: Callable[[list[dict], random.Random], str] | None = None
    reasoning: str | None = None
    """What is handed out as reasoning beside every answer."""
    cached: int = 0
    """So many tokens of every prompt are said to have been cached."""
    snapshot: str | None = None
    """The model that is said to have answered."""
    url: str = ""
    in_flight: int = 0
    most_in_flight: int = 0
    log: list[dict] = field(default_factory=list)
    """One entry a call: prompt, attempt, outcome, body, authorization."""
    complaints: list[str] = field(default_factory=list)
    """What was wrong with the requests, as a strict provider would say."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def calls(self) -> int:
        return len(self.log)

    @property
    def asked(self) -> Counter[str]:
        return Counter(entry["prompt"] for entry in self.log)

    @property
    def paid(self) -> Counter[str]:
        return Counter(entry["prompt"] for entry in self.log if entry["outcome"] in ANSWERED)

    def stats(self) -> dict:
        with self.lock:
            outcomes = Counter(entry["outcome"] for entry in self.log)
            again = sum(count - 1 for count in self.paid.values())
            return {
                "calls": self.calls,
                "outcomes": dict(outcomes),
                "prompts_paid": len(self.paid),
                "paid_again": again,
                "most_in_flight": self.most_in_flight,
                "complaints": self.complaints[:20],
            }

    def draw(self, *parts: object) -> random.Random:
        return random.Random(json.dumps([self.seed, *parts]))

    def fault(self, prompt: str, attempt: int) -> str | None:
        if self.behave is not None:
            return self.behave(prompt, attempt)
        if attempt < self.fail_first:
            return self.fail_with
        lot = self.draw("fault", prompt, attempt).random()
        for fault, share in self.faults.items():
            lot -= share
            if lot < 0:
                return fault
        return None

    def text(self, messages: list[dict]) -> str:
        rng = self.draw("text", messages)
        messages = [message for message in messages if "role" in message]
        if self.answer is not None:
            return self.answer(messages, rng)
        pick = [words.split("|") for words in (_SUBJECTS, _VERBS, _OBJECTS)]
        count = rng.randint(2, 6)
        return " ".join(" ".join(rng.choice(words) for words in pick) + "." for _ in range(count))


def wrong_with(body: object, models: tuple[str, ...]) -> tuple[int, str] | None:
    """Say what is wrong with the body of a chat completion, as (status, sentence)."""
    if not isinstance(body, dict):
        return 400, "the body must be a JSON object"
    if not 1 <= body.get("n", 1) <= 128 or body.get("stream"):
        return 400, "1 to 128 answers at a time, not streamed"
    if "prompt" in body:
        return wrong_with_completion(body, models)
    known = {
        *("model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p"),
        *("n", "stop", "stream", "seed"),
        *("frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "response_format"),
    }
    if unknown := sorted(set(body) - known):
        return 400, f"unknown fields: {unknown}"
    if body.get("model") not in models:
        return 404, f"the model {body.get('model')!r} does not exist"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return 400, "messages must be a list that is not empty"
    for message in messages:
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            return 400, "a message has a role and a content and nothing else"
        if message["role"] not in ("system", "user", "assistant"):
            return 400, f"unknown role {message['role']!r}"
        if not isinstance(message["content"], str) or not message["content"]:
            return 400, "a content must be text that is not empty"
    if messages[-1]["role"] != "user":
        return 400, "the last message must be the user's"
    numbers = (("temperature", 0, 2), ("top_p", 0, 1), ("frequency_penalty", -2, 2), ("presence_penalty", -2, 2))
    for name, low, high in numbers:
        value = body.get(name, low)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            return 400, f"{name} must be between {low} and {high}; found {value!r}"
    if type(body.get("max_tokens", 1)) is not int or body.get("max_tokens", 1) < 1:
        return 400, f"max_tokens must be a whole number from 1; found {body.get('max_tokens')!r}"
    if not isinstance(body.get("stop"), (str, list, type(None))):
        return 400, "stop must be text or a list"
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        return 400, "top_logprobs needs logprobs"
    form = body.get("response_format")
    if form is not None and not (form["type"] == "json_schema" and form["json_schema"].keys() >= {"name", "schema"}):
        return 400, "response_format must be a json_schema with a name and a schema"
    return None


def wrong_with_completion(body: dict, models: tuple[str, ...]) -> tuple[int, str] | None:
    """Say what is wrong with the body of a text completion."""
    if unknown := sorted(set(body) - {"model", "prompt", "max_tokens", "temperature", "top_p", "n", "stop", "seed"}):
        return 400, f"unknown fields: {unknown}"
    if body.get("model") not in models:
        return 404, f"the model {body.get('model')!r} does not exist"
    if not isinstance(body["prompt"], str) or not body["prompt"]:
        return 400, "prompt must be text that is not empty"
    return None


class Handler(BaseHTTPRequestHandler):
    """OpenAI's protocol; the servers of other protocols inherit what is not the protocol's."""

    base = "/v1"
    """What the base URL ends on."""
    paths = ("/v1/chat/completions", "/v1/completions")
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format, *args):
        pass

    def do_GET(self):
        here = self.server.here
        if self.path == "/stats":
            self._send(200, here.stats())
        elif self.path.rstrip("/") != "/v1/models":
            self._error(404, f"no such page: {self.path}")
        elif self._let_in():
            self._send(200, {"object": "list", "data": [{"id": m, "object": "model"} for m in here.models]})

    def do_POST(self):
        here = self.server.here
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path not in self.paths:
            return self._error(404, f"no such page: {self.path}")
        if not self._let_in():
            return None
        try:
            body = json.loads(raw)
            wrong = self._wrong_with(body)
        except ValueError as error:
            wrong = 400, f"not JSON: {error}"
        if wrong:
            with here.lock:
                here.complaints.append(wrong[1])
            return self._error(*wrong)
        prompt = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
        with here.lock:
            attempt = here.asked[prompt] if here.behave or here.fail_first or here.faults else 0
            fault = here.fault(prompt, attempt)
            entry = {"prompt": prompt, "attempt": attempt, "outcome": fault or "ok", "body": body}
            here.log.append(entry | {"authorization": self.headers.get("Authorization")})
            here.in_flight += 1
            here.most_in_flight = max(here.most_in_flight, here.in_flight)
        try:
            if here.latency:
                wait = here.latency * here.draw("latency", prompt).lognormvariate(0, here.sigma)
                here.stopped.wait(wait)
        finally:
            with here.lock:
                here.in_flight -= 1
        return self._answer(body, fault)

    def _wrong_with(self, body: object) -> tuple[int, str] | None:
        return wrong_with(body, self.server.here.models)

    def _let_in(self) -> bool:
        key = self.server.here.key
        if key is None or self.headers.get("Authorization") == f"Bearer {key}":
            return True
        self._error(401, f"Incorrect API key provided: {self.headers.get('Authorization')}")
        return False

    def _answer(self, body: dict, fault: str | None) -> None:
        here = self.server.here
        if fault == "hang":
            here.stopped.wait(30)
            self.close_connection = True
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RD)
        elif fault is not None and fault.isdigit():
            self._error(int(fault), f"this attempt was to fail with {fault}: {self.headers.get('Authorization')}")
        elif fault == "html":
            self._send_raw(200, "<html>the gateway is confused</html>", "text/html")
        elif fault == "malformed":
            self._send_raw(200, '{"content": "so')
        else:
            completion = json.dumps(self._completion(body, fault))
            self._send_raw(200, completion, cut=fault == "cut")

    def _said(self, messages: list[dict], most: int | None, fault: str | None) -> tuple[str | None, str, int, int]:
        """Return (text, finish reason, tokens asked, tokens said); a word is a token."""
        words = self.server.here.text(messages).split(" ")
        most = most or len(words)
        reason = "length" if len(words) > most else "stop"
        text: str | None = " ".join(words[:most])
        text = {"empty": "", "null": None, "blank": " \n", "surrogate": "half a \ud83d"}.get(fault or "", text)
        if fault == "content_filter":
            text, reason = None, fault
        elif fault == "length":
            text, reason = " ".join(words[: len(words) // 2]), fault
        asked = sum(len(message["content"].split()) for message in messages)
        return text, reason, asked, len((text or "").split())

    def _completion(self, body: dict, fault: str | None) -> dict:
        whole = "prompt" in body
        messages = [{"role": "user", "content": body["prompt"]}] if whole else body["messages"]
        count = body.get("n", 1)
        choices, total = [], 0
        for index in range(count // 2 if fault == "short" else count):
            drawn = [*messages, {"draw": index, "content": ""}] if index else messages
            text, reason, asked, said = self._said(drawn, body.get("max_tokens"), fault)
            total += said
            message = {"role": "assistant", "content": text}
            if self.server.here.reasoning is not None:
                message["reasoning_content"] = self.server.here.reasoning
            said_as = {"text": f" {text}"} if whole else {"message": message}
            choices.append({"index": index, "finish_reason": reason, **said_as})
        usage = {"prompt_tokens": asked, "completion_tokens": total, "total_tokens": asked + total}
        if self.server.here.cached:
            usage["prompt_tokens_details"] = {"cached_tokens": min(asked, self.server.here.cached)}
        kind = "text_completion" if whole else "chat.completion"
        completion = {"id": "c", "object": kind, "created": 0, "model": self.server.here.snapshot or body["model"]}
        completion |= {"choices": choices, "usage": usage}
        if fault == "no_choices":
            completion["choices"] = []
        elif fault == "no_usage":
            del completion["usage"]
        elif fault == "bad_usage":
            completion["usage"] = {"prompt_tokens": "many", "completion_tokens": 10**30}
        return completion

    def _error(self, status: int, said: str) -> None:
        waits = {}
        if status in (429, 503, 529) and self.server.here.retry_after is not None:
            waits["Retry-After"] = self.server.here.retry_after
        self._send(status, self._error_body(status, said), waits)

    def _error_body(self, status: int, said: str) -> dict:
        return {"error": {"message": said, "type": "error", "code": status}}

    def _send(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        self._send_raw(status, json.dumps(body), headers=headers)

    def _send_raw(self, status, text, kind="application/json", headers=None, cut=False):
        data = text.encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if cut else data)
        except OSError:  # the client has left
            self.close_connection = True
        if cut:
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024
    here: Loopback

    def handle_error(self, request, client_address):
        """A client that leaves is no error of the server's."""


def start(here: Loopback, port: int = 0, handler: type[Handler] = Handler) -> _Server:
    """Bind and serve in a thread."""
    listening = _Server(("127.0.0.1", port), handler)
    listening.here = here
    here.url = f"http://127.0.0.1:{listening.server_address[1]}{handler.base}"
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return listening


@contextmanager
def server(port: int = 0, handler: type[Handler] = Handler, **behaviour) -> Iterator[Loopback]:
    """Serve while the block runs; `behaviour` are the fields of Loopback."""
    if unknown := set(behaviour.get("faults", {})) - set(FAULTS):
        raise ValueError(f"no such fault: {unknown}")
    here = Loopback(**behaviour)
    listening = start(here, port, handler)
    try:
        yield here
    finally:
        here.stopped.set()
        listening.shutdown()
        listening.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--key")
    parser.add_argument("--latency", type=float, default=0.0, help="median seconds, lognormal")
    parser.add_argument("--sigma", type=float, default=0.5)
    parser.add_argument("--retry-after")
    parser.add_argument("--fail-first", type=int, default=0)
    parser.add_argument("--fault", action="append", default=[], metavar="KIND=SHARE", help=", ".join(FAULTS))
    given = parser.parse_args()
    faults = {kind: float(share) for kind, _, share in (fault.partition("=") for fault in given.fault)}
    behaviour = {"seed": given.seed, "key": given.key, "latency": given.latency, "sigma": given.sigma}
    behaviour |= {"retry_after": given.retry_after, "fail_first": given.fail_first, "faults": faults}
    if given.model:
        behaviour["models"] = tuple(given.model)
    with server(given.port, **behaviour) as here:
        print(here.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(json.dumps(here.stats(), indent=2))


if __name__ == "__main__":
    main()
