"""Money: a budget is never passed by the server's own count; what was spent is what was billed; dry runs are honest."""

import json

import loopback
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gate import recipe

from builder.config import BudgetConfig, TeacherConfig
from builder.errors import BuilderError, InputError
from builder.ledger import Ledger, Usage, history
from builder.meter import Hold, Meter
from builder.money import forecast
from builder.pipeline import build, load_recipe
from builder.prices import Price

PRICE = {"input": 10.0, "output": 30.0}


def billed(here):
    """Count the bill from outside: what the server answered with 200, at the price of the recipe."""
    usd = tokens = 0
    for entry in here.log:
        if entry["outcome"] in (*loopback.ANSWERED, "empty", "null"):
            asked = sum(len(message["content"].split()) for message in entry["body"]["messages"])
            text = here.text(entry["body"]["messages"]) if entry["outcome"] == "ok" else ""
            said = min(len(text.split()), entry["body"].get("max_tokens", 10**9))
            tokens += asked + said
            usd += (asked * PRICE["input"] + said * PRICE["output"]) / 1e6
    return usd, tokens


def spends(out, name="many", version="0.1.0"):
    return json.loads((out / name / version / "manifest.json").read_text())["spend"]


def test_what_the_manifest_and_the_ledger_say_was_spent_is_what_the_server_billed(tmp_path):
    with loopback.server(faults={"empty": 0.1, "500": 0.1, "429": 0.05}) as here:
        build(load_recipe(str(recipe(tmp_path, here, 80, price=PRICE, max_tokens=20, retries=9))), tmp_path / "out")
        usd, tokens = billed(here)
        assert spends(tmp_path / "out")["usd"] == pytest.approx(usd)
        assert spends(tmp_path / "out")["requests"] == here.calls
        with Ledger(tmp_path / "out" / "ledger.db") as ledger:
            (line,) = history.spent(ledger)
        assert (line.calls, line.answered) == (here.calls, 80)
        assert line.input_tokens + line.output_tokens == tokens and line.usd == pytest.approx(usd)


def named(text, here):
    """Ask OpenAI by its name instead."""
    return text.replace(f'"url": "{here.url}"', '"provider": "openai"').replace(', "alias": "here"', "")


LIMITS = [("usd", 0.1), ("tokens", 4000), ("calls", 37)]


@pytest.mark.parametrize(("what", "most"), LIMITS)
def test_a_budget_is_never_passed_and_the_build_goes_on_when_it_is_raised(what, most, tmp_path):
    out = tmp_path / "out"
    with loopback.server(latency=0.02, faults={"500": 0.1, "empty": 0.05}) as here:

        def used():
            usd, tokens = billed(here)
            return {"usd": usd, "tokens": tokens, "calls": here.calls}[what]

        file = recipe(tmp_path, here, 120, price=PRICE, max_tokens=100, retries=9, budget={what: most})
        with pytest.raises(
            BuilderError, match=rf"the budget ends here: {what}: .*Raise `budget` in the recipe"
        ) as caught:
            build(load_recipe(str(file)), out)
        assert "answers are in" in str(caught.value)
        assert most * 0.5 < used() <= most
        spent = used()
        with pytest.raises(BuilderError, match="the budget ends here"):
            build(load_recipe(str(file)), out)  # the same command again spends no second budget
        assert used() <= most and used() <= spent * 1.5
        recipe(tmp_path, here, 120, price=PRICE, max_tokens=100, retries=9, budget={what: most * 100})
        build(load_recipe(str(file)), out)
        assert len(here.paid) == 120 and set(here.paid.values()) == {1}


def test_minutes_end_a_run_and_the_next_run_goes_on(tmp_path):
    with loopback.server(latency=0.2, sigma=0.01) as here:
        file = recipe(tmp_path, here, 100, concurrency=4, budget={"minutes": 0.02})
        with pytest.raises(BuilderError, match="the budget ends here: minutes"):
            build(load_recipe(str(file)), tmp_path / "out")
        first = here.calls
        assert 4 <= first <= 28
        with pytest.raises(BuilderError, match="minutes"):
            build(load_recipe(str(file)), tmp_path / "out")
        assert here.calls > first and set(here.paid.values()) == {1}


