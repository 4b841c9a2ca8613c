"""Every provider that does not speak OpenAI's protocol, through distilabel's LLM classes.

With `tasks` and `embedded_llm` the only file that imports distilabel, and it does so late.

distilabel's Pipeline is not used: it fails by the batch and waits at batch barriers. Its LLM objects are driven one
call at a time; their own retries are switched off so that no paid attempt is hidden from the ledger.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from builder.config import TeacherConfig
from builder.errors import BuilderError, InputError, Problem, TeacherError
from builder.providers import PROVIDERS
from builder.rows import Message
from builder.teacher import Fault, Reply, mended, replies
from builder.teacher.keys import find_key

# Our names for things, and what distilabel's classes call them.
_ARGUMENTS = {
    "max_tokens": ("max_new_tokens", "max_tokens", "max_output_tokens"),
    "temperature": ("temperature", "temp"),
    "top_p": ("top_p", "p"),
    "stop": ("stop", "stop_sequences"),
    "frequency_penalty": ("frequency_penalty",),
    "presence_penalty": ("presence_penalty",),
}
_MODEL_FIELDS = ("model", "model_id", "model_path", "path_or_hf_repo")
_URL_FIELDS = ("base_url", "host", "endpoint")
_OURS = (*_MODEL_FIELDS, *_URL_FIELDS, "api_key", "token", "timeout", "max_retries")
_HOMES = {"anthropic": "https://api.anthropic.com", "ollama": "http://127.0.0.1:11434"}
"""Named, or a variable of the environment would move the server and the ledger would not know."""


class DistilabelTeacher:
    """One distilabel LLM, asked one prompt at a time."""

    def __init__(self, config: TeacherConfig, json_schema: Mapping[str, Any] | None = None) -> None:
        if json_schema is not None:
            what = f"provider {config.provider} takes no json_schema"
            raise InputError([Problem("", 0, what, "name an OpenAI-compatible server by its url")])
        self.config = config
        self.provider = config.provider or "openai"
        self.model = config.model or ""
        self.url = config.url.rstrip("/") if config.url else None
        self.name = f"{self.model} @ {config.alias or config.url}" if config.url else f"{self.provider}:{self.model}"
        self._llm: Any = None
        self._secret = ""
        self._arguments: dict[str, Any] = {}
        self._alone = asyncio.Lock()
        """An in-process model takes one call at a time, whatever `concurrency` says."""

    @property
    def server(self) -> tuple[str, str, str]:
        """Return (provider, base URL, model)."""
        return self.provider, self.url or "", self.model

    def identity(self) -> dict[str, Any]:
        """Return provider, base URL, model and every argument that is sent."""
        given = {name: getattr(self.config, name) for name in _ARGUMENTS} | self.config.extra
        return {
            "provider": self.provider,
            "base_url": self.url if self.config.alias is None else f"alias:{self.config.alias}",
            "model": self.model,
            "arguments": {name: value for name, value in given.items() if value is not None},
        }

    async def open(self) -> None:
        """Find the key, then import the client."""
        key = find_key(self.config, self.name)
        self._secret = key
        provider = PROVIDERS[self.provider]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # distilabel's own use of pydantic; nothing a user could fix
                self._llm = _make_llm(provider.llm, self.config, self.url, key)
                self._llm.load()
        except ImportError as error:
            extra = f"pip install 'instruct-builder[{provider.extra}]'" if provider.extra else str(error)
            raise InputError([Problem("", 0, f"the client of {self.provider} is not installed", extra)]) from None
        except Exception as error:
            if isinstance(error, BuilderError):
                raise
            why = replies.fault(error, self._secret).detail
            raise TeacherError(f"teacher {self.name}: its client cannot be set up; nothing was asked: {why}") from error
        self._arguments = self._named_arguments()

    def _named_arguments(self) -> dict[str, Any]:
        """Translate our argument names to this class's; refuse one it does not take."""
        call = self._llm.agenerate if hasattr(self._llm, "agenerate") else self._llm.generate
        taken = inspect.signature(call).parameters
        given = {name: value for name in _ARGUMENTS if (value := getattr(self.config, name)) is not None}
        settings = _settings(type(self._llm), self.config)
        arguments = {name: value for name, value in self.config.extra.items() if name not in settings}
        problems = []
        for name, value in given.items():
            theirs = next((candidate for candidate in _ARGUMENTS[name] if candidate in taken), None)
            if theirs is not None:
                arguments[theirs] = [value] if theirs == "stop_sequences" and isinstance(value, str) else value
            else:
                problems.append(Problem("", 0, f"teacher {self.name} takes no `{name}`", "remove it"))
        problems += [
            Problem("", 0, f"teacher {self.name} takes no `extra.{name}`", f"it takes {', '.join(taken)}")
            for name in self.config.extra
            if name not in taken and name not in settings
        ]
        if problems:
            raise InputError(problems)
        return arguments

    async def ask(self, messages: Sequence[Message], draws: Sequence[int]) -> Reply:
        """Make one call."""
        llm = self._llm
        try:
            if hasattr(llm, "agenerate"):
                async with asyncio.timeout(self.config.timeout):
                    output = await llm.agenerate(input=list(messages), **self._arguments)
            else:  # in this process and synchronous: off the event loop, one by one; waiting in line is no hanging
                async with self._alone:
                    outputs = await asyncio.to_thread(llm.generate, inputs=[list(messages)], **self._arguments)
                output = outputs[0]
        except TimeoutError:
            raise Fault("timeout", f"no answer in {self.config.timeout:g} s", retry=True) from None
        except Exception as error:
            raise replies.fault(error, self._secret) from error
        return replies.answer(output)

    async def close(self) -> None:
        """Close the client's connections."""
        close = getattr(getattr(self._llm, "_aclient", None), "close", None)
        closing = close() if close else None
        if inspect.isawaitable(closing):
            await closing


def _make_llm(class_name: str, config: TeacherConfig, url: str | None, key: str | None) -> Any:
    import logging

    from distilabel.models import llms

    logging.getLogger("distilabel").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)

    cls = mended.mend(getattr(llms, class_name))
    fields = cls.model_fields
    arguments = _settings(cls, config) | {next(name for name in _MODEL_FIELDS if name in fields): config.model}
    if (url := url or _HOMES.get(config.provider or "")) is not None:
        url_field = next((name for name in _URL_FIELDS if name in fields), None)
        if url_field is None:
            raise InputError(f"provider {config.provider} takes no `url`")
        arguments[url_field] = url
    if "api_key" in fields and key is not None:
        arguments["api_key"] = key
    if "timeout" in fields:
        arguments["timeout"] = math.ceil(config.timeout)
    if "max_retries" in fields:
        arguments["max_retries"] = 0
    return cls(**arguments)


def _settings(cls: Any, config: TeacherConfig) -> dict[str, Any]:
    """Return what of `extra` is said when the object is made, not with each call: n_ctx, device_map, tokenizer …."""
    return {name: v for name, v in config.extra.items() if name in cls.model_fields and name not in _OURS}
