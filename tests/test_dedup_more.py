"""dedup beside the plain case: what stays, templates, earlier data, the store, meanings, shards, other orders."""

import json
import random
import tempfile
from pathlib import Path

import polars as pl
import pytest

from builder import rows
from builder.config import DedupConfig
from builder.context import Context
from builder.errors import InputError
from builder.pipeline import load_recipe
from builder.shards import Shards
from builder.steps import dedup as step
from builder.steps.dedup import check
from tests.test_dedup import ITALY, SPAIN, dedup, dropped, planted, run, table

FRANCE = SPAIN.replace("Spain", "France")


def there(folder, **how):
    return Context(seed=0, base=folder, ledger=None, **how)


def test_the_best_by_a_column_stays_whatever_the_order():
    given = table("Other words, to begin with.", SPAIN, ITALY, FRANCE).with_columns(
        score=pl.Series([0.5, 0.2, 0.9, None])
    )
    after = run(given, keep="score")
    assert dropped(after) == [None, "near-duplicate", None, "near-duplicate"]
    assert after["twin"].to_list() == [None, "id2", None, "id2"]
    for turn in range(5):
        mixed = given.sample(fraction=1, shuffle=True, seed=turn)
        again = run(mixed, keep="score").sort("id")
        assert again.equals(after), "no row's fate depends on where it stands"


def test_a_column_that_no_step_makes_is_refused_before_anything_is_spent():
    def refused(steps):
        with pytest.raises(InputError) as error:
            load_recipe_text(steps)
        return str(error.value.problems[0])

    def load_recipe_text(steps):
        lines = "".join(f"  - {step}\n" for step in ["seed: {tasks: {count: 3}}", *steps, "emit"])
        recipe = Path(tempfile.mkdtemp()) / "recipe.yaml"
        recipe.write_text(f"name: x\nversion: 0.1.0\nsteps:\n{lines}")
        return load_recipe(str(recipe))

    teach = "generate: {teacher: embedded}"
    assert "'score', which no step before it makes (put `verify` before it)" in refused([teach, "dedup: {keep: score}"])
    assert "no step makes such a column" in refused([teach, "dedup: {keep: best}"])
    assert load_recipe_text([teach, "verify", "dedup: {keep: score}"])
    assert load_recipe_text([teach, "quality", "dedup: {keep: response_words}"])


def test_equal_values_are_told_apart_by_what_the_rows_are():
    given = table(*[text for pair in planted(60, seed=2) for text in pair]).with_columns(score=1.0)
    after = run(given, keep="score")
    assert 40 < after["dropped"].count() < 100
    for turn in range(3):
        assert run(given.sample(fraction=1, shuffle=True, seed=turn), keep="score").sort("id").equals(after.sort("id"))


def test_a_column_that_is_not_there_is_said():
    with pytest.raises(InputError, match=r"no column .score. with numbers here; found none.*keep: first"):
        run(table(SPAIN, ITALY), keep="score")
    with pytest.raises(InputError, match="no column 'response' with numbers"):
        run(table(SPAIN, ITALY), keep="response")


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_shards_make_no_difference(size):
    texts = [text for pair in planted(40, seed=6) for text in pair]
    given = table(*texts, *texts[:5], *["Which?"] * 4, responses=[f"r{i % 3}" for i in range(89)])
    for config in (
        DedupConfig(),
        DedupConfig(on="response"),
        DedupConfig(method="minhash"),
        DedupConfig(max_per_template=1),
    ):
        whole = dedup(given, config, there(Path()))
        cut = list(step.dedup(Shards.of([given], rows=size), config, there(Path())))
        assert [frame.height for frame in cut] == [frame.height for frame in given.iter_slices(size)]
        assert pl.concat(cut).equals(whole)


def test_copies_of_a_template_beyond_the_cap_go():
    names = ["Anna Berg", "Tom", "Ida Lund", "Per Olav Moe"]
    prompts = [
        f'Write to {name} that "{word}" costs {cost} euros.'
        for name, word, cost in zip(names, "abcd", [3, 4.5, 60, "1,000"], strict=True)
    ]
    after = run(table(*prompts, "Write a poem.", "Write a song."), threshold=1.0, max_per_template=2)
    assert dropped(after) == [None, None, "template", "template", None, None]
    assert after["dropped"][2] == "dedup: template: more than 2 like id0" and after["twin"][3] == "id0"
    assert json.loads(after["evidence"][3]) == {"twin": "id0", "twin_text": prompts[0]}
    siblings = table(*prompts[:1] * 5, seeds=[1] * 5, responses=list("abcde"))
    assert run(siblings, max_per_template=1)["dropped"].null_count() == 5, "answers to one prompt are one of a template"


def test_answers_of_one_family_may_be_of_different_templates():
    answers = ["Give Ann 3.", "Give Bob 4.", "Take 5 from Cy.", "Take 6 from Di.", "Give Eve 7."]
    after = run(
        table(*["Which?"] * 3, "What?", "Who?", seeds=[1, 1, 1, 2, 3], responses=answers),
        on="response",
        max_per_template=1,
    )
    assert dropped(after) == [None, None, None, "template", "template"]
    assert after["twin"].to_list() == [None, None, None, "id2", "id0"]


