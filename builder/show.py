"""`builder show`: rows as a person reads them, and any row's whole way back to its seed.

    seed      seeds.jsonl:12, CC0-1.0, b2:91aa…
    template  b2:0c1e…
    call      k1:6c0e…, gpt-4o, draw 0, 212 tokens in, 40 out, stop
    verdict   + json_equals  - max_words  score 0.0

Row texts are printed as they are: no markup in them is read, control characters are shown as signs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import built
from builder.claims import teachers
from builder.errors import InputError, Problem
from builder.ledger import Ledger
from builder.readable import difference, fold, spaces, visible

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console
    from rich.text import Text

Row = dict[str, Any]

# Shown in lines of their own; what else a rejected row carries is a measure.
_TOLD = frozenset(
    (
        *("id", "parent", "seed_id", "prompt_id", "prompt", "response", "source", "license", "task", "checks"),
        *("dropped", "failed", "evidence", "template_hash", "teacher", "model", "call_key", "draw", "verdict"),
        *("finish_reason", "input_tokens", "output_tokens", "score", "split"),
    )
)


def dataset(path: Path, console: Console) -> None:
    """Print what a dataset holds: one line, one SFT row, one pair. The same rows every time.

    Raises:
        InputError: `path` is no dataset.
    """
    folder = built.find(path)
    told = built.manifest(folder)
    by = f", answered by {teachers(told)}" if told["teachers"] else ""
    counts = f"{told['rows']['sft']:,} SFT rows, {told['pairs']:,} pairs, {told['rows']['rejected']:,} rejected"
    _line(console, f"{told['name']} {told['version']}: {counts}{by}")
    for row in built.sample(folder, "sft", 1):
        _title(console, "an SFT row", row["id"], row["metadata"].get("task"))
        _turns(console, row["messages"], most=1500)
    for pair in built.sample(folder, "preference", 1):
        _title(console, "a preference pair", pair["id"], pair["metadata"].get("task"))
        _pair(console, pair, pair["metadata"], most=1500)


def row(path: Path, id: str, console: Console) -> None:
    """Print a row and its whole way back. `id` may be cut short, and may leave out the scheme before the colon.

    Raises:
        InputError: `path` is no dataset; no id begins so; several do.
    """
    folder = built.find(path)
    kind, whole = _find(folder, id.rstrip("…."))
    {"sft": _sft, "preference": _preference, "candidate": _candidate, "rejected": _rejected, "seed": _seed}[kind](
        folder, whole, console
    )


def _find(folder: Path, prefix: str) -> tuple[str, str]:
    """Return what kind of thing an id is, and the whole id."""
    import polars as pl

    def ids(frame: pl.LazyFrame | None, column: pl.Expr) -> list[str]:
        if frame is None:
            return []
        column = column.alias("id")
        begins = column.str.starts_with(prefix) | column.str.replace(r"^\w+:", "").str.starts_with(prefix)
        return frame.select(column).unique().filter(begins).head(100).collect()["id"].sort().to_list()

    provenance, rejects = built.scan_file(folder, "provenance"), built.scan_file(folder, "rejects")
    sides = provenance.filter(pl.col("kind") == "preference").select(pl.col("parents").explode())
    found: dict[str, str] = {}
    for kind, matches in (
        ("sft", ids(built.scan(folder, "sft"), pl.col("id"))),
        ("preference", ids(built.scan(folder, "preference"), pl.col("id"))),
        ("rejected", ids(rejects, pl.col("id"))),
        ("candidate", ids(sides, pl.col("parents"))),
        ("seed", ids(provenance, pl.col("seed_id")) + ids(rejects, pl.col("seed_id"))),
    ):
        for match in matches:
            found.setdefault(match, kind)
    if not found:
        fix = "give the beginning of an id of an SFT row, a pair, a pair's side, a rejected row or a seed"
        raise InputError([Problem(str(folder), 0, f"no id begins with {prefix!r}", fix)])
    if len(found) > 1:
        several = ", ".join(f"{id} ({kind})" for id, kind in list(found.items())[:5])
        what = f"{len(found)}{'+' if len(found) >= 100 else ''} ids begin with {prefix!r}"
        raise InputError([Problem(str(folder), 0, what, f"give more of it: {several}")])
    ((id, kind),) = found.items()
    return kind, id


def _sft(folder: Path, id: str, console: Console) -> None:
    import polars as pl

    row, origin = _emitted(folder, "sft", id)
    _title(console, "SFT row", id, origin["task"])
    _turns(console, row["messages"])
    pairs = built.scan_file(folder, "provenance").filter(pl.col("parents").list.contains(id), pl.col("kind") == "preference")
    facts = _way_back(folder, origin) | {"measures": _measures(row["metadata"])}
    _facts(console, facts | {"split": origin["split"], "chosen in": "\n".join(pairs.collect()["id"])})


def _preference(folder: Path, id: str, console: Console) -> None:
    row, origin = _emitted(folder, "preference", id)
    _title(console, "preference pair", id, origin["task"])
    _pair(console, row, row["metadata"])
    told = row["metadata"]
    facts = {"chosen": told["chosen_id"], "rejected": told["rejected_id"]} | _way_back(folder, origin)
    _facts(console, facts | {"measures": _measures(told), "split": origin["split"]})


def _candidate(folder: Path, id: str, console: Console) -> None:
    """Print a row that is in the dataset only as a side of a pair."""
    import polars as pl

    pairs = built.scan_file(folder, "provenance").filter(pl.col("kind") == "preference")
    origin = pairs.filter(pl.col("parents").list.contains(id)).head(1).collect().to_dicts()[0]
    row, _ = _emitted(folder, "preference", origin["id"])
    told = row["metadata"]
    side = "chosen" if told["chosen_id"] == id else "rejected"
    _title(console, f"the {side} side of a pair, and nothing else", id, origin["task"])
    _turns(console, [*row["prompt"], *row[side]])
    facts = {"pair": origin["id"], "beside": told["rejected_id" if side == "chosen" else "chosen_id"]}
    facts |= _way_back(folder, origin)
    if side == "rejected":
        facts |= {"verdict": "  ".join(f"- {label}" for label in told.get("broke", [])), "near miss": told.get("near_miss")}
    _facts(console, facts | {"split": origin["split"]})


def _rejected(folder: Path, id: str, console: Console) -> None:
    import polars as pl

    reject = built.scan_file(folder, "rejects").filter(pl.col("id") == id).collect().to_dicts()[0]
    row = json.loads(reject["row"])
    _title(console, "rejected row", id, row.get("task"))
    answer = [{"role": "assistant", "content": row["response"]}] if row.get("response") is not None else []
    _turns(console, [*row.get("prompt", []), *answer])
    keys = [row["call_key"]] if row.get("call_key") else []
    origin = row | {"call_keys": keys, "checks": row.get("verdict"), "parents": [row.get("parent")]}
    why = {"dropped by": reject["step"], "reason": reject["reason"], "evidence": reject["evidence"]}
    _facts(console, why | _way_back(folder, origin) | {"measures": _measures(row)})


def _seed(folder: Path, id: str, console: Console) -> None:
    import polars as pl

    emitted = built.scan_file(folder, "provenance").filter(pl.col("seed_id") == id).collect().to_dicts()
    rejects = built.scan_file(folder, "rejects").filter(pl.col("seed_id") == id).collect().to_dicts()
    some = (emitted or [json.loads(reject["row"]) for reject in rejects])[0]
    _title(console, "seed", id, some.get("task"))
    grown = [f"{line['id']}  {line['kind']}, {line['split']}" for line in emitted]
    grown += [f"{reject['id']}  rejected by {reject['step']}: {reject['reason']}" for reject in rejects]
    _facts(console, {"seed": _joined(some, "source", "license"), "grew into": "\n".join(grown)})


def _emitted(folder: Path, kind: str, id: str) -> tuple[Row, Row]:
    """Return a row with its metadata parsed, and its line of the provenance."""
    import polars as pl

    rows = built.scan(folder, kind)
    assert rows is not None
    row = rows.filter(pl.col("id") == id).collect().to_dicts()[0]
    same = (pl.col("id") == id) & (pl.col("kind") == kind)
    origin = built.scan_file(folder, "provenance").filter(same).collect().to_dicts()[0]
    return row | {"metadata": json.loads(row["metadata"])}, origin
