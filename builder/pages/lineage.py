"""The whole way of one row, back to its seed, from what a build left.

    tell(folder, "b2:9c4f") -> Story("sft", "b2:9c4f…", messages, facts={
        "seed": "seeds.jsonl:12, CC0-1.0, b2:91aa…",
        "template": "b2:0c1e…",
        "call": "k1:6c0e…, gpt-4o, draw 0, 212 tokens in, 40 out, stop",
        "verdict": "held: numbered; broke: max_words", …})

The folder is enough; the ledger, where it is still there, adds what was sent and what it cost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import InputError, Problem
from builder.ledger import Ledger
from builder.pages import dataset
from builder.rows import Message

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]

_MOST_MATCHES = 100

# What of a rejected row is told by other facts, or is no fact of its making.
_NO_MEASURE = frozenset(
    (
        *(
            "id",
            "parent",
            "seed_id",
            "prompt_id",
            "prompt",
            "response",
            "reference",
            "source",
            "license",
            "task",
        ),
        *(
            "checks",
            "verdict",
            "dropped",
            "failed",
            "evidence",
            "template_hash",
            "teacher",
            "model",
            "call_key",
        ),
        *("draw", "finish_reason", "input_tokens", "output_tokens", "score", "split", "sft", "rejected_ids"),
        *("chosen_id", "rejected_id", "rejected_model", "broke", "near_miss"),
        *("judgement", "judge_calls", "chosen_judgement", "rejected_judgement"),
    )
)


@dataclass(frozen=True)
class Story:
    """One row, and where it comes from."""

    kind: str
    """sft, preference, rejected, side (of a pair, and nothing else) or seed."""
    id: str
    task: str | None
    messages: list[Message]
    """The conversation; of a pair, its prompt."""
    sides: tuple[str, str] | None
    """Chosen and rejected text, of a pair."""
    facts: dict[str, str]
    """Label to text, in the order of the row's making."""


def tell(folder: Path, prefix: str) -> Story:
    """Return the story of the one row whose id begins so; the scheme before the colon may be left out.

    Raises:
        InputError: no id begins so, or several do.
    """
    kind, id = _find(folder, prefix)
    story = {"sft": _sft, "preference": _pair, "side": _side, "rejected": _rejected, "seed": _seed}[kind](folder, id)
    facts = {label: text for label, text in story.facts.items() if text}
    return Story(kind, id, story.task, story.messages, story.sides, facts)


def _find(folder: Path, prefix: str) -> tuple[str, str]:
    """Return what kind of thing an id is, and the whole id."""
    import polars as pl

    def begin_so(frame: pl.LazyFrame | None, column: str) -> list[str]:
        if frame is None:
            return []
        id = pl.col(column)
        so = id.str.starts_with(prefix) | id.str.replace(r"^\w+:", "").str.starts_with(prefix)
        return sorted(frame.select(id).filter(so).unique().head(_MOST_MATCHES).collect()[column])

    provenance, rejects = dataset.scan_file(folder, "provenance"), dataset.scan_file(folder, "rejects")
    sides = provenance.filter(pl.col("kind") == "preference").select(pl.col("parents").explode())
    found: dict[str, str] = {}
    for kind, ids in (
        ("sft", begin_so(dataset.scan(folder, "sft"), "id")),
        ("preference", begin_so(dataset.scan(folder, "preference"), "id")),
        ("rejected", begin_so(rejects, "id")),
        ("side", begin_so(sides, "parents")),
        ("seed", begin_so(provenance, "seed_id") + begin_so(rejects, "seed_id")),
    ):
        for id in ids:
            found.setdefault(id, kind)
    if not found:
        fix = "expected the beginning of an id of an SFT row, a pair, a side of one, a rejected row or a seed"
        raise InputError([Problem(str(folder), 0, f"no id begins with {prefix!r}", fix)])
    if len(found) > 1:
        count = f"{len(found)} ids" if len(found) < _MOST_MATCHES else "very many ids"
        some = ", ".join(f"{id} ({kind})" for id, kind in list(found.items())[:4])
        raise InputError([Problem(str(folder), 0, f"{count} begin with {prefix!r}", f"give more of it: {some}")])
    return next((kind, id) for id, kind in found.items())


