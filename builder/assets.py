"""Where templates/ and schemas/ live: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from builder.errors import BuilderError


def folder(kind: str) -> Traversable:
    """Return the folder `templates` or `schemas`; a Traversable, since a package may be a zip.

    In a checkout (and an editable install) the folder stands beside the package, but only if pyproject.toml is
    there too: `site-packages/templates` belongs to somebody else.
    """
    packaged = files("builder") / f"_{kind}"
    if packaged.is_dir():
        return packaged
    root = Path(__file__).resolve().parent.parent
    if (root / "pyproject.toml").is_file() and (root / kind).is_dir():
        return root / kind
    raise BuilderError(f"{kind}/ not found; looked in {packaged} and {root / kind}: the installation is broken")


def read(name: str, kind: str = "templates") -> str:
    """Return the text of a shipped file, e.g. `read("recipes/quickstart.yaml")`."""
    return folder(kind).joinpath(*name.split("/")).read_text(encoding="utf-8")


def names(inside: str, suffix: str, kind: str = "templates") -> list[str]:
    """List the shipped files in a folder, without their suffix, sorted."""
    here = folder(kind).joinpath(*inside.split("/")) if inside else folder(kind)
    return sorted(f.name.removesuffix(suffix) for f in here.iterdir() if f.name.endswith(suffix))
