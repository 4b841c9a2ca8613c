"""A recipe is either right, or refused with every problem, each with its file and line; nothing else ever comes out."""

import re
import string

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder import assets, config, recipe
from builder.errors import InputError

CONFIGS = {
    "seed": config.SeedConfig,
    "generate": config.GenerateConfig,
    "verify": config.VerifyConfig,
    "near_miss": config.NearMissConfig,
    "language": config.LanguageConfig,
    "quality": config.QualityConfig,
    "dedup": config.DedupConfig,
    "pair": config.PairConfig,
    "emit": config.EmitConfig,
}
HEAD = "name: a\nversion: 0.1.0\n"
STEPS = "steps:\n  - seed: {path: s.jsonl}\n  - emit: {}\n"
GOOD = HEAD + STEPS


def load(tmp_path, text, **kwargs):
    file = tmp_path / "recipe.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return recipe.load(str(file), CONFIGS, **kwargs)


def refused(tmp_path, text, **kwargs):
    with pytest.raises(InputError) as caught:
        load(tmp_path, text, **kwargs)
    assert caught.value.exit_code == 2
    assert caught.value.problems
    return caught.value.problems


def with_step(step):
    """Put one step on line 5, between seed and emit."""
    return f"{HEAD}steps:\n  - seed: {{path: s.jsonl}}\n  - {step}\n  - emit: {{}}\n"


def with_teacher(teacher):
    return with_step(f"generate: {{teacher: {teacher}}}")


# (what is wrong, text, line, what the message must say)
WHOLE_FILE = [
    ("empty", "", 1, "an empty file"),
    ("only a comment", "# nothing\n", 1, "an empty file"),
    ("only a document mark", "---\n", 1, "an empty file"),
    ("a scalar", "hello\n", 1, "found str"),
    ("a number", "42\n", 1, "found int"),
    ("a list", "- seed: {}\n", 1, "found list"),
    ("a boolean", "yes\n", 1, "found bool"),
    ("a tab for indent", "name: a\nsteps:\n\t- seed: {}\n", 3, "not valid YAML"),
    ("a tab in the middle of a list", HEAD + "steps:\n  - seed:\n\t  path: x\n", 5, "not valid YAML"),
    ("an open bracket", HEAD + "steps: [seed\n", 3, "not valid YAML"),
    ("an open brace", HEAD + "steps:\n  - seed: {path: x\n", 4, "not valid YAML"),
    ("an open quote", HEAD + 'steps: "abc\n', 3, "not valid YAML"),
    ("a wrong indent", "name: a\n version: 0.1.0\n", 2, "not valid YAML"),
    ("a colon too many", "name: a: b\n", 1, "not valid YAML"),
    ("an unknown alias", "name: *nobody\n", 1, "undefined alias"),
    ("two documents", GOOD + "---\n" + GOOD, 6, "another document"),
    ("a control character", "name: a\nversion: 0.1.0\x07\n", 2, "U+0007"),
    ("a NUL", "name: a\n\n\nversion: \x00\n", 4, "U+0000"),
    ("a NUL by escape", HEAD + 'steps:\n  - seed: {path: "a\\0b"}\n  - emit\n', 4, "cannot be written"),
    ("half a surrogate pair", HEAD + 'steps:\n  - seed: {path: "\\ud800"}\n  - emit\n', 4, "cannot be written"),
    ("half a pair in a key", 'name: a\n"\\ud800": 1\n', 2, "cannot be written"),
    ("not UTF-8", b"name: a\nversion: 0.1.0\n# caf\xe9\n", 3, "not UTF-8"),
    ("UTF-16", "name: a\n".encode("utf-16"), 1, "not UTF-8"),
    ("a tag", "name: !secret a\n", 1, "tags are not used"),
    ("a tag on a mapping", HEAD + "steps:\n  - seed: !thing {path: x}\n", 4, "tags are not used"),
    ("a set", HEAD + "steps: !!set {a, b}\n", 3, "tags are not used"),
    ("a python object", "name: !!python/object/apply:os.system [ls]\n", 1, "YAML"),
    ("a python name", "name: !!python/name:os.system ''\n", 1, "YAML"),
    ("a forced boolean", "name: !!bool maybe\n", 1, "'maybe' is not a bool"),
    ("a forced int", "name: a\nseed: !!int many\n", 2, "'many' is not a int"),
    ("an empty int", "name: a\nseed: !!int ''\n", 2, "is not a int"),
    ("a forced date", "name: !!timestamp soon\n", 1, "'soon' is not a timestamp"),
    ("a date", "name: a\nversion: 2024-01-31\n", 2, "read as a date"),
    ("a date that is none", "name: a\nversion: 2024-13-45\n", 2, "is not a timestamp"),
    ("bytes", "name: !!binary aGVsbG8=\n", 1, "read as a bytes"),
    ("a key twice", "name: a\nversion: 0.1.0\nname: b\n", 3, "'name' stands twice"),
    ("a key twice below", with_step("dedup: {on: prompt, on: response}"), 5, "'on' stands twice"),
    ("a list as key", "? [a, b]\n: 1\nname: a\n", 1, "plain word"),
    ("a mapping as key", "{a: 1}: 2\n", 1, "plain word"),
    ("nan", "name: a\nseed: .nan\n", 2, "finite"),
    ("infinity", with_step("dedup: {threshold: .inf}"), 5, "finite"),
    ("minus infinity", with_step("dedup: {threshold: -.inf}"), 5, "finite"),
    ("a number of five thousand digits", "name: a\nseed: " + "9" * 5000 + "\n", 2, "is not a int"),
    ("a hexadecimal of five thousand digits", "name: a\nseed: 0x" + "f" * 5000 + "\n", 2, "beyond 64 bits"),
    ("beyond 64 bits", f"name: a\nseed: {2**63}\n", 2, "beyond 64 bits"),
    ("an alias inside itself", HEAD + "steps: &a\n  - *a\n", 3, "nested too deeply"),
    ("a mapping inside itself", "&a name: a\nx: &b\n  y: *b\n", 2, "nested too deeply"),
    ("nested a thousand times", HEAD + "steps: " + "[" * 1000 + "]" * 1000 + "\n", 1, "nested too deeply"),
    ("nested a hundred times", HEAD + "steps: " + "[" * 100 + "]" * 100 + "\n", 3, "nested too deeply"),
    ("a merge", "base: &b {name: a}\n<<: *b\n", 2, "unknown key '<<'"),
]

