"""The manifest of the sample build: counts that agree with its rows, a funnel that adds up."""

from builder.rows import content_id


def manifest(rows, pairs, rejects, teacher):
    """Return the manifest of a build of these SFT rows, pairs and rejects."""
    sft, rejected = len(rows), len(rejects)
    by_task = {row["metadata"]["task"]: {"sft": 0, "preference": 0, "rejected": 0} for row in rows}
    for kind, table in (("sft", rows), ("preference", pairs)):
        for row in table:
            by_task[row["metadata"]["task"]][kind] += 1
    by_task["grounded_qa"]["rejected"] = rejected
    funnel = _funnel(sft + rejected, len(pairs), teacher)
    steps = [{line["step"]: line["config"]} for line in funnel]
    calls = sft + rejected
    return {
        "schema": "manifest/v1",
        "name": "sample",
        "version": "0.1.0",
        "preview": False,
        "recipe": {"name": "sample", "version": "0.1.0", "seed": 7, "steps": steps},
        "inputs": {"seeds.jsonl": "sha256:" + "0" * 64},
        "limit": None,
        "builder_version": "0.1.0",
        "recipe_hash": content_id("recipe"),
        "recipe_text": "name: sample  # made by hand\nsteps: []\n",
        "schemas": ["sft/v1", "preference/v1"],
        "packages": {"polars": "1.30.0", "datasketch": "2.0.0"},
        "teachers": [teacher],
        "funnel": funnel,
        "splits": {"sft": {"train": sft - 4, "test": 4}, "preference": {"train": len(pairs)}},
        "rows": {
            "made": sft + len(pairs) + rejected,
            "sft": sft,
            "preference_only": len(pairs),
            "rejected": rejected,
        },
        "pairs": len(pairs),
        "by_task": by_task,
        "by_language": {"en": 24, "und": 8},
        "spend": {
            "calls": calls,
            "replayed": 0,
            "failed": 0,
            "to_ask_again": 0,
            "input_tokens": 40 * calls,
            "output_tokens": 9 * calls,
        },
        "notes": ["near_miss: 3 edits broke no check and were thrown away"],
        "ledger": "../../ledger.db",
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 1.5,
        "files": {"sft/train.parquet": "sha256:" + "1" * 64},
    }


def _funnel(seeds, pairs, teacher):
    asked = {"teacher": [{"provider": teacher}], "samples": 1}
    steps = (  # step, config, added, expanded, reasons
        ("seed", {"tasks": {"count": seeds}}, seeds, 0, {}),
        ("generate", asked, seeds, seeds, {"needs an LLM": 2}),
        ("verify", {"on_fail": "mark"}, 0, 0, {}),
        ("near_miss", {"per_row": 1}, pairs, 0, {}),
        ("quality", {"refusals": "drop"}, 0, 0, {"refusal": 2}),
        ("dedup", {"threshold": 0.7, "on": "prompt"}, 0, 0, {"near-duplicate": 2}),
        ("pair", {"min_margin": 1.0}, 0, 0, {}),
        ("emit", {"test_share": 0.1}, 0, 0, {}),
    )
    lines, rows = [], 0
    for step, config, added, expanded, reasons in steps:
        line = {"step": step, "config": config, "in": rows, "added": added, "expanded": expanded}
        dropped = sum(reasons.values())
        rows += added - expanded - dropped
        lines.append(line | {"dropped": dropped, "out": rows, "reasons": reasons, "seconds": 0.1})
    return lines
