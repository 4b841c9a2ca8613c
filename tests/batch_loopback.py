"""OpenAI's files and batches over `loopback`: strict about the protocol, finished when the test says so.

    with batch_loopback.server(looks=2) as here:       # a batch is done at the third look
        ...                                            # ask here.url
    here.paid["Name three fruits."]                    # in how many batches that prompt was answered, and so billed

A batch is billed when it is made, seen or not. Lines come back in another order than they went in.

    python tests/batch_loopback.py --port 8000 --looks 3
"""

from __future__ import annotations

import argparse
import email.parser
import email.policy
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from loopback import ANSWERED, Handler, Loopback, start, wrong_with

ENDPOINT = "/v1/chat/completions"
LINE_FAULTS = ("missing", "garbled", "unanswered")
"""Beside loopback's: no line, a line that is no JSON, nothing of it before the batch expired."""


@dataclass
class BatchLoopback(Loopback):
    """How the batches go, and what was seen of them."""

    looks: int = 0
    """A batch has ended at the look after so many."""
    ends: Callable[[int], str] | str = "completed"
    """How the n-th batch (from 0) ends: completed, expired, cancelled, failed, queue."""
    page: int = 100
    """Batches on one page of the list, at most."""
    on: Callable[[str], object] | None = None
    """Called with uploaded, creating, created, looking, listing, reading, before the response goes out. May return a
    status to answer with instead; what was made is made all the same."""
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    """Looks, by batch."""
    events: list[str] = field(default_factory=list)

    def ending(self, number: int) -> str:
        return self.ends if isinstance(self.ends, str) else self.ends(number)

    @property
    def keys(self) -> Counter[str]:
        """How many batches each custom_id was in."""
        lines = [line for batch in self.batches.values() for line in self.files[batch["input_file_id"]].splitlines()]
        return Counter(json.loads(line)["custom_id"] for line in lines)


