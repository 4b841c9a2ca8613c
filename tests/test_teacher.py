"""The gate and the teachers: every call through distilabel's real client against a server of our own, every fault met.

What is held: one failed call costs one row; nothing is asked twice; a key is never sent to a stranger nor written down.
"""

import socket
import sys
import time

import loopback
import pytest
from asking import ask, ask_all, asking, prompts, teacher

from builder.config import TeacherConfig
from builder.errors import BuilderError, InputError, TeacherError
from builder.ledger import Answer, Ledger
from builder.teacher import Fault, gate, make, patience, replies
from builder.teacher.asking import Asking
from builder.teacher.embedded import EmbeddedTeacher
from builder.teacher.keys import find_key

KEY = "sk-do-not-write-me-down-0123456789"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(patience, "_FIRST_WAIT", 0.01)


def test_answers_come_back_with_how_they_ended_and_what_they_cost(ledger):
    with loopback.server() as here:
        (answer,), replayed = ask(teacher(here), ["Name three fruits."], ledger)
    text = here.text([{"role": "user", "content": "Name three fruits."}])
    assert answer == Answer(text, "stop", 3, len(text.split()))
    assert replayed == 0
    assert ledger.attempts() == {"answered": 1}
    assert here.complaints == []


def test_what_is_sent_is_what_the_recipe_says(ledger):
    settings = {"temperature": 0.3, "top_p": 0.9, "max_tokens": 3, "stop": ["END"], "frequency_penalty": 0.5}
    with loopback.server() as here:
        (answer,), _ = ask(teacher(here, **settings, extra={"logprobs": True, "top_logprobs": 2}), ["Hi"], ledger)
        sent = here.log[0]["body"]
    assert {name: sent[name] for name in settings} == settings
    assert (sent["model"], sent["logprobs"], sent["top_logprobs"]) == ("loopback", True, 2) and "n" not in sent
    assert sent["messages"] == [{"role": "user", "content": "Hi"}]
    assert (answer.finish_reason, answer.output_tokens) == ("length", 3)
    assert here.complaints == []


def test_a_whole_conversation_is_sent_turn_by_turn(ledger):
    turns = [("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c")]
    messages = [{"role": role, "content": content} for role, content in turns]
    with loopback.server() as here:
        asked = teacher(here)
        ask_all([gate.request(asked, messages, 0)], ledger)
        assert here.log[0]["body"]["messages"] == messages


def test_the_same_requests_a_second_time_make_no_call(ledger):
    with loopback.server() as here:
        first, _ = ask(teacher(here), prompts(20), ledger, draws=2)
        assert here.calls == 40
    # the server is gone: what is in the ledger needs none
    again, replayed = ask(teacher(here), prompts(20), ledger, draws=2)
    assert (again, replayed) == (first, 40)


def test_a_request_that_stands_twice_is_asked_once(ledger):
    with loopback.server() as here:
        (one, other), _ = ask(teacher(here), ["Hi", "Hi"], ledger)
    assert one == other and here.calls == 1


def test_answers_do_not_depend_on_the_order_in_which_they_come(tmp_path):
    held = []
    for order, latency in ((1, 0.004), (-1, 0.0)):
        with loopback.server(latency=latency, sigma=1.5) as here, Ledger(tmp_path / f"{order}.db") as ledger:
            results, _ = ask(teacher(here), prompts(60)[::order], ledger)
            held.append(results[::order])
    assert held[0] == held[1]


def test_so_many_calls_are_in_flight_as_the_recipe_allows_and_never_more(ledger):
    with loopback.server(latency=0.05, sigma=0.3) as here:
        ask(teacher(here, concurrency=12), prompts(60), ledger)
        assert here.most_in_flight == 12
    with loopback.server(latency=0.01) as here:
        ask(teacher(here, concurrency=1), prompts(5), ledger)
        assert here.most_in_flight == 1


def test_no_barrier_a_slow_call_holds_nobody_up(ledger):
    with loopback.server(behave=lambda prompt, attempt: "hang" if prompt == "slow" else None, latency=0.01) as here:
        started = time.perf_counter()
        results, _ = ask(teacher(here, concurrency=2, timeout=1.5, retries=0), ["slow", *prompts(40)], ledger)
        assert time.perf_counter() - started < 3
    assert isinstance(results[0], Fault) and all(isinstance(result, Answer) for result in results[1:])


