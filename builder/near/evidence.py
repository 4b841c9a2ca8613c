"""What is said of a row that goes: the reason, and the evidence a person can argue with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from builder.config import DedupConfig
from builder.near import said
from builder.near.earlier import Earlier

if TYPE_CHECKING:
    import polars as pl

    from builder.shards import Shards


def described(
    shards: Shards, gone: pl.DataFrame, earlier: Earlier, ids: pl.Series, config: DedupConfig
) -> pl.DataFrame:
    """Say of each row that goes: row, twin (the id of the one that stays), reason, evidence."""
    import polars as pl

    twins = gone["twin"].unique()
    wanted = pl.concat([twins.filter(twins >= 0), gone.filter(jaccard=1.0, kind="near-duplicate")["row"]])
    told_of = said.beginnings(shards, wanted, config.on)
    ids = pl.concat([earlier.rows["id"], ids])
    known = earlier.rows.height
    shown = dict(zip(told_of["row"], told_of["shown"], strict=True))
    whole = dict(zip(told_of["row"], told_of["identity"], strict=True))
    origins = {}
    before = earlier.rows.select("shown", "identity", "origin").with_row_index()
    for row, text, number, origin in before[twins.filter(twins < 0) + known].iter_rows():
        shown[row - known], whole[row - known], origins[row - known] = text, number, origin
    stays = dict(gone.select("row", "twin").iter_rows())
    told: dict[str, list[Any]] = {"row": [], "twin": [], "kind": [], "reason": [], "evidence": []}
    for row, twin, jaccard, kind in gone.iter_rows():
        if kind == "near-duplicate" and jaccard == 1 and whole[row] == whole[twin]:
            kind = "exact duplicate"
        last = twin
        while last in stays:  # the twin went later, as a copy of a template or of a meaning
            last = stays[last]
        reasons = {
            "near-duplicate": f"near-duplicate: {jaccard or 0:.2f} of {ids[twin + known]}",
            "same meaning": f"same meaning: {jaccard or 0:.2f} of {ids[twin + known]}",
            "template": f"template: more than {config.max_per_template} like {ids[twin + known]}",
        }
        evidence = {"twin": ids[last + known]} | ({"like": ids[twin + known]} if last != twin else {})
        evidence |= {"in": origins[last]} if last in origins else {}
        evidence |= {} if jaccard is None else {"cosine" if kind == "same meaning" else "jaccard": round(jaccard, 4)}
        evidence |= {"twin_text": shown[twin]}
        values = (row, ids[last + known], kind, reasons.get(kind, kind), json.dumps(evidence, ensure_ascii=False))
        for column, value in zip(told.values(), values, strict=True):
            column.append(value)
    text = dict.fromkeys(("twin", "kind", "reason", "evidence"), pl.String)
    return pl.DataFrame(told, schema={"row": pl.Int64} | text)
