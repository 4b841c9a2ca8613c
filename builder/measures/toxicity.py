"""Toxicity of responses by a classifier of your choice, run on this machine by `transformers`.

    quality: {toxicity: {model: unitary/toxic-bert, label: toxic, max: 0.5}}

The score is the probability the model gives to that label. Long responses are cut at what the model reads.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import TYPE_CHECKING, Any

from builder.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

    from builder.config import ToxicityConfig
    from builder.context import Progress


def check() -> None:
    """Refuse before anything is spent.

    Raises:
        InputError: transformers or torch is not installed.
    """
    if missing := [name for name in ("transformers", "torch") if importlib.util.find_spec(name) is None]:
        fix = "pip install 'instruct-builder[toxicity]'"
        raise InputError([Problem(what=f"quality.toxicity needs {' and '.join(missing)}", fix=fix)])


def scores(texts: pl.Series, config: ToxicityConfig, progress: Progress) -> pl.Series:
    """Score each text from 0 to 1, rounded to 4 digits; null for null and for white space.

    Raises:
        InputError: the model cannot be loaded, or has no such label.
    """
    import polars as pl

    judge, most = _loaded(config)
    found: list[float | None] = []
    with progress("scoring toxicity", len(texts)) as advance:
        for text in texts:  # one by one: padding beside a longer text would change the last digits
            said = judge([text], truncation=True, max_length=most)[0] if text and not text.isspace() else None
            found.append(said and round(next(one["score"] for one in said if one["label"] == config.label), 4))
            advance(1)
    return pl.Series("toxicity", found, dtype=pl.Float64)


@cache
def _loaded(config: ToxicityConfig) -> tuple[Any, int]:
    """Return the pipeline, and how many tokens the model reads."""
    check()
    from transformers import pipeline

    name = f"{config.model}@{config.revision}" if config.revision else config.model
    try:
        judge = pipeline("text-classification", model=config.model, revision=config.revision, top_k=None)
    except (OSError, ValueError) as error:
        why = str(error).splitlines()[0][:200]
        raise InputError([Problem(what=f"quality.toxicity: cannot load {name}: {why}")]) from error
    labels = list(judge.model.config.id2label.values())
    if config.label not in labels:
        fix = f"it has {', '.join(labels[:20])}"
        raise InputError([Problem(what=f"quality.toxicity: {name} has no label {config.label!r}", fix=fix)])
    return judge, min(judge.tokenizer.model_max_length, getattr(judge.model.config, "max_position_embeddings", 512))