FAULTS = {
    "500": ("http 500", 3),
    "503": ("http 503", 3),
    "429": ("http 429", 3),
    "400": ("http 400", 1),
    "reset": ("connection", 3),
    "cut": ("connection", 3),
    "hang": ("timeout", 3),
    "empty": ("empty", 3),
    "null": ("empty", 3),
    "blank": ("empty", 3),
    "malformed": ("malformed", 3),
    "html": ("malformed", 3),
    "no_choices": ("malformed", 3),
    "surrogate": ("malformed", 3),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_failed_call_costs_one_row_after_its_retries(fault, ledger):
    kind, attempts = FAULTS[fault]
    with loopback.server(behave=lambda prompt, attempt: fault if prompt == "bad" else None) as here:
        results, _ = ask(teacher(here, timeout=0.4 if fault == "hang" else 20), ["bad", *prompts(9)], ledger)
        assert here.asked["bad"] == attempts
        assert isinstance(results[0], Fault) and results[0].kind == kind, results[0]
        assert all(isinstance(result, Answer) for result in results[1:])
        assert ledger.attempts() == {"answered": 9, kind: attempts}
        here.behave, here.log = None, []
        (mended, *others), replayed = ask(teacher(here), ["bad", *prompts(9)], ledger)
        assert isinstance(mended, Answer) and others == results[1:]
        assert replayed == 9 and list(here.asked.elements()) == ["bad"]


@pytest.mark.parametrize("fault", [f for f, (_, attempts) in FAULTS.items() if attempts > 1])
def test_a_fault_that_passes_costs_one_attempt_and_no_row(fault, ledger):
    with loopback.server(fail_first=1, fail_with=fault) as here:
        results, _ = ask(teacher(here, timeout=0.4 if fault == "hang" else 20), prompts(3), ledger)
        assert all(isinstance(result, Answer) for result in results), results
        assert set(here.asked.values()) == {2}
        assert set(here.paid.values()) == {1}
    assert ledger.attempts()["answered"] == 3


def test_a_run_through_all_faults_at_once_pays_every_prompt_once(ledger):
    faults = {"500": 0.06, "429": 0.06, "reset": 0.04, "malformed": 0.03, "empty": 0.03, "null": 0.03, "cut": 0.02}
    with loopback.server(faults=faults, retry_after="0.01", seed=3) as here:
        results, _ = ask(teacher(here, retries=6, concurrency=32), prompts(200), ledger)
        assert all(isinstance(result, Answer) for result in results)
        assert set(here.paid.values()) == {1} and len(here.paid) == 200
        assert here.complaints == []
        assert sum(ledger.attempts().values()) == here.calls


def test_an_answer_cut_off_is_known_as_such(ledger):
    with loopback.server(behave=lambda prompt, attempt: "length") as here:
        (answer,), _ = ask(teacher(here), ["Hi"], ledger)
    assert answer.finish_reason == "length"


@pytest.mark.parametrize("fault", ["no_usage", "bad_usage"])
def test_counts_that_are_no_counts_are_left_out(fault, ledger):
    with loopback.server(behave=lambda prompt, attempt: fault) as here:
        (answer,), _ = ask(teacher(here), ["Hi"], ledger)
    assert (answer.input_tokens, answer.output_tokens) == (None, None)
    assert answer.text and answer.finish_reason == "stop"


@pytest.mark.parametrize(("said", "least"), [("0.4", 0.4), ("nan", 0), ("-5", 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)])
def test_retry_after_is_obeyed_where_it_is_a_number_of_seconds(said, least, ledger):
    with loopback.server(fail_first=1, fail_with="429", retry_after=said) as here:
        started = time.perf_counter()
        (answer,), _ = ask(teacher(here), ["Hi"], ledger)
        took = time.perf_counter() - started
    assert isinstance(answer, Answer)
    assert least <= took


def test_the_wait_is_the_servers_where_it_is_longer_than_ours_and_is_bounded(ledger, monkeypatch):
    waits = []

    async def sleep(self, seconds):
        waits.append(seconds)

    monkeypatch.setattr(Asking, "sleep", sleep)

    class Busy(EmbeddedTeacher):
        async def ask(self, messages, draws):
            raise Fault("http 429", "busy", retry=True, wait=wait)

    for wait in (0.0, 60.0, 86400.0):
        asked = Busy(TeacherConfig(provider="embedded", retries=1))
        with pytest.raises(TeacherError):
            ask_all([gate.request(asked, [{"role": "user", "content": str(wait)}], 0)], ledger)
    assert waits[0] < 0.1 and waits[1:] == [60.0], "nobody waits for a day: the build stops and says so"


@pytest.mark.parametrize("status", ["401", "403", "404"])
def test_a_refusal_of_everything_stops_at_once_and_keeps_what_came(status, ledger):
    def behave(prompt, attempt):
        return status if len(here.log) >= 10 else None

    with loopback.server() as here:
        here.behave = behave
        with pytest.raises(TeacherError) as caught:
            ask(teacher(here, concurrency=4), prompts(60), ledger)
        assert here.calls <= 10 + 3 + 2 * 4  # an answer that comes late shows the server to be well
        assert f"http {status}" in str(caught.value)
        assert "10 answers are in" in str(caught.value) and str(ledger.path) in str(caught.value)
        assert "\n" not in str(caught.value)
        here.behave = None
        results, replayed = ask(teacher(here), prompts(60), ledger)
    assert replayed == 10 and all(isinstance(result, Answer) for result in results)
    assert len(here.paid) == 60 and set(here.paid.values()) == {1}


def test_where_no_call_at_all_succeeds_the_teacher_is_at_fault_and_no_row(ledger):
    with loopback.server(behave=lambda prompt, attempt: "500") as here, pytest.raises(TeacherError, match="http 500"):
        ask(teacher(here, retries=0), prompts(3), ledger)


def test_a_server_that_dies_in_the_middle_stops_the_run_and_keeps_what_came(ledger, monkeypatch):
    monkeypatch.setattr(patience, "_IN_A_ROW", 5)
    with loopback.server() as here:
        here.behave = lambda prompt, attempt: "reset" if len(here.log) >= 20 else None
        with pytest.raises(TeacherError, match="connection"):
            ask(teacher(here, retries=1, concurrency=4), prompts(200), ledger)
        assert here.calls < 60
    assert ledger.attempts()["answered"] == 20


def test_a_server_that_is_not_there_is_one_sentence_before_any_call(ledger):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(TeacherError) as caught:
        ask(make(TeacherConfig(url=url, model="m")), prompts(3), ledger)
    assert url in str(caught.value) and "nothing was asked" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert ledger.attempts() == {}


def test_a_server_that_hangs_from_the_start_is_told_within_the_timeout(ledger):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"
        with pytest.raises(TeacherError, match="does not answer"):
            ask(make(TeacherConfig(url=url, model="m", timeout=0.3)), prompts(3), ledger)
    assert ledger.attempts() == {}


def test_a_server_without_a_list_of_models_is_asked_all_the_same(ledger):
    with loopback.server() as here:
        here.url += "/"
        (answer,), _ = ask(teacher(here), ["Hi"], ledger)
    assert isinstance(answer, Answer)


def test_a_model_nobody_knows_stops_at_the_first_call(ledger):
    with loopback.server() as here, pytest.raises(TeacherError, match=r"http 404.*does not exist"):
        ask(make(TeacherConfig(url=here.url, model="nobody", concurrency=1)), prompts(30), ledger)
    assert len(here.complaints) == 1


@pytest.mark.parametrize("provider", ["openai", "anthropic", "together", "azure", "groq", "mistral", "cohere", "hf"])
def test_a_key_that_is_not_exported_is_an_input_error_before_anything(provider, ledger):
    with pytest.raises(InputError) as caught:
        ask(make(TeacherConfig(provider=provider, model="m")), prompts(1), ledger)
    assert "no key found in $" in str(caught.value) and "export " in str(caught.value)
    assert ledger.attempts() == {}


@pytest.mark.parametrize("key", ["sk-bäd", "sk-b\nad"])
def test_a_key_that_is_none_is_not_repeated(key, ledger, monkeypatch):
    monkeypatch.setenv("MY_KEY", key)
    with pytest.raises(InputError) as caught, loopback.server() as here:
        ask(teacher(here, key_env="MY_KEY"), prompts(1), ledger)
    assert "no key" in str(caught.value) and key not in str(caught.value)


def test_a_client_that_is_not_installed_names_its_extra(ledger, monkeypatch):
    monkeypatch.setitem(sys.modules, "ollama", None)
    with pytest.raises(InputError, match=r"pip install 'instruct-builder\[ollama\]'"):
        ask(make(TeacherConfig(provider="ollama", model="m")), prompts(1), ledger)


def test_a_client_that_cannot_be_set_up_is_one_sentence(ledger, monkeypatch, tmp_path):
    monkeypatch.setenv("MY_KEY", KEY)
    for settings in ({"provider": "llamacpp", "model": "no/such/file"}, {"provider": "vllm-server", "model": "m"}):
        url = {"url": "http://127.0.0.1:9/v1"} if settings["provider"] == "vllm-server" else {}
        with pytest.raises(TeacherError, match="cannot be set up; nothing was asked") as caught:
            ask(make(TeacherConfig(**settings, **url)), prompts(1), ledger)
        assert "\n" not in str(caught.value) and KEY not in str(caught.value)
    assert ledger.attempts() == {}


@pytest.mark.parametrize("extra", [{"colour": "red"}, {"max_new_tokenz": 3}, {"top_logprobs": 3}])
def test_an_argument_the_server_does_not_take_stops_the_run_instead_of_failing_every_row(extra, ledger):
    with loopback.server() as here, pytest.raises(TeacherError, match=rf"http 400.*{next(iter(extra))}"):
        ask(teacher(here, extra=extra, concurrency=1), prompts(90), ledger)
    assert here.calls == 0 and sum(ledger.attempts().values()) <= 22


def test_an_argument_distilabels_class_does_not_take_is_refused_before_any_call(ledger, monkeypatch):
    class Client:
        model_fields = ()

        def load(self):
            pass

        async def agenerate(self, input, num_generations=1, max_new_tokens=128):
            raise AssertionError("nothing may be asked")

    monkeypatch.setattr("builder.teacher.distilabel_llms._make_llm", lambda *_: Client())
    settings = {"provider": "ollama", "model": "m", "temperature": 0.5, "extra": {"colour": "red"}}
    with pytest.raises(InputError) as caught:
        ask(make(TeacherConfig(**settings)), prompts(3), ledger)
    assert "takes no `extra.colour`" in str(caught.value) and "takes no `temperature`" in str(caught.value)
    assert ledger.attempts() == {}


def test_an_answer_the_provider_withholds_is_known_for_good_and_not_asked_for_again(ledger):
    with loopback.server(behave=lambda prompt, attempt: "content_filter" if prompt == "bad" else None) as here:
        (withheld, _), _ = ask(teacher(here), ["bad", "good"], ledger)
        _, replayed = ask(teacher(here), ["bad", "good"], ledger)
        assert here.calls == 2 and replayed == 2
    assert (withheld.text, withheld.finish_reason) == (None, "content_filter")


def bytes_of(folder):
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_the_key_is_sent_and_never_written_even_where_the_server_repeats_it(ledger, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY + "\n")  # as `export MY_KEY=$(cat file)` may leave it
    faults = {"500": 0.2, "400": 0.2}
    with loopback.server(key=KEY, faults=faults) as here:
        results, _ = ask(teacher(here, key_env="MY_KEY", retries=0), prompts(40), ledger)
        assert {entry["authorization"] for entry in here.log} == {f"Bearer {KEY}"}
        here.behave = lambda prompt, attempt: "401"
        with pytest.raises(TeacherError) as caught:
            ask(teacher(here, key_env="MY_KEY", retries=0), ["one more"], ledger)
    faults = [result for result in results if isinstance(result, Fault)]
    assert len(faults) > 5 and all("Bearer ***" in fault.detail for fault in faults)
    assert KEY not in "".join(map(str, faults)) + str(caught.value)
    ledger.close()
    assert KEY.encode() not in bytes_of(tmp_path)


def test_a_key_the_server_refuses_stops_before_anything_is_asked(ledger, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sk-old")
    with loopback.server(key=KEY) as here, pytest.raises(TeacherError) as caught:
        ask(teacher(here, key_env="MY_KEY"), prompts(3), ledger)
    assert "refuses the key (HTTP 401)" in str(caught.value) and "sk-old" not in str(caught.value)
    assert here.calls == 0


def test_the_openai_key_goes_to_this_machine_but_to_no_strange_server(ledger, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with loopback.server() as here:
        ask(teacher(here), ["Hi"], ledger)
        assert here.log[0]["authorization"] == f"Bearer {KEY}"
        stranger = make(TeacherConfig(url="http://stranger.example/v1", model="m"))
        assert find_key(stranger.config, "x") == "not-needed"
        other = TeacherConfig(provider="openai", url="http://x.example/v1", model="m")
        assert find_key(other, "x") == "not-needed"
        named = make(TeacherConfig(url="http://stranger.example/v1", model="m", key_env="OPENAI_API_KEY"))
        assert find_key(named.config, "x") == KEY


def test_the_environment_does_not_move_the_server(ledger, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://stranger.example/v1")
    assert make(TeacherConfig(provider="openai", model="m")).url == "https://api.openai.com/v1"


def test_identity_holds_all_that_decides_an_answer_and_nothing_that_does_not():
    def key(**settings):
        asked = make(TeacherConfig(**({"url": "http://h/v1", "model": "m"} | settings)))
        return gate.request(asked, [{"role": "user", "content": "Hi"}], 0).key

    how = {"concurrency": 3, "timeout": 5, "retries": 9, "key_env": "MY_KEY"}
    assert key(**how) == key()
    changes = [{"url": "http://g/v1"}, {"model": "n"}, {"temperature": 0.1}, {"top_p": 0.5}, {"max_tokens": 9}]
    changes += [{"stop": "x"}, {"extra": {"echo": True}}, {"frequency_penalty": 1}, {"presence_penalty": 1}]
    assert len({key(), *(key(**change) for change in changes)}) == 10
    asked = make(TeacherConfig(url="http://h/v1", model="m"))
    assert len({request.key for request in asking(asked, ["a", "b"], draws=3)}) == 6


def test_when_another_process_was_first_its_answer_is_the_one_that_counts(ledger):
    with loopback.server() as here:
        asked = teacher(here)
        (request,) = asking(asked, ["Hi"])

        def behave(prompt, attempt):
            with Ledger(ledger.path) as other:
                other.finish(0, request.key, request.sent[0], Answer("first", "stop"))

        here.behave = behave
        results, _ = ask_all([request], ledger)
    assert results[request.key].text == "first" == ledger.get([request.key])[request.key].text


def test_a_ledger_that_fails_is_one_sentence(ledger):
    class Torn(Ledger):
        def begin(self, keys, teacher=None):
            raise BuilderError("the ledger failed: disk full")

    with Torn(ledger.path) as torn:
        asked = EmbeddedTeacher(TeacherConfig(provider="embedded"))
        with pytest.raises(BuilderError, match="disk full"):
            ask_all(asking(asked, prompts(30)), torn)


def test_the_embedded_teacher_answers_and_refuses_through_the_same_gate(ledger):
    from builder import embedded

    task = next(iter(embedded.tasks(1, seed=3)))
    asked = make(TeacherConfig(provider="embedded"))
    requests = [gate.request(asked, task.messages, 0), *asking(asked, ["Write a poem about the sea."])]
    results, _ = ask_all(requests, ledger)
    answer, refusal = (results[request.key] for request in requests)
    assert answer.text == embedded.answer(task.messages).text and answer.finish_reason == "stop"
    assert refusal.text is None and refusal.finish_reason.startswith("refused: ")
    assert ask_all(requests, ledger)[1].spend["replayed"] == 2


def test_the_embedded_llm_works_inside_a_distilabel_task():
    from distilabel.steps.tasks import TextGeneration

    import builder
    from builder import embedded

    task = TextGeneration(llm=builder.EmbeddedLLM())
    task.load()
    asked = [task for task in embedded.tasks(20, seed=3) if len(task.messages) == 1][:3]
    rows = [{"instruction": one.messages[-1]["content"]} for one in asked]
    rows.append({"instruction": "Write a poem about the sea."})
    outputs = next(task.process(rows))
    assert [row["generation"] for row in outputs[:-1]] == [embedded.answer(one.messages).text for one in asked]
    assert outputs[-1]["generation"] is None
    assert {row["model_name"] for row in outputs} == {"embedded"}


@pytest.mark.parametrize("output", [{}, {"generations": []}, {"generations": None}, {"generations": [["x"]]}])
def test_an_output_without_a_text_is_a_fault(output):
    with pytest.raises(Fault, match="empty"):
        replies.answer(output)
