import io
import json
import shutil

import pyarrow.parquet as pq
import pytest
import sample_build
from rich.console import Console

from builder.errors import InputError
from builder.ledger import Answer, Ledger
from builder.pages import dataset, show


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sample_build.write(tmp_path_factory.mktemp("out") / "sample" / "0.1.0")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return sample_build.write(tmp_path_factory.mktemp("out") / "sample" / "0.1.0", hostile=False)


def printed(function, *arguments, width=200):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    function(*arguments, console)
    return console.file.getvalue()


def ids(folder, file):
    return pq.read_table(folder / file).column("id").to_pylist()


def test_a_dataset_is_one_line_one_row_one_pair(plain):
    out = printed(show.overview, plain)
    assert out.startswith("sample 0.1.0: 32 SFT rows, 9 pairs, 6 rejected, answered by the embedded teacher\n")
    assert out.count("an SFT row") == 1 and out.count("a preference pair") == 1
    first = min(ids(plain, "sft/train.parquet") + ids(plain, "sft/test.parquet"))
    assert first in out and "chosen" in out and "rejected" in out and "broke" in out
    assert out == printed(show.overview, plain)


def test_markup_and_control_characters_of_a_row_are_only_text(folder):
    out = printed(show.overview, folder)
    assert "[bold]not markup[/bold] ␛[31mred␛[0m ⟨U+202E⟩back" in out
    assert "\x1b" not in out and "\u202e" not in out
    assert "more characters …" in out


def test_an_sft_row_tells_its_whole_way(plain):
    row = next(r for r in pq.read_table(plain / "provenance.parquet").to_pylist() if r["kind"] == "sft")
    out = printed(show.row, plain, row["id"])
    for part in (row["source"], row["license"], row["seed_id"], row["template_hash"], row["call_keys"][0]):
        assert part in out
    assert "held: " in out and "not_blank" in out and "score 1" in out
    assert "measures" in out and "split" in out and row["split"] in out
    assert "no ledger at" in out


def test_a_pair_tells_both_sides_and_what_broke(plain):
    pair = pq.read_table(plain / "preference/train.parquet").to_pylist()[0]
    told = json.loads(pair["metadata"])
    out = printed(show.row, plain, pair["id"])
    assert told["chosen_id"] in out and told["rejected_id"] in out
    assert told["broke"][0] in out and told["near_miss"] in out
    assert pair["rejected"][0]["content"].splitlines()[0] in out


def test_a_side_that_is_no_row_of_its_own_is_found_through_its_pair(plain):
    pair = pq.read_table(plain / "preference/train.parquet").to_pylist()[0]
    told = json.loads(pair["metadata"])
    out = printed(show.row, plain, told["rejected_id"])
    assert "a side of a pair" in out and pair["id"] in out and told["chosen_id"] in out
    assert f"broke: {told['broke'][0]}" in out and "held" not in out and "score 1" not in out


def test_a_chosen_row_names_its_pair(plain):
    pair = pq.read_table(plain / "preference/train.parquet").to_pylist()[0]
    out = printed(show.row, plain, json.loads(pair["metadata"])["chosen_id"])
    assert "an SFT row" in out and "chosen in" in out and pair["id"] in out


def test_a_rejected_row_tells_step_reason_and_evidence(plain):
    rejects = pq.read_table(plain / "rejects.parquet").to_pylist()
    reject = next(r for r in rejects if r["step"] == "dedup")
    out = printed(show.row, plain, reject["id"])
    assert "dropped by  dedup" in out and "near-duplicate" in out
    assert json.loads(reject["evidence"])["twin"] in out
    assert "draw 0, 40 tokens in, 9 tokens out, stop" in out
    assert "lang_confidence 0.97" in out


def test_a_seed_tells_what_grew_from_it(plain):
    reject = pq.read_table(plain / "rejects.parquet").to_pylist()[0]
    out = printed(show.row, plain, reject["seed_id"])
    assert "a seed" in out and reject["id"] in out and "rejected, dedup: near-duplicate" in out
    assert "sft, train" in out


