import json
import os
import random
import subprocess
import sys
import types
import unicodedata
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from builder import embeddings, rows
from builder.config import DecontaminateConfig
from builder.contamination import leaks
from builder.contamination.index import Index
from builder.contamination.similar import Similar
from builder.context import Context
from builder.errors import InputError
from builder.pipeline import build, load_recipe
from builder.steps.decontaminate import check, decontaminate
from builder.tokens import tokenise

CLIPS = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
    "How many clips did Natalia sell altogether in April and May?"
)
SOLVED = "Natalia sold 48/2 = 24 clips in May. Natalia sold 48+24 = 72 clips altogether in April and May.\n#### 72"
TREES = (
    "A grove has fifteen trees and workers plant six more of them today before the rain; how many are there at last?"
)


@pytest.fixture
def base(tmp_path):
    put(tmp_path / "gsm.jsonl", [{"question": CLIPS, "answer": SOLVED}, {"question": TREES, "answer": "21"}])
    return tmp_path


def put(file, records):
    file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return file.name


def table(*prompts, responses=None, system=None):
    made = []
    for number, prompt in enumerate(prompts):
        said = [{"role": "system", "content": system}] if system else []
        said += [{"role": "user", "content": turn} for turn in ([prompt] if isinstance(prompt, str) else prompt)]
        own = {"id": f"id{number}", "seed_id": f"id{number}", "prompt_id": rows.prompt_id(said), "prompt": said}
        made.append(own | {"response": responses[number] if responses else None})
    return rows.frame(made)


def run(given, base, *against, notes=None, **settings):
    config = DecontaminateConfig(against=list(against) or ["gsm.jsonl"], **settings)
    context = Context(seed=0, base=base, ledger=None, notes=[] if notes is None else notes)
    after = decontaminate(given, config, context)
    rows.check_laws(given, after, "decontaminate", grows=False)
    return after


def reasons(after):
    return [said and said.removeprefix("decontaminate: ") for said in after["dropped"].to_list()]


def proof(after, row=0):
    return json.loads(after["evidence"][row])


def words(count, start=0):
    return " ".join(f"w{start + number}" for number in range(count))


def test_thirteen_tokens_in_a_row_are_a_hit_and_twelve_are_none(base):
    name = put(base / "long.jsonl", [{"question": words(100)}])
    after = run(table(f"x {words(13, 40)} y", f"x {words(12, 40)} y"), base, name)
    assert reasons(after) == ["13-gram of long.jsonl: row 1", None]
    assert after["contamination"].to_list() == [0.13, 0.12]
    assert after["contaminant"].to_list() == ["long.jsonl: row 1"] * 2
    assert proof(after) == {
        "benchmark": "long.jsonl",
        "row": 1,
        "part": "question",
        "side": "prompt",
        "span": words(13, 40),
        "tokens": 13,
        "ngram": 13,
        "coverage": 0.13,
        "benchmark_text": words(100)[:100] + " … " + words(100)[-100:],
    }


def test_the_span_is_the_rows_own_text_and_case_width_and_punctuation_hide_nothing(base):
    row = f"Solve this!  «{CLIPS.upper().replace('48', '４８')}» Thanks."
    after = run(table(row, "Name three fruits."), base)
    assert reasons(after) == ["13-gram of gsm.jsonl: row 1", None]
    assert proof(after)["span"].startswith("NATALIA SOLD CLIPS TO 48 OF HER FRIENDS IN APRIL, AND")
    assert proof(after)["span"].endswith("APRIL AND MAY") and proof(after)["coverage"] == 1
    assert after["contamination"].to_list() == [1, None]


def test_coverage_adds_up_pieces_that_are_each_too_short_for_a_hit(base):
    name = put(base / "long.jsonl", [{"question": words(40)}])
    two, three = (" and ".join(words(10, at * 12) for at in range(count)) for count in (2, 3))
    after = run(table(two, three), base, name)
    assert reasons(after) == ["8-grams of long.jsonl: 50% of row 1", "8-grams of long.jsonl: 75% of row 1"]
    assert reasons(run(table(two, three), base, name, max_coverage=0.6))[0] is None
    assert proof(after, 1)["span"] == words(10)


