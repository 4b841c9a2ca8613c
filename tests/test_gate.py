"""The gate under stress: what is killed, interrupted, full or wrong costs no answer, and none is paid for twice."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import loopback
import pytest
from asking import ask, ask_all, asking, prompts, teacher

from builder.errors import BuilderError, InputError, TeacherError
from builder.ledger import Answer, Ledger, history
from builder.ledger.recorder import Recorder
from builder.pipeline import build, load_recipe
from builder.teacher import Fault, gate
from builder.teacher.request import LOOK_AHEAD


def recipe(folder, here, count, name="many", version="0.1.0", **settings):
    """Write a recipe that asks for an answer to each of so many prompts."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = folder / "seeds.jsonl"
    seeds.write_text("".join(json.dumps({"instruction": prompt}) + "\n" for prompt in prompts(count)))
    asked = {"url": here.url, "model": "loopback", "concurrency": 16, "alias": "here"} | settings
    budget = {"budget": asked.pop("budget")} if "budget" in asked else {}
    steps = [{"seed": {"path": str(seeds)}}, {"generate": {"teacher": asked}}, {"emit": {}}]
    file = folder / f"{name}-{version}.yaml"
    file.write_text(json.dumps({"name": name, "version": version, **budget, "steps": steps}))
    return file


def start(file, out, *flags):
    command = [sys.executable, "-m", "builder", "build", str(file), "--out", str(out), *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def finished(process):
    said = process.communicate(timeout=60)
    assert process.returncode == 0, said


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def data(out, name="many", version="0.1.0"):
    folder = out / name / version
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in sorted(folder.rglob("*.parquet"))}


# several servers, several processes


def test_a_slow_teacher_does_not_hold_up_a_fast_one(ledger):
    with loopback.server(latency=0.4, sigma=0.01) as slow, loopback.server(latency=0.01, sigma=0.01) as fast:
        requests = [
            request
            for prompt in prompts(60)
            for here in (slow, fast)
            for request in asking(teacher(here, concurrency=4), [prompt])
        ]
        done = {}
        slow.behave = lambda prompt, attempt: (done.setdefault(len(slow.log), fast.calls), None)[1]
        ask_all(requests, ledger)
    assert slow.calls == fast.calls == 60
    assert done[40] == 60, "the fast one was through when the slow one was not"


def test_two_builds_on_one_ledger_at_once_pay_for_each_answer_once(tmp_path):
    out = tmp_path / "out"
    with loopback.server(latency=0.05) as here:
        both = [start(recipe(tmp_path / name, here, 150, name=name), out) for name in ("one", "other")]
        for process in both:
            finished(process)
        assert here.calls == 150 and set(here.paid.values()) == {1}
    assert data(out, "one")["sft/train.parquet"] != b"" and len(data(out, "other")) == len(data(out, "one"))
    spends = [json.loads((out / name / "0.1.0" / "manifest.json").read_text())["spend"] for name in ("one", "other")]
    assert sum(spend["calls"] for spend in spends) == 150 == sum(spend["replayed"] for spend in spends)


def test_what_a_dead_process_had_begun_is_asked_again_at_once_and_what_a_living_one_has_is_waited_for(ledger):
    with loopback.server() as here, Ledger(ledger.path) as other:
        asked = teacher(here)
        (request,) = asking(asked, ["Hi"])
        other.begin(request.key)
        assert other.begin(request.key).attempts, "its own earlier attempt binds nobody"
        assert ledger.begin(request.key).elsewhere == (request.key,)
        other.db.execute("UPDATE sessions SET pid = 1, born = 'long ago'")
        assert ask(asked, ["Hi"], ledger)[0][0].text and here.calls == 1
        (second,) = asking(asked, ["Ho"])
        begun = other.begin(second.key)
        living = f"UPDATE sessions SET pid = {os.getppid()}, born = ? WHERE id = ?"
        from builder.ledger.sessions import _born

        other.db.execute(living, (_born(os.getppid()), other.sessions.mine))
        ledger.sessions._known.clear()
        assert ledger.begin(second.key).elsewhere == (second.key,)
        assert [kind for _, kind, _ in history.failures(ledger)] == ["in flight"]
        other.finish(begun.attempts[second.key], second.key, second.sent[0], Answer("from elsewhere"))
        assert ask(asked, ["Ho"], ledger)[0][0].text == "from elsewhere" and here.calls == 1


