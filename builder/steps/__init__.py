"""The steps a recipe can list, on one page. A step is a plain function: step(table, config, context) -> table.

To add one: a file beside this one, a config class in builder/config.py, a line here, a test file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from builder import config
from builder.steps.dedup import dedup
from builder.steps.emit import emit
from builder.steps.generate import generate
from builder.steps.language import language
from builder.steps.near_miss import near_miss
from builder.steps.pair import pair
from builder.steps.quality import quality
from builder.steps.seed import seed
from builder.steps.verify import verify


class Step(NamedTuple):
    """A step and what `builder check` must know of it before anything is spent."""

    run: Callable[..., Any]
    config: type[config.Config]
    needs: tuple[str, ...] = ()
    """Columns that must be filled by an earlier step."""
    makes: tuple[str, ...] = ()
    """Columns it fills."""
    grows: bool = False
    """Whether it may add rows."""


STEPS: dict[str, Step] = {
    "seed": Step(seed, config.SeedConfig, makes=("prompt", "task", "checks"), grows=True),
    "generate": Step(
        generate, config.GenerateConfig, ("prompt",), ("response", "model", "call_key"), grows=True
    ),
    "verify": Step(verify, config.VerifyConfig, ("response",), ("verdict", "score")),
    "near_miss": Step(near_miss, config.NearMissConfig, ("response", "verdict"), ("near_miss",), grows=True),
    "language": Step(language, config.LanguageConfig, ("prompt",), ("lang", "lang_confidence")),
    "quality": Step(quality, config.QualityConfig, ("prompt",), ("response_chars", "repetition")),
    "dedup": Step(dedup, config.DedupConfig, ("prompt",), ("twin",)),
    "pair": Step(pair, config.PairConfig, ("response",), ("rejected_ids",)),
    "emit": Step(emit, config.EmitConfig, ("response",), ("split",)),
}