def test_half_of_a_short_question_is_no_hit_but_all_of_it_is(base):
    name = put(base / "short.jsonl", [{"question": words(12)}])
    after = run(table(f"x {words(10)} y", f"x {words(12)} y"), base, name)
    assert reasons(after) == [None, "8-grams of short.jsonl: 100% of row 1"]
    assert after["contamination"][0] == round(10 / 12, 4)


def test_a_question_with_no_ngram_is_found_where_a_prompt_is_that_question(base):
    name = put(base / "tiny.jsonl", [{"question": "Who wrote Hamlet?", "answer": "Shakespeare"}, {"question": "1+1=?"}])
    notes = []
    given = table("who wrote  “Hamlet”", "Who wrote Hamlet and Lear?", "1 + 1 =", "Say it.", responses=["x"] * 4)
    after = run(given, base, name, notes=notes)
    assert reasons(after) == ["question of tiny.jsonl: row 1", None, "question of tiny.jsonl: row 2", None]
    assert proof(after)["coverage"] == 1 and len(notes) == 1 and "2 benchmark questions" in notes[0]
    assert reasons(run(table("Say it.", responses=["Shakespeare"]), base, name)) == [None]


def test_answers_are_looked_for_unless_told_not_to(base):
    given = table("Say.", CLIPS, responses=[f"Sure: {SOLVED}", "72"])
    after = run(given, base)
    assert reasons(after) == ["13-gram of gsm.jsonl: row 1"] * 2
    assert (proof(after)["part"], proof(after)["side"]) == ("answer", "response")
    assert reasons(run(given, base, on="prompt")) == [None, "13-gram of gsm.jsonl: row 1"]
    assert reasons(run(given, base, on="response")) == ["13-gram of gsm.jsonl: row 1", None]
    without = run(given, base, {"path": "gsm.jsonl", "answers": False})
    assert reasons(without) == [None, "13-gram of gsm.jsonl: row 1"]


def test_system_messages_and_all_turns_are_looked_at(base):
    assert proof(run(table("Hi.", system=f"Example: {CLIPS}"), base))["side"] == "system"
    given = table("Hi.")
    talk = [
        {"role": "user", "content": CLIPS},
        {"role": "assistant", "content": "72"},
        {"role": "user", "content": "So?"},
    ]
    given = given.with_columns(pl.Series("prompt", [talk], given.schema["prompt"]))
    assert reasons(run(given, base)) == ["13-gram of gsm.jsonl: row 1"]


def test_a_phrase_of_the_benchmarks_template_is_no_hit_and_does_not_count(base):
    template = "Answer the following question with a number only and think about it step by step before you do"
    name = put(base / "t.jsonl", [{"question": f"{template}: {words(20, 100 * row)}"} for row in range(11)])
    given = table(f"{template}: what is the time in Rome?", f"{template}: {words(9, 204)} z", words(13, 204))
    after = run(given, base, name)
    assert reasons(after) == [None, None, "13-gram of t.jsonl: row 3"]
    # what stands between template and question belongs to the question: 7 more tokens
    assert after["contamination"].to_list() == [None, round(9 / 27, 4), round(13 / 27, 4)]
    assert reasons(run(given, base, name, common=11))[0] == "13-gram of t.jsonl: row 1"


def test_the_rule_of_a_table_and_repetition_are_no_hit(base):
    rule = "| ------- | --------- | ---------- |"
    texts = [f"Country and continent and population {rule} China Asia 1.4", "Ha! " * 20, "7 * 3 = 21 " * 3 + words(8)]
    name = put(base / "dull.jsonl", [{"question": text} for text in texts])
    given = table(f"Name {rule} Ann", "Ha! " * 30, "7 * 3 = 21 " * 9, "ha " * 20, f"So {words(8)}", rule)
    after = run(given, base, name)
    assert reasons(after) == [None, None, None, "question of dull.jsonl: row 2", None, None]
    assert after["contamination"].to_list()[:3] == [None] * 3 and after["contamination"][4] == round(8 / 15, 4)


