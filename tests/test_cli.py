"""The command line as a user meets it: in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = ("init", "check", "build", "show", "schema", "validate")


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "builder", *arguments], capture_output=True, text=True, cwd=cwd)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, builder.cli, typer.main; typer.main.get_command(builder.cli.app)\n"
        "heavy = {'polars', 'datasets', 'datasketch', 'distilabel', 'langdetect', 'pyarrow', 'pydantic', 'numpy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0 and "Usage" in done.stdout


def test_from_init_to_a_dataset_shown_and_validated(tmp_path: Path) -> None:
    assert run("init", "mine", cwd=tmp_path).returncode == 0
    again = run("init", "mine", cwd=tmp_path)
    assert again.returncode == 2 and "is there already" in again.stderr
    assert run("check", "mine/recipe.yaml", cwd=tmp_path).returncode == 0
    dry = run("build", "mine/recipe.yaml", "--dry-run", cwd=tmp_path)
    assert dry.returncode == 0 and "nothing was spent" in dry.stdout
    assert not (tmp_path / "outputs" / "my-data").exists()

    built = run("build", "quickstart", "--limit", "40", "--out", "out", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    folder = "out/quickstart/0.1.0"
    for said in ("rows made =", "wrote", "rejects.parquet", "teaches", "next"):
        assert said in built.stdout
    again = run("build", "quickstart", "--limit", "40", "--out", "out", cwd=tmp_path)
    assert again.returncode == 0 and "nothing to do" in again.stdout
    assert run("validate", folder, cwd=tmp_path).returncode == 0
    shown = run("show", folder, cwd=tmp_path)
    assert shown.returncode == 0 and "user" in shown.stdout


def test_schemas_are_listed_and_printed() -> None:
    assert run("schema").stdout.split() == ["sft/v1", "preference/v1"]
    assert '"title": "SFT row, version 1"' in run("schema", "sft").stdout
    assert run("schema", "nonsense").returncode == 2


def test_bad_input_is_exit_2_one_message_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: x y\nversion: 1\nsteps:\n  - seed: {path: a, pth: b}\n  - dedupe: {}\n")
    done = run("check", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    for said in (
        "bad.yaml:1: name",
        "bad.yaml:2: version",
        "bad.yaml:4: unknown key",
        "did you mean 'dedup'?",
        "4 problems",
    ):
        assert said in done.stderr
    (tmp_path / "rows.jsonl").write_text('{"id": "b2:0", "messages": []}\nnot json\n')
    done = run("validate", "rows.jsonl", cwd=tmp_path)
    assert done.returncode == 2 and "rows.jsonl:1" in done.stderr and "rows.jsonl:2: not JSON" in done.stderr


def test_a_server_that_is_not_there_is_one_sentence_and_exit_1(tmp_path: Path) -> None:
    done = run(
        "build",
        "quickstart",
        "--limit",
        "5",
        "--teacher",
        "http://127.0.0.1:9/v1#m",
        "--out",
        "o",
        cwd=tmp_path,
    )
    assert done.returncode == 1 and "does not answer" in done.stderr and "Traceback" not in done.stderr


def test_a_missing_key_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = run("build", "quickstart", "--limit", "5", "--teacher", "openai:gpt-4o-mini", "--out", "o", cwd=tmp_path)
    assert done.returncode == 2 and "OPENAI_API_KEY" in done.stderr
