"""Batch mode: half the price, days to wait, and whatever is killed meanwhile, every prompt is paid for once.

What was paid is read from the server's own log: a batch is billed when it is made.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import batch_loopback
import pytest
from asking import ask, ask_all, asking, prompts, teacher
from batch_loopback import ENDPOINT

from builder.config import BudgetConfig, TeacherConfig
from builder.errors import BuilderError, InputError, TeacherError
from builder.ledger import Answer, Ledger, batches, history
from builder.meter import Meter
from builder.prices import Price
from builder.teacher import Fault, batch, make, patience
from builder.teacher import asking as asking_module
from builder.teacher.batch import send as batch_send

KEY = "sk-do-not-write-me-down-0123456789"
PRICE = Price(2.0, 10.0, None, 1.0, 5.0, "the test")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(patience, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(asking_module, "ELSEWHERE_EVERY", 0.02)
    monkeypatch.setattr(batch, "ELSEWHERE_EVERY", 0.02)
    monkeypatch.setattr(batch, "_FIRST_LOOK", 0.01)


def batch_teacher(here, **settings):
    return teacher(here, batch=True, **settings)


def open_batches(ledger):
    return ledger.db.execute("SELECT count(*) FROM batches WHERE ended_at IS NULL").fetchone()[0]


def all_fine(results):
    return all(isinstance(result, Answer) for result in results)


def paid_once(here, count):
    return len(here.paid) == count and set(here.paid.values()) == {1} and set(here.keys.values()) == {1}


def test_a_batch_brings_each_prompt_its_own_answer_whatever_the_order_of_the_lines(ledger, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    with batch_loopback.server(looks=2, key=KEY) as here:
        results, _ = ask(batch_teacher(here, key_env="MY_KEY", temperature=0.5), prompts(40), ledger)
        expected = [here.text([{"role": "user", "content": prompt}]) for prompt in prompts(40)]
        (made,) = here.batches.values()
        order = [entry["prompt"] for entry in here.log]
        assert here.complaints == [] and here.log[0]["body"]["temperature"] == 0.5
    assert [result.text for result in results] == expected and order != prompts(40)
    assert paid_once(here, 40) and here.seen == {"batch_0": 3}
    assert made["endpoint"] == ENDPOINT and made["metadata"]["builder"].startswith("builder-")
    assert ledger.attempts() == {"answered": 40} and open_batches(ledger) == 0
    assert ledger.db.execute("SELECT count(*) FROM batch_requests").fetchone() == (0,)


def test_what_was_had_in_a_batch_is_replayed_in_normal_mode_and_the_other_way_round(ledger):
    with batch_loopback.server() as here:
        first, _ = ask(batch_teacher(here), prompts(5), ledger)
        again, replayed = ask(teacher(here), prompts(5), ledger)
        assert (again, replayed) == (first, 5)
        ask(teacher(here), prompts(8), ledger)
        _, replayed = ask(batch_teacher(here), prompts(8), ledger)
        assert replayed == 8 and len(here.batches) == 1 and here.calls == 8
    offline, _ = ask(batch_teacher(here), prompts(8), ledger, offline=True)
    assert offline[:5] == first


def test_a_batch_costs_half_on_the_meter_and_in_the_ledger(ledger):
    spent = {}
    with batch_loopback.server() as here:
        for mode in (True, False):
            asked = teacher(here, batch=mode, temperature=float(mode))
            meter = Meter(prices={asked.name: PRICE})
            ask(asked, prompts(10), ledger, meter=meter)
            spent[mode] = meter
    assert spent[True].run_calls == 10 and spent[True].run_input == spent[False].run_input == 50
    assert spent[True].run_usd == pytest.approx((50 * 1 + spent[True].run_output * 5) / 1e6)
    assert spent[False].run_usd == pytest.approx((50 * 2 + spent[False].run_output * 10) / 1e6)
    assert spent[True].run_usd == pytest.approx(spent[False].run_usd / 2)
    in_batch, normal = sorted(history.spent(ledger), key=lambda line: not line.in_batch)
    assert (in_batch.in_batch, in_batch.calls, in_batch.usd) == (True, 10, pytest.approx(spent[True].run_usd))
    assert (normal.in_batch, normal.calls, normal.usd) == (False, 10, pytest.approx(spent[False].run_usd))


def test_more_than_one_file_takes_lie_in_several_batches(ledger, monkeypatch):
    monkeypatch.setattr(batch_send, "MOST_REQUESTS", 7)
    with batch_loopback.server(looks=1) as here:
        results, _ = ask(batch_teacher(here), prompts(20), ledger)
        assert all_fine(results) and paid_once(here, 20)
        assert [batch["total"] for batch in here.batches.values()] == [7, 7, 6]
        monkeypatch.setattr(batch_send, "MOST_BYTES", 500)
        ask(batch_teacher(here, temperature=1), prompts(10), ledger)
        new = list(here.batches.values())[3:]
        assert len(new) > 3 and all(len(here.files[batch["input_file_id"]]) <= 500 for batch in new)
    assert here.complaints == []


LINE_FAULTS = {
    "500": "http 500",
    "429": "http 429",
    "malformed": "malformed",
    "empty": "empty",
    "null": "empty",
    "no_choices": "malformed",
    "missing": "missing",
    "garbled": "missing",
}


@pytest.mark.parametrize("fault", LINE_FAULTS)
def test_a_line_that_failed_goes_into_the_next_batch_alone(fault, ledger):
    with batch_loopback.server(
        behave=lambda prompt, attempt: fault if prompt == "bad" and not attempt else None
    ) as here:
        results, _ = ask(batch_teacher(here), ["bad", *prompts(9)], ledger)
        assert all_fine(results)
        assert [batch["total"] for batch in here.batches.values()] == [10, 1]
    assert set(here.paid.values()) == {1}
    assert ledger.attempts() == {"answered": 10, LINE_FAULTS[fault]: 1}


@pytest.mark.parametrize("fault", ["500", "empty", "missing"])
def test_a_line_that_keeps_failing_is_one_row_after_its_retries(fault, ledger):
    with batch_loopback.server(behave=lambda prompt, attempt: fault if prompt == "bad" else None) as here:
        results, _ = ask(batch_teacher(here, retries=2), ["bad", *prompts(9)], ledger)
        assert here.asked["bad"] == 3
    assert isinstance(results[0], Fault) and results[0].kind == LINE_FAULTS[fault] and all_fine(results[1:])
    replayed, _ = ask(batch_teacher(here), ["bad", *prompts(9)], ledger, offline=True)
    assert replayed[0].kind == results[0].kind and replayed[1:] == results[1:]


def test_a_line_that_no_retry_can_cure_is_one_row_at_once(ledger, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    with batch_loopback.server(behave=lambda prompt, attempt: "400" if prompt == "bad" else None, key=KEY) as here:
        results, _ = ask(batch_teacher(here, key_env="MY_KEY"), ["bad", *prompts(9)], ledger)
        assert len(here.batches) == 1
    assert results[0].kind == "http 400" and "Bearer ***" in results[0].detail and KEY not in str(results[0])


def test_where_every_line_is_refused_the_teacher_is_at_fault(ledger):
    with batch_loopback.server(behave=lambda prompt, attempt: "403") as here:
        with pytest.raises(TeacherError, match=r"batch_0: http 403"):
            ask(batch_teacher(here), prompts(3), ledger)
        assert len(here.batches) == 1


@pytest.mark.parametrize("ends", ["expired", "cancelled"])
@pytest.mark.parametrize("told", ["unanswered", "missing"])
def test_of_a_batch_cut_short_the_answers_are_kept_and_the_rest_is_asked_again(ends, told, ledger):
    def behave(prompt, attempt):
        return told if not attempt and int(prompt.split()[-1][:-1]) % 2 else None

    with batch_loopback.server(ends=lambda n: "completed" if n else ends, behave=behave) as here:
        meter = Meter()
        results, _ = ask(batch_teacher(here), prompts(20), ledger, meter=meter)
        assert all_fine(results) and [batch["total"] for batch in here.batches.values()] == [20, 10]
    assert set(here.paid.values()) == {1} and len(here.paid) == 20
    assert ledger.attempts() == {"answered": 20, ends: 10}
    (spent,) = history.spent(ledger)
    assert spent.uncounted == meter.uncounted == 0, "what was not come to is not billed"


def test_a_batch_refused_as_a_whole_stops_the_build_with_the_servers_sentence(ledger):
    with batch_loopback.server(ends="failed") as here:
        with pytest.raises(TeacherError, match=r"no more of these today.*run the same command") as caught:
            ask(batch_teacher(here), prompts(5), ledger)
        assert "\n" not in str(caught.value) and len(here.batches) == 1
        here.ends = "completed"
        results, _ = ask(batch_teacher(here), prompts(5), ledger)
        assert all_fine(results) and set(here.paid.values()) == {1}


def test_an_argument_the_server_does_not_take_stops_the_build(ledger):
    with batch_loopback.server() as here, pytest.raises(TeacherError, match="colour"):
        ask(batch_teacher(here, extra={"colour": "red"}), prompts(5), ledger)
    assert len(here.batches) == 1


def test_a_batch_the_provider_has_no_room_for_yet_is_made_again_when_another_is_done(ledger, monkeypatch):
    monkeypatch.setattr(batch_send, "MOST_REQUESTS", 5)
    ends = ["completed", "queue", "queue"]
    with batch_loopback.server(ends=lambda n: ends[n] if n < 3 else "completed", looks=1) as here:
        results, _ = ask(batch_teacher(here, retries=0), prompts(15), ledger)
        assert all_fine(results) and set(here.paid.values()) == {1} and len(here.batches) == 5
    with batch_loopback.server(ends="queue") as here, pytest.raises(TeacherError, match="no more of these"):
        ask(batch_teacher(here), prompts(3), ledger)


def test_a_server_that_takes_no_batches_is_one_sentence(ledger):
    from loopback import server

    with server() as here, pytest.raises(TeacherError, match=r"cannot be handed over: http 404"):
        ask(batch_teacher(here), prompts(3), ledger)
    assert open_batches(ledger) == 0


FAILS_ONCE = ["uploaded", "creating", "created", "looking", "listing", "reading"]


@pytest.mark.parametrize("status", [500, 429])
@pytest.mark.parametrize("event", FAILS_ONCE)
def test_a_request_that_fails_in_passing_is_made_again_and_nothing_twice(event, status, ledger):
    def on(now):
        return status if now == event and here.events.count(event) == 1 else None

    with batch_loopback.server(looks=1, on=on) as here:
        results, _ = ask(batch_teacher(here), prompts(6), ledger)
        assert all_fine(results) and paid_once(here, 6) and len(here.batches) == 1


def test_a_batch_made_although_its_response_was_lost_is_found_on_a_later_page(ledger):
    def on(now):
        if now == "created" and here.events.count("created") == 26:
            for _ in range(25):  # others of the same account, made since
                here.batches[f"other_{len(here.batches)}"] = {**here.batches["batch_0"], "id": "x", "metadata": {}}
            for id, made in here.batches.items():
                made["id"] = id
            return 500
        return None

    with batch_loopback.server(page=10, on=on) as here:
        for i in range(25):
            ask(batch_teacher(here), [f"Other {i}"], ledger)
        results, _ = ask(batch_teacher(here), prompts(3), ledger)
        assert here.events.count("listing") == 3 and here.events.count("created") == 26
    assert all_fine(results) and set(here.paid.values()) == {1}


def left_behind(here, asked, wanted, ledger):
    with pytest.raises(BuilderError, match=r"requests in 1 batch go on at the provider; the same command") as caught:
        ask(asked, wanted, ledger, wait=False)
    assert caught.value.exit_code == 1
    return str(caught.value)


def test_without_waiting_a_batch_is_handed_over_and_collected_later(tmp_path):
    with batch_loopback.server(looks=2) as here:
        with Ledger(tmp_path / "l.db") as ledger:
            assert left_behind(here, batch_teacher(here), prompts(8), ledger).startswith("8 requests in 1 batch")
        with Ledger(tmp_path / "l.db") as ledger:
            left_behind(here, batch_teacher(here), prompts(8), ledger)
            assert history.failures(ledger) == [(batch_teacher(here).name, "in a batch", 8)]
        with Ledger(tmp_path / "l.db") as ledger:
            results, _ = ask(batch_teacher(here), prompts(8), ledger, wait=False)
    assert all_fine(results) and paid_once(here, 8) and len(here.batches) == 1


def test_without_waiting_a_line_that_fails_for_good_ends_too(tmp_path):
    def one(prompt, attempt):
        return {"bad": "400", "worse": "500"}.get(prompt)

    wanted, rounds = ["bad", "worse", *prompts(5)], 0
    with batch_loopback.server(looks=1, behave=one) as here:
        while rounds < 10:
            rounds += 1
            with Ledger(tmp_path / "l.db") as ledger:
                try:
                    results, _ = ask(batch_teacher(here, retries=2), wanted, ledger, wait=False)
                    break
                except BuilderError as stopped:
                    assert "go on at the provider" in str(stopped)
        assert here.asked["bad"] == 1 and here.asked["worse"] == 3 and set(here.paid.values()) == {1}
    assert results[1].kind == "http 500" and all_fine(results[2:]) and rounds == 4
    assert results[0].kind == "http 400", "given up in an earlier run, and not asked again in every one since"


def test_only_what_is_in_no_batch_is_handed_over(tmp_path):
    with batch_loopback.server(looks=1) as here:
        with Ledger(tmp_path / "l.db") as ledger:
            left_behind(here, batch_teacher(here), prompts(8), ledger)
        with Ledger(tmp_path / "l.db") as ledger:
            results, replayed = ask(batch_teacher(here), prompts(12), ledger)
    assert all_fine(results) and paid_once(here, 12) and replayed == 0
    assert [batch["total"] for batch in here.batches.values()] == [8, 4]


def test_a_batch_is_collected_although_the_recipe_says_batch_no_more(tmp_path):
    with batch_loopback.server(looks=3) as here:
        with Ledger(tmp_path / "l.db") as ledger:
            left_behind(here, batch_teacher(here), prompts(8), ledger)
        with Ledger(tmp_path / "l.db") as ledger:
            meter = Meter(prices={teacher(here).name: PRICE})
            results, _ = ask(teacher(here, concurrency=2), prompts(12), ledger, meter=meter)
            spent = {line.in_batch: line for line in history.spent(ledger)}
    assert all_fine(results) and set(here.paid.values()) == {1} and len(here.paid) == 12
    assert len(here.batches) == 1 and spent[True].answered == 8 and spent[False].answered == 4
    assert spent[True].usd == pytest.approx((spent[True].input_tokens * 1 + spent[True].output_tokens * 5) / 1e6)


def test_a_batch_at_another_address_is_told_instead_of_waited_for(tmp_path):
    with batch_loopback.server(looks=9) as here, Ledger(tmp_path / "l.db") as ledger:
        left_behind(here, batch_teacher(here, alias="ours"), prompts(4), ledger)
    for mode in (True, False):
        with batch_loopback.server() as moved, Ledger(tmp_path / "l.db") as ledger:
            with pytest.raises(TeacherError, match=r"lies in batch batch_0 at http.*builder ledger forget batch_0"):
                ask(teacher(moved, batch=mode, alias="ours"), prompts(4), ledger)
            assert moved.calls == 0
    with batch_loopback.server() as moved, Ledger(tmp_path / "l.db") as ledger:
        assert batches.forget(ledger, "batch_0") == 4 and batches.forget(ledger, "batch_0") is None
        results, _ = ask(batch_teacher(moved, alias="ours"), prompts(4), ledger)
    assert all_fine(results) and paid_once(moved, 4)


def test_a_batch_the_provider_does_not_know_is_not_asked_again_behind_the_users_back(tmp_path):
    with batch_loopback.server(looks=9) as here:
        with Ledger(tmp_path / "l.db") as ledger:
            left_behind(here, batch_teacher(here), prompts(4), ledger)
        here.batches.clear()
        told = pytest.raises(TeacherError, match=r"batch_0: http 404.*builder ledger forget batch_0")
        with Ledger(tmp_path / "l.db") as ledger, told:
            ask(batch_teacher(here), prompts(4), ledger)
        assert here.batches == {}


def test_the_budget_admits_what_fits_and_the_rest_when_there_is_room_again(ledger):
    with batch_loopback.server(looks=1) as here:
        asked = batch_teacher(here, max_tokens=10)
        size = len(asking(asked, prompts(1))[0].sent[0].encode())
        worst = PRICE.cost(round(1.25 * (size + 64)), 10, batch=True)
        meter = Meter(BudgetConfig(usd=3.5 * worst), {asked.name: PRICE})
        results, _ = ask(asked, prompts(9), ledger, meter=meter)
        assert all_fine(results) and paid_once(here, 9)
        assert next(iter(here.batches.values()))["total"] == 3 and len(here.batches) > 1
        assert meter.usd < 3.5 * worst and meter._held_calls == 0


def test_where_nothing_fits_the_budget_the_build_stops(ledger):
    with batch_loopback.server() as here:
        asked = batch_teacher(here)
        meter = Meter(BudgetConfig(calls=4), {asked.name: PRICE})
        with pytest.raises(BuilderError, match=r"budget ends here: calls: 4 of 4.*Raise `budget`"):
            ask(asked, prompts(9), ledger, meter=meter)
        assert [batch["total"] for batch in here.batches.values()] == [4]
        assert ledger.attempts() == {"answered": 4}


def test_what_lies_in_a_batch_of_an_earlier_run_is_set_aside_in_the_budget(tmp_path):
    with batch_loopback.server(looks=3) as here:
        asked = batch_teacher(here)
        with Ledger(tmp_path / "l.db", build="a 1") as ledger:
            left_behind(here, asked, prompts(4), ledger)
        with Ledger(tmp_path / "l.db", build="a 1") as ledger:
            meter = Meter(BudgetConfig(calls=6), {asked.name: PRICE})
            meter.recall(history.spent(ledger, "a 1"))
            assert meter.calls == 4
            with pytest.raises(BuilderError, match="calls: 6 of 6"):
                ask(batch_teacher(here), prompts(9), ledger, meter=meter)
            assert [batch["total"] for batch in here.batches.values()] == [4, 2]
            assert meter.calls == 6 and meter.run_usd > 0 and meter._held_calls == 0


def test_a_batch_another_build_made_is_not_on_this_ones_bill(tmp_path):
    with batch_loopback.server(looks=1) as here:
        with Ledger(tmp_path / "l.db", build="a 1") as ledger:
            left_behind(here, batch_teacher(here), prompts(4), ledger)
        with Ledger(tmp_path / "l.db", build="b 1") as ledger:
            meter = Meter(prices={batch_teacher(here).name: PRICE})
            results, _ = ask(batch_teacher(here), prompts(4), ledger, meter=meter)
            (theirs,) = history.spent(ledger, "a 1")
            assert history.spent(ledger, "b 1") == [] and meter.run_usd == 0 and theirs.usd > 0
    assert all_fine(results) and paid_once(here, 4)


@pytest.mark.parametrize("event", ["looking", "reading"])
def test_where_another_process_is_first_its_answers_stand_and_the_bill_is_its_own(event, ledger):
    def on(now):
        if now == event and here.events.count(event) == 1:
            with Ledger(ledger.path) as other:
                (waiting,) = batches.waiting(other, here.url, "loopback")
                for one in batches.lying(other, waiting):
                    other.finish(one.attempt, one.key, one.request, Answer("first", "stop", 1, 1))
                if event == "looking":
                    batches.end(other, waiting, "completed")

    with batch_loopback.server(looks=1, on=on) as here:
        meter = Meter(prices={batch_teacher(here).name: PRICE})
        results, _ = ask(batch_teacher(here), prompts(5), ledger, meter=meter)
    assert {result.text for result in results} == {"first"} and paid_once(here, 5)
    assert (meter.run_calls, meter.run_usd, meter._held_calls, meter._held_usd) == (0, 0, 0, pytest.approx(0))


def test_two_batch_teachers_at_one_server_go_side_by_side(ledger):
    with batch_loopback.server(looks=3) as here:
        cold, warm = batch_teacher(here, temperature=0), batch_teacher(here, temperature=1)
        meter = Meter(prices={cold.name: PRICE})
        requests = [*asking(cold, prompts(6)), *asking(warm, prompts(6))]
        results, context = ask_all(requests, ledger, meter=meter)
        assert all_fine(results.values()) and len(results) == 12
        assert set(here.keys.values()) == {1} and len(here.keys) == 12 and len(here.batches) == 2
    assert (meter.run_calls, meter._held_calls, meter.uncounted) == (12, 0, 0)
    assert context.spend["calls"] + context.spend["replayed"] == 12


def test_without_waiting_a_teacher_asked_call_by_call_is_still_asked_to_the_end(ledger):
    with batch_loopback.server(looks=9) as here:
        one, other = batch_teacher(here, temperature=0), teacher(here, temperature=1)
        requests = [*asking(one, prompts(6)), *asking(other, prompts(30))]
        with pytest.raises(BuilderError, match=r"^6 requests in 1 batch go on"):
            ask_all(requests, ledger, wait=False)
    assert ledger.attempts() == {"in flight": 6, "answered": 30}


def test_progress_is_the_providers_own_count(ledger):
    from contextlib import contextmanager

    said = []

    @contextmanager
    def progress(label, total):
        yield lambda done, note="": said.append((done, note))

    with batch_loopback.server(looks=3) as here:
        ask(batch_teacher(here), prompts(8), ledger, progress=progress)
    assert [note for done, note in said if "provider" in note] == [
        f"{n} of 8 answered at the provider" for n in (2, 4, 6)
    ]
    assert sum(done for done, _ in said) == 8


def test_the_json_schema_holds_for_a_batch_whoever_collects_it(tmp_path):
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    said = iter(['{"age": "seven"}', '{"age": 7}'])
    with batch_loopback.server(looks=1, answer=lambda messages, rng: next(said)) as here:
        with Ledger(tmp_path / "l.db") as ledger:
            left_behind(here, make(batch_teacher(here).config, schema), ["How old?"], ledger)
        with Ledger(tmp_path / "l.db") as ledger:
            (answer,), _ = ask(make(batch_teacher(here).config, schema), ["How old?"], ledger)
            assert ledger.attempts() == {"not the schema": 1, "answered": 1}
    assert answer.text == '{"age": 7}'


def test_openais_own_client_takes_our_server_for_one():
    import openai

    line = {"custom_id": "a", "method": "POST", "url": ENDPOINT}
    line |= {"body": {"model": "loopback", "messages": [{"role": "user", "content": "Hi"}]}}
    with batch_loopback.server(key=KEY, page=1) as here, openai.OpenAI(base_url=here.url, api_key=KEY) as client:
        file = client.files.create(purpose="batch", file=("r.jsonl", json.dumps(line).encode()))
        made = [
            client.batches.create(
                input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h", metadata={"builder": "t"}
            )
            for _ in range(3)
        ]
        assert [batch.id for batch in client.batches.list(limit=1)] == [batch.id for batch in reversed(made)]
        done = client.batches.retrieve(made[0].id)
        assert (done.status, done.request_counts.completed, done.metadata) == ("completed", 1, {"builder": "t"})
        (said,) = client.files.content(done.output_file_id).text.splitlines()
        with pytest.raises(openai.NotFoundError):
            client.batches.retrieve("batch_99")
    assert json.loads(said)["custom_id"] == "a" and json.loads(said)["response"]["status_code"] == 200


def test_the_embedded_teacher_takes_no_batches():
    with pytest.raises(ValueError, match="batch"):
        TeacherConfig(provider="embedded", batch=True)


# ---- whole builds, in processes of their own

RECIPE = """
name: batched
version: 0.1.0
seed: 7
steps:
  - seed: {{path: seeds.txt}}
  - generate: {{teacher: {{url: "{url}", model: loopback, batch: true, price: {{input: 2, output: 10}}}}}}
  - emit: {{}}
