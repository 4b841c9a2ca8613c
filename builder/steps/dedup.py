"""Drop duplicates: one row of each cluster stays, every other names its twin and how near it is.

    prompt                                             mark
    "Name three fruits that grow on trees in Spain."   none
    "name three fruits that grow on trees in  spain."  "dedup: exact duplicate"
    "Name three fruits that grow on trees in Italy."   "dedup: near-duplicate: 0.75 of b2:5d0c…"
                                   with evidence  {"twin": "b2:5d0c…", "jaccard": 0.75, "twin_text": "Name …"}

A row goes if a row that stays has a Jaccard similarity of shingle sets of at least the threshold with it, and only
then (`builder.near`): nothing is missed, nothing is dropped by chance, and no order of work changes the outcome.

Siblings, the answers to one seed's prompt, are there to be compared with each other: never near-duplicates.
Only the very same answer is one too many, exactly: a near miss may differ in case or spacing alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from builder import rows
from builder.errors import InputError, Problem
from builder.near import said
from builder.near.corpus import Corpus, identity, shingled
from builder.near.earlier import Earlier, add_earlier, open_store, sources
from builder.near.evidence import described
from builder.near.templates import skeleton
from builder.seeds import fingerprint as file_hashes
from builder.tokens import fingerprint, listed, mixed, unlisted

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from builder.config import DedupConfig
    from builder.context import Context
    from builder.shards import Shards

    Keys = NDArray[np.uint64]
    Rows = NDArray[np.int64]


_CROWD = 100
"""Near-duplicates of one row from which it is said: they may be different questions to one text."""


def dedup(shards: Shards, config: DedupConfig, context: Context) -> Iterator[pl.DataFrame]:
    """Fill twin (id of the row that stays, else null); drop duplicates among the rows not dropped yet."""
    import polars as pl

    whole, permutations = config.on != "response", config.permutations if config.method == "minhash" else None
    with tempfile.TemporaryDirectory(prefix="dedup-", dir=context.scratch) as folder:
        corpus = Corpus(Path(folder), config.shingle, whole=whole, permutations=permutations)
        earlier = add_earlier(corpus, config, context.base, context.build)
        about = _look(shards, corpus, config, context)
        gone = _near(corpus, earlier, about, config)
    gone = _more(gone, _same_answers(about, gone))
    if config.max_per_template is not None:
        gone = _more(gone, _templates(about, gone, config.max_per_template))
    if config.semantic is not None:
        gone = _more(gone, _semantic(shards, about, gone, config, context.base))
    gone = described(shards, gone, earlier, about["id"], config)
    _note(gone, about, earlier, config, context)
    at = 0
    for shard in shards:
        own = pl.DataFrame({"row": range(at, at + shard.height)}, schema={"row": pl.Int64})
        own = own.join(gone, on="row", how="left", maintain_order="left")
        at += shard.height
        reason, evidence = (pl.lit(own[name]) for name in ("reason", "evidence"))
        yield rows.drop(shard.with_columns(twin=own["twin"]), "dedup", reason.is_not_null(), reason, evidence)
    if (store := open_store(config, context.base)) is not None and context.limit is None:
        context.afterwards.append(lambda emitted: store.put(context.build, _kept(emitted, config)))


def check(config: DedupConfig, base: Path) -> dict[str, str]:
    """Refuse what is compared with where it is not there; return its hashes. A store grows: it is no identity."""
    hashes: dict[str, str] = {}
    problems = []
    looks: list[Callable[..., dict[str, str]]] = [*(partial(_fingerprints, name) for name in config.against), _usable]
    for look in looks:
        try:
            hashes |= look(config, base)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return hashes


def _fingerprints(name: str, config: DedupConfig, base: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in sources(name, base):
        found |= {f"against {name} {file}": hash for file, hash in file_hashes(source, base).items()}
    return found


def _usable(config: DedupConfig, base: Path) -> dict[str, str]:
    open_store(config, base)
    if config.semantic is not None:
        from builder import embeddings

        return embeddings.check(embeddings.located(config.semantic.model, base))
    return {}


def _look(shards: Shards, corpus: Corpus, config: DedupConfig, context: Context) -> pl.DataFrame:
    """Add the rows to the corpus; return a line of numbers for each, in the order of the table."""
    import polars as pl

    lines = []
    for seen in context.spread(partial(_seen, config), shards):
        corpus.add_shingles(unlisted(seen["shingles"]))
        lines.append(seen.drop("shingles"))
    about = pl.concat(lines).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    return about.with_columns(alone=pl.len().over("family") == 1, rank=_rank(about, config.keep))


def _seen(config: DedupConfig, shard: pl.DataFrame) -> pl.DataFrame:
    """Look at a shard: the shingles of each row, and the numbers that decide."""
    import polars as pl

    live, text = pl.col("dropped").is_null(), said.text(config.on)
    told = shard.select(text=pl.when(live).then(text), system=said.system())
    whole = config.on != "response"
    shingles = listed(shingled(told["text"], config.shingle, whole, said.numbers(told["system"])))
    family = fingerprint(shard["seed_id"]) ^ mixed(fingerprint(shard["prompt_id"]))
    answer = mixed(family ^ fingerprint(shard["response"]))
    unfit = [pl.col(name).is_not_null() for name in ("failed", "near_miss") if name in shard.columns]
    return shard.select(
        "id",
        live=live & text.is_not_null(),
        unfit=pl.any_horizontal(pl.lit(False), *unfit),
        value=_value(shard, config.keep),
        family=pl.lit(pl.Series(family)),
        answer=pl.when(pl.col("response").is_not_null()).then(pl.lit(pl.Series(answer))),
        template=pl.lit(_skeletons(shard, config)),
        shingles=pl.lit(shingles),
    )


def _skeletons(shard: pl.DataFrame, config: DedupConfig) -> pl.Series:
    """Number the templates of a shard's rows; null where no cap is set."""
    import polars as pl

    if config.max_per_template is None:
        return pl.repeat(None, shard.height, dtype=pl.UInt64, eager=True)
    masked = shard.select(text=skeleton(said.text(config.on)))["text"]
    return pl.Series(fingerprint(masked)).set(masked.is_null(), None)


