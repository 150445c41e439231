"""The regular expressions of the product, found in its source, and the worst texts for each."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from meterline.api.params.specs import Array, Either, Map, Object, Param, String
from meterline.api.routes.description import all_operations

ROOT = Path(__file__).parents[2]
SOURCES = {
    ROOT / "layers/meterline/python": "meterline",
    ROOT / "cli": "meterline_cli",
    ROOT / "functions": "",
}
FROM_PARAMETERS = "meterline/api/params/kinds.py"
"""Where the pattern of a text parameter is matched: the one place whose source names no pattern."""

_SCANNING = ("search", "sub", "subn", "split", "findall", "finditer")
_MATCHING = ("match", "fullmatch", *_SCANNING)
_parser: Any = importlib.import_module("re._parser")
_MANY = 20
"""A repetition that may happen more often than this can be fed a long text."""


@dataclass(frozen=True, slots=True)
class Use:
    """A pattern, and how it is held against texts."""

    where: str
    pattern: re.Pattern[str]
    methods: tuple[str, ...]

    def run(self, text: str) -> None:
        """Hold it against a text in each of its ways."""
        for method in self.methods:
            if method in ("sub", "subn"):
                self.pattern.sub("", text)
            elif method == "finditer":
                list(self.pattern.finditer(text))
            else:
                getattr(self.pattern, method)(text)


def uses() -> list[Use]:
    """Every pattern of the package, its command line and its functions."""
    sources = [
        (path, str(path.relative_to(root))) for root in SOURCES for path in root.rglob("*.py")
    ]
    return [use for path, name in sources for use in _in_source(path, name)] + _in_parameters()


def _in_source(path: Path, name: str) -> Iterator[Use]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "re":
            message = f"{name} hides its patterns: `import re` as a whole"
            raise AssertionError(message)
        if not isinstance(node, ast.Call) or (method := _method(node)) is None:
            continue
        if name == FROM_PARAMETERS and ast.unparse(node.args[0]) == "self.pattern":
            continue
        methods = _uses_of(tree, node) if method == "compile" else (method,)
        yield Use(f"{name}:{node.lineno}", _compiled(node, name), methods)


def _method(call: ast.Call) -> str | None:
    """Which function of ``re`` a call is of, if it takes a pattern."""
    called = call.func
    if not isinstance(called, ast.Attribute) or ast.unparse(called.value) != "re":
        return None
    return called.attr if called.attr in ("compile", *_MATCHING) else None


def _compiled(call: ast.Call, name: str) -> re.Pattern[str]:
    module = importlib.import_module(name.removesuffix(".py").replace("/", "."))

    def value(node: ast.expr) -> Any:
        return eval(compile(ast.Expression(node), name, "eval"), vars(module))  # noqa: S307 - our own

    flags = [value(keyword.value) for keyword in call.keywords if keyword.arg == "flags"]
    last = call.args[-1]
    if len(call.args) > 1 and ast.unparse(last).startswith("re."):
        flags.append(value(last))
    return re.compile(value(call.args[0]), *flags)


def _uses_of(tree: ast.AST, call: ast.Call) -> tuple[str, ...]:
    names = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and node.value is call
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    methods = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in names
    }
    return tuple(sorted(methods & set(_MATCHING))) or _MATCHING


def _in_parameters() -> list[Use]:
    found = {
        text.pattern
        for operation in all_operations()
        for text in _texts(operation.accepted)
        if text.pattern
    }
    return [
        Use(f"a parameter: {one}", re.compile(one, re.ASCII), ("fullmatch",))
        for one in sorted(found)
    ]


def _texts(param: Param) -> Iterator[String]:
    if isinstance(param, String):
        yield param
    elif isinstance(param, Object):
        for one in param.fields.values():
            yield from _texts(one)
    elif isinstance(param, Either):
        for one in param.options:
            yield from _texts(one)
    elif isinstance(param, Array):
        yield from _texts(param.item)
    elif isinstance(param, Map):
        yield from _texts(param.value)


def worst_texts(pattern: re.Pattern[str]) -> Iterator[tuple[str, str, str]]:
    """Beginnings that lead to a repetition, what to repeat in it, and ends that fail."""
    tree = _parser.parse(pattern.pattern, pattern.flags)
    places = {("", "")} | set(_repetitions(tree, ""))
    letters = sorted(set(_literals(tree)) | set("aA0 _-.\\"))
    pumps = {*letters, *map("".join, product(letters, repeat=2))} | {body for _, body in places}
    for (start, _), pump in product(sorted(places), sorted(pumps - {""})):
        for end in ("", "\x00"):
            yield start, pump, end


def _repetitions(tree: Any, start: str) -> Iterator[tuple[str, str]]:
    """A text that leads to each unbounded repetition, and one that it takes."""
    for op, given in tree:
        for inner in _inner(op, given):
            yield from _repetitions(inner, start)
        if str(op).endswith("_REPEAT") and given[1] > _MANY:
            yield start, _sample(given[2])
        start += _sample([(op, given)])


def _inner(op: Any, given: Any) -> list[Any]:
    """The parts of a node of a parsed pattern."""
    name = str(op)
    if name == "BRANCH":
        return list(given[1])
    if name == "SUBPATTERN":
        return [given[3]]
    if name.endswith("_REPEAT"):
        return [given[2]]
    if name in ("ASSERT", "ASSERT_NOT"):
        return [given[1]]
    return [given] if name == "ATOMIC_GROUP" else []


def _sample(tree: Any) -> str:
    """A short text that a parsed pattern takes."""
    text = ""
    for op, given in tree:
        name = str(op)
        if name == "LITERAL":
            text += chr(given)
        elif name in ("IN", "NOT_LITERAL", "ANY"):
            text += next(one for one in _some(op, given) if _takes(op, given, one))
        elif name.endswith("_REPEAT"):
            text += _sample(given[2]) * max(given[0], 1)
        elif not name.startswith("ASSERT"):
            text += "".join(map(_sample, _inner(op, given)[:1]))
    return text


def _some(op: Any, given: Any) -> str:
    own = [chr(n) for _, n in given if isinstance(n, int)] if str(op) == "IN" else []
    ranges = [chr(n[0]) for _, n in given if isinstance(n, tuple)] if str(op) == "IN" else []
    return "".join([*own, *ranges]) + "a0 _-.A\x00"


def _takes(op: Any, given: Any, char: str) -> bool:
    if str(op) == "ANY":
        return True
    if str(op) == "NOT_LITERAL":
        return bool(ord(char) != given)
    names = [str(kind) for kind, _ in given]
    found = any(_is_in(str(kind), what, char) for kind, what in given)
    return found != ("NEGATE" in names)


def _is_in(kind: str, what: Any, char: str) -> bool:
    if kind == "LITERAL":
        return bool(ord(char) == what)
    if kind == "RANGE":
        return bool(what[0] <= ord(char) <= what[1])
    classes = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}
    wanted = next((classes[key] for key in classes if str(what).endswith(key)), "")
    negated = "_NOT_" in str(what)
    return bool(wanted) and (re.match(wanted, char) is not None) != negated


def _literals(tree: Any) -> Iterator[str]:
    for op, given in tree:
        if str(op) in ("LITERAL", "NOT_LITERAL"):
            yield chr(given)
        elif str(op) == "IN":
            yield from (chr(what) for kind, what in given if str(kind) == "LITERAL")
        for inner in _inner(op, given):
            yield from _literals(inner)
