"""The seed step: every format and shape it reads, where a row says it is from, and what its id is made of."""

import gzip
import hashlib
import json
import random

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seed_step import BOT, FRUITS, RIVERS, SYSTEM, USER, good, read, refused, turns, write

from builder import assets, seeds
from builder.config import SeedConfig
from builder.embedded import tasks
from builder.errors import InputError
from builder.rows import content_id, prompt_id
from builder.seeds import open_source


@pytest.mark.parametrize(
    ("record", "prompt", "response"),
    [
        ({"instruction": "Hi"}, [("user", "Hi")], None),
        (FRUITS, [("user", "Name three fruits.")], "Apples, pears, plums."),
        (
            {"instruction": "Sum up.", "input": "A text.", "output": "T."},
            [("user", "Sum up.\n\nA text.")],
            "T.",
        ),
        ({"instruction": "Hi", "input": " \n", "output": ""}, [("user", "Hi")], None),
        ({"instruction": "Hi", "input": None, "output": None}, [("user", "Hi")], None),
        (
            {"instruction": "Sum.", "context": "A.", "response": "B.", "category": "c"},
            [("user", "Sum.\n\nA.")],
            "B.",
        ),
        ({"instruction": "Hi", "system": "Be kind."}, [("system", "Be kind."), ("user", "Hi")], None),
        ({"messages": [USER]}, [("user", "Hi")], None),
        ({"messages": [USER, BOT]}, [("user", "Hi")], "Hello"),
        ({"messages": [SYSTEM, USER, BOT]}, [("system", "Be kind."), ("user", "Hi")], "Hello"),
        ({"messages": [USER, BOT, USER]}, [("user", "Hi"), ("assistant", "Hello"), ("user", "Hi")], None),
        ({"messages": json.dumps([USER, BOT])}, [("user", "Hi")], "Hello"),
        ({"messages": [SYSTEM, USER], "system": "Be kind."}, [("system", "Be kind."), ("user", "Hi")], None),
        ({"messages": [USER], "instruction": None}, [("user", "Hi")], None),
        ({"messages": None, "instruction": "Hi"}, [("user", "Hi")], None),
        (
            {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yo"}]},
            [("user", "Hi")],
            "Yo",
        ),
        (
            {"conversations": [{"from": "system", "value": "S"}, USER, BOT]},
            [("system", "S"), ("user", "Hi")],
            "Hello",
        ),
        ({"conversations": [USER], "chosen": {"from": "gpt", "value": "Yo"}}, [("user", "Hi")], "Yo"),
        ({"conversations": [USER], "tools": "[]"}, [("user", "Hi")], None),
        ({"prompt": "Hi"}, [("user", "Hi")], None),
        ({"prompt": [SYSTEM, USER]}, [("system", "Be kind."), ("user", "Hi")], None),
        ({"prompt": "Hi", "response": "Yo"}, [("user", "Hi")], "Yo"),
        ({"prompt": "Hi", "completion": "Yo", "label": True}, [("user", "Hi")], "Yo"),
        ({"prompt": [USER], "completion": [BOT]}, [("user", "Hi")], "Hello"),
        ({"prompt": "Hi", "output": "Yo"}, [("user", "Hi")], "Yo"),
        ({"prompt": "Hi", "chosen": "Yo", "rejected": "No"}, [("user", "Hi")], "Yo"),
        ({"prompt": "Hi", "chosen": [USER, BOT], "rejected": [USER, USER]}, [("user", "Hi")], "Hello"),
        ({"question": "2 + 2?", "answer": "4"}, [("user", "2 + 2?")], "4"),
    ],
)
def test_a_shape_is_recognised(tmp_path, record, prompt, response):
    write(tmp_path, record)
    table, _ = read(tmp_path)
    assert (turns(table), table["response"].to_list()) == ([prompt], [response])


def test_self_instruct_gives_one_seed_per_instance(tmp_path):
    instances = [{"input": "", "output": "a"}, {"input": "x", "output": "b"}, {"input": "y"}]
    write(tmp_path, {"id": "seed_task_0", "instruction": "Do.", "instances": instances})
    table, _ = read(tmp_path)
    assert turns(table) == [[("user", "Do.")], [("user", "Do.\n\nx")], [("user", "Do.\n\ny")]]
    assert table["response"].to_list() == ["a", "b", None]
    assert table["source"].unique().to_list() == ["seeds.jsonl:1#seed_task_0"]


def test_a_row_says_where_it_is_from_and_what_it_is_of(tmp_path):
    checks = [{"n": 5, "check": "max_words"}]
    about = {"id": 12, "license": "MIT", "task": "listing", "category": "other", "checks": checks}
    write(tmp_path, {**FRUITS, **about}, {**RIVERS, "category": "rivers"})
    table, _ = read(tmp_path, license="CC0-1.0")
    assert table["source"].to_list() == ["seeds.jsonl:1#12", "seeds.jsonl:2"]
    assert table["license"].to_list() == ["MIT", "CC0-1.0"]
    assert table["task"].to_list() == ["listing", "rivers"]
    assert table["checks"].to_list() == ['[{"n": 5, "check": "max_words"}]', None]
    own = content_id("seed", [{"role": "user", "content": "Name a river."}], "The Po.", 0)
    assert table.row(1, named=True) | {"id": own, "seed_id": own, "parent": None} == table.row(1, named=True)
    assert table["prompt_id"][1] == prompt_id([{"role": "user", "content": "name a RIVER."}])
    assert table["reference"].null_count() == 2


# --- field mapping


def test_fields_map_ours_to_theirs_and_hide_the_rest(tmp_path):
    write(tmp_path, {"q": "Hi", "a": "Yo", "instruction": "not me", "output": "nor me", "prompt": "nor me"})
    table, _ = read(tmp_path, fields={"prompt": "q", "response": "a"})
    assert (turns(table), table["response"].to_list()) == ([[("user", "Hi")]], ["Yo"])


def test_fields_may_swap_names_and_leave_others_alone(tmp_path):
    write(tmp_path, {"input": "Ask", "instruction": "A text", "output": "Yo", "license": "MIT"})
    table, _ = read(tmp_path, fields={"instruction": "input", "input": "instruction"})
    assert turns(table) == [[("user", "Ask\n\nA text")]]
    assert (table["response"][0], table["license"][0]) == ("Yo", "MIT")


def test_a_mapped_field_that_no_row_has_is_refused(tmp_path):
    write(tmp_path, FRUITS, {"question": "Hi", "a": "b"})
    said = refused(tmp_path, fields={"output": "anwser"})
    assert "`fields` maps anwser, which no row has; found the keys instruction, output" in said
    table, _ = read(tmp_path, fields={"task": "a"})  # one row has it
    assert table["task"].to_list() == [None, "b"]


def test_a_mapping_is_not_blamed_where_nothing_can_be_parsed(tmp_path):
    write(tmp_path, "oops", "ouch")
    assert "no seed in 2 lines" in refused(tmp_path, fields={"instruction": "question"})


def test_an_unknown_name_of_ours_is_refused(tmp_path):
    write(tmp_path, FRUITS)
    said = refused(tmp_path, fields={"instructoin": "q", "zebra": "z"})
    assert "did you mean 'instruction'" in said
    assert "unknown field 'zebra'" in said


# --- formats


def _csv(base, name, separator):
    rows = [
        ["instruction", "output"],
        ["Name three fruits.", "Apples, pears, plums."],
        ["Name a river.", "The Po."],
    ]
    text = "".join(separator.join(f'"{cell}"' for cell in row) + "\r\n" for row in rows)
    (base / name).write_bytes(text.encode())


WRITERS = {
    "a.jsonl": lambda p: write(p.parent, FRUITS, "", "   ", RIVERS, name=p.name),
    "a.ndjson": lambda p: write(p.parent, FRUITS, RIVERS, name=p.name),
    "a.json": lambda p: p.write_text(json.dumps([FRUITS, RIVERS], indent=2)),
    "inside.json": lambda p: p.write_text(json.dumps({"version": 1, "data": [FRUITS, RIVERS]})),
    "a.csv": lambda p: _csv(p.parent, p.name, ","),
    "a.TSV": lambda p: _csv(p.parent, p.name, "\t"),
    "a.parquet": lambda p: pq.write_table(pa.Table.from_pylist([FRUITS, RIVERS]), p),
    "bom.jsonl": lambda p: p.write_bytes(b"\xef\xbb\xbf" + f"{json.dumps(FRUITS)}\r\n{json.dumps(RIVERS)}".encode()),
    "a.jsonl.gz": lambda p: p.write_bytes(gzip.compress(f"{json.dumps(FRUITS)}\n{json.dumps(RIVERS)}".encode())),
    "b.json.gz": lambda p: p.write_bytes(gzip.compress(json.dumps([FRUITS, RIVERS]).encode())),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_format_is_read(tmp_path, name):
    WRITERS[name](tmp_path / name)
    table, notes = read(tmp_path, name)
    assert turns(table) == [[("user", "Name three fruits.")], [("user", "Name a river.")]]
    assert table["response"].to_list() == ["Apples, pears, plums.", "The Po."]
    second = 4 if name == "a.jsonl" else 3 if name in ("a.csv", "a.TSV") else 2
    assert (table["source"][1], notes) == (f"{name}:{second}", [])


def test_the_ids_are_the_same_in_every_format(tmp_path):
    for name, writer in WRITERS.items():
        writer(tmp_path / name)
    assert len({tuple(read(tmp_path, name)[0]["id"]) for name in WRITERS}) == 1


def test_text_is_one_instruction_a_line(tmp_path):
    (tmp_path / "a.txt").write_bytes("Name a river.\r\n\n  Say “hi”.\u2028Twice. \n[1] is what?".encode())
    table, _ = read(tmp_path, "a.txt")
    assert [t[0][1] for t in turns(table)] == ["Name a river.", "Say “hi”.\u2028Twice.", "[1] is what?"]
    assert table["source"].to_list() == ["a.txt:1", "a.txt:3", "a.txt:4"]


def test_a_csv_field_may_span_lines_and_be_long(tmp_path):
    long = "word " * 40_000
    (tmp_path / "a.csv").write_text(f'instruction, input \n\n"Two\nlines",x\n"Say ""hi""",{long}\n')
    table, _ = read(tmp_path, "a.csv")
    assert [t[0][1] for t in turns(table)] == ["Two\nlines\n\nx", f'Say "hi"\n\n{long}']
    assert table["source"].to_list() == ["a.csv:3", "a.csv:5"]


def test_a_single_seed_may_be_a_json_document(tmp_path):
    for record in (FRUITS, {"messages": [USER, BOT]}):
        (tmp_path / "a.json").write_text(json.dumps(record))
        assert read(tmp_path, "a.json")[0].height == 1


def test_parquet_reads_only_the_columns_it_knows(tmp_path):
    odd = pa.array([1, 2], pa.timestamp("ns"))  # cannot become a Python object without loss
    chats = [[USER, {**BOT, "tool_calls": None}], [USER]]
    pq.write_table(pa.table({"messages": chats, "at": odd, "id": [1, 2]}), tmp_path / "a.parquet")
    table, _ = read(tmp_path, "a.parquet")
    assert (turns(table), table["response"].to_list()) == ([[("user", "Hi")]] * 2, ["Hello", None])
    assert table["source"].to_list() == ["a.parquet:1#1", "a.parquet:2#2"]


def test_a_parquet_file_of_one_large_group_is_never_in_memory_as_a_whole(tmp_path):
    text = ["".join(random.Random(n).choices("abcdefgh ", k=1000)) for n in range(200)]
    table = pa.table({"instruction": [f"{n} {text[n % 200]}" for n in range(30_000)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=10**6, compression="none", use_dictionary=False)
    del table
    before, most = pa.total_allocated_bytes(), 0
    for _ in open_source(SeedConfig(path="a.parquet"), tmp_path).lines:
        most = max(most, pa.total_allocated_bytes() - before)
    assert (tmp_path / "a.parquet").stat().st_size > 29e6 and most < 10e6


def test_a_saved_dataset_is_read(tmp_path):
    import datasets

    rows = datasets.Dataset.from_list([FRUITS, RIVERS])
    rows.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": rows, "dev": rows.select([1])}).save_to_disk(tmp_path / "two")
    assert read(tmp_path, "one")[0]["source"].to_list() == ["one:1", "one:2"]
    assert read(tmp_path, "two")[0].height == 2
    assert read(tmp_path, "two", split="dev")[0]["response"].to_list() == ["The Po."]
    assert "no split 'test'; found train, dev" in refused(tmp_path, "two", split="test")
    assert "found the columns instruction, output" in refused(tmp_path, "one", fields={"input": "text"})


def test_a_hub_dataset_is_loaded_by_name_config_split_and_revision(tmp_path, monkeypatch):
    import datasets

    asked = []

    def load_dataset(*given, **named):
        asked.append((given, named))
        return datasets.Dataset.from_list([FRUITS, RIVERS])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    table, notes = read(tmp_path, dataset="org/name", config="small", split="dev", revision="abc")
    assert asked == [(("org/name", "small"), {"split": "dev", "revision": "abc"})]
    assert (table["source"].to_list(), notes) == (["org/name:1", "org/name:2"], [])
    _, notes = read(tmp_path, dataset="org/name")
    assert notes == ["org/name names no revision: the same build may find other rows there"]


def test_a_hub_dataset_goes_through_the_real_loader(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    (tmp_path / "set").mkdir()
    write(tmp_path / "set", FRUITS, RIVERS, name="train.jsonl")
    table, _ = read(tmp_path, dataset=str(tmp_path / "set"))
    assert table["response"].to_list() == ["Apples, pears, plums.", "The Po."]
    assert "could not be loaded" in refused(tmp_path, dataset=str(tmp_path / "set"), split="nope")
    assert "could not be loaded" in refused(tmp_path, dataset=str(tmp_path / "absent"))


def test_generated_tasks_bring_their_checks(tmp_path):
    table, _ = read(tmp_path, tasks={"count": 12}, limit=5)
    made = list(tasks(12, 7))[:5]
    assert [[dict(m) for m in p] for p in table["prompt"].to_list()] == [task.messages for task in made]
    assert table["task"].to_list() == [task.family for task in made]
    assert [json.loads(checks) for checks in table["checks"]] == [task.checks for task in made]
    assert table["source"].to_list() == [f"tasks:{i}" for i in range(1, 6)]
    assert table["license"].unique().to_list() == ["CC0-1.0"]
    assert "no such task family: zebra" in refused(tmp_path, tasks={"count": 2, "families": ["zebra"]})


def test_paths_are_relative_to_the_recipe_or_absolute_or_at_home(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    write(tmp_path / "data", FRUITS)
    monkeypatch.setenv("HOME", str(tmp_path))
    ids = {
        read(tmp_path, p)[0]["id"][0]
        for p in ("data/seeds.jsonl", f"{tmp_path}/data/seeds.jsonl", "~/data/seeds.jsonl")
    }
    assert len(ids) == 1


# --- limits and identity


def test_a_limit_takes_the_first_seeds_and_counts_the_bad_lines_before_them(tmp_path):
    write(tmp_path, "oops", FRUITS, "[]", RIVERS, "late", FRUITS)
    table, notes = read(tmp_path, limit=2)
    assert table["dropped"].is_null().to_list() == [False, True, False, True]
    assert notes == ["seeds.jsonl: 2 of 4 lines could not be read; they are in the rejects"]
    write(tmp_path, {"instruction": "Do.", "instances": [{"output": "a"}, {"output": "b"}, {"output": "c"}]})
    assert read(tmp_path, limit=2)[0]["response"].to_list() == ["a", "b"]


def test_ids_do_not_depend_on_where_a_line_stands(tmp_path):
    records = [FRUITS, RIVERS, {"messages": [USER, BOT]}, FRUITS, {"prompt": "Hi"}]
    write(tmp_path, *records)
    first = read(tmp_path)[0]["id"].to_list()
    write(tmp_path, "", "bad", *reversed(records))
    assert set(good(read(tmp_path)[0])["id"]) == set(first)
    assert len(set(first)) == 5


def test_equal_seeds_are_numbered(tmp_path):
    write(tmp_path, FRUITS, FRUITS, {**FRUITS, "id": "x", "task": "t"})
    prompt = [{"role": "user", "content": "Name three fruits."}]
    assert read(tmp_path)[0]["id"].to_list() == [content_id("seed", prompt, FRUITS["output"], n) for n in range(3)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1),
    st.booleans(),
)
def test_any_text_comes_through_jsonl_unchanged(tmp_path, texts, ascii):
    texts = [*texts, "at least one"]
    lines = [json.dumps({"instruction": text}, ensure_ascii=ascii) for text in texts]
    (tmp_path / "seeds.jsonl").write_bytes("\n".join(lines).encode())
    table, _ = read(tmp_path)
    assert table.height == len(texts)
    assert [t[0][1] for t in turns(table)] == [text for text in texts if text.strip()]
    blank = table.filter(pl.col("dropped").is_not_null())
    assert set(blank["dropped"]) <= {"seed: blank: instruction"}


# --- fingerprints and the shipped sample


def test_a_fingerprint_follows_the_bytes(tmp_path):
    write(tmp_path, FRUITS)
    config = SeedConfig(path="seeds.jsonl")
    expected = hashlib.sha256((tmp_path / "seeds.jsonl").read_bytes()).hexdigest()
    assert seeds.fingerprint(config, tmp_path) == {"seeds.jsonl": f"sha256:{expected}"}
    write(tmp_path, RIVERS)
    assert seeds.fingerprint(config, tmp_path) != {"seeds.jsonl": f"sha256:{expected}"}
    with pytest.raises(InputError, match="no such file"):
        seeds.fingerprint(SeedConfig(path="absent.jsonl"), tmp_path)


def test_a_folders_fingerprint_follows_its_files_and_their_names(tmp_path):
    found = set()
    for name, content in (("a", "1"), ("a", "2"), ("b", "2")):
        folder = tmp_path / f"{name}{content}" / "set"
        folder.mkdir(parents=True)
        (folder / name).write_text(content)
        (print_of,) = seeds.fingerprint(SeedConfig(path="set"), folder.parent).values()
        found.add(print_of)
    assert len(found) == 3


def test_a_hub_dataset_and_tasks_are_named_with_what_decides_them(tmp_path):
    hub = SeedConfig(dataset="org/name", revision="abc", config="small", split="dev")
    assert seeds.fingerprint(hub, tmp_path) == {"org/name": "org/name/small@abc:dev"}
    assert seeds.fingerprint(SeedConfig(dataset="org/name"), tmp_path) == {"org/name": "org/name@main:train"}
    made = SeedConfig(tasks={"count": 5, "families": ["extract_json"]})
    assert seeds.fingerprint(made, tmp_path) == {"tasks": '{"count":5,"families":["extract_json"]}'}


def test_the_shipped_sample_is_good_seeds(tmp_path):
    (tmp_path / "seeds.jsonl").write_text(assets.read("seeds/sample.jsonl"), encoding="utf-8")
    table, notes = read(tmp_path, on_bad="stop")
    assert (table.height, notes) == (12, [])
    assert table["prompt"].list.len().max() == 3
    assert table["task"].n_unique() == 12
    assert table["checks"].null_count() < 10


def test_a_rejected_answer_is_not_read_and_that_is_said(tmp_path):
    write(tmp_path, {"prompt": "Hi", "chosen": "Hello!", "rejected": "Go away."}, FRUITS)
    table, notes = read(tmp_path)
    assert table["response"].to_list() == ["Hello!", FRUITS["output"]]
    assert any("1 lines bring a `rejected` answer" in note for note in notes)
