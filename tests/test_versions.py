"""A version's folder is whole or not there, and never changes once it is whole."""

import json
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.outputs import file_hashes
from builder.versions import finished, put

IDENTITY = {"recipe": {"threshold": 0.7}, "limit": None}


def version(folder: Path, *, preview: bool = False, failed: int = 0, **identity: object) -> Path:
    (folder / "sft").mkdir(parents=True)
    (folder / "sft" / "train.parquet").write_text("rows")
    manifest = {
        **IDENTITY,
        **identity,
        "preview": preview,
        "spend": {"to_ask_again": failed},
        "files": file_hashes(folder),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_nothing_there_and_an_empty_folder_are_free(tmp_path: Path) -> None:
    assert finished(tmp_path / "new", IDENTITY) is None
    assert finished(tmp_path, IDENTITY) is None


def test_the_same_build_is_found_and_another_refused_with_what_differs(tmp_path: Path) -> None:
    there = version(tmp_path / "v")
    found = finished(there, IDENTITY)
    assert found is not None and found["recipe"] == {"threshold": 0.7}
    with pytest.raises(InputError, match=r"recipe.threshold was 0.7, is 0.9"):
        finished(there, IDENTITY | {"recipe": {"threshold": 0.9}})


@pytest.mark.parametrize("again", [{"preview": True, "limit": 5}, {"failed": 3}])
def test_a_preview_and_a_build_with_failed_calls_may_be_replaced(tmp_path: Path, again: dict) -> None:
    assert finished(version(tmp_path / "v", **again), IDENTITY) is None


def test_failed_calls_do_not_open_a_version_to_another_recipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="never changes"):
        finished(version(tmp_path / "v", failed=3), IDENTITY | {"recipe": {}})


def test_a_file_that_was_lost_is_built_again_and_one_that_was_changed_is_not_written_over(tmp_path: Path) -> None:
    there = version(tmp_path / "v")
    (there / "sft" / "train.parquet").unlink()
    assert finished(there, IDENTITY) is None
    (there / "sft" / "train.parquet").write_text("edited by hand")
    with pytest.raises(InputError, match=r"changed or added since it was built: sft/train.parquet"):
        finished(there, IDENTITY)


def test_what_a_user_put_into_a_preview_is_not_deleted(tmp_path: Path) -> None:
    there = version(tmp_path / "v", preview=True, limit=5)
    (there / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        finished(there, IDENTITY)


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"recipe": 1}', "\x00"])
def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match="not a finished build"):
        finished(tmp_path, IDENTITY)
    with pytest.raises(InputError, match="not a finished build"):
        finished(tmp_path / "manifest.json", IDENTITY)


def test_a_finished_folder_takes_the_place_of_what_may_go(tmp_path: Path) -> None:
    old, new = version(tmp_path / "v", preview=True), tmp_path / ".v.building"
    new.mkdir()
    (new / "manifest.json").write_text("new")
    put(new, old)
    assert [file.name for file in tmp_path.iterdir()] == ["v"] and (old / "manifest.json").read_text() == "new"
