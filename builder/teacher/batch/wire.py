"""OpenAI's batch protocol: a file of requests goes in, a file of responses comes out, in any order, hours later.

    line(teacher, request)     one request as a line of the file
    upload, create             -> the file's id, the batch's
    look, find                 -> how far it is; whether there is one with our tag
    results                    -> by custom_id: a Reply or the Fault of that line

Every function raises Fault, sorted by what can be done about it, as a call does.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from builder.ledger.batches import QUEUE_FULL
from builder.teacher import Fault, Reply, replies

if TYPE_CHECKING:
    from builder.teacher.openai_http import OpenAITeacher

_ENDPOINT = "/v1/chat/completions"
_TRANSFER_SECONDS = 3600.0
"""For a file of up to 190 MB, either way."""
_PAGE = 100
_ENDED = ("completed", "failed", "expired", "cancelled")


class Look(NamedTuple):
    """A batch as the provider tells of it."""

    remote: str
    ended: str | None
    """completed, failed, expired or cancelled; None while it goes on."""
    answered: int
    """So many requests were answered so far."""
    files: tuple[str, ...]
    """Ids of its files of responses and of errors, once there are any."""
    errors: tuple[tuple[str, str], ...]
    """(code, sentence): why it failed as a whole."""


def line(teacher: OpenAITeacher, key: str, messages: Any, draw: int) -> bytes:
    """Return one line of the file; its custom_id is the ledger's key."""
    body = teacher.body(messages, [draw])
    # in ASCII: half of a character pair would make all of the file invalid, and some split lines at U+2028
    return json.dumps({"custom_id": key, "method": "POST", "url": _ENDPOINT, "body": body}).encode() + b"\n"


async def upload(teacher: OpenAITeacher, file: IO[bytes]) -> str:
    """Upload the requests; return the file's id. The file stays open for another try."""
    import aiohttp

    file.seek(0)
    with open(os.dup(file.fileno()), "rb") as opened:  # noqa: PTH123  the client closes what it has sent
        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", opened, filename="requests.jsonl", content_type="application/jsonl")
        return _id(await _json(teacher, "POST", "files", form, timeout=_TRANSFER_SECONDS))


async def create(teacher: OpenAITeacher, file_id: str, tag: str) -> str:
    """Make the batch of an uploaded file; return its id."""
    wanted = {
        "input_file_id": file_id,
        "endpoint": _ENDPOINT,
        "completion_window": "24h",
        "metadata": {"builder": tag},
    }
    return _id(await _json(teacher, "POST", "batches", json.dumps(wanted), {"Content-Type": "application/json"}))


async def look(teacher: OpenAITeacher, remote: str) -> Look:
    """Ask how far a batch is."""
    said = await _json(teacher, "GET", f"batches/{remote}")
    status, counts = said.get("status"), said.get("request_counts")
    answered = replies.count(counts.get("completed")) if isinstance(counts, Mapping) else None
    files = (said.get("output_file_id"), said.get("error_file_id"))
    errors = said.get("errors")
    listed = errors.get("data") if isinstance(errors, Mapping) else errors
    whys = [error for error in listed if isinstance(error, Mapping)] if isinstance(listed, list) else []
    return Look(
        remote,
        status if status in _ENDED else None,
        answered or 0,
        tuple(file for file in files if isinstance(file, str) and file),
        tuple((str(why.get("code")), teacher.quiet(str(why.get("message")))) for why in whys),
    )


async def find(teacher: OpenAITeacher, tag: str) -> str | None:
    """Look through all batches of the account for the one with our tag; return its id.

    A server that cannot list its batches has, as far as anybody can tell, none.
    """
    after, seen = "", set[str]()
    while True:
        try:
            said = await _json(teacher, "GET", f"batches?limit={_PAGE}{after}")
        except Fault as fault:
            if fault.kind in ("http 404", "http 405", "http 501"):
                return None
            raise
        listed = said.get("data")
        page = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
        for item in page:
            if isinstance(item.get("metadata"), Mapping) and item["metadata"].get("builder") == tag:
                return _id(item)
        last = str(page[-1].get("id")) if page else ""
        if not said.get("has_more") or not last or last in seen:
            return None
        seen.add(last)
        after = f"&after={last}"


