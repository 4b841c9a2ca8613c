"""generate: ask the teachers. Each prompt row grows one candidate row per teacher and sample.

    {"prompt": [{"role": "user", "content": "Name three fruits."}], "response": null}
 -> {"parent": …, "response": "Apples, pears, plums.", "model": "gpt-4o", "draw": 0, "call_key": "k1:…", …}

A call that failed is a row too: response null, `dropped = "generate: call failed: timeout"`. Where the ledger has seen
the same messages before, from any teacher, the prompts with the longest answers are asked first, so that no long one
is left alone at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from builder import prompts
from builder.config import GenerateConfig
from builder.context import Context
from builder.errors import InputError, Problem
from builder.ledger import Answer, history
from builder.ledger.store import prompt_number
from builder.rows import Message, content_id, frame
from builder.teacher import Fault, Teacher, gate, make
from builder.teacher.replies import schema_check

if TYPE_CHECKING:
    import polars as pl

_SLICE = 2_000
"""Rows that are plain Python objects at a time."""
_SMALL_SLICE = 128
"""The same while calls are in flight, which wait meanwhile."""


def check(config: GenerateConfig, base: Path) -> dict[str, str]:
    """Refuse a template or a schema that cannot be used, or a teacher that takes no schema; return their hashes."""
    hashes = {f"template {config.template}": prompts.load(config.template, base)[1]}
    schema = _schema(config, base)
    if schema is not None:
        hashes[f"schema {config.json_schema}"] = content_id("schema", schema)
    for teacher in config.teacher:
        make(teacher, schema)
    return hashes


def _schema(config: GenerateConfig, base: Path) -> dict[str, Any] | None:
    if config.json_schema is None:
        return None
    try:
        schema = json.loads((base / Path(config.json_schema).expanduser()).read_text(encoding="utf-8"))
        if not isinstance(schema, dict):
            raise ValueError("expected an object")
        schema_check(schema)
    except Exception as error:  # its compiler raises anything on what is no schema
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        what = f"not a usable JSON Schema: {why}"
        raise InputError([Problem(config.json_schema, 0, what)]) from None
    return schema


class Plan(NamedTuple):
    """What this step wants, before anything is asked."""

    teachers: list[Teacher]
    template_hash: str
    rows: list[int]
    """Rows of the table that are asked."""
    keys: list[str]
    """Per row, teacher and sample, in this order: the ledger's key."""
    lengths: dict[int, float]
    """Row -> length of the answers the ledger holds to the same messages, in tokens."""


def plan(table: pl.DataFrame, config: GenerateConfig, context: Context) -> Plan:
    """List every answer this step wants, whether the ledger already holds it or not."""
    _, template_hash = prompts.load(config.template, context.base)
    if config.system is not None:
        template_hash = content_id(template_hash, config.system)
    schema = _schema(config, context.base)
    teachers = [make(teacher, schema) for teacher in config.teacher]
    rows = table["response"].is_null().arg_true().to_list() if config.only_missing else list(range(table.height))
    keys: list[str] = []
    lengths: dict[int, float] = {}
    learn = history.has_answers(context.ledger)
    for part, messages in _messages(table, rows, config, context, _SLICE):
        for sent in messages:
            for teacher in teachers:
                keys += gate.request(teacher, sent, *range(config.samples)).keys
        if learn:
            numbers = [prompt_number(sent) for sent in messages]
            known = history.lengths(context.ledger, list(dict.fromkeys(numbers)))
            lengths |= {row: known[number] for row, number in zip(part, numbers, strict=True) if number in known}
    return Plan(teachers, template_hash, rows, keys, lengths)


def _messages(
    table: pl.DataFrame, rows: list[int], config: GenerateConfig, context: Context, size: int
) -> Iterator[tuple[list[int], list[list[Message]]]]:
    """Yield (rows, what is sent for each), a slice at a time."""
    render, _ = prompts.load(config.template, context.base)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        given = table["prompt"][part].to_list()
        yield part, [prompts.to_send(prompt, render, config.system) for prompt in given]


def _requests(
    table: pl.DataFrame, rows: list[int], teacher: Teacher, config: GenerateConfig, context: Context
) -> Iterator[gate.Request]:
    size = teacher.config.n_per_call
    for _, messages in _messages(table, rows, config, context, _SMALL_SLICE):
        for sent in messages:
            for first in range(0, config.samples, size):
                yield gate.request(teacher, sent, *range(first, min(first + size, config.samples)))


