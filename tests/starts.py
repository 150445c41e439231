"""What a function imports when it starts: its modules, followed through the product's source."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.engines import ROOT

SOURCE = ROOT / "layers" / "meterline" / "python"


@cache
def imported_at_start(path: Path) -> frozenset[str]:
    """The modules that a file imports as soon as it runs; not what functions and types import."""
    return frozenset(_imported(ast.parse(path.read_text()).body))


def started(path: Path) -> set[str]:
    """All modules that a file imports when it runs: ours followed, others by name."""
    found: set[str] = set()
    left = set(imported_at_start(path))
    while left:
        module = left.pop()
        file = source_of(module)
        found.add(module)
        if file is not None:
            package = module.rpartition(".")[0]
            left |= (imported_at_start(file) | ({package} if package else set())) - found
    return {module for module in found if not _is_a_name_in_a_module(module)}


@cache
def source_of(module: str) -> Path | None:
    """The file of a module of the product; ``None`` for what others wrote and for no module."""
    path = SOURCE.joinpath(*module.split("."))
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.exists()), None)


def _is_a_name_in_a_module(module: str) -> bool:
    return module.startswith("meterline.") and source_of(module) is None


def _imported(statements: list[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            yield module
            if module.partition(".")[0] == "meterline":
                yield from (f"{module}.{alias.name}" for alias in statement.names)
        elif isinstance(statement, ast.If):
            yield from [] if _is_for_types(statement) else _imported(statement.body)
            yield from _imported(statement.orelse)
        elif isinstance(statement, ast.Try | ast.With | ast.ClassDef):
            yield from _imported(statement.body)


def _is_for_types(statement: ast.If) -> bool:
    return isinstance(statement.test, ast.Name) and statement.test.id == "TYPE_CHECKING"
