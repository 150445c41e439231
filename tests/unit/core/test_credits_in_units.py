"""Grants in units of a meter: how many units a line takes, and what they pay of it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.money import exact_product, nearest_quotient, round_half_up
from meterline.core.catalog.rating import PricePlan, Tier, TiersMode, TransformQuantity, rate
from meterline.core.credits.application import (
    CreditableInvoice,
    CreditableLine,
    Taken,
    take_credits,
)
from meterline.core.credits.grants import GrantBalance
from meterline.core.credits.measures import PARTS, is_of_meter, parts_of, units_of
from tests.unit.core.test_billing_credits import CALLS, IMAGES, balance

METER, OTHER = "mtr_test_calls", "mtr_images"


def units(grant: str, left: int | str | Decimal, **more: Any) -> GrantBalance:
    return balance(grant, parts_of(Decimal(left)), **{"currency": METER} | more)


def line(
    amount: int, quantity: int | str | Decimal, price: str | None = CALLS, meter: str = METER
) -> CreditableLine:
    return CreditableLine(amount, price, meter, Decimal(quantity), amount)


def taken_by(
    lines: list[CreditableLine], grants: list[GrantBalance], in_all: int | None = None
) -> list[list[Taken]]:
    total = sum(one.amount_minor for one in lines) if in_all is None else in_all
    return take_credits(lines, grants, CreditableInvoice(total, "usd", 1_000))


def in_units(taken: list[Taken]) -> list[tuple[str, int, str]]:
    """Grants, what they pay, and the units that this takes."""
    return [(one.grant, one.amount_minor, str(units_of(one.parts or 0))) for one in taken]


def test_a_measure_is_a_meter_by_its_id_else_a_currency() -> None:
    assert [is_of_meter(one) for one in (METER, OTHER, "usd", "kwd")] == [True, True, False, False]


@given(st.decimals("0.000000000001", 10**15, places=12))
def test_units_and_their_parts_are_the_same_quantity(quantity: Decimal) -> None:
    assert units_of(parts_of(quantity)) == quantity


FLAT = PricePlan(unit_amount=Decimal(3))
TINY = PricePlan(unit_amount=Decimal("0.4"))
PACKAGES = PricePlan(unit_amount=Decimal(1_000), transform_quantity=TransformQuantity(1_000, "up"))
TIERS = (
    Tier(Decimal(100), Decimal(5), Decimal(70)),
    Tier(Decimal(200), Decimal(3)),
    Tier(None, Decimal(1)),
)
FREE_FIRST = (Tier(Decimal(100), Decimal(0)), Tier(None, Decimal(2)))
GRADUATED = PricePlan(tiers=TIERS, tiers_mode=TiersMode.GRADUATED)
VOLUME = PricePlan(tiers=TIERS, tiers_mode=TiersMode.VOLUME)
FREE_HUNDRED = PricePlan(tiers=FREE_FIRST, tiers_mode=TiersMode.GRADUATED)

# what is billed | used | percent off | units granted | units taken, and what is left to pay
BILLS: list[tuple[PricePlan, str, int, str, str, int]] = [
    (FLAT, "100", 0, "40", "40", 180),
    (FLAT, "100", 0, "100", "100", 0),
    (FLAT, "100", 0, "1000", "100", 0),
    (FLAT, "100", 50, "40", "40", 90),
    (FLAT, "100", 100, "40", "0", 0),
    (FLAT, "0", 0, "40", "0", 0),
    (FLAT, "0.5", 0, "0.25", "0.25", 1),
    (TINY, "1", 0, "5", "0", 0),
    (TINY, "1000", 0, "1", "1", 400),
    (TINY, "1000", 0, "2", "2", 399),
    (PACKAGES, "1500", 0, "500", "500", 1_333),
    (PACKAGES, "1500", 0, "1500", "1500", 0),
    (GRADUATED, "250", 0, "0.5", "0.5", 917),
    (GRADUATED, "250", 0, "100", "100", 70 + 300 + 50),
    (GRADUATED, "250", 0, "150", "150", 70 + 150 + 50),
    (GRADUATED, "250", 0, "1000", "250", 70),
    (GRADUATED, "250", 50, "150", "150", 35 + 75 + 25),
    (VOLUME, "250", 0, "50", "50", 200),
    (VOLUME, "250", 0, "1000", "250", 0),
    (VOLUME, "100", 0, "1000", "100", 70),
    (FREE_HUNDRED, "130", 0, "50", "30", 0),
]


@pytest.mark.parametrize(("plan", "used", "off", "granted", "taken", "due"), BILLS)
def test_units_are_taken_line_by_line_at_the_average_of_each(
    plan: PricePlan, used: str, off: int, granted: str, taken: str, due: int
) -> None:
    rated = rate(plan, Decimal(used))
    parts = [
        (part.amount_minor, Decimal(used) if part is rated else part.steps[0].quantity)
        for part in rated.by_tier or (rated,)
    ]
    lines = [line(nearest_quotient(amount * (100 - off), 100), of) for amount, of in parts]
    paid = [part for parts in taken_by(lines, [units("a", granted)]) for part in parts]
    assert sum(part.parts or 0 for part in paid) == parts_of(Decimal(taken))
    in_all = sum(one.amount_minor for one in lines)
    assert in_all - sum(part.amount_minor for part in paid) == due


# lines | grants | what is due for the invoice | what each line takes
TAKEN: list[
    tuple[list[CreditableLine], list[GrantBalance], int | None, list[list[tuple[str, int, str]]]]
] = [
    ([line(30, 10)], [units("a", 4)], None, [[("a", 12, "4")]]),
    ([line(30, 10), line(30, 5)], [units("a", 12)], None, [[("a", 30, "10")], [("a", 12, "2")]]),
    ([line(30, 10)], [units("b", 4), units("a", 9)], None, [[("a", 27, "9"), ("b", 3, "1")]]),
    (
        [line(30, 10)],
        [units("a", 9, priority=51), units("b", 4)],
        None,
        [[("b", 12, "4"), ("a", 18, "6")]],
    ),
    ([line(30, 10, meter=OTHER)], [units("a", 4)], None, [[]]),
    ([line(30, 10, IMAGES)], [units("a", 4, prices=[CALLS])], None, [[]]),
    ([line(30, 10, None)], [units("a", 4)], None, [[]]),
    ([CreditableLine(30, CALLS)], [units("a", 4)], None, [[]]),
    ([line(30, 0)], [units("a", 4)], None, [[]]),
    ([line(30, -10)], [units("a", 4)], None, [[]]),
    ([line(-30, 10)], [units("a", 4)], None, [[]]),
    ([line(30, 10)], [units("a", 4, effective_at=1_001)], None, [[]]),
    ([line(30, 10)], [units("a", 4, expires_at=1_000)], None, [[]]),
    ([line(30, 10)], [units("a", 10)], 12, [[("a", 12, "4")]]),
    ([line(30, 10)], [units("a", 10)], -5, [[]]),
    (
        [CreditableLine(50, CALLS, METER, Decimal(10), 30)],
        [units("a", 10)],
        None,
        [[("a", 30, "10")]],
    ),
    ([line(100, 3)], [units("a", 1)], None, [[("a", 33, "1")]]),
    (
        [line(100, 3)],
        [units("a", 1), units("b", 1), units("c", 1)],
        None,
        [[("a", 33, "1"), ("b", 34, "1"), ("c", 33, "1")]],
    ),
]


@pytest.mark.parametrize(("lines", "grants", "in_all", "taken"), TAKEN)
def test_a_line_takes_units_of_its_own_meter_for_what_it_bills_of_it(
    lines: list[CreditableLine],
    grants: list[GrantBalance],
    in_all: int | None,
    taken: list[list[tuple[str, int, str]]],
) -> None:
    found = [
        [(grant, amount, str(units_of(parts or 0).normalize())) for grant, amount, parts in of]
        for of in taken_by(lines, grants, in_all)
    ]
    wanted = [
        [(grant, amount, str(Decimal(count).normalize())) for grant, amount, count in of]
        for of in taken
    ]
    assert found == wanted


def test_units_pay_for_what_money_has_not_and_the_other_way_round() -> None:
    money, more = balance("money", 12), balance("more", 30, priority=60)
    first = units("units", 8, priority=40)
    [taken] = taken_by([line(30, 10)], [money, more, first])
    assert taken == [Taken("units", 24, 8 * PARTS), Taken("money", 6)]
    later = units("units", 8, priority=55)
    [taken] = taken_by([line(30, 10)], [money, more, later])
    assert taken == [Taken("money", 12), Taken("units", 18, 6 * PARTS)]


QUANTITIES = st.decimals(0, 2_000, places=3) | st.integers(0, 2_000).map(Decimal)
LINES = st.lists(
    st.builds(
        line,
        st.integers(-500, 5_000),
        QUANTITIES,
        st.sampled_from([CALLS, IMAGES, None]),
        st.sampled_from([METER, METER, OTHER]),
    ),
    max_size=6,
)


@st.composite
def grants_(draw: st.DrawFn) -> list[GrantBalance]:
    """Grants of money, and in units of two meters."""
    return [
        balance(
            f"grant_{place}",
            draw(st.integers(1, 2_000)) * (PARTS // 1_000 if is_of_meter(measure) else 1),
            currency=measure,
            priority=draw(st.integers(0, 2)),
            prices=draw(st.none() | st.sampled_from([[CALLS], [IMAGES], [CALLS, IMAGES]])),
        )
        for place, measure in enumerate(
            draw(st.lists(st.sampled_from([METER, METER, OTHER, "usd"]), max_size=6))
        )
    ]


@given(LINES, grants_(), st.none() | st.integers(-100, 5_000))
def test_no_unit_is_taken_twice_and_nothing_is_paid_twice(
    lines: list[CreditableLine], grants: list[GrantBalance], in_all: int | None
) -> None:
    taken = taken_by(lines, grants, in_all)
    spent: dict[str, int] = {}
    for one, parts in zip(lines, taken, strict=True):
        assert 0 <= sum(part.amount_minor for part in parts) <= max(0, one.amount_minor)
        assert all(part.amount_minor >= 0 and part.from_grant > 0 for part in parts)
        of_units = sum(part.parts or 0 for part in parts)
        assert of_units <= parts_of(max(Decimal(0), one.quantity))
        for part in parts:
            spent[part.grant] = spent.get(part.grant, 0) + part.from_grant
    left = {one["grant"]: one["left"] for one in grants}
    assert all(of <= left[grant] for grant, of in spent.items())
    total = sum(one.amount_minor for one in lines) if in_all is None else in_all
    paid = sum(part.amount_minor for parts in taken for part in parts)
    assert paid <= max(0, total)


@given(st.integers(1, 5_000), QUANTITIES, st.lists(st.integers(1, 900_000), min_size=1, max_size=5))
def test_a_bill_depends_on_the_units_and_not_on_the_grants_they_are_from(
    amount: int, quantity: Decimal, pieces: list[int]
) -> None:
    each = [piece * (PARTS // 1_000) for piece in pieces]
    grants = [balance(f"grant_{place}", left, currency=METER) for place, left in enumerate(each)]
    [apart] = taken_by([line(amount, quantity)], grants)
    [together] = taken_by([line(amount, quantity)], [balance("a", sum(each), currency=METER)])
    paid = sum(part.amount_minor for part in apart)
    assert paid == sum(part.amount_minor for part in together)
    covered = min(units_of(sum(each)), quantity)
    if quantity:
        exactly = exact_product(covered, Decimal(amount)) / quantity
        assert abs(paid - exactly) <= Decimal("0.5000001")
    else:
        assert paid == 0


@given(st.integers(0, 10_000), st.decimals("0", "50", places=6), QUANTITIES)
def test_units_for_all_that_was_used_pay_all_of_it(
    free: int, unit_amount: Decimal, quantity: Decimal
) -> None:
    amount = round_half_up(exact_product(quantity, unit_amount))
    [taken] = taken_by([line(amount, quantity)], [units("a", quantity + free)])
    assert sum(part.amount_minor for part in taken) == amount
