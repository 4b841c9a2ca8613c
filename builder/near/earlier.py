"""Rows that were there before: of files and built datasets (`against`), and of a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from builder.config import DedupConfig, SeedConfig
from builder.errors import InputError, Problem
from builder.near import said
from builder.near.corpus import Corpus, identity
from builder.near.store import Store
from builder.seeds import Unreadable, open_source, recognise
from builder.tokens import unlisted

if TYPE_CHECKING:
    import polars as pl

    from builder.rows import Message

_TOGETHER = 10_000


class _Text(NamedTuple):
    id: str
    text: str
    system: str | None


class Earlier(NamedTuple):
    """What is remembered of the rows that came first in a corpus."""

    rows: pl.DataFrame
    """id, shown, identity, origin (the file or the build it came from): of each."""
    unread: int
    """Lines of `against` that could not be read."""


def add_earlier(corpus: Corpus, config: DedupConfig, base: Path, build: str) -> Earlier:
    """Add to an empty corpus what its rows are to be compared with.

    Raises:
        InputError: something of it cannot be read.
    """
    import polars as pl

    shape: dict[str, pl.DataType] = {
        "id": pl.String(),
        "shown": pl.String(),
        "identity": pl.UInt64(),
        "origin": pl.String(),
    }
    frames, unread = [pl.DataFrame(schema=shape)], 0
    for name in config.against:
        for source in sources(name, base):
            texts: list[_Text] = []
            for text in _texts(source, base, config.on):
                if text is None:
                    unread += 1
                    continue
                texts.append(text)
                if len(texts) == _TOGETHER:
                    frames.append(_added(corpus, texts, name, shape))
                    texts = []
            frames.append(_added(corpus, texts, name, shape))
    if (store := open_store(config, base)) is not None:
        for other, part in store.others(build):
            corpus.add_shingles(unlisted(part["shingles"]))
            frames.append(part.select("id", "identity", shown="text", origin=pl.lit(other)).select(*shape))
    return Earlier(pl.concat(frames), unread)


def sources(name: str, base: Path) -> list[SeedConfig]:
    """Say which files a name in `against` stands for: itself, or the SFT files of a built dataset.

    Raises:
        InputError: a folder of datasets, where one of them must be named.
    """
    folder = base / Path(name).expanduser()
    built = sorted((folder / "sft").glob("*.parquet"))
    if built:
        return [SeedConfig(path=str(file.absolute())) for file in built]
    if folder.is_dir() and (versions := sorted(folder.glob("*/manifest.json"))):
        what = "is a folder of datasets"
        raise InputError([Problem(str(folder), what=what, fix=f"name one, like {versions[-1].parent}")])
    return [SeedConfig(path=name)]


def open_store(config: DedupConfig, base: Path) -> Store | None:
    """Open the store of a config, if it names one."""
    if config.store is None:
        return None
    return Store(base / Path(config.store).expanduser(), on=config.on, shingle=config.shingle)


def _added(corpus: Corpus, texts: list[_Text], name: str, shape: dict[str, pl.DataType]) -> pl.DataFrame:
    import polars as pl

    rows = pl.DataFrame(texts, schema={"id": pl.String, "text": pl.String, "system": pl.String}, orient="row")
    corpus.add(rows["text"], said.numbers(rows["system"]))
    known = pl.Series([identity(text) for text in rows["text"]], dtype=pl.UInt64)
    return rows.select("id", shown=pl.col("text").str.slice(0, said.SHOWN), identity=known, origin=pl.lit(name)).select(
        *shape
    )


def _texts(source: SeedConfig, base: Path, on: str) -> Iterator[_Text | None]:
    """Read what is compared of each record; None for a line that cannot be read."""
    opened = open_source(source, base)
    for line in opened.lines:
        try:
            if line.problem:
                raise Unreadable(line.problem)
            seeds = recognise(line.value, {})
        except Unreadable:
            yield None
            continue
        for seed in seeds:
            text = _text(seed.prompt, seed.response, on)
            if text is not None:
                system = next((turn["content"] for turn in seed.prompt[:1] if turn["role"] == "system"), None)
                yield _Text(f"{opened.name}:{line.number}", text, system)


def _text(prompt: list[Message], response: str | None, on: str) -> str | None:
    if on == "response":
        return response
    said = [turn["content"] for turn in prompt if turn["role"] != "system"]
    return "\n".join(said if on == "prompt" or response is None else [*said, response])
