"""What may be emitted: the schemas, the rules JSON Schema cannot say, and files held against both."""

import copy
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder import schema
from builder.errors import InputError
from builder.rows import content_id


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def system(text):
    return {"role": "system", "content": text}


SFT = {"id": content_id("x"), "messages": [user("Hi"), assistant("Hello.")], "metadata": "{}"}
PAIR = {"id": content_id("p"), "prompt": [user("Hi")], "chosen": [assistant("Hello.")]}
PAIR |= {"rejected": [assistant("Go.")], "metadata": '{"margin": 1.0}'}

VALID = [
    ("sft", SFT),
    ("sft", SFT | {"messages": [system("Be kind."), user("a"), assistant("b"), user("c"), assistant("d")]}),
    ("sft", SFT | {"messages": [user("<b>x</b> [INS] <s2> a < b | c"), assistant("```\n<html>\n```\n\t")]}),
    ("sft", SFT | {"messages": [user("👍"), assistant("。")]}),
    ("preference", PAIR),
    ("preference", PAIR | {"prompt": [system("s"), user("a"), assistant("b"), user("c")]}),
]


@pytest.mark.parametrize(("kind", "row"), VALID)
def test_a_right_row_has_no_fault(kind, row):
    assert schema.faults(kind, row) == []


def without(row, key):
    return {name: value for name, value in row.items() if name != key}


def said(*messages):
    return SFT | {"messages": list(messages)}


FAULTY = [
    ("sft", {}, "row must contain ['id', 'messages', 'metadata']"),
    *(("sft", without(SFT, key), "must contain") for key in SFT),
    *(("preference", without(PAIR, key), "must contain") for key in PAIR),
    ("sft", SFT | {"text": "x"}, "must not contain {'text'}"),
    ("sft", SFT | {"id": "b2:" + "0" * 31}, "id must match pattern"),
    ("sft", SFT | {"id": content_id("x") + "\n"}, "id must match pattern"),
    ("sft", SFT | {"id": None}, "id must be string"),
    ("sft", SFT | {"metadata": {}}, "metadata must be string"),
    ("sft", SFT | {"metadata": "[]"}, "metadata must be a JSON object"),
    ("sft", SFT | {"metadata": "{"}, "metadata must be a JSON object"),
    ("preference", PAIR | {"metadata": ""}, "metadata must be a JSON object"),
    ("sft", SFT | {"messages": "Hi"}, "messages must be array"),
    ("sft", said(), "messages must contain at least 2 items"),
    ("sft", said(user("Hi")), "messages must contain at least 2 items"),
    ("sft", said(user("Hi"), assistant("")), "messages[1].content is blank"),
    ("sft", said(user(" \n\t\u2003"), assistant("x")), "messages[0].content is blank"),
    ("sft", said(user("Hi"), assistant(None)), "messages[1].content must be string"),
    ("sft", said(user("Hi"), assistant("a\0b")), "control token"),
    ("sft", said(user("Hi"), {"role": "tool", "content": "x"}), "messages[1].role must be one of"),
    ("sft", said(user("Hi"), {"role": "assistant"}), "messages[1] must contain ['content']"),
    ("sft", said(user("Hi"), assistant("x") | {"name": "y"}), "must not contain {'name'}"),
    ("sft", said(assistant("x"), user("Hi")), "roles must be user, assistant in turn"),
    ("sft", said(user("Hi"), user("Ho")), "roles must be user, assistant in turn; found user, user"),
    ("sft", said(user("a"), assistant("b"), assistant("c")), "roles must be user, assistant in turn"),
    ("sft", said(user("a"), assistant("b"), user("c")), "the last turn must be the assistant's"),
    ("sft", said(user("a"), system("b"), assistant("c")), "a system turn stands after the first"),
    ("sft", said(system("a"), system("b"), user("c"), assistant("d")), "a system turn stands after the first"),
    ("sft", said(system("a"), assistant("b")), "roles must be user, assistant in turn"),
    ("preference", PAIR | {"prompt": []}, "prompt must contain at least 1 items"),
    ("preference", PAIR | {"prompt": [system("only")]}, "the last turn must be the user's"),
    ("preference", PAIR | {"prompt": [user("a"), assistant("b")]}, "the last turn must be the user's"),
    ("preference", PAIR | {"chosen": []}, "chosen must contain at least 1 items"),
    ("preference", PAIR | {"chosen": [user("x")]}, "chosen[0].role"),
    ("preference", PAIR | {"rejected": [assistant("a"), assistant("b")]}, "rejected must contain"),
    ("preference", PAIR | {"rejected": PAIR["chosen"]}, "the same text"),
    ("preference", PAIR | {"rejected": [assistant(" Hello.\n")]}, "the same text"),
]
TOKENS = ("<|im_start|>", "<|eot_id|>", "<|end of text|>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>")
TOKENS += ("<start_of_turn>", "<end_of_turn>", "<bos>", "<EOS>")


