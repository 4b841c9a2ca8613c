"""What a server or a client gave back, read: an answer, or a fault sorted by what can be done about it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from builder.ledger import Answer, Usage
from builder.teacher import Fault, Reply
from builder.teacher.patience import UNFIT

WITHHELD = ("content_filter", "refusal")
"""Finish reasons of a provider that will not hand the answer out; asking again brings the same."""
_MOST_TOKENS = 10**12
"""A count beyond this is no count, and sums of such would overflow the ledger's."""
_PAID_OUT = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")

SchemaCheck = Callable[[str], str | None]
"""Text -> what is wrong with it under the recipe's JSON Schema; None if it is valid."""


def schema_check(schema: Mapping[str, Any] | None) -> SchemaCheck:
    """Compile a JSON Schema to a check of answers; no schema, no complaint.

    Raises:
        Exception: it is no JSON Schema, or refers to one elsewhere.
    """
    if schema is None:
        return lambda text: None
    import fastjsonschema

    def refuse(uri: str) -> None:
        raise ValueError(f"$ref to {uri}: nothing is fetched; put it into the schema")

    validate = fastjsonschema.compile(dict(schema), handlers=dict.fromkeys(("http", "https", "file", "ftp"), refuse))

    def check(text: str) -> str | None:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return "not JSON"
        try:
            validate(value)
        except fastjsonschema.JsonSchemaException as error:
            return str(error.message).replace("data", "the answer", 1)
        return None

    return check


def completion(raw: bytes, asked: str, is_valid: SchemaCheck = lambda text: None) -> Reply:
    """Read the body of a chat or text completion: its answers in order, those that are sound.

    Args:
        raw: the body.
        asked: the model that was asked.
        is_valid: the recipe's JSON Schema.

    Raises:
        Fault: the body cannot be read, or none of its choices is an answer; the first one's fault.
    """
    try:
        body = json.loads(raw)
        usage = _usage(body.get("usage"))
    except (ValueError, AttributeError, RecursionError) as error:
        raise Fault("malformed", f"{type(error).__name__}: {error}: {_start(raw)}", retry=True) from None
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Fault("malformed", f"a body without choices: {_start(raw)}", retry=True, usage=usage)
    said = body.get("model")
    served_by = said if isinstance(said, str) and said != asked and is_unicode(said) else None
    answers, faults = [], []
    for choice in choices:
        try:
            text, reason, reasoning = _choice(choice)
            text = sound(text, reason, usage)
            if text is not None and reason != "length" and (wrong := is_valid(text)):
                raise Fault(UNFIT, wrong, retry=True, usage=usage)
        except Fault as fault:
            faults.append(fault)
            continue
        except (KeyError, TypeError, AttributeError) as error:
            what = f"{type(error).__name__}: {error}: {_start(raw)}"
            faults.append(Fault("malformed", what, retry=True, usage=usage))
            continue
        alone = usage if len(choices) == 1 else Usage()  # of several answers nobody says which used what
        answers.append(
            Answer(text, reason, alone.input_tokens, alone.output_tokens, alone.cached_tokens, reasoning, served_by)
        )
    if not answers:
        raise faults[0]
    return Reply(answers, usage)


def _choice(choice: Any) -> tuple[Any, str | None, str | None]:
    """Return (text, finish reason, reasoning) of a choice of either endpoint."""
    reason = choice.get("finish_reason")
    reason = reason if isinstance(reason, str) and is_unicode(reason) else None
    if "message" not in choice:  # a completion begins with the space or line break that parts it from its prompt
        return choice["text"].strip() if isinstance(choice["text"], str) else None, reason, None
    message = choice["message"] or {}
    text = message.get("content")
    if isinstance(text, list):  # parts, as some servers send them
        text = "".join(part["text"] for part in text if part.get("type") == "text")
    if message.get("refusal") and not text:
        reason = "refusal"
    thought = message.get("reasoning_content") or message.get("reasoning")
    return text, reason, thought if isinstance(thought, str) and is_unicode(thought) else None


