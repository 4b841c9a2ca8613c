"""A ledger's answers, checked and carried: verify, export, import.

An export is JSON lines, gzipped where the name ends in .gz:

    {"key": "k1:6c0e…", "request": {…}, "text": "…", "finish_reason": "stop", "input_tokens": 12, …}
    {"key": "k1:91aa…", "failed": "timeout", "detail": "no answer in 120 s"}

A failure is carried too, so that a build replayed elsewhere rejects the same rows for the same reasons.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from builder.errors import InputError, Problem
from builder.ledger.store import ANSWER, Answer, Ledger, key_of
from builder.rows import canonical_json

_MOST_PROBLEMS = 50
_GROUP = 1_000
_COLUMNS = ("text", "finish_reason", "input_tokens", "output_tokens", "cached_tokens", "reasoning", "served_by")


def verify(ledger: Ledger) -> tuple[int, list[Problem]]:
    """Derive every key anew from the request it stands for, and hold the file against itself.

    Returns:
        (answers checked, what is wrong).
    """
    count, wrong = 0, list[Problem]()
    with ledger.plainly():
        for (said,) in ledger.db.execute("PRAGMA integrity_check(20)"):
            if said != "ok":
                wrong.append(Problem(str(ledger.path), 0, f"damaged: {said}", "export what is whole and import it"))
        for key, request in ledger.db.execute("SELECT key, request FROM calls ORDER BY id"):
            count += 1
            if (derived := _derive(request)) != key and len(wrong) < _MOST_PROBLEMS:
                what = f"{key} holds a request whose key is {derived or 'none: it is not canonical JSON'}"
                wrong.append(Problem(str(ledger.path), 0, what, "it was changed by hand: import a whole export"))
    return count, wrong


def _derive(request: str) -> str | None:
    try:
        return key_of(request) if canonical_json(json.loads(request)) == request else None
    except (ValueError, RecursionError):
        return None


class Moved(NamedTuple):
    """What an export or import did."""

    answers: int
    failures: int
    there: int = 0
    """Answers the ledger had already, and kept."""
    different: int = 0
    """Of those: they say something else than the imported ones."""


def export(ledger: Ledger, target: Path) -> Moved:
    """Write every answer, and the last failure of each key without one; whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    part = target.with_name(f".{target.name}.part")
    answers = failures = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _open(part, "wt", target.suffix == ".gz") as file, ledger.plainly():
            for key, request, answered_at, *answer in ledger.db.execute(
                f"SELECT key, request, answered_at, {ANSWER} FROM calls ORDER BY id"
            ):
                said = {name: value for name, value in zip(_COLUMNS, answer, strict=True) if value is not None}
                line = {"key": key, "request": json.loads(request), "answered_at": answered_at, "text": None} | said
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                answers += 1
            for key, outcome, detail in ledger.db.execute(
                "SELECT key, outcome, detail FROM attempts a WHERE id = (SELECT max(id) FROM attempts b"
                " WHERE b.key = a.key AND b.outcome <> 'answered') AND outcome <> 'answered'"
                " AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.key = a.key) ORDER BY id"
            ):
                file.write(
                    json.dumps({"key": key, "failed": outcome, "detail": detail or ""}, ensure_ascii=False) + "\n"
                )
                failures += 1
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError([Problem(str(target), 0, f"cannot be written: {error.strerror}")]) from None
    except ValueError:
        part.unlink(missing_ok=True)
        what = "holds a request that is no JSON"
        raise InputError([Problem(str(ledger.path), 0, what, "builder ledger verify says which")]) from None
    return Moved(answers, failures)


def import_(ledger: Ledger, source: Path) -> Moved:
    """Put the answers of an export in. An answer that is there stands. All lines are checked before one is written.

    Raises:
        InputError: lines that are no answers, or whose key is not their request's; nothing was imported.
    """
    problems: list[Problem] = []
    for number, line in _lines(source):
        if (what := _wrong_with(line)) is not None:
            problems.append(Problem(str(source), number, what, "expected a line of `builder ledger export`"))
        if len(problems) == _MOST_PROBLEMS:
            problems.append(Problem(str(source), number, "stopped here: too many problems"))
            break
    if problems:
        raise InputError(problems)
    moved = Moved(0, 0)
    with ledger.plainly(), ledger.transaction():
        for _, line in _lines(source):
            moved = _put(ledger, line, moved)
    return moved


def _put(ledger: Ledger, line: dict[str, Any], moved: Moved) -> Moved:
    key = line["key"]
    if "failed" in line:
        if not ledger.held([key]) and key not in ledger.failures([key]):
            now = time.time()  # of no teacher and no session: nothing was asked or spent here
            columns = "key, started_at, ended_at, outcome, detail"
            values = (key, now, now, line["failed"], line["detail"])
            ledger.db.execute(f"INSERT INTO attempts ({columns}) VALUES (?, ?, ?, ?, ?)", values)
        return moved._replace(failures=moved.failures + 1)
    answer = Answer(*(line.get(name) for name in _COLUMNS))
    if ledger.insert(key, canonical_json(line["request"]), answer, line["answered_at"]):
        return moved._replace(answers=moved.answers + 1)
    different = ledger.get([key])[key].text != answer.text
    return moved._replace(there=moved.there + 1, different=moved.different + different)


def _wrong_with(line: Any) -> str | None:
    """Say why a line cannot be imported."""
    if not isinstance(line, dict):
        return f"found {line}" if isinstance(line, str) else "found no JSON object"
    if not isinstance(line.get("key"), str):
        return "it has no key"
    if "failed" in line:
        whole = isinstance(line["failed"], str) and isinstance(line.get("detail"), str)
        return None if whole else "a failure must have `failed` and `detail`, both text"
    request = line.get("request")
    if not isinstance(request, dict):
        return "it has no request"
    try:
        derived = key_of(canonical_json(request))
    except ValueError as error:
        return f"its request cannot be hashed: {error}"
    if derived != line["key"]:
        return f"its key is {line['key'][:80]}, but its request's is {derived}"
    texts = all(isinstance(line.get(name), str | None) for name in ("text", "finish_reason", "reasoning", "served_by"))
    counts = (line.get(name) for name in ("input_tokens", "output_tokens", "cached_tokens"))
    if not texts or not all(count is None or (type(count) is int and 0 <= count < 2**63) for count in counts):
        return "its answer has a field of another type than text or a count of tokens"
    if not isinstance(line.get("answered_at"), int | float) or isinstance(line["answered_at"], bool):
        return "it does not say when it was answered"
    return None


def _lines(source: Path) -> Iterator[tuple[int, Any]]:
    """Yield (number, parsed line); of a line that is no JSON the reason, as text."""
    try:
        with _open(source, "rt", source.suffix == ".gz") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield number, json.loads(line)
                    except (ValueError, RecursionError) as error:
                        yield number, f"no JSON: {error}"
    except (OSError, EOFError, UnicodeDecodeError) as error:
        what = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise InputError([Problem(str(source), 0, what)]) from None


@contextmanager
def _open(path: Path, mode: str, zipped: bool) -> Iterator[IO[str]]:
    # a fixed time in the gzip header: the same answers give the same bytes
    if zipped:
        with (
            path.open(mode[0] + "b") as raw,
            gzip.GzipFile("", mode[0] + "b", 6, raw, 0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
        ):
            yield text
    else:
        with path.open(mode, encoding="utf-8", newline="\n") as text:
            yield text
    if mode[0] == "w":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