TOP = [
    ("no name", "version: 0.1.0\n" + STEPS, 1, "'name' is missing"),
    ("no version", "name: a\n" + STEPS, 1, "'version' is missing"),
    ("no steps", HEAD, 1, "'steps' is missing"),
    (
        "a key of nobody",
        GOOD + "colour: red\n",
        6,
        "unknown key 'colour' (known: name, version, seed, budget, prices, steps)",
    ),
    ("a key misspelt", GOOD + "sead: 7\n", 6, "did you mean 'seed'?"),
    ("a key that begins like pydantic's", GOOD + "union_of: 1\n", 6, "unknown key 'union_of'"),
    ("another such key", GOOD + "function-x: 1\n", 6, "unknown key 'function-x'"),
    ("a name that goes up", "name: ../x\nversion: 0.1.0\n" + STEPS, 1, "it is used as a folder name"),
    ("a name with a slash", "name: a/b\nversion: 0.1.0\n" + STEPS, 1, "'a/b'"),
    ("a name with a backslash", "name: a\\b\nversion: 0.1.0\n" + STEPS, 1, "it is used as a folder name"),
    ("a hidden name", "name: .a\nversion: 0.1.0\n" + STEPS, 1, "it is used as a folder name"),
    ("an absolute name", "name: /etc\nversion: 0.1.0\n" + STEPS, 1, "it is used as a folder name"),
    ("a name with a space", "name: a b\nversion: 0.1.0\n" + STEPS, 1, "it is used as a folder name"),
    ("a name with an end of line", 'name: "a\\n"\nversion: 0.1.0\n' + STEPS, 1, "it is used as a folder name"),
    ("a name with an umlaut", "name: Größe\nversion: 0.1.0\n" + STEPS, 1, "Größe"),
    ("an empty name", "name: ''\nversion: 0.1.0\n" + STEPS, 1, "it is used as a folder name"),
    ("a name too long", f"name: {'a' * 97}\nversion: 0.1.0\n" + STEPS, 1, "it is used as a folder name"),
    ("a number for a name", "name: 12\nversion: 0.1.0\n" + STEPS, 1, "found 12, expected a valid string"),
    ("a boolean for a name", "name: no\nversion: 0.1.0\n" + STEPS, 1, "found False"),
    ("nothing for a name", "name:\nversion: 0.1.0\n" + STEPS, 1, "found None"),
    ("a list for a name", "name: [a]\nversion: 0.1.0\n" + STEPS, 1, "found ['a']"),
    ("a version of two numbers", "name: a\nversion: 0.1\n" + STEPS, 2, "quote it"),
    ("a version of two numbers, quoted", "name: a\nversion: '0.1'\n" + STEPS, 2, "three numbers like 0.1.0"),
    ("a version with a v", "name: a\nversion: v0.1.0\n" + STEPS, 2, "three numbers like 0.1.0"),
    ("a version that goes up", "name: a\nversion: 0.1.0/../..\n" + STEPS, 2, "three numbers"),
    ("a version in other digits", "name: a\nversion: ٠.١.٠\n" + STEPS, 2, "three numbers"),
    ("a version too long", f"name: a\nversion: 0.1.{'1' * 300}\n" + STEPS, 2, "three numbers"),
    ("a negative seed", "name: a\nversion: 0.1.0\nseed: -1\n" + STEPS, 3, "greater than or equal to 0"),
    ("a boolean seed", "name: a\nversion: 0.1.0\nseed: true\n" + STEPS, 3, "found True"),
    ("a float seed", "name: a\nversion: 0.1.0\nseed: 7.0\n" + STEPS, 3, "found 7.0"),
    ("a text seed", "name: a\nversion: 0.1.0\nseed: '7'\n" + STEPS, 3, "found '7'"),
]