def test_every_id_in_the_dataset_can_be_shown(plain):
    found = {
        *ids(plain, "sft/train.parquet"),
        *ids(plain, "preference/train.parquet"),
        *ids(plain, "rejects.parquet"),
    }
    for line in pq.read_table(plain / "provenance.parquet").to_pylist():
        found |= {line["seed_id"], *line["parents"]}
    for id in found:
        assert id in printed(show.row, plain, id)


def test_the_ledger_adds_what_was_sent(tmp_path):
    folder = sample_build.write(tmp_path / "sample" / "0.1.0")
    line = next(r for r in pq.read_table(folder / "provenance.parquet").to_pylist() if r["kind"] == "sft")
    key = line["call_keys"][0]
    request = {"model": "gpt-x", "arguments": {"temperature": 0.7, "stop": None}, "messages": [], "draw": 3}
    with Ledger(folder / dataset.manifest(folder)["ledger"]) as ledger:
        ledger.finish(ledger.begin(key).attempts[key], key, request, Answer("…", "stop", 212, 40))
    out = printed(show.row, folder, line["id"])
    assert f"{key}, gpt-x, temperature 0.7, draw 3, 212 tokens in, 40 tokens out, stop" in out
    assert "no ledger at" not in out


def test_an_id_may_be_cut_short(plain):
    id = ids(plain, "sft/train.parquet")[0]
    whole = printed(show.row, plain, id)
    assert printed(show.row, plain, id[:16]) == printed(show.row, plain, id[3:16]) == whole
    assert printed(show.row, plain, id[:16] + "…") == whole


@pytest.mark.parametrize(
    ("prefix", "message"),
    [("b2:zzz", "no id begins with 'b2:zzz'"), ("b2:", "give more of it"), ("(", "no id")],
)
def test_an_unknown_or_ambiguous_id_is_one_clear_sentence(plain, prefix, message):
    with pytest.raises(InputError, match=r".") as error:
        show.row(plain, prefix, Console(file=io.StringIO()))
    assert message in str(error.value) and len(error.value.problems) == 1


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
    for path, message in ((tmp_path, "no finished dataset here"), (tmp_path / "x", "no such dataset")):
        with pytest.raises(InputError, match=message):
            show.overview(path, Console(file=io.StringIO()))
    (tmp_path / "manifest.json").write_text('{"schema": "manifest/v9"}')
    with pytest.raises(InputError, match=r"found schema 'manifest/v9', expected 'manifest/v1'"):
        show.overview(tmp_path, Console(file=io.StringIO()))
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot be read"):
        show.overview(tmp_path, Console(file=io.StringIO()))


def test_a_dataset_is_found_by_its_name(tmp_path, monkeypatch):
    folder = sample_build.write(tmp_path / "outputs" / "sample" / "0.1.0")
    monkeypatch.chdir(tmp_path)
    assert dataset.find(folder) == folder
    assert dataset.find(folder.parent) == folder
    assert dataset.find(dataset.Path("sample")) == dataset.Path("outputs/sample/0.1.0")
    shutil.copytree(folder, folder.parent / ".0.2.0.building")
    assert dataset.find(folder.parent) == folder
    shutil.copytree(folder, folder.parent / "0.2.0")
    with pytest.raises(InputError, match=r"several datasets \(name one: .*0\.1\.0, .*0\.2\.0\)"):
        dataset.find(folder.parent)


def test_a_narrow_terminal_keeps_every_id_whole_to_copy(plain):
    id = ids(plain, "sft/train.parquet")[0]
    assert id in printed(show.row, plain, id, width=60)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("provenance.parquet", b"PAR1abcPAR1"),
        ("sft/train.parquet", b""),
        ("manifest.json", b'{"schema": "manifest/v1"}'),
    ],
)
def test_a_damaged_dataset_is_one_clear_sentence(tmp_path, file, content):
    folder = sample_build.write(tmp_path / "sample" / "0.1.0")
    (folder / file).write_bytes(content)
    with pytest.raises(InputError, match="damaged or missing"), show.whole(folder):
        show.overview(folder, Console(file=io.StringIO()))
