"""The shapes of seed records that are understood with no mapping.

    {"instruction"}, {"instruction", "input", "output"}           Alpaca; Dolly with context and response
    {"instruction", "instances": [{"input", "output"}]}           Self-Instruct, a seed per instance
    {"messages": [{"role", "content"}]}                           chat
    {"conversations": [{"from", "value"}]}                        ShareGPT
    {"prompt"}, {"prompt", "completion"}, {"prompt", "chosen"}    TRL; prompt is text or messages
    {"question", "answer"}

The question's key decides the shape; an answer may stand under any of the answers' names, in any shape. All
may have system, id, license, task (or category) and checks.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.errors import InputError, Problem
from builder.rows import Message
from builder.seeds.conversation import NO_TOOLS, Unreadable, conversation, kind, message, text

QUESTIONS = ("messages", "conversations", "instruction", "prompt", "question")
ANSWERS = ("output", "response", "completion", "answer", "chosen")
BESIDE = ("input", "context", "instances", "history", "tools", "label")
ABOUT = ("system", "id", "license", "task", "category", "checks")
KNOWN = (*QUESTIONS, *ANSWERS, *BESIDE, *ABOUT)


@dataclass(frozen=True, slots=True)
class Seed:
    """One prompt to begin with; it ends on the user. The rest is what the record says of it, or None."""

    prompt: list[Message]
    response: str | None = None
    id: str | None = None
    license: str | None = None
    task: str | None = None
    checks: list[Any] | None = None
    """As given: whether they are checks at all is for the verifier to say."""


def check_fields(fields: Mapping[str, str]) -> None:
    """Refuse a field mapping whose left side is none of our names.

    Raises:
        InputError: one problem for each such name.
    """
    problems = []
    for name in fields:
        if name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(KNOWN)}"
            problems.append(Problem(what=f"fields: unknown field {name!r} on the left (ours: yours)", fix=fix))
    if problems:
        raise InputError(problems)


def recognise(record: Any, fields: Mapping[str, str] | None = None) -> list[Seed]:
    """Read one record: one seed, or several from Self-Instruct instances.

    Args:
        record: what the line holds.
        fields: mapping, ours to theirs. A mapped question or answer hides the others the record may have.

    Raises:
        Unreadable: what keeps it from being a seed; a record is taken whole or not at all.
    """
    if not isinstance(record, dict):
        raise Unreadable(f"not an object: found {kind(record)}")
    record = _mapped(record, fields) if fields else record
    question = _question(record)
    if record.get("tools") and record["tools"] != "[]":
        raise Unreadable(NO_TOOLS)
    if record.get("history"):
        raise Unreadable("history is not supported: give its turns as messages")
    about = _about(record)
    seeds = [Seed(prompt, response, **about) for prompt, response in _turns(record, question)]
    if record.get("label") is False and any(seed.response for seed in seeds):
        raise Unreadable("label is false: the response is marked as one not to learn from")
    return seeds


def _mapped(record: dict[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    hidden = set(fields.values())
    for group in (QUESTIONS, ANSWERS):
        if not fields.keys().isdisjoint(group):
            hidden.update(group)
    kept = {name: value for name, value in record.items() if name not in hidden}
    return kept | {ours: record[theirs] for ours, theirs in fields.items() if theirs in record}


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _question(record: dict[str, Any]) -> str:
    present = [name for name in QUESTIONS if name in record]
    if not present:
        found = ", ".join(str(name)[:40] for name in list(record)[:12]) or "none"
        raise Unreadable(f"no known shape: found the keys {found}" + (", …" if len(record) > 12 else ""))
    # a merged dataset has all columns in every row, most of them empty
    return next((name for name in present if not _absent(record[name])), present[0])


def _turns(record: dict[str, Any], question: str) -> Iterator[tuple[list[Message], str | None]]:
    asked = record[question]
    if question in ("messages", "conversations") or (question == "prompt" and isinstance(asked, list)):
        messages = _with_system(record, conversation(_unpacked(asked, question), question))
        if messages[-1]["role"] == "user":
            yield messages, _answer(record, messages)
        elif question == "prompt":
            raise Unreadable("turns out of order: prompt ends on the assistant; a whole conversation is messages")
        else:
            yield messages[:-1], messages[-1]["content"]
    elif question == "instruction" and not _absent(record.get("instances")):
        instances = _unpacked(record["instances"], "instances")
        if not isinstance(instances, list):
            raise Unreadable(f"wrong type: instances is {kind(instances)}, expected a list")
        if not instances:
            raise Unreadable("blank: instances has none")
        for i, instance in enumerate(instances):
            if not isinstance(instance, dict):
                raise Unreadable(f"wrong type: instances[{i}] is {kind(instance)}, expected an object")
            prompt = _with_system(record, _asked(asked, instance, f"instances[{i}]."))
            yield prompt, _answer(instance, prompt, f"instances[{i}].")
    else:
        prompt = _with_system(record, _asked(asked, record if question == "instruction" else {}, name=question))
        yield prompt, _answer(record, prompt)


def _asked(instruction: Any, beside: dict[str, Any], where: str = "", name: str = "instruction") -> list[Message]:
    content = text(instruction, name)
    for given in ("input", "context"):
        if not _absent(beside.get(given)):
            content += "\n\n" + text(beside[given], where + given)
    return [{"role": "user", "content": content}]


def _with_system(record: dict[str, Any], messages: list[Message]) -> list[Message]:
    if _absent(record.get("system")):
        return messages
    system = {"role": "system", "content": text(record["system"], "system")}
    if messages[0]["role"] != "system":
        return [system, *messages]
    if messages[0] != system:
        raise Unreadable("two system messages: one in the record, another in its messages")
    return messages


def _answer(record: dict[str, Any], prompt: list[Message], where: str = "") -> str | None:
    """Find the answer: text, or (TRL) a message, or messages that may repeat the prompt before it."""
    name = next((name for name in ANSWERS if not _absent(record.get(name))), None)
    if name is None:
        return None
    value = [record[name]] if isinstance(record[name], dict) else record[name]
    if not isinstance(value, list):
        return text(value, where + name)
    messages = [message(one, f"{where}{name}[{i}]") for i, one in enumerate(value)]
    if not messages or messages[-1]["role"] != "assistant":
        raise Unreadable(f"turns out of order: {where}{name} does not end on the assistant")
    before = [one for one in messages[:-1] if one["role"] != "system"]
    if before and before != [one for one in prompt if one["role"] != "system"]:
        raise Unreadable(f"turns out of order: {where}{name} begins with other messages than its prompt")
    return messages[-1]["content"]


def _about(record: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {}
    for ours, names in {"id": ("id",), "license": ("license",), "task": ("task", "category")}.items():
        for name in names:
            if not _absent(record.get(name)) and ours not in about:
                value = record[name]
                about[ours] = text(str(value) if type(value) in (int, float) else value, name)
    if not _absent(record.get("checks")):
        about["checks"] = _unpacked(record["checks"], "checks")
        if not isinstance(about["checks"], list):
            raise Unreadable(f"wrong type: checks is {kind(about['checks'])}, expected a list")
    return about


def _unpacked(value: Any, name: str) -> Any:
    """Parse a list that a table holds as JSON text; leave all else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise Unreadable(f"wrong type: {name} is a string, expected a list") from None
