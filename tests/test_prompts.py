"""Templates: strict, hashed by their text, harmless whoever wrote them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import assets, prompts
from builder.errors import InputError

SHIPPED = assets.names("prompts", ".jinja")


@given(st.text())
def test_the_answer_template_sends_a_prompt_as_it_is(text):
    render, _ = prompts.load("answer", None)
    assert render(text) == text


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_templates_say_the_prompt_and_run_nothing_of_it(name, tmp_path):
    render, hash = prompts.load(name, tmp_path)
    assert "{{ 7 * 7 }} {% raw %}" in render("{{ 7 * 7 }} {% raw %}")
    assert hash.startswith("b2:")


def test_a_template_is_found_from_the_recipes_folder_and_hashed_by_its_text(tmp_path):
    (tmp_path / "short.jinja").write_text("Be short. {{ prompt }}\n")
    render, one = prompts.load("short.jinja", tmp_path)
    assert render("Why?") == "Be short. Why?"
    (tmp_path / "copy.jinja").write_text("Be short. {{ prompt }}\n")
    assert prompts.load("copy.jinja", tmp_path)[1] == one
    (tmp_path / "short.jinja").write_text("Be brief. {{ prompt }}\n")
    assert prompts.load("short.jinja", tmp_path)[1] != one


WRONG = {
    "a syntax error": ("one\n{{ prompt", "t.jinja:2: not a usable template"),
    "an unknown tag": ("{% nonsense %}{{ prompt }}", "t.jinja:1: not a usable template"),
    "an unknown filter": ("{{ prompt | nonsense }}", "No filter named 'nonsense'"),
    "another variable": ("{{ prompt }} {{ persona }}", "'persona' is undefined"),
    "another variable, on a condition": ("{% if prompt %}{{ persona }}{% endif %}", "'persona' is undefined"),
    "no variable": ("Say something.", "it never uses {{ prompt }}"),
    "a blank": ("", "it never uses {{ prompt }}"),
    "a division by zero": ("{{ prompt }}{{ 1 / 0 }}", "division by zero"),
    "a wrong type": ("{{ prompt + 1 }}", "can only concatenate str"),
    "an attribute that is not there": ("{{ prompt.colour }}", "has no attribute 'colour'"),
    "another file": ("{% include '/etc/passwd' %}{{ prompt }}", "not a usable template"),
    "a way out": ("{{ ''.__class__.__mro__[1].__subclasses__() }}{{ prompt }}", "not a usable template"),
    "an endless loop": ("{% for i in range(10**12) %}{{ i }}{% endfor %}{{ prompt }}", "not a usable template"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_template_that_cannot_work_is_refused_before_anything_is_asked(wrong, tmp_path):
    text, says = WRONG[wrong]
    (tmp_path / "t.jinja").write_text(text)
    with pytest.raises(InputError) as caught:
        prompts.load("t.jinja", tmp_path)
    assert says in str(caught.value)


def test_a_template_that_fails_on_one_prompt_only_is_an_input_error_too(tmp_path):
    (tmp_path / "t.jinja").write_text("{{ prompt }}{% if prompt == 'x' %}{{ nope }}{% endif %}")
    render, _ = prompts.load("t.jinja", tmp_path)
    with pytest.raises(InputError, match="nope"):
        render("x")


@pytest.mark.parametrize("name", ["nobody", "../nobody", "", ".", "a\0b", "~nobody-at-all/x", "a" * 5000])
def test_a_template_that_is_not_there_names_those_that_are(name, tmp_path):
    with pytest.raises(InputError) as caught:
        prompts.load(name, tmp_path)
    assert "shipped ones: answer" in str(caught.value)


def test_a_template_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "t.jinja").write_bytes(b"\xff\xfe{{ prompt }}")
    with pytest.raises(InputError, match="cannot read the template"):
        prompts.load("t.jinja", tmp_path)


def user(text):
    return {"role": "user", "content": text}


def test_only_the_last_turn_is_rendered_and_the_row_is_left_alone():
    prompt = [user("Hi"), {"role": "assistant", "content": "Yes?"}, user("Go on")]
    sent = prompts.to_send(prompt, str.upper, None)
    assert [message["content"] for message in sent] == ["Hi", "Yes?", "GO ON"]
    assert prompt[-1]["content"] == "Go on"


def test_a_system_turn_is_sent_only_where_the_prompt_has_none():
    assert prompts.to_send([user("Hi")], str, "Be kind.")[0] == {"role": "system", "content": "Be kind."}
    own = [{"role": "system", "content": "Be curt."}, user("Hi")]
    assert prompts.to_send(own, str, "Be kind.") == own
