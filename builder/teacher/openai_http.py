"""OpenAI's protocol, spoken directly: chat and completions, at any server that takes it.

vLLM, llama.cpp, Ollama, LM Studio, TGI, OpenRouter, Together and OpenAI itself answer here. One connection pool, no
hidden retries, nothing imported but aiohttp: a call costs the client a fraction of a millisecond. distilabel's class
for the same servers costs four seconds of import and a multiple per call, and has no word for completions, n, seeds,
JSON Schema, finish reasons and reasoning.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from builder import prompts
from builder.config import TeacherConfig
from builder.errors import InputError, Problem, TeacherError
from builder.providers import PROVIDERS
from builder.rows import Message
from builder.teacher import Fault, Reply, replies
from builder.teacher.keys import find_key

if TYPE_CHECKING:
    import aiohttp

_OPENAI = "https://api.openai.com/v1"
_PROBE_SECONDS = 10.0
_ARGUMENTS = ("max_tokens", "temperature", "top_p", "stop", "frequency_penalty", "presence_penalty", "seed")


class OpenAITeacher:
    """One model at one OpenAI-compatible server."""

    def __init__(self, config: TeacherConfig, json_schema: Mapping[str, Any] | None = None) -> None:
        self.config = config
        self.provider = config.provider or "openai"
        self.model = config.model or ""
        self.url = (config.url or PROVIDERS[self.provider].url or "").rstrip("/")
        self.name = f"{self.model} @ {config.alias or config.url}" if config.url else f"{self.provider}:{self.model}"
        if json_schema is not None and config.endpoint == "completions":
            what = "json_schema: the completions endpoint takes none"
            raise InputError([Problem("", 0, what, "use endpoint: chat")])
        self._schema = json_schema
        self._is_valid = replies.schema_check(json_schema)
        self._session: aiohttp.ClientSession | None = None
        self._secret = ""
        self._given = {name: value for name in _ARGUMENTS if (value := getattr(config, name)) is not None}
        self._transcript = prompts.transcript() if config.endpoint == "completions" else None
        if self._transcript is not None:  # a base model would go on to ask itself
            self._given.setdefault("stop", [prompts.NEXT_TURN])

    @property
    def server(self) -> tuple[str, str, str]:
        """Return (provider, base URL, model)."""
        return self.provider, self.url, self.model

    def identity(self) -> dict[str, Any]:
        """Return provider, base URL (or the alias that stands for it), model and every argument that is sent."""
        identity: dict[str, Any] = {
            "provider": self.provider,
            "base_url": self.url if self.config.alias is None else f"alias:{self.config.alias}",
            "model": self.model,
            "arguments": self._given | {name: v for name, v in self.config.extra.items() if v is not None},
        }
        if self._transcript is not None:
            identity |= {"endpoint": "completions", "transcript": self._transcript.hash}
        if self._schema is not None:
            identity["json_schema"] = self._schema
        return identity

    def body(self, messages: Sequence[Message], draws: Sequence[int]) -> dict[str, Any]:
        """Return the JSON that is sent for some draws of one prompt."""
        body: dict[str, Any] = {"model": self.model, **self._given, **self.config.extra}
        if self.config.seed is not None:  # or every draw would be the same
            body["seed"] = self.config.seed + draws[0]
        if len(draws) > 1:
            body["n"] = len(draws)
        if self._transcript is not None:
            return body | {"prompt": self._transcript.render(messages)}
        if self.url == _OPENAI:  # its newer models refuse the older name
            body["max_completion_tokens"] = body.pop("max_tokens")
        if self._schema is not None:
            wanted = {"name": "answer", "schema": self._schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return body | {"messages": list(messages)}

    async def open(self) -> None:
        """Find the key and see that somebody answers at the base URL; listing models costs nothing."""
        import aiohttp

        key = find_key(self.config, self.name)
        self._secret = key or ""
        headers = {"Authorization": f"Bearer {key}", "User-Agent": "instruct-builder"}
        proxy = _proxy(self.url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=None),  # the deadline of a call is its own
            headers=headers,
            proxy=proxy,
        )
        # by itself: a server that hangs up after this, with or without saying so, would take the first call with it
        alone = aiohttp.TCPConnector(force_close=True)
        try:
            async with (
                asyncio.timeout(min(_PROBE_SECONDS, self.config.timeout)),
                aiohttp.ClientSession(connector=alone, headers=headers | {"Connection": "close"}, proxy=proxy) as once,
                once.get(f"{self.url}/models") as said,
            ):
                status = said.status
        except (aiohttp.InvalidURL, ValueError) as error:
            raise InputError(f"teacher {self.name}: not a URL: {error}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TeacherError(
                f"teacher {self.name}: the server does not answer ({_why(error)}); nothing was asked. "
                "Start it, or correct `url`, and run the same command again"
            ) from None
        if status in (401, 403):
            raise TeacherError(
                f"teacher {self.name}: the server refuses the key (HTTP {status}); nothing was asked. "
                "Export a valid key and name its variable in the recipe: `key_env: MY_KEY`"
            )

    async def ask(self, messages: Sequence[Message], draws: Sequence[int]) -> Reply:
        """Make one call."""
        path = "chat/completions" if self._transcript is None else "completions"
        data = json.dumps(self.body(messages, draws), ensure_ascii=False).encode("utf-8", "surrogatepass")
        status, headers, raw = await self.send("POST", path, data, {"Content-Type": "application/json"})
        if status != 200:
            raise self.refusal(status, headers, raw)
        return replies.completion(raw, self.model, self._is_valid)

    def refusal(self, status: int, headers: Mapping[str, str], raw: bytes) -> Fault:
        """Return the fault that a response other than 200 is."""
        return replies.http_fault(status, headers, _said(raw), self._secret)

    def quiet(self, said: str) -> str:
        """Return one line of what was said, without the key."""
        return replies.quiet(said, self._secret)

    async def send(
        self,
        method: str,
        path: str,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request; return (status, headers, body).

        Args:
            method: GET or POST.
            path: below the base URL.
            data: the body.
            headers: beside the key's.
            timeout: seconds; null is the deadline of a call.

        Raises:
            Fault: no whole response within the deadline of a call.
        """
        import aiohttp

        assert self._session is not None, "open() comes first"
        seconds = timeout or self.config.timeout
        try:
            async with (
                asyncio.timeout(seconds),
                self._session.request(method, f"{self.url}/{path}", data=data, headers=headers) as said,
            ):
                return said.status, said.headers, await said.read()
        except TimeoutError:
            raise Fault("timeout", f"no answer in {seconds:g} s", retry=True) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Fault("connection", replies.quiet(_why(error), self._secret), retry=True) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _proxy(url: str) -> str | None:
    """Return the proxy the environment names for a URL; looked up once, since aiohttp does it in a thread per call."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__


def _said(raw: bytes) -> str:
    """Return the sentence in an error's body, or the body."""
    try:
        error = json.loads(raw)["error"]
        said = error if isinstance(error, str) else error["message"]
        code = (error.get("code") or error.get("type")) if isinstance(error, dict) else None
        return f"{said} ({code})" if isinstance(code, str) else str(said)
    except (ValueError, KeyError, TypeError):
        return raw.decode("utf-8", "replace")
