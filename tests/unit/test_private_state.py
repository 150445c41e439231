"""Private state: one codec reads and writes it, and the glossary lists what it holds."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from meterline.core.base.private_state import PrivateState, private_value, public
from tests.engines import ROOT

PACKAGE = ROOT / "layers" / "meterline" / "python" / "meterline"
CODEC = PACKAGE / "core" / "base" / "private_state.py"
OTHERS = [path for path in sorted(PACKAGE.rglob("*.py")) if path != CODEC]


@dataclass(frozen=True, slots=True)
class Remembered(PrivateState):
    STORED_AS_NULL: ClassVar = frozenset({"always"})

    always: int | None = None
    maybe: list[int] | None = None


def test_what_was_stored_is_read_and_what_is_not_there_is_none() -> None:
    assert Remembered.of({"id": "x"}) == Remembered()
    assert Remembered.of({"_": {"maybe": [1]}}) == Remembered(None, [1])


# state | as it is stored on an object without any
WRITTEN = [
    (Remembered(1, [2]), {"always": 1, "maybe": [2]}),
    (Remembered(0, []), {"always": 0, "maybe": []}),
    (Remembered(), {"always": None}),
]


@pytest.mark.parametrize(("state", "stored"), WRITTEN)
def test_none_is_not_stored_unless_the_kind_says_so(
    state: Remembered, stored: dict[str, object]
) -> None:
    assert state.on({"id": "x"}) == {"id": "x", "_": stored}


def test_a_change_leaves_what_another_release_wrote() -> None:
    body = {"id": "x", "_": {"maybe": [1], "later": True}}
    state = replace(Remembered.of(body), maybe=None)
    assert state.on(body) == {"id": "x", "_": {"later": True, "always": None}}


def test_a_change_makes_a_new_object() -> None:
    body = {"id": "x", "_": {"maybe": [1]}}
    Remembered(2).on(body)
    assert body == {"id": "x", "_": {"maybe": [1]}}


def test_an_object_that_remembers_nothing_stays_as_it_is() -> None:
    @dataclass(frozen=True, slots=True)
    class Little(PrivateState):
        maybe: int | None = None

    assert Little().on({"id": "x"}) == {"id": "x"}


def test_private_state_is_shown_at_no_depth() -> None:
    assert public({"a": [{"_": {"b": 1}, "c": {"_": 1}}], "_": {}}) == {"a": [{"c": {}}]}
    assert private_value({"_": {"b": 1}}, "b") == 1
    assert private_value({}, "b") is None


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_nothing_else_names_the_key_that_private_state_is_under(path: Path) -> None:
    tree = ast.parse(path.read_text())
    keys = [key for node in ast.walk(tree) for key in keys_named_by(node)]
    assert [key.lineno for key in keys if isinstance(key, ast.Constant) and key.value == "_"] == []


def keys_named_by(node: ast.AST) -> Sequence[ast.expr | None]:
    """What an expression takes as keys of a dictionary, or compares with others."""
    match node:
        case ast.Dict():
            return node.keys
        case ast.Subscript():
            return [node.slice]
        case ast.Call(func=ast.Attribute(attr="get" | "pop" | "setdefault")):
            return node.args[:1]
        case ast.Compare(ops=[ast.Eq() | ast.NotEq()]):
            return [node.left, *node.comparators]
    return []


def states() -> Iterator[tuple[str, str]]:
    """Each kind that remembers anything, with each key of its own."""
    for path in OTHERS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name.endswith("State") and node.bases:
                kind = re.sub(r"(?<!^)(?=[A-Z])", " ", node.name.removesuffix("State")).lower()
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and "ClassVar" not in ast.unparse(field):
                        yield kind, ast.unparse(field.target)


def test_the_glossary_lists_every_key() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text()
    listed = re.findall(r"^\| ([a-z ]+) \| `(\w+)` \|", page, re.MULTILINE)
    assert listed == sorted(states())
