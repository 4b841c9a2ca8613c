"""A build as a whole: what it leaves, that it can be repeated, stopped and gone on with, and what it refuses."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from builder import outputs, shards
from builder.context import silent
from builder.errors import BuilderError, InputError, TeacherError
from builder.money import forecast
from builder.pipeline import build, load_recipe
from tests import loopback

GOLDEN = Path(__file__).parent / "golden"

FRUITS = "fruits that grow on trees in cool countries and keep well through a long winter in the cellar."
CHAT = ["Hi", "Hello!", "Bye", "Goodbye!"]
ONE_WORD = [{"check": "max_words", "n": 1}]
LINES: list[dict | str] = [
    {"instruction": f"Name three {FRUITS}", "output": "Apples, pears and plums."},
    {"instruction": f"Name four {FRUITS}", "output": "Apples, cherries, pears, plums."},
    {"instruction": "Answer with yes or no: is 7 a prime number?", "output": "Yes"},
    {"instruction": "Answer with yes or no: is 9 a prime number?", "output": "No"},
    {"instruction": "Say goodbye in one word.", "output": "Well then, goodbye", "checks": ONE_WORD},
    {"instruction": "Write a poem about the sea.", "output": "I'm sorry, but as an AI language model I cannot."},
    "not json",
    {"messages": [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(CHAT)]},
    {"instruction": "Say hello in one word.", "output": "Hello", "checks": ONE_WORD},
]
SEEDS = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in LINES)

CLEAN = """\
name: clean
version: 0.1.0
seed: 7
steps:
  - seed: {path: seeds.jsonl, license: CC-BY-4.0}
  - verify: {}
  - quality: {}
  - dedup: {threshold: 0.6}
  - emit: {}
