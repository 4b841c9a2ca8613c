"""What is written: files every loader takes, the same bytes every time, counts that add up, every row findable."""

import hashlib
import json
import random

import loopback
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder import config, outputs, schema
from builder.context import Context
from builder.ledger import Ledger
from builder.recipe import Recipe, RecipeStep
from builder.run import run
from builder.teacher import patience

KEY = "sk-do-not-write-me-down-0123456789"


def recipe(base, **steps):
    kinds = {"seed": config.SeedConfig, "generate": config.GenerateConfig, "verify": config.VerifyConfig}
    kinds |= {"near_miss": config.NearMissConfig, "pair": config.PairConfig, "emit": config.EmitConfig}
    listed = tuple(RecipeStep(name, kinds[name].model_validate(given), 1) for name, given in steps.items())
    return Recipe("a", "0.1.0", 7, listed, "r.yaml", base, "")


def walk(folder, steps):
    with Ledger(folder / "ledger.db") as ledger:
        return run(recipe(folder, **steps), Context(7, folder, ledger))


def embedded_steps(count, share=0.1):
    return {
        "seed": {"tasks": {"count": count}},
        "generate": {"teacher": "embedded"},
        "verify": {},
        "near_miss": {},
        "pair": {},
        "emit": {"test_share": share},
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """One build of 150 embedded seeds: its folder, its rows, its counts."""
    folder = tmp_path_factory.mktemp("built")
    result = walk(folder, embedded_steps(150))
    counts = outputs.write(result.table, result.rejects, folder / "out")
    return folder / "out", result, counts


def rows(folder, name):
    file = folder / name
    return pq.read_table(file).to_pylist() if file.is_file() else []


def both(folder, kind):
    return rows(folder, f"{kind}/train.parquet") + rows(folder, f"{kind}/test.parquet")


def test_columns_are_plain_strings_and_lists_without_metadata(built):
    folder, _, _ = built
    message = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    expected = {
        "sft": [("id", pa.string()), ("messages", message), ("metadata", pa.string())],
        "preference": [
            *(("id", pa.string()), ("prompt", message), ("chosen", message), ("rejected", message)),
            ("metadata", pa.string()),
        ],
    }
    for kind, columns in expected.items():
        for split in ("train", "test"):
            written = pq.read_schema(folder / kind / f"{split}.parquet")
            assert written.metadata is None
            assert [(field.name, field.type) for field in written] == columns
    for name in ("rejects", "provenance"):
        written = pq.read_schema(folder / f"{name}.parquet")
        assert written.metadata is None
        kinds = {str(field.type) for field in written}
        assert kinds <= {"string", "double", "list<element: string>"}, kinds


def test_datasets_loads_every_file_as_it_is(built, tmp_path):
    import datasets

    folder, _, counts = built
    for kind in ("sft", "preference"):
        files = {split: str(folder / kind / f"{split}.parquet") for split in ("train", "test")}
        loaded = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path))
        assert {split: len(loaded[split]) for split in loaded} == counts["splits"][kind]
        assert loaded["train"][0] == rows(folder, f"{kind}/train.parquet")[0]
    assert [message["role"] for message in loaded["train"][0]["chosen"]] == ["assistant"]


def test_every_row_written_is_valid_under_its_schema(built):
    folder, _, counts = built
    read, problems = schema.validate(folder)
    assert problems == []
    assert sum(read.values()) == counts["rows"]["sft"] + counts["pairs"]


def test_every_row_made_is_somewhere_and_the_counts_add_up(built):
    folder, result, counts = built
    made = counts["rows"]["made"]
    assert made == counts["rows"]["sft"] + counts["rows"]["preference_only"] + counts["rows"]["rejected"]
    sft, pairs = both(folder, "sft"), both(folder, "preference")
    rejects = rows(folder, "rejects.parquet")
    sides = {json.loads(row["metadata"])[f"{side}_id"] for row in pairs for side in ("chosen", "rejected")}
    ids = {row["id"] for row in sft} | sides | {row["id"] for row in rejects}
    assert ids == set(result.table.whole()["id"]) | set(result.rejects.whole()["id"]) and len(ids) == made
    assert (len(sft), len(pairs)) == (counts["rows"]["sft"], counts["pairs"])
    assert counts["splits"]["sft"] == {s: len(rows(folder, f"sft/{s}.parquet")) for s in ("train", "test")}
    for column, total in (("sft", len(sft)), ("preference", len(pairs)), ("rejected", len(rejects))):
        assert sum(line[column] for line in counts["by_task"].values()) == total
    assert sum(counts["by_language"].values()) == len(sft)


