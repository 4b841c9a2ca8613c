"""The steps that make a dataset, each by itself: generate, verify, near_miss, pair, emit."""

import json

import loopback
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder import config, embedded, schema
from builder.errors import InputError, TeacherError
from builder.ledger import Ledger
from builder.rows import check_laws, content_id, frame, prompt_id
from builder.shards import Shards
from builder.steps.emit import emit, faults
from builder.steps.generate import check, generate, plan
from builder.steps.near_miss import near_miss
from builder.steps.pair import pair
from builder.steps.verify import verify
from builder.teacher import patience


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(patience, "_FIRST_WAIT", 0.01)


def a_seed(text, **others):
    prompt = others.pop("prompt", [{"role": "user", "content": text}])
    own = content_id("seed", text)
    row = {"id": own, "seed_id": own, "prompt": prompt, "prompt_id": prompt_id(prompt), "source": "s.jsonl:1"}
    return row | {key: json.dumps(value) if key == "checks" else value for key, value in others.items()}


def seeds(*texts, **others):
    return frame([a_seed(text, **others) for text in texts])


def over(step, table, config, context, rows=2):
    """Run a step that walks over shards, on shards of so many rows."""
    return pl.concat(step(Shards.of([table], rows=rows), config, context))


def asking(*teachers, **settings):
    return config.GenerateConfig.model_validate({"teacher": list(teachers)} | settings)


def at(here, **settings):
    return {"url": here.url, "model": "loopback", "retries": 0, "timeout": 20} | settings


# generate


def test_every_prompt_grows_one_child_per_teacher_and_sample(context):
    table = seeds("One?", "Two?", "Three?")
    with loopback.server() as here:
        grown = generate(table, asking(at(here), at(here, temperature=0.2), samples=2), context)
    check_laws(table, grown, "generate", grows=True)
    assert grown.height == 12 and here.calls == 12
    assert grown["parent"].to_list() == [id for id in table["id"] for _ in range(4)]
    assert grown["draw"].to_list() == [0, 1, 2, 3] * 3
    assert grown["call_key"].n_unique() == 12
    assert grown["id"].to_list()[:2] == [
        content_id(table["id"][0], "generate", n, grown["response"][n]) for n in (0, 1)
    ]
    assert grown["prompt"].to_list()[::4] == table["prompt"].to_list()
    assert set(grown["model"]) == {"loopback"} and set(grown["finish_reason"]) == {"stop"}
    assert grown["output_tokens"].sum() == context.meter.run_output > 0
    assert (context.spend["calls"], context.spend["replayed"], context.spend["failed"]) == (12, 0, 0)


def test_the_same_step_again_asks_nothing_and_gives_the_same_table(context):
    table = seeds("One?", "Two?")
    with loopback.server() as here:
        first = generate(table, asking(at(here), samples=2), context)
    again = generate(table, asking(at(here), samples=2), context)
    assert again.equals(first)
    assert (context.spend["calls"], context.spend["replayed"]) == (4, 4)


def test_two_seeds_of_one_prompt_are_two_rows_and_one_call(context):
    table = frame([a_seed("One?"), a_seed("One?") | {"id": content_id("other")}])
    with loopback.server() as here:
        grown = generate(table, asking(at(here)), context)
    assert here.calls == 1 and grown["response"].n_unique() == 1 and grown["id"].n_unique() == 2


def test_a_failed_call_is_a_row_that_says_why(context):
    with loopback.server(behave=lambda prompt, attempt: "500" if prompt == "Two?" else None) as here:
        grown = generate(seeds("One?", "Two?"), asking(at(here)), context)
    row = grown.row(1, named=True)
    assert (row["response"], row["dropped"]) == (None, "generate: call failed: http 500")
    assert json.loads(row["evidence"])["fault"] == "http 500"
    assert grown["dropped"].null_count() == 1
    assert context.spend["failed"] == 1 and "1 of 2 calls failed" in context.notes[0]


def test_a_teacher_that_answers_nothing_at_all_stops_the_build(context):
    with loopback.server(behave=lambda prompt, attempt: "400") as here, pytest.raises(TeacherError, match="http 400"):
        generate(seeds("One?", "Two?"), asking(at(here)), context)


