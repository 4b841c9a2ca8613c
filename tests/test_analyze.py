import json
import subprocess
import sys

import pytest
from rich.console import Console

from builder.analyze import BINS, QUANTILES, analyze
from builder.errors import InputError
from builder.measures import ABOUT
from builder.pages import analysis

REFUSAL = "As an AI language model, I cannot do that."
LOOP = "so on and " * 30
ROWS = [
    *({"instruction": f"Name fruit number {i}.", "output": f"Apple {i} and pear.", "task": "fruit"} for i in range(30)),
    {"instruction": "Draw a map of Rome.", "output": REFUSAL, "task": "maps"},
    {"instruction": "Who made you?", "output": "[red]I was made by OpenAI.[/red]\x1b[31m", "task": "maps"},
    {"instruction": "Say it.", "output": LOOP, "task": "talk"},
    {"instruction": "Write to whom?", "output": "ann.lee@acme.io"},
]


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "seeds.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS) + "{broken\n")
    return file


def recipe(tmp_path, quality):
    file = tmp_path / "recipe.yaml"
    file.write_text(
        f"name: a\nversion: 0.1.0\nsteps:\n  - seed: {{path: none.jsonl}}\n  - quality: {quality}\n  - emit: {{}}\n"
    )
    return str(file)


def costs(told):
    return {cost.setting: cost for cost in told.costs}


def test_counts_and_costs(data):
    told = analyze(data)
    assert (told.rows, told.unreadable, told.responses, told.dropped) == (34, 1, 34, 3)
    assert {spread.name for spread in told.numbers} | {flag.name for flag in told.flags} >= set(ABOUT) - {"pii"}
    found = costs(told)
    assert found["refusals"].drops == found["provider_identities"].drops == found["max_repetition"].drops == 1
    assert (found["prompt_keywords"].drops, found["prompt_keywords"].if_on) == (0, 1)
    assert found["max_repetition"].stricter == {0.4: 1} and found["max_repetition"].looser == {0.6: 1}
    assert found["min_response_words"].stricter == {10: 33, 5: 31, 3: 0}
    example = found["refusals"].examples[0]
    assert (example.source, example.prompt, example.response) == ("seeds.jsonl:31", ROWS[30]["instruction"], REFUSAL)
    assert {flag.name: flag.up for flag in told.flags}["pii: email"] == 1
    assert told.tasks == {"fruit": (30, 0), "maps": (2, 2), "(none)": (1, 0), "talk": (1, 1)}


def test_spreads_are_those_of_the_rows(data):
    words = next(spread for spread in analyze(data).numbers if spread.name == "prompt_words")
    lengths = sorted(len(row["instruction"].split()) for row in ROWS)
    assert (words.count, words.quantiles["min"], words.quantiles["max"]) == (34, lengths[0], lengths[-1])
    assert words.quantiles.keys() == QUANTILES.keys()
    assert len(words.histogram) == BINS and sum(words.histogram) == 34


def test_the_rules_of_a_recipe(data, tmp_path):
    quality = "{refusals: keep, max_repetition: 0.99, tasks: {fruit: {min_response_words: 5}, maps: {refusals: drop}}}"
    told = analyze(data, recipe(tmp_path, quality))
    assert told.rules_of == f"{tmp_path / 'recipe.yaml'}:5"
    found = costs(told)
    assert found["refusals"].drops == 1 and found["refusals"].own == {"maps": "drop"}
    assert found["max_repetition"].drops == 0
    assert found["min_response_words"].drops == 30 and found["min_response_words"].own == {"fruit": 5}
    assert told.dropped == 32


def printed(told, width=80):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        analysis.show(told, console)
        return console.export_text()


def test_the_page_fits_eighty_columns_and_obeys_no_row(data):
    text = printed(analyze(data))
    assert max(map(len, text.splitlines())) <= 80
    assert "34 rows, 34 with a response, 1 more could not be read" in text
    assert "[red]I was made by OpenAI.[/red]␛[31m" in text
    assert "with these rules 3 of 34 rows would be dropped (8.8%)" in " ".join(text.split())
    assert "seeds.jsonl:31" in text


def test_the_page_of_few_rows(tmp_path):
    file = tmp_path / "one.txt"
    file.write_text("Name three fruits.\n")
    told = analyze(file)
    assert (told.rows, told.responses, told.dropped) == (1, 0, 0)
    assert "1 rows" not in printed(told)


@pytest.mark.parametrize(
    ("share", "shown"),
    [((0, 9), "0%"), ((9, 9), "100%"), ((1, 3), "33%"), ((1, 20_000), "<.01%"), ((1, 1000), "0.10%"), ((0, 0), "0%"),
     ((9999, 10_000), ">99%"), ((1, 30), "3.3%")],
)  # fmt: skip
def test_shares(share, shown):
    assert analysis._percent(*share) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.5, "0.5"), (0.1234, "0.123"), (12.345, "12.35"), (123.4, "123"), (99_999, "99999"), (123_456, "123k"),
     (1_234_567, "1.2M")],
)  # fmt: skip
def test_numbers(value, shown):
    assert analysis._number(value) == shown


def test_what_cannot_be_analyzed(tmp_path, data):
    for wrong, said in (("none.jsonl", "no such file"), ("empty.jsonl", "empty")):
        (tmp_path / "empty.jsonl").write_text("")
        with pytest.raises(InputError, match=said):
            analyze(tmp_path / wrong)
    without = tmp_path / "without.yaml"
    without.write_text("name: a\nversion: 0.1.0\nsteps:\n  - seed: {path: none.jsonl}\n  - emit: {}\n")
    with pytest.raises(InputError, match="no `quality` step"):
        analyze(data, str(without))


def test_the_command(data, tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "builder", "analyze", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    done = run(data, "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["rows"] == 34 and not done.stderr
    gone = run(tmp_path / "none.jsonl")
    assert gone.returncode == 2 and gone.stderr.startswith("error: ") and gone.stderr.count("\n") == 1
