"""The recipe: a YAML file with a name, a version, a seed and an ordered list of steps.

    name: my-dataset
    version: 0.1.0
    seed: 7
    budget: {usd: 5.0}
    steps:
      - seed: {path: seeds.jsonl}
      - dedup: {threshold: 0.7}
      - emit: {}

`load` reports every problem at once, each with its file and line.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from builder import assets, yaml_file
from builder.errors import InputError, Problem
from builder.providers import EMBEDDED
from builder.rows import content_id
from builder.yaml_file import Lines, Place

if TYPE_CHECKING:
    from pydantic import BaseModel

    from builder.config import BudgetConfig, Config

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$"
_VERSION = r"^[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}([-+.][A-Za-z0-9.+-]{1,40})?$"
_ONCE = ("seed", "generate", "near_miss", "judge", "pair", "emit")
"""Steps that stand at most once: a second one would grow, score or pair what the first has."""
_NEVER_AFTER = {"verify": ("judge",), "near_miss": ("judge",), "judge": ("pair",), "redact": ("quality", "pair")}
"""Steps that score or make new rows, and what must not stand before them: it has gone by what was there before."""


@dataclass(frozen=True)
class RecipeStep:
    """One line of the list: the step's name, its validated config and where it stands."""

    name: str
    config: Config
    line: int


@dataclass(frozen=True)
class Recipe:
    """A validated recipe."""

    name: str
    version: str
    seed: int
    steps: tuple[RecipeStep, ...]
    file: str
    base: Path
    """Relative paths in the recipe start here."""
    text: str
    """As written, comments and all: it goes on the dataset card."""
    budget: BudgetConfig | None = None
    """What building it may use; no part of what it is."""
    prices: str | None = None
    """A file with prices that go before the shipped table."""

    def identity(self) -> dict[str, Any]:
        """Return what decides the content of the dataset, as plain data."""
        steps = [{step.name: step.config.identity()} for step in self.steps]
        return {"name": self.name, "version": self.version, "seed": self.seed, "steps": steps}

    @property
    def asks(self) -> bool:
        """Whether a teacher answers every prompt, so that the seeds' own responses are not emitted."""
        return any(step.name == "generate" and not getattr(step.config, "only_missing", False) for step in self.steps)

    def hash(self) -> str:
        """Return the recipe's content hash."""
        return content_id("recipe", self.identity())


def find(source: str) -> tuple[str, str, Path]:
    """Return (file shown in messages, text, base folder) of a path or of a shipped recipe's name."""
    shipped = assets.names("recipes", ".yaml")
    fix = f"give a path, or one of the shipped recipes: {', '.join(shipped)}"
    try:
        path = Path(source).expanduser()
        if source in shipped and not path.is_file():
            return f"{source} (shipped)", assets.read(f"recipes/{source}.yaml"), Path.cwd()
        if path.is_dir():
            inside = " (it holds recipe.yaml: give that file)" if (path / "recipe.yaml").is_file() else ""
            raise InputError([Problem(source, 0, f"expected a recipe file, found a folder{inside}", fix)])
        return source, path.read_bytes().decode("utf-8-sig"), path.resolve().parent
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        what = f"not UTF-8 text: byte {error.start} of the file"
        raise InputError([Problem(source, line, what, "save it as UTF-8")]) from None
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: `~nobody/recipe.yaml`
        what = getattr(error, "strerror", None) or str(error)
        raise InputError([Problem(source, 0, f"cannot read the recipe: {what}", fix)]) from None


