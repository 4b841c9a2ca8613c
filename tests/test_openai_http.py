"""OpenAI's protocol as we speak it: what is sent, and what of a reply is kept. Faults are met in test_teacher."""

import json

import loopback
import pytest
from asking import ask, ask_all, asking, prompts, teacher
from hypothesis import given
from hypothesis import strategies as st

from builder.config import TeacherConfig
from builder.errors import InputError
from builder.ledger import Answer
from builder.teacher import Fault, gate, make, replies

CHAT = [{"role": role, "content": text} for role, text in (("system", "Be kind."), ("user", "Hi"))]


def test_a_base_model_is_sent_a_transcript_to_continue_and_stops_before_the_next_turn(ledger):
    with loopback.server() as here:
        asked = teacher(here, endpoint="completions")
        results, _ = ask_all([gate.request(asked, CHAT, 0)], ledger)
        sent = here.log[0]["body"]
    (answer,) = results.values()
    assert sent["prompt"] == "Be kind.\n\n### Instruction:\nHi\n\n### Response:"
    assert sent["stop"] == ["\n### "] and "messages" not in sent
    assert answer.text == here.text([{"role": "user", "content": sent["prompt"]}]), "without the space it began with"
    assert here.complaints == []


def test_what_stands_in_stop_goes_before_the_transcripts_own(ledger):
    with loopback.server() as here:
        ask(teacher(here, endpoint="completions", stop="END"), ["Hi"], ledger)
    assert here.log[0]["body"]["stop"] == "END"


def test_samples_of_one_prompt_can_share_a_call_and_are_the_same_keys_as_single_ones(ledger):
    with loopback.server() as here:
        asked = teacher(here, n_per_call=4)
        answers, _ = ask(asked, prompts(3), ledger, draws=6, per_call=4)
        assert [entry["body"].get("n") for entry in here.log].count(4) == 3 and here.calls == 6
        again, replayed = ask(asked, prompts(3), ledger, draws=6)
        assert (again, replayed, here.calls) == (answers, 18, 6)
    assert len({answer.text for answer in answers}) > 6
    assert ledger.attempts() == {"answered": 6}, "a call is one request, however many answers it brings"
    paid = ledger.db.execute("SELECT sum(input_tokens), sum(output_tokens) FROM attempts").fetchone()
    assert paid == (6 * 5, sum(len(answer.text.split()) for answer in answers)), "the prompt is billed once a call"


def test_answers_that_come_short_are_asked_for_again_and_nothing_twice(ledger):
    with loopback.server(behave=lambda prompt, attempt: "short" if attempt < 2 else None) as here:
        answers, _ = ask(teacher(here, n_per_call=8), ["Hi"], ledger, draws=8, per_call=8)
        assert [entry["body"].get("n", 1) for entry in here.log] == [8, 4, 2]
    assert all(isinstance(answer, Answer) for answer in answers)


def test_where_no_more_answers_come_only_the_missing_draws_fail(ledger):
    with loopback.server(behave=lambda prompt, attempt: "short" if attempt < 2 else "empty") as here:
        results, _ = ask(teacher(here, n_per_call=4, retries=1), ["Hi"], ledger, draws=4, per_call=4)
    assert [isinstance(result, Answer) for result in results] == [True, True, True, False]
    assert results[3].kind == "empty"


def test_each_draw_has_a_seed_of_its_own(ledger):
    with loopback.server() as here:
        ask(teacher(here, seed=40), ["Hi"], ledger, draws=3)
    assert sorted(entry["body"]["seed"] for entry in here.log) == [40, 41, 42]


def test_openai_itself_is_sent_the_newer_name_of_max_tokens_and_no_other_server():
    def sent(**where):
        return make(TeacherConfig(model="m", **where)).body([{"role": "user", "content": "Hi"}], [0])

    assert "max_completion_tokens" in sent(provider="openai") and "max_tokens" not in sent(provider="openai")
    assert sent(provider="together")["max_tokens"] == sent(url="http://h/v1")["max_tokens"] == 1024
    assert "temperature" not in sent(url="http://h/v1"), "what the recipe does not say is left to the server"


def test_an_alias_keeps_the_answers_of_a_server_that_moves(ledger):
    with loopback.server() as here:
        first, _ = ask(teacher(here, alias="our-vllm"), prompts(3), ledger)
    with loopback.server(seed=1) as moved:
        second, replayed = ask(teacher(moved, alias="our-vllm"), prompts(3), ledger)
        assert moved.calls == 0
    assert (second, replayed) == (first, 3)
    one, other = (TeacherConfig(url=f"http://{h}/v1", model="m", alias="our-vllm").identity() for h in "ab")
    assert one == other


def test_reasoning_cached_tokens_and_the_snapshot_that_answered_are_kept(ledger):
    with loopback.server(reasoning="Let me think.", cached=2, snapshot="loopback-2026-11-01") as here:
        (answer,), _ = ask(teacher(here), ["Tell me more"], ledger)
    assert (answer.reasoning, answer.cached_tokens, answer.served_by) == ("Let me think.", 2, "loopback-2026-11-01")


SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}


def test_a_json_schema_is_sent_and_every_answer_held_against_it(ledger):
    said = {0: '{"age": "seven"}', 1: "Seven.", 2: '{"age": 7}'}
    attempts = iter(said.values())
    with loopback.server(answer=lambda messages, rng: next(attempts)) as here:
        (answer,), _ = ask(teacher(here, SCHEMA), ["How old?"], ledger)
        wanted = here.log[0]["body"]["response_format"]
    assert wanted["json_schema"]["schema"] == SCHEMA and here.complaints == []
    assert json.loads(answer.text) == {"age": 7}
    assert ledger.attempts() == {"not the schema": 2, "answered": 1}
    key = gate.request(teacher(here), CHAT, 0).key
    assert gate.request(teacher(here, SCHEMA), CHAT, 0).key != key