ORDER = [
    ("empty steps", HEAD + "steps: []\n", 3, "found [], expected one or more"),
    ("no list of steps", HEAD + "steps: {seed: {}}\n", 3, "expected a valid list"),
    ("steps a text", HEAD + "steps: seed\n", 3, "expected a valid list"),
    ("steps nothing", HEAD + "steps:\n", 3, "expected a valid list"),
    ("no seed", HEAD + "steps:\n  - dedup: {}\n  - emit: {}\n", 4, "no `seed` step (it must stand first)"),
    ("no emit", HEAD + "steps:\n  - seed: {path: x}\n  - dedup: {}\n", 5, "no `emit` step (it must stand last)"),
    ("emit in the middle", HEAD + "steps:\n  - seed: {path: x}\n  - emit\n  - dedup\n", 5, "`emit` must stand last"),
    ("seed second", HEAD + "steps:\n  - dedup\n  - seed: {path: x}\n  - emit\n", 5, "`seed` must stand first"),
    ("two seeds", HEAD + "steps:\n  - seed: {path: x}\n  - seed: {path: y}\n  - emit\n", 5, "a second `seed`"),
    ("two emits", GOOD + "  - emit\n", 6, "a second `emit`"),
    ("two near misses", with_step("near_miss\n  - near_miss"), 6, "a second `near_miss`"),
    ("two pairs", with_step("pair\n  - pair"), 6, "a second `pair`"),
    ("two generates", with_step("generate: {teacher: embedded}\n  - generate: {teacher: embedded}"), 6, "a second"),
    ("a step of nobody", with_step("magic: {}"), 5, "unknown step 'magic' (known: seed, generate"),
    ("a step misspelt", with_step("dedupe: {}"), 5, "did you mean 'dedup'?"),
    ("a number for a step", with_step("42"), 5, "expected one step"),
    ("nothing for a step", with_step(""), 5, "expected one step"),
    ("a list for a step", with_step("[dedup]"), 5, "expected one step"),
    ("a mapping of nothing", with_step("{}"), 5, "expected one step"),
    ("two steps in one", with_step("{dedup: {}, quality: {}}"), 5, "found keys dedup, quality"),
    ("a step with its settings beside it", with_step("dedup:\n    threshold: 0.7"), 5, "found keys dedup, threshold"),
    ("a text for settings", with_step("dedup: strict"), 5, "expected a mapping of its settings"),
    ("a list for settings", with_step("dedup: [0.7]"), 5, "expected a mapping of its settings"),
    ("true for settings", with_step("dedup: true"), 5, "expected a mapping of its settings"),
]

