"""Read a list of messages, in either of the two spellings, and hold its order.

[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
[{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]
"""

from __future__ import annotations

from typing import Any

from builder.rows import Message

_ROLES = {
    "system": "system",
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bot", "model"), "assistant"),
}
_TOOL_ROLES = frozenset({"tool", "tool_call", "tool_response", "function", "function_call", "observation", "ipython"})

NO_TOOLS = "tool calls are not supported in sft/v1"

_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "an object",
}


class Unreadable(Exception):
    """Why a line is no seed; it becomes the reason of its reject.

    The words before the colon are what the funnel counts by ("blank", "wrong type"), so they name no place.
    """


def kind(value: Any) -> str:
    """Name a value's type in JSON's words."""
    return "null" if value is None else _KINDS.get(type(value), type(value).__name__)


def text(value: Any, name: str) -> str:
    """Return a string that says something and that every reader of the dataset can hold.

    Raises:
        Unreadable: not a string, blank, or with a character that no parquet file or tokenizer takes.
    """
    if not isinstance(value, str):
        raise Unreadable(f"wrong type: {name} is {kind(value)}, expected a string")
    if not value or value.isspace():
        raise Unreadable(f"blank: {name}")
    if "\0" in value:
        raise Unreadable(f"bad character: {name} has a NUL at position {value.index(chr(0))}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise Unreadable(f"bad character: {name} has a lone surrogate at position {error.start}") from None
    return value


def message(value: Any, name: str) -> Message:
    """Read one message in either spelling.

    Raises:
        Unreadable: no message, a role that is not known, a tool call, or a content that is no text.
    """
    if not isinstance(value, dict):
        raise Unreadable(f"wrong type: {name} is {kind(value)}, expected an object with role and content")
    role = value["role"] if value.get("role") is not None else value.get("from")
    if (isinstance(role, str) and role in _TOOL_ROLES) or value.get("tool_calls"):
        raise Unreadable(NO_TOOLS)
    if not isinstance(role, str) or role not in _ROLES:
        found = repr(role[:40]) if isinstance(role, str) else kind(role)
        raise Unreadable(f"unknown role: {name} has {found}, expected system, user or assistant")
    content = value["content"] if value.get("content") is not None else value.get("value")
    return {"role": _ROLES[role], "content": text(content, f"{name}.content")}


def conversation(value: Any, name: str) -> list[Message]:
    """Read messages: a system message first or none, then user and assistant in turn, the user first.

    Raises:
        Unreadable: the first thing that is not so.
    """
    if not isinstance(value, list):
        raise Unreadable(f"wrong type: {name} is {kind(value)}, expected a list of messages")
    if not value:
        raise Unreadable(f"blank: {name} has no messages")
    messages = [message(one, f"{name}[{i}]") for i, one in enumerate(value)]
    first = 1 if messages[0]["role"] == "system" else 0
    if len(messages) == first:
        raise Unreadable(f"turns out of order: {name} has no user message")
    for i, one in enumerate(messages[first:]):
        expected = "assistant" if i % 2 else "user"
        if one["role"] != expected:
            raise Unreadable(
                f"turns out of order: {name}[{first + i}] is from the {one['role']}, expected the {expected}"
            )
    return messages
