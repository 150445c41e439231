"""Beyond Stripe: minimum and maximum amounts of a period, and percentage prices."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Period
from meterline.core.catalog.commitments import (
    UNBOUNDED,
    BoundedAmount,
    SpendBounds,
    bound_amount,
    commitment_of,
)
from meterline.core.catalog.percentages import (
    GraduatedPercentagePlan,
    PercentagePlan,
    PercentageTier,
    rate_graduated_percentage,
    rate_percentage,
)
from meterline.core.catalog.rating import StepUnit, rate
from tests.unit.core.tables import plan_of, rows

FLAT_VOLUMES = "5@0+100, 10@0+150, 15@10, inf@5"

# case | model | terms | quantity | minimum, maximum | usage, reduction, true-up
BOUNDED = f"""
openmeter 033 | volume | {FLAT_VOLUMES} | 0 | 150, - | 100, 0, 50
openmeter 035 | volume | {FLAT_VOLUMES} | 5 | 150, - | 100, 0, 50
openmeter 036 | volume | {FLAT_VOLUMES} | 5 | 100, - | 100, 0, 0
openmeter 037 | volume | {FLAT_VOLUMES} | 5 | -, 100 | 100, 0, 0
openmeter 038 | volume | {FLAT_VOLUMES} | 7 | -, 125 | 150, 25, 0
openmeter 043 | per_unit | 1 | 0 | -, - | 0, 0, 0
openmeter 044 | per_unit | 1 | 0 | 100, - | 0, 0, 100
openmeter 046 | per_unit | 1 | 0 | 100, - | 0, 0, 100
openmeter 055 | per_unit | 10 | 0 | -, - | 0, 0, 0
polar 039 | per_unit | 100 | 1000 | -, 5000 | 100000, 95000, 0
"""

THREE_PERCENTAGES = GraduatedPercentagePlan(
    (
        PercentageTier(Decimal(10), Decimal(1), Decimal(200)),
        PercentageTier(Decimal(20), Decimal(2), Decimal(300)),
        PercentageTier(None, Decimal(3), Decimal(400)),
    )
)


def number(cell: str) -> int | None:
    """An integer, or None for a dash."""
    return None if cell == "-" else int(cell)


@pytest.mark.parametrize("row", rows(BOUNDED))
def test_a_period_s_amount_is_kept_within_its_bounds(row: tuple[str, ...]) -> None:
    case, model, terms, quantity, bounds, expected = row
    minimum, maximum = (number(cell) for cell in bounds.split(", "))
    usage = rate(plan_of(model, terms), Decimal(quantity)).amount_minor
    amount = bound_amount(usage, SpendBounds(minimum, maximum))
    assert amount == BoundedAmount(*(int(cell) for cell in expected.split(", "))), case


def test_usage_above_the_minimum_needs_no_true_up() -> None:
    """Case lago 017."""
    assert bound_amount(1500, SpendBounds(1000)).amount_minor == 1500


JANUARY = Period(0, 31 * 86_400)
FROM_THE_16TH = JANUARY.remaining_from(15 * 86_400)


def test_a_period_that_is_cut_short_has_its_share_of_both_bounds() -> None:
    """16 of 31 days: 516.13 of 1000, and 5161.29 of 10000."""
    kept = commitment_of(100, SpendBounds(1000, 10_000), FROM_THE_16TH, JANUARY)
    assert kept.bounds == SpendBounds(516, 5161)
    assert kept.bounded == BoundedAmount(100, 0, 416)
    assert commitment_of(9000, SpendBounds(1000, 10_000), FROM_THE_16TH, JANUARY).bounded == (
        BoundedAmount(9000, 3839, 0)
    )


@given(
    bounds=st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)).map(sorted),
    usage=st.integers(0, 2 * 10**9),
    cut=st.integers(0, JANUARY.end),
)
def test_what_is_billed_lies_within_the_share_of_the_bounds(
    bounds: list[int], usage: int, cut: int
) -> None:
    part = JANUARY.remaining_from(cut)
    kept = commitment_of(usage, SpendBounds(*bounds), part, JANUARY)
    low, high = kept.bounds.minimum_minor or 0, kept.bounds.maximum_minor or 0
    assert low <= kept.bounded.amount_minor <= high
    assert kept.bounded.amount_minor == usage or not low <= usage <= high


def test_without_bounds_the_usage_is_billed() -> None:
    assert bound_amount(123, UNBOUNDED).amount_minor == 123


@pytest.mark.parametrize("bounds", [(-1, None), (None, -1), (200, 100)])
def test_bounds_are_not_negative_and_in_order(bounds: tuple[int | None, int | None]) -> None:
    with pytest.raises(BillingError):
        SpendBounds(*bounds)


@pytest.mark.parametrize(
    ("case", "volume", "expected"),
    [
        ("lago 024", "0", "200"),
        ("lago 027", "11", "500.12"),
        ("lago 028", "12", "500.14"),
        ("lago 029", "21", "900.33"),
        ("negative volume", "-1", "200"),
    ],
)
def test_graduated_percentages(case: str, volume: str, expected: str) -> None:
    rated = rate_graduated_percentage(THREE_PERCENTAGES, Decimal(volume))
    assert rated.exact == Decimal(expected), case


@pytest.mark.parametrize(
    ("case", "plan", "volume", "events", "expected"),
    [
        (
            "lago 030",
            PercentagePlan(Decimal("1.3"), Decimal(2), free_events=2, free_volume=Decimal(250)),
            "800",
            4,
            "11.15",
        ),
        ("lago 032", PercentagePlan(Decimal(0), Decimal(2)), "800", 4, "8"),
        ("lago 035", PercentagePlan(Decimal("2.99")), "10090", 3, "301.691"),
    ],
)
def test_a_percentage_and_a_fee_for_each_event(
    case: str, plan: PercentagePlan, volume: str, events: int, expected: str
) -> None:
    rated = rate_percentage(plan, Decimal(volume), events)
    assert rated.exact == Decimal(expected), case


def test_parts_of_a_percentage_price_are_not_negative() -> None:
    with pytest.raises(BillingError):
        PercentagePlan(Decimal(-1))


def test_a_percentage_explains_allowance_share_and_fees() -> None:
    """800 less 250 free at 1.3 %, and 2 of 4 events at 2 each: 7.15 + 4."""
    plan = PercentagePlan(Decimal("1.3"), Decimal(2), free_events=2, free_volume=Decimal(250))
    rated = rate_percentage(plan, Decimal(800), 4)
    assert [(step.unit, step.quantity, step.unit_amount, step.amount) for step in rated.steps] == [
        (StepUnit.QUANTITY, Decimal(250), Decimal(0), Decimal(0)),
        (StepUnit.QUANTITY, Decimal(550), Decimal("0.013"), Decimal("7.15")),
        (StepUnit.EVENTS, Decimal(2), Decimal(0), Decimal(0)),
        (StepUnit.EVENTS, Decimal(2), Decimal(2), Decimal(4)),
    ]


def test_a_volume_corrected_below_zero_costs_only_its_fees() -> None:
    rated = rate_percentage(PercentagePlan(Decimal(10), Decimal(3)), Decimal(-50), 2)
    assert rated.amount_minor == 6


@pytest.mark.parametrize(
    "tiers",
    [
        (),
        (PercentageTier(Decimal(10), Decimal(1)),),
        (PercentageTier(None, Decimal(1)), PercentageTier(None, Decimal(1))),
        (PercentageTier(Decimal(0), Decimal(1)), PercentageTier(None, Decimal(1))),
        (PercentageTier(None, Decimal(-1)),),
    ],
)
def test_tiers_of_percentages_increase_to_infinity(tiers: tuple[PercentageTier, ...]) -> None:
    with pytest.raises(BillingError):
        GraduatedPercentagePlan(tiers)