"""


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    (tmp_path / "seeds.jsonl").write_text(SEEDS)
    (tmp_path / "recipe.yaml").write_text(CLEAN)
    return tmp_path


def rows(folder: Path, kind: str = "sft") -> list[dict]:
    return [row for file in sorted(folder.glob(f"{kind}/*.parquet")) for row in pl.read_parquet(file).to_dicts()]


def hashes(folder: Path) -> dict[str, str]:
    files = folder.rglob("*.parquet")
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def recipe(tmp_path: Path, url: str, **teacher: object) -> Path:
    """A recipe with a real teacher: 40 prompts, 2 samples each, one of two passes its check."""
    lines = [{"instruction": f"Tell me something about the number {n} please."} for n in range(40)]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    settings = json.dumps({"url": url, "model": "loopback", "concurrency": 4, "timeout": 10} | teacher)
    file = tmp_path / "recipe.yaml"
    file.write_text(
        f"name: real\nversion: 0.1.0\nsteps:\n  - seed: {{path: seeds.jsonl}}\n"
        f"  - generate: {{teacher: {settings}, samples: 2}}\n  - quality: {{}}\n  - emit: {{test_share: 0.2}}\n"
    )
    return file


def test_recleaning_a_dataset_needs_no_teacher_and_accounts_for_every_line(clean: Path) -> None:
    built = build(load_recipe(str(clean / "recipe.yaml")), clean / "out")
    assert built.manifest["rows"] == {"made": 9, "sft": 5, "preference_only": 0, "rejected": 4}
    rejects = pl.read_parquet(built.folder / "rejects.parquet")
    reasons = {row["step"]: row["reason"].partition(":")[0] for row in rejects.to_dicts()}
    assert reasons.keys() == {"seed", "quality", "dedup", "emit"}
    assert reasons["dedup"] == "near-duplicate" and reasons["quality"] == "refusal"
    answers = [row["messages"][-1]["content"] for row in rows(built.folder)]
    assert answers == ["Apples, pears and plums.", "Yes", "No", "Goodbye!", "Hello"]
    assert not (built.folder / "preference").exists()
    assert any("no pairs" in note for note in built.manifest["notes"])


def test_emitted_rows_are_the_golden_ones(clean: Path) -> None:
    """Two answers to one prompt, one of which breaks its check, make a pair; everything else as in `clean`."""
    again = {"instruction": "Say hello in one word.", "output": "Good morning to you", "checks": ONE_WORD}
    (clean / "seeds.jsonl").write_text(SEEDS + json.dumps(again) + "\n")
    steps = CLEAN.replace("  - dedup: {threshold: 0.6}\n", "  - pair: {}\n").replace(
        "emit: {}", "emit: {test_share: 0.5}"
    )
    (clean / "recipe.yaml").write_text(steps)
    built = build(load_recipe(str(clean / "recipe.yaml")), clean / "out")
    for kind in ("sft", "preference"):
        found = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(built.folder, kind))
        file = GOLDEN / f"{kind}.jsonl"
        if os.environ.get("UPDATE_GOLDEN"):
            file.write_text(found, encoding="utf-8")
        assert found == file.read_text(encoding="utf-8"), "if this change is meant, run with UPDATE_GOLDEN=1"


def test_the_same_build_gives_the_same_bytes_and_a_second_run_does_nothing(tmp_path: Path) -> None:
    quickstart = load_recipe("quickstart")
    one = build(quickstart, tmp_path / "one", limit=60)
    other = build(quickstart, tmp_path / "other", limit=60)
    assert hashes(one.folder) == hashes(other.folder)
    assert one.manifest["pairs"] > 40
    made = one.manifest["rows"]
    assert made["made"] == made["sft"] + made["preference_only"] + made["rejected"]
    again = build(quickstart, tmp_path / "one", limit=60)
    assert not again.fresh and again.manifest == one.manifest


def test_a_finished_version_is_never_changed_but_a_preview_is_replaced(clean: Path) -> None:
    file = clean / "recipe.yaml"
    preview = build(load_recipe(str(file)), clean / "out", limit=3)
    assert preview.manifest["preview"]
    whole = build(load_recipe(str(file)), clean / "out")
    assert whole.fresh and not whole.manifest["preview"]
    before = hashes(whole.folder)
    file.write_text(CLEAN.replace("threshold: 0.6", "threshold: 0.9"))
    with pytest.raises(InputError, match=r"threshold was 0.6, is 0.9"):
        build(load_recipe(str(file)), clean / "out")
    file.write_text(CLEAN)
    (clean / "seeds.jsonl").write_text(SEEDS + SEEDS)
    with pytest.raises(InputError, match=r"seeds\.jsonl was 'sha256:"):
        build(load_recipe(str(file)), clean / "out")
    with pytest.raises(InputError, match="a version never changes"):
        build(load_recipe(str(file)), clean / "out", limit=2)
    assert hashes(whole.folder) == before


def test_a_folder_that_is_not_ours_is_left_alone(clean: Path) -> None:
    theirs = clean / "out" / "clean" / "0.1.0"
    theirs.mkdir(parents=True)
    (theirs / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not a finished build"):
        build(load_recipe(str(clean / "recipe.yaml")), clean / "out")
    assert (theirs / "thesis.txt").exists()


def test_a_real_teacher_through_the_ledger(tmp_path: Path) -> None:
    with loopback.server() as server:
        loaded = load_recipe(str(recipe(tmp_path, server.url)))
        told = forecast(loaded, tmp_path / "out" / "ledger.db")
        assert (told.seeds, told.replayed, told.step) == (40, 0, "generate")
        assert [(line.calls, line.usd) for line in told.lines] == [(80, None)]
        built = build(loaded, tmp_path / "out")
        assert server.calls == 80
        assert built.manifest["rows"]["made"] == 80
        assert built.manifest["spend"]["calls"] == 80
        # another version with another filter asks nothing again
        text = (
            (tmp_path / "recipe.yaml").read_text().replace("0.1.0", "0.2.0").replace("test_share: 0.2", "test_share: 0")
        )
        (tmp_path / "recipe.yaml").write_text(text)
        second = build(load_recipe(str(tmp_path / "recipe.yaml")), tmp_path / "out", progress=silent)
        assert server.calls == 80
        assert second.manifest["spend"]["replayed"] == 80


def test_no_prompt_stands_in_both_splits_and_none_moves_when_the_data_grows(tmp_path: Path) -> None:
    def sides(count: int) -> dict[str, str]:
        (tmp_path / "r.yaml").write_text(
            f"name: split{count}\nversion: 0.1.0\nseed: 3\nsteps:\n  - seed: {{tasks: {{count: {count}}}}}\n"
            "  - generate: {teacher: embedded, samples: 1}\n  - verify: {}\n  - near_miss: {}\n  - pair: {}\n"
            "  - emit: {test_share: 0.3}\n"
        )
        built = build(load_recipe(str(tmp_path / "r.yaml")), tmp_path / "out")
        found: dict[str, str] = {}
        for kind, column in (("sft", "messages"), ("preference", "prompt")):
            for split in ("train", "test"):
                for row in pl.read_parquet(built.folder / kind / f"{split}.parquet").to_dicts():
                    prompt = row[column][:-1] if kind == "sft" else row[column]
                    assert found.setdefault(json.dumps(prompt), split) == split
        return found

    few, many = sides(60), sides(200)
    assert few.items() <= many.items() and set(many.values()) == {"train", "test"}


@pytest.mark.slow
def test_kill_9_in_the_middle_costs_only_what_was_in_flight(tmp_path: Path) -> None:
    with loopback.server() as server:
        undisturbed = build(load_recipe(str(recipe(tmp_path, server.url))), tmp_path / "calm")
    with loopback.server(latency=0.05, port=int(server.url.split(":")[2].split("/")[0])) as server:
        file = recipe(tmp_path, server.url)
        command = [sys.executable, "-m", "builder", "build", str(file), "--out", str(tmp_path / "out")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while server.calls < 30 and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert 30 <= server.calls < 80, "killed too early or too late to show anything"
        assert not (tmp_path / "out" / "real" / "0.1.0").exists()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert server.calls <= 80 + 4, "paid twice for more than was in flight"
    assert hashes(tmp_path / "out" / "real" / "0.1.0") == hashes(undisturbed.folder)


def test_nothing_left_to_emit_is_an_error_that_says_why(clean: Path) -> None:
    (clean / "seeds.jsonl").write_text('{"instruction": "Say hello."}\n')
    with pytest.raises(InputError, match="1 no response"):
        build(load_recipe(str(clean / "recipe.yaml")), clean / "out")
    rejects = pl.read_parquet(clean / "out" / "clean" / ".0.1.0.building" / "rejects.parquet")
    assert rejects["reason"].to_list() == ["no response: the seed brings none and no teacher was asked"]
    assert not (clean / "out" / "clean" / "0.1.0").exists()


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("[seed: {path: seeds.jsonl}, near_miss: {}, verify: {}, emit: {}]", "`near_miss` needs 'verdict'"),
        ("[seed: {path: gone.jsonl}, emit: {}]", "gone.jsonl"),
        (
            "[seed: {path: seeds.jsonl}, generate: {teacher: embedded, template: nowhere.jinja}, emit: {}]",
            "nowhere.jinja",
        ),
        (
            "[seed: {path: seeds.jsonl}, verify: {}, generate: {teacher: embedded}, emit: {}]",
            "`verify` needs 'response'",
        ),
    ],
)
def test_check_refuses_a_recipe_that_cannot_work(clean: Path, steps: str, said: str) -> None:
    (clean / "recipe.yaml").write_text(f"name: x\nversion: 0.1.0\nsteps: {steps}\n")
    with pytest.raises(InputError) as refused:
        load_recipe(str(clean / "recipe.yaml"))
    assert said in str(refused.value) and "recipe.yaml:3" in str(refused.value)


@pytest.mark.parametrize(("fault", "asked_again"), [("503", 4), ("400", 0)])
def test_calls_the_server_failed_are_asked_once_more_by_the_same_command_and_only_they(
    tmp_path: Path, fault: str, asked_again: int
) -> None:
    """A call that was wrong in itself would fail for ever: it is not asked again."""
    prompts = "about the number 3 please.", "about the number 30 please."

    def behave(prompt: str, attempt: int) -> str | None:
        return fault if prompt.endswith(prompts) else None

    with loopback.server(behave=behave) as server:
        loaded = load_recipe(str(recipe(tmp_path, server.url, retries=0)))
        first = build(loaded, tmp_path / "out")
        assert first.manifest["spend"]["failed"] == 4 and first.manifest["rows"]["rejected"] == 4
        server.behave = None
        before = server.calls
        second = build(loaded, tmp_path / "out")
        assert second.fresh == bool(asked_again)
        assert server.calls == before + asked_again
        assert not build(loaded, tmp_path / "out").fresh


def test_a_server_that_goes_bad_in_the_middle_stops_the_build_and_leaves_no_half_version(tmp_path: Path) -> None:
    with loopback.server() as server:
        server.behave = lambda prompt, attempt: "500" if server.calls > 20 else None
        loaded = load_recipe(str(recipe(tmp_path, server.url, retries=0)))
        with pytest.raises(TeacherError, match="stopped"):
            build(loaded, tmp_path / "out")
        assert not (tmp_path / "out" / "real" / "0.1.0").exists()
        server.behave = None
        assert build(loaded, tmp_path / "out").manifest["rows"]["sft"] == 80


def test_another_teacher_keeps_the_sampling_of_the_one_it_stands_in_for(tmp_path: Path) -> None:
    with loopback.server() as server:
        file = recipe(tmp_path, "http://127.0.0.1:9/v1", temperature=0.3, max_tokens=77)
        loaded = load_recipe(str(file), teacher=f"{server.url}#loopback")
        build(loaded, tmp_path / "out", limit=1)
        assert {(e["body"]["temperature"], e["body"]["max_tokens"]) for e in server.log} == {(0.3, 77)}
    assert loaded.text.startswith("# built with --teacher http")


def test_the_funnel_names_three_rows_of_each_reason(clean: Path) -> None:
    (clean / "seeds.jsonl").write_text(SEEDS + "also not json\n" * 4)
    built = build(load_recipe(str(clean / "recipe.yaml")), clean / "out")
    rejects = pl.read_parquet(built.folder / "rejects.parquet")
    for line in built.manifest["funnel"]:
        assert line["examples"].keys() == line["reasons"].keys()
        for reason, ids in line["examples"].items():
            so = (pl.col("step") == line["step"]) & pl.col("reason").str.starts_with(reason)
            assert ids == rejects.filter(so)["id"].to_list()[:3] and ids
    assert len(built.manifest["funnel"][0]["examples"]["not JSON"]) == 3


def test_what_did_not_fit_into_memory_is_gone_at_the_end_of_a_build_and_of_a_failed_one(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "ROWS", 2)
    place = clean / "out" / "clean"
    left = place / ".0.1.0.scratch" / "shards-x"  # by a build that was killed
    left.mkdir(parents=True)
    seen: list[int] = []
    write = outputs.write

    def watched(*given: Any) -> dict[str, Any]:
        seen.append(len(list(place.glob(".0.1.0.scratch/shards-*/*.parquet"))))
        assert not left.exists()
        if len(seen) == 1:
            raise OSError("disk full")
        return write(*given)

    monkeypatch.setattr(outputs, "write", watched)
    with pytest.raises(BuilderError, match="disk full"):
        build(load_recipe(str(clean / "recipe.yaml")), clean / "out")
    assert sorted(path.name for path in place.iterdir()) == [".0.1.0.building", ".0.1.0.lock"]
    built = build(load_recipe(str(clean / "recipe.yaml")), clean / "out")
    assert sorted(path.name for path in place.iterdir()) == [".0.1.0.lock", "0.1.0"]
    assert built.manifest["rows"]["made"] == 9 and min(seen) > 0


def test_a_dry_run_leaves_nothing_behind(clean: Path) -> None:
    assert forecast(load_recipe(str(clean / "recipe.yaml")), clean / "out" / "ledger.db").seeds == 9
    assert not (clean / "out").exists()


def test_a_folder_that_cannot_be_written_is_said(clean: Path) -> None:
    (clean / "file").write_text("")
    with pytest.raises(InputError, match="cannot be the folder of datasets"):
        build(load_recipe(str(clean / "recipe.yaml")), clean / "file")


def test_the_embedded_teacher_fails_none_of_its_own_tasks_in_a_build(tmp_path: Path) -> None:
    """Through JSON, polars and the ledger: what verifies in memory must verify in a build."""
    (tmp_path / "recipe.yaml").write_text(
        "name: own\nversion: 0.1.0\nseed: 11\nsteps:\n  - seed: {tasks: {count: 300}}\n"
        "  - generate: {teacher: embedded}\n  - verify: {on_fail: drop}\n  - emit: {}\n"
    )
    built = build(load_recipe(str(tmp_path / "recipe.yaml")), tmp_path / "out")
    assert built.manifest["rows"]["sft"] == 300, built.manifest["funnel"]


def test_a_seeds_own_response_is_a_reference_where_a_teacher_is_asked_anew(tmp_path: Path) -> None:
    """No step judges it: a German or refusing old answer costs no prompt, and its measures reach no new answer."""
    old = "Das ist eine lange Antwort in deutscher Sprache, die niemand mehr braucht, denn es wird neu gefragt."
    lines = [{"instruction": f"Please tell me about the number {n}.", "output": old} for n in range(3)]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with loopback.server() as server:
        (tmp_path / "r.yaml").write_text(
            "name: anew\nversion: 0.1.0\nsteps:\n  - seed: {path: seeds.jsonl}\n  - language: {keep: [en]}\n"
            f"  - generate: {{teacher: {{url: '{server.url}', model: loopback}}}}\n  - emit: {{}}\n"
        )
        built = build(load_recipe(str(tmp_path / "r.yaml")), tmp_path / "out")
    assert server.calls == 3 and len(rows(built.folder)) == 3
    measures = [json.loads(m) for m in pl.read_parquet(built.folder / "provenance.parquet")["measures"]]
    assert all("lang_confidence" in measure and "response_lang" not in measure for measure in measures)


def test_a_build_runs_where_an_event_loop_is_running_already(tmp_path: Path) -> None:
    """As in a notebook."""

    async def cell() -> int:
        return build(load_recipe("quickstart"), tmp_path / "out", limit=3).manifest["spend"]["calls"]

    assert asyncio.run(cell()) == 3