def _value(shard: pl.DataFrame, keep: str) -> pl.Expr:
    import polars as pl

    if keep == "first":
        return pl.lit(None, pl.Float64)
    if keep not in shard.columns or not shard.schema[keep].is_numeric():
        numeric = ", ".join(name for name, kind in shard.schema.items() if kind.is_numeric()) or "none"
        what = f"dedup: keep: no column {keep!r} with numbers here; found {numeric}"
        raise InputError([Problem(what=what, fix="put the step that makes it before `dedup`, or keep: first")])
    return pl.col(keep).cast(pl.Float64)


def _rank(about: pl.DataFrame, keep: str) -> pl.Series:
    """Say which row stays rather than which: the lower number.

    Rows that could be emitted go first: a prompt whose answer failed takes no place from one with a good answer.
    """
    import polars as pl

    ties = "row" if keep == "first" else "id"  # an id says what a row is, so its order is no matter of chance
    sorted_ = about.sort("unfit", -pl.col("value"), ties, nulls_last=True)
    return sorted_.select("row", rank=pl.int_range(pl.len())).sort("row")["rank"]


def _near(corpus: Corpus, earlier: Earlier, about: pl.DataFrame, config: DedupConfig) -> pl.DataFrame:
    """Name the near-duplicates: row, twin (a row; below 0 an earlier one, from the last), jaccard, kind."""
    import numpy as np
    import polars as pl

    known = earlier.rows.height
    rank = np.concatenate([np.arange(known), about["rank"].to_numpy() + known])
    counts = np.concatenate([np.ones(known, bool), about["live"].to_numpy()])
    family = np.concatenate([np.zeros(known, np.uint64), about["family"].to_numpy()])
    alone = np.concatenate([np.ones(known, bool), about["alone"].to_numpy()])
    found = corpus.twins(config.threshold, rank, counts, family, alone)
    gone = pl.DataFrame({"row": found.rows - known, "twin": found.twins - known, "jaccard": found.jaccard})
    return gone.filter(pl.col("row") >= 0).with_columns(kind=pl.lit("near-duplicate"))


