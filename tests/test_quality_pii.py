import json
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder import rows
from builder.config import RedactConfig
from builder.context import Context
from builder.measures import pii
from builder.steps.redact import redact

# made for these tests: right in form and check sum, issued to nobody
KEY = "sk-proj-" + "aB3dE6gH9jK2mN5pQ8sT1vW4"
FOUND = [
    ("email", "ann.lee+news@mail.acme.io"),
    ("email", "o_brien@acme.co.uk"),
    ("phone", "+44 20 7946 1834"),
    ("phone", "+4930901820"),
    ("phone", "+1 (212) 736-5000"),
    ("phone", "(212) 736-5000"),
    ("phone", "212-736-5000"),
    ("phone", "1-800-273-8255"),
    ("phone", "01 42 68 53 29"),
    ("phone", "030/9018200"),
    ("card", "4539 1488 0343 6467"),
    ("card", "5425233430109903"),
    ("iban", "DE75512108001245126199"),
    ("iban", "GB33 BUKB 2020 1555 5555 55"),
    ("key", KEY),
    ("key", "ghp_" + "a1B2c3D4e5F6" * 3),
    ("key", "AKIA" + "Z2Y4X6W8V1U3T5S7"),
    ("key", "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEow2+" * 20 + "\n-----END RSA PRIVATE KEY-----"),
]
NOTHING = [
    "Write to ann@example.com, bob@mail.example.org or you@host.test.",
    "your.email@gmail.com and git clone git@github.com:org/repo.git",
    "logo@2x.png, @property, user@localhost, a@b",
    "Call 555-0123, (212) 555-0187 or 123-456-7890.",
    "On 05/12/2020 14:30, from 2019-05-12 to 2021-06-13, 01.02.2020.",
    "In 1995 1996 1997 1998 it was 08 2004 2002.",
    "3.141592653589793 and 299792458 and 1,234,567,890 and 6,4031242374328485",
    "The sum of 100 200 300 400 is 1000; 00 11 22 33 44.",
    "4111 1111 1111 1111 is Visa's test number, 4242424242424242 Stripe's.",
    "4539 1488 0343 6468 fails Luhn's check.",
    "DE75512108001245126198 has a wrong remainder, XY12345678901234567890 no country.",
    "sk-your-api-key-goes-here and AKIAIOSFODNN7EXAMPLE and sk-xxxxxxxxxxxxxxxxxxxxxxxx",
    "192.168.178.100, 10.0.0.1:8080, ISBN 978-3-16-148410-0, v1.2.3.4.5.6.7.8.9",
    "UUID 123e4567-e89b-12d3-a456-426614174000, hash 9f86d081884c7d659a2f",
]


@pytest.mark.parametrize(("kind", "text"), FOUND)
@pytest.mark.parametrize("around", ["{}", "Take {}, please.", "见{}。", "({})", "a\n{}\nb"])
def test_what_is_found(kind, text, around):
    whole = around.format(text)
    spans = pii.find(whole)
    assert [(span.kind, whole[span.start : span.end]) for span in spans] == [(kind, text)]
    assert pii.redact(whole) == around.format(f"[{kind.upper()}]")
    assert pii.redact(whole, kinds=set(pii.KINDS) - {kind}) == whole


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_no_personal_data(text):
    assert pii.find(text) == []


def test_a_number_that_is_called_a_phone():
    assert [span.kind for span in pii.find("Phone: 0412745638, 电话：13812745679")] == ["phone", "phone"]
    assert pii.find("Order 0412745638, number 13812745679") == []


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("0123456789 -+().@aZ/:e\n"), max_size=80))
def test_spans_do_not_overlap_and_redacting_twice_changes_nothing(text):
    spans = pii.find(text)
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert pii.redact(pii.redact(text)) == pii.redact(text)


def test_the_quick_look_misses_nothing():
    texts = [text for _, text in FOUND]
    told = pl.DataFrame({"a": texts, "b": [None] * len(texts)}, schema_overrides={"b": pl.String}).select(
        p=pii.expression(pl.col("a"), pl.col("b")), q=pii.expression(pl.col("b"))
    )
    assert told["p"].to_list() == [[kind] for kind, _ in FOUND]
    assert told["q"].to_list() == [[]] * len(texts)


def table(*said):
    same = {"seed_id": "s", "prompt_id": "p", "prompt": [{"role": "user", "content": "Who?"}]}
    return rows.frame([same | {"id": f"id{i}"} | one for i, one in enumerate(said)])


def run(given, **config):
    after = redact(given, RedactConfig(**config), Context(seed=0, base=Path(), ledger=None))
    rows.check_laws(given, after, "redact", grows=True)
    return after


def test_redact_replaces_a_row_by_its_child():
    mail = "ann.lee@acme.io"
    checks = json.dumps([{"check": "json_equals", "value": {mail: [mail, 7]}}])
    before = table(
        {"response": "Nobody."},
        {"prompt": [{"role": "system", "content": mail}, {"role": "user", "content": "Who?"}], "response": f"<{mail}>",
         "reference": mail, "checks": checks, "task": "t"},
    )  # fmt: skip
    kept, child = run(before).sort("parent", nulls_last=False).to_dicts()
    assert (kept["id"], kept["response"], kept["redacted"]) == ("id0", "Nobody.", None)
    assert (child["parent"], child["redacted"], child["task"]) == ("id1", ["email"], "t")
    assert child["id"] != "id1" and child["prompt_id"] == rows.prompt_id(child["prompt"]) != "p"
    assert [message["content"] for message in child["prompt"]] == ["[EMAIL]", "Who?"]
    assert (child["response"], child["reference"]) == ("<[EMAIL]>", "[EMAIL]")
    assert json.loads(child["checks"]) == [{"check": "json_equals", "value": {mail: ["[EMAIL]", 7]}}]
    again = run(before)
    assert again.sort("id").equals(run(before.reverse()).sort("id")), "whatever the order"


def test_redact_some_kinds_only():
    given = table({"response": "ann.lee@acme.io, 212-736-5000"})
    assert run(given, kinds=["phone"])["response"].to_list() == ["ann.lee@acme.io, [PHONE]"]
    assert run(given, kinds=["card"])["id"].to_list() == ["id0"]
    both = run(run(given, kinds=["phone"]))
    assert both["response"].to_list() == ["[EMAIL], [PHONE]"]
    assert both["redacted"].to_list() == [["email", "phone"]]
    assert run(both)["id"].to_list() == both["id"].to_list(), "nothing is left to redact"
    numbers = table(
        {"checks": json.dumps([{"check": "numbers", "values": [212, 736, 5000], "of": "4539148803436467"}])}
    )
    assert json.loads(run(numbers)["checks"][0])[0] == {"check": "numbers", "values": [212, 736, 5000], "of": "[CARD]"}
    assert run(table()).height == 0
    assert run(table({"response": None}))["redacted"].to_list() == [None]
