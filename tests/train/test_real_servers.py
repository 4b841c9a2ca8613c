"""Whole builds against real servers: a tiny model with random weights behind transformers' server and llama.cpp's.

The answers make no sense and most are cut off. What is held: every prompt is asked and every answer accounted for, at
both endpoints, through servers that nobody here has written.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
import tiny

SEEDS = 20
RECIPE = """
name: real
version: 0.1.0
seed: 7
steps:
  - seed: {path: seeds.jsonl}
  - generate: {teacher: TEACHER, samples: SAMPLES, truncated: TRUNCATED}
  - emit: {test_share: 0.1}
"""
ENVIRONMENT = os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
"""The model is so small that a second thread only waits for the first."""


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return tiny.llama(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def gguf(model):
    return tiny.gguf_file(model, model / "tiny.gguf")


@contextmanager
def running(log: Path, *command: str):
    """Start a server on a free port, wait until it listens, yield its base URL, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("wb") as said:
        command = (*command, "--host", "127.0.0.1", "--port", str(port))
        server = subprocess.Popen(command, env=ENVIRONMENT, stdout=said, stderr=said)
    try:
        until = time.monotonic() + 120
        while server.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.2)
        else:
            raise AssertionError(log.read_text()[-3000:])
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="session")
def transformers_server(model, tmp_path_factory):
    command = (str(Path(sys.executable).with_name("transformers")), "serve", str(model), "--device", "cpu")
    with running(tmp_path_factory.mktemp("log") / "transformers.log", *command) as url:
        yield {"url": url, "model": str(model)}


@pytest.fixture(scope="session")
def llamacpp_server(gguf, tmp_path_factory):
    command = (sys.executable, "-m", "llama_cpp.server", "--model", str(gguf), "--n_ctx", "0", "--n_threads", "1")
    with running(tmp_path_factory.mktemp("log") / "llamacpp.log", *command) as url:
        yield {"url": url, "model": str(gguf)}


@pytest.fixture(params=["transformers_server", "llamacpp_server"])
def served(request):
    """A teacher's url and model, for each of the two servers."""
    return request.getfixturevalue(request.param)


def build(folder: Path, teacher: dict, samples: int = 1, truncated: str = "keep") -> dict:
    """Build with the command a user types; return the manifest. A second build must ask nothing."""
    recipe = RECIPE.replace("TEACHER", json.dumps({"max_tokens": 24, "timeout": 60, **teacher}))
    recipe = recipe.replace("SAMPLES", str(samples)).replace("TRUNCATED", truncated)
    (folder / "recipe.yaml").write_text(recipe)
    seeds = [{"instruction": f"Name {i} trees that grow near the river."} for i in range(SEEDS)]
    (folder / "seeds.jsonl").write_text("\n".join(map(json.dumps, seeds)))
    for out in ("first", "again"):
        command = [sys.executable, "-m", "builder", "build", str(folder / "recipe.yaml"), "--out", str(folder / out)]
        command += ["--ledger", str(folder / "ledger.db")]
        ran = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    first, again = (json.loads((folder / out / "real/0.1.0/manifest.json").read_text()) for out in ("first", "again"))
    assert again["spend"]["calls"] == 0 and again["spend"]["replayed"] == first["spend"]["calls"]
    assert first["files"]["sft/train.parquet"] == again["files"]["sft/train.parquet"]
    return first


def account(folder: Path, manifest: dict, samples: int = 1) -> pl.DataFrame:
    """Hold that rows in = rows out + rejects, in the manifest and in the files; return the emitted rows."""
    rows = manifest["rows"]
    assert rows["made"] == SEEDS * samples == rows["sft"] + rows["rejected"]
    dataset = folder / "first/real/0.1.0"
    emitted = pl.concat([pl.read_parquet(file) for file in sorted((dataset / "sft").glob("*.parquet"))])
    assert len(emitted) == rows["sft"] > 0
    assert len(pl.read_parquet(dataset / "rejects.parquet")) == rows["rejected"]
    spend = manifest["spend"]
    assert spend["calls"] + spend["failed"] == SEEDS * samples and spend["output_tokens"] > SEEDS * samples
    return emitted


@pytest.mark.parametrize("endpoint", ["chat", "completions"])
def test_a_whole_build(served, endpoint, tmp_path):
    manifest = build(tmp_path, served | {"endpoint": endpoint})
    account(tmp_path, manifest)


def test_answers_cut_off_are_known_and_dropped(served, tmp_path):
    manifest = build(tmp_path, served, samples=2, truncated="drop")
    account(tmp_path, manifest, samples=2)
    reasons = next(step["reasons"] for step in manifest["funnel"] if step["step"] == "generate")
    assert 0 < reasons["truncated"] < SEEDS * 2


def test_several_answers_in_one_call_where_the_server_gives_only_one(llamacpp_server, tmp_path):
    manifest = build(tmp_path, llamacpp_server | {"n_per_call": 2}, samples=2)
    account(tmp_path, manifest, samples=2)


def test_a_seed_is_heeded(llamacpp_server, tmp_path):
    emitted = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        manifest = build(tmp_path / name, llamacpp_server | {"seed": 5, "concurrency": 1})
        emitted.append(account(tmp_path / name, manifest).sort("id"))
    assert emitted[0]["messages"].to_list() == emitted[1]["messages"].to_list()


@pytest.mark.parametrize("provider", ["transformers", "llamacpp"])
def test_a_model_in_this_process(provider, model, gguf, tmp_path):
    where = model if provider == "transformers" else gguf
    # the timeout is of one answer, not of those that wait for their turn
    teacher = {"provider": provider, "model": str(where), "timeout": 1, "concurrency": 32}
    manifest = build(tmp_path, teacher, 2, truncated="drop")
    account(tmp_path, manifest, samples=2)
    reasons = next(step["reasons"] for step in manifest["funnel"] if step["step"] == "generate")
    assert 0 < reasons["truncated"] < SEEDS * 2


def test_a_model_without_a_chat_template_is_refused_before_anything(model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "base", ignore=lambda *_: ["chat_template.jinja"])
    with pytest.raises(AssertionError, match="no chat template"):
        build(tmp_path, {"provider": "transformers", "model": str(folder)})