SETTINGS = [
    ("seed: {}", "expected exactly one of path, dataset, tasks; found none"),
    ("seed: {path: a, dataset: b}", "found path and dataset"),
    ("seed: {path: 1}", "seed.path: found 1"),
    ("seed: {path: [a]}", "seed.path"),
    ("seed: {paht: a}", "unknown key 'seed.paht' (did you mean 'path'?"),
    ("seed: {tasks: 500}", "seed.tasks"),
    ("seed: {tasks: {}}", "'seed.tasks.count' is missing"),
    ("seed: {tasks: {count: 0}}", "seed.tasks.count: found 0, expected greater than or equal to 1"),
    ("seed: {tasks: {count: true}}", "seed.tasks.count: found True"),
    ("seed: {tasks: {count: 5, familys: [a]}}", "'seed.tasks.familys' (did you mean 'families'?"),
    ("seed: {tasks: {count: 5, families: a}}", "seed.tasks.families: found 'a'"),
    ("seed: {path: a, fields: {instruction: 1}}", "seed.fields.instruction: found 1"),
    ("seed: {path: a, fields: [instruction]}", "seed.fields"),
    ("seed: {path: a, on_bad: ignore}", "'skip' or 'stop'"),
    ("seed: {path: a, license: 1.0}", "seed.license: found 1.0"),
    ("generate: {}", "'generate.teacher' is missing"),
    ("generate", "'generate.teacher' is missing"),
    ("generate: {teacher: []}", "found [], expected one or more"),
    ("generate: {teacher: embedded, samples: 0}", "generate.samples: found 0"),
    ("generate: {teacher: embedded, samples: 257}", "less than or equal to 256"),
    ("generate: {teacher: embedded, samples: 1.0}", "generate.samples: found 1.0"),
    ("generate: {teacher: embedded, sample: 2}", "did you mean 'samples'?"),
    ("generate: {teacher: embedded, only_missing: 1}", "generate.only_missing: found 1"),
    ("generate: {teacher: embedded, system: [a]}", "generate.system"),
    ("generate: {teacher: [embedded, embedded]}", "the same teacher stands twice"),
    ("verify: {on_fail: keep}", "'mark' or 'drop'"),
    ("near_miss: {per_row: 17}", "less than or equal to 16"),
    ("near_miss: {min_char_distance: 2}", "near_miss.min_char_distance: found 2"),
    ("language: {keep: [en, 3]}", "language.keep.1: found 3"),
    ("language: {keep: []}", "found [], expected one or more"),
    ("quality: {min_response_chars: 9, max_response_chars: 3}", "min_response_chars 9 is above max_response_chars 3"),
    ("dedup: {store: ''}", "dedup.store: found ''"),
    ("language: {min_confidence: 1.5}", "less than or equal to 1"),
    ("quality: {refusals: false}", "'drop' or 'keep'"),
    ("quality: {max_repetition: '0.5'}", "quality.max_repetition: found '0.5'"),
    ("quality: {min_response_chars: -3}", "greater than or equal to 1"),
    ("dedup: {threshold: 0}", "greater than 0"),
    ("dedup: {threshold: 1.1}", "less than or equal to 1"),
    ("dedup: {threshold: true}", "dedup.threshold: found True"),
    ("dedup: {on: answer}", "dedup.on: found 'answer'"),
    ("dedup: {permutations: 1000000}", "less than or equal to 1024"),
    ("dedup: {treshold: 0.5}", "unknown key 'dedup.treshold' (did you mean 'threshold'?"),
    ("pair: {min_margin: 0}", "greater than 0"),
    ("pair: {per_prompt: 0.5}", "pair.per_prompt: found 0.5"),
    ("emit: {test_share: 1}", "less than 1"),
    ("emit: {test_share: half}", "emit.test_share: found 'half'"),
    ("emit: {best_only: maybe}", "emit.best_only: found 'maybe'"),
]

