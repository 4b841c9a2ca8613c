"""The steps a recipe can list, on one page. A step is a plain function: step(table, config, context) -> table.

The table of a large build is a sequence of shards, so a step says what it must see at once:

    over "rows"     what becomes of a row depends on that row alone: the step gets one shard after another
    over "shards"   step(shards, config, context) yields a frame for each shard: it walks over them as it likes
                    (`builder.shards`), to learn of the whole first and then to stream; out of nothing, any number
    over "table"    the step gets the whole table, in memory

To add one: a file beside this one, a config class in builder/config.py, a line here, a test file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from builder import config
from builder.steps import (
    decontaminate,
    dedup,
    emit,
    generate,
    judge,
    language,
    near_miss,
    pair,
    quality,
    redact,
    seed,
    verify,
)


class Step(NamedTuple):
    """A step and what `builder check` must know of it before anything is spent."""

    run: Callable[..., Any]
    config: type[config.Config]
    needs: tuple[str, ...] = ()
    """Columns that must be filled by an earlier step."""
    makes: tuple[str, ...] = ()
    """Columns it fills that place it before another step; whatever else it measures it just adds."""
    grows: bool = False
    """Whether it may add rows."""
    over: Literal["rows", "shards", "table"] = "table"
    """What it is called on, see above."""
    check: Callable[[Any, Path], dict[str, str]] = lambda config, base: {}
    """(config, recipe's folder) -> hashes of what it reads beside the table; raises InputError. Spends nothing."""


STEPS: dict[str, Step] = {
    "seed": Step(
        seed.seed,
        config.SeedConfig,
        makes=("prompt", "task", "checks"),
        grows=True,
        over="shards",
        check=seed.check,
    ),
    "generate": Step(
        generate.generate,
        config.GenerateConfig,
        needs=("prompt",),
        makes=("response", "model", "call_key"),
        grows=True,
        check=generate.check,
    ),
    "verify": Step(verify.verify, config.VerifyConfig, ("response",), ("verdict", "score")),
    "near_miss": Step(near_miss.near_miss, config.NearMissConfig, ("verdict",), ("near_miss",), grows=True),
    "language": Step(
        language.language,
        config.LanguageConfig,
        ("prompt",),
        ("lang", "lang_confidence"),
        over="rows",
        check=language.check,
    ),
    "quality": Step(
        quality.quality, config.QualityConfig, ("prompt",), quality.MEASURES, over="rows", check=quality.check
    ),
    "redact": Step(redact.redact, config.RedactConfig, ("prompt",), ("redacted",), grows=True, over="rows"),
    "dedup": Step(dedup.dedup, config.DedupConfig, ("prompt",), ("twin",), over="shards", check=dedup.check),
    "decontaminate": Step(
        decontaminate.decontaminate,
        config.DecontaminateConfig,
        ("prompt",),
        ("contamination",),
        over="rows",
        check=decontaminate.check,
    ),
    "judge": Step(judge.judge, config.JudgeConfig, ("response",), ("judgement", "score"), check=judge.check),
    "pair": Step(pair.pair, config.PairConfig, ("response",), ("rejected_ids",), over="shards"),
    "emit": Step(emit.emit, config.EmitConfig, ("response",), ("split",), over="shards"),
}