# killed and interrupted


def test_killed_at_random_moments_a_build_pays_twice_only_for_what_was_in_flight(tmp_path):
    with loopback.server(seed=5) as here:
        build(load_recipe(str(recipe(tmp_path / "a", here, 300))), tmp_path / "whole")
    rng = random.Random(7)
    with loopback.server(latency=0.03, seed=5) as here:
        file, out, listed = recipe(tmp_path / "b", here, 300), tmp_path / "killed", 0
        for share in sorted(rng.uniform(0.05, 0.95) for _ in range(4)):
            process = start(file, out)
            until(lambda share=share: len(here.paid) >= 300 * share)
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            time.sleep(0.2)
        with Ledger(out / "ledger.db") as ledger:
            listed = sum(n for _, kind, n in history.failures(ledger) if kind == "lost in flight")
        finished(start(file, out))
        twice = sum(count - 1 for count in here.paid.values())
        assert len(here.paid) == 300 and twice <= listed <= 4 * 16
    assert data(out) == data(tmp_path / "whole")


def test_ctrl_c_waits_for_what_is_in_flight_and_says_how_to_go_on(tmp_path):
    with loopback.server(latency=0.3, sigma=0.1) as here:
        file, out = recipe(tmp_path, here, 200), tmp_path / "out"
        process = start(file, out)
        until(lambda: len(here.paid) > 30)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "16 calls in flight are waited for" in said
        assert f"{here.calls} answers are in {out / 'ledger.db'}" in said and "Run the same command to go on" in said
        assert "Traceback" not in said
        with Ledger(out / "ledger.db") as ledger:
            assert ledger.attempts() == {"answered": here.calls}
        finished(start(file, out))
        assert set(here.paid.values()) == {1} and len(here.paid) == 200


def test_a_second_ctrl_c_gives_up_what_is_in_flight_and_lists_it(tmp_path):
    with loopback.server(behave=lambda prompt, attempt: "hang" if "9" in prompt else None) as here:
        file, out = recipe(tmp_path, here, 100), tmp_path / "out"
        process = start(file, out)
        until(lambda: here.calls > 95)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 1 and "given up" in said and "Traceback" not in said
        with Ledger(out / "ledger.db") as ledger:
            lost = sum(n for _, kind, n in history.failures(ledger) if kind == "lost in flight")
        assert 0 < lost <= 16


# offline


def test_a_build_replays_from_the_ledger_alone_byte_for_byte_with_its_failures(tmp_path):
    with loopback.server(behave=lambda prompt, attempt: "400" if "7" in prompt else None) as here:
        file = recipe(tmp_path, here, 60)
        build(load_recipe(str(file)), tmp_path / "out")
        calls = here.calls
        ledger = tmp_path / "out" / "ledger.db"
        before = ledger.read_bytes()
        replayed = build(load_recipe(str(file)), tmp_path / "again", ledger=ledger, offline=True)
        assert here.calls == calls and ledger.read_bytes() == before
    assert data(tmp_path / "again") == data(tmp_path / "out")
    assert replayed.manifest["spend"]["replayed"] == 60 - 6 and replayed.manifest["spend"]["failed"] == 6


def test_offline_without_the_answers_says_how_many_are_missing(tmp_path):
    with loopback.server() as here:
        file = recipe(tmp_path, here, 20)
        build(load_recipe(str(file)), tmp_path / "out")
        more = recipe(tmp_path, here, 25, version="0.2.0")
        with pytest.raises(InputError, match="5 of the answers this build needs are not in"):
            build(load_recipe(str(more)), tmp_path / "out", offline=True)
        with pytest.raises(InputError, match="25 of the answers"):
            build(load_recipe(str(more)), tmp_path / "nowhere", offline=True)
    assert not list((tmp_path / "nowhere").rglob("*.db"))


# a build that goes wrong


def test_a_build_in_which_too_large_a_share_fails_is_stopped(ledger):
    with loopback.server(behave=lambda prompt, attempt: "400" if int(prompt[:-1].split()[-1]) % 3 else None) as here:
        with pytest.raises(
            TeacherError, match=r"of \d+ calls failed, each after its retries, more than max_failures 0"
        ):
            ask(teacher(here, concurrency=2), prompts(200), ledger)
        assert 20 <= here.calls < 30
        here.log.clear()
        results, _ = ask(teacher(here, concurrency=2, max_failures=1.0), prompts(200), ledger)
    assert sum(isinstance(result, Fault) for result in results) == 133