def _sft(folder: Path, id: str) -> Story:
    import polars as pl

    row, origin = _emitted(folder, "sft", id)
    pairs = _origins(folder, (pl.col("kind") == "preference") & pl.col("parents").list.contains(id))
    measures = _measures(row["metadata"] | json.loads(origin["measures"]))
    facts = _way(folder, origin) | {"judged": _judgement(json.loads(origin["measures"]).get("judgement"))}
    facts |= {"measures": measures, "split": origin["split"]}
    facts["chosen in"] = _lines(pair["id"] for pair in pairs)
    return Story("sft", id, origin["task"], row["messages"], None, facts)


def _pair(folder: Path, id: str) -> Story:
    row, origin = _emitted(folder, "preference", id)
    told = row["metadata"]
    sides = (row["chosen"][-1]["content"], row["rejected"][-1]["content"])
    facts = {"chosen": told["chosen_id"], "rejected": told["rejected_id"]}
    facts |= {"broke": ", ".join(told.get("broke", [])), "near miss": told.get("near_miss")}
    measures = _measures(told | json.loads(origin["measures"]))
    facts |= _way(folder, origin | {"parents": []})
    why = {"why chosen": "chosen_judgement", "why not": "rejected_judgement"}
    facts |= {label: _judgement(told.get(name)) for label, name in why.items()}
    facts |= {"measures": measures, "split": origin["split"]}
    return Story("preference", id, origin["task"], row["prompt"], sides, facts)


def _side(folder: Path, id: str) -> Story:
    import polars as pl

    pairs = _origins(folder, (pl.col("kind") == "preference") & pl.col("parents").list.contains(id))
    row, origin = _emitted(folder, "preference", pairs[0]["id"])
    told = row["metadata"]
    side, other = ("chosen", "rejected") if told["chosen_id"] == id else ("rejected", "chosen")
    facts = {
        "pair": _lines(f"{pair['id']}, the {side} side" for pair in pairs),
        "other side": told[f"{other}_id"],
    }
    keys, _ = _calls_of(origin)
    own = {"parents": [], "call_keys": keys[:1], "measures": None}
    if side == "rejected":
        # the line of a pair holds verdict and model of its chosen side, and the calls of both in order
        own |= {"call_keys": keys[-1:], "checks": None, "score": None, "model": told.get("rejected_model")}
        if told.get("near_miss"):
            facts["near miss"] = f"{told['near_miss']}: an edit, on purpose, of the answer to the call below"
    way = _way(folder, origin | own)
    if side == "rejected" and told.get("broke"):
        way["verdict"] = f"broke: {', '.join(told['broke'])}"
    way["judged"] = _judgement(told.get(f"{side}_judgement"))
    messages = [*row["prompt"], *row[side]]
    return Story("side", id, origin["task"], messages, None, facts | way | {"split": origin["split"]})


def _rejected(folder: Path, id: str) -> Story:
    import polars as pl

    reject = dataset.scan_file(folder, "rejects").filter(pl.col("id") == id).collect().to_dicts()[0]
    row: Row = json.loads(reject["row"])
    response = row.get("response")
    answer = [] if response is None else [{"role": "assistant", "content": response}]
    called = [row["call_key"]] if row.get("call_key") else []
    parents = [row["parent"]] if row.get("parent") else []
    facts = {"dropped by": reject["step"], "reason": reject["reason"], "evidence": reject["evidence"]}
    judges = row.get("judge_calls") or []
    calls = {"call_keys": called + judges, "measures": json.dumps({"judge_calls": len(judges)})}
    facts |= _way(folder, row | calls | {"checks": row.get("verdict"), "parents": parents})
    facts["judged"] = _judgement(json.loads(row["judgement"]) if row.get("judgement") else None)
    facts["measures"] = _measures(row)
    return Story("rejected", id, row.get("task"), [*row["prompt"], *answer], None, facts)


def _seed(folder: Path, id: str) -> Story:
    import polars as pl

    emitted = _origins(folder, pl.col("seed_id") == id)
    rejects = dataset.scan_file(folder, "rejects").filter(pl.col("seed_id") == id).collect().to_dicts()
    some = emitted[0] if emitted else json.loads(rejects[0]["row"])
    grown = [f"{line['id']}  {line['kind']}, {line['split']}" for line in emitted]
    grown += [f"{line['id']}  rejected, {line['step']}: {line['reason']}" for line in rejects]
    facts = {"seed": _comma(some.get("source"), some.get("license")), "grew into": _lines(grown)}
    return Story("seed", id, some.get("task"), [], None, facts)


