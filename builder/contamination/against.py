"""Everything that rows are held against, indexed once, and the look at rows: a line for each pair with something.

    row  side    text  coverage  length  place  run  run_place  equal  jaccard  cosine
    7    prompt  512   0.83      21      4      21   4          false  null     null

`text` is the benchmark's text, `coverage` the share of it that 8-grams of the row cover, `length` and `place` the
longest run of them in the row's tokens; `run` and `run_place` the same by 13-grams, null without any.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from builder.config import DecontaminateConfig
from builder.contamination import benchmarks, leaks
from builder.contamination.index import Index
from builder.contamination.similar import Similar
from builder.rows import canonical_json
from builder.tokens import Tokens, tokenise

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

_TOGETHER = 1 << 22
"""Bytes of text looked at together."""
_PAIR = ["row", "side", "text"]


def against(config: DecontaminateConfig, base: Path) -> Against:
    """Index the benchmarks of a config; once in a process, while they are the same.

    Raises:
        InputError: one cannot be read, or the embedding model cannot be loaded.
    """
    prints = benchmarks.fingerprints(config.against, base)
    return _cached(canonical_json(config.model_dump()), base, tuple(sorted(prints.items())))


@lru_cache(maxsize=2)
def _cached(said: str, base: Path, prints: tuple[tuple[str, str], ...]) -> Against:
    return Against(DecontaminateConfig.model_validate_json(said), base)


class Against:
    """The texts of all benchmarks, each once, and their indexes."""

    def __init__(self, config: DecontaminateConfig, base: Path) -> None:
        """Read and index them."""
        import numpy as np
        import polars as pl

        self.benchmarks = benchmarks.read(config.against, base)
        every = [text for benchmark in self.benchmarks for text in benchmark.texts]
        tokens = tokenise(pl.Series([text.text for text in every], dtype=pl.String))
        counts = np.diff(tokens.starts)
        asked = np.array([text.part == "question" for text in every])
        # an answer of a few words ("42", "yes") says nothing about where it comes from
        (kept,) = np.nonzero((counts > 0) & (asked | (counts >= config.coverage_ngram)))
        kept = _first_of_equals(tokens, kept)
        self.texts = [every[number] for number in kept.tolist()]
        """What the numbers in `look` are of; a text that stands in several places, as it stands in the first."""
        tokens = leaks.some(tokens, kept)
        number = {benchmark.name: n for n, benchmark in enumerate(self.benchmarks)}
        owner = np.array([number[text.benchmark] for text in self.texts], np.int64)
        self._long = Index(tokens, config.ngram, owner, config.common)
        self._short = Index(tokens, config.coverage_ngram, owner, config.common)
        self.own = leaks.own_tokens(self._short)
        """Of each text, how many tokens can be covered: those of no template."""
        asked = asked[kept]
        self.short = np.flatnonzero(asked & (self.own == 0))
        """Questions without an n-gram that says anything: found where a prompt has the same tokens and no others."""
        few = leaks.some(tokens, self.short)
        self._lengths = np.unique(np.diff(few.starts))
        self._wholes = pl.DataFrame({"whole": leaks.whole(few), "text": self.short})
        self._questions = np.flatnonzero(asked)
        self._similar = None
        if config.near is not None:
            self._similar = Similar(leaks.some(tokens, self._questions), config.near, config.ngram)
        self._model = config.semantic
        if self._model is not None:
            from builder.embeddings import embed, located

            self._name = located(self._model.model, base)
            self._vectors = embed([self.texts[n].text for n in self._questions.tolist()], self._name)

    def look(self, sides: dict[str, pl.Series]) -> pl.DataFrame:
        """Hold the texts of rows against the benchmarks.

        Args:
            sides: by name (prompt, response, system), the text of every row, null for none. Short texts,
                near-duplicates and meanings are looked for in `prompt` only.
        """
        import polars as pl

        found = [_pairs()]
        for side, texts in sides.items():
            for at, some in _cut(texts):
                tokens = tokenise(some)
                parts = [self._overlaps(tokens)]
                if side == "prompt":
                    parts += [self._equal(tokens), self._alike(tokens)]
                for part in parts:
                    if part.height:
                        found.append(part.with_columns(pl.col("row") + at, side=pl.lit(side)))
        if self._model is not None and "prompt" in sides:
            found.append(self._same_meaning(sides["prompt"]))
        values = [name for name in _pairs().columns if name not in _PAIR]
        pairs = (
            pl.concat(found, how="diagonal").group_by(_PAIR).agg(pl.col(name).drop_nulls().first() for name in values)
        )
        return pairs.sort("row", "text", "side")

    def _overlaps(self, tokens: Tokens) -> pl.DataFrame:
        import numpy as np
        import polars as pl

        hits = self._short.find(tokens)
        short = leaks.overlaps(hits, self._short)
        # what has no short n-gram has no long one
        rows = np.unique(hits.texts)
        long = leaks.overlaps(self._long.find(leaks.some(tokens, rows)), self._long)
        covered = {"row": short.texts, "text": short.indexed, "coverage": short.covered / self.own[short.indexed]}
        covered |= {"covered": short.covered, "length": short.length, "place": short.place}
        runs = {"row": rows[long.texts], "text": long.indexed, "run": long.length, "run_place": long.place}
        return pl.concat([pl.DataFrame(covered), pl.DataFrame(runs)], how="diagonal")

    def _equal(self, tokens: Tokens) -> pl.DataFrame:
        import numpy as np
        import polars as pl

        (rows,) = np.nonzero(np.isin(np.diff(tokens.starts), self._lengths))
        wholes = pl.DataFrame({"row": rows, "whole": leaks.whole(leaks.some(tokens, rows))})
        met = wholes.join(self._wholes, on="whole")
        return met.select("row", "text", equal=True)

    def _alike(self, tokens: Tokens) -> pl.DataFrame:
        import polars as pl

        if self._similar is None:
            return _pairs()
        alike = self._similar.find(tokens)
        return pl.DataFrame({"row": alike.texts, "text": self._questions[alike.indexed], "jaccard": alike.jaccard})

    def _same_meaning(self, prompts: pl.Series) -> pl.DataFrame:
        """Find the nearest question of every prompt, near or not; of equals the first."""
        import numpy as np
        import polars as pl

        from builder.embeddings import embed

        assert self._model is not None
        rows = pl.DataFrame({"row": np.arange(len(prompts)), "prompt": prompts}).drop_nulls()
        different = rows["prompt"].unique(maintain_order=True)
        vectors = embed(different.to_list(), self._name)
        nearest, cosine = np.zeros(len(vectors), np.int64), np.zeros(len(vectors))
        for at in range(0, len(vectors), 1024):
            alike = vectors[at : at + 1024] @ self._vectors.T
            nearest[at : at + 1024] = alike.argmax(axis=1)
            cosine[at : at + 1024] = alike.max(axis=1)
        found = {"prompt": different, "text": self._questions[nearest], "cosine": np.minimum(cosine, 1.0)}
        pairs = rows.join(pl.DataFrame(found), on="prompt").select("row", "text", "cosine")
        return pairs.with_columns(side=pl.lit("prompt"))


def _pairs() -> pl.DataFrame:
    import polars as pl

    whole, share = pl.Int64(), pl.Float64()
    counts = dict.fromkeys(("covered", "length", "place", "run", "run_place"), whole)
    kinds = {"row": whole, "side": pl.String(), "text": whole, "coverage": share, **counts, "equal": pl.Boolean()}
    return pl.DataFrame(schema=kinds | {"jaccard": share, "cosine": share})


def _first_of_equals(tokens: Tokens, texts: Rows) -> Rows:
    """Leave of texts with the same tokens the first."""
    import numpy as np

    seen: dict[bytes, int] = {}
    for text in texts.tolist():
        seen.setdefault(tokens.hashes[tokens.starts[text] : tokens.starts[text + 1]].tobytes(), text)
    return np.array([*seen.values()], np.int64)


def _cut(texts: pl.Series) -> Iterator[tuple[int, pl.Series]]:
    """Cut a column into pieces of about so many bytes, each with the number of its first text."""
    import numpy as np

    total = np.concatenate([[0], np.cumsum(texts.str.len_bytes().fill_null(0).to_numpy(), dtype=np.int64)])
    at = 0
    while at < len(texts):
        end = max(at + 1, int(np.searchsorted(total, total[at] + _TOGETHER, side="right")) - 1)
        yield at, texts.slice(at, end - at)
        at = end