def load(
    source: str,
    configs: Mapping[str, type[Config]],
    *,
    teacher: str | None = None,
    check: Callable[[RecipeStep, Path], Sequence[str]] = lambda step, base: (),
) -> Recipe:
    """Read and validate a recipe.

    Args:
        source: a path, or the name of a shipped recipe.
        configs: step name -> its config class.
        teacher: replaces the teacher of every `generate` step (`--teacher`).
        check: says what is wrong with one valid step, given the recipe's folder: files, templates.

    Raises:
        InputError: with every problem found, each with file and line.
    """
    from pydantic import BaseModel, ConfigDict, Field, ValidationError

    from builder.config import BudgetConfig as Budget

    class Top(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        name: str = Field(pattern=_NAME)
        version: str = Field(pattern=_VERSION)
        seed: int = Field(default=0, ge=0, lt=2**63)
        budget: Budget | None = None
        prices: str | None = None
        steps: list[Any] = Field(min_length=1)

    file, text, base = find(source)
    value, lines = yaml_file.parse(text, file)
    head: Top | None = None
    if not isinstance(value, dict):
        found = "an empty file" if value is None else type(value).__name__
        raise InputError([Problem(file, 1, f"expected a mapping with name, version, steps; found {found}")])
    listed = value["steps"] if isinstance(value.get("steps"), list) else []
    problems = _option(teacher, listed, configs)
    stands_in = EMBEDDED if problems else teacher  # a faulty --teacher is told once, not at every step
    try:
        head = Top.model_validate(value)
    except ValidationError as error:
        problems += _problems(error, (), Top, file, lines)
    problems += _order(listed, configs, file, lines)
    steps = []
    for number, item in enumerate(listed):
        try:
            steps.append(_step(item, number, configs, stands_in, file, lines))
            problems += [Problem(file, steps[-1].line, what) for what in check(steps[-1], base)]
        except InputError as error:
            problems += error.problems
    if problems or head is None:
        raise InputError(sorted(problems))
    said = text if teacher is None else f"# built with --teacher {teacher}\n{text}"
    return Recipe(head.name, head.version, head.seed, tuple(steps), file, base, said, head.budget, head.prices)


def _option(teacher: str | None, listed: Sequence[Any], configs: Mapping[str, type[Config]]) -> list[Problem]:
    """Hold `--teacher` by itself, so that its faults are not laid on the recipe."""
    from pydantic import ValidationError

    if teacher is None:
        return []
    if "generate" not in map(_name, listed):
        return [Problem("--teacher", 0, "the recipe has no `generate` step that would ask a teacher")]
    try:
        configs["generate"].model_validate({"teacher": teacher})
    except ValidationError as error:
        return _problems(error, (), configs["generate"], "--teacher", {(): 0})
    return []


def _name(item: Any) -> Any:
    """Return the name of a listed step; None where it is not one step."""
    if isinstance(item, dict):
        return next(iter(item)) if len(item) == 1 else None
    return item if isinstance(item, str) else None


def _step(
    item: Any, number: int, configs: Mapping[str, type[Config]], teacher: str | None, file: str, lines: Lines
) -> RecipeStep:
    from pydantic import ValidationError

    line = _line(("steps", number), lines)
    known = ", ".join(configs)
    if isinstance(item, str):
        item = {item: None}
    if not isinstance(item, dict) or len(item) != 1:
        found = f"keys {', '.join(map(str, item))}" if isinstance(item, dict) else _short(item)
        raise InputError(
            [Problem(file, line, f"steps[{number}]: expected one step, like `- dedup: {{}}`; found {found}")]
        )
    name, given = next(iter(item.items()))
    if name not in configs:
        near = difflib.get_close_matches(str(name), configs, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError([Problem(file, line, f"unknown step {name!r}", f"{hint}known: {known}")])
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise InputError([Problem(file, line, f"{name}: expected a mapping of its settings; found {_short(given)}")])
    if name == "generate" and teacher is not None:
        given = {**given, "teacher": _standing_in(teacher, given.get("teacher"))}
    try:
        return RecipeStep(name, configs[name].model_validate(given), line)
    except ValidationError as error:
        raise InputError(_problems(error, ("steps", number, name), configs[name], file, lines)) from None


def _standing_in(teacher: str, named: Any) -> Any:
    """Return the teacher of `--teacher` with the settings of the one it stands in for: only who is asked changes."""
    if not isinstance(named, dict) or teacher == EMBEDDED:
        return teacher
    from builder.config import spread_teacher

    whose = ("provider", "model", "url", "key_env", "extra")
    return {name: value for name, value in named.items() if name not in whose} | spread_teacher(teacher)


def _order(listed: Sequence[Any], configs: Mapping[str, type[Config]], file: str, lines: Lines) -> Iterator[Problem]:
    names = [_name(item) for item in listed]
    if not names or any(name not in configs for name in names):
        return  # what is not a step is said by itself; whether one is missing cannot be told
    line = {name: _line(("steps", number), lines) for number, name in reversed(list(enumerate(names)))}
    for name, where, index in (("seed", "first", 0), ("emit", "last", -1)):
        if name not in names:
            yield Problem(file, line[names[index]], f"no `{name}` step", f"it must stand {where}")
        elif names[index] != name:
            yield Problem(file, line[name], f"`{name}` must stand {where} in steps")
    for number, name in enumerate(names):
        if name in _ONCE and name in names[:number]:
            yield Problem(file, _line(("steps", number), lines), f"a second `{name}` step; expected one")
        for later in set(_NEVER_AFTER.get(name, ())) & set(names[:number]):
            what = f"`{name}` stands after `{later}`, whose findings it would change or come too late for"
            yield Problem(file, _line(("steps", number), lines), what, f"put it before `{later}`")


def _problems(error: Any, prefix: Place, model: type[BaseModel], file: str, lines: Lines) -> list[Problem]:
    """Turn pydantic's errors into sentences with a line."""
    out = []
    for e in error.errors(include_url=False):
        place = _place(prefix, e["loc"], lines, missing=e["type"] == "missing")
        where = ".".join(str(part) for part in place[2:] or place)
        message = e["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        fix = ""
        match e["type"]:
            case "extra_forbidden":
                owner = _owner(model, e["loc"])
                near = difflib.get_close_matches(str(place[-1]), owner.model_fields, n=1)
                what = f"unknown key {where!r}"
                fix = f"did you mean {near[0]!r}? " if near else ""
                fix += f"known: {', '.join(owner.model_fields)}"
                fix = getattr(owner, "refused", {}).get(place[-1], fix)
            case "missing":
                what = f"{where!r} is missing"
            case "too_short":
                what = f"{where}: found {_short(e['input'])}, expected one or more"
            case "value_error":
                what = f"{where}: {message}" if where else message
            case "string_pattern_mismatch" if place == ("version",):
                what = f"version: found {_short(e['input'])}, expected three numbers like 0.1.0"
            case "string_pattern_mismatch":
                what = f"{where}: found {_short(e['input'])}, expected letters, digits, '.', '_' or '-'"
                fix = "it is used as a folder name"
            case "string_type" if place == ("version",):
                what = f"version: found {_short(e['input'])}, expected three numbers like 0.1.0"
                fix = "quote it if YAML reads it as a number"
            case _:
                what = f"{where}: found {_short(e['input'])}, expected {message}"
        out.append(Problem(file, _line(place, lines), what, fix))
    return list(dict.fromkeys(out))


def _place(prefix: Place, loc: Place, lines: Lines, *, missing: bool) -> Place:
    """Return where an error stands in the file; the names of union members and validators stand in none."""
    place = prefix
    for part in loc:
        if (*place, part) in lines:
            place = (*place, part)
    return (*place, loc[-1]) if missing else place


def _owner(model: Any, loc: Place) -> Any:
    """Return the config class whose key the last part of a path is."""
    from pydantic import BaseModel

    for part in loc[:-1]:
        if field := model.model_fields.get(part):
            inside = [field.annotation]
            for annotation in inside:  # it grows as it is walked: list[TeacherConfig], TasksConfig | None
                inside += get_args(annotation)
            model = next((a for a in inside if isinstance(a, type) and issubclass(a, BaseModel)), model)
    return model


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _line(path: Place, lines: Lines) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)
