"""What a client gave back, read: an answer, or a fault sorted by what can be done about it."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from builder.ledger import Answer
from builder.teacher import Fault


def answer(output: Any) -> Answer:
    """Read one generation out of distilabel's output; nothing said is a fault, never an empty row."""
    generations = output.get("generations") or []
    text = generations[0] if generations else None
    reason = output.get("finish_reason") if isinstance(output.get("finish_reason"), str) else None
    if not isinstance(text, str) or not text.strip():
        if reason == "content_filter":
            raise Fault("content filter", "the provider withheld the answer")
        raise Fault("empty", f"no text came back (finish_reason {reason})", retry=True)
    if not _is_unicode(text):
        raise Fault("malformed", "half of a character pair in the text", retry=True)
    statistics = output.get("statistics") or {}

    def tokens(name: str) -> int | None:
        counts = statistics.get(name) or [None]
        return counts[0] if type(counts[0]) is int and 0 <= counts[0] < 2**63 else None

    return Answer(text, reason, tokens("input_tokens"), tokens("output_tokens"))


def _is_unicode(text: str) -> bool:
    """Tell whether a text can be written to a file; JSON can carry half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def fault(error: Exception, secret: str) -> Fault:
    """Sort a client's exception by what can be done about it."""
    if isinstance(error, Fault):
        return error
    said = str(error).encode("utf-8", "backslashreplace").decode()
    said = said.replace(secret, "***") if secret else said
    detail = " ".join(said.split())[:500] or type(error).__name__
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    if isinstance(status, int):
        fatal = status in (401, 403, 404)
        retry = status in (408, 409, 425, 429) or status >= 500
        headers = getattr(response, "headers", None) or {}
        return Fault(f"http {status}", detail, retry=retry, fatal=fatal, wait=_wait(headers.get("retry-after")))
    name = type(error).__name__
    if "Timeout" in name:
        return Fault("timeout", detail, retry=True)
    if "Connect" in name or isinstance(error, OSError):
        cause = error.__cause__ or error
        return Fault("connection", f"{detail} ({cause})" if cause is not error else detail, retry=True)
    if name == "ValidationError" and getattr(error, "title", "").endswith("generate"):
        return Fault("argument", detail, fatal=True)  # distilabel holds our arguments against its signature
    # What is left comes from reading the body: not JSON, a field missing, a wrong type.
    return Fault("malformed", f"{name}: {detail}", retry=True)


def _wait(said: str | None) -> float:
    """Read Retry-After: seconds, or the date to wait for. 0 where it says nothing that can be read."""
    if not said:
        return 0.0
    try:
        wait = float(said)
    except ValueError:
        try:
            wait = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return max(0.0, wait) if math.isfinite(wait) else 0.0