def test_system_and_template_are_sent_and_not_emitted(context, tmp_path):
    (tmp_path / "loud.jinja").write_text("{{ prompt | upper }}")
    table = seeds("One?")
    with loopback.server() as here:
        plain = generate(table, asking(at(here)), context)
        told = generate(table, asking(at(here), system="Be kind.", template="loud.jinja"), context)
        sent = [entry["body"]["messages"] for entry in here.log]
    assert sent[1] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "ONE?"}]
    assert told["prompt"].to_list() == plain["prompt"].to_list() == table["prompt"].to_list()
    hashes = {plain["template_hash"][0], told["template_hash"][0]}
    hashes.add(plan(table, asking("embedded", system="Be kind."), context).template_hash)
    assert len(hashes) == 3


def test_a_seeds_own_response_is_kept_beside_or_spares_the_call(context):
    table = frame([a_seed("One?", response="1"), a_seed("Two?")])
    with loopback.server() as here:
        grown = generate(table, asking(at(here)), context)
        assert grown["reference"].to_list() == ["1", None] and here.calls == 2
        spared = generate(table, asking(at(here), only_missing=True), context)
        assert here.calls == 2
    check_laws(table, spared, "generate", grows=True)
    kept, asked = spared.row(0, named=True), spared.row(1, named=True)
    assert (kept["id"], kept["response"], kept["model"]) == (table["id"][0], "1", None)
    assert (asked["parent"], asked["model"]) == (table["id"][1], "loopback")


def test_where_nothing_is_missing_nobody_is_asked(context):
    table = seeds("One?", response="1")
    nobody = {"url": "http://127.0.0.1:9/v1", "model": "m"}
    grown = generate(table, asking(nobody, only_missing=True), context)
    assert grown["id"].to_list() == table["id"].to_list() and "call_key" in grown.columns
    empty = generate(frame([]), asking(nobody), context)
    assert empty.height == 0 and "call_key" in empty.columns


def test_columns_of_earlier_steps_are_carried(context):
    table = seeds("One?").with_columns(lang=pl.lit("en"), prompt_words=pl.lit(3, pl.Int64))
    grown = generate(table, asking("embedded"), context)
    assert grown.select("lang", "prompt_words").row(0) == ("en", 3)


def test_what_the_embedded_teacher_cannot_compute_is_refused_and_counted(context):
    grown = generate(seeds("Write a poem about the sea."), asking("embedded"), context)
    assert grown["dropped"][0].startswith("generate: refused: ")
    assert context.spend["calls"] == 1


def test_the_plan_lists_exactly_the_calls_that_are_made(context):
    table = frame([a_seed("One?"), a_seed("Two?", response="2")])
    with loopback.server() as here:
        wanted = asking(at(here), at(here, temperature=0.1), samples=3, only_missing=True)
        keys = set(plan(table, wanted, context).keys)
        generate(table, wanted, context)
    assert here.calls == len(keys) == 6
    assert len(context.ledger.get(sorted(keys))) == 6


def test_a_template_that_is_not_there_is_an_input_error(context):
    with pytest.raises(InputError, match="nobody"):
        generate(seeds("One?"), asking("embedded", template="nobody"), context)


BAD_SCHEMAS = ['{"type": "objekt"}', '{"pattern": "("}', '{"properties": 5}', "[]", "no json", None]
BAD_SCHEMAS += ['{"$ref": "http://127.0.0.1:9/x.json"}', '{"$ref": "file:///etc/passwd"}']


@pytest.mark.parametrize("text", BAD_SCHEMAS)
def test_a_json_schema_that_cannot_be_used_is_refused_and_nothing_is_fetched(text, tmp_path):
    if text is not None:
        (tmp_path / "s.json").write_text(text)
    with pytest.raises(InputError, match="not a usable JSON Schema"):
        check(asking({"url": "http://h/v1", "model": "m"}, json_schema="s.json"), tmp_path)


# verify


CHECKS = [{"check": "max_words", "n": 2}, {"check": "no_commas"}]


def answered(*responses, text="Name fruits.", checks=CHECKS):
    others = {} if checks is None else {"checks": checks}
    rows = [a_seed(text, response=response, **others) for response in responses]
    return frame([row | {"id": content_id(row["id"], i), "parent": row["id"]} for i, row in enumerate(rows)])


