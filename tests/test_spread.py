"""Work in processes gives what work here gives, in order, and errors come through."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from builder.config import DedupConfig
from builder.context import Context
from builder.errors import InputError, Problem
from builder.spread import here, processes, ray_data
from tests.test_dedup import dedup, planted, table


def plus(number, frame):
    if frame.height and frame["n"][0] == 40:
        raise InputError([Problem("file.jsonl", 4, "is wrong", "mend it")])
    return frame.with_columns(pl.col("n") + number)


def frames(count):
    return [pl.DataFrame({"n": range(i * 10, i * 10 + i % 4)}, schema={"n": pl.Int64}) for i in range(count)]


def test_processes_keep_the_order_and_carry_errors():
    with processes(2) as spread:
        made = list(spread(partial(plus, 5), frames(4)))
        assert [one.equals(other) for one, other in zip(made, here(partial(plus, 5), frames(4)), strict=True)] == [
            True
        ] * 4
        with pytest.raises(InputError) as error:
            list(spread(partial(plus, 5), [*frames(4), pl.DataFrame({"n": [40]})]))
        assert str(error.value.problems[0]) == "file.jsonl:4: is wrong (mend it)"
        texts = [text for pair in planted(30, seed=6) for text in pair]
        alone, together = (
            dedup(table(*texts), DedupConfig(), Context(seed=0, base=Path(), ledger=None, spread=how), size=13)
            for how in (here, spread)
        )
        assert alone.equals(together) and alone["dropped"].count() > 10


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed; tests/on_ray runs it")
def test_ray_that_is_not_there_is_said():
    said = r"Ray is not installed.*pip install 'instruct-builder\[ray\]'"
    with pytest.raises(InputError, match=said), ray_data("local"):
        pass
