"""What tax rates come to on a line: in its price, or on top of it."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.billing.taxes import Rate, Tax, taxes_on


def inclusive(percentage: str) -> Rate:
    return Rate(Decimal(percentage), inclusive=True)


def exclusive(percentage: str) -> Rate:
    return Rate(Decimal(percentage), inclusive=False)


# amount | rates | (tax, what it is on) of each
TAXED = [
    (3_000, [exclusive("5")], [(150, 3_000)]),
    (43, [exclusive("15")], [(6, 43)]),
    (484, [exclusive("15")], [(73, 484)]),
    (60_000, [inclusive("10")], [(5_455, 54_545)]),
    (1_000, [inclusive("20")], [(167, 833)]),
    (1_000, [exclusive("0")], [(0, 1_000)]),
    (0, [exclusive("19"), inclusive("7")], [(0, 0), (0, 0)]),
    (10, [exclusive("5")], [(1, 10)]),  # half a unit goes away from zero
    (-10, [exclusive("5")], [(-1, -10)]),
    (1_000, [exclusive("8.8750")], [(89, 1_000)]),
    (1_000, [exclusive("5"), exclusive("9.975")], [(50, 1_000), (100, 1_000)]),
    (1_300, [inclusive("10"), inclusive("20")], [(100, 1_000), (200, 1_000)]),
    (1_200, [inclusive("20"), exclusive("5")], [(200, 1_000), (50, 1_000)]),
    (1_200, [exclusive("5"), inclusive("20")], [(50, 1_000), (200, 1_000)]),
]


@pytest.mark.parametrize(("amount", "rates", "taxes"), TAXED)
def test_rates_of_a_line_are_on_its_price_without_any_tax(
    amount: int, rates: list[Rate], taxes: list[tuple[int, int]]
) -> None:
    assert taxes_on(amount, rates) == [Tax(*tax) for tax in taxes]


AMOUNTS = st.integers(-(10**13), 10**13)
RATES = st.lists(
    st.builds(Rate, st.decimals(0, 100, places=4, allow_nan=False), st.booleans()), max_size=10
)


def nearest(exact: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    magnitude = int(abs(exact) + Fraction(1, 2))
    return -magnitude if exact < 0 else magnitude


@given(AMOUNTS, RATES)
def test_each_tax_is_the_nearest_unit_to_what_fractions_say(
    amount: int, rates: Sequence[Rate]
) -> None:
    contained = sum((Fraction(rate.percentage) for rate in rates if rate.inclusive), Fraction(0))
    taxes = taxes_on(amount, rates)
    inside = [
        nearest(amount * Fraction(rate.percentage) / (100 + contained))
        for rate in rates
        if rate.inclusive
    ]
    base = amount - sum(inside)
    on_top = [
        nearest(base * Fraction(rate.percentage) / 100) for rate in rates if not rate.inclusive
    ]
    paired = list(zip(rates, taxes, strict=True))
    assert [tax.amount_minor for rate, tax in paired if rate.inclusive] == inside
    assert [tax.amount_minor for rate, tax in paired if not rate.inclusive] == on_top
    assert {tax.taxable_minor for tax in taxes} <= {base}


@given(AMOUNTS, RATES)
def test_a_credit_gives_back_the_tax_of_its_charge_to_the_unit(
    amount: int, rates: Sequence[Rate]
) -> None:
    mirrored = [Tax(-tax.amount_minor, -tax.taxable_minor) for tax in taxes_on(-amount, rates)]
    assert taxes_on(amount, rates) == mirrored