def _longest_first(wanted: Plan) -> list[int]:
    """Order the rows; what is not known to be long or short stands in the middle."""
    if not wanted.lengths:
        return wanted.rows
    middle = sorted(wanted.lengths.values())[len(wanted.lengths) // 2]
    return sorted(wanted.rows, key=lambda row: -wanted.lengths.get(row, middle))


def generate(table: pl.DataFrame, config: GenerateConfig, context: Context) -> pl.DataFrame:
    """Ask for what the ledger does not hold, and grow the candidates."""
    import polars as pl

    wanted = plan(table, config, context)
    names = " and ".join(dict.fromkeys(teacher.name for teacher in wanted.teachers))
    rows = _longest_first(wanted)
    streams = [_requests(table, rows, teacher, config, context) for teacher in wanted.teachers]
    faults = gate.ask_streams(streams, context, f"asking {names}", len(wanted.keys))
    if failed := len(faults):
        note = f"{failed} of {len(set(wanted.keys))} calls failed; their rows are in the rejects"
        if again := sum(fault.passing for fault in faults.values()):
            note += f". The same command asks {again} of them once more, for the fault was the server's"
        context.notes.append(note)
    stay = table.filter(~pl.int_range(pl.len()).is_in(wanted.rows))
    return pl.concat([stay, *_grown(table, wanted, config, context, faults)], how="diagonal")


def _grown(
    table: pl.DataFrame, wanted: Plan, config: GenerateConfig, context: Context, faults: dict[str, Fault]
) -> Iterator[pl.DataFrame]:
    """Yield the children of a slice of rows at a time, in the order of the table."""
    per_row = len(wanted.teachers) * config.samples
    like = _with_columns(table)
    for start in range(0, len(wanted.rows), _SLICE):
        keys = wanted.keys[start * per_row : (start + _SLICE) * per_row]
        answers = context.ledger.get(list(dict.fromkeys(keys)))
        parents = table[wanted.rows[start : start + _SLICE]].to_dicts()
        children = []
        for number, key in enumerate(keys):
            at, draw = divmod(number, per_row)
            teacher = wanted.teachers[draw // config.samples]
            result = answers.get(key) or faults[key]
            children.append(_child(parents[at], teacher, draw, key, wanted.template_hash, result, config))
        yield frame(children, like)
    if not wanted.rows:
        yield like


def _with_columns(table: pl.DataFrame) -> pl.DataFrame:
    """Return an empty table that also has this step's columns."""
    import polars as pl

    texts = ("teacher", "model", "call_key", "template_hash", "finish_reason")
    numbers = ("draw", "input_tokens", "output_tokens")
    new = [pl.lit(None, pl.String).alias(n) for n in texts] + [pl.lit(None, pl.Int64).alias(n) for n in numbers]
    return table.clear().with_columns(new)


def _child(
    parent: dict[str, Any],
    teacher: Teacher,
    draw: int,
    key: str,
    template_hash: str,
    result: Answer | Fault,
    config: GenerateConfig,
) -> dict[str, Any]:
    child = parent | {
        "id": content_id(parent["id"], "generate", draw, getattr(result, "text", None)),
        "parent": parent["id"],
        "reference": parent["response"] or parent["reference"],
        "response": None,
        "teacher": teacher.name,
        "model": teacher.model,
        "draw": draw,
        "call_key": key,
        "template_hash": template_hash,
    }
    if isinstance(result, Fault):
        child["dropped"] = f"generate: call failed: {result.kind}"
        child["evidence"] = json.dumps({"fault": result.kind, "detail": result.detail}, ensure_ascii=False)
        return child
    child |= {
        "response": result.text,
        "finish_reason": result.finish_reason,
        "input_tokens": result.input_tokens,
        "output_tokens": result.output_tokens,
    }
    if result.finish_reason == "length" and (result.text is None or config.truncated == "drop"):
        child["dropped"] = f"generate: truncated: not at its end after max_tokens {teacher.config.max_tokens}"
    elif result.text is None:
        child["dropped"] = f"generate: {result.finish_reason}"
    return child