def test_each_teacher_is_judged_by_its_own_answers(ledger):
    with loopback.server() as well, loopback.server(behave=lambda prompt, attempt: "400") as ill:
        many = [request for prompt in prompts(300) for request in asking(teacher(well), [prompt])]
        few = asking(teacher(ill, concurrency=1), prompts(60))
        with pytest.raises(TeacherError, match=ill.url):
            ask_all([*many, *few], ledger)
        assert ill.calls <= 25


def test_a_server_that_ignores_the_schema_is_found_out_before_it_costs_much(ledger):
    with loopback.server() as here:
        with pytest.raises(TeacherError, match="the server seems to ignore json_schema"):
            ask(teacher(here, {"type": "object"}), prompts(300), ledger)
        assert here.calls <= 20 + 8


def test_an_error_of_ours_is_shown_and_not_taken_for_the_servers(ledger):
    with loopback.server() as here:
        asked = teacher(here)

        async def broken(messages, draws):
            raise ZeroDivisionError("ours")

        asked.ask = broken
        with pytest.raises(ZeroDivisionError):
            ask(asked, prompts(5), ledger)


def test_requests_are_read_only_as_fast_as_they_are_asked(ledger):
    made = 0

    def stream(asked):
        nonlocal made
        for prompt in prompts(4000):
            made += 1
            yield from asking(asked, [prompt])

    with loopback.server() as here:
        here.behave = lambda prompt, attempt: ahead.append(made - len(here.log)) and None
        ahead = []
        from builder.context import Context

        asked = teacher(here)
        assert gate.ask_streams([stream(asked)], Context(0, Path(), ledger), "asking", 4000) == {}
    assert here.calls == 4000 and max(ahead) <= LOOK_AHEAD + 4 * 8


def test_long_answers_are_asked_for_first_where_the_ledger_knows_them(tmp_path):
    def length(messages, rng):
        return "word " * (1 + 7 * int(messages[-1]["content"][:-1].split()[-1]) % 40)

    with loopback.server(answer=length) as here:
        build(load_recipe(str(recipe(tmp_path, here, 40))), tmp_path / "out")
        here.log.clear()
        file = recipe(tmp_path, here, 40, version="0.2.0", temperature=0.5, concurrency=1)
        build(load_recipe(str(file)), tmp_path / "out")
        asked = [len(length(entry["body"]["messages"], None).split()) for entry in here.log]
    assert asked == sorted(asked, reverse=True) and len(set(asked)) > 20


# the disk


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_when_the_disk_is_full_what_is_in_flight_is_saved_and_the_build_stops(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        with loopback.server(answer=lambda messages, rng: rng.randbytes(20_000).hex()) as here:
            with Ledger(disk / "ledger.db") as ledger:
                with pytest.raises(BuilderError, match="is full; stopped") as caught:
                    ask(teacher(here), prompts(2000), ledger)
                assert "Make room" in str(caught.value)
                paid = here.calls
                assert 50 < paid < 2000
                assert ledger.attempts() == {"answered": paid}, "not one that was paid is lost"
            assert not (disk / "ledger.db.reserve").exists()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_one_record_that_cannot_be_stored_does_not_undo_its_neighbours(ledger):
    import asyncio

    async def work():
        recorder = Recorder(ledger)
        attempts = {key: ledger.begin(key).attempts[key] for key in "abc"}

        def finish(key, tokens):
            return lambda: ledger.finish(attempts[key], key, {"messages": [], "draw": 0}, Answer("so", "stop", tokens))

        said = await asyncio.gather(
            *(recorder.do(finish(key, tokens)) for key, tokens in (("a", 1), ("b", 2**70), ("c", 3))),
            return_exceptions=True,
        )
        await recorder.close()
        return said

    a, b, c = asyncio.run(work())
    assert isinstance(a, Answer) and isinstance(b, OverflowError) and isinstance(c, Answer)
    assert set(ledger.get(list("abc"))) == {"a", "c"}