def test_verdict_score_and_mark_say_which_check_broke(context):
    table = answered("apples pears", "apples pears, plums", "a, b", None)
    checked = verify(table, config.VerifyConfig(), context)
    check_laws(table, checked, "verify", grows=False)
    assert checked["score"].to_list() == [1.0, 0.0, 0.0, None]
    assert json.loads(checked["verdict"][1]) == {"max_words": False, "no_commas": False}
    assert checked["failed"].to_list() == [
        None,
        "verify: broke: max_words, no_commas",
        "verify: broke: no_commas",
        None,
    ]
    assert checked["dropped"].null_count() == 4
    assert json.loads(checked["evidence"][2]) == {"max_words": True, "no_commas": False}


def test_on_fail_drop_rejects_at_once(context):
    checked = verify(answered("a b", "a b c"), config.VerifyConfig(on_fail="drop"), context)
    assert checked["dropped"].to_list() == [None, "verify: broke: max_words"]
    assert checked["failed"].null_count() == 2


def test_a_row_without_checks_is_left_unscored_and_nothing_is_assumed_of_it(context):
    checked = verify(answered("a b c", checks=None), config.VerifyConfig(), context)
    assert checked.select("score", "verdict", "failed").row(0) == (None, None, None)
    assert context.notes == ["verify: no row brings checks, so no answer has a score"]


@pytest.mark.parametrize("rows", [0, 1])
def test_verify_of_few_rows(context, rows):
    checked = verify(answered("a b c").head(rows), config.VerifyConfig(), context)
    assert checked.height == rows and checked.schema["score"] == pl.Float64


# near_miss


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """Forty embedded tasks, answered and verified."""
    from builder.context import Context

    folder = tmp_path_factory.mktemp("verified")
    rows = [
        a_seed(f"{i}", prompt=task.messages, checks=task.checks, task=task.family)
        for i, task in enumerate(embedded.tasks(40, seed=5))
    ]
    with Ledger(folder / "ledger.db") as ledger:
        context = Context(seed=7, base=folder, ledger=ledger)
        grown = generate(frame(rows), asking("embedded"), context)
        return verify(grown, config.VerifyConfig(), context)


def test_near_misses_break_a_check_and_differ_from_their_parent(context, verified):
    assert verified["score"].to_list() == [1.0] * 40
    grown = near_miss(verified, config.NearMissConfig(per_row=2), context)
    check_laws(verified, grown, "near_miss", grows=True)
    misses = grown.filter(pl.col("near_miss").is_not_null())
    assert misses.height >= 40
    assert grown.head(40).drop("near_miss").equals(verified)
    answers = dict(zip(verified["id"], verified["response"], strict=True))
    for row in misses.iter_rows(named=True):
        verdict = json.loads(row["verdict"])
        broken = [label for label, held in verdict.items() if not held]
        assert broken and row["failed"] == f"near_miss: broke: {', '.join(broken)}"
        assert row["response"] != answers[row["parent"]] and row["score"] == 0.0
    again = verify(grown, config.VerifyConfig(), context)
    assert again["verdict"].to_list() == grown["verdict"].to_list()


def test_near_misses_are_the_same_every_time_and_do_not_depend_on_neighbours(context, verified):
    whole = near_miss(verified, config.NearMissConfig(), context)
    part = near_miss(verified.tail(20).reverse(), config.NearMissConfig(), context)
    kept = whole.filter(pl.col("id").is_in(part["id"].implode()))
    assert kept.sort("id").equals(part.sort("id"))


def test_nothing_grows_from_what_is_not_verified(context):
    for table in (answered("apples, pears, plums"), answered("a b c", checks=None), answered("a").clear()):
        checked = verify(table, config.VerifyConfig(), context)
        grown = near_miss(checked, config.NearMissConfig(), context)
        assert grown.height == table.height and grown["near_miss"].null_count() == table.height


# pair


def scored(answers):
    """Make a table of (prompt, response, score, failed)."""
    rows = []
    for i, (prompt, response, score, failed) in enumerate(answers):
        row = a_seed(prompt, response=response, score=score, failed="verify: broke: x" if failed else None)
        rows.append(row | {"id": content_id(prompt, i), "parent": row["id"]})
    return frame(rows, frame([]).with_columns(score=pl.lit(None, pl.Float64)))