def test_texts_that_are_nothing_but_common_are_still_found(base):
    name = put(base / "many.jsonl", [{"question": f"{words(30)} {word}"} for word in "abcdefghijkl"])
    name_of_one = put(base / "one.jsonl", [{"question": words(30)}] * 12)
    assert reasons(run(table(words(30)), base, name_of_one)) == ["13-gram of one.jsonl: row 1"]
    assert reasons(run(table(words(30)), base, name)) == [None]
    assert reasons(run(table(words(30) + " c"), base, name)) == ["13-gram of many.jsonl: row 3"]


def test_the_benchmark_most_covered_is_named(base):
    put(base / "a.jsonl", [{"question": f"{words(14)} {words(80, 500)}"}])
    put(base / "b.jsonl", [{"question": words(30)}])
    after = run(table(words(30)), base, "a.jsonl", "b.jsonl")
    assert reasons(after) == ["13-gram of b.jsonl: row 1"]


def test_keep_records_and_drops_nothing(base):
    after = run(table(CLIPS, "Hello there."), base, on_hit="keep")
    assert after["dropped"].null_count() == 2 and after["contamination"].to_list() == [1, None]
    assert json.loads(after["leak"][0])["row"] == 1 and after["leak"][1] is None


def test_rows_dropped_before_are_left_alone(base):
    given = table(CLIPS, CLIPS).with_columns(dropped=pl.Series(["quality: echo", None]))
    assert run(given, base)["dropped"].to_list() == ["quality: echo", "decontaminate: 13-gram of gsm.jsonl: row 1"]


def test_nothing_and_no_hits(base):
    assert run(table(), base).height == 0
    after = run(table("Hello there."), base)
    assert after.select("contamination", "contaminant", "leak").null_count().row(0) == (1, 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "世界で最も珍しい果物の一つであるドリアンについて、特徴と味を教えてください。",
        "请列出三种生长在西班牙南部的水果，并说明它们的味道和价格分别如何。",
        "ตั้งชื่อผลไม้สามชนิดที่ปลูกในภาคใต้ของสเปนและรับประทานในฤดูหนาว",
        "स्पेन के दक्षिण में पेड़ों पर उगने वाले तीन फलों के नाम और स्वाद और मूल्य बताइए जल्दी से",
        "Ἐν ἀρχῇ ἦν ὁ λόγος, καὶ ὁ λόγος ἦν πρὸς τὸν θεόν, καὶ θεὸς ἦν ὁ λόγος",
    ],
)
def test_scripts(base, text):
    name = put(base / "s.jsonl", [{"question": text}])
    after = run(table(f"\u201c{text}\u201d!?", text[: len(text) // 6]), base, name)
    assert reasons(after) == ["13-gram of s.jsonl: row 1", None]
    assert proof(after)["span"] in unicodedata.normalize("NFKC", text) and proof(after)["coverage"] == 1


def test_benchmarks_as_they_are_published(base):
    turns = put(base / "bench.jsonl", [{"turns": [words(20), words(20, 50)], "category": "writing"}])
    choices = [{"question": words(20, 100), "choices": ["a", "b"], "answer": 2, "label": False, "history": []}]
    mmlu = put(base / "mmlu.jsonl", choices)
    pl.DataFrame({"problem": [words(20, 200)], "solution": [words(20, 300)], "id": [7]}).write_parquet(
        base / "m.parquet"
    )
    maths = {"path": "m.parquet", "fields": {"question": "problem", "answer": "solution"}}
    against = [{"path": turns, "fields": {"instruction": "turns"}}, mmlu, maths]
    after = run(table(words(20, 50), words(20, 100), words(20, 300)), base, *against)
    assert reasons(after) == [f"13-gram of {name}: row 1" for name in ("bench.jsonl", "mmlu.jsonl", "m.parquet")]


def test_rows_that_cannot_be_read_are_told(base):
    (base / "half.jsonl").write_text(f'{{"question": "{words(20)}"}}\nnot JSON\n{{"question": 5.5}}\n{{"x": 1}}\n')
    notes = []
    run(table("Hi."), base, "half.jsonl", notes=notes)
    assert "2 rows of half.jsonl could not be read" in notes[0] and "half.jsonl:2: not JSON" in notes[0]


def test_check_says_everything_that_is_wrong_at_once(base):
    put(base / "bad.jsonl", [{"x": 1}])
    wrong = [
        "nowhere.jsonl",
        "bad.jsonl",
        {"path": "gsm.jsonl", "fields": {"instructoin": "question"}},
        {"path": "gsm.jsonl", "fields": {"instruction": "question", "output": "anwser"}},
    ]
    with pytest.raises(InputError) as error:
        check(DecontaminateConfig(against=wrong, semantic={"model": str(base / "no-model")}), base)
    said = "\n".join(map(str, error.value.problems))
    assert "nowhere.jsonl: no such file" in said and "no benchmark row in 1 lines" in said
    assert "did you mean 'instruction'?" in said and "maps anwser, which no row has" in said
    assert len(error.value.problems) >= 5 and ("no-model" in said or "not installed" in said)


def test_check_fingerprints_files_and_names_datasets(base):
    (base / "sub").mkdir()
    put(base / "sub" / "gsm.jsonl", [{"question": "Other?"}])
    hub = {"dataset": "openai/gsm8k", "config": "main", "revision": "abc"}
    found = check(DecontaminateConfig(against=["gsm.jsonl", "sub/gsm.jsonl", hub]), base)
    assert list(found) == ["benchmark gsm.jsonl", "benchmark sub/gsm.jsonl", "benchmark openai/gsm8k main test"]
    assert len(set(found.values())) == 3 and found["benchmark openai/gsm8k main test"] == "openai/gsm8k/main@abc:test"
    put(base / "gsm.jsonl", [{"question": words(20)}])
    assert (
        check(DecontaminateConfig(against=["gsm.jsonl"]), base)["benchmark gsm.jsonl"] != found["benchmark gsm.jsonl"]
    )
    assert reasons(run(table(words(20)), base)) == ["13-gram of gsm.jsonl: row 1"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"against": []}, "at least 1"),
        ({"against": [{"path": "a", "dataset": "b"}]}, "exactly one of path, dataset"),
        ({"against": ["a", "a"]}, "stands twice"),
        ({"against": ["a"], "ngram": 5}, "longer than ngram"),
        ({"against": ["a"], "on": "response", "near": 0.5}, "not with on: response"),
        ({"against": ["a"], "ngramm": 13}, "ngramm"),
    ],
)
def test_settings_that_make_no_sense(settings, said):
    with pytest.raises(ValidationError, match=said):
        DecontaminateConfig(**settings)