@pytest.mark.parametrize(("kind", "row", "says"), FAULTY)
def test_a_wrong_row_has_its_fault_named(kind, row, says):
    (fault,) = schema.faults(kind, row)
    assert says in fault


@pytest.mark.parametrize("token", TOKENS)
def test_a_control_token_of_a_chat_template_is_a_fault_wherever_it_stands(token):
    assert "control token" in schema.faults("sft", said(user(f"Say {token}!"), assistant("x")))[0]
    assert "control token" in schema.faults("sft", said(user("x"), assistant(f"So:{token}")))[0]
    for side in ("prompt", "chosen", "rejected"):
        row = copy.deepcopy(PAIR)
        row[side][0]["content"] += token
        assert "control token" in schema.faults("preference", row)[0]


def test_every_schema_can_be_named_listed_and_printed():
    assert schema.names() == ["sft/v1", "preference/v1"]
    for name in (*schema.names(), *schema.KINDS):
        assert json.loads(schema.text(name))["title"].endswith("row, version 1")


@pytest.mark.parametrize("name", ["", "sft/v9", "sft/", "../sft/v1", "manifest"])
def test_a_schema_that_is_not_there_names_those_that_are(name):
    with pytest.raises(InputError, match="there are: sft/v1, preference/v1"):
        schema.text(name)


def write_parquet(file, rows):
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def test_a_dataset_folder_is_validated_file_by_file(tmp_path):
    write_parquet(tmp_path / "sft" / "train.parquet", [SFT] * 1500)
    write_parquet(tmp_path / "sft" / "test.parquet", [SFT])
    write_parquet(tmp_path / "preference" / "train.parquet", [PAIR])
    counts, problems = schema.validate(tmp_path)
    assert sorted(counts.values()) == [1, 1, 1500]
    assert problems == []


def test_a_wrong_row_of_a_parquet_file_is_told_by_its_number(tmp_path):
    rows = [SFT] * 1200
    rows[1100] = said(user("Hi"), user("Ho"))
    file = write_parquet(tmp_path / "x.parquet", rows)
    counts, problems = schema.validate(file)
    assert counts == {str(file): 1200}
    assert [(p.file, p.line) for p in problems] == [(str(file), 1101)]
    assert problems[0].what.startswith("not sft/v1: roles must be")


def test_every_wrong_line_of_a_jsonl_file_is_told_by_its_number(tmp_path):
    file = tmp_path / "x.jsonl"
    lines = [json.dumps(SFT), "{", "[1]", "", json.dumps(PAIR), json.dumps(PAIR | {"chosen": []}), "[" * 9000]
    file.write_text("\n".join(lines) + "\n")
    counts, problems = schema.validate(file)
    assert counts == {str(file): 6}, "a blank line is no row"
    assert [problem.line for problem in problems] == [2, 3, 6, 7]
    assert "preference/v1" in problems[2].what


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing more", b"\x00" * 100])
def test_a_parquet_file_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "x.parquet").write_bytes(content)
    with pytest.raises(InputError, match="not a readable parquet file"):
        schema.validate(tmp_path / "x.parquet")


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b'{"id": "\xff"}\n')
    with pytest.raises(InputError, match="not UTF-8"):
        schema.validate(tmp_path / "x.jsonl")


@pytest.mark.parametrize("name", [".", "nobody", "nobody.parquet"])
def test_where_nothing_is_there_is_nothing_to_validate(tmp_path, name):
    with pytest.raises(InputError, match=r"no \.parquet or \.jsonl to validate"):
        schema.validate(tmp_path / name)


def test_a_parquet_file_of_something_else_is_wrong_in_every_row_and_no_traceback(tmp_path):
    file = write_parquet(tmp_path / "x.parquet", [{"text": "a"}, {"text": None}])
    assert [problem.line for problem in schema.validate(file)[1]] == [1, 2]