def pairs_of(table, context, **settings):
    paired = over(pair, table, config.PairConfig(**settings), context)
    check_laws(table, paired, "pair", grows=False)
    held = {row["id"]: row for row in paired.iter_rows(named=True)}
    return [(held[id], held[other]) for id, row in held.items() for other in row["rejected_ids"] or []]


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from("PQ"),
        st.sampled_from(["a", "b", " a ", "c"]) | st.none(),
        st.sampled_from([0.0, 0.5, 1.0, 5.0]) | st.none(),
        st.booleans(),
    ),
    max_size=9,
)


@settings(deadline=None)
@given(ANSWERS, st.sampled_from(["best_worst", "margin"]), st.sampled_from([0.5, 1.0, 4.5]), st.integers(1, 3),
       st.randoms())  # fmt: skip
def test_the_laws_of_a_pair(answers, strategy, min_margin, per_prompt, random):
    from builder.context import Context

    context = Context(seed=7, base=None, ledger=None)
    table = scored(answers)
    settings = {"strategy": strategy, "min_margin": min_margin, "per_prompt": per_prompt}
    pairs = pairs_of(table, context, **settings)
    for chosen, rejected in pairs:
        good = [a for a in answers if a[0] == chosen["prompt"][0]["content"] and a[1] is not None and not a[3]]
        assert chosen["failed"] is None
        if strategy == "best_worst":
            assert chosen["score"] == max(score for _, _, score, _ in good if score is not None)
        assert chosen["score"] - rejected["score"] >= min_margin
        assert chosen["response"].split() != rejected["response"].split()
        assert chosen["prompt_id"] == rejected["prompt_id"]
    for prompt in "PQ":
        mine = [(a, b) for a, b in pairs if a["prompt"][0]["content"] == prompt]
        assert len(mine) <= per_prompt
        texts = [frozenset((a["response"].strip(), b["response"].strip())) for a, b in mine]
        assert len(set(texts)) == len(texts)
        if strategy == "best_worst":
            assert len({b["response"].strip() for _, b in mine}) == len(mine)
    order = list(range(table.height))
    random.shuffle(order)
    turned = pairs_of(table[order], context, **settings)
    assert {(a["id"], b["id"]) for a, b in turned} == {(a["id"], b["id"]) for a, b in pairs}


def test_best_stands_against_worst(context):
    ((chosen, rejected),) = pairs_of(scored([("P", "a", 2, 0), ("P", "b", 5, 0), ("P", "c", 1, 0)]), context)
    assert (chosen["response"], rejected["response"]) == ("b", "c")


def test_several_pairs_of_a_prompt_spread_over_the_best_answers(context):
    answers = [("P", "a", 1, 0), ("P", "b", 1, 0), ("P", "c", 0, 1), ("P", "d", 0, 1), ("P", "e", 0, 1)]
    pairs = pairs_of(scored(answers), context, per_prompt=2)
    assert len({chosen["id"] for chosen, _ in pairs}) == len({rejected["id"] for _, rejected in pairs}) == 2


MANY = [("P", "a", 5, 0), ("P", "b", 3.5, 0), ("P", "c", 2, 0), ("P", "d", 1.5, 1)]


@pytest.mark.parametrize(("per_prompt", "pairs"), [
    (1, ["ad"]), (3, ["ad", "ac", "bd"]), (9, ["ad", "ac", "ab", "bd", "bc"]),
])  # fmt: skip
def test_by_margin_any_two_answers_make_a_pair_the_widest_first(context, per_prompt, pairs):
    made = pairs_of(scored(MANY), context, strategy="margin", min_margin=1.2, per_prompt=per_prompt)
    assert sorted(a["response"] + b["response"] for a, b in made) == sorted(pairs)


def test_equal_margins_go_by_the_id(context):
    table = scored([("P", text, score, 0) for text, score in zip("abcd", (2, 2, 1, 1), strict=True)])
    better, worse = sorted(table["id"][:2]), sorted(table["id"][2:])
    made = pairs_of(table, context, strategy="margin", per_prompt=2)
    assert sorted((a["id"], b["id"]) for a, b in made) == [(better[0], worse[0]), (better[0], worse[1])]


