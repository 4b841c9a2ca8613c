"""Providers through their real clients: each against a server of our own that speaks its protocol."""

import asyncio
import socket

import anthropic_loopback
import loopback
import ollama_loopback
import pytest

from builder.config import TeacherConfig
from builder.errors import InputError, TeacherError
from builder.ledger import Answer
from builder.providers import PROVIDERS
from builder.teacher import Fault, make

KEY = "sk-do-not-write-me-down-0123456789"
SERVERS = {"anthropic": anthropic_loopback, "ollama": ollama_loopback}
ANSWERED = {"length", "no_usage", "bad_usage"}
FAULTS = {
    "400": ("http 400", False),
    "429": ("http 429", True),
    "500": ("http 500", True),
    "503": ("http 503", True),
    "529": ("http 529", True),
    "reset": ("connection", True),
    "cut": ("connection", True),
    "hang": ("timeout", True),
    "empty": ("empty", True),
    "null": ("empty", True),
    "blank": ("empty", True),
    "malformed": ("malformed", True),
    "html": ("malformed", True),
    "surrogate": ("malformed", True),
}

both = pytest.mark.parametrize("provider", SERVERS)


@pytest.fixture(autouse=True)
def _a_key(monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)


def teacher(here, provider, **settings):
    settings = {"model": "loopback", "key_env": "MY_KEY", "timeout": 20} | settings
    return make(TeacherConfig(provider=provider, url=here.url, **settings))


def ask(teacher, *messages):
    """Ask once; a text is the user's."""
    messages = [said if isinstance(said, dict) else {"role": "user", "content": said} for said in messages or ("Hi",)]

    async def once():
        await teacher.open()
        try:
            return (await teacher.ask(messages, [0])).answers[0]
        finally:
            await teacher.close()

    return asyncio.run(once())


@both
def test_an_answer_comes_with_how_it_ended_and_what_it_cost(provider):
    with SERVERS[provider].server(key=KEY) as here:
        answer = ask(teacher(here, provider), "Name three fruits.")
        text = here.text([{"role": "user", "content": "Name three fruits."}])
    assert answer == Answer(text, "stop", 3, len(text.split()))
    assert here.complaints == [] and here.calls == 1