async def results(teacher: OpenAITeacher, batch: Look, requests: Mapping[str, str]) -> dict[str, Reply | Fault]:
    """Fetch the files of a batch and read them.

    Args:
        teacher: whom to fetch them from.
        batch: it has ended.
        requests: key -> canonical JSON of what was asked, for all that lie in it.

    Returns:
        By key. Of a request that no line tells of, its batch tells: expired, cancelled, missing.
    """
    found: dict[str, Reply | Fault] = {}
    checks: dict[str, replies.SchemaCheck] = {}
    for file in batch.files:
        status, headers, raw = await teacher.send("GET", f"files/{file}/content", timeout=_TRANSFER_SECONDS)
        if status != 200:
            raise teacher.refusal(status, headers, raw)
        for said in _lines(raw):
            key = said.get("custom_id")
            if isinstance(key, str) and key in requests and not isinstance(found.get(key), Reply):
                found[key] = _result(teacher, said, json.loads(requests[key]), checks)
    return {key: found.get(key) or _untold(batch) for key in requests}


def _lines(raw: bytes) -> Iterator[Mapping[str, Any]]:
    for text in io.BytesIO(raw):
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):  # whose line this is nobody knows: that one is missing
            continue
        if isinstance(said, Mapping):
            yield said


def _result(
    teacher: OpenAITeacher, said: Mapping[str, Any], asked: Mapping[str, Any], checks: dict[str, replies.SchemaCheck]
) -> Reply | Fault:
    response, error = said.get("response"), said.get("error")
    if isinstance(response, Mapping) and isinstance(response.get("status_code"), int):
        raw = json.dumps(response.get("body")).encode()
        if response["status_code"] != 200:
            return teacher.refusal(response["status_code"], {}, raw)
        schema = json.dumps(asked.get("json_schema"))
        if schema not in checks:
            checks[schema] = replies.schema_check(asked.get("json_schema"))
        try:
            return replies.completion(raw, str(asked.get("model")), checks[schema])
        except Fault as fault:
            return fault
    if isinstance(error, Mapping):
        kind = {"batch_expired": "expired", "batch_cancelled": "cancelled"}.get(str(error.get("code")), "line error")
        return Fault(kind, teacher.quiet(f"{error.get('message')} ({error.get('code')})"), retry=True)
    return Fault("malformed", "a line without response and error", retry=True)


def _untold(batch: Look) -> Fault:
    if batch.ended == "failed":
        code, why = batch.errors[0] if batch.errors else ("", "the provider does not say why")
        no_room = code == "token_limit_exceeded"
        return Fault(QUEUE_FULL if no_room else "batch failed", why, retry=no_room, fatal=not no_room)
    if batch.ended in ("expired", "cancelled"):
        return Fault(batch.ended, f"batch {batch.remote} was {batch.ended} before it came to this request", retry=True)
    return Fault("missing", f"batch {batch.remote} brought no line for this request", retry=True)


def _id(said: Mapping[str, Any]) -> str:
    if not isinstance(said.get("id"), str) or not said["id"]:
        raise Fault("malformed", "a response without an id", retry=True)
    return str(said["id"])


async def _json(
    teacher: OpenAITeacher,
    method: str,
    path: str,
    data: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Mapping[str, Any]:
    status, told, raw = await teacher.send(method, path, data, headers, timeout)
    if status not in (200, 201):
        raise teacher.refusal(status, told, raw)
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, Mapping):
        raise Fault("malformed", "a response that is no JSON object", retry=True)
    return said