def test_rephrased_questions_are_found_by_their_words(base):
    changed = (
        "In April Natalia sold clips to 51 of her pals, and half as many clips she sold in May. "
        "What number of clips did Natalia sell altogether in May and April?"
    )
    given = table(changed, "Natalia likes April and May, but how many clips did she see?")
    assert reasons(run(given, base)) == [None, None]
    after = run(given, base, near=0.5)
    assert reasons(after)[0].startswith("near-duplicate of gsm.jsonl: 0.") and reasons(after)[1] is None
    found = proof(after)
    assert found["span"] == changed and found["benchmark_text"] == CLIPS and found["jaccard"] >= 0.5


def brute_pairs(texts, bench, threshold, shortest):
    for row, text in enumerate(texts):
        for number, other in enumerate(bench):
            one, two = set(text.split()), set(other.split())
            if len(two) >= shortest and one and (alike := len(one & two) / len(one | two)) >= threshold:
                yield row, number, round(alike, 9)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8, 1.0])
def test_similar_finds_every_pair_and_nothing_else(threshold):
    draw = random.Random(3)
    names = [f"w{number}" for number in range(60)]
    bench = [" ".join(draw.choices(names, k=draw.randint(0, 14))) for _ in range(80)]
    texts = [" ".join(draw.choices(names, k=draw.randint(0, 14))) for _ in range(150)]
    texts += [" ".join([*said.split()[1:], draw.choice([*names, "new"])]) for said in bench]
    found = Similar(tokenise(pl.Series(bench)), threshold, 3).find(tokenise(pl.Series(texts)))
    columns = (found.texts.tolist(), found.indexed.tolist(), found.jaccard.round(9).tolist())
    expected = list(brute_pairs(texts, bench, threshold, 3))
    assert list(zip(*columns, strict=True)) == expected and expected