def test_another_version_has_a_budget_of_its_own(tmp_path):
    with loopback.server() as here:
        build(load_recipe(str(recipe(tmp_path, here, 30, budget={"calls": 30}))), tmp_path / "out")
        file = recipe(tmp_path, here, 30, version="0.2.0", temperature=0.5, budget={"calls": 30})
        build(load_recipe(str(file)), tmp_path / "out")
        assert here.calls == 60


def test_a_budget_of_money_needs_prices(tmp_path):
    with loopback.server() as here, pytest.raises(InputError, match=r"budget.usd: no price is known for loopback @"):
        load_recipe(str(recipe(tmp_path, here, 3, budget={"usd": 1.0})))
    file = tmp_path / "named.yaml"
    text = recipe(tmp_path, here, 3, budget={"usd": 1.0}).read_text()
    file.write_text(named(text, here))
    with pytest.raises(InputError, match="openai:loopback"):
        load_recipe(str(file))
    file.write_text(file.read_text().replace('"model": "loopback"', '"model": "gpt-4o-mini"'))
    assert load_recipe(str(file)).budget.usd == 1.0, "the shipped table knows that one"


def test_one_teacher_with_two_prices_is_refused(tmp_path):
    with loopback.server() as here:
        asked = {"url": here.url, "model": "loopback", "price": PRICE, "temperature": 0.1}
        file = recipe(tmp_path, here, 3)
        whole = json.loads(file.read_text())
        whole["steps"][1]["generate"]["teacher"] = [
            asked,
            asked | {"temperature": 0.2, "price": {"input": 1.0, "output": 1.0}},
        ]
        file.write_text(json.dumps(whole))
        with pytest.raises(InputError, match="has two prices in this recipe"):
            load_recipe(str(file))


@pytest.mark.parametrize("name", ["n", "max_completion_tokens", "messages", "stream", "response_format"])
def test_extra_holds_nothing_that_decides_what_a_call_costs(name, tmp_path):
    with loopback.server() as here, pytest.raises(InputError, match=rf"extra\.{name} \(use "):
        load_recipe(str(recipe(tmp_path, here, 3, extra={name: 1})))


def test_a_table_of_prices_that_is_not_there_is_refused_by_check(tmp_path):
    with loopback.server() as here:
        file = recipe(tmp_path, here, 3)
    file.write_text(file.read_text().replace('"version"', '"prices": "none.yaml", "version"', 1))
    with pytest.raises(InputError, match=r"none\.yaml"):
        load_recipe(str(file))


def test_a_recipes_own_table_goes_before_the_shipped_one(tmp_path):
    with loopback.server() as here:
        file = recipe(tmp_path, here, 3, budget={"usd": 1.0})
    text = named(file.read_text(), here)
    file.write_text(text.replace('"version"', '"prices": "mine.yaml", "version"', 1))
    (tmp_path / "mine.yaml").write_text(
        "as_of: 2026-11\ncurrency: USD\nunit: per million tokens\n"
        "prices:\n  openai:\n    loopback: {input: 1, output: 2}\n"
    )
    assert load_recipe(str(file)).budget.usd == 1.0
    (tmp_path / "mine.yaml").write_text("prices: none\n")
    with pytest.raises(InputError, match=r"mine\.yaml"):
        load_recipe(str(file))


@pytest.mark.parametrize("fault", ["no_usage", "bad_usage"])
def test_where_the_server_does_not_tell_what_was_used_the_worst_is_assumed_and_said(fault, tmp_path):
    with loopback.server(faults={fault: 1.0}) as here:
        file = recipe(tmp_path, here, 60, price=PRICE, max_tokens=100, budget={"usd": 0.05})
        with pytest.raises(BuilderError, match="the budget ends here: usd"):
            build(load_recipe(str(file)), tmp_path / "out")
        assert 5 <= here.calls <= 16, "each may have cost as much as max_tokens"
        with Ledger(tmp_path / "out" / "ledger.db") as ledger:
            assert history.spent(ledger)[0].uncounted == here.calls
        with pytest.raises(BuilderError, match="the budget ends here: usd"):
            build(load_recipe(str(file)), tmp_path / "out")
        assert here.calls <= 17


