"""Read benchmarks, from what any seed could be read from, as a list of texts that must not be trained on.

    gsm8k.jsonl:1   {"question": "Natalia sold clips …", "answer": "Natalia sold 48/2 = …"}
 -> Text("gsm8k.jsonl", 1, "question", "Natalia sold clips …")
    Text("gsm8k.jsonl", 1, "answer", "Natalia sold 48/2 = …")

More is read than of a seed: a number as answer, and a list of strings (the turns of MT-Bench, mapped choices) as lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from builder.config import BenchmarkConfig, SeedConfig
from builder.errors import InputError, Problem
from builder.rows import canonical_json
from builder.seeds import Unreadable, check_fields, fingerprint, open_source, recognise
from builder.seeds.shapes import ANSWERS, QUESTIONS

_READ = frozenset((*QUESTIONS, *ANSWERS, "input", "context", "instances"))


class Text(NamedTuple):
    """A text of a benchmark."""

    benchmark: str
    """Its name, as people read it."""
    row: int
    """Row (of a text file: line) it stands in, from 1."""
    part: str
    """question or answer."""
    text: str


class Benchmark(NamedTuple):
    """What was read of one."""

    name: str
    texts: tuple[Text, ...]
    bad: int
    """Rows that could not be read: nothing was held against them."""
    why: str
    """Why the first of them could not."""


def names(against: Sequence[BenchmarkConfig]) -> list[str]:
    """Name each benchmark: a file's name, a dataset's with its configuration and split; with its path where unclear."""
    short = [_name(one) for one in against]
    often = Counter(short)
    return [
        name if often[name] == 1 else one.path or f"{name} {one.revision or 'main'}"
        for name, one in zip(short, against, strict=True)
    ]


def fingerprints(against: Sequence[BenchmarkConfig], base: Path) -> dict[str, str]:
    """Say what the benchmarks are: `{"benchmark gsm8k.jsonl": "sha256:9f2c…"}`.

    Raises:
        InputError: with everything that is wrong with them; a Hub dataset's rows are not looked at.
    """
    prints: dict[str, str] = {}
    problems: list[Problem] = []
    for name, one in zip(names(against), against, strict=True):
        try:
            check_fields(one.fields)
            (prints[f"benchmark {name}"],) = fingerprint(_as_seed(one), base).values()
            if one.path is not None:
                _cached(canonical_json(one.model_dump()), name, base, prints[f"benchmark {name}"])
        except InputError as error:
            problems += [problem if problem.file else replace(problem, file=name) for problem in error.problems]
    if problems:
        raise InputError(problems)
    return prints


def read(against: Sequence[BenchmarkConfig], base: Path) -> list[Benchmark]:
    """Read all benchmarks, each once in a process while its file is the same.

    Raises:
        InputError: one cannot be read, or has no row that can be.
    """
    prints = fingerprints(against, base)
    return [
        _cached(canonical_json(one.model_dump()), name, base, prints[f"benchmark {name}"])
        for name, one in zip(names(against), against, strict=True)
    ]


def _name(one: BenchmarkConfig) -> str:
    if one.path is not None:
        return Path(one.path).name
    return " ".join(part for part in (one.dataset, one.config, one.split) if part)


def _as_seed(one: BenchmarkConfig) -> SeedConfig:
    return SeedConfig(
        path=one.path,
        dataset=one.dataset,
        config=one.config,
        split=one.split,
        revision=one.revision,
        fields=one.fields,
    )


@lru_cache(maxsize=64)
def _cached(said: str, name: str, base: Path, fingerprint: str) -> Benchmark:
    """Read one; `fingerprint` is there to tell a changed file from the one that was read."""
    one = BenchmarkConfig.model_validate_json(said)
    source = open_source(_as_seed(one), base)
    texts: list[Text] = []
    bad: list[Problem] = []
    count = 0
    unmet = set(one.fields.values())
    keys: list[str] = []
    for line in source.lines:
        count += 1
        if isinstance(line.value, dict):
            keys = keys or list(line.value)
            unmet.difference_update(line.value)
        try:
            if line.problem:
                raise Unreadable(line.problem)
            texts += _texts(name, line.number, _readable(line.value, one.fields), one)
        except Unreadable as error:
            bad.append(Problem(source.place, line.number, str(error)[:300]))
    problems = []
    if unmet and keys:
        what = f"`fields` maps {', '.join(sorted(unmet))}, which no row has; found the keys {', '.join(keys[:20])}"
        problems.append(Problem(source.place, what=what))
    elif not texts:
        problems.append(Problem(source.place, what=f"no benchmark row in {count} {source.unit}"))
        problems += bad[:1]
    if problems:
        raise InputError(problems)
    return Benchmark(name, tuple(texts), len(bad), str(bad[0]) if bad else "")


def _readable(record: Any, fields: Mapping[str, str]) -> Any:
    """Leave of a record what is asked and answered, as text."""
    if not isinstance(record, dict):
        return record
    wanted = _READ | set(fields.values())
    return {name: _plain(value) for name, value in record.items() if name in wanted}


def _plain(value: Any) -> Any:
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "\n".join(value)
    return value


def _texts(name: str, row: int, record: Any, one: BenchmarkConfig) -> Iterator[Text]:
    for seed in recognise(record, one.fields):
        yield Text(
            name, row, "question", "\n".join(said["content"] for said in seed.prompt if said["role"] != "system")
        )
        if one.answers and seed.response is not None:
            yield Text(name, row, "answer", seed.response)