def test_an_answer_that_never_fits_the_schema_is_one_fault(ledger):
    said = {"bad": "7", "good": '{"age": 1}'}
    with loopback.server(answer=lambda messages, rng: said[messages[-1]["content"]]) as here:
        results, _ = ask(teacher(here, SCHEMA, retries=1), ["bad", "good"], ledger)
    assert results[0].kind == "not the schema" and "object" in results[0].detail
    assert isinstance(results[1], Answer)


def test_a_provider_without_json_schema_says_so_before_anything_is_asked():
    with pytest.raises(InputError, match="takes no json_schema"):
        make(TeacherConfig(provider="anthropic", model="m"), SCHEMA)


def body(**parts):
    choice = {"index": 0, "message": {"role": "assistant", "content": "so"}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice | parts]}).encode()


def test_all_of_max_tokens_spent_on_reasoning_is_no_reason_to_pay_again():
    message = {"role": "assistant", "content": None, "reasoning_content": "so many"}
    (answer,), _ = replies.completion(body(message=message, finish_reason="length"), "m")
    assert (answer.text, answer.finish_reason, answer.reasoning) == (None, "length", "so many")


def test_a_refusal_is_an_answer_without_a_text():
    (answer,), _ = replies.completion(body(message={"content": None, "refusal": "I cannot."}), "m")
    assert (answer.text, answer.finish_reason) == (None, "refusal")


def test_a_text_in_parts_is_put_together():
    parts = [{"type": "text", "text": "Ap"}, {"type": "image_url"}, {"type": "text", "text": "ple"}]
    assert replies.completion(body(message={"content": parts}), "m").answers[0].text == "Apple"


KEYS = ["choices", "message", "content", "text", "finish_reason", "usage", "prompt_tokens", "model", "refusal", "type"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(JSON | st.fixed_dictionaries({"choices": st.lists(JSON, max_size=2)}))
def test_whatever_json_a_server_sends_is_answers_or_a_fault(value):
    try:
        answers = replies.completion(json.dumps(value).encode(), "m").answers
    except Fault as fault:
        assert fault.kind in ("malformed", "empty") and fault.retry
    else:
        assert answers and all(answer.text is None or answer.text.strip() for answer in answers)


@given(st.binary(max_size=60))
def test_whatever_bytes_a_server_sends_are_a_fault(raw):
    with pytest.raises(Fault, match="malformed"):
        replies.completion(raw, "m")


@pytest.mark.parametrize("code", ["insufficient_quota", "billing_hard_limit_reached"])
def test_an_account_that_is_paid_out_stops_instead_of_waiting(code):
    assert replies.http_fault(429, {}, f"You exceeded your quota ({code})", "").fatal
    assert not replies.http_fault(429, {}, "slow down (rate_limit_exceeded)", "").fatal


def test_requests_of_one_prompt_can_be_cut_down_to_some_draws(ledger):
    with loopback.server() as here:
        (whole,) = asking(teacher(here, n_per_call=3), ["Hi"], draws=3, per_call=3)
    part = whole.only([whole.keys[2], whole.keys[0]])
    assert part.draws == (0, 2) and part.keys == (whole.keys[0], whole.keys[2])
    assert [json.loads(sent)["draw"] for sent in part.sent] == [0, 2]


def choices(*more, **parts):
    return json.dumps({"choices": [*more], "usage": {"prompt_tokens": 7, "completion_tokens": 9}, **parts}).encode()


GOOD = {"index": 0, "message": {"role": "assistant", "content": "so"}, "finish_reason": "stop"}


@pytest.mark.parametrize("bad", [{}, {"message": "what"}, None, 5, {"message": {"content": None}}])
def test_one_bad_choice_does_not_throw_the_good_ones_away(bad):
    reply = replies.completion(choices(GOOD, bad, GOOD), "m")
    assert [answer.text for answer in reply.answers] == ["so", "so"] and reply.usage.output_tokens == 9


@pytest.mark.parametrize("raw", [choices(choices=None), choices(), choices({"message": "what"})])
def test_what_a_useless_body_used_is_counted_all_the_same(raw):
    with pytest.raises(Fault, match="malformed") as caught:
        replies.completion(raw, "m")
    assert (caught.value.usage.input_tokens, caught.value.usage.output_tokens) == (7, 9)


def test_a_finish_reason_that_is_no_text_and_counts_that_are_none_break_nothing():
    said = {"prompt_tokens": 2**63 - 1, "completion_tokens": 12.0}
    (answer,), usage = replies.completion(choices(GOOD | {"finish_reason": "\ud800"}, usage=said), "m")
    assert (answer.finish_reason, usage.input_tokens, usage.output_tokens) == (None, None, 12)


def test_a_server_that_ignores_n_is_asked_until_it_has_said_enough(ledger):
    with loopback.server() as here:
        one = lambda self, body, fault: completion(self, body | {"n": 1}, fault)  # noqa: E731
        completion = loopback.Handler._completion
        loopback.Handler._completion = one
        try:
            answers, _ = ask(teacher(here, n_per_call=8, retries=1), ["Hi"], ledger, draws=8, per_call=8)
        finally:
            loopback.Handler._completion = completion
        assert here.calls == 8 and all(isinstance(answer, Answer) for answer in answers)
