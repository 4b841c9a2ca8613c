"""Prompt templates: Jinja2 with strict undefined, and their hashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from builder import assets
from builder.errors import InputError, Problem
from builder.rows import Message, content_id


def load(name: str, base: Path) -> tuple[Callable[[str], str], str]:
    """Return (render, hash) of a template: a shipped name like `answer`, or a path from the recipe's folder.

    A template sees one variable, `prompt`: the text of the prompt's last message.

    Raises:
        InputError: no such template, or it is not valid Jinja2, or it names another variable.
    """
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    text = _source(name, base)

    def refusal(why: str, line: int = 0) -> InputError:
        return InputError([Problem(name, line, f"not a usable template: {why}", "it may use {{ prompt }} only")])

    try:
        # sandboxed: a recipe somebody sends is data, it must not run their code
        template = SandboxedEnvironment(undefined=StrictUndefined).from_string(text)
    except Exception as error:
        raise refusal(str(error), getattr(error, "lineno", None) or 0) from None

    def render(prompt: str) -> str:
        try:
            return template.render(prompt=prompt)
        except Exception as error:  # an expression can raise anything: an undefined name, 1/0
            raise refusal(str(error) or type(error).__name__) from None

    if render("one prompt") == render("another prompt"):
        raise refusal("it never uses {{ prompt }}")
    return render, content_id("template", text)


def _source(name: str, base: Path) -> str:
    shipped = assets.names("prompts", ".jinja")
    if name in shipped:
        return assets.read(f"prompts/{name}.jinja")
    try:
        return (base / Path(name).expanduser()).read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError) as error:  # not UTF-8; `~nobody/x`
        what = f"cannot read the template: {getattr(error, 'strerror', None) or error}"
        problem = Problem(name, 0, what, f"shipped ones: {', '.join(shipped)}")
        raise InputError([problem]) from None


NEXT_TURN = "\n### "
"""What the shipped transcript begins every turn with; a base model that writes it has gone on to the next."""


class Transcript(NamedTuple):
    """How a conversation becomes one text for a base model to continue."""

    render: Callable[[Sequence[Message]], str]
    hash: str


def transcript() -> Transcript:
    """Return the shipped transcript: instruction and response under headings, ending where the response begins."""
    from jinja2 import Environment, StrictUndefined

    text = assets.read("transcript.jinja")
    template = Environment(undefined=StrictUndefined, autoescape=False).from_string(text)
    return Transcript(lambda messages: template.render(messages=messages), content_id("template", text))


def to_send(prompt: Sequence[Message], render: Callable[[str], str], system: str | None) -> list[Message]:
    """Return the messages a teacher is sent for a prompt: its last turn rendered, a system turn where it has none."""
    messages = [{"role": m["role"], "content": m["content"]} for m in prompt]
    messages[-1]["content"] = render(messages[-1]["content"])
    if system is not None and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    return messages
