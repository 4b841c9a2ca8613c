"""Prompt templates: Jinja2 with strict undefined, and their hashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from builder import assets
from builder.errors import InputError, Problem
from builder.rows import Message, content_id


def load(name: str, base: Path) -> tuple[Callable[[str], str], str]:
    """Return (render, hash) of a template: a shipped name like `answer`, or a path from the recipe's folder.

    A template sees one variable, `prompt`: the text of the prompt's last message.

    Raises:
        InputError: no such template, or it is not valid Jinja2, or it names another variable.
    """
    from jinja2 import Environment, StrictUndefined, TemplateError

    text = _source(name, base)
    try:
        template = Environment(undefined=StrictUndefined, keep_trailing_newline=False).from_string(text)
        template.render(prompt="")
    except TemplateError as error:
        line = getattr(error, "lineno", None) or 0
        problem = Problem(
            name, line, f"not a usable template: {error.message}", "it may use {{ prompt }} only"
        )
        raise InputError([problem]) from None
    return (lambda prompt: template.render(prompt=prompt)), content_id("template", text)


def _source(name: str, base: Path) -> str:
    shipped = assets.names("prompts", ".jinja")
    if name in shipped:
        return assets.read(f"prompts/{name}.jinja")
    path = base / Path(name).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(
            name, 0, f"cannot read the template: {error}", f"shipped ones: {', '.join(shipped)}"
        )
        raise InputError([problem]) from None


def to_send(prompt: Sequence[Message], render: Callable[[str], str], system: str | None) -> list[Message]:
    """Return the messages a teacher is sent for a prompt: its last turn rendered, a system turn where it has none."""
    messages = [{"role": m["role"], "content": m["content"]} for m in prompt]
    messages[-1]["content"] = render(messages[-1]["content"])
    if system is not None and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    return messages