TEACHERS = [
    ("embeded", "expected embedded, provider:model"),
    ("''", "expected embedded, provider:model"),
    ("gpt-4o", "expected embedded, provider:model"),
    ("'openai:'", "expected a model name"),
    ("':gpt-4o'", "unknown provider ''"),
    ("'opnai:gpt-4o'", "did you mean 'openai'?"),
    ("'embedded:x'", "takes no model"),
    ("'EMBEDDED'", "expected embedded, provider:model"),
    ("'http://127.0.0.1:8000/v1'", "expected a model name"),
    ("'http://127.0.0.1:8000/v1#'", "expected a model name"),
    ("'http://#m'", "expected a url like"),
    ("'https://[::1#m'", "expected a url like"),
    ("'ftp://host/v1#m'", "unknown provider 'ftp'"),
    ("42", "generate.teacher: found 42"),
    ("true", "generate.teacher: found True"),
    ("null", "generate.teacher: found None"),
    ("{}", "expected a provider or a url"),
    ("{model: m}", "expected a provider or a url"),
    ("{provider: openai}", "expected a model name"),
    ("{provider: nobody, model: m}", "unknown provider 'nobody'; known: embedded, openai"),
    ("{provider: 1, model: m}", "generate.teacher.provider: found 1"),
    ("{provider: embedded, url: 'http://h/v1'}", "takes no model, url"),
    ("{url: 'host:8000', model: m}", "expected a url like"),
    ("{url: 'localhost', model: m}", "expected a url like"),
    ("{url: 'ftp://h/v1', model: m}", "expected a url like"),
    ("{url: 'file:///etc/passwd', model: m}", "expected a url like"),
    ("{url: 'http://', model: m}", "expected a url like"),
    ("{url: 'http://h:99999/v1', model: m}", "expected a url like"),
    ("{url: 'http://h:port/v1', model: m}", "expected a url like"),
    ("{url: 'http://h /v1', model: m}", "expected a url like"),
    ("{url: 'http://me:sk-secret@h/v1', model: m}", "must not hold a user, a key"),
    ("{url: 'http://h/v1?key=sk-secret', model: m}", "must not hold a user, a key"),
    ("{url: 'http://h/v1#m', model: m}", "must not hold a user, a key, ? or #"),
    ("{url: 'http://h/v1'}", "expected a model name"),
    ("{url: 'http://h/v1', model: ''}", "expected a model name"),
    ("{url: 8000, model: m}", "generate.teacher.url: found 8000"),
    ("{provider: openai, model: m, api_key: sk-secret}", "export it and name the variable: key_env"),
    ("{provider: openai, model: m, key_env: sk-secret}", "not the key itself"),
    ("{provider: openai, model: m, temprature: 1}", "did you mean 'temperature'?"),
    ("{provider: openai, model: m, concurrency: 0}", "generate.teacher.concurrency: found 0"),
    ("{provider: openai, model: m, concurrency: 64.0}", "generate.teacher.concurrency: found 64.0"),
    ("{provider: openai, model: m, concurrency: many}", "generate.teacher.concurrency: found 'many'"),
    ("{provider: openai, model: m, timeout: 0}", "greater than 0"),
    ("{provider: openai, model: m, timeout: 60s}", "generate.teacher.timeout: found '60s'"),
    ("{provider: openai, model: m, timeout: true}", "generate.teacher.timeout: found True"),
    ("{provider: openai, model: m, retries: -1}", "generate.teacher.retries: found -1"),
    ("{provider: openai, model: m, retries: 1000}", "less than or equal to 20"),
    ("{provider: openai, model: m, temperature: 3}", "less than or equal to 2"),
    ("{provider: openai, model: m, temperature: hot}", "generate.teacher.temperature: found 'hot'"),
    ("{provider: openai, model: m, top_p: 0}", "greater than 0"),
    ("{provider: openai, model: m, max_tokens: 0}", "generate.teacher.max_tokens: found 0"),
    ("{provider: openai, model: m, max_tokens: 512.5}", "generate.teacher.max_tokens: found 512.5"),
    ("{provider: openai, model: m, stop: 5}", "generate.teacher.stop: found 5"),
    ("{provider: openai, model: m, stop: [5]}", "generate.teacher.stop"),
    ("{provider: openai, model: m, extra: [a]}", "generate.teacher.extra"),
    ("{provider: openai, model: m, extra: {since: 2024-01-01}}", "read as a date"),
    ("[embedded, nobody]", "generate.teacher.1: expected embedded"),
    ("[embedded, {provider: openai}]", "expected a model name"),
    ("[[embedded]]", "generate.teacher.0"),
]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [case[1:] for case in WHOLE_FILE + TOP + ORDER],
    ids=[case[0] for case in WHOLE_FILE + TOP + ORDER],
)
def test_a_malformed_recipe_is_refused_at_its_line(tmp_path, text, line, says):
    first = next(p for p in refused(tmp_path, text) if says in str(p))
    assert first.file == str(tmp_path / "recipe.yaml")
    assert first.line == line


