"""The table in shards: nothing lost, moved or left behind; a run decides the same on shards of any size."""

import gc
import json
from collections import Counter
from contextlib import nullcontext

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder import config, outputs, shards, steps
from builder.context import Context, silent
from builder.errors import TableLawError
from builder.ledger import Ledger
from builder.recipe import Recipe, RecipeStep
from builder.rows import content_id, frame, prompt_id
from builder.run import run
from builder.seen import Seen
from builder.shards import Shards, elsewhere
from builder.steps import Step

quick = settings(deadline=None, max_examples=60)


def numbers(*heights):
    """Frames of these heights that number their rows on."""
    starts = [sum(heights[:i]) for i in range(len(heights))]
    return [
        pl.DataFrame({"n": range(start, start + height), "text": [[str(n)] for n in range(start, start + height)]},
                     schema={"n": pl.Int64, "text": pl.List(pl.String)})
        for start, height in zip(starts, heights, strict=True)
    ]  # fmt: skip


@quick
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(1, 10))
def test_what_goes_in_comes_out_in_order_as_often_as_wanted(heights, rows):
    frames = numbers(*heights)
    made = Shards.of(frames, rows=rows)
    whole = pl.concat(frames)
    for _ in range(2):
        assert pl.concat(made).equals(whole)
        assert all(shard.height <= rows for shard in made)
    assert len(list(made)) == len(made) and made.height == whole.height and made.columns == ["n", "text"]
    assert made.whole(["n"]).equals(whole.select("n"))
    made.add(numbers(3)[0])
    assert made.whole().height == made.height == whole.height + 3


def test_a_table_that_fits_is_never_written_and_a_larger_one_leaves_no_file(tmp_path):
    small = Shards.of(numbers(5), tmp_path, rows=5)
    assert next(iter(small)).height == 5 and not list(tmp_path.iterdir())
    for give_back in (Shards.discard, lambda made: None):
        made = Shards.of(numbers(3, 9), tmp_path, rows=5)
        kept = list(made)
        assert len(list(tmp_path.rglob("*.parquet"))) == 3
        give_back(made)
        del made
        gc.collect()
        assert not list(tmp_path.iterdir()) and pl.concat(kept).equals(pl.concat(numbers(3, 9)))


def test_a_column_that_a_shard_lacks_is_null_in_the_whole():
    made = Shards.of([pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"b": ["x"], "a": [3]})], rows=2)
    assert made.whole().to_dict(as_series=False) == {"a": [1, 2, 3], "b": [None, None, "x"]}
    assert [shard.columns for shard in made.frames(["b"])] == [[], ["b"]]


def test_rows_named_from_another_shard_are_found():
    names = pl.DataFrame({"id": list("abcdef"), "of": [["b"], ["f", "a"], None, [], ["e"], ["a"]]})
    assert elsewhere(Shards.of([names], rows=2), "of")["id"].to_list() == ["a", "f"]
    for table in (Shards.of([names]), Shards.of([names.drop("of")], rows=2), Shards.of([names.head(1)], rows=1)):
        assert elsewhere(table, "of").height == 0 or len(table) == 1


@quick
@given(st.lists(st.lists(st.text("abc", max_size=2), max_size=6), max_size=8))
def test_seen_is_a_set(batches):
    seen, known = Seen(), set()
    for batch in batches:
        expected = []
        for id in batch:
            expected.append(id in known)
            known.add(id)
        assert seen.add(pl.Series(batch, dtype=pl.String)).tolist() == expected


def test_seen_tells_ids_apart_whose_first_hashes_are_equal(monkeypatch):
    """Two 64-bit hashes must both be equal; here the first ones all are."""
    true_hash = pl.Series.hash
    monkeypatch.setattr(pl.Series, "hash", lambda ids, seed: true_hash(ids, seed) * (seed == 2))
    seen = Seen()
    assert not seen.add(pl.Series([f"b2:{n}" for n in range(50)])).any()
    assert seen.add(pl.Series([f"b2:{n}" for n in range(40, 60)])).tolist() == [True] * 10 + [False] * 10


# a run


def a_row(name, **others):
    prompt = [{"role": "user", "content": f"Say {name}."}]
    own = content_id("seed", name)
    return {"id": own, "seed_id": own, "prompt": prompt, "prompt_id": prompt_id(prompt), "response": name} | others


def walk(monkeypatch, tmp_path, *listed, rows=2, progress=silent):
    """Run steps given as (function, over, grows) on shards of so few rows."""
    monkeypatch.setattr(shards, "ROWS", rows)
    for number, (function, over, grows) in enumerate(listed):
        monkeypatch.setitem(steps.STEPS, f"s{number}", Step(function, config.Config, over=over, grows=grows))
    made = tuple(RecipeStep(f"s{number}", config.Config(), 1) for number in range(len(listed)))
    with Ledger(tmp_path / "ledger.db") as ledger:
        context = Context(7, tmp_path, ledger, progress=progress, scratch=tmp_path)
        return run(Recipe("a", "0.1.0", 7, made, "r.yaml", tmp_path, ""), context)


def seeds(*names):
    return lambda table, config, context: (frame([a_row(name)]) for name in names)


def mark(table, config, context):
    """Drop every row whose response is longer than one character."""
    from builder.rows import drop

    said = pl.col("response")
    return drop(table, "s1", said.str.len_chars() > 1, pl.lit("long: ") + said)


