"""The wheel holds what the repository holds: templates and schemas, no more and no less, and it works alone."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_wheel_ships_the_tracked_templates_and_schemas_and_runs_from_anywhere(tmp_path: Path) -> None:
    build = "import hatchling.build as b, sys; print(b.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "templates", "schemas", "builder"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    expected = {
        name.replace("templates/", "builder/_templates/", 1).replace("schemas/", "builder/_schemas/", 1)
        for name in tracked
    }
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == expected

    # the dependencies come from this environment, the package from the wheel alone
    venv.create(tmp_path / "clean", with_pip=False)
    site = next((tmp_path / "clean").glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    here = next(path for path in sys.path if path.endswith("site-packages"))
    run = (
        f"import sys; sys.path.append({here!r}); import builder, builder.schema as s, builder.assets as a\n"
        "print(builder.__file__, s.names(), a.names('recipes', '.yaml'))"
    )
    python = tmp_path / "clean" / "bin" / "python"
    done = subprocess.run([python, "-I", "-c", run], cwd="/", check=True, capture_output=True, text=True)
    assert str(site) in done.stdout and "sft/v1" in done.stdout and "quickstart" in done.stdout