@pytest.mark.parametrize(("step", "says"), SETTINGS, ids=[case[0] for case in SETTINGS])
def test_a_wrong_setting_is_refused_at_its_line(tmp_path, step, says):
    text = with_step(step)
    if step.startswith(("seed", "emit")):  # they have their places
        text = f"{HEAD}#\nsteps:\n  - {step}\n" + ("" if step.startswith("emit") else "  - emit\n")
    (problem,) = [p for p in refused(tmp_path, text) if "must stand" not in str(p)]
    assert says in str(problem)
    assert problem.line == 5


@pytest.mark.parametrize(("teacher", "says"), TEACHERS, ids=[case[0] for case in TEACHERS])
def test_a_wrong_teacher_is_refused_at_its_line_and_no_key_is_repeated(tmp_path, teacher, says):
    problems = refused(tmp_path, with_teacher(teacher))
    assert any(says in str(problem) for problem in problems), problems
    assert {problem.line for problem in problems} == {5}
    assert "sk-secret" not in str(problems)


@pytest.mark.parametrize("teacher", [
    "embedded", "{provider: embedded}", "openai:gpt-4o", "'ollama:llama3.1:8b'", "http://127.0.0.1:8000/v1#m",
    "{url: 'http://[::1]:8000/v1', model: m, key_env: MY_KEY, temperature: 0, timeout: 1, stop: [a, b]}",
    "[embedded, 'openai:a', 'openai:b']", "{provider: openai, model: m, extra: {logprobs: true}}",
])  # fmt: skip
def test_every_way_to_name_a_teacher_is_read(tmp_path, teacher):
    assert load(tmp_path, with_teacher(teacher)).steps[1].config.teacher


def test_every_provider_can_be_named(tmp_path):
    for provider in config.PROVIDERS:
        (teacher,) = load(tmp_path, with_teacher(f"'{provider}:some/model:tag'")).steps[1].config.teacher
        assert (teacher.provider, teacher.model) == (provider, "some/model:tag")


def test_a_key_in_a_file_is_told_at_its_own_line(tmp_path):
    text = with_step("generate:\n      teacher:\n        provider: openai\n        model: m\n        api_key: sk-1")
    (problem,) = refused(tmp_path, text)
    assert (problem.line, "sk-1" in str(problem)) == (9, False)


def test_many_problems_are_all_told_in_order_of_their_lines(tmp_path):
    text = (
        "name: ../x\nversion: 1\nseed: -1\ncolour: red\nsteps:\n  - seed: {paht: a}\n  - magic: {}\n"
        "  - generate:\n      teacher:\n        url: nowhere\n        model: m\n        temperature: 9\n"
        "      samples: 0\n  - dedup: {threshold: 7, on: nothing}\n"
    )
    lines = [problem.line for problem in refused(tmp_path, text)]
    assert lines == sorted(lines)
    assert set(lines) == {1, 2, 3, 4, 6, 7, 10, 12, 13, 14}
    assert lines.count(14) == 2


def test_problems_of_order_are_told_beside_problems_of_settings(tmp_path):
    said = str(refused(tmp_path, HEAD + "steps:\n  - dedup: {threshold: 7}\n  - quality: {x: 1}\n"))
    assert all(part in said for part in ("no `seed`", "no `emit`", "dedup.threshold", "quality.x"))


def test_an_alias_bomb_is_refused_before_it_is_unfolded(tmp_path):
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 20))
    (problem,) = refused(tmp_path, bomb)
    assert "more than" in problem.what


@pytest.mark.parametrize(
    "source", ["", ".", "no-such-recipe", "x\0y", "~nobody-at-all/r.yaml", "a" * 5000, "/dev/null/x"]
)
def test_a_recipe_that_is_not_there_is_refused(source):
    with pytest.raises(InputError) as caught:
        recipe.load(source, CONFIGS)
    assert "quickstart" in str(caught.value)


def test_a_folder_for_a_recipe_points_at_the_file_in_it(tmp_path):
    (tmp_path / "recipe.yaml").write_text(GOOD)
    with pytest.raises(InputError, match=r"it holds recipe\.yaml"):
        recipe.load(str(tmp_path), CONFIGS)