def test_a_build_that_waits_for_room_in_its_budget_is_woken_when_another_build_has_the_answers(tmp_path):
    from test_gate import finished, start

    out = tmp_path / "out"
    with loopback.server(latency=2.0, sigma=0.01) as here:
        one = start(recipe(tmp_path / "one", here, 30, name="one", concurrency=64), out)
        while here.calls < 30:
            pass
        settings = {"price": PRICE, "max_tokens": 1000, "concurrency": 8, "budget": {"usd": 0.04}}
        both = recipe(tmp_path / "two", here, 30, name="two", **settings)
        both.write_text(both.read_text().replace('"max_tokens": 1000', '"max_tokens": 1024'))
        two = start(both, out)
        finished(one)
        finished(two)
        assert here.calls == 30


# the meter by itself


TEACHER = TeacherConfig(url="http://h/v1", model="m", max_tokens=50)


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(0, 50), st.integers(1, 4)), max_size=60), st.integers(1, 9))
@settings(max_examples=60)
def test_whatever_calls_come_and_land_in_whatever_order_no_budget_is_passed(calls, in_flight):
    budget = BudgetConfig(usd=0.02, tokens=4000, calls=25)
    meter = Meter(budget, {"t": Price(10.0, 30.0)})
    flying = []

    def land():
        hold, size, said, draws = flying.pop(0)
        meter.settle(hold, "t", TEACHER, Usage(size, said * draws), 0.1)

    for size, said, draws in calls:
        while not isinstance(hold := meter.admits("t", TEACHER, size, draws), Hold) and flying:
            assert hold is None, "while calls are in flight there may be room yet"
            land()
        if isinstance(hold, Hold):
            flying.append((hold, size, said, draws))
        if len(flying) >= in_flight:
            land()
    while flying:
        land()
    assert meter.usd <= 0.02 and meter.tokens <= 4000 and meter.calls <= 25
    assert meter._held_calls == 0 and meter._held_tokens == 0


def test_a_call_whose_use_is_never_told_is_counted_apart():
    meter = Meter()
    hold = meter.admits("t", TEACHER, 10, 1)
    assert meter.settle(hold, "t", TEACHER, Usage(), 1.0) == Usage()
    assert (meter.uncounted, meter.calls, meter.tokens) == (1, 1, 0)


# the dry run


def test_a_dry_run_without_history_says_what_it_does_not_know(tmp_path):
    with loopback.server() as here:
        told = forecast(load_recipe(str(recipe(tmp_path, here, 50))), tmp_path / "none.db")
    (line,) = told.lines
    assert (line.calls, line.output_tokens, line.usd) == (50, None, None)
    assert "unknown: no history; at most 51,200" in line.output_how and line.usd_how == "no price is known"
    assert here.calls == 0 and not (tmp_path / "none.db").exists()


def test_a_dry_run_with_history_comes_near_what_is_then_billed(tmp_path):
    out = tmp_path / "out"
    with loopback.server() as here:
        build(load_recipe(str(recipe(tmp_path, here, 60, price=PRICE))), out)
        before, _ = billed(here)
        file = recipe(tmp_path, here, 300, version="0.2.0", price=PRICE)
        told = forecast(load_recipe(str(file)), out / "ledger.db")
        (line,) = told.lines
        assert (told.replayed, line.calls) == (60, 240)
        assert "as in 60 calls in the ledger" in line.output_how and line.usd_how == "price: the recipe"
        build(load_recipe(str(file)), out)
        usd, _ = billed(here)
    assert line.usd == pytest.approx(usd - before, rel=0.15)


def test_a_dry_run_of_what_is_all_in_the_ledger_asks_nothing(tmp_path):
    with loopback.server() as here:
        file = recipe(tmp_path, here, 20)
        build(load_recipe(str(file)), tmp_path / "out")
    told = forecast(load_recipe(str(file)), tmp_path / "out" / "ledger.db")
    assert (told.lines, told.replayed, told.spent_calls) == ([], 20, 20)
