"""How tests ask a teacher: requests for plain prompts, through the gate, into a ledger."""

from pathlib import Path

from builder.config import TeacherConfig
from builder.context import Context
from builder.teacher import gate, make


def teacher(here, json_schema=None, **settings):
    settings = {"timeout": 20, "retries": 2, "concurrency": 8} | settings
    return make(TeacherConfig(url=here.url, model="loopback", **settings), json_schema)


def prompts(count):
    return [f"Tell me about number {i}." for i in range(count)]


def asking(teacher, prompts, draws=1, per_call=1):
    return [
        gate.request(teacher, [{"role": "user", "content": prompt}], *range(first, min(first + per_call, draws)))
        for prompt in prompts
        for first in range(0, draws, per_call)
    ]


def ask_all(requests, ledger, **settings):
    """Return (answer or fault by key, the context, which has counted)."""
    context = Context(0, Path(), ledger, **settings)
    faults = gate.ask(requests, context, "asking")
    return faults | ledger.get([key for request in requests for key in request.keys]), context


def ask(teacher, prompts, ledger, draws=1, per_call=1, **settings):
    """Return the results in the order of the prompts, and how many were replayed."""
    requests = asking(teacher, prompts, draws, per_call)
    results, context = ask_all(requests, ledger, **settings)
    return [results[key] for request in requests for key in request.keys], context.spend["replayed"]