ALL = ("a", "bb", "c", "dd", "e", "ff", "gg", "h")


@pytest.mark.parametrize("over", ["rows", "table", "shards"])
@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_a_step_decides_the_same_however_the_table_is_cut(monkeypatch, tmp_path, over, rows):
    step = mark if over != "shards" else lambda table, *given: (mark(shard, *given) for shard in table)
    result = walk(monkeypatch, tmp_path, (seeds(*ALL), "shards", True), (step, over, False), rows=rows)
    assert result.table.whole()["response"].to_list() == ["a", "c", "e", "h"]
    assert result.rejects.whole()["response"].to_list() == ["bb", "dd", "ff", "gg"]
    line = result.funnel[1]
    assert (line.rows_in, line.added, line.expanded, line.dropped, line.rows_out) == (8, 0, 0, 4, 4)
    assert line.reasons == {"long": 4}
    assert line.examples == {"long": [a_row(name)["id"] for name in ("bb", "dd", "ff")]}
    assert line.as_dict()["examples"] == line.examples


BROKEN = {
    "an id in two shards": ((seeds("a", "b", "c", "a"), "shards", True), "ids are not unique"),
    "fewer shards": ((lambda table, *given: iter(list(table)[:1]), "shards", False), "fewer shards"),
    "more shards": ((lambda table, *given: iter([*table, *table]), "shards", False), "more shards"),
    "other rows": ((lambda table, *given: iter(list(table)[::-1]), "shards", False), "2 rows appeared and 2 vanished"),
    "other columns": (
        (
            lambda table, *given: (s.with_columns(pl.lit(n).alias(f"n{n}")) for n, s in enumerate(table)),
            "shards",
            False,
        ),
        "differ in their columns",
    ),
}


@pytest.mark.parametrize("planted", BROKEN)
def test_a_step_that_breaks_a_law_over_shards_is_caught(monkeypatch, tmp_path, planted):
    step, says = BROKEN[planted]
    before = [] if planted == "an id in two shards" else [(seeds("a", "b", "c", "d"), "shards", True)]
    with pytest.raises(TableLawError, match=says):
        walk(monkeypatch, tmp_path, *before, step)


def test_progress_says_which_shard(monkeypatch, tmp_path):
    said = []

    def progress(label, total):
        said.append((label, total))
        return nullcontext()

    def step(table, config, context):
        with context.progress("working", table.height):
            return table

    walk(monkeypatch, tmp_path, (seeds(*"abc"), "shards", True), (step, "rows", False), progress=progress)
    assert said == [("working (1 of 2)", 2), ("working (2 of 2)", 1)]
    said.clear()
    walk(monkeypatch, tmp_path, (seeds(*"abc"), "shards", True), (step, "rows", False), progress=progress, rows=9)
    assert said == [("working", 3)]


# a build


def build(folder, rows, monkeypatch, asked):
    monkeypatch.setattr(shards, "ROWS", rows)
    kinds = {"seed": config.SeedConfig, "generate": config.GenerateConfig, "verify": config.VerifyConfig}
    kinds |= {"near_miss": config.NearMissConfig, "pair": config.PairConfig, "emit": config.EmitConfig}
    listed = tuple(RecipeStep(name, kinds[name].model_validate(given), 1) for name, given in asked.items())
    folder.mkdir()
    with Ledger(folder / "ledger.db") as ledger:
        context = Context(7, folder, ledger, scratch=folder)
        result = run(Recipe("a", "0.1.0", 7, listed, "r.yaml", folder, ""), context)
        counts = outputs.write(result.table, result.rejects, folder / "out")
    return counts, outputs.file_hashes(folder / "out"), context.notes, [line.reasons for line in result.funnel]


@pytest.mark.slow
def test_the_same_build_on_shards_of_any_size_gives_the_same_bytes(tmp_path, monkeypatch):
    asked = {
        "seed": {"tasks": {"count": 120}},
        "generate": {"teacher": "embedded"},
        "verify": {},
        "near_miss": {"per_row": 2},
        "pair": {"strategy": "margin", "per_prompt": 3},
        "emit": {"test_share": 0.3, "best_only": True},
    }
    one, *others = (build(tmp_path / str(rows), rows, monkeypatch, asked) for rows in (10_000, 50, 7))
    assert one[0]["pairs"] > 150 and set(one[0]["splits"]["preference"]) == {"train", "test"}
    assert all(other == one for other in others)


def test_repeated_seeds_have_the_same_ids_on_shards_of_any_size(tmp_path, monkeypatch):
    """The n-th repetition has n in its id, wherever the ones before it stand."""
    import builder.steps.seed as step

    lines = [{"instruction": f"Say {n % 3}.", "output": str(n % 2)} for n in range(20)]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    times: Counter[str] = Counter()
    expected = []
    for line in lines:
        said = [{"role": "user", "content": line["instruction"]}]
        key = json.dumps(line)
        expected.append(content_id("seed", said, line["output"], times[key]))
        times[key] += 1
    for together in (1, 3, 100):
        monkeypatch.setattr(step, "_TOGETHER", together)
        context = Context(7, tmp_path, None)
        made = step.seed(Shards.of([frame([])]), config.SeedConfig(path="s.jsonl"), context)
        assert pl.concat(made)["id"].to_list() == expected
