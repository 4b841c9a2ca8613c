"""Read the text formats line by line: .jsonl, .json, .csv, .tsv and .txt, each also as .gz."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from builder.errors import InputError, Problem
from builder.seeds.shapes import QUESTIONS


class Line(NamedTuple):
    """One record as found: `value` is what was parsed; where it could not be, `problem` says why."""

    number: int
    """Counted from 1: the line in a text file, the row in a table or a .json list."""
    value: Any = None
    text: str = ""
    """As it stands in the file; empty where the file is not made of lines."""
    problem: str = ""


def refusal(place: str | Path, what: str, fix: str = "", line: int = 0) -> InputError:
    """Make the error for a source that cannot be used as a whole."""
    return InputError([Problem(str(place), line, what, fix)])


def jsonl(path: Path) -> Iterator[Line]:
    """Read one object a line."""
    first = True
    for number, line in _filled(path):
        if first and (line in ("[", "{") or line.startswith("[{")):
            raise _other(path, "one JSON document", "objects one a line", ".json")
        first = False
        try:
            yield Line(number, json.loads(line), line)
        except json.JSONDecodeError as error:
            yield Line(number, None, line, f"not JSON: {error.msg} at column {error.colno}")
        except (ValueError, RecursionError) as error:
            yield Line(number, None, line, f"not JSON: {_short(error)}")


def document(path: Path) -> Iterator[Line]:
    """Read one JSON document: a list of objects, an object with one list inside, or a single seed."""
    whole = "".join(text_lines(path))
    if not whole.strip():
        return
    try:
        found = json.loads(whole)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise _other(path, "more than one JSON document", "one list of objects", ".jsonl") from None
        raise refusal(path, f"not JSON: {error.msg} at column {error.colno}", line=error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise refusal(path, f"not JSON: {_short(error)}") from None
    for number, value in enumerate(_rows(path, found), 1):
        yield Line(number, value)


def comma_separated(path: Path, delimiter: str = ",") -> Iterator[Line]:
    """Read quoted fields under a header; a field may span lines, and a record counts from its first."""
    csv.field_size_limit(2**31 - 1)  # of the whole process; a long document is more than its 128 KiB
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in text_lines(path):
            taken.append(line)
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        number = reader.line_num + 1
        taken.clear()
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Line(number, None, "".join(taken).rstrip("\r\n"), f"not CSV: {error}")
            continue
        if cells is None:
            return
        record = "".join(taken).rstrip("\r\n")
        if not any(cell.strip() for cell in cells):
            continue
        if not header:
            header = _header(path, number, cells)
        elif len(cells) != len(header):
            problem = f"not CSV: found {len(cells)} fields, the header has {len(header)}"
            yield Line(number, None, record, problem)
        else:
            yield Line(number, dict(zip(header, cells, strict=True)), record)


def tab_separated(path: Path) -> Iterator[Line]:
    """Read CSV with tabs for commas."""
    return comma_separated(path, "\t")


def plain(path: Path) -> Iterator[Line]:
    """Read one instruction a line."""
    first = True
    for number, line in _filled(path):
        if first and line.startswith('{"'):
            raise _other(path, "JSON", "one instruction a line", ".jsonl or .json")
        first = False
        yield Line(number, {"instruction": line}, line)


READERS = {
    ".jsonl": jsonl,
    ".ndjson": jsonl,
    ".json": document,
    ".csv": comma_separated,
    ".tsv": tab_separated,
    ".txt": plain,
}


def text_lines(path: Path) -> Iterator[str]:
    r"""Decode a file line by line (`\n` only: U+2028 belongs to its line), without its byte order mark.

    Raises:
        InputError: a byte that is not UTF-8, with its offset in the (unpacked) file.
    """
    offset = 0
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).decode()
            except UnicodeDecodeError as error:
                wide = number == 1 and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
                at = offset + error.start + (3 if number == 1 and line.startswith(codecs.BOM_UTF8) else 0)
                what = f"not UTF-8: {error.reason} at byte {at}" + (", as in UTF-16" if wide else "")
                raise refusal(path, what, "save it as UTF-8", number) from None
            offset += len(line)


def _filled(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text_lines(path), 1):
        if stripped := line.strip():
            yield number, stripped


def _rows(path: Path, found: Any) -> list[Any]:
    if isinstance(found, list):
        return found
    if isinstance(found, dict):
        chat = any(isinstance(found.get(name), list) for name in ("messages", "conversations"))
        if chat or any(isinstance(found.get(name), str) for name in QUESTIONS):
            return [found]
        lists = [name for name, value in found.items() if isinstance(value, list)]
        if len(lists) == 1:
            rows: list[Any] = found[lists[0]]
            return rows
        names = f" ({', '.join(lists)})" if lists else ""
        what = f"an object with {len(lists)} lists inside{names}, expected one"
        raise refusal(path, what, "write a list of objects")
    raise refusal(path, "neither a list nor an object", "write a list of objects")


def _header(path: Path, number: int, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if names[0].startswith(("{", "[")):
        raise _other(path, "JSON", "a header with column names", ".jsonl or .json")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise refusal(path, f"the header names {', '.join(twice)} more than once", line=number)
    return names


def _other(path: Path, found: str, expected: str, ending: str) -> InputError:
    return refusal(path, f"holds {found}, expected {expected}", f"name it {ending}")


def _short(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else "a number with too many digits"