def test_system_messages_tell_requests_apart_wherever_the_rows_stand(tmp_path):
    def say(prompt, system=None):
        return [*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": prompt}]

    prompts = [say(SPAIN), say(SPAIN, "Be brief."), say(SPAIN), say(ITALY, "Be brief."), say(ITALY, "Be long.")]
    made = [{"id": f"id{n}", "seed_id": f"s{n}", "prompt_id": f"p{n}", "prompt": p} for n, p in enumerate(prompts)]
    given = rows.frame(made)
    expected = [None, None, "exact duplicate", "near-duplicate", None]
    for size in (1, 2, 3, 9):
        assert dropped(dedup(given, DedupConfig(), there(Path()), size)) == expected
    lines = [{"messages": [*prompt, {"role": "assistant", "content": "Figs."}]} for prompt in prompts[:2]]
    (tmp_path / "old.jsonl").write_text("\n".join(map(json.dumps, lines)))
    after = dedup(given[2:], DedupConfig(against=["old.jsonl"]), there(tmp_path), 1)
    assert after["twin"].to_list() == ["old.jsonl:1", "old.jsonl:2", None]


def test_a_twin_that_goes_later_is_followed_to_the_one_that_stays():
    first, copy = 'Tell Anna "yes" by 7 and then all the others too.', 'Tell Tom "no" by 9 and then all the others too.'
    near = copy + " Now."
    after = run(table(first, copy, near), threshold=0.7, max_per_template=1)
    assert dropped(after) == [None, "template", "near-duplicate"]
    assert after["twin"].to_list() == [None, "id0", "id0"]
    evidence = json.loads(after["evidence"][2])
    assert evidence["twin"] == "id0" and evidence["like"] == "id1" and evidence["twin_text"] == copy


def test_earlier_data_is_compared_with(tmp_path):
    (tmp_path / "old.jsonl").write_text(
        "\n".join(
            [json.dumps({"instruction": SPAIN, "output": "Figs."}), "{broken", json.dumps({"instruction": "Yes?"})]
        )
    )
    config = DedupConfig(against=["old.jsonl"])
    context = there(tmp_path)
    given = table("Something else altogether, to begin with.", ITALY, SPAIN.upper(), "yes?", FRANCE)
    after = dedup(given, config, context)
    assert dropped(after) == [None, "near-duplicate", "exact duplicate", "exact duplicate", "near-duplicate"]
    assert after["twin"].to_list() == [None, "old.jsonl:1", "old.jsonl:1", "old.jsonl:3", "old.jsonl:1"]
    assert json.loads(after["evidence"][1])["twin_text"] == SPAIN[:120]
    assert json.loads(after["evidence"][1])["in"] == "old.jsonl"
    assert context.notes == ["dedup: compared with 2 earlier rows, too; 1 lines of `against` could not be read"]
    assert check(config, tmp_path).keys() == {"against old.jsonl old.jsonl"}


def test_all_that_is_wrong_with_earlier_data_is_said_at_once(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "notes.txt").write_text("mine")
    (tmp_path / "out" / "0.1.0").mkdir(parents=True)
    (tmp_path / "out" / "0.1.0" / "manifest.json").write_text("{}")
    with pytest.raises(InputError) as error:
        check(DedupConfig(against=["none.jsonl", "out"], store="store"), tmp_path)
    said = [str(problem) for problem in error.value.problems]
    assert len(said) == 3
    assert "no such file" in said[0] and "is a folder of datasets" in said[1] and "is no store" in said[2]


def test_a_store_remembers_finished_builds_and_not_ones_own(tmp_path):
    config = DedupConfig(store="seen")

    def build(name, given):
        context = there(tmp_path, build=name)
        after = dedup(given, config, context)
        rows.check_laws(given, after, "dedup", grows=False)
        return after, context

    def finish(after, context):
        [act] = context.afterwards
        act(Shards.of([after.filter(pl.col("dropped").is_null())]))

    after, context = build("a-1", table(SPAIN, ITALY, "Yes?"))
    assert dropped(after) == [None, "near-duplicate", None]
    assert dropped(build("b-1", table(FRANCE))[0]) == [None], "what is not finished is not remembered"
    finish(after, context)
    again, second = build("b-1", table(FRANCE, "Other words, all of them.", "YES?"))
    assert dropped(again) == ["near-duplicate", None, "exact duplicate"] and again["twin"][0] == "id0"
    assert "compared with 2 earlier rows" in second.notes[0]
    assert json.loads(again["evidence"][0])["in"] == "a-1"
    assert dropped(build("a-1", table(SPAIN, "Yes?"))[0]) == [None, None]
    finish(again, second)
    assert sorted(file.name for file in (tmp_path / "seen").iterdir()) == ["a-1.parquet", "b-1.parquet", "store.json"]
    assert dropped(build("c-1", table("other words, all of them"))[0]) == ["near-duplicate"]
    with pytest.raises(InputError, match=r'found .*"shingle": 3.*expected .*"shingle": 2'):
        check(DedupConfig(store="seen", shingle=2), tmp_path)
    (tmp_path / "seen" / "a-1.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"a-1\.parquet.*not readable as a part of a store"):
        build("c-1", table(SPAIN))


def test_a_preview_leaves_the_store_alone(tmp_path):
    context = there(tmp_path, build="a-1", limit=5)
    dedup(table(SPAIN), DedupConfig(store="seen"), context)
    assert not context.afterwards and not (tmp_path / "seen").exists()


def test_the_same_rows_in_any_order_lose_the_same_clusters():
    draw = random.Random(1)
    texts = [text for pair in planted(80, seed=3) for text in pair]
    sizes = set()
    for _ in range(4):
        after = run(table(*draw.sample(texts, len(texts))))
        twins = after.filter(pl.col("twin").is_not_null())
        assert set(twins["twin"]) <= set(after.filter(pl.col("dropped").is_null())["id"])
        sizes.add(twins.height)
    assert len(sizes) == 1
