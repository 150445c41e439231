"""All code serves the product: nothing in the package is there for tests alone."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.engines import ROOT

PACKAGE = ROOT / "layers" / "meterline" / "python" / "meterline"
USERS = [PACKAGE, *(ROOT / folder for folder in ("functions", "cli", "local"))]

REACHED_OTHERWISE = {
    "deserialize": "PynamoDB calls it",
    "clocks_queue_url": "read by the name of a queue",
    "invoices_queue_url": "read by the name of a queue",
    "renewals_queue_url": "read by the name of a queue",
    "webhooks_queue_url": "read by the name of a queue",
    "_read_status": "asked by http.client",
    "makefile": "asked by http.client",
    "readinto": "asked by a buffered reader",
}
"""What is used, but not under its name."""

FOR_TESTS = {
    "forget": "a kind that a test has added goes with it",
    "forget_cached": "each test has keys of its own",
    "forget_directory": "each test has meters of its own",
    "reset_clients": "each test has an engine of its own",
    "BATCH_WAIT_SECONDS": "the time budgets are held against the template",
    "CALL_SECONDS": "the time budgets are held against the template",
    "RETRY_WAIT_SECONDS": "the time budgets are held against the template",
}
"""What only tests need, each with the reason."""


@dataclass(frozen=True, slots=True)
class Definition:
    """Something with a name that the package defines; ``own`` are the names inside it."""

    where: str
    name: str
    own: Counter[str]


def names_in(node: ast.AST) -> Counter[str]:
    """The names that code reads, of variables and of attributes alike."""
    names: Counter[str] = Counter()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            names[inner.id] += 1
        elif isinstance(inner, ast.Attribute):
            names[inner.attr] += 1
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            names.update(
                re.findall(r"[\w.]*?(\w+)$", inner.value) if " " not in inner.value else ()
            )
    return names


def defined(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What the statements of a module or class define."""
    for one in getattr(node, "body", []):
        match one:
            case ast.FunctionDef(name=name) if not name.startswith("__"):
                yield name, one
            case ast.ClassDef(name=name):
                yield name, one
                # Plain assignments in a class are members of enumerations, or read by a library.
                inner = [each for each in one.body if not isinstance(each, ast.Assign)]
                yield from defined(ast.Module(inner, []))
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, one
            case ast.TypeAlias(name=ast.Name(id=name)):
                yield name, one


def unreached(used: Counter[str], definitions: list[Definition]) -> list[Definition]:
    """What nothing uses but itself, or what is not used either."""
    used = used.copy()
    found: list[Definition] = []
    while True:
        more = [
            definition
            for definition in definitions
            if definition not in found and used[definition.name] <= definition.own[definition.name]
        ]
        if not more:
            return found
        for unused in more:
            used.subtract(unused.own)
        found += more


def trees(folder: Path) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield str(path.relative_to(folder)), ast.parse(path.read_text())


def definitions() -> list[Definition]:
    return [
        Definition(where, name, names_in(node))
        for where, tree in trees(PACKAGE)
        for name, node in defined(tree)
        if not name.startswith("_") or isinstance(node, ast.FunctionDef)
    ]


def names_in_templates() -> Counter[str]:
    """The names that templates of pages read, between their braces."""
    texts = [path.read_text() for path in sorted(PACKAGE.rglob("*.html"))]
    code = [part for text in texts for part in re.findall(r"\{[{%](.+?)[%}]\}", text, re.DOTALL)]
    return Counter(name for part in code for name in re.findall(r"\w+", part))


def used_names() -> Counter[str]:
    code = (names_in(tree) for folder in USERS for _, tree in trees(folder))
    return sum(code, start=names_in_templates())


def test_nothing_is_reached_by_tests_only() -> None:
    dead = unreached(used_names(), definitions())
    known = REACHED_OTHERWISE.keys() | FOR_TESTS.keys()
    assert [f"{unused.where}: {unused.name}" for unused in dead if unused.name not in known] == []


def test_what_may_be_there_for_tests_is_there() -> None:
    names = {definition.name for definition in definitions()}
    assert (REACHED_OTHERWISE.keys() | FOR_TESTS.keys()) - names == set()


def test_dead_code_is_found_with_all_that_only_it_uses() -> None:
    module = ast.parse(
        "def living(): return helper()\n"
        "def helper(): return 1\n"
        "def dead(): return only_for_dead()\n"
        "def only_for_dead(): return only_for_dead\n"
    )
    found = [Definition("", name, names_in(node)) for name, node in defined(module)]
    dead = unreached(names_in(module) + Counter({"living": 1}), found)
    assert {unused.name for unused in dead} == {"dead", "only_for_dead"}