def test_two_texts_never_make_a_pair_both_ways(context):
    table = scored([("P", "a", 5, 0), ("P", "b", 4, 0), ("P", "a", 1, 0)])
    ((chosen, rejected),) = pairs_of(table, context, strategy="margin", per_prompt=9)
    assert (chosen["response"], rejected["response"]) == ("b", "a")


@pytest.mark.parametrize("strategy", ["best_worst", "margin"])
def test_means_of_thirds_are_as_far_apart_as_they_look(context, strategy):
    high, low = 13 / 3, 10 / 3
    assert high - low < 1
    assert len(pairs_of(scored([("P", "a", high, 0), ("P", "b", low, 0)]), context, strategy=strategy)) == 1


def test_answers_without_a_score_stand_in_no_pair_and_are_counted(context):
    table = scored([("P", "a", 5, 0), ("P", "b", 1, 0), ("P", "c", None, 0), ("Q", "d", None, 0)])
    ((chosen, rejected),) = pairs_of(table, context)
    assert (chosen["response"], rejected["response"]) == ("a", "b")
    assert context.notes == ["pair: 2 answers have no score and stand in no pair"]


WHY_NOT = {
    "a tie": [("P", "a", 1, 0), ("P", "b", 1, 0)],
    "one answer only": [("P", "a", 1, 0)],
    "no answer is good enough to be chosen": [("P", "a", 0, 1), ("P", "b", 0, 1)],
    "equal texts, or a margin below min_margin": [("P", "a", 1, 0), ("P", " a\n", 0, 1)],
}


@pytest.mark.parametrize("why", WHY_NOT)
def test_a_prompt_without_a_pair_says_why(context, why):
    assert pairs_of(scored(WHY_NOT[why]), context) == []
    assert context.notes == [f"pair: 1 prompts without a pair: {why}"]


def test_without_scores_there_are_no_pairs_and_the_summary_says_so(context):
    for table in (answered("a", "b"), scored([("P", "a", None, 0)]), scored([])):
        assert over(pair, table, config.PairConfig(), context)["rejected_ids"].null_count() == table.height
    assert all("no pairs: no answer has a score" in note for note in context.notes) and context.notes


# emit


def emitted(table, context, paired=True, **settings):
    if paired:
        table = over(pair, table, config.PairConfig(), context)
    out = over(emit, table, config.EmitConfig(**settings), context)
    check_laws(table, out, "emit", grows=False)
    return out


def test_good_rows_are_emitted_failed_ones_only_as_a_rejected_side(context):
    out = emitted(scored([("P", "a", 1, 0), ("P", "b", 0, 1), ("P", "c", 0, 1), ("Q", "d", 0, 1)]), context)
    assert out["sft"].to_list() == [True, False, False, False]
    rejected = out["rejected_ids"][0].to_list()
    alive = out.filter(pl.col("dropped").is_null())["id"].to_list()
    assert sorted(alive) == sorted([out["id"][0], *rejected]) and len(rejected) == 1
    assert set(out["dropped"].drop_nulls()) == {"emit: unpaired: verify: broke: x"}


@pytest.mark.parametrize("rows", [0, 1])
def test_emit_of_few_rows(context, rows):
    out = emitted(scored([("P", "a", 1, 0)]).head(rows), context)
    assert out["dropped"].to_list() == [None] * rows


def test_without_pair_and_scores_every_good_row_is_an_sft_row(context):
    out = emitted(answered("a", "b", checks=None), context, paired=False)
    assert out["sft"].to_list() == [True, True] and out["rejected_ids"].null_count() == 2


@pytest.mark.parametrize(("response", "says"), [
    (None, "no response"), ("  ", "messages[1].content is blank"), ("a <|im_end|>", "control token"),
])  # fmt: skip
def test_a_row_that_breaks_the_schema_is_rejected_with_the_fault(context, response, says):
    out = emitted(scored([("P", response, 1, 0)]), context)
    assert out["dropped"][0].startswith("emit: ") and says in out["dropped"][0]


