"""The types of stored objects follow from the schema, and cost nothing at run time."""

import ast
from pathlib import Path

import pytest

from local.wire_types import PACKAGE, TYPES, generated

MODULE = "meterline.core.base.wire"


def test_the_types_are_those_of_the_schema() -> None:
    assert TYPES.read_text() == generated(), "run `python -m local.wire_types`"


def test_there_is_nothing_of_them_at_run_time() -> None:
    with pytest.raises(ModuleNotFoundError):
        __import__(MODULE)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_they_are_imported_for_the_type_checker_alone(path: Path) -> None:
    tree = ast.parse(path.read_text())
    ahead = [node for node in tree.body if not _is_for_the_checker(node)]
    named = {
        node.module
        for outer in ahead
        for node in ast.walk(outer)
        if isinstance(node, ast.ImportFrom)
    }
    assert MODULE not in named


def _is_for_the_checker(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
