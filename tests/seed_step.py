"""Write seed files and run the seed step on them, for the tests that read, reject and refuse seeds."""

import json

import polars as pl
import pytest

from builder.config import SeedConfig
from builder.context import Context
from builder.errors import InputError
from builder.rows import check_laws, columns, frame
from builder.shards import Shards
from builder.steps.seed import seed

FRUITS = {"instruction": "Name three fruits.", "output": "Apples, pears, plums."}
RIVERS = {"instruction": "Name a river.", "output": "The Po."}
USER = {"role": "user", "content": "Hi"}
BOT = {"role": "assistant", "content": "Hello"}
SYSTEM = {"role": "system", "content": "Be kind."}


def read(base, path="seeds.jsonl", limit=None, **config):
    """Run the step the way the runner does, laws and all."""
    context = Context(seed=7, base=base, ledger=None, limit=limit)
    if not {"dataset", "tasks"} & config.keys():
        config["path"] = path
    before = frame([])
    after = pl.concat(seed(Shards.of([before]), SeedConfig(**config), context))
    check_laws(before, after, "seed", grows=True)
    assert dict(after.schema) == columns()
    return after, context.notes


def write(base, *lines, name="seeds.jsonl"):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (base / name).write_text(text + "\n", encoding="utf-8")


def good(table):
    return table.filter(pl.col("dropped").is_null())


def turns(table):
    return [[(m["role"], m["content"]) for m in prompt] for prompt in good(table)["prompt"].to_list()]


def refused(base, *given, **config):
    with pytest.raises(InputError) as caught:
        read(base, *given, **config)
    assert caught.value.exit_code == 2
    return str(caught.value)