@both
def test_what_is_sent_is_what_the_recipe_says_and_nothing_else(provider):
    turns = [("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "c")]
    messages = [{"role": role, "content": content} for role, content in turns]
    settings = {"temperature": 0.3, "max_tokens": 5, "stop": "END"}
    with SERVERS[provider].server(key=KEY) as here:
        answer = ask(teacher(here, provider, **settings), *messages)
        ask(teacher(here, provider, max_tokens=7), *messages)
    assert (answer.finish_reason, answer.output_tokens) == ("length", 5)
    assert here.complaints == []
    bodies = [entry["body"] for entry in here.log]
    if provider == "anthropic":
        plain = {"model": "loopback", "max_tokens": 7, "system": "Be brief.", "messages": messages[1:]}
        assert bodies == [plain | {"max_tokens": 5, "temperature": 0.3, "stop_sequences": ["END"]}, plain]
    else:
        plain = {"model": "loopback", "messages": messages, "stream": False, "tools": []}
        options = {"num_predict": 5, "temperature": 0.3, "stop": ["END"]}
        assert bodies == [plain | {"options": options}, plain | {"options": {"num_predict": 7}}]


@both
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_is_one_call(provider, fault):
    kind, retry = FAULTS[fault]
    faulty = SERVERS[provider].server(key=KEY, behave=lambda prompt, attempt: fault)
    with faulty as here, pytest.raises(Fault) as caught:
        ask(teacher(here, provider, timeout=0.5 if fault == "hang" else 20))
    assert (caught.value.kind, caught.value.retry, caught.value.fatal) == (kind, retry, False)
    assert here.calls == 1 and here.complaints == []
    assert KEY not in str(caught.value)


@both
@pytest.mark.parametrize("fault", sorted(ANSWERED))
def test_an_odd_answer_is_an_answer(provider, fault):
    with SERVERS[provider].server(key=KEY, behave=lambda prompt, attempt: fault) as here:
        answer = ask(teacher(here, provider))
    assert answer.text and answer.finish_reason == ("length" if fault == "length" else "stop")
    assert (answer.output_tokens is None) == (fault != "length")


@both
def test_a_withheld_answer_is_an_answer_without_text(provider):
    with SERVERS[provider].server(key=KEY, behave=lambda prompt, attempt: "content_filter") as here:
        answer = ask(teacher(here, provider))
    assert answer.text is None and answer.finish_reason in ("refusal", "content_filter")


@both
def test_a_key_refused_and_a_model_nobody_knows_are_fatal(provider, monkeypatch):
    with SERVERS[provider].server(key=KEY) as here:
        with pytest.raises(Fault, match=r"http 404.*nobody") as unknown:
            ask(teacher(here, provider, model="nobody"))
        monkeypatch.setenv("MY_KEY", "sk-old")
        with pytest.raises(Fault, match="http 401") as refused:
            ask(teacher(here, provider))
    assert unknown.value.fatal and refused.value.fatal
    assert "sk-old" not in str(refused.value)


def test_anthropics_retry_after_is_read():
    overloaded = anthropic_loopback.server(behave=lambda prompt, attempt: "529", retry_after="7")
    with overloaded as here, pytest.raises(Fault) as caught:
        ask(teacher(here, "anthropic"))
    assert caught.value.wait == 7 and caught.value.turned_away


def test_anthropics_thoughts_are_no_part_of_the_text():
    with anthropic_loopback.server(behave=lambda prompt, attempt: "thought") as here:
        answer = ask(teacher(here, "anthropic", extra={"extra_body": {"thinking": {"type": "adaptive"}}}))
        assert here.log[0]["body"]["thinking"] == {"type": "adaptive"}
    assert answer.reasoning == "Let me see." and "Let me" not in answer.text


def test_ollamas_own_options_stand_beside_ours():
    with ollama_loopback.server() as here:
        ask(teacher(here, "ollama", extra={"options": {"num_ctx": 8192}}, max_tokens=9))
    assert here.log[0]["body"]["options"] == {"num_predict": 9, "num_ctx": 8192}


@both
@pytest.mark.parametrize("extra", [{"colour": "red"}, {"base_url": "http://127.0.0.1:9"}, {"host": "127.0.0.1:9"}])
def test_an_argument_the_class_does_not_take_is_refused_before_any_call(provider, extra):
    with SERVERS[provider].server() as here, pytest.raises(InputError, match=rf"takes no `extra\.{next(iter(extra))}`"):
        ask(teacher(here, provider, extra=extra))
    assert here.calls == 0


@both
def test_the_environment_neither_moves_the_server_nor_brings_a_key(provider, monkeypatch):
    with SERVERS[provider].server() as here, SERVERS[provider].server() as elsewhere:
        for name in ("ANTHROPIC_BASE_URL", "OLLAMA_HOST"):
            monkeypatch.setenv(name, elsewhere.url)
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OLLAMA_API_KEY"):
            monkeypatch.setenv(name, "sk-other")
        ask(teacher(here, provider))
        assert {entry["authorization"] for entry in here.log} == {f"Bearer {KEY}"}
        home = make(TeacherConfig(provider=provider, model="m"))
        asyncio.run(home.open())
        assert elsewhere.calls == 0 and elsewhere.url not in str(home._llm._aclient._client.base_url)
        asyncio.run(home.close())


@both
def test_a_server_that_is_not_there_is_a_fault_of_the_connection(provider):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises((Fault, TeacherError), match=r"connection|does not answer"):
        ask(make(TeacherConfig(provider=provider, url=url, model="m", key_env="MY_KEY")))


@pytest.mark.parametrize("provider", [name for name, how in PROVIDERS.items() if how.url is not None])
def test_a_provider_that_speaks_openais_protocol_is_asked_directly(provider):
    with loopback.server(key=KEY) as here:
        answer = ask(teacher(here, provider, max_tokens=3))
        assert here.log[0]["authorization"] == f"Bearer {KEY}"
    assert (answer.finish_reason, answer.output_tokens) == ("length", 3)
    assert here.complaints == []
