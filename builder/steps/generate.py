"""generate: ask the teachers. Each prompt row grows one candidate row per teacher and sample.

    {"prompt": [{"role": "user", "content": "Name three fruits."}], "response": null}
 -> {"parent": …, "response": "Apples, pears, plums.", "model": "gpt-4o", "draw": 0, "call_key": "k1:…", …}

A call that failed is a row too: response null, `dropped = "generate: timeout: …"`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from builder import prompts
from builder.config import GenerateConfig
from builder.context import Context
from builder.ledger import Answer
from builder.rows import content_id, frame
from builder.teacher import Fault, Teacher, gate, make

if TYPE_CHECKING:
    import polars as pl


def check(config: GenerateConfig, base: Path) -> dict[str, str]:
    """Refuse a template that cannot be used; return its hash."""
    return {f"template {config.template}": prompts.load(config.template, base)[1]}


class Draw(NamedTuple):
    """One candidate to be: which row it grows from, who is asked, and the call."""

    row: int
    number: int
    teacher: Teacher
    request: gate.Request
    template_hash: str


def draws(table: pl.DataFrame, config: GenerateConfig, context: Context) -> Iterator[Draw]:
    """List every call this step wants, whether the ledger already holds its answer or not."""
    render, template_hash = prompts.load(config.template, context.base)
    if config.system is not None:
        template_hash = content_id(template_hash, config.system)
    teachers = [make(teacher) for teacher in config.teacher]
    for row, (prompt, response) in enumerate(zip(table["prompt"], table["response"], strict=True)):
        if config.only_missing and response is not None:
            continue
        messages = prompts.to_send(list(prompt), render, config.system)
        for t, teacher in enumerate(teachers):
            for sample in range(config.samples):
                number = t * config.samples + sample
                yield Draw(row, number, teacher, gate.request(teacher, messages, sample), template_hash)


def generate(table: pl.DataFrame, config: GenerateConfig, context: Context) -> pl.DataFrame:
    """Ask for what the ledger does not hold, and grow the candidates."""
    import polars as pl

    wanted = list(draws(table, config, context))
    results: dict[str, Answer | Fault] = {}
    for teacher in dict.fromkeys(draw.teacher for draw in wanted):
        requests = [draw.request for draw in wanted if draw.teacher is teacher]
        with context.progress(f"asking {teacher.name}", len({r.key for r in requests})) as advance:
            answers, held = gate.ask_all(teacher, requests, context.ledger, advance)
        _count(answers, held, context)
        results |= answers
    if failed := context.spend["failed"]:
        note = f"{failed} of {len(results)} calls failed; their rows are in the rejects"
        if again := context.spend["to_ask_again"]:
            note += f". The same command asks {again} of them once more, for the fault was the server's"
        context.notes.append(note)
    parents = table.to_dicts()
    grown = {draw.row for draw in wanted}
    children = [_child(parents[draw.row], draw, results[draw.request.key]) for draw in wanted]
    stay = table.filter(~pl.int_range(pl.len()).is_in(list(grown)))
    return pl.concat([stay, frame(children, _with_columns(table))], how="diagonal")


def _count(answers: dict[str, Answer | Fault], held: set[str], context: Context) -> None:
    said = {key: answer for key, answer in answers.items() if isinstance(answer, Answer)}
    fresh = [answer for key, answer in said.items() if key not in held]
    context.spend["replayed"] += len(held)
    context.spend["calls"] += len(fresh)
    context.spend["failed"] += len(answers) - len(said)
    context.spend["to_ask_again"] += sum(isinstance(a, Fault) and a.passing for a in answers.values())
    context.spend["input_tokens"] += sum(answer.input_tokens or 0 for answer in fresh)
    context.spend["output_tokens"] += sum(answer.output_tokens or 0 for answer in fresh)


def _with_columns(table: pl.DataFrame) -> pl.DataFrame:
    """Return an empty table that also has this step's columns."""
    import polars as pl

    texts = ("teacher", "model", "call_key", "template_hash", "finish_reason")
    numbers = ("draw", "input_tokens", "output_tokens")
    new = [pl.lit(None, pl.String).alias(n) for n in texts] + [pl.lit(None, pl.Int64).alias(n) for n in numbers]
    return table.clear().with_columns(new)


def _child(parent: dict[str, Any], draw: Draw, result: Answer | Fault) -> dict[str, Any]:
    child = parent | {
        "id": content_id(parent["id"], "generate", draw.number, getattr(result, "text", None)),
        "parent": parent["id"],
        "reference": parent["response"] or parent["reference"],
        "response": None,
        "teacher": draw.teacher.name,
        "model": draw.teacher.model,
        "draw": draw.number,
        "call_key": draw.request.key,
        "template_hash": draw.template_hash,
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
    if result.text is None:
        child["dropped"] = f"generate: {result.finish_reason}"
    return child
