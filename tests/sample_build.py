"""A finished build, written by hand as the outputs' contract says: small, realistic, with one hostile row.

No step of the builder has a part in it, so what reads builds is tested apart from what writes them.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sample_manifest

from builder.rows import content_id

HOSTILE = '<script>alert("x")</script> [bold]not markup[/bold] \x1b[31mred\x1b[0m \u202eback | a `b` </pre>&amp;'
ITEMS = ("tea", "rope", "ink", "salt", "wool", "lamps", "nails", "paper")
CITIES = ("Oslo", "Porto", "Lagos", "Quito", "Hanoi", "Turku", "Leeds", "Cusco")
MESSAGE = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def write(folder, hostile=True, teacher="embedded"):
    """Write the folder and return it: 32 SFT rows and 9 pairs of four tasks, 6 rejects for three reasons."""
    candidates = [_candidate(i, task, teacher) for i in range(8) for task in _TASKS]
    first = min(candidates, key=lambda row: row["id"])  # shown wherever a sample is shown
    if hostile:
        first["prompt"][0]["content"] = HOSTILE + "\n" + "long " * 9000
        first["response"] = "<img src=x onerror=alert(1)>" + HOSTILE
    pairs = [_pair(row) for row in [first, *[row for row in candidates if row is not first][:8]]]
    rejects = _rejects(teacher)
    _sft(folder, candidates)
    _preference(folder, pairs)
    _table(folder / "rejects.parquet", rejects, ("id", "parent", "seed_id", "step", "reason", "evidence", "row"))
    _provenance(folder, candidates, pairs)
    manifest = sample_manifest.manifest(candidates, pairs, rejects, teacher)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _extract(i):
    item, city = ITEMS[i], CITIES[i]
    ask = "Return one JSON object with the keys item, city and paid. Use null for what is missing."
    prompt = f"{ask}\n\nNote: {i + 3} crates of {item} went to {city} on Monday."
    return (
        prompt,
        json.dumps({"item": item, "city": city, "paid": None}),
        f'{{"item": "{item}", "city": "{city}", "paid": true}}',
        "json_equals",
        "invented_value",
    )


def _list(i):
    goods = [ITEMS[(i + k) % 8] for k in range(4)]
    prompt = f"Sort these words from a to z and give them as a numbered list: {', '.join(goods)}."
    right = "\n".join(f"{n}. {w}" for n, w in enumerate(sorted(goods), 1))
    return prompt, right, right.rsplit("\n", 1)[0] + f"\n5. {sorted(goods)[-1]}", "numbered", "wrong_number"


def _grounded(i):
    city = CITIES[i]
    ask = 'Answer from the text only; if it does not tell, write "not stated".'
    prompt = f"{ask}\n\nThe {ITEMS[i]} was weighed in {city} at nine.\n\nWhere was it weighed?"
    return prompt, city, "not stated", "answer_is", "needless_fallback"


def _words(i):
    prompt = f"A shop sells {i + 4} boxes of {ITEMS[i]} at 3 each and takes off 2. What is to be paid?"
    total = (i + 4) * 3 - 2
    return (
        prompt,
        f"{i + 4} × 3 = {(i + 4) * 3}, minus 2 is **{total}**.",
        f"{i + 4} × 3 = {(i + 4) * 3}, minus 2 is **{total + 2}**.",
        "number_is",
        "skipped_step",
    )


_TASKS = {"extract_json": _extract, "sort_list": _list, "grounded_qa": _grounded, "word_problem": _words}


def _candidate(i, task, teacher):
    prompt, right, wrong, check, kind = _TASKS[task](i)
    seed_id = content_id("seed", task, i)
    return {
        "id": content_id(seed_id, "generate", 0),
        "seed_id": seed_id,
        "prompt": [{"role": "user", "content": prompt}],
        "response": right,
        "wrong": wrong,
        "broke": [check],
        "near_miss": kind,
        "split": "test" if i == 7 else "train",
        "metadata": {
            "seed_id": seed_id,
            "source": f"seeds.jsonl:{i * 4 + 1}",
            "license": "CC0-1.0",
            "task": task,
            "model": teacher,
            "score": 1.0,
            "lang": "en" if task != "sort_list" else "und",
        },
        "verdict": {check: True, "not_blank": True},
        "call_key": f"k1:{content_id(task, i)[3:]}",
    }


def _pair(row):
    rejected_id = content_id(row["id"], "near_miss", 0)
    extra = {
        "chosen_id": row["id"],
        "rejected_id": rejected_id,
        "margin": 1.0,
        "broke": row["broke"],
        "near_miss": row["near_miss"],
    }
    return row | {
        "id": content_id("pair", row["id"], rejected_id),
        "metadata": row["metadata"] | extra,
    }


def _rejects(teacher):
    made = []
    for i in range(6):
        row = _candidate(i, "grounded_qa", teacher)
        step, reason, evidence = (
            ("dedup", "near-duplicate", {"twin": row["id"], "jaccard": 0.83}),
            ("generate", "needs an LLM", None),
            ("quality", "refusal", {"span": "As an AI [model]"}),
        )[min(i // 2, 2)]
        id = content_id("rejected", i)
        held = {
            "id": id,
            "parent": row["seed_id"],
            "prompt": row["prompt"],
            "response": None if step == "generate" else row["response"],
        }
        held |= {key: row["metadata"][key] for key in ("seed_id", "source", "license", "task", "model")}
        held |= {
            "call_key": row["call_key"],
            "draw": 0,
            "finish_reason": "stop",
            "input_tokens": 40,
            "output_tokens": 9,
        }
        held |= {
            "verdict": json.dumps(row["verdict"]),
            "dropped": f"{step}: {reason}",
            "lang": "en",
            "lang_confidence": 0.97,
        }
        made.append(
            {
                "id": id,
                "parent": row["seed_id"],
                "seed_id": row["seed_id"],
                "step": step,
                "reason": reason,
                "evidence": json.dumps(evidence) if evidence else None,
                "row": json.dumps(held),
            }
        )
    return made


def _sft(folder, rows):
    for split in ("train", "test"):
        table = [
            {
                "id": row["id"],
                "messages": [*row["prompt"], _said(row["response"])],
                "metadata": json.dumps(row["metadata"]),
            }
            for row in rows
            if row["split"] == split
        ]
        _table(folder / "sft" / f"{split}.parquet", table, ("id", "messages", "metadata"))


def _preference(folder, pairs):
    assert {pair["split"] for pair in pairs} == {"train"}
    table = [
        {
            "id": pair["id"],
            "prompt": pair["prompt"],
            "chosen": [_said(pair["response"])],
            "rejected": [_said(pair["wrong"])],
            "metadata": json.dumps(pair["metadata"]),
        }
        for pair in pairs
    ]
    _table(folder / "preference" / "train.parquet", table, ("id", "prompt", "chosen", "rejected", "metadata"))


def _said(text):
    return {"role": "assistant", "content": text}


def _provenance(folder, rows, pairs):
    told = ("seed_id", "source", "license", "task", "model", "score", "lang")
    lines = [
        {
            "id": row["id"],
            "kind": kind,
            "split": row["split"],
            **{name: row["metadata"][name] for name in told},
            "template_hash": content_id("template", "answer"),
            "call_keys": [row["call_key"]],
            "parents": [row["seed_id"]] if kind == "sft" else [row["metadata"][side] for side in _SIDES],
            "checks": json.dumps(row["verdict"]),
            "measures": json.dumps({"response_chars": len(row["response"])}),
        }
        for kind, table in (("sft", rows), ("preference", pairs))
        for row in table
    ]
    _table(folder / "provenance.parquet", lines, list(lines[0]))


_SIDES = ("chosen_id", "rejected_id")
_TYPES = {
    "messages": MESSAGE,
    "prompt": MESSAGE,
    "chosen": MESSAGE,
    "rejected": MESSAGE,
    "score": pa.float64(),
    "call_keys": pa.list_(pa.string()),
    "parents": pa.list_(pa.string()),
}


def _table(file: Path, rows, names):
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: pa.array([row[name] for row in rows], _TYPES.get(name, pa.string())) for name in names}
    pq.write_table(pa.table(columns), file)
