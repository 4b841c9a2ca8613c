"""The schemas of what we emit: schemas/<kind>/v<N>.json, and the few rules JSON Schema cannot say.

sft/v1          {"id", "messages": [{"role", "content"} …], "metadata": "{…}"}
preference/v1   {"id", "prompt": […], "chosen": [one], "rejected": [one], "metadata": "{…}"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from builder import assets
from builder.errors import InputError, Problem
from builder.rows import Message, content_id

KINDS = ("sft", "preference")
Row = Mapping[str, Any]

_MOST_PROBLEMS = 50


def names() -> list[str]:
    """List every schema there is, as `sft/v1`."""
    return [f"{kind}/{version}" for kind in KINDS for version in assets.names(kind, ".json", "schemas")]


@cache
def latest(kind: str) -> str:
    """Return the newest version's name, e.g. `sft/v1`."""
    versions = assets.names(kind, ".json", "schemas")
    return f"{kind}/{max(versions, key=lambda v: int(v[1:]))}"


def text(name: str) -> str:
    """Return a schema's JSON text; `sft` means the latest `sft/vN`.

    Raises:
        InputError: there is no such schema.
    """
    if name in KINDS:
        name = latest(name)
    if name not in names():
        raise InputError([Problem("", 0, f"no schema {name!r}", f"there are: {', '.join(names())}")])
    return assets.read(f"{name}.json", "schemas")


@cache
def _validator(name: str) -> Callable[[Row], Any]:
    import fastjsonschema

    compiled: Callable[[Row], Any] = fastjsonschema.compile(json.loads(text(name)))
    return compiled


def faults(kind: str, row: Row) -> list[str]:
    """Return what is wrong with a row under the latest schema of its kind; empty if it is valid."""
    import fastjsonschema

    try:
        _validator(latest(kind))(row)
    except fastjsonschema.JsonSchemaException as error:
        return [_readable(error)]
    turns = _turns(row["messages"], "assistant") if kind == "sft" else _sides(row)
    return [*turns, *_metadata(row["metadata"])]


def _readable(error: Any) -> str:
    where = error.name.removeprefix("data").lstrip(".") or "row"
    if error.rule == "pattern" and error.rule_definition.startswith("[^"):
        return f"{where} is blank"
    if error.rule == "not":
        return f"{where} holds a control token of a chat template"
    return f"{where} {error.message.removeprefix(error.name).strip()}"


def _turns(messages: Sequence[Message], last: str) -> Iterator[str]:
    roles = [message["role"] for message in messages]
    spoken = roles[1:] if roles[0] == "system" else roles
    if "system" in spoken:
        yield "a system turn stands after the first"
    elif any(role != ("user", "assistant")[i % 2] for i, role in enumerate(spoken)):
        yield f"roles must be user, assistant in turn; found {', '.join(spoken)}"
    elif not spoken or spoken[-1] != last:
        yield f"the last turn must be the {last}'s"


def _sides(row: Row) -> Iterator[str]:
    yield from _turns(row["prompt"], "user")
    chosen, rejected = (" ".join(row[side][0]["content"].split()) for side in ("chosen", "rejected"))
    if chosen == rejected:
        yield "chosen and rejected are the same text"


def _metadata(text: str) -> Iterator[str]:
    try:
        whole = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        yield "metadata must be a JSON object in a string"


def messages(row: Row) -> list[Message]:
    """Return a table row as one conversation."""
    prompt = [{"role": m["role"], "content": m["content"]} for m in row["prompt"]]
    return [*prompt, {"role": "assistant", "content": row["response"]}]


def pair(chosen: Row, rejected: Row) -> dict[str, Any]:
    """Return two table rows as a preference row, without its metadata."""
    return {
        "id": content_id("pair", chosen["id"], rejected["id"]),
        "prompt": messages(chosen)[:-1],
        "chosen": messages(chosen)[-1:],
        "rejected": messages(rejected)[-1:],
    }


def validate(path: Path) -> tuple[dict[str, int], list[Problem]]:
    """Hold a file (.parquet, .jsonl) or a built dataset's folder against the schemas.

    Returns:
        (rows read by file, problems found). A row's number counts from 1.

    Raises:
        InputError: there is nothing to read.
    """
    files = [path] if path.is_file() else sorted(f for kind in KINDS for f in path.glob(f"{kind}/*.parquet"))
    if not files:
        fix = "expected a .parquet or .jsonl file, or a folder with sft/ or preference/"
        raise InputError([Problem(str(path), 0, "no .parquet or .jsonl to validate", fix)])
    counts: dict[str, int] = {}
    problems: list[Problem] = []
    for file in files:
        counts[str(file)] = 0
        for number, row in _rows(file):
            counts[str(file)] += 1
            if isinstance(row, str):
                problems.append(Problem(str(file), number, row))
                continue
            kind = "preference" if "chosen" in row else "sft"
            problems += [Problem(str(file), number, f"not {latest(kind)}: {wrong}") for wrong in faults(kind, row)]
            if len(problems) >= _MOST_PROBLEMS:
                return counts, [*problems, Problem(str(file), number, "stopped here: too many problems")]
    return counts, problems


def _rows(file: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield (row number, row), or (row number, why it cannot be read)."""
    if file.suffix == ".parquet":
        import pyarrow.lib
        import pyarrow.parquet

        try:
            with pyarrow.parquet.ParquetFile(file) as parquet:
                number = 0
                for batch in parquet.iter_batches(1000):
                    for row in batch.to_pylist():
                        number += 1
                        yield number, row
        except (pyarrow.lib.ArrowException, OSError) as error:
            raise InputError([Problem(str(file), 0, f"not a readable parquet file: {error}")]) from None
        return
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    if not line.strip():
                        continue
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    yield number, f"not JSON: {error}"
                    continue
                yield (
                    number,
                    row if isinstance(row, dict) else f"expected an object; found {type(row).__name__}",
                )
    except UnicodeDecodeError as error:
        raise InputError([Problem(str(file), 0, f"not UTF-8 text: byte {error.start}")]) from None
