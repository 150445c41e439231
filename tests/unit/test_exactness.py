"""Prices and quantities are computed in the core, and in no calling thread's precision.

Operators on decimals round to the precision that the thread has, 28 digits unless somebody set it.
The core computes with a context of its own; everybody else asks the core.
"""

import ast
from collections.abc import Iterator
from decimal import Decimal, localcontext
from pathlib import Path

import pytest

from meterline.core.base.money import exact_difference
from meterline.core.catalog.rating import rate_units

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "layers/meterline/python/meterline"
_FLOORS = [_PACKAGE / "api", _PACKAGE / "services", _ROOT / "functions", _ROOT / "cli"]
_DECIMALS = frozenset(("quantity", "unit_amount", "flat_amount", "percent_off"))
"""Attributes and names that hold decimals."""


def _is_decimal(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "Decimal"
    name = getattr(node, "attr", getattr(node, "id", None))
    return name in _DECIMALS


def _computations(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp):
            terms = [node.left, node.right]
        elif isinstance(node, ast.AugAssign):
            terms = [node.target, node.value]
        else:
            continue
        if any(map(_is_decimal, terms)):
            yield ast.unparse(node)


def test_nobody_but_the_core_computes_with_decimals() -> None:
    sources = [path for floor in _FLOORS for path in sorted(floor.rglob("*.py"))]
    told = {str(path): list(_computations(path.read_text())) for path in sources}
    assert len(told) > 100
    assert {path: found for path, found in told.items() if found} == {}


@pytest.mark.parametrize(
    "source", ["Decimal(unit) * quantity", "usage.quantity - billed", "total += Decimal('0.1')"]
)
def test_computing_with_decimals_is_noticed(source: str) -> None:
    assert list(_computations(source)) == [source]


def test_an_amount_of_many_digits_is_exact_in_any_precision() -> None:
    """The product ends in .4999…; in 28 digits it would round to a unit more."""
    with localcontext() as careless:
        careless.prec = 3
        rated = rate_units(Decimal("-1.000000000003"), Decimal("722222222222.333333333333"))
        left = exact_difference(Decimal("722222222222.333333333333"), Decimal("0.000000000003"))
    assert rated.amount_minor == -722_222_222_224
    assert left == Decimal("722222222222.333333333330")
