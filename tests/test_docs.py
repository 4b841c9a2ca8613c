"""The documentation cannot lie: its commands exist, its recipe is valid, its code runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from builder import verify
from builder.cli import app
from builder.config import Config
from builder.pipeline import load_recipe
from builder.steps import STEPS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCS = sorted((ROOT / "docs").glob("*.md"))
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def test_every_command_named_in_the_docs_exists_and_every_command_is_named() -> None:
    known = {command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    text = README + (ROOT / "CONTRIBUTING.md").read_text() + (ROOT / "CHANGELOG.md").read_text()
    named = set(re.findall(r"`builder ([a-z]+)", text)) | set(re.findall(r"^\$ builder ([a-z]+)", text, re.MULTILINE))
    assert named <= known
    assert known <= named | set(re.findall(r"`([a-z]+)`", text))


def test_the_recipe_in_the_readme_is_valid(tmp_path: Path) -> None:
    (text,) = blocks("yaml")
    (tmp_path / "recipe.yaml").write_text(text)
    (tmp_path / "seeds.jsonl").write_text('{"instruction": "Hello"}\n')
    assert len(load_recipe(str(tmp_path / "recipe.yaml")).steps) == 9


def test_the_seed_in_the_readme_has_sound_checks() -> None:
    (text,) = blocks("json")
    assert verify.problems(json.loads(text)["checks"]) == []


@pytest.mark.slow
def test_the_python_in_the_readme_runs(tmp_path: Path) -> None:
    (code,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'rejected'" in done.stdout


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", *(f"docs/{f.name}" for f in DOCS)])
def test_every_relative_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target


def test_every_command_in_the_docs_is_understood() -> None:
    from typer.testing import CliRunner

    blocks = [text for file in DOCS for text in re.findall(r"```console\n(.*?)```", file.read_text(), re.DOTALL)]
    lines = [line for text in blocks for line in re.findall(r"^\$ builder ([^#\n]*)", text, re.MULTILINE)]
    assert len(lines) >= 5
    for line in lines:
        said = CliRunner().invoke(app, [*line.split(), "--help"])
        assert said.exit_code == 0, (line, said.output)
        flags = re.findall(r"(--[a-z-]+)", line)
        whole = said.output + CliRunner().invoke(app, [line.split()[0], "--help"]).output
        assert all(flag in whole for flag in flags), line


@pytest.mark.parametrize("recipe", ["quickstart", "starter"])
def test_shipped_recipes_are_valid(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeds.jsonl").write_text('{"instruction": "Hello"}\n')
    load_recipe(recipe)


def test_every_setting_of_every_step_is_documented() -> None:
    source = (ROOT / "builder" / "config.py").read_text()
    assert all(step.config.__doc__ and issubclass(step.config, Config) for step in STEPS.values())
    for step in STEPS.values():
        classes = [kind.__name__ for kind in step.config.__mro__ if kind.__module__ == "builder.config"]
        body = "".join(source[source.index(f"class {name}(") :].split("\nclass ", 2)[0] for name in classes)
        for name in step.config.model_fields:
            line = re.search(rf"^    {name}: .*(?:\n        .*)*\n    \"\"\"", body, re.MULTILINE)
            assert line, f"{step.config.__name__}.{name} has no docstring under it"
