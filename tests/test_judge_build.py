"""A build whose pairs come from a judge: from the recipe to the parquet files, and what `builder show` tells of it."""

import json
from collections import Counter
from pathlib import Path

import loopback
import polars as pl
import pytest
from judging import prefers, rates
from typer.testing import CliRunner

from builder.cli import app
from builder.errors import InputError
from builder.ledger import Ledger
from builder.money import forecast, teachers
from builder.pipeline import build, load_recipe

RECIPE = """\
name: judged
version: 0.1.0
steps:
  - seed: {{path: seeds.jsonl}}
  - generate: {{teacher: {writer}, samples: 3}}
  - judge: {{teacher: {judge}{more}}}
  - pair: {{min_margin: {margin}}}
  - emit: {{}}
"""


def writes():
    """Answer every prompt with one, two and five stars' worth."""
    asked = Counter()

    def answer(messages, rng):
        prompt = messages[-1]["content"]
        asked[prompt] += 1
        return f"About {prompt[-12:]}{'★' * (0, 1, 4)[asked[prompt] - 1]}"

    return answer


def recipe(folder: Path, writer: str, judge: str, more: str = "", margin: float = 1) -> Path:
    lines = [{"instruction": f"Tell me something about the number {n} please."} for n in range(8)]
    (folder / "seeds.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    names = {
        name: json.dumps({"url": url, "model": name, "retries": 0})
        for name, url in (("writer", writer), ("judge", judge))
    }
    file = folder / "recipe.yaml"
    file.write_text(RECIPE.format(**names, more=more, margin=margin))
    return file


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    with (
        loopback.server(answer=writes(), models=("writer",)) as writer,
        loopback.server(answer=rates, models=("judge",)) as judge,
    ):
        made = build(load_recipe(str(recipe(folder, writer.url, judge.url))), folder / "out")
        assert (writer.calls, judge.calls) == (24, 32)
    return made


def rows(built, kind):
    return pl.read_parquet(built.folder / kind / "train.parquet").to_dicts()


def test_the_pairs_carry_margin_and_reasons(built):
    pairs = rows(built, "preference")
    assert len(pairs) == 8
    for pair in pairs:
        told = json.loads(pair["metadata"])
        scores = {}
        for side in ("chosen", "rejected"):
            ((_, by_aspect),) = told[f"{side}_judgement"].items()
            assert len(by_aspect) == 4
            text = pair[side][0]["content"]
            assert all(it["reason"] == f"of {text}" for it in by_aspect.values())
            scores[side] = sum(it["score"] for it in by_aspect.values()) / 4
            assert scores[side] == 1 + text.count("★")
        assert told["margin"] == scores["chosen"] - scores["rejected"] >= 1


def test_the_provenance_names_the_calls_of_writers_and_judges(built):
    lines = pl.read_parquet(built.folder / "provenance.parquet").to_dicts()
    with Ledger(built.folder / built.manifest["ledger"], readonly=True) as ledger:
        for line in lines:
            models = [json.loads(ledger.request(key))["model"] for key in line["call_keys"]]
            wrote = 1 if line["kind"] == "sft" else 2
            assert models == ["writer"] * wrote + ["judge"] * 4
            assert json.loads(line["measures"])["judge_calls"] == 4
    assert {line["kind"] for line in lines} == {"sft", "preference"}
    (wrote,) = built.manifest["teachers"]
    assert wrote.startswith("writer @ "), "who judged wrote nothing"


def shown(built, id):
    said = CliRunner().invoke(app, ["show", str(built.folder), id])
    assert said.exit_code == 0, said.output
    return " ".join(said.output.split())


def test_show_tells_who_judged_an_answer_and_why(built):
    row, pair = rows(built, "sft")[0], rows(built, "preference")[0]
    text = row["messages"][-1]["content"]
    assert f"helpfulness {1 + text.count('★')}: of {text}" in shown(built, row["id"])
    said = shown(built, pair["id"])
    for label, side in (("why chosen", "chosen"), ("why not", "rejected")):
        text = pair[side][0]["content"]
        assert f"{label} judge: helpfulness {1 + text.count('★')}: of {text}" in said
    assert said.count("judge, max_tokens") == 4 and said.count("writer, max_tokens") == 2
    assert CliRunner().invoke(app, ["show", str(built.folder)]).exit_code == 0


def test_show_tells_of_a_side_and_of_a_rejected_row_only_their_own_calls(tmp_path):
    with (
        loopback.server(answer=writes(), models=("writer",)) as writer,
        loopback.server(answer=rates, models=("judge",)) as judge,
    ):
        file = recipe(tmp_path, writer.url, judge.url, ", min_score: 3")
        made = build(load_recipe(str(file)), tmp_path / "out")
    emitted = {row["id"] for row in rows(made, "sft")}
    told = [json.loads(pair["metadata"]) for pair in rows(made, "preference")]
    pair = next(it for it in told if it["rejected_id"] not in emitted)
    said = shown(made, pair["rejected_id"])
    with Ledger(made.folder / made.manifest["ledger"], readonly=True) as ledger:
        lines = pl.read_parquet(made.folder / "provenance.parquet").to_dicts()
        own = next(line["call_keys"] for line in lines if pair["rejected_id"] in line["parents"])[1]
        assert json.loads(ledger.request(own))["model"] == "writer"
    assert f"call {own}" in said and said.count("writer, max_tokens") == 1 and "judge, max_tokens" not in said
    rejects = pl.read_parquet(made.folder / "rejects.parquet").to_dicts()
    low = next(reject for reject in rejects if "judge: scored" in reject["reason"])
    said = shown(made, low["id"])
    assert "helpfulness" in said and said.count("judge, max_tokens") == 4


