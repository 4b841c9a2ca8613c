"""Run plain Python in this process, fast: one function of an allow-list of syntax, its steps and sizes counted.

`harmless(code)` says whether code is of that kind: no import, no statement that loops, no attribute but a few methods
that change nothing, no call but of a few builtins. What is left could still be slow or large, so every loop, operator,
call and container is rewritten to go through a count, and code that takes too much of anything is stopped.
"""

import ast
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

LENGTH = 2_000  # characters of code
STEPS = 20_000  # turns of loops, operations and calls
SIZE = 5_000  # characters and items that a value may hold, all in all
MAGNITUDE = 10**15

NODES = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.Return, ast.Assign, ast.If, ast.IfExp, ast.Expr, ast.Lambda),
    *(ast.Load, ast.Store, ast.List, ast.Tuple, ast.Dict, ast.Slice, ast.keyword, ast.comprehension),
    *(ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE),
    *(ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
)
METHODS = frozenset(
    (
        *("count", "endswith", "get", "isalpha", "isdigit", "islower", "isupper", "items", "join", "keys"),
        *("lower", "lstrip", "replace", "rstrip", "split", "startswith", "strip", "title", "upper", "values"),
    )
)
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
}


class TooMuchError(Exception):
    """The code takes too many steps, or makes too large a value, to be run in this process."""


def harmless(code: str) -> bool:
    """Tell whether code is one plain function that may be run in this process."""
    if len(code) > LENGTH:
        return False
    try:
        tree = _tree(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return [type(node) for node in tree.body] == [ast.FunctionDef] and _plain(tree)


def call(code: str, function: str, calls: list[list[Any]]) -> list[Any] | None:
    """Return what the function of harmless code gives for each list of arguments; None where it fails.

    Raises TooMuchError where the code wants more than it may have here.
    """
    count = _Count()
    space: dict[str, Any] = {"<each>": count.each, "<sized>": count.sized, "<compute>": count.compute}
    space["__builtins__"] = BUILTINS | {"sum": count.sum}
    try:
        program = compile(ast.fix_missing_locations(_Counted().visit(_tree(code))), "answer", "exec")
    except RecursionError:  # a thousand operations within each other
        raise TooMuchError from None
    try:
        exec(program, space)
        return [space[function](*args) for args in calls]
    except TooMuchError:
        raise
    except Exception:  # whatever else a stranger's code raises, it has failed
        return None


def _tree(code: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def _plain(tree: ast.Module) -> bool:
    """Tell whether every node is on the list, every name known, and only builtins and methods are called."""
    nodes = list(ast.walk(tree))
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    called = {id(node.func) for node in calls}
    # The order of a set of words is chance: a set may only be counted, sorted or looked into.
    settled = {
        id(arg)
        for node in calls
        if isinstance(node.func, ast.Name) and node.func.id in ("sorted", "len")
        for arg in node.args
    }

    def plain(node: ast.AST) -> bool:
        match node:
            case ast.Name():
                known = (node.id in BUILTINS) != (node.id in own)  # no local hides a builtin
                return known and (id(node) not in called or node.id in BUILTINS) and "__" not in node.id
            case ast.arg():
                return "__" not in node.arg
            case ast.Attribute():
                return id(node) in called and node.attr in METHODS
            case ast.Call(func=ast.Name(id="set")) | ast.SetComp():
                return id(node) in settled
            case ast.Call():
                return isinstance(node.func, ast.Name | ast.Attribute)
            case ast.Constant():
                return isinstance(node.value, str | int | float | None)
            case ast.Subscript():
                return isinstance(node.ctx, ast.Load)
            case ast.FunctionDef():
                return not node.decorator_list and "__" not in node.name and node.name not in BUILTINS
            case _:
                return isinstance(node, NODES)

    return all(map(plain, nodes))


class _Counted(ast.NodeTransformer):
    """Rewrites a tree so that loops, operations, calls and containers go through the counting functions."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        match node:
            case ast.comprehension():
                node.iter = _through("<each>", node.iter)
            case ast.BinOp():
                return _through("<compute>", ast.Constant(type(node.op).__name__), node.left, node.right)
            case ast.Call() | ast.ListComp() | ast.DictComp() | ast.SetComp() | ast.Dict():
                return _through("<sized>", node)
            case ast.List(ctx=ast.Load()) | ast.Tuple(ctx=ast.Load()):
                return _through("<sized>", node)
        return node


def _through(name: str, *values: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(values), [])


class _Count:
    """The steps left to one run."""

    def __init__(self) -> None:
        self.left = STEPS

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooMuchError

    def each(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.step()
            yield item

    def sized(self, value: Any) -> Any:
        self.step()
        _weigh(value, SIZE)
        return value

    def compute(self, name: str, left: Any, right: Any) -> Any:
        """Do one operation on numbers, or put texts or lists together."""
        if isinstance(left, int | float) and isinstance(right, int | float):
            if max(abs(left), abs(right)) > MAGNITUDE:
                raise TooMuchError
        elif name != "Add":
            raise TooMuchError
        return self.sized(OPERATORS[name](left, right))

    def sum(self, values: Iterable[Any], start: Any = 0) -> Any:
        for value in values:
            start = self.compute("Add", start, value)
        return start


def _weigh(value: Any, left: int) -> int:
    """Return what is left of a size after the value; a value that is held many times weighs as often."""
    left -= len(value) if isinstance(value, str) else 1
    if left < 0:
        raise TooMuchError
    if isinstance(value, dict):
        for key, item in value.items():
            left = _weigh(item, _weigh(key, left))
    elif isinstance(value, list | tuple | set):
        for item in value:
            left = _weigh(item, left)
    return left


def _round(value: Any, digits: int | None = None) -> Any:
    if digits is not None and abs(digits) > 20:
        raise TooMuchError
    return round(value, digits)


BUILTINS: dict[str, Any] = {
    **{f.__name__: f for f in (abs, all, any, bool, dict, enumerate, float, int, len, list, max, min)},
    **{f.__name__: f for f in (reversed, set, sorted, str, sum, tuple, zip)},
    "round": _round,
    "print": lambda *values: None,
}
