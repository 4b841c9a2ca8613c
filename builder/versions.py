"""A version of a dataset is a folder that is either whole or not there, and that never changes once it is whole.

outputs/quickstart/0.1.0/           finished; the manifest in it names every file and its hash
outputs/quickstart/.0.1.0.building/ being written; renamed into place at the end
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from builder.errors import InputError, Problem
from builder.outputs import sha256

Manifest = dict[str, Any]


def finished(target: Path, identity: dict[str, Any]) -> Manifest | None:
    """Return the manifest if this very build is there and whole; None if a build may be put there.

    A preview may be replaced by any build, and a build in which calls failed by the same build.

    Args:
        target: the version's folder.
        identity: what decides the content; the manifest holds it under the same names.

    Raises:
        InputError: the version is there with other content, was changed since, or the folder is not ours.
    """
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return None
    try:
        manifest: Manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
        before = {name: manifest[name] for name in identity}
        preview, failed, files = manifest["preview"], manifest["spend"]["to_ask_again"], manifest["files"]
        changed = [name for name, hash in files.items() if _hash(target / name) != hash]
        foreign = sorted(_files(target) - {*files, "manifest.json"})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        fix = "move it away, or build with another --out"
        raise InputError([Problem(str(target), 0, "exists but is not a finished build", fix)]) from None
    if before == identity and not failed and not changed:
        return manifest
    if before != identity and not preview:
        differing = "; ".join(_differences(before, identity))
        what = f"this version is finished, and a version never changes; what differs: {differing}"
        raise InputError([Problem(str(target), 0, what, "raise `version` in the recipe, or build with another --out")])
    if touched := [name for name in changed if (target / name).exists()] + foreign:
        fix = "move them away, or the whole folder: its answers are in the ledger"
        raise InputError([Problem(str(target), 0, f"changed or added since it was built: {', '.join(touched)}", fix)])
    return None


def put(work: Path, target: Path) -> None:
    """Rename a finished folder into place; what `finished` allowed to be replaced goes only then."""
    old = work.with_name(f"{work.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    work.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}


def _hash(file: Path) -> str | None:
    return sha256(file) if file.is_file() else None


def _differences(before: Any, after: Any, path: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        keys = list(dict.fromkeys([*before, *after]))
        return [d for k in keys for d in _differences(before.get(k), after.get(k), f"{path}.{k}".lstrip("."))]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [d for i, (b, a) in pairs for d in _differences(b, a, f"{path}[{i}]")]
    return [] if before == after else [f"{path} was {before!r}, is {after!r}"]
