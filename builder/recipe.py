"""The recipe: a YAML file with a name, a version, a seed and an ordered list of steps.

    name: my-dataset
    version: 0.1.0
    seed: 7
    steps:
      - seed: {path: seeds.jsonl}
      - dedup: {threshold: 0.7}
      - emit: {}

`load` reports every problem at once, each with its file and line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder import assets
from builder.errors import InputError, Problem
from builder.rows import content_id

if TYPE_CHECKING:
    import yaml
    from pydantic import BaseModel

    from builder.config import Config

Path_ = tuple[str | int, ...]
Lines = dict[Path_, int]

# They change how an answer is fetched, never which answer is asked for, so they are no part of a recipe's identity.
_NOT_IDENTITY = frozenset({"concurrency", "timeout", "retries", "key_env"})

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$"
_VERSION = r"^\d+\.\d+\.\d+([-+.][A-Za-z0-9.+-]{1,40})?$"
_TOO_DEEP = 32


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

    def identity(self) -> dict[str, Any]:
        """Return what decides the content of the dataset, as plain data."""
        steps = [{step.name: _identity(step.config.model_dump(mode="json"))} for step in self.steps]
        return {"name": self.name, "version": self.version, "seed": self.seed, "steps": steps}

    def hash(self) -> str:
        """Return the recipe's content hash."""
        return content_id("recipe", self.identity())


def _identity(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _identity(v) for k, v in value.items() if k not in _NOT_IDENTITY and v is not None}
    return [_identity(v) for v in value] if isinstance(value, list) else value


def find(source: str) -> tuple[str, str, Path]:
    """Return (file shown in messages, text, base folder) of a path or of a shipped recipe's name."""
    path = Path(source).expanduser()
    shipped = assets.names("recipes", ".yaml")
    if source in shipped and not path.is_file():
        return f"{source} (shipped)", assets.read(f"recipes/{source}.yaml"), Path.cwd()
    fix = f"give a path, or one of the shipped recipes: {', '.join(shipped)}"
    if path.is_dir():
        inside = " (it holds recipe.yaml: give that file)" if (path / "recipe.yaml").is_file() else ""
        raise InputError([Problem(source, 0, f"expected a recipe file, found a folder{inside}", fix)])
    try:
        return source, path.read_bytes().decode("utf-8-sig"), path.resolve().parent
    except UnicodeDecodeError as error:
        raise InputError(
            [Problem(source, 0, f"not UTF-8 text: byte {error.start}", "save it as UTF-8")]
        ) from None
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise InputError([Problem(source, 0, f"cannot read the recipe: {what}", fix)]) from None