class BatchHandler(Handler):
    """Files and batches; everything else as in `Handler`."""

    def do_GET(self):
        here, parts = self.server.here, urlsplit(self.path)
        if match := re.fullmatch(r"/v1/files/([^/]+)/content", parts.path):
            if not self._let_in() or self._interfered("reading"):
                return None
            raw = here.files.get(match[1])
            if raw is None:
                return self._error(404, f"no such file: {match[1]}")
            return self._send_raw(200, raw.decode(), "application/octet-stream")
        if match := re.fullmatch(r"/v1/batches/([^/]+)", parts.path):
            if not self._let_in() or self._interfered("looking"):
                return None
            if match[1] not in here.batches:
                return self._error(404, f"No batch found with id '{match[1]}'.")
            return self._send(200, self._looked_at(match[1]))
        if parts.path == "/v1/batches":
            return self._let_in() and not self._interfered("listing") and self._listed(parse_qs(parts.query))
        return super().do_GET()

    def do_POST(self):
        here = self.server.here
        if self.path not in ("/v1/files", "/v1/batches"):
            return super().do_POST()
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._let_in():
            return None
        made, wrong = self._uploaded(raw) if self.path == "/v1/files" else self._made(raw)
        if wrong:
            with here.lock:
                here.complaints.append(wrong)
            return self._error(400, wrong)
        return made is not None and self._send(200, made)

    def _interfered(self, event: str) -> bool:
        here = self.server.here
        with here.lock:
            here.events.append(event)
        status = here.on(event) if here.on is not None else None
        if isinstance(status, int):
            self._error(status, f"this {event} was to fail")
            return True
        return False

    def _uploaded(self, raw: bytes) -> tuple[dict | None, str]:
        here = self.server.here
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + raw)
        if form.get_content_type() != "multipart/form-data":
            return None, "a file comes as multipart/form-data"
        fields = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        if set(fields) != {"purpose", "file"} or fields["purpose"].get_payload(decode=True) != b"batch":
            return None, f"expected purpose=batch and a file; found {sorted(map(str, fields))}"
        if not fields["file"].get_filename():
            return None, "the file has no name"
        with here.lock:
            id = f"file-{len(here.files)}"
            here.files[id] = fields["file"].get_payload(decode=True)
        if self._interfered("uploaded"):
            return None, ""
        return {"id": id, "object": "file", "purpose": "batch", "bytes": len(here.files[id])}, ""

    def _made(self, raw: bytes) -> tuple[dict | None, str]:
        here, wanted = self.server.here, json.loads(raw)
        if set(wanted) != {"input_file_id", "endpoint", "completion_window", "metadata"}:
            return None, f"unknown or missing fields: {sorted(wanted)}"
        if wanted["endpoint"] != ENDPOINT or wanted["completion_window"] != "24h":
            return None, "the endpoint is for chat, the window is 24h"
        if not all(isinstance(part, str) for pair in wanted["metadata"].items() for part in pair):
            return None, "metadata holds text"
        if wanted["input_file_id"] not in here.files:
            return None, f"no such file: {wanted['input_file_id']}"
        if self._interfered("creating"):
            return None, ""
        with here.lock:
            number = len(here.batches)
            id = f"batch_{number}"
            here.batches[id] = {"id": id, "object": "batch", "status": "validating", **wanted}
        ending = here.ending(number)
        lines = [json.loads(line) for line in here.files[wanted["input_file_id"]].splitlines()]
        if wrong := self._wrong_with_lines(lines):
            ending, here.batches[id]["errors"] = "failed", self._why("invalid_request", wrong)
        elif ending in ("failed", "queue"):
            code = "token_limit_exceeded" if ending == "queue" else "billing_hard_limit"
            here.batches[id]["errors"], ending = self._why(code, "no more of these today"), "failed"
        self._work_off(here.batches[id], ending, [] if ending == "failed" else lines)
        here.batches[id]["total"] = len(lines)
        return (None, "") if self._interfered("created") else (self._shown(here.batches[id], ended=False), "")

    def _wrong_with_lines(self, lines: list[dict]) -> str:
        if not 0 < len(lines) <= 50_000:
            return "1 to 50,000 requests"
        if len({line["custom_id"] for line in lines}) < len(lines):
            return "a custom_id stands twice"
        for line in lines:
            if set(line) != {"custom_id", "method", "url", "body"} or (line["method"], line["url"]) != (
                "POST",
                ENDPOINT,
            ):
                return f"not a line of a batch: {line}"
            if not 0 < len(line["custom_id"]) <= 64:
                return "a custom_id has 1 to 64 characters"
            if wrong := wrong_with(line["body"], self.server.here.models):
                return wrong[1]
        return ""

    def _why(self, code: str, message: str) -> dict:
        return {"object": "list", "data": [{"code": code, "message": message, "param": None, "line": None}]}

    def _work_off(self, batch: dict, ending: str, lines: list[dict]) -> None:
        """Answer all lines at once; they are shown once the batch has ended."""
        here, output, errors = self.server.here, list[str](), list[str]()
        here.draw("order", batch["id"]).shuffle(lines)
        for line in lines:
            prompt = line["body"]["messages"][-1]["content"]
            with here.lock:
                attempt = here.asked[prompt] if here.behave or here.fail_first or here.faults else 0
                fault = here.fault(prompt, attempt)
                entry = {"prompt": prompt, "attempt": attempt, "outcome": fault or "ok", "body": line["body"]}
                here.log.append(entry | {"authorization": self.headers.get("Authorization"), "batch": batch["id"]})
            said = {"id": "r", "custom_id": line["custom_id"], "response": None, "error": None}
            if fault == "missing":
                continue
            if fault == "garbled":
                output.append('{"custom_id": "' + line["custom_id"])
            elif fault == "unanswered":
                code = f"batch_{ending}"
                errors.append(json.dumps(said | {"error": {"code": code, "message": "the window was over"}}))
            elif fault is not None and fault.isdigit():
                key = self.headers.get("Authorization")
                body = self._error_body(int(fault), f"this line was to fail with {fault}: {key}")
                errors.append(json.dumps(said | {"response": {"status_code": int(fault), "body": body}}))
            else:
                body = "so" if fault == "malformed" else self._completion(line["body"], fault)
                output.append(json.dumps(said | {"response": {"status_code": 200, "request_id": "q", "body": body}}))
        batch |= {"ending": ending, "done": len(output)}
        for name, text in (("output_file_id", output), ("error_file_id", errors)):
            if text:
                batch[name] = f"file-{name}-{batch['id']}"
                here.files[batch[name]] = ("\n".join(text) + "\n").encode()

    def _looked_at(self, id: str) -> dict:
        here = self.server.here
        with here.lock:
            ended = here.seen[id] >= here.looks
            here.seen[id] += 1
        return self._shown(here.batches[id], ended)

    def _shown(self, batch: dict, ended: bool) -> dict:
        here, told = self.server.here, dict(batch)
        ending, done, total = told.pop("ending"), told.pop("done"), told.pop("total")
        if not ended:
            done = done * here.seen[batch["id"]] // (here.looks + 1)
            told |= {"status": "in_progress", "output_file_id": None, "error_file_id": None, "errors": None}
        else:
            told["status"] = ending
        return told | {"request_counts": {"total": total, "completed": done, "failed": 0}}

    def _listed(self, query: dict) -> None:
        here = self.server.here
        if set(query) - {"limit", "after"} or not 1 <= int(query.get("limit", ["20"])[0]) <= 100:
            return self._error(400, f"unknown or wrong parameters: {query}")
        newest = list(reversed(here.batches))
        if after := query.get("after"):
            if after[0] not in here.batches:
                return self._error(404, f"no such batch: {after[0]}")
            newest = newest[newest.index(after[0]) + 1 :]
        size = min(here.page, int(query.get("limit", ["20"])[0]))
        shown = [self._shown(here.batches[id], ended=False) for id in newest[:size]]
        return self._send(200, {"object": "list", "data": shown, "has_more": len(newest) > size})


@contextmanager
def server(port: int = 0, **behaviour) -> Iterator[BatchLoopback]:
    """Serve while the block runs; `behaviour` are the fields of BatchLoopback."""
    here = BatchLoopback(**behaviour)
    listening = start(here, port, BatchHandler)
    try:
        yield here
    finally:
        here.stopped.set()
        listening.shutdown()
        listening.server_close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--looks", type=int, default=3)
    parser.add_argument("--key")
    given = parser.parse_args()
    with server(given.port, looks=given.looks, key=given.key) as here:
        print(here.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print(json.dumps(here.stats() | {"answered": [e for e in here.log if e["outcome"] in ANSWERED][-3:]}))


if __name__ == "__main__":
    main()
