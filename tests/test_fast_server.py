"""The server of the benchmarks: what it promises is what their figures stand on."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from statistics import fmean

import aiohttp
import pytest
from fast_server import FAULTS, Behaviour

SERVER = Path(__file__).with_name("fast_server.py")


@contextmanager
def serving(*flags):
    with subprocess.Popen(
        [sys.executable, str(SERVER), *map(str, flags)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def ask(url, *prompts, seconds=10.0, **more):
    """Ask for all at once; return per prompt (status, headers, body) or the name of what went wrong."""

    async def one(session, prompt):
        body = {"model": "loopback", "messages": [{"role": "user", "content": prompt}], **more}
        try:
            async with asyncio.timeout(seconds), session.post(f"{url}/chat/completions", json=body) as said:
                return said.status, said.headers, await said.text()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return type(error).__name__

    async def everyone():
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            return await asyncio.gather(*(one(session, prompt) for prompt in prompts))

    return asyncio.run(everyone())


def look(url, path="/stats"):
    async def get():
        async with aiohttp.ClientSession() as session, session.get(url.removesuffix("/v1") + path) as said:
            return await said.json()

    return asyncio.run(get())


def body_of(said):
    status, _, text = said
    assert status == 200
    return json.loads(text)


def test_an_answer_is_a_function_of_the_prompt():
    with serving() as url:
        first, other, again = map(body_of, ask(url, "one two three", "four", "one two three"))
        assert look(url, "/v1/models")["data"][0]["id"] == "loopback"
        stats = look(url)
    text = first["choices"][0]["message"]["content"]
    assert first == again and text != other["choices"][0]["message"]["content"]
    assert len(text.split()) == 64
    assert first["usage"] == {"prompt_tokens": 3, "completion_tokens": 64, "total_tokens": 67}
    assert (stats["calls"], stats["prompts_paid"], stats["paid_again"], stats["in_flight"]) == (3, 2, 1, 0)
    assert stats["first"] <= stats["last"] and stats["outcomes"] == {"ok": 3}


def test_several_answers_and_text_completions():
    with serving() as url:
        choices = body_of(ask(url, "a", n=3)[0])["choices"]

        async def complete():
            async with aiohttp.ClientSession() as session:
                body = {"model": "m", "prompt": "Once upon"}
                async with session.post(f"{url}/completions", json=body) as said:
                    return await said.json()

        completed = asyncio.run(complete())
    assert len({choice["message"]["content"] for choice in choices}) == 3
    assert completed["choices"][0]["text"] and completed["usage"]["prompt_tokens"] == 2


def test_latency_is_a_function_of_the_prompt_with_the_mean_that_was_given():
    here = Behaviour(latency=0.3, sigma=0.8)
    drawn = [here.seconds(f"prompt {i}") for i in range(20_000)]
    assert drawn == [here.seconds(f"prompt {i}") for i in range(20_000)]
    assert fmean(drawn) == pytest.approx(0.3, rel=0.03)
    assert Behaviour().seconds("any") == 0


def test_an_answer_takes_its_latency_and_its_tokens_follow():
    prompts = [f"prompt {i}" for i in range(20)]
    here = Behaviour(latency=0.1, sigma=0.8)
    with serving("--latency", 0.1) as url:
        started = time.monotonic()
        tokens = [body_of(said)["usage"]["completion_tokens"] for said in ask(url, *prompts)]
        took = time.monotonic() - started
    seconds = [here.seconds(prompt) for prompt in prompts]
    assert tokens == [round(200 * each) + 1 for each in seconds]
    assert took >= max(seconds) * 0.99  # at the least; how much more is the machine's


def test_beyond_the_capacity_it_is_busy_and_says_when_to_come_back():
    with serving("--latency", 1.5, "--sigma", 0, "--capacity", 4) as url:
        said = ask(url, *map(str, range(10)))
        stats = look(url)
    assert Counter(status for status, _, _ in said) == {200: 4, 429: 6}
    assert {headers["Retry-After"] for status, headers, _ in said if status == 429} == {"1"}
    assert stats["most_in_flight"] == 4 and stats["outcomes"] == {"ok": 4, "busy": 6}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_goes_wrong(fault):
    with serving("--fault", f"{fault}=1") as url:
        (said,) = ask(url, "a", seconds=1 if fault == "hang" else 10)
        deadline = time.monotonic() + 10
        while (stats := look(url))["in_flight"] and time.monotonic() < deadline:
            time.sleep(0.02)
    assert stats["outcomes"] == {fault: 1} and stats["prompts_paid"] == 0
    assert stats["in_flight"] == 0  # of one that hangs too, once its client has left
    match fault:
        case "500" | "429":
            assert said[0] == int(fault)
        case "reset":
            assert said in ("ClientOSError", "ConnectionResetError")
        case "hang":
            assert said == "TimeoutError"
        case "cut":
            assert said == "ClientPayloadError"
        case "malformed":
            with pytest.raises(ValueError):
                body_of(said)
        case "empty" | "null":
            assert not body_of(said)["choices"][0]["message"]["content"]


def test_faults_are_drawn_from_prompt_and_attempt():
    prompts = [f"prompt {i}" for i in range(200)]
    runs = []
    for _ in range(2):
        with serving("--fault", "500=0.3", "--fault", "empty=0.2") as url:
            runs.append([[said[0] for said in ask(url, *prompts)] for _ in range(2)])
    assert runs[0] == runs[1]  # the same in every run
    assert runs[0][0] != runs[0][1]  # another attempt, another lot
    assert 30 <= runs[0][0].count(500) <= 90


def test_the_log_holds_every_call_once(tmp_path):
    log = tmp_path / "calls.jsonl"
    with serving("--log", log, "--fault", "500=0.5") as url:
        ask(url, *map(str, range(20)), n=2)
        assert look(url, "/stats?flush=1")["calls"] == 20
        assert len(log.read_text().splitlines()) == 20
        ask(url, "0")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == 21
    assert set(lines[0]) == {"came", "went", "sha", "attempt", "outcome", "n", "tokens"}
    assert {line["sha"] for line in lines} == {sha256(str(i).encode()).hexdigest() for i in range(20)}
    assert (lines[-1]["sha"], lines[-1]["attempt"]) == (sha256(b"0").hexdigest(), 1)
    assert all(line["tokens"] == (64 * line["n"] if line["outcome"] == "ok" else 0) for line in lines)


def test_an_answer_nobody_hears_is_paid_all_the_same():
    with serving("--latency", 1.5, "--sigma", 0) as url:
        assert ask(url, "a", seconds=0.7) == ["TimeoutError"]
        deadline = time.monotonic() + 10
        while (stats := look(url))["in_flight"] and time.monotonic() < deadline:
            time.sleep(0.02)
    assert (stats["prompts_paid"], stats["unheard"]) == (1, 1)


def test_what_it_cannot_read_is_a_400():
    with serving() as url:
        ((status, _, text),) = ask(url, "a", messages=[{"role": "user"}])
        assert look(url)["calls"] == 0
    assert status == 400 and "content" in text