def _usage(said: Any) -> Usage:
    if not isinstance(said, Mapping):
        return Usage()
    details = said.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else None
    return Usage(count(said.get("prompt_tokens")), count(said.get("completion_tokens")), count(cached))


def count(said: Any) -> int | None:
    """Return a count that can be one; None for what cannot."""
    if type(said) is float and said.is_integer():
        said = int(said)
    return said if type(said) is int and 0 <= said <= _MOST_TOKENS else None


def sound(text: Any, reason: str | None, usage: Usage) -> str | None:
    """Return a text that can stand in a dataset; None where the provider withheld it or had no room left for it.

    Raises:
        Fault: nothing was said, or what was said is no text.
    """
    if reason in WITHHELD:
        return None
    if not isinstance(text, str) or not text.strip():
        if reason == "length":  # all of max_tokens went on reasoning: asking again costs as much and brings as little
            return None
        raise Fault("empty", f"no text came back (finish_reason {reason})", retry=True, usage=usage)
    if not is_unicode(text):
        raise Fault("malformed", "half of a character pair in the text", retry=True, usage=usage)
    return text


def answer(output: Any) -> Reply:
    """Read one generation out of distilabel's output; nothing said is a fault, never an empty row."""
    generations = output.get("generations") or []
    statistics = output.get("statistics") or {}

    def tokens(name: str) -> int | None:
        return count((statistics.get(name) or [None])[0])

    usage = Usage(tokens("input_tokens"), tokens("output_tokens"))
    reason = output.get("finish_reason") if isinstance(output.get("finish_reason"), str) else None
    text = sound(generations[0] if generations else None, reason, usage)
    thought = output.get("reasoning")
    thought = thought if isinstance(thought, str) and is_unicode(thought) else None
    return Reply([Answer(text, reason, usage.input_tokens, usage.output_tokens, reasoning=thought)], usage)


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written to a file; JSON can carry half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def http_fault(status: int, headers: Mapping[str, str], said: str, secret: str) -> Fault:
    """Sort an HTTP error by its status."""
    detail = quiet(said, secret)
    paid_out = status == 402 or (status == 429 and any(code in said for code in _PAID_OUT))
    fatal = status in (401, 403, 404) or paid_out
    retry = not fatal and (status in (408, 409, 425, 429) or status >= 500)
    return Fault(f"http {status}", detail, retry=retry, fatal=fatal, wait=_wait(headers))


def fault(error: Exception, secret: str) -> Fault:
    """Sort a client's exception by what can be done about it."""
    if isinstance(error, Fault):
        return error
    detail = quiet(str(error), secret) or type(error).__name__
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    if isinstance(status, int) and status >= 400:
        return http_fault(status, getattr(response, "headers", None) or {}, detail, secret)
    name = type(error).__name__
    if "Timeout" in name:
        return Fault("timeout", detail, retry=True)
    transport = any(base.__name__ == "TransportError" for base in type(error).__mro__)  # httpx: reset, cut short
    if "Connect" in name or transport or isinstance(error, OSError):
        cause = quiet(str(error.__cause__ or ""), secret)
        return Fault("connection", f"{detail} ({cause})" if cause not in detail else detail, retry=True)
    if name == "ValidationError" and getattr(error, "title", "").endswith("generate"):
        return Fault("argument", detail, fatal=True)  # distilabel holds our arguments against its signature
    # What is left comes from reading the body: not JSON, a field missing, a wrong type.
    return Fault("malformed", f"{name}: {detail}", retry=True)


def quiet(said: str, secret: str) -> str:
    """Return one line of what was said, without the key: a server may repeat it."""
    said = said.encode("utf-8", "backslashreplace").decode()
    said = said.replace(secret, "***") if secret else said
    return " ".join(said.split())[:500]


def _start(raw: bytes) -> str:
    return " ".join(raw[:80].decode("utf-8", "replace").split())


def _wait(headers: Mapping[str, str]) -> float:
    """Read Retry-After: seconds, or the date to wait for. 0 where it says nothing that can be read."""
    said = headers.get("Retry-After") or headers.get("retry-after")
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
