"""Changes of licensed items in the middle of a period, in both billing modes."""

from dataclasses import replace
from decimal import Decimal

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Period
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.discounts import Discount, DiscountableLine
from meterline.core.billing.invoicing import BilledItem, BillingMode, UsageType, licensed_line
from meterline.core.catalog.rating import PricePlan
from meterline.core.subscriptions.item_changes import (
    BilledSpan,
    Fee,
    ItemChange,
    ProratedChange,
    check_proration_date,
    credit_billed,
    fees_after_discounts,
    prorate_change,
)
from tests.unit.core.instants import at, span

MAY = span("2024-05-01", "2024-06-01")
JUNE = span("2025-06-01", "2025-07-01")
BOTH_MODES = list(BillingMode)


def change(at_instant: int, old: int | None, new: int | None, period: Period = JUNE) -> ItemChange:
    """A change of an item whose whole period was billed at the old fee."""
    old_fee = None if old is None else Fee(old)
    return ItemChange(
        at=at_instant,
        period=period,
        whole=period,
        old_fee=old_fee,
        new_fee=None if new is None else Fee(new),
        billed=() if old_fee is None else (BilledSpan(old_fee, period),),
    )


def amounts(result: ProratedChange) -> list[int]:
    """The amounts of the lines in order."""
    return [line.amount_minor for line in result.lines]


@pytest.mark.parametrize("mode", BOTH_MODES)
def test_an_upgrade_credits_the_old_price_and_debits_the_new(mode: BillingMode) -> None:
    result = prorate_change(change(at("2025-06-16"), 1000, 2000), mode)
    assert amounts(result) == [-500, 1000]
    assert result.net_minor == 500


@pytest.mark.parametrize("mode", BOTH_MODES)
def test_an_added_item_is_only_debited_and_a_removed_one_only_credited(mode: BillingMode) -> None:
    half = at("2025-06-16")
    assert amounts(prorate_change(change(half, None, 2000), mode)) == [1000]
    assert amounts(prorate_change(change(half, 2000, None), mode)) == [-1000]


@pytest.mark.parametrize(
    ("case", "old_seats", "new_seats", "day", "net"),
    [("polar 021", 5, 10, "2025-06-11", 5000), ("polar 023", 10, 7, "2025-06-16", -2250)],
)
@pytest.mark.parametrize("mode", BOTH_MODES)
def test_a_change_of_quantity_costs_the_difference_for_the_rest(
    case: str, old_seats: int, new_seats: int, day: str, net: int, mode: BillingMode
) -> None:
    result = prorate_change(change(at(day), 1500 * old_seats, 1500 * new_seats), mode)
    assert result.net_minor == net, case


@pytest.mark.parametrize(
    ("case", "interval_fee", "period", "day", "credit"),
    [
        ("polar 009", 10000, span("2024-02-18", "2024-03-18"), "2024-02-25", -7586),
        ("polar 010", 100000, span("2025-06-01", "2026-06-01"), "2025-08-13", -80000),
    ],
)
@pytest.mark.parametrize("mode", BOTH_MODES)
def test_a_reset_of_the_cycle_credits_the_unused_rest_and_bills_a_full_period(
    case: str, interval_fee: int, period: Period, day: str, credit: int, mode: BillingMode
) -> None:
    result = prorate_change(change(at(day), interval_fee, None, period), mode)
    assert amounts(result) == [credit], case
    assert result.credits[0].period == Period(at(day), period.end)


def test_a_line_explains_itself_as_seconds_over_seconds() -> None:
    period = Period(0, 2_678_400)
    result = prorate_change(change(2_678_400 - 445_540, 1000, 3250, period), BillingMode.CLASSIC)
    assert [line.explanation for line in result.lines] == [
        "1000 x 445540 s / 2678400 s = 166",
        "3250 x 445540 s / 2678400 s = 541",
    ]
    assert [line.is_credit for line in result.lines] == [True, False]


def test_a_price_raised_without_proration_is_credited_as_billed_only_in_flexible_mode() -> None:
    """1000 was billed, the price became 2000 without proration, and the item is removed halfway."""
    billed = (BilledSpan(Fee(1000), JUNE),)
    removal = ItemChange(at("2025-06-16"), JUNE, JUNE, Fee(2000), None, billed)
    assert amounts(prorate_change(removal, BillingMode.FLEXIBLE)) == [-500]
    assert amounts(prorate_change(removal, BillingMode.CLASSIC)) == [-1000]


def test_what_was_never_billed_is_credited_only_in_classic_mode() -> None:
    """An item added without proration and removed with a third of the month to go."""
    removal = ItemChange(at("2025-06-21"), JUNE, JUNE, Fee(1000), None, billed=())
    assert amounts(prorate_change(removal, BillingMode.CLASSIC)) == [-333]
    assert amounts(prorate_change(removal, BillingMode.FLEXIBLE)) == []


def test_flexible_mode_gives_one_credit_for_each_debit() -> None:
    """Two seats billed for all of June, two more from the 11th; all removed on the 21st."""
    billed = (BilledSpan(Fee(3000), JUNE), BilledSpan(Fee(2000), span("2025-06-11", "2025-07-01")))
    assert [line.amount_minor for line in credit_billed(billed, at("2025-06-21"))] == [-1000, -1000]