def load(source: str, configs: Mapping[str, type[Config]], *, teacher: str | None = None) -> Recipe:
    """Read and validate a recipe.

    Args:
        source: a path, or the name of a shipped recipe.
        configs: step name -> its config class.
        teacher: replaces the teacher of every `generate` step (`--teacher`).

    Raises:
        InputError: with every problem found, each with file and line.
    """
    from pydantic import BaseModel, ConfigDict, Field, ValidationError

    class Top(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        name: str = Field(pattern=_NAME)
        version: str = Field(pattern=_VERSION)
        seed: int = Field(default=0, ge=0, lt=2**63)
        steps: list[Any] = Field(min_length=1)

    file, text, base = find(source)
    value, lines = _parse_yaml(text, file)
    problems: list[Problem] = []
    head: Top | None = None
    if not isinstance(value, dict):
        found = "an empty file" if value is None else type(value).__name__
        raise InputError([Problem(file, 1, f"expected a mapping with name, version, steps; found {found}")])
    try:
        head = Top.model_validate(value)
    except ValidationError as error:
        problems += _problems(error, (), Top, file, lines)
    steps = []
    listed = value.get("steps")
    for number, item in enumerate(listed if isinstance(listed, list) else []):
        try:
            steps.append(_step(item, number, configs, teacher, file, lines))
        except InputError as error:
            problems += error.problems
    if not problems:
        problems += _order(steps, file)
    if problems or head is None:
        raise InputError(sorted(problems))
    return Recipe(head.name, head.version, head.seed, tuple(steps), file, base, text)


def _step(
    item: Any, number: int, configs: Mapping[str, type[Config]], teacher: str | None, file: str, lines: Lines
) -> RecipeStep:
    from pydantic import ValidationError

    line = _line(("steps", number), lines)
    known = ", ".join(configs)
    if isinstance(item, str):
        item = {item: None}
    if not isinstance(item, dict) or len(item) != 1:
        found = f"keys {', '.join(map(str, item))}" if isinstance(item, dict) else repr(item)
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
        raise InputError(
            [Problem(file, line, f"{name}: expected a mapping of its settings; found {given!r}")]
        )
    if name == "generate" and teacher is not None:
        given = {**given, "teacher": teacher}
    try:
        return RecipeStep(name, configs[name].model_validate(given), line)
    except ValidationError as error:
        raise InputError(_problems(error, ("steps", number, name), configs[name], file, lines)) from None


def _order(steps: list[RecipeStep], file: str) -> Iterator[Problem]:
    names = [step.name for step in steps]
    for name, where, index in (("seed", "first", 0), ("emit", "last", -1)):
        if name not in names:
            yield Problem(file, steps[index].line, f"no `{name}` step", f"it must stand {where}")
        elif names[index] != name:
            yield Problem(file, steps[names.index(name)].line, f"`{name}` must stand {where} in steps")
        for extra in [s for s in steps if s.name == name][1:]:
            yield Problem(file, extra.line, f"a second `{name}` step; expected one")


def _problems(error: Any, prefix: Path_, model: type[BaseModel], file: str, lines: Lines) -> list[Problem]:
    """Turn pydantic's errors into sentences with a line."""
    out = []
    for e in error.errors(include_url=False):
        # Union members and validators leave names in the path that no user wrote.
        loc = tuple(
            part for part in e["loc"] if not str(part).startswith(("function-", "list[", "union", "nullable"))
        )
        where = ".".join(str(part) for part in (*prefix[2:], *loc))
        message = e["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        fix = ""
        match e["type"]:
            case "extra_forbidden":
                known = list(model.model_fields) if len(loc) == 1 else []
                near = difflib.get_close_matches(str(loc[-1]), known, n=1)
                what = f"unknown key {where!r}"
                fix = (f"did you mean {near[0]!r}? " if near else "") + (
                    f"known: {', '.join(known)}" if known else ""
                )
            case "missing":
                what = f"{where!r} is missing"
            case "value_error":
                what = f"{where}: {message}" if where else message
            case "string_pattern_mismatch" if loc == ("version",):
                what = f"version: found {e['input']!r}, expected three numbers like 0.1.0"
            case "string_pattern_mismatch":
                what = f"{where}: found {e['input']!r}, expected letters, digits, '.', '_' or '-' (it names a folder)"
            case "string_type" if loc == ("version",):
                what = f"version: found {e['input']!r}, expected three numbers like 0.1.0"
                fix = "quote it if YAML reads it as a number"
            case _:
                what = f"{where}: found {_short(e['input'])}, expected {message}"
        out.append(Problem(file, _line((*prefix, *loc), lines), what, fix))
    return list(dict.fromkeys(out))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _line(path: Path_, lines: Lines) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _parse_yaml(text: str, file: str) -> tuple[Any, Lines]:
    """Parse YAML into plain data and the line of every key; duplicate keys and YAML errors are problems."""
    import yaml

    lines: Lines = {}
    problems: list[Problem] = []
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        value = None if node is None else _value(node, (), loader, lines, problems, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise InputError([Problem(file, mark.line + 1 if mark else 1, f"not valid YAML: {what}")]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise InputError([Problem(file, 1, f"not valid YAML: {' '.join(str(error).split())}")]) from None
    if problems:
        raise InputError(problems)
    return value, lines


def _value(
    node: yaml.Node, path: Path_, loader: yaml.SafeLoader, lines: Lines, problems: list[Problem], file: str
) -> Any:
    import yaml

    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if len(path) > _TOO_DEEP:
        raise InputError([Problem(file, line, "nested too deeply (an alias that contains itself?)")])
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                problems.append(Problem(file, key_line, "a key must be a plain word"))
                continue
            key = key_node.value
            if key in mapping:
                problems.append(Problem(file, key_line, f"the key {key!r} stands twice"))
            lines[(*path, key)] = key_line
            mapping[key] = _value(value_node, (*path, key), loader, lines, problems, file)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, i), loader, lines, problems, file) for i, item in enumerate(node.value)]
    if not node.tag.startswith("tag:yaml.org,2002:"):
        raise InputError([Problem(file, line, f"YAML tags are not used here; found {node.tag}")])
    return loader.construct_object(node)
