"""A real Ray on this machine: `make test-ray`. Decisions are those of one process, by any number."""

from functools import partial
from pathlib import Path

import polars as pl
import pytest

from builder.config import DedupConfig
from builder.context import Context
from builder.errors import InputError
from builder.pipeline import build, load_recipe
from builder.spread import here, processes, ray_data
from tests.test_dedup import dedup, planted, table
from tests.test_spread import frames, plus


@pytest.fixture(scope="module")
def ray():
    with ray_data("local") as spread:
        yield spread


def test_ray_keeps_the_order(ray):
    made = list(ray(partial(plus, 5), frames(9)))
    assert [one.equals(other) for one, other in zip(made, here(partial(plus, 5), frames(9)), strict=True)] == [True] * 9


def test_an_error_in_a_worker_is_said_as_here(ray):
    with pytest.raises(InputError, match="is wrong"):
        list(ray(partial(plus, 5), [*frames(2), pl.DataFrame({"n": [40]})]))


def test_dedup_decides_as_one_process_does(ray):
    texts = [text for pair in planted(60, seed=6) for text in pair]
    made = []
    with processes(2) as two:
        for how in (here, two, ray):
            context = Context(seed=0, base=Path(), ledger=None, spread=how)
            made.append(dedup(table(*texts), DedupConfig(), context, size=13))
    assert made[0].equals(made[1]) and made[0].equals(made[2]) and made[0]["dropped"].count() > 20


RECIPE = """
name: spread
version: 0.1.0
steps:
  - seed: {tasks: {count: 120}}
  - language: {keep: [en]}
  - generate: {teacher: embedded}
  - verify: {}
  - near_miss: {}
  - quality: {}
  - dedup: {on: conversation, threshold: 0.5}
  - pair: {}
  - emit: {}
"""


def test_a_build_gives_the_same_bytes(ray, tmp_path, monkeypatch):
    monkeypatch.setattr("builder.shards.ROWS", 50)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    hashes = []
    with processes(1) as one, processes(4) as four:
        for name, how in (("here", here), ("one", one), ("four", four), ("ray", ray)):
            built = build(load_recipe(str(tmp_path / "recipe.yaml")), tmp_path / name, spread=how)
            hashes.append({file: hash for file, hash in built.manifest["files"].items() if file.endswith(".parquet")})
    assert len(hashes[0]) >= 4 and all(other == hashes[0] for other in hashes)