def _emitted(folder: Path, kind: str, id: str) -> tuple[Row, Row]:
    """Return a row with its metadata parsed, and its line of the provenance."""
    import polars as pl

    rows = dataset.scan(folder, kind)
    found = rows.filter(pl.col("id") == id).collect().to_dicts() if rows is not None else []
    origin = _origins(folder, (pl.col("id") == id) & (pl.col("kind") == kind))
    if not found or not origin:
        raise InputError([Problem(str(folder), 0, f"{id} is not in both {kind}/ and provenance.parquet")])
    return found[0] | {"metadata": json.loads(found[0]["metadata"])}, origin[0]


def _origins(folder: Path, where: pl.Expr) -> list[Row]:
    return dataset.scan_file(folder, "provenance").filter(where).collect().to_dicts()


def _way(folder: Path, origin: Row) -> dict[str, str]:
    """Return seed, parents, template, calls and verdict of a row, or of a line of the provenance."""
    grown = [parent for parent in origin["parents"] if parent != origin.get("seed_id")]
    verdict = json.loads(origin["checks"]) if origin.get("checks") else {}
    held, broke = ([label for label, ok in verdict.items() if ok is side] for side in (True, False))
    told = [f"{word}: {', '.join(labels)}" for word, labels in (("held", held), ("broke", broke)) if labels]
    score = origin.get("score")
    own, judges = _calls_of(origin)
    return {
        "seed": _comma(origin.get("source"), origin.get("license"), origin.get("seed_id")),
        "grown from": _lines(grown),
        "template": origin.get("template_hash") or "",
        "call": _lines(_calls(folder, origin | {"call_keys": own})),
        "judged by": _lines(_calls(folder, origin | {"call_keys": judges})),
        "verdict": "; ".join([*told, *([f"score {score:g}"] if score is not None else [])]),
    }


def _calls_of(origin: Row) -> tuple[list[str], list[str]]:
    """Return the keys of the calls that wrote, and of those that judged, which stand last."""
    keys, measures = origin["call_keys"], json.loads(origin.get("measures") or "{}")
    wrote = len(keys) - measures.get("judge_calls", 0)
    return keys[:wrote], keys[wrote:]


def _judgement(said: Row | None) -> str:
    """Return what judges said of an answer, a line for each aspect or comparison."""
    lines = []
    for judge, given in (said or {}).items():
        if isinstance(given, dict):
            for aspect, it in given.items():
                said_of = f"{it['score']:g}: {it['reason']}" if isinstance(it, dict) else it or "no verdict"
                lines.append(f"{judge}: {aspect} {said_of}")
        else:
            lines += [f"{judge}: {it['is'] or 'no verdict'} against {it['opponent']}" for it in given]
    return _lines(lines)


def _calls(folder: Path, origin: Row) -> list[str]:
    """Return one line a call: from the ledger if it is there, else what the row itself remembers."""
    file = folder / dataset.manifest(folder)["ledger"]
    if not origin["call_keys"]:
        return []
    if not file.is_file():
        own = _call(origin, origin)
        return [_comma(key, *own) for key in origin["call_keys"]] + [
            f"(no ledger at {file}: what was sent is not known)"
        ]
    with Ledger(file, readonly=True) as ledger:
        answers = ledger.get(origin["call_keys"])
        requests = {key: json.loads(ledger.request(key) or "{}") for key in origin["call_keys"]}
    lines = []
    for key in origin["call_keys"]:
        answer = vars(answers[key]) if key in answers else {}
        lines.append(_comma(key, *_call(requests[key] or origin, answer or origin)))
    return lines


def _call(request: Row, answer: Row) -> list[str | None]:
    tokens = [(answer.get("input_tokens"), "tokens in"), (answer.get("output_tokens"), "tokens out")]
    draw = request.get("draw")
    return [
        request.get("model"),
        *(f"{name} {value}" for name, value in (request.get("arguments") or {}).items() if value is not None),
        None if draw is None else f"draw {draw}",
        *(f"{count} {what}" for count, what in tokens if count is not None),
        answer.get("finish_reason"),
    ]


def _measures(told: Row) -> str:
    """Return what the steps measured, as `lang en, repetition 0.02`."""
    measured = {
        name: value for name, value in told.items() if name not in _NO_MEASURE and value not in (None, False, [])
    }
    return ", ".join(f"{name} {round(v, 3) if isinstance(v, float) else v}" for name, v in measured.items())


def _comma(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part)


def _lines(parts: Iterable[str]) -> str:
    return "\n".join(parts)
