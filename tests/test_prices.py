"""Prices: found by exact names only, dated, overridden one by one; what is wrong in a table is told with its line."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import assets, prices, yaml_file
from builder.errors import InputError
from builder.prices import Price
from builder.providers import PROVIDERS

SHIPPED = {
    name: yaml_file.parse(assets.read(f"prices/{name}.yaml"), name)[0] for name in assets.names("prices", ".yaml")
}
ENTRIES = [
    pytest.param(table, provider, model, entry, id=f"{provider}:{model}")
    for table, read in SHIPPED.items()
    for provider, models in read["prices"].items()
    for model, entry in models.items()
]
PAGES = {
    "openai": {"developers.openai.com"},
    "anthropic": {"platform.claude.com", "www.anthropic.com"},
    "mistral": {"docs.mistral.ai", "mistral.ai"},
    "groq": {"groq.com", "console.groq.com"},
    "cohere": {"cohere.com", "docs.cohere.com"},
    "together": {"www.together.ai", "api.together.ai", "docs.together.ai"},
}

TABLE = prices.load(None)

HEAD = "as_of: 2026-10\ncurrency: USD\nunit: per million tokens\nprices:\n"


def own(tmp_path, text, head=HEAD):
    path = tmp_path / "own.yaml"
    path.write_text(head + text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("table", "provider", "model", "entry"), ENTRIES)
def test_a_shipped_price_is_sane(table, provider, model, entry):
    assert 0 < entry["input"] <= entry["output"] < 1000
    assert 0 < entry.get("cached_input", entry["input"]) <= entry["input"]
    assert 0 < entry.get("batch_input", entry["input"]) <= entry["input"]
    assert 0 < entry.get("batch_output", entry["output"]) <= entry["output"]
    assert "2025-01" <= entry["seen"] <= SHIPPED[table]["as_of"]
    page = urlsplit(entry["source"])
    assert page.scheme == "https" and page.hostname in PAGES[provider]
    assert model == model.strip() and provider in PROVIDERS


def test_the_shipped_tables_are_named_by_their_month_and_the_newest_is_read():
    assert all(name == read["as_of"] for name, read in SHIPPED.items())
    newest = max(SHIPPED)
    table = TABLE
    assert set(table) == {(p, m) for p, models in SHIPPED[newest]["prices"].items() for m in models}
    assert {provider for provider, _ in table} == set(PAGES)
    assert all(
        price.source == f"templates/prices/{newest}.yaml, seen {SHIPPED[newest]['prices'][p][m]['seen']}"
        for (p, m), price in table.items()
    )


def test_the_last_table_by_name_wins(monkeypatch):
    texts = {"prices/2026-11.yaml": "{}", "prices/2027-01.yaml": HEAD + "  x: {m: {input: 1, output: 2}}"}
    monkeypatch.setattr(assets, "names", lambda inside, suffix: ["2026-11", "2027-01"])
    monkeypatch.setattr(assets, "read", texts.__getitem__)
    assert prices.load(None) == {("x", "m"): Price(1, 2, source="templates/prices/2027-01.yaml, seen 2026-10")}


def test_a_dated_name_costs_what_its_family_does_only_if_the_table_says_so():
    assert prices.find("openai", "gpt-4o", TABLE) == TABLE["openai", "gpt-4o"]
    assert prices.find("openai", "gpt-4o-2024-05-13", TABLE).input != TABLE["openai", "gpt-4o"].input


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-2099-01-01"),
        ("openai", "GPT-4o"),
        ("openai", "gpt-4"),
        ("openai", "openai/gpt-4o"),
        ("openrouter", "gpt-4o"),
        ("azure", "gpt-4o"),
        ("openai", ""),
        ("", "gpt-4o"),
    ],
)
def test_a_name_that_only_looks_alike_has_no_price(provider, model):
    assert prices.find(provider, model, TABLE) is None


FULL = Price(2.0, 8.0, 0.5, 1.0, 4.0)
PLAIN = Price(2.0, 8.0)


@pytest.mark.parametrize(
    ("price", "used", "usd"),
    [
        (FULL, (1_000_000, 1_000_000), 10.0),
        (FULL, (1_000_000, 0, 400_000), 1.4),  # cached tokens are among those sent
        (PLAIN, (1_000_000, 0, 400_000), 2.0),  # no cached price known: none assumed
        (FULL, (1_000_000, 1_000_000, 0, True), 5.0),
        (FULL, (1_000_000, 0, 400_000, True), 1.0),  # whether the discounts add up is not known
        (PLAIN, (1_000_000, 1_000_000, 0, True), 10.0),  # no batch price known: the standard one
        (Price(2.0, 8.0, 0.5), (1_000_000, 0, 400_000, True), 2.0),
        (Price(2.0, 8.0, 0.0), (1_000_000, 0, 1_000_000), 0.0),  # free is a price, not a gap
        (Price(2.0, 8.0, None, 0.0, 0.0), (1_000_000, 1_000_000, 0, True), 0.0),
        (FULL, (1_000_000, 0, 3_000_000), 0.5),  # a server that counts them apart
        (FULL, (0, 0), 0.0),
    ],
)
def test_cost(price, used, usd):
    assert price.cost(*used) == pytest.approx(usd)


def test_a_price_tells_whether_it_knows_what_a_batch_costs():
    assert FULL.knows_batch and Price(1, 1, None, 0.0, 0.0).knows_batch
    assert not PLAIN.knows_batch


TOKENS = st.integers(0, 10**9)


@given(TOKENS, TOKENS, TOKENS, st.booleans(), st.sampled_from([FULL, PLAIN, Price(2.0, 8.0, 0.5)]))
def test_no_cost_is_negative_or_above_the_standard_price(sent, said, cached, batch, price):
    assert 0 <= price.cost(sent, said, cached, batch) <= price.cost(sent, said) + 1e-9


def test_an_own_table_replaces_single_entries_as_a_whole(tmp_path):
    path = own(
        tmp_path,
        "  openai:\n    gpt-4o: {input: 1, output: 0.5, seen: 2026-09}\n  my-lab:\n    m: {input: 0, output: 0}\n",
    )
    shipped, table = TABLE, prices.load(path)
    assert table["openai", "gpt-4o"] == Price(1.0, 0.5, source=f"{path}, seen 2026-09")
    assert table["my-lab", "m"] == Price(0.0, 0.0, source=f"{path}, seen 2026-10")  # not said: the table's month
    rest = set(shipped) - {("openai", "gpt-4o")}
    assert {key: table[key] for key in rest} == {key: shipped[key] for key in rest}
    assert len(table) == len(shipped) + 1


def test_an_own_table_may_be_the_shipped_one_or_hold_nothing(tmp_path):
    text = assets.read(f"prices/{max(SHIPPED)}.yaml")
    again = prices.load(own(tmp_path, text, head=""))
    assert {key: price[:5] for key, price in again.items()} == {k: price[:5] for k, price in TABLE.items()}
    assert prices.load(own(tmp_path, "  {}\n")) == TABLE


ONE = "  p:\n    m: {{input: 1, output: 2, {}}}\n"
WRONG = {
    "an unknown key": (ONE.format("cache: 1"), 6, "p m: unknown key 'cache'", "batch_output, seen, source"),
    "a negative": (ONE.format("cached_input: -0.1"), 6, "p m: cached_input must be a number, 0 or more; found -0.1"),
    "a text": (ONE.format("cached_input: '1'"), 6, "found '1'"),
    "a sum with its sign": (ONE.format("cached_input: $1"), 6, "found '$1'"),
    "a truth": (ONE.format("cached_input: true"), 6, "found True"),
    "a blank": (ONE.format("cached_input:"), 6, "cached_input must be a number, 0 or more; found nothing"),
    "a list": (ONE.format("cached_input: [1]"), 6, "found a list"),
    "not a number": (ONE.format("cached_input: .nan"), 6, "expected a finite number; found .nan"),
    "without end": (ONE.format("cached_input: .inf"), 6, "expected a finite number; found .inf"),
    "no input": ("  p:\n    m:\n      output: 1\n", 6, "p m: input is missing"),
    "no output": ("  p:\n    m: {input: 1}\n", 6, "p m: output is missing"),
    "half a batch": (ONE.format("batch_input: 1"), 6, "batch_input and batch_output are given together"),
    "a whole date": (ONE.format("seen: '2026-10-01'"), 6, "p m: seen must be a month like 2026-11; found '2026-10-01'"),
    "a whole date, bare": (ONE.format("seen: 2026-10-01"), 6, "is read as a date"),
    "a month there is not": (ONE.format("seen: 2026-13"), 6, "found '2026-13'"),
    "a word for a month": (ONE.format("seen: lately"), 6, "found 'lately'"),
    "a number for a month": (ONE.format("seen: 202610"), 6, "found 202610"),
    "no URL": (ONE.format("source: their page"), 6, "expected the URL of a page; found 'their page'"),
    "another scheme": (ONE.format("source: ftp://a.b/c"), 6, "expected the URL of a page"),
    "a twin": ("  p:\n    m: {input: 1, output: 2}\n    m: {input: 1, output: 3}\n", 7, "'m' stands twice"),
    "a bare price": ("  p:\n    m: 3\n", 6, "p m: expected a mapping with input, output"),
    "a list of models": ("  p:\n    - m\n", 5, "expected a mapping of models; found a list"),
    "no models": ("  p:\n", 5, "expected a mapping of models; found nothing"),
    "a list of providers": ("  - p\n", 4, "expected a mapping of providers; found a list"),
    "no providers": ("", 4, "expected a mapping of providers; found nothing"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_in_an_entry_is_told_with_its_line(wrong, tmp_path):
    text, line, *says = WRONG[wrong]
    path = own(tmp_path, text)
    with pytest.raises(InputError) as caught:
        prices.load(path)
    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert all(words in str(caught.value) for words in says)


HEADS = {
    "nothing": ("", 1, "expected a mapping with as_of, currency, unit, prices; found nothing"),
    "a list": ("- 1\n", 1, "found a list"),
    "a word": ("prices\n", 1, "found 'prices'"),
    "broken YAML": ("as_of: 2026-10\nprices: {", 2, "not valid YAML"),
    "another currency": (HEAD.replace("USD", "EUR") + "  {}", 2, "currency must be 'USD'; found 'EUR'"),
    "another unit": (HEAD.replace("million", "thousand") + "  {}", 3, "unit must be 'per million tokens'"),
    "no currency": (HEAD.replace("currency: USD\n", "") + "  {}", 1, "currency must be 'USD'; found nothing"),
    "no month": (HEAD.replace("2026-10", "October") + "  {}", 1, "as_of must be a month like 2026-11; found 'October'"),
    "an unknown key": ("price: {}\n" + HEAD + "  {}", 1, "unknown key 'price' (known: as_of, currency, unit, prices)"),
}


@pytest.mark.parametrize("wrong", HEADS)
def test_what_is_wrong_with_a_whole_table_is_told_with_its_line(wrong, tmp_path):
    text, line, says = HEADS[wrong]
    path = own(tmp_path, text, head="")
    with pytest.raises(InputError) as caught:
        prices.load(path)
    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith(f"{path}:{line}: ") and says in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path):
    text = "  p:\n    m: {input: -1, outptu: 2}\n    n: {input: 1, output: two}\n  q: 1\n"
    with pytest.raises(InputError) as caught:
        prices.load(own(tmp_path, text, head="as_of: soon\nunit: per token\nprices:\n"))
    lines = [int(re.search(r":(\d+): ", str(problem))[1]) for problem in caught.value.problems]
    assert lines == [1, 1, 2, 5, 5, 5, 6, 7]


@pytest.mark.parametrize("name", ["nowhere.yaml", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_an_input_error(name, tmp_path):
    with pytest.raises(InputError, match="cannot read the price table"):
        prices.load(tmp_path / name)


def test_a_file_that_is_not_text_is_an_input_error(tmp_path):
    (tmp_path / "own.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot read the price table"):
        prices.load(tmp_path / "own.yaml")


KEYS = st.sampled_from(["input", "output", "batch_input", "seen", "source", "m"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
MODELS = st.dictionaries(st.text(max_size=3), VALUES, max_size=2)


@given(
    VALUES | st.fixed_dictionaries({"as_of": VALUES, "prices": VALUES | st.dictionaries(st.text(max_size=3), MODELS)})
)
def test_whatever_stands_in_a_table_it_is_read_or_refused(value):
    import yaml

    if isinstance(value, dict) and "prices" in value:
        value |= {"currency": "USD", "unit": "per million tokens"}
    try:
        table = prices._table(yaml.safe_dump(value), "own.yaml")
    except InputError as error:
        assert all(problem.line for problem in error.problems)
    else:
        assert all(price.cost(10, 10) >= 0 for price in table.values())
