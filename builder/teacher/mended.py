"""distilabel's LLM classes, mended where they lose what an answer needs or where today's clients have moved on.

Each mend replaces as little as it can and says what fails without it. distilabel itself is not imported here: a class
comes in, a subclass goes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from builder.rows import Message

_STOP_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
"""Anthropic's words for how an answer ended -> OpenAI's, which the rest of the program speaks."""


def mend(cls: Any) -> Any:
    """Return a class's mended subclass, or the class as it is."""
    mending = _MENDS.get(cls.__name__)
    return cls if mending is None else mending(cls)


def _anthropic(cls: Any) -> Any:
    """Keep the stop reason; ask for any model; send what the client takes.

    distilabel refuses a model that its client's list does not name, hands `temperature`, `top_p` and `top_k` to a
    method that has lost them (anthropic 2), reads only the first block of an answer (which may be a thought, or not be
    there), and throws the stop reason away. The API of 2026-10-21 refuses the three; that of 2023-06-01 takes them,
    where the model does.
    """

    def _check_model_exists(self: Any) -> None:
        """The server knows its models."""

    async def agenerate(
        self: Any,
        input: Sequence[Message],
        max_tokens: int,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
        stop_sequences: Sequence[str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        system = "\n\n".join(message["content"] for message in input if message["role"] == "system")
        sampling = _said({"temperature": temperature, "top_p": top_p, "top_k": top_k})
        body = {"system": system or None, "stop_sequences": stop_sequences, **sampling, **(extra_body or {})}
        said = await self._aclient.messages.create(
            model=self.model,
            max_tokens=max_tokens,
            messages=[message for message in input if message["role"] != "system"],
            extra_body=_said(body),
            extra_headers={"anthropic-version": "2023-06-01"} if sampling else None,
        )
        text = "".join(block.text or "" for block in said.content if block.type == "text")
        thought = "".join(block.thinking or "" for block in said.content if block.type == "thinking")
        reason = _STOP_REASONS.get(said.stop_reason, said.stop_reason)
        asked, answered = (getattr(said.usage, name, None) for name in ("input_tokens", "output_tokens"))
        return _output(text, asked, answered, reason, thought)

    return _subclass(cls, _check_model_exists=_check_model_exists, agenerate=agenerate)


def _ollama(cls: Any) -> Any:
    """Keep done_reason and the client's errors; send a key only where the recipe names one.

    distilabel swallows whatever the client raises and then fails on a name that has no value, so that an unknown model
    looks like a bad body; it throws done_reason away. The client sends $OLLAMA_API_KEY to any host.
    """

    def load(self: Any) -> None:
        cls.load(self)
        headers = self._aclient._client.headers
        headers.pop("authorization", None)
        if self.api_key != "not-needed":
            headers["authorization"] = f"Bearer {self.api_key}"

    async def agenerate(
        self: Any,
        input: Sequence[Message],
        max_tokens: int,
        temperature: float | None = None,
        top_p: float | None = None,
        stop_sequences: Sequence[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        options: Mapping[str, Any] | None = None,
        think: bool | str | None = None,
        keep_alive: float | str | None = None,
    ) -> dict[str, Any]:
        given: dict[str, Any] = {
            "num_predict": max_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "stop": stop_sequences,
        }
        given |= {"frequency_penalty": frequency_penalty, "presence_penalty": presence_penalty, **(options or {})}
        how = _said({"think": think, "keep_alive": keep_alive})
        said = await self._aclient.chat(model=self.model, messages=input, options=_said(given), **how)
        text, thought = said.message.content, said.message.thinking
        return _output(text, said.prompt_eval_count, said.eval_count, said.done_reason, thought)

    return _subclass(cls, {"api_key": "str"}, load=load, agenerate=agenerate, api_key="not-needed")


def _litellm(cls: Any) -> Any:
    """Keep finish_reason and the server's count of tokens; one call is one attempt (its client makes three)."""

    async def agenerate(
        self: Any,
        input: Sequence[Message],
        max_tokens: int,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        api_base: str | None = None,
        api_version: str | None = None,
        custom_llm_provider: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        given: dict[str, Any] = {
            "temperature": temperature,
            "top_p": top_p,
            "stop": stop,
            "frequency_penalty": frequency_penalty,
        }
        given |= {"presence_penalty": presence_penalty, "api_base": api_base, "api_version": api_version}
        given |= {"custom_llm_provider": custom_llm_provider, "extra_body": extra_body}
        said = await self._aclient(
            model=self.model, messages=list(input), max_tokens=max_tokens, max_retries=0, **_said(given)
        )
        choice, usage = said.choices[0], said.usage
        return _output(choice.message.content, usage.prompt_tokens, usage.completion_tokens, choice.finish_reason)

    return _subclass(cls, agenerate=agenerate)


def _transformers(cls: Any) -> Any:
    """Tell how an answer ended and what it used; begin a prompt once.

    distilabel has the text only: an answer cut off looks whole, tokens are counted by encoding it again, and a second
    beginning-of-text is put before the one that the chat template writes. Where there is no template, it sends the
    first message alone.
    """

    def load(self: Any) -> None:
        cls.load(self)
        if self._pipeline.tokenizer.chat_template is None:
            raise ValueError("its tokenizer has no chat template; name one: extra: {chat_template: …}")

    def generate(
        self: Any,
        inputs: Sequence[Sequence[Message]],
        max_new_tokens: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
        top_k: int = 0,
        repetition_penalty: float = 1.0,
    ) -> list[dict[str, Any]]:
        tokenizer, model = self._pipeline.tokenizer, self._pipeline.model
        how: dict[str, Any] = {"do_sample": temperature > 0, "repetition_penalty": repetition_penalty}
        if temperature > 0:
            how |= {"temperature": temperature, "top_p": top_p, "top_k": top_k}
        ends = model.generation_config.eos_token_id
        outputs = []
        for messages in inputs:
            prompt = self.prepare_input(messages)
            asked = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").to(model.device)
            length = asked["input_ids"].shape[1]
            sequence = model.generate(
                **asked, max_new_tokens=max_new_tokens, pad_token_id=tokenizer.pad_token_id, **how
            )[0]
            said = sequence[length:].tolist()
            ended = said[-1] in (ends if isinstance(ends, list) else [ends])
            text = tokenizer.decode(said, skip_special_tokens=True)
            outputs.append(_output(text, length, len(said), "stop" if ended else "length"))
        return outputs

    return _subclass(cls, load=load, generate=generate)


def _llamacpp(cls: Any) -> Any:
    """Keep finish_reason; give the model the context it was made for, where the recipe says no other (512)."""

    def generate(
        self: Any,
        inputs: Sequence[Sequence[Message]],
        max_new_tokens: int,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        frequency_penalty: float | None = None,
        presence_penalty: float | None = None,
        extra_generation_kwargs: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        given: dict[str, Any] = {
            "temperature": temperature,
            "top_p": top_p,
            "stop": stop,
            "frequency_penalty": frequency_penalty,
        }
        given |= {"presence_penalty": presence_penalty, **(extra_generation_kwargs or {})}
        outputs = []
        for messages in inputs:
            said = self._model.create_chat_completion(list(messages), max_tokens=max_new_tokens, **_said(given))
            choice, usage = said["choices"][0], said["usage"]
            text, reason = choice["message"]["content"], choice["finish_reason"]
            outputs.append(_output(text, usage["prompt_tokens"], usage["completion_tokens"], reason))
        return outputs

    return _subclass(cls, {"n_ctx": "int"}, generate=generate, n_ctx=0)


def _said(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _output(
    text: str | None, asked: int | None, said: int | None, reason: str | None, thought: str | None = None
) -> dict[str, Any]:
    """Return what distilabel's classes return, how the answer ended, and what the model thought before it."""
    statistics = {"input_tokens": [asked], "output_tokens": [said]}
    return {"generations": [text], "statistics": statistics, "finish_reason": reason, "reasoning": thought or None}


def _subclass(cls: Any, fields: Mapping[str, str] | None = None, **members: Any) -> Any:
    return type(cls.__name__, (cls,), {"__module__": cls.__module__, "__annotations__": fields or {}, **members})


_MENDS: dict[str, Callable[[Any], Any]] = {
    "AnthropicLLM": _anthropic,
    "LiteLLM": _litellm,
    "LlamaCppLLM": _llamacpp,
    "OllamaLLM": _ollama,
    "TransformersLLM": _transformers,
}