def test_the_funnel_adds_up_from_step_to_step(built):
    _, result, _ = built
    before = 0
    for line in result.funnel:
        assert line.rows_in == before
        assert line.rows_in + line.added - line.expanded - line.dropped == line.rows_out
        assert sum(line.reasons.values()) == line.dropped
        before = line.rows_out
    assert before == result.table.height
    assert sum(line.dropped for line in result.funnel) == result.rejects.height


def test_a_pair_is_a_good_and_a_broken_answer_to_the_same_prompt(built):
    folder, result, _ = built
    table = {row["id"]: row for row in result.table.whole().to_dicts()}
    for row in both(folder, "preference"):
        told = json.loads(row["metadata"])
        chosen, rejected = table[told["chosen_id"]], table[told["rejected_id"]]
        assert row["prompt"] == chosen["prompt"]
        assert row["chosen"] == [{"role": "assistant", "content": chosen["response"]}]
        assert row["rejected"] == [{"role": "assistant", "content": rejected["response"]}]
        assert told["broke"] and told["near_miss"] and told["margin"] == 1.0


def test_no_prompt_stands_in_both_splits_nor_in_one_split_here_and_the_other_there(built):
    folder, result, _ = built
    prompt = dict(zip(result.table.whole()["id"], result.table.whole()["prompt_id"], strict=True))
    sides = {"train": set(), "test": set()}
    for split, seen in sides.items():
        seen |= {prompt[row["id"]] for row in rows(folder, f"sft/{split}.parquet")}
        for row in rows(folder, f"preference/{split}.parquet"):
            seen |= {prompt[json.loads(row["metadata"])[f"{side}_id"]] for side in ("chosen", "rejected")}
    assert sides["train"] and sides["test"] and not sides["train"] & sides["test"]


def test_every_emitted_row_has_one_line_of_provenance_that_leads_to_its_calls(built):
    folder, result, _ = built
    lines = rows(folder, "provenance.parquet")
    emitted = {(row["id"], kind) for kind in ("sft", "preference") for row in both(folder, kind)}
    assert {(line["id"], line["kind"]) for line in lines} == emitted and len(lines) == len(emitted)
    with Ledger(folder.parent / "ledger.db") as ledger:
        keys = [key for line in lines for key in line["call_keys"]]
        assert keys and set(ledger.get(keys)) == set(keys)
    known = set(result.table.whole()["id"]) | set(result.table.whole()["seed_id"])
    assert all(parent in known for line in lines for parent in line["parents"])
    splits = {row["id"]: s for s in ("train", "test") for row in rows(folder, f"sft/{s}.parquet")}
    assert all(line["split"] == splits[line["id"]] for line in lines if line["kind"] == "sft")


def test_a_reject_holds_its_whole_row_its_step_and_its_reason(built):
    folder, result, _ = built
    rejects = rows(folder, "rejects.parquet")
    marks = dict(zip(result.rejects.whole()["id"], result.rejects.whole()["dropped"], strict=True))
    for reject in rejects:
        assert f"{reject['step']}: {reject['reason']}" == marks[reject["id"]]
        assert json.loads(reject["row"])["id"] == reject["id"]


def test_the_same_build_twice_gives_the_same_bytes(built, tmp_path):
    folder, _, counts = built
    result = walk(tmp_path, embedded_steps(150))
    assert outputs.write(result.table, result.rejects, tmp_path / "out") == counts
    assert outputs.file_hashes(tmp_path / "out") == outputs.file_hashes(folder)


def test_a_row_keeps_its_split_and_its_bytes_when_the_data_grows(built, tmp_path):
    folder, _, _ = built
    result = walk(tmp_path, embedded_steps(250))
    outputs.write(result.table, result.rejects, tmp_path / "out")
    for kind in ("sft", "preference"):
        for split in ("train", "test"):
            before = {row["id"]: row for row in rows(folder, f"{kind}/{split}.parquet")}
            after = {row["id"]: row for row in rows(tmp_path / "out", f"{kind}/{split}.parquet")}
            assert before.items() <= after.items() and len(after) > len(before)


