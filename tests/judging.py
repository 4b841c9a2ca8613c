"""Judges for tests: they read the prompts they are sent, as a model would, and a text is as good as its stars."""

import re

import polars as pl

from builder import config
from builder.rows import check_laws, content_id, frame, prompt_id
from builder.steps.judge import judge

USER = "Name three fruits."


def shown(messages):
    """The texts a rubric prompt shows, or the two of a comparison."""
    sent = messages[-1]["content"]
    if "<answer_A>" in sent:
        return [re.search(rf"<answer_{side}>\n(.*?)\n</answer_{side}>", sent, re.DOTALL)[1] for side in "AB"]
    return re.findall(r"<text \d> (.*?)(?=\n<text|\n\n### Output)", sent.rpartition("Texts:")[2], re.DOTALL)


def rating(number, score, reason="for its stars"):
    return f"#### Output for Text {number}\nRating: {score}\nRationale: {reason}\n"


def stars(text):
    return min(5, 1 + text.count("★"))


def rates(messages, rng):
    """Rate by stars."""
    return "\n".join(rating(i, stars(text), f"of {text}") for i, text in enumerate(shown(messages), 1))


def prefers(messages, rng):
    """Prefer by stars."""
    first, second = map(stars, shown(messages))
    return f"Stars.\n[[{'C' if first == second else 'A' if first > second else 'B'}]]"


def answered(*responses, user=USER, prompt=None, **others):
    prompt = prompt or [{"role": "user", "content": user}]
    seed = content_id("seed", prompt)
    row = {"seed_id": seed, "parent": seed, "prompt": prompt, "prompt_id": prompt_id(prompt), "source": "s.jsonl:1"}
    row |= {"score": 1.0, "model": "writer"}
    rows = [row | {"id": content_id(seed, i), "response": text} | others for i, text in enumerate(responses)]
    return frame(rows, frame([]).with_columns(score=pl.lit(1.0), model=pl.lit("writer")))


def judging(*judges, **settings):
    return config.JudgeConfig.model_validate({"teacher": list(judges)} | settings)


def at(here, **settings):
    return {"url": here.url, "model": "loopback", "retries": 0, "timeout": 20} | settings


def judged(table, settings, context):
    out = judge(table, settings, context)
    check_laws(table, out, "judge", grows=False)
    return out


def scores(table):
    return dict(zip(table["response"], table["score"], strict=True))


def texts_sent(here):
    return [tuple(shown(entry["body"]["messages"])) for entry in here.log]