def test_several_changes_in_a_period_credit_what_the_one_before_debited() -> None:
    """Cases polar 013 and 014: to 200 dollars on 7 June, to 300 on the 13th, to 400 on the 19th."""
    state: tuple[BilledSpan, ...] = (BilledSpan(Fee(10000), JUNE),)
    told: list[list[int]] = []
    steps = [(10000, 20000, 7), (20000, 30000, 13), (30000, 40000, 19)]
    for old, new, day in steps:
        step = replace(change(at(f"2025-06-{day:02}"), old, new), billed=state)
        result = prorate_change(step, BillingMode.FLEXIBLE)
        told.append(amounts(result))
        state = result.billed
    assert told == [[-8000, 16000], [-12000, 18000], [-12000, 16000]]


@pytest.mark.parametrize("mode", BOTH_MODES)
def test_a_change_in_a_stub_has_the_stub_s_denominator(mode: BillingMode) -> None:
    """15 February to 1 March was billed as 14/28 of 1000; on the 22nd 7/28 of it are unused."""
    stub, month = span("2023-02-15", "2023-03-01"), span("2023-02-15", "2023-03-15")
    upgrade = ItemChange(
        at("2023-02-22"), stub, month, Fee(1000), Fee(2000), (BilledSpan(Fee(500), stub),)
    )
    assert amounts(prorate_change(upgrade, mode)) == [-250, 500]


def test_a_span_that_is_used_up_is_not_credited() -> None:
    used_up = BilledSpan(Fee(1000), span("2025-05-01", "2025-06-01"))
    assert credit_billed((used_up,), at("2025-06-01")) == ()


@pytest.mark.parametrize("mode", BOTH_MODES)
def test_nothing_is_left_to_prorate_at_the_end_of_the_period(mode: BillingMode) -> None:
    result = prorate_change(change(JUNE.end, 1000, 2000), mode)
    assert amounts(result) == []
    assert result.billed == (BilledSpan(Fee(1000), JUNE),)


@pytest.mark.parametrize(
    ("unit_amount", "month"), [(10000, MAY), (20000, span("2024-06-01", "2024-07-01"))]
)
def test_an_upgrade_without_proration_is_felt_at_the_next_renewal(
    unit_amount: int, month: Period
) -> None:
    """Case stripe 014: 10000 on 1 May, raised on the 15th with `none`, 20000 on 1 June."""
    item = BilledItem("si", UsageType.LICENSED, PricePlan(Decimal(unit_amount)), Decimal(1))
    assert licensed_line(item, CyclePeriod(month, month)).amount_minor == unit_amount


def seats_and_support() -> list[DiscountableLine]:
    """Two items, 10 and 20 dollars a month."""
    return [DiscountableLine(1000), DiscountableLine(2000)]


@pytest.mark.parametrize(
    ("mode", "credit"), [(BillingMode.FLEXIBLE, -417), (BillingMode.CLASSIC, -250)]
)
def test_a_coupon_of_5_dollars_is_inside_the_credit_of_a_removed_item(
    mode: BillingMode, credit: int
) -> None:
    """Case stripe 009: half of 10 - 1.66 in flexible mode, half of 10 - 5 in classic mode."""
    coupon = Discount("five off", amount_off_minor=500)
    fee = fees_after_discounts(seats_and_support(), [coupon], mode)[0]
    removal = ItemChange(at("2025-06-16"), JUNE, JUNE, fee, None, billed=(BilledSpan(fee, JUNE),))
    result = prorate_change(removal, mode)
    assert amounts(result) == [credit]
    assert result.credits[0].gross_minor == -500
    assert result.credits[0].discount_minor == -500 - credit


@pytest.mark.parametrize(
    ("case", "old", "new", "credit", "debit"),
    [
        ("polar 018", (10000, Discount("a", Decimal(25))), (100000, None), -3750, 50000),
        (
            "polar 019",
            (10000, Discount("a", amount_off_minor=2500)),
            (100000, Discount("b", amount_off_minor=5000)),
            -3750,
            47500,
        ),
    ],
)
@pytest.mark.parametrize("mode", BOTH_MODES)
def test_a_change_of_discount_is_inside_credit_and_debit(
    case: str,
    old: tuple[int, Discount],
    new: tuple[int, Discount | None],
    credit: int,
    debit: int,
    mode: BillingMode,
) -> None:
    old_fee = fees_after_discounts([DiscountableLine(old[0])], [old[1]], mode)[0]
    new_discounts = [] if new[1] is None else [new[1]]
    new_fee = fees_after_discounts([DiscountableLine(new[0])], new_discounts, mode)[0]
    swap = ItemChange(
        at("2025-06-16"), JUNE, JUNE, old_fee, new_fee, billed=(BilledSpan(old_fee, JUNE),)
    )
    assert amounts(prorate_change(swap, mode)) == [credit, debit], case


@pytest.mark.parametrize("date", [MAY.start, MAY.end])
def test_a_proration_date_may_be_anywhere_in_the_current_period(date: int) -> None:
    check_proration_date(date, MAY)


@pytest.mark.parametrize("date", [MAY.start - 1, MAY.end + 1])
def test_a_proration_date_outside_the_current_period_is_refused(date: int) -> None:
    with pytest.raises(BillingError, match="outside of current subscription period") as refused:
        check_proration_date(date, MAY)
    assert refused.value.param == "proration_date"
