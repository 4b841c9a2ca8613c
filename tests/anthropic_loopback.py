"""A server of Anthropic's Messages protocol: strict in what it takes, faulty on demand like the one it inherits from.

with anthropic_loopback.server(key="k") as here:
    ...                                # ask here.url with x-api-key: k
"""

from contextlib import AbstractContextManager

import loopback

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
_KNOWN = {"model", "messages", "max_tokens", "system", "stop_sequences", "stream", "thinking"}
_VERSIONS = {"2023-06-01": _KNOWN | {"temperature", "top_p", "top_k"}, "2026-10-21": _KNOWN}
"""API version -> the fields it knows; the client sends the newer one unless it is told otherwise."""


def wrong_with(body: object, models: tuple[str, ...], version: str | None) -> tuple[int, str] | None:
    """Say what is wrong with the body of a message, as (status, sentence)."""
    if version not in _VERSIONS:
        return 400, f"anthropic-version: found {version!r}"
    if not isinstance(body, dict):
        return 400, "the body must be a JSON object"
    if unknown := sorted(set(body) - _VERSIONS[version]):
        return 400, f"{unknown[0]}: Extra inputs are not permitted"
    if missing := sorted({"model", "messages", "max_tokens"} - set(body)):
        return 400, f"{missing[0]}: Field required"
    if body["model"] not in models:
        return 404, f"model: {body['model']}"
    if type(body["max_tokens"]) is not int or body["max_tokens"] < 1:
        return 400, f"max_tokens: must be a whole number from 1; found {body['max_tokens']!r}"
    if not isinstance(body.get("system", ""), str) or body.get("stream"):
        return 400, "system: text; stream: false"
    for name, high in (("temperature", 1), ("top_p", 1)):
        value = body.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= high:
            return 400, f"{name}: must be from 0 to {high}; found {value!r}"
    if "temperature" in body and "top_p" in body:
        return 400, "`temperature` and `top_p` cannot both be specified for this model"
    stops = body.get("stop_sequences", [])
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop.strip() for stop in stops):
        return 400, "stop_sequences: a list of texts that are not blank"
    return _wrong_with_messages(body["messages"])


def _wrong_with_messages(messages: object) -> tuple[int, str] | None:
    if not isinstance(messages, list) or not messages:
        return 400, "messages: at least one message is required"
    for i, message in enumerate(messages):
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            return 400, f"messages.{i}: a role and a content and nothing else"
        if message["role"] != ("user", "assistant")[i % 2]:
            return 400, f"messages.{i}: roles alternate and begin with the user's; found {message['role']!r}"
        if not isinstance(message["content"], str) or not message["content"].strip():
            return 400, f"messages.{i}: text content blocks must be non-empty"
    return None if len(messages) % 2 else (400, "messages: the last one must be the user's")


class Handler(loopback.Handler):
    base = ""
    paths = ("/v1/messages",)

    def _wrong_with(self, body):
        return wrong_with(body, self.server.here.models, self.headers.get("anthropic-version"))

    def _let_in(self):
        here = self.server.here
        said = [key for key in (self.headers.get("x-api-key"), self.headers.get("Authorization")) if key]
        if len(said) != 1:
            here.complaints.append(f"{len(said)} keys")
        if here.key is None or said in ([here.key], [f"Bearer {here.key}"]):  # the client sends the latter since 2.0
            return True
        self._error(401, f"invalid x-api-key: {said}")
        return False

    def _completion(self, body, fault):
        text, reason, asked, said = self._said(body["messages"], body["max_tokens"], fault)
        blocks = [{"type": "text", "text": text}]
        if fault in ("no_choices", "content_filter"):
            blocks = []
        elif fault == "thought":
            blocks.insert(0, {"type": "thinking", "thinking": "Let me see.", "signature": "s"})
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"]}
        message |= {"content": blocks, "stop_reason": _REASONS[reason], "stop_sequence": None}
        usage = {"input_tokens": asked, "output_tokens": said}
        if fault == "bad_usage":
            usage = {"input_tokens": "many", "output_tokens": 10**30}
        return message if fault == "no_usage" else message | {"usage": usage}

    def _error_body(self, status, said):
        return {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": said}}


def server(**behaviour) -> AbstractContextManager[loopback.Loopback]:
    """Serve while the block runs; `behaviour` are the fields of Loopback."""
    return loopback.server(handler=Handler, **behaviour)