def _more(gone: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return gone.vstack(found.select(gone.columns))


def _staying(about: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Return the live rows that nothing was found against yet, by rank."""
    return about.filter("live").join(gone, on="row", how="anti").sort("rank")


def _same_answers(about: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Among siblings that stay, find answers that an earlier one gave exactly so."""
    import polars as pl

    answered = _staying(about, gone).filter(pl.col("answer").is_not_null() & ~pl.col("alone"))
    first = answered.with_columns(twin=pl.col("row").first().over("answer")).filter(pl.col("row") != pl.col("twin"))
    return first.with_columns(jaccard=pl.lit(1.0), kind=pl.lit("same answer as a sibling"))


def _templates(about: pl.DataFrame, gone: pl.DataFrame, most: int) -> pl.DataFrame:
    """Find rows of templates that have so many families of rows already; the first is named."""
    import polars as pl

    stay = _staying(about, gone).filter(pl.col("template").is_not_null())
    both = ["template", "family"]
    places = stay.unique(both, keep="first", maintain_order=True).select(
        *both, place=pl.int_range(pl.len()).over("template")
    )
    first = pl.col("row").first().over("template")
    beyond = stay.join(places, on=both, maintain_order="left").with_columns(
        twin=first, jaccard=pl.lit(None, pl.Float64), kind=pl.lit("template")
    )
    return beyond.filter(pl.col("place") >= most)


def _semantic(shards: Shards, about: pl.DataFrame, gone: pl.DataFrame, config: DedupConfig, base: Path) -> pl.DataFrame:
    """Find rows that mean the same as one that stays."""
    import polars as pl

    from builder import embeddings
    from builder.near.semantic import find

    assert config.semantic is not None
    stay = _staying(about, gone)
    texts = stay.join(said.texts(shards, stay["row"], config.on), on="row", maintain_order="left")
    vectors = embeddings.embed(texts["text"].to_list(), embeddings.located(config.semantic.model, base))
    found = find(vectors, config.semantic.threshold, texts["family"].to_numpy())
    twins = {"row": texts["row"].gather(found.rows), "twin": texts["row"].gather(found.twins), "jaccard": found.jaccard}
    return pl.DataFrame(twins).with_columns(kind=pl.lit("same meaning"))


def _note(gone: pl.DataFrame, about: pl.DataFrame, earlier: Earlier, config: DedupConfig, context: Context) -> None:
    near = gone.filter(kind="near-duplicate")
    most = near.group_by("twin").len().sort("len", "twin", descending=[True, False]).head(1)
    crowd = most["len"].sum()
    if near.height > about.height / 2 or crowd > max(_CROWD, about.height / 100):
        one = f", {crowd} of them of {most['twin'][0]}" if crowd > 1 else ""
        context.notes.append(
            f"dedup: {near.height} of {about.height} rows are near-duplicates at threshold {config.threshold}{one}; "
            "where prompts share a long text with different questions to it, a higher threshold tells them apart"
        )
    if earlier.rows.height or earlier.unread:
        unread = f"; {earlier.unread} lines of `against` could not be read" if earlier.unread else ""
        context.notes.append(f"dedup: compared with {earlier.rows.height} earlier rows, too{unread}")
    if config.method == "minhash":
        from builder.near.minhash import optimal_bands

        bands, length = optimal_bands(config.threshold, config.permutations)
        found = 1 - (1 - config.threshold**length) ** bands
        context.notes.append(
            f"dedup: minhash finds about {found:.0%} of the pairs at similarity {config.threshold} and confirms none; "
            "method: exact finds all and only those"
        )


def _kept(emitted: Shards, config: DedupConfig) -> Iterator[pl.DataFrame]:
    """Yield what a store remembers of the rows that a build emits."""
    import polars as pl

    for shard in emitted.frames(["id", "prompt", "response"]):
        kept = shard.select("id", text=said.text(config.on), system=said.system()).drop_nulls("text")
        made = shingled(kept["text"], config.shingle, config.on != "response", said.numbers(kept["system"]))
        known = pl.Series([identity(text) for text in kept["text"]], dtype=pl.UInt64)
        yield kept.select("id", pl.col("text").str.slice(0, said.SHOWN), identity=known, shingles=listed(made))