def test_hashes_are_of_the_bytes_and_named_by_relative_path(built):
    folder, _, _ = built
    hashes = outputs.file_hashes(folder)
    digest = hashlib.sha256((folder / "sft" / "train.parquet").read_bytes()).hexdigest()
    assert hashes["sft/train.parquet"] == f"sha256:{digest}"
    assert list(hashes) == sorted(hashes)


def seeds_file(folder, lines):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "seeds.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")


def test_a_dataset_without_teacher_language_or_pairs_has_no_preference_folder(tmp_path):
    seeds_file(tmp_path, [{"instruction": f"Say {i}.", "output": f"{i} it is."} for i in range(5)])
    result = walk(tmp_path, {"seed": {"path": "seeds.jsonl", "license": "CC0-1.0"}, "emit": {}})
    counts = outputs.write(result.table, result.rejects, tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").rglob("*")) == [
        *("provenance.parquet", "rejects.parquet", "sft", "train.parquet"),
    ]
    assert counts["splits"] == {"sft": {"train": 5}, "preference": {}}
    assert counts["by_language"] == {"(none)": 5}
    assert counts["pairs"] == 0 and rows(tmp_path / "out", "rejects.parquet") == []
    told = json.loads(rows(tmp_path / "out", "sft/train.parquet")[0]["metadata"])
    assert (told["license"], told["source"]) == ("CC0-1.0", "seeds.jsonl:1")


def test_odd_texts_come_through_as_they_are(tmp_path):
    texts = ["👍 Größe 東京", "a\tb\r\nc", "\u202eback", '{"json": [1]}', "x" * 100_000, "```\ncode\n```\n"]
    seeds_file(tmp_path, [{"instruction": text, "output": text[::-1]} for text in texts])
    result = walk(tmp_path, {"seed": {"path": "seeds.jsonl"}, "emit": {}})
    outputs.write(result.table, result.rejects, tmp_path / "out")
    written = rows(tmp_path / "out", "sft/train.parquet")
    assert [row["messages"][0]["content"] for row in written] == texts
    assert [row["messages"][1]["content"] for row in written] == [text[::-1] for text in texts]


def test_more_rows_than_a_row_group_are_all_written(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "_ROWS_PER_GROUP", 7)
    seeds_file(tmp_path, [{"instruction": f"Say {i}.", "output": str(i)} for i in range(50)])
    result = walk(tmp_path, {"seed": {"path": "seeds.jsonl"}, "emit": {}})
    counts = outputs.write(result.table, result.rejects, tmp_path / "out")
    assert counts["splits"]["sft"] == {"train": 50}
    assert pq.ParquetFile(tmp_path / "out/sft/train.parquet").num_row_groups == 8


def test_a_build_against_a_faulty_server_keeps_every_row_and_no_key(tmp_path, monkeypatch):
    monkeypatch.setattr(patience, "_FIRST_WAIT", 0.01)
    monkeypatch.setenv("MY_KEY", KEY)
    seeds_file(tmp_path, [{"instruction": f"Say {i}."} for i in range(40)])
    faults = {"500": 0.1, "400": 0.1, "empty": 0.05, "content_filter": 0.05}
    with loopback.server(key=KEY, faults=faults) as here:
        teacher = {"url": here.url, "model": "loopback", "key_env": "MY_KEY", "retries": 0}
        result = walk(tmp_path, {"seed": {"path": "seeds.jsonl"}, "generate": {"teacher": teacher}, "emit": {}})
    counts = outputs.write(result.table, result.rejects, tmp_path / "out")
    assert counts["rows"]["made"] == 40 == counts["rows"]["sft"] + counts["rows"]["rejected"]
    assert counts["rows"]["rejected"] > 3
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for row in rows(tmp_path / "out", "rejects.parquet"):
        assert row["step"] == "generate" and json.loads(row["evidence"])["fault"]
        assert KEY not in json.dumps(row)
    assert KEY.encode() not in written


def test_the_order_of_seeds_moves_no_row_to_another_split(tmp_path):
    lines = [{"instruction": f"Say {i}.", "output": str(i)} for i in range(60)]
    held = []
    for name, order in (("one", lines), ("other", random.Random(3).sample(lines, 60))):
        seeds_file(tmp_path / name, order)
        result = walk(tmp_path / name, {"seed": {"path": "seeds.jsonl"}, "emit": {"test_share": 0.3}})
        held.append({row["id"]: row["split"] for row in result.table.whole().select(pl.col("id", "split")).to_dicts()})
    assert held[0] == held[1] and set(held[0].values()) == {"train", "test"}