def brute_overlap(text, bench, size, common):
    """(covered, longest run) of a pair, from the definitions."""
    said, other = text.split(), bench.split()
    grams = {tuple(said[at : at + size]) for at in range(len(said) - size + 1)} - common
    met = [at for at in range(len(other) - size + 1) if tuple(other[at : at + size]) in grams]
    return len({at + more for at in met for more in range(size)})


def test_overlaps_are_those_of_the_definition():
    draw = random.Random(8)
    names = [f"w{number}" for number in range(4)]
    bench = [" ".join(draw.choices(names, k=draw.randint(0, 30))) for _ in range(40)]
    texts = [" ".join(draw.choices(names, k=draw.randint(0, 30))) for _ in range(60)]
    holders = {}
    for number, said in enumerate(bench):
        for at in range(len(said.split()) - 2):
            holders.setdefault(tuple(said.split()[at : at + 3]), set()).add(number)
    common = {gram for gram, found in holders.items() if len(found) > 5 or len(set(gram)) == 1}
    alone = [n for n, said in enumerate(bench) if {g for g, found in holders.items() if n in found} - common]
    assert common and len(common) < len(holders) and len(alone) > 10
    index = Index(tokenise(pl.Series(bench)), 3, np.zeros(len(bench), np.int64), 5)
    found = leaks.overlaps(index.find(tokenise(pl.Series(texts))), index)
    got = dict(zip(zip(found.texts.tolist(), found.indexed.tolist(), strict=True), found.covered.tolist(), strict=True))
    for row, text in enumerate(texts):
        for number in alone:
            assert got.get((row, number), 0) == brute_overlap(text, bench[number], 3, common)
    for row, length, place in zip(found.texts, found.length, found.place, strict=True):
        run_ = " ".join(texts[row].split()[place : place + length])
        assert any(run_ in said for said in bench)


def test_a_row_is_judged_by_itself_whatever_stands_around_it(base, monkeypatch):
    draw = random.Random(1)
    pool = CLIPS.split() + TREES.split() + SOLVED.split()
    prompts = [" ".join(pool[at : at + draw.randint(5, 25)]) for at in draw.choices(range(len(pool)), k=60)]
    given = table(*prompts, responses=[draw.choice([SOLVED, "No.", "No.", "日本語" * 9]) for _ in prompts])
    columns = ("id", "dropped", "evidence", "contamination", "contaminant")
    whole = run(given, base, near=0.4).select(columns)
    assert 10 < whole["dropped"].null_count() < 60
    monkeypatch.setattr("builder.contamination.against._TOGETHER", 40)
    monkeypatch.setattr("builder.contamination.leaks._PAIRS", 1)
    pieces = [run(given.slice(at, 7), base, near=0.4).select(columns) for at in range(0, 60, 7)]
    assert pl.concat(pieces).equals(whole)
    assert run(given.reverse(), base, near=0.4).select(columns).reverse().equals(whole)


class Letters:
    """A model whose vectors are letter counts."""

    def __init__(self, folder):
        assert Path(folder).is_dir()

    def encode(self, texts, **_):
        return np.array([[1.0 + text.count(letter) for letter in "abcdefghijkl"] for text in texts])


@pytest.fixture
def model(base, monkeypatch):
    library = types.ModuleType("sentence_transformers")
    library.SentenceTransformer = Letters
    library.__spec__ = types.SimpleNamespace(name="sentence_transformers")
    monkeypatch.setitem(sys.modules, "sentence_transformers", library)
    folder = base / "letters"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "letters"}')
    embeddings._loaded.cache_clear()
    yield str(folder)
    embeddings._loaded.cache_clear()


