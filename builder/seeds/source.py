"""Find the seeds a recipe names, choose their reader by the ending, and fingerprint them for the manifest."""

from __future__ import annotations

import difflib
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.config import SeedConfig
from builder.rows import canonical_json
from builder.seeds.lines import READERS, Line, refusal
from builder.seeds.tables import hub, parquet, saved

_MAGIC = {b"PAR1": ".parquet", b"\x1f\x8b": ".gz", b"PK\x03\x04": ".zip"}


@dataclass(frozen=True)
class Source:
    """What is read: `lines` can be walked once."""

    name: str
    """As it stands in a row's `source`: the file's name or the dataset's."""
    place: str
    """As it stands in an error: a path an editor can open."""
    unit: str
    """What is counted: lines or rows."""
    lines: Iterator[Line]


def open_source(config: SeedConfig, base: Path) -> Source:
    """Open the file, folder or dataset of a config; its lines are read as they are walked.

    Raises:
        InputError: it is missing, empty, not what its ending says, or (while walking) not readable.
    """
    if config.dataset is not None:
        return Source(config.dataset, config.dataset, "rows", hub(config))
    path = _locate(str(config.path), base)
    place = str(path)
    if path.is_dir():
        return Source(path.name, place, "rows", saved(path, config))
    ending = _ending(path)
    if ending == ".parquet":
        return Source(path.name, place, "rows", parquet(path, config))
    unit = "rows" if ending == ".json" else "lines"
    return Source(path.name, place, unit, _guarded(READERS[ending](path), path))


def fingerprint(config: SeedConfig, base: Path) -> dict[str, str]:
    """Say what went in, for the manifest: `{"seeds.jsonl": "sha256:9f2c…"}`.

    A folder is hashed over its files' names and bytes. A Hub dataset is named with its revision, generated
    tasks with their parameters.

    Raises:
        InputError: the file is not there, empty, cannot be read or is not what its ending says.
    """
    if config.tasks is not None:
        return {"tasks": canonical_json(config.tasks.model_dump())}
    if config.dataset is not None:
        name = f"{config.dataset}/{config.config}" if config.config else config.dataset
        return {config.dataset: f"{name}@{config.revision or 'main'}:{config.split}"}
    path = _locate(str(config.path), base)
    try:
        if not path.is_dir():
            _ending(path)
            return {path.name: f"sha256:{_sha256(path)}"}
        files = sorted(file for file in path.rglob("*") if file.is_file())
        listing = [[file.relative_to(path).as_posix(), _sha256(file)] for file in files]
    except OSError as error:
        raise refusal(path, f"cannot be read: {error.strerror or error}") from None
    return {path.name: f"sha256:{hashlib.sha256(canonical_json(listing).encode()).hexdigest()}"}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _locate(given: str, base: Path) -> Path:
    try:
        path = base / Path(given).expanduser()
        if path.is_file() or path.is_dir():
            return path
        near = difflib.get_close_matches(path.name, [other.name for other in path.parent.iterdir()], 1, 0.8)
    except (OSError, RuntimeError, ValueError):  # no home, a name too long, a folder that is not there
        path, near = base / given, []
    fix = f"did you mean {near[0]!r}?" if near else "a path is relative to the recipe's folder"
    raise refusal(path, "no such file", fix)


def _ending(path: Path) -> str:
    """Return the ending that decides the reader, once the file's first bytes do not contradict it."""
    endings = [suffix.lower() for suffix in path.suffixes]
    packed = endings[-1:] == [".gz"]
    ending = "".join((endings[:-1] if packed else endings)[-1:])
    if ending not in READERS and (packed or ending != ".parquet"):
        known = ", ".join([*READERS, ".parquet"])
        what = f"unknown file extension {''.join(path.suffixes[-2:])!r}"
        raise refusal(path, what, f"known: {known}; text also as .gz")
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise refusal(path, f"cannot be read: {error.strerror or error}") from None
    if not head:
        raise refusal(path, "is empty")
    expected = ".gz" if packed else ".parquet" if ending == ".parquet" else "text"
    found = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "text")
    if found != expected:
        raise refusal(path, f"the extension says {expected}, the content is {found}")
    return ending


def _guarded(lines: Iterator[Line], path: Path) -> Iterator[Line]:
    try:
        yield from lines
    except (OSError, EOFError, zlib.error) as error:
        raise refusal(path, f"cannot be read: {error}") from None
