"""Rules that have one home: nobody else says them again."""

import ast
from collections.abc import Iterator
from decimal import Decimal, localcontext
from pathlib import Path

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.base.money import known_currency
from meterline.core.base.periods import Interval, IntervalUnit, check_interval_count
from meterline.core.catalog.percentages import GraduatedPercentagePlan, PercentageTier
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode, rate_units
from meterline.services.catalog.price_amounts import normal_tiers
from tests.engines import ROOT

PACKAGE = ROOT / "layers" / "meterline" / "python" / "meterline"
MODULES = {str(path.relative_to(PACKAGE)): path for path in sorted(PACKAGE.rglob("*.py"))}
MULTIPLIES_MONEY = "core/base/money.py"
AMOUNTS = {"amount", "flat_amount", "percent", "price", "unit_amount", "volume"}


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


def names_in(node: ast.AST) -> set[str]:
    named = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return named | {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}


def products(path: Path) -> Iterator[str]:
    """Where a module multiplies decimals or amounts: by a context, or with the operator."""
    for node in nodes(path):
        if isinstance(node, ast.Attribute) and node.attr in ("multiply", "fma"):
            yield ast.unparse(node)
        is_product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
        if is_product and names_in(node) & {"Decimal", *AMOUNTS}:
            yield ast.unparse(node)


@pytest.mark.parametrize("name", [module for module in MODULES if module != MULTIPLIES_MONEY])
def test_only_the_money_module_multiplies_money(name: str) -> None:
    assert list(products(MODULES[name])) == []


def test_the_finder_of_products_finds_them() -> None:
    assert list(products(MODULES[MULTIPLIES_MONEY]))


@pytest.mark.parametrize("precision", [3, 28])
def test_a_credit_of_fractions_is_exact_in_every_decimal_context(precision: int) -> None:
    with localcontext() as ambient:
        ambient.prec = precision
        rated = rate_units(Decimal("-1.000000000003"), Decimal("722222222222.333333333333"))
    assert rated.amount_minor == -722_222_222_224
    assert rated.exact == Decimal("-722222222224.499999999999999999999999")


def constants(path: Path) -> set[object]:
    """The numbers in a module, products of literals among them."""
    found: set[object] = set()
    for node in nodes(path):
        try:
            found.add(ast.literal_eval(node) if isinstance(node, ast.Constant) else None)
        except ValueError:
            continue
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            sides = (node.left, node.right)
            if all(isinstance(side, ast.Constant) for side in sides):
                found.add(eval(ast.unparse(node)))  # noqa: S307 - two literals
    return found


@pytest.mark.parametrize(
    ("rule", "number", "home"),
    [
        ("events are taken for 35 days", 35 * 86_400, "core/metering/acceptance.py"),
        ("an interval is three years at most", 1_095, "core/base/periods.py"),
    ],
)
def test_a_number_of_a_rule_stands_in_its_home_alone(rule: str, number: int, home: str) -> None:
    assert [name for name, path in MODULES.items() if number in constants(path)] == [home], rule


def calls(path: Path) -> set[str]:
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        for node in nodes(path)
        if isinstance(node, ast.Call)
    }


@pytest.mark.parametrize(
    ("rule", "call", "homes"),
    [
        ("instants are read as RFC 3339", "fromisoformat", ["core/base/timestamps.py"]),
        ("decimals are written as text", "rstrip", ["core/base/money.py"]),
    ],
)
def test_a_format_is_written_and_read_in_its_home_alone(
    rule: str, call: str, homes: list[str]
) -> None:
    dealing = [name for name, path in MODULES.items() if call in calls(path)]
    beside = {"api/page_tokens.py", "store/account/access.py"}  # no decimals: base64's padding
    assert [name for name in dealing if name not in beside] == homes, rule


PAGER = "api/lists.py"
HOMES_OF_PAGING = {
    "rows are read one beyond the limit": {
        PAGER,
        "store/billing/repository.py",  # a page of what is stored
    },
    "a cursor is read from the parameters": {
        PAGER,
        "services/metering/counted_events.py",  # refuses an id by the name of the cursor
    },
    "a page has a default size and a largest one": {PAGER},
    "a page that is too long is cut": {PAGER},
}


def paging(path: Path) -> Iterator[str]:
    """The rules of paging that a module says: by what it computes, reads or defines."""
    for node in nodes(path):
        text = ast.unparse(node) if isinstance(node, ast.expr) else ""
        if text in ("limit + 1", "_limit(params) + 1"):
            yield "rows are read one beyond the limit"
        if isinstance(node, ast.Compare) and names_in(node) & {"limit"} and "len(" in text:
            yield "rows are read one beyond the limit"
        if isinstance(node, ast.Subscript) and text.endswith(
            ("['starting_after']", "['ending_before']")
        ):
            yield "a cursor is read from the parameters"
        if isinstance(node, ast.Constant) and node.value in ("starting_after", "ending_before"):
            yield "a cursor is read from the parameters"
        if isinstance(node, ast.Name) and node.id in ("DEFAULT_LIMIT", "MAX_LIMIT"):
            yield "a page has a default size and a largest one"
        if isinstance(node, ast.FunctionDef) and "halved" in node.name:
            yield "a page that is too long is cut"


@pytest.mark.parametrize("rule", HOMES_OF_PAGING)
def test_lists_are_paged_by_the_pager_alone(rule: str) -> None:
    saying = {name for name, path in MODULES.items() if rule in set(paging(path))}
    assert saying == HOMES_OF_PAGING[rule]


def test_a_currency_that_is_not_known_names_its_parameter() -> None:
    with pytest.raises(BillingError, match="Invalid currency: xxx") as refused:
        known_currency("xxx", "currency_options[xxx]")
    assert refused.value.param == "currency_options[xxx]"
    assert known_currency("eur", "currency") == "eur"


@pytest.mark.parametrize(("unit", "most"), [("day", 1_095), ("week", 156), ("month", 36)])
def test_the_longest_interval_is_refused_alike_by_prices_and_periods(unit: str, most: int) -> None:
    Interval(IntervalUnit(unit), most)
    check_interval_count(unit, most, "recurring[interval_count]")
    refusals = []
    for check in (
        lambda: Interval(IntervalUnit(unit), most + 1),
        lambda: check_interval_count(unit, most + 1, "recurring[interval_count]"),
    ):
        with pytest.raises(BillingError) as refused:
            check()
        refusals.append((refused.value.message, refused.value.param))
    assert refusals[0] == refusals[1]


TIERS_THAT_DO_NOT_ASCEND = [[5, 5, None], [5, 3, None], [None, 5, None], [5, 7]]


@pytest.mark.parametrize("ends", TIERS_THAT_DO_NOT_ASCEND)
def test_tiers_that_do_not_ascend_to_infinity_are_refused_alike_wherever_they_come_from(
    ends: list[int | None],
) -> None:
    one = Decimal(1)
    bounds = [None if end is None else Decimal(end) for end in ends]
    given = [{"up_to": "inf" if end is None else end, "unit_amount": 1} for end in ends]
    refusals = set()
    for make in (
        lambda: list(normal_tiers(given, "tiers")),
        lambda: PricePlan(
            tiers=tuple(Tier(end, one) for end in bounds), tiers_mode=TiersMode.GRADUATED
        ),
        lambda: GraduatedPercentagePlan(tuple(PercentageTier(end, one) for end in bounds)),
    ):
        with pytest.raises(BillingError) as refused:
            make()
        refusals.add((refused.value.message, refused.value.param))
    assert len(refusals) == 1