def test_the_same_build_offline_gives_the_same_files_and_makes_no_call(built, tmp_path):
    recipe_file = tmp_path / "recipe.yaml"
    recipe_file.write_text(built.manifest["recipe_text"])
    (tmp_path / "seeds.jsonl").write_text((built.folder.parents[2] / "seeds.jsonl").read_text())
    ledger = built.folder / built.manifest["ledger"]
    again = build(load_recipe(str(recipe_file)), tmp_path / "out", ledger=ledger, offline=True)
    assert again.manifest["spend"]["calls"] == 0 and again.manifest["spend"]["replayed"] == 56
    for name in ("sft/train.parquet", "preference/train.parquet", "provenance.parquet", "rejects.parquet"):
        assert (again.folder / name).read_bytes() == (built.folder / name).read_bytes()


def test_pairwise_scores_make_pairs_too(tmp_path):
    with (
        loopback.server(answer=writes(), models=("writer",)) as writer,
        loopback.server(answer=prefers, models=("judge",)) as judge,
    ):
        file = recipe(tmp_path, writer.url, judge.url, ", method: pairwise", margin=0.5)
        made = build(load_recipe(str(file)), tmp_path / "out")
    pairs = rows(made, "preference")
    assert len(pairs) == 8
    for pair in pairs:
        assert pair["chosen"][0]["content"].count("★") > pair["rejected"][0]["content"].count("★")
        assert "win against b2:" in shown(made, pair["id"])


def test_a_dry_run_foretells_the_writer_then_the_judge_and_asks_neither(tmp_path):
    with (
        loopback.server(answer=writes(), models=("writer",)) as writer,
        loopback.server(answer=rates, models=("judge",)) as judge,
    ):
        loaded = load_recipe(str(recipe(tmp_path, writer.url, judge.url)))
        assert [name.split()[0] for name in teachers(loaded)] == ["writer", "judge"]
        first = forecast(loaded, tmp_path / "ledger.db")
        assert (first.step, first.unknown, writer.calls) == ("generate", ["judge"], 0)
        said = CliRunner().invoke(app, ["build", str(tmp_path / "recipe.yaml"), "--out", str(tmp_path), "--dry-run"])
        assert said.exit_code == 0 and "judge" in said.output
        with pytest.raises(Exception, match="budget"):
            text = (tmp_path / "recipe.yaml").read_text()
            (tmp_path / "short.yaml").write_text(text.replace("steps:", "budget: {calls: 24}\nsteps:"))
            build(load_recipe(str(tmp_path / "short.yaml")), tmp_path)
        assert (writer.calls, judge.calls) == (24, 0)
        second = forecast(loaded, tmp_path / "ledger.db")
        assert (second.step, second.lines[0].calls, second.replayed) == ("judge", 32, 24)
        assert judge.calls == 0


def test_teacher_on_the_command_line_leaves_the_judge_alone(tmp_path):
    loaded = load_recipe(str(recipe(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:8/v1")), "openai:other")
    asked = {step.name: step.config.teacher for step in loaded.steps if hasattr(step.config, "teacher")}
    assert asked["generate"][0].model == "other" and asked["judge"][0].model == "judge"


@pytest.mark.parametrize(("steps", "says"), [
    (["judge", "judge"], "a second `judge` step"),
    (["judge", "verify"], "`verify` stands after `judge`"),
    (["pair", "judge"], "`judge` stands after `pair`"),
])  # fmt: skip
def test_steps_in_an_order_that_would_spoil_the_scores_are_refused(tmp_path, steps, says):
    (tmp_path / "seeds.jsonl").write_text('{"instruction": "One?", "output": "1"}\n')
    lines = [f"  - {step}: {{{'teacher: openai:judge' if step == 'judge' else ''}}}\n" for step in steps]
    file = tmp_path / "recipe.yaml"
    file.write_text(
        f"name: x\nversion: 0.1.0\nsteps:\n  - seed: {{path: seeds.jsonl}}\n{''.join(lines)}  - emit: {{}}\n"
    )
    with pytest.raises(InputError, match=says):
        load_recipe(str(file))


def test_the_embedded_teacher_as_judge_is_one_problem_with_its_line(tmp_path):
    file = recipe(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:8/v1")
    text = file.read_text()
    line = next(line for line in text.splitlines() if "judge:" in line)
    file.write_text(text.replace(line, "  - judge: {teacher: embedded}"))
    with pytest.raises(InputError) as refused:
        load_recipe(str(file))
    (problem,) = refused.value.problems
    assert problem.line == 6 and "no opinion" in problem.what
