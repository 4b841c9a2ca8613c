"""Instruction-dataset construction: from seed instructions to SFT and preference datasets.

    from builder import build, load_recipe
    built = build(load_recipe("quickstart"), out=Path("outputs"))

Names are loaded when first used: importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from builder.errors import BuilderError, InputError
    from builder.ledger import Ledger
    from builder.pipeline import Built, build, load_recipe
    from builder.teacher.embedded_llm import EmbeddedLLM

__all__ = ["BuilderError", "Built", "EmbeddedLLM", "InputError", "Ledger", "build", "load_recipe"]

_HOME = {
    "BuilderError": "builder.errors",
    "Built": "builder.pipeline",
    "InputError": "builder.errors",
    "Ledger": "builder.ledger",
    "build": "builder.pipeline",
    "EmbeddedLLM": "builder.teacher.embedded_llm",
    "load_recipe": "builder.pipeline",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'builder' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