"""
QUICKLY = """
import builder.cli
from builder.teacher import batch
batch._FIRST_LOOK, batch._LONGEST_BETWEEN_LOOKS = 0.05, 0.2
builder.cli.main()
"""
SEEDS = 12


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "seeds.txt").write_text("".join(f"{prompt}\n" for prompt in prompts(SEEDS)))
    return tmp_path


def start(folder, here, *options):
    (folder / "recipe.yaml").write_text(RECIPE.format(url=here.url))
    command = [sys.executable, "-c", QUICKLY, "build", "recipe.yaml", "--out", "out", *options]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def is_whole(folder):
    import polars as pl

    return pl.read_parquet(folder / "out/batched/0.1.0/sft/train.parquet").height == SEEDS


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["uploaded", "creating", "created", "looking", "reading"])
def test_a_build_killed_at_any_point_pays_once_when_it_is_run_again(moment, folder):
    victims = []

    def on(event):
        if event == moment and victims:
            os.kill(victims[0].pid, signal.SIGKILL)
            victims.pop().communicate()
            return 500 if event == "creating" else None  # killed before anything was made
        return None

    with batch_loopback.server(looks=2, on=on) as here:
        first = start(folder, here)
        victims.append(first)
        first.wait(60)
        assert first.returncode == -signal.SIGKILL and not victims
        with Ledger(folder / "out" / "ledger.db") as ledger:
            waiting = ledger.db.execute("SELECT remote FROM batches WHERE ended_at IS NULL").fetchall()
            assert waiting == [(None if moment in ("uploaded", "creating", "created") else "batch_0",)]
        code, _, err = finish(start(folder, here))
        assert code == 0, err
        assert paid_once(here, SEEDS) and len(here.batches) == 1 and here.complaints == []
        assert is_whole(folder)
    with Ledger(folder / "out" / "ledger.db") as ledger:
        lost = {"lost before the batch was made": SEEDS} if moment in ("uploaded", "creating") else {}
        assert ledger.attempts() == {"answered": SEEDS} | lost
        (spent,) = history.spent(ledger)
        assert (spent.calls, spent.uncounted) == (SEEDS, 0)


@pytest.mark.slow
def test_no_wait_hands_over_and_the_same_command_collects(folder):
    with batch_loopback.server(looks=2) as here:
        code, _, err = finish(start(folder, here, "--no-wait"))
        assert code == 1 and f"{SEEDS} requests in 1 batch go on at the provider" in err and "Traceback" not in err
        code, _, err = finish(start(folder, here))
        assert code == 0, err
        assert paid_once(here, SEEDS) and is_whole(folder)
    # the server is gone
    (folder / "out/batched").rename(folder / "away")
    code, _, err = finish(start(folder, here, "--offline"))
    assert code == 0 and is_whole(folder), err
    same = [(folder / at / "0.1.0/sft/train.parquet").read_bytes() for at in ("away", "out/batched")]
    assert same[0] == same[1]


@pytest.mark.slow
def test_ctrl_c_while_waiting_says_that_the_batch_goes_on(folder):
    with batch_loopback.server(looks=10**9) as here:
        process = start(folder, here)
        until = time.monotonic() + 60
        while not here.seen and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        code, _, err = finish(process)
        assert code == 1 and "stopped by Ctrl-C" in err and "Traceback" not in err
        assert f"{SEEDS} requests in 1 batch go on at the provider; the same command collects" in err
        here.looks = 0
        code, _, err = finish(start(folder, here))
        assert code == 0 and paid_once(here, SEEDS) and is_whole(folder), err


@pytest.mark.slow
def test_two_builds_at_once_put_no_key_into_two_batches(folder):
    with batch_loopback.server(looks=40) as here:
        (folder / "other").mkdir()
        (folder / "other" / "seeds.txt").write_text((folder / "seeds.txt").read_text())
        one = start(folder, here, "--ledger", str(folder / "l.db"))
        other = start(folder / "other", here, "--ledger", str(folder / "l.db"))
        assert [finish(process)[0] for process in (one, other)] == [0, 0]
        assert paid_once(here, SEEDS) and sum(batch["total"] for batch in here.batches.values()) == SEEDS
    assert is_whole(folder) and is_whole(folder / "other")
    with Ledger(folder / "l.db") as ledger:
        assert ledger.attempts() == {"answered": SEEDS}


@pytest.mark.slow
def test_a_batch_that_a_living_process_is_about_to_make_is_left_to_it(folder):
    here_it_waits, goes_on = threading.Event(), threading.Event()

    def on(event):
        if event == "creating" and not here_it_waits.is_set():
            here_it_waits.set()
            goes_on.wait(60)

    with batch_loopback.server(on=on) as here:
        (folder / "other").mkdir()
        (folder / "other" / "seeds.txt").write_text((folder / "seeds.txt").read_text())
        one = start(folder, here, "--ledger", str(folder / "l.db"))
        assert here_it_waits.wait(60)
        other = start(folder / "other", here, "--ledger", str(folder / "l.db"))
        until = time.monotonic() + 60
        with Ledger(folder / "l.db") as ledger:  # the other has written down that it is there, and begun nothing
            while ledger.db.execute("SELECT count(*) FROM sessions").fetchone()[0] < 2 and time.monotonic() < until:
                time.sleep(0.05)
        time.sleep(1)
        assert "listing" not in here.events and other.poll() is None
        goes_on.set()
        assert [finish(process)[0] for process in (one, other)] == [0, 0]
        assert paid_once(here, SEEDS) and len(here.batches) == 1 and is_whole(folder / "other")


@pytest.mark.slow
def test_a_build_that_waits_for_anothers_batch_collects_it_when_that_one_is_killed(folder):
    with batch_loopback.server(looks=10**9) as here:
        (folder / "other").mkdir()
        (folder / "other" / "seeds.txt").write_text((folder / "seeds.txt").read_text())
        one = start(folder, here, "--ledger", str(folder / "l.db"))
        while not here.seen:
            time.sleep(0.05)
        other = start(folder / "other", here, "--ledger", str(folder / "l.db"))
        time.sleep(3)
        one.kill()
        one.communicate()
        here.looks = 0
        code, _, err = finish(other)
        assert code == 0, err
        assert paid_once(here, SEEDS) and is_whole(folder / "other") and len(here.batches) == 1


def test_forget_is_refused_for_a_batch_nobody_waits_for(ledger):
    from typer.testing import CliRunner

    from builder.cli import app

    said = CliRunner().invoke(app, ["ledger", "--ledger", str(ledger.path), "forget", "batch_7"])
    assert isinstance(said.exception, InputError) and "no batch batch_7" in str(said.exception)