def test_a_byte_order_mark_and_dos_line_ends_change_nothing(tmp_path):
    plain = load(tmp_path, GOOD)
    dos = load(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert dos.hash() == plain.hash()
    assert [step.line for step in dos.steps] == [step.line for step in plain.steps] == [4, 5]


def test_a_step_without_settings_may_be_a_bare_word(tmp_path):
    assert load(tmp_path, with_step("dedup")).identity() == load(tmp_path, with_step("dedup: {}")).identity()


def test_what_is_not_in_the_file_takes_its_default_and_keys_like_on_stay_text(tmp_path):
    step = load(tmp_path, with_step("dedup: {on: response}")).steps[1].config
    assert (step.on, step.threshold) == ("response", 0.7)


def test_identity_knows_what_is_asked_and_not_how_it_is_fetched(tmp_path):
    def identity(teacher):
        return load(tmp_path, with_teacher(teacher)).hash()

    one = identity("{provider: openai, model: m}")
    how = "concurrency: 9, timeout: 3, retries: 1, key_env: MY_KEY"
    assert identity(f"{{provider: openai, model: m, {how}}}") == one == identity("openai:m")
    others = ["temperature: 0.5", "max_tokens: 5", "stop: x", "url: 'http://h/v1'", "extra: {echo: true}"]
    assert len({one} | {identity(f"{{provider: openai, model: m, {other}}}") for other in others}) == 6


def test_comments_and_layout_are_no_part_of_identity_but_the_text_is_kept(tmp_path):
    commented = "# mine\n" + GOOD
    assert load(tmp_path, commented).hash() == load(tmp_path, GOOD).hash()
    assert load(tmp_path, commented).text == commented


@pytest.mark.parametrize(("option", "says"), [
    ("nobody", "expected embedded, provider:model"), ("opnai:x", "did you mean 'openai'?"), ("openai:", "model name"),
    ("", "expected embedded"), ("http://#m", "expected a url"),
])  # fmt: skip
def test_a_wrong_teacher_option_is_not_laid_on_the_recipe(tmp_path, option, says):
    (problem,) = refused(tmp_path, with_step("generate: {samples: 2}"), teacher=option)
    assert (problem.file, problem.line) == ("--teacher", 0)
    assert says in str(problem)


def test_the_teacher_option_replaces_the_recipes_teacher(tmp_path):
    loaded = load(tmp_path, with_teacher("embedded"), teacher="http://h/v1#m")
    assert loaded.steps[1].config.teacher[0].url == "http://h/v1"


def test_a_teacher_option_without_a_generate_step_is_refused_not_ignored(tmp_path):
    (problem,) = refused(tmp_path, GOOD, teacher="embedded")
    assert "no `generate` step" in str(problem)


@pytest.mark.parametrize("name", assets.names("recipes", ".yaml"))
def test_shipped_recipes_are_right(name):
    loaded = recipe.load(name, CONFIGS)
    assert [step.name for step in loaded.steps][:: len(loaded.steps) - 1] == ["seed", "emit"]


KEYS = st.sampled_from([
    *("name", "version", "seed", "steps", "path", "tasks", "count", "teacher", "url", "model", "stop", "extra"),
    *("fields", "on", "keep", "generate", "dedup", "emit", "union", "list[str]", "", "0", "é"),
]) | st.text(max_size=5)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
SCALARS |= st.sampled_from(["embedded", "openai:m", "http://h/v1#m", "http://[", "drop", "prompt"])
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
STEP = st.dictionaries(st.sampled_from([*CONFIGS, "magic"]), TREES, min_size=1, max_size=1) | TREES
RECIPES = TREES | st.fixed_dictionaries(
    {"name": st.just("a") | SCALARS, "version": st.just("0.1.0") | SCALARS, "steps": st.lists(STEP, max_size=4)},
    optional={"seed": SCALARS, "x": TREES},
)


def _only_input_errors(tmp_path, text):
    try:
        load(tmp_path, text)
    except InputError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.file == str(tmp_path / "recipe.yaml")
            assert 1 <= problem.line <= len(re.findall(r"\r\n|[\n\r\x85\u2028\u2029]", text)) + 1
            assert "\n" not in str(problem)[:20]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(RECIPES)
def test_whatever_structure_comes_it_is_a_recipe_or_an_input_error(tmp_path, tree):
    _only_input_errors(tmp_path, yaml.dump(tree, allow_unicode=True))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.text(alphabet=string.printable + "é\x00\u2028\ud800", max_size=60)
    | st.from_regex(
        r"(name|version|steps|- seed|  a)?: ?[&*!|>%@`\[\]{},\"'#?-]{0,6}\n(.{0,12}\n){0,3}", fullmatch=True
    )
)
def test_whatever_text_comes_it_is_a_recipe_or_an_input_error(tmp_path, text):
    _only_input_errors(tmp_path, text)