PIECES = ["a", "7", " ", "\u200b", "\x1c", "\0", "<s>", "</s>", "<|im_end|>", "[INST]", "[/INST]", "<<SYS>>", "é", "."]
PIECES += ["<start_of_turn>", "<EOS>", "<bos>", "<", "<|", "<| é |>", "[", "\n", "\u2028", "\ufeff", "東", "[inst]"]
SAID = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)
SPOKEN = st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), SAID)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.lists(SPOKEN, max_size=3), st.none() | SAID, st.booleans()), max_size=6))
def test_what_passes_at_a_glance_is_valid_under_the_schema(rows):
    table = frame(
        [
            {
                "id": content_id(n) if sound else f"b2:{n}",
                "prompt": [{"role": role, "content": text} for role, text in turns],
                "response": response,
            }
            for n, (turns, response, sound) in enumerate(rows)
        ]
    )
    for row, fault in zip(table.iter_rows(named=True), faults(table), strict=True):
        wrong = [] if row["response"] is None else schema.faults("sft", _as_sft(row))
        assert fault == (f"not sft/v1: {wrong[0]}" if wrong else fault if row["response"] is None else None)
        assert fault is not None or row["response"] is not None


def _as_sft(row):
    return {"id": row["id"], "messages": schema.messages(row), "metadata": "{}"}


def test_a_schema_that_the_glance_does_not_know_is_asked_for_every_row(monkeypatch, context):
    monkeypatch.setattr(schema, "latest", lambda kind: f"{kind}/v2")
    monkeypatch.setattr(schema, "faults", lambda kind, row: ["too new"])
    assert faults(scored([("P", "a", 1, 0)])).to_list() == ["not sft/v2: too new"]


def test_a_pair_falls_where_a_side_breaks_the_schema_and_the_summary_says_so(context):
    out = emitted(scored([("P", "a", 1, 0), ("P", "b </s>", 0, 1)]), context)
    assert out["sft"].to_list() == [True, False] and out["rejected_ids"].null_count() == 2
    assert "emit: 1 pairs were removed" in context.notes[-1]


def test_a_pair_falls_where_its_rejected_side_was_dropped_after_pair(context):
    table = over(pair, scored([("P", "a", 1, 0), ("P", "b", 0, 1)]), config.PairConfig(), context)
    out = emitted(table.head(1), context, paired=False)
    assert out["sft"].to_list() == [True] and out["rejected_ids"].null_count() == 1
    assert "emit: 1 pairs were removed" in context.notes[-1]


def test_best_only_keeps_one_sft_row_a_prompt_and_the_others_say_why(context):
    out = emitted(scored([("P", "a", 1, 0), ("P", "b", 3, 0), ("P", "c", 3, 0), ("Q", "d", None, 0)]), context,
                  paired=False, best_only=True)  # fmt: skip
    tied = dict(zip(out["id"][1:3], out["sft"][1:3], strict=True))
    assert tied == {id: id == min(tied) for id in tied}, "of equals the one that `pair` would choose"
    assert out["sft"].to_list()[::3] == [False, True]
    assert out["dropped"].to_list()[0] == "emit: not the best answer to its prompt"


def test_all_answers_to_one_prompt_stand_on_one_side_and_stay_there_as_the_data_grows(context):
    answers = [(f"Prompt {i}.", f"{i} {k}", 1, 0) for i in range(300) for k in range(2)]
    few = emitted(scored(answers[:200]), context, test_share=0.2)
    many = emitted(scored(answers), context, test_share=0.2)
    sides = dict(zip(many["id"], many["split"], strict=True))
    assert all(sides[id] == split for id, split in zip(few["id"], few["split"], strict=True))
    assert many.group_by("prompt_id").agg(pl.col("split").n_unique())["split"].max() == 1
    assert 0.12 < (many["split"] == "test").mean() < 0.28
    more = emitted(scored(answers), context, test_share=0.4)
    moved = {(a, b) for a, b in zip(many["split"], more["split"], strict=True) if a != b}
    assert moved == {("train", "test")}  # a larger share only adds to the test side


def test_a_share_of_nothing_puts_nothing_aside(context):
    out = emitted(scored([(f"P{i}", "a", 1, 0) for i in range(50)]), context, test_share=0.0)
    assert set(out["split"]) == {"train"}