def test_meanings_near_a_questions_are_hits(base, model):
    given = table(CLIPS[::-1], "zzz zzz", CLIPS[::-1])
    after = run(given, base, semantic={"model": model, "threshold": 0.999})
    assert reasons(after) == ["meaning of gsm.jsonl: 1.00 of row 1", None, "meaning of gsm.jsonl: 1.00 of row 1"]
    assert after["contamination_cosine"][0] == 1 and 0 < after["contamination_cosine"][1] < 0.999
    assert proof(after)["cosine"] == 1 and proof(after)["benchmark_text"] == CLIPS
    assert after["contamination"].null_count() == 3


def test_embeddings_have_length_one_and_keep_the_order(model):
    texts = ["aaa", "b" * 40, "", "ccc"] * 40
    vectors = embeddings.embed(texts, model)
    assert vectors.dtype == np.float32 and np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.array_equal(vectors[:4], vectors[4:8]) and vectors[0].argmax() == 0 and vectors[1].argmax() == 1
    assert embeddings.embed([], model).shape == (0, 12)


def test_the_models_fingerprint_is_of_its_files(base, model):
    before = check(DecontaminateConfig(against=["gsm.jsonl"], semantic={"model": model}), base)
    (Path(model) / "weights").write_bytes(b"1")
    after = check(DecontaminateConfig(against=["gsm.jsonl"], semantic={"model": model}), base)
    assert before["embeddings letters"] != after["embeddings letters"]


def test_a_model_that_cannot_be_loaded(base, model, monkeypatch):
    monkeypatch.setattr(Letters, "__init__", lambda self, folder: [][0])
    with pytest.raises(InputError, match="could not be loaded: IndexError"):
        embeddings.embed(["a"], model)
    monkeypatch.setattr(embeddings, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"sentence-transformers, which is not installed.*pip install"):
        embeddings.check("some/model")


PROCESS = """
import sys
from pathlib import Path
from tests.test_decontaminate import *
print(run(table(CLIPS, TREES + " And?", "Hi."), Path(sys.argv[1]), near=0.4).select("dropped", "evidence").write_json())
"""


def test_the_same_in_every_process(base):
    said = {
        subprocess.run(
            [sys.executable, "-c", PROCESS, str(base)],
            cwd=Path(__file__).parents[1],
            env=os.environ | {"PYTHONHASHSEED": salt},
            capture_output=True,
            check=True,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(said) == 1 and b"13-gram" in said.pop()


def test_a_build_and_its_card(base):
    lines = [{"instruction": f"Tell me about {words(30, 40 * row)}", "output": f"Fine {row}."} for row in range(6)]
    put(base / "seeds.jsonl", [*lines, {"instruction": f"Hey: {CLIPS}", "output": "72"}])
    put(base / "tiny.jsonl", [{"question": "Who wrote Hamlet?"}])
    recipe = base / "recipe.yaml"
    recipe.write_text(
        "name: clean\nversion: 0.1.0\nseed: 7\nsteps:\n  - seed: {path: seeds.jsonl}\n"
        "  - decontaminate: {against: [gsm.jsonl, tiny.jsonl], near: 0.6}\n  - emit: {}\n"
    )
    built = build(load_recipe(str(recipe)), base / "out")
    assert built.manifest["funnel"][1]["reasons"] == {"13-gram of gsm.jsonl": 1}
    assert set(built.manifest["inputs"]) == {"seeds.jsonl", "benchmark gsm.jsonl", "benchmark tiny.jsonl"}
    told = (built.folder / "README.md").read_text()
    assert f"| gsm.jsonl | {built.manifest['inputs']['benchmark gsm.jsonl']} | 1 |" in told
    assert "the same 13 tokens in a row" in told and "words of the prompt and of a question: 0.6" in told
    assert f"| tiny.jsonl | {built.manifest['inputs']['benchmark tiny.jsonl']} | 0 |" in told


def test_letters_are_words_and_no_signs():
    import polars as pl

    from builder.contamination.index import _signs
    from builder.tokens import tokenise

    signs = set(_signs().tolist())
    letters = tokenise(pl.Series([*"abcdefghijklmnopqrstuvwxyz0123456789", "no", "tel", "sm"])).hashes.tolist()
    assert not signs & set(letters)
    assert set(tokenise(pl.Series([*"+-*/<>=$|"])).hashes.tolist()) <= signs
