"""Prompt templates: Jinja2 with strict undefined, and their hashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from builder import assets
from builder.errors import InputError, Problem
from builder.rows import Message, content_id


def load(name: str, base: Path) -> tuple[Callable[[str], str], str]:
    """Return (render, hash) of a template: a shipped name like `answer`, or a path from the recipe's folder.

    A template sees one variable, `prompt`: the text of the prompt's last message.

    Raises:
        InputError: no such template, or it is not valid Jinja2, or it names another variable.
    """
    text = _source(name, base)
    render = _usable(name, text, {"prompt": ("one prompt", "another prompt")})
    return lambda prompt: render(prompt=prompt), content_id("template", text)


def rubric(name: str, base: Path, low: int, high: int) -> tuple[Callable[[str, Sequence[str]], str], str]:
    """Return (render, hash) of somebody's own judging rubric, a path from the recipe's folder.

    It sees `instruction`, `generations` (a list of texts, to be numbered from 1), `low` and `high`.

    Raises:
        InputError: as in `load`.
    """
    text = _source(name, base, shipped=False)
    tried = {"instruction": ("one", "another"), "generations": (["one"], ["another"])}
    render = _usable(name, text, tried, low=low, high=high)
    return (
        lambda instruction, generations: render(instruction=instruction, generations=list(generations)),
        content_id("template", text),
    )


def comparison() -> tuple[Callable[[str, str, str], str], str]:
    """Return (render, hash) of the shipped question which of two texts is the better answer."""
    text = assets.read("judge/pairwise.jinja")
    tried = dict.fromkeys(("instruction", "first", "second"), ("one", "another"))
    render = _usable("judge/pairwise.jinja", text, tried)
    return (
        lambda instruction, first, second: render(instruction=instruction, first=first, second=second),
        content_id("template", text),
    )


def _usable(name: str, text: str, tried: Mapping[str, tuple[Any, Any]], **fixed: Any) -> Callable[..., str]:
    """Compile a template and hold that it sees what it names and uses what it must.

    Args:
        name: of its file, for messages.
        text: the template.
        tried: variables it must use, each with two values that must make a difference.
        fixed: variables it may use.
    """
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    may = " and ".join(f"{{{{ {variable} }}}}" for variable in (*tried, *fixed))

    def refusal(why: str, line: int = 0) -> InputError:
        return InputError([Problem(name, line, f"not a usable template: {why}", f"it may use {may} only")])

    try:
        # sandboxed: a recipe somebody sends is data, it must not run their code
        template = SandboxedEnvironment(undefined=StrictUndefined).from_string(text)
    except Exception as error:
        raise refusal(str(error), getattr(error, "lineno", None) or 0) from None

    def render(**given: Any) -> str:
        try:
            return template.render(**given, **fixed)
        except Exception as error:  # an expression can raise anything: an undefined name, 1/0
            raise refusal(str(error) or type(error).__name__) from None

    usual = {variable: values[0] for variable, values in tried.items()}
    for variable, (_, other) in tried.items():
        if render(**usual) == render(**usual | {variable: other}):
            raise refusal(f"it never uses {{{{ {variable} }}}}")
    return render


def _source(name: str, base: Path, *, shipped: bool = True) -> str:
    known = assets.names("prompts", ".jinja") if shipped else []
    if name in known:
        return assets.read(f"prompts/{name}.jinja")
    try:
        return (base / Path(name).expanduser()).read_text(encoding="utf-8")
    except (OSError, ValueError, RuntimeError) as error:  # not UTF-8; `~nobody/x`
        what = f"cannot read the template: {getattr(error, 'strerror', None) or error}"
        fix = f"shipped ones: {', '.join(known)}" if known else "give a path from the recipe's folder"
        problem = Problem(name, 0, what, fix)
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
