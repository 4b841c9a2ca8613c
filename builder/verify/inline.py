"""Run plain Python in this process, fast: one function of an allow-list of syntax, its sizes and steps counted.

`harmless(code)` says whether code is of that kind: no import, no while, no attribute but a few methods, no name but its own
and a few builtins. What is left could still be slow or large, so every loop, operator and call is made to count.
"""

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import CodeType
from typing import Any

LENGTH = 2_000  # characters of code
STEPS = 20_000  # turns of all loops of all calls together
SIZE = 2_000  # items or characters that a value may have
MAGNITUDE = 10**15

NODES = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign),
    *(ast.For, ast.If, ast.IfExp, ast.Expr, ast.Continue, ast.Break, ast.Pass, ast.Name, ast.Load, ast.Store),
    *(ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Subscript, ast.Slice, ast.Call, ast.keyword, ast.Lambda),
    *(ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp, ast.comprehension, ast.Attribute),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE),
    *(ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
)
BUILTINS: dict[str, Any] = {
    function.__name__: function
    for function in (abs, all, any, bool, dict, enumerate, float, int, len, list, max, min, reversed, round, set)
} | {function.__name__: function for function in (sorted, str, sum, tuple, zip)}
METHODS = frozenset(
    "append count endswith get index isalpha isdigit islower isupper items join keys lower lstrip replace rstrip "
    "setdefault split startswith strip title upper values".split()
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
    """The code takes too many steps or makes too large a value."""


def harmless(code: str) -> bool:
    """Tell whether code is one plain function that may be run in this process."""
    return (tree := _parse(code)) is not None and len(tree.body) == 1 and _plain(tree)


def call(code: str, function: str, calls: list[list[Any]]) -> list[Any] | None:
    """Return what the function of harmless code gives for each list of arguments; None where it fails."""
    space = {"__builtins__": BUILTINS, "<each>": _counter(), "<sized>": _sized, "<compute>": _compute}
    try:
        exec(_compile(code), space)
        return [_sized(space[function](*args)) for args in calls]
    except Exception:  # whatever a stranger's code raises, it has failed
        return None


def _parse(code: str) -> ast.Module | None:
    if len(code) > LENGTH:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _compile(code: str) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(ast.fix_missing_locations(_Counted().visit(ast.parse(code))), "answer", "exec")


def _plain(tree: ast.Module) -> bool:
    """Tell whether every node of the tree is on the list, and every name and call known."""
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    # The order of a set of words is chance: a set may only be counted, sorted or looked into.
    ordered = {
        id(arg)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("sorted", "len")
        for arg in node.args
    }
    return isinstance(tree.body[0], ast.FunctionDef) and all(
        _plain_node(node, own, called, ordered) for node in ast.walk(tree)
    )


def _plain_node(node: ast.AST, own: set[str], called: set[int], ordered: set[int]) -> bool:
    match node:
        case ast.FunctionDef():
            return not node.decorator_list and "__" not in node.name and node.name not in BUILTINS
        case ast.Name():
            if "__" in node.id:
                return False
            # A local must not hide a builtin, and only builtins are called: no recursion, no call of a lambda.
            return (node.id in BUILTINS) != (node.id in own) and (id(node) not in called or node.id in BUILTINS)
        case ast.arg():
            return "__" not in node.arg and node.arg not in BUILTINS
        case ast.Attribute():
            return id(node) in called and node.attr in METHODS
        case ast.Call(func=ast.Name(id="set")) | ast.SetComp():
            return id(node) in ordered
        case ast.Call():
            return isinstance(node.func, ast.Name | ast.Attribute)
        case ast.Constant():
            return isinstance(node.value, str | int | float | bool | None) and len(str(node.value)) <= SIZE
        case ast.AugAssign():
            return isinstance(node.target, ast.Name)
        case _:
            return isinstance(node, NODES)


class _Counted(ast.NodeTransformer):
    """Rewrite loops, operators and calls so that they go through the counting functions below."""

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.iter = _through("<each>", node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.iter = _through("<each>", node.iter)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _through("<compute>", ast.Constant(type(node.op).__name__), node.left, node.right)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        assert isinstance(node.target, ast.Name)
        kind, old = ast.Constant(type(node.op).__name__), ast.Name(node.target.id, ast.Load())
        return ast.Assign([node.target], _through("<compute>", kind, old, node.value))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return _through("<sized>", node)


def _through(name: str, *values: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(values), [])


def _counter() -> Callable[[Iterable[Any]], Iterator[Any]]:
    steps = iter(range(STEPS))

    def each(items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            if next(steps, None) is None:
                raise TooMuchError
            yield item

    return each


def _sized(value: Any) -> Any:
    if isinstance(value, str | list | tuple | dict) and len(value) > SIZE:
        raise TooMuchError
    return value


def _compute(name: str, left: Any, right: Any) -> Any:
    """Do one operation on numbers, or put texts or lists together."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        if max(abs(left), abs(right)) > MAGNITUDE:
            raise TooMuchError
    elif name != "Add":
        raise TooMuchError
    return _sized(OPERATORS[name](left, right))
