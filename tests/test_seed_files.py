"""Files the seed step refuses: one clear error each, whatever is in them."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from seed_step import FRUITS, RIVERS, good, read, refused, write

from builder.errors import InputError

SEED = json.dumps(FRUITS)
PARQUET = pa.BufferOutputStream()
pq.write_table(pa.Table.from_pylist([FRUITS]), PARQUET)
PARQUET = PARQUET.getvalue().to_pybytes()
BAD_FILES = [
    ("a.jsonl", b"", "is empty"),
    ("a.jsonl", b"\n  \n\r\n", "is empty: no lines in it"),
    ("a.txt", b" \n", "is empty: no lines in it"),
    ("a.json", b" \n", "is empty: no rows in it"),
    ("a.json", b"[]", "is empty: no rows in it"),
    ("a.json", b'{"data": []}', "is empty: no rows in it"),
    ("a.csv", b"instruction,output\n", "is empty: no lines in it"),
    ("a.jsonl.gz", gzip.compress(b""), "is empty: no lines in it"),
    (
        "a.jsonl",
        f"{SEED}\n".encode() + b'{"instruction": "caf\xe9"}',
        f"2: not UTF-8: invalid continuation byte at byte {len(SEED) + 1 + 20}",
    ),
    ("a.jsonl", b"\xef\xbb\xbf\xff", "1: not UTF-8: invalid start byte at byte 3"),
    (
        "a.jsonl",
        SEED.encode("utf-16"),
        "1: not UTF-8: invalid start byte at byte 0, as in UTF-16 (save it as UTF-8)",
    ),
    ("a.jsonl", SEED.encode("utf-16-le"), "a.jsonl:1: not JSON"),
    ("a.csv", b"instruction\ncaf\xe9\n", "2: not UTF-8"),
    ("a.txt", b"caf\xe9", "1: not UTF-8"),
    ("a.json", b'["caf\xe9"]', "1: not UTF-8"),
    ("a.jsonl", f"[{SEED}]".encode(), "holds one JSON document, expected objects one a line (name it .json)"),
    ("a.jsonl", json.dumps([FRUITS, RIVERS], indent=1).encode(), "holds one JSON document"),
    ("a.jsonl", json.dumps(FRUITS, indent=1).encode(), "holds one JSON document"),
    (
        "a.json",
        f"{SEED}\n{SEED}".encode(),
        "holds more than one JSON document, expected one list of objects (name it .jsonl)",
    ),
    ("a.json", b'[{"a": 1},\n]', "a.json:"),
    ("a.json", b'[{"instruction": "Hi"},\n oops]', "2: not JSON: Expecting value at column 2"),
    ("a.json", b'[{"instruction": "Hi"}', "not JSON: Expecting ',' delimiter"),
    ("a.json", b"[" * 100_000, "not JSON: nested too deep"),
    ("a.json", b"9" * 5000, "not JSON: a number with too many digits"),
    ("a.json", b'"Hi"', "neither a list nor an object"),
    ("a.json", b"42", "neither a list nor an object"),
    ("a.json", b"null", "neither a list nor an object"),
    ("a.json", b'{"a": 1}', "an object with 0 lists inside, expected one"),
    ("a.json", b'{"a": [1], "b": [2]}', "an object with 2 lists inside (a, b), expected one"),
    ("a.json", b'{"instruction": ["Hi"], "output": ["Yo"]}', "an object with 2 lists inside"),
    ("a.json", b"[1, 2, 3]", "no seed in 3 rows"),
    ("a.json", b'{"messages": [{"role": "user"}]}', "content is null"),
    ("a.csv", f"{SEED}\n".encode(), "holds JSON, expected a header with column names"),
    ("a.csv", b"a,b,a\n1,2,3\n", "1: the header names a more than once"),
    ("a.csv", b"text,label\nHi,1\n", "no known shape: found the keys text, label"),
    ("a.csv", b"instruction;output\nHi;Yo\n", "no known shape: found the keys instruction;output"),
    ("a.csv", b'"instruction\nHi\n', "a.csv:1: not CSV"),
    ("a.csv", PARQUET, "the extension says text, the content is .parquet"),
    ("a.tsv", b"instruction,output\nHi,Yo\n", "found the keys instruction,output"),
    ("a.txt", f"{SEED}\n".encode(), "holds JSON, expected one instruction a line"),
    ("a.txt", b"a\0b", "bad character: instruction has a NUL at position 1"),
    ("a.parquet", b"", "is empty"),
    ("a.parquet", b"hello", "the extension says .parquet, the content is text"),
    ("a.parquet", b"PAR1" + b"\0" * 100, "not readable as parquet"),
    ("a.parquet", PARQUET[:-9], "not readable as parquet"),
    ("a.parquet", PARQUET[:4] + b"\xff" * 40 + PARQUET[44:], "a.parquet"),
    ("a.parquet", gzip.compress(PARQUET), "the extension says .parquet, the content is .gz"),
    ("a.parquet.gz", gzip.compress(PARQUET), "unknown file extension '.parquet.gz'"),
    ("a.jsonl", PARQUET, "the extension says text, the content is .parquet"),
    ("a.jsonl", gzip.compress(SEED.encode()), "the extension says text, the content is .gz"),
    ("a.jsonl", b"PK\x03\x04rest", "the extension says text, the content is .zip"),
    ("a.jsonl.gz", SEED.encode(), "the extension says .gz, the content is text"),
    ("a.jsonl.gz", gzip.compress(SEED.encode())[:-9], "cannot be read: Compressed file ended"),
    ("a.jsonl.gz", gzip.compress(SEED.encode())[:12] + b"\xff" * 30, "cannot be read"),
    ("a.gz", gzip.compress(SEED.encode()), "unknown file extension '.gz'"),
    ("a", SEED.encode(), "unknown file extension ''"),
    ("a.xlsx", b"PK\x03\x04", "unknown file extension '.xlsx' (known: .jsonl, "),
    ("a.yaml", b"- Hi", "unknown file extension"),
    ("a.jsonl", b"instruction,output\nHi,Yo\n", "no seed in 2 lines"),
    ("a.jsonl", b"\x00" * 64, "a.jsonl:1: not JSON"),
    ("a.jsonl", b"<html></html>", "a.jsonl:1: not JSON"),
]


@pytest.mark.parametrize(("name", "content", "said"), BAD_FILES, ids=range(len(BAD_FILES)))
@pytest.mark.parametrize("on_bad", ["skip", "stop"])
def test_a_file_that_cannot_be_used_is_one_clear_error(tmp_path, name, content, said, on_bad):
    (tmp_path / name).write_bytes(content)
    found = refused(tmp_path, name, on_bad=on_bad)
    assert found.startswith(str(tmp_path / name))
    assert said in found


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("absent.jsonl", "no such file (a path is relative to the recipe's folder)"),
        ("sedes.jsonl", "no such file (did you mean 'seeds.jsonl'?)"),
        ("no/such/folder.jsonl", "no such file"),
        ("seeds.jsonl/inside.jsonl", "no such file"),
        ("x" * 5000, "no such file"),
        ("a\0b.jsonl", "no such file"),
        ("~nobody-of-that-name/seeds.jsonl", "no such file"),
        ("", "a folder that is no saved dataset"),
        ("folder", "a folder that is no saved dataset"),
        ("half", "a folder that is no saved dataset"),
    ],
)
def test_a_path_that_leads_nowhere_is_one_clear_error(tmp_path, path, said):
    write(tmp_path, FRUITS)
    (tmp_path / "folder").mkdir()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "state.json").write_text("{")
    (tmp_path / "half" / "dataset_info.json").write_text("{")
    assert said in refused(tmp_path, path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.tsv", "a.txt", "a.parquet", "a.jsonl.gz"]), st.data())
def test_no_bytes_make_any_other_error(tmp_path, name, data):
    whole = {"a.parquet": PARQUET, "a.jsonl.gz": gzip.compress(SEED.encode())}.get(name, f"{SEED}\n{SEED}".encode())
    at = data.draw(st.integers(0, len(whole)))
    junk = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"\n", b'"', b"{", b"[", b"\xff", b"\0", b"\\ud800"]))
    )
    (tmp_path / name).write_bytes(whole[:at] + junk + whole[at + data.draw(st.integers(0, 8)) :])
    try:
        table, _ = read(tmp_path, name)
    except InputError as error:
        assert str(error).startswith(str(tmp_path / name))
    else:
        assert good(table).height
