"""A server of Ollama's own protocol: strict in what it takes, faulty on demand like the one it inherits from."""

from contextlib import AbstractContextManager

import loopback

_KNOWN = {"model", "messages", "stream", "options", "tools", "format", "keep_alive", "think"}
_OPTIONS = {
    "num_predict": int,
    "num_ctx": int,
    "seed": int,
    "top_k": int,
    "temperature": float,
    "top_p": float,
    "min_p": float,
    "repeat_penalty": float,
    "frequency_penalty": float,
    "presence_penalty": float,
    "stop": list,
}


def wrong_with(body: object, models: tuple[str, ...]) -> tuple[int, str] | None:
    """Say what is wrong with the body of a chat, as (status, sentence)."""
    if not isinstance(body, dict):
        return 400, "the body must be a JSON object"
    if unknown := sorted(set(body) - _KNOWN):
        return 400, f"unknown fields: {unknown}"
    if body.get("model") not in models:
        return 404, f"model '{body.get('model')}' not found"
    if body.get("stream") is not False:
        return 400, "stream is true where it is not said; one answer, not streamed"
    for name, value in (body.get("options") or {}).items():
        kind = _OPTIONS.get(name)
        if kind is None:
            return 400, f"unknown option {name!r}"
        if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else kind):
            return 400, f'option "{name}" must be of type {kind.__name__}'
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return 400, "messages must be a list that is not empty"
    for message in messages:
        if message.get("role") not in ("system", "user", "assistant") or not isinstance(message.get("content"), str):
            return 400, "a message has a role and a content"
    return None


class Handler(loopback.Handler):
    base = ""
    paths = ("/api/chat",)

    def do_GET(self):
        here = self.server.here
        if self.path != "/api/tags":
            self._error(404, "404 page not found")
        elif self._let_in():
            self._send(200, {"models": [{"name": model, "model": model} for model in here.models]})

    def _wrong_with(self, body):
        return wrong_with(body, self.server.here.models)

    def _completion(self, body, fault):
        most = (body.get("options") or {}).get("num_predict")
        text, reason, asked, said = self._said(body["messages"], most, fault)
        answer = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": reason}
        if fault != "no_choices":
            answer["message"] = {"role": "assistant", "content": text}
        if fault == "bad_usage":
            return answer | {"prompt_eval_count": -1, "eval_count": 10**30}
        return answer if fault == "no_usage" else answer | {"prompt_eval_count": asked, "eval_count": said}

    def _error_body(self, status, said):
        return {"error": said}


def server(**behaviour) -> AbstractContextManager[loopback.Loopback]:
    """Serve while the block runs; `behaviour` are the fields of Loopback."""
    return loopback.server(handler=Handler, **behaviour)
