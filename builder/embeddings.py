"""Sentence embeddings: texts as points on a sphere, near to each other where they mean the same.

    embed(["Name three fruits.", "List 3 fruits."], "all-MiniLM-L6-v2")    (2, 384), their product 0.9 or so

The model is one of sentence-transformers, or a static one of model2vec (a hundred times faster, and coarser): its name
on the Hub or a folder. Numbers may differ in the last digits between machines, so a threshold right at them may, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import InputError, Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

_INSTALL = "pip install 'instruct-builder[embeddings]'"
_TOGETHER = 64
"""Texts given to the model at once, of like length."""


def located(model: str, base: Path) -> str:
    """Say where a model lies: a folder beside the recipe where there is one, else the name as it stands."""
    folder = base / Path(model).expanduser()
    return str(folder.absolute()) if folder.is_dir() or model.startswith((".", "~")) else model


def check(model: str) -> dict[str, str]:
    """Refuse a model that cannot be loaded, as far as can be told without loading it; return its fingerprint.

    Returns:
        `{"embeddings NAME": "sha256:…"}` over the files of a folder, or the name again where it is on the Hub.

    Raises:
        InputError: no library to load it with is installed, or it is a folder that holds no model.
    """
    library = _library(model)
    if find_spec(library) is None:
        what = f"semantic: {model!r} needs {library.replace('_', '-')}, which is not installed"
        raise InputError([Problem(what=what, fix=_INSTALL)])
    folder = Path(model).expanduser()
    if not folder.is_dir():
        if folder.is_absolute() or model.startswith((".", "~")):
            raise InputError(
                [Problem(model, what="semantic: no such folder", fix="a model is a name on the Hub or a folder")]
            )
        return {f"embeddings {model}": model}
    if not list(folder.glob("*.json")):
        raise InputError([Problem(model, what="semantic: a folder that holds no model: no .json file in it")])
    return {f"embeddings {folder.name}": f"sha256:{_sha256(folder)}"}


def embed(texts: list[str], model: str) -> Vectors:
    """Return (texts, dimensions), each of length 1. What goes beyond the model's longest input is not seen.

    Raises:
        InputError: the model cannot be loaded.
    """
    import numpy as np

    encode, dimensions = _loaded(model)
    vectors = np.empty((len(texts), dimensions), np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # a batch is as slow as its longest text
    for at in range(0, len(order), _TOGETHER):
        rows = order[at : at + _TOGETHER]
        vectors[rows] = encode([texts[row] for row in rows])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.maximum(lengths, np.finfo(np.float32).tiny)
    return vectors


@lru_cache(maxsize=2)
def _loaded(model: str) -> tuple[Callable[[list[str]], Any], int]:
    check(model)
    path = str(Path(model).expanduser()) if Path(model).expanduser().is_dir() else model
    try:
        if _library(model) == "model2vec":
            from model2vec import StaticModel

            static = StaticModel.from_pretrained(path)
            return lambda texts: static.encode(texts, use_multiprocessing=False), int(static.dim)
        from sentence_transformers import SentenceTransformer

        found: Any = SentenceTransformer(path)
        return lambda texts: found.encode(texts, show_progress_bar=False), len(found.encode(["one"])[0])
    except Exception as error:  # the libraries raise whatever their readers and the network raise
        first = next(iter(str(error).strip().splitlines()), "")
        what = f"semantic: the model could not be loaded: {type(error).__name__}: {first[:300]}"
        raise InputError([Problem(model, what=what, fix="give a name on the Hub or a folder with a model")]) from error


def _library(model: str) -> str:
    """Tell which library loads it: model2vec what is static, as a folder says, and all where nothing else is there."""
    both = {name: find_spec(name) is not None for name in ("sentence_transformers", "model2vec")}
    try:
        modules = json.loads((Path(model).expanduser() / "modules.json").read_text(encoding="utf-8"))
        static = any("StaticEmbedding" in str(module.get("type")) for module in modules)
    except (OSError, ValueError, TypeError, AttributeError):
        static = not both["sentence_transformers"]
    return "model2vec" if static and both["model2vec"] else "sentence_transformers"


def _sha256(folder: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        total.update(f"{file.relative_to(folder).as_posix()} {digest}\n".encode())
    return total.hexdigest()
