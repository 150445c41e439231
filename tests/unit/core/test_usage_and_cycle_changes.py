"""Metered items cut in the middle of a period, resets of the cycle, mixed intervals, thresholds."""

from decimal import Decimal

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import period_at
from meterline.core.billing.invoicing import BilledItem, BillingMode, UsageType
from meterline.core.billing.mixed_intervals import (
    check_mixed_intervals,
    is_multiple,
    shortest_interval,
    subscription_period,
)
from meterline.core.catalog.commitments import SpendBounds
from meterline.core.catalog.percentages import (
    GraduatedPercentagePlan,
    PercentagePlan,
    PercentageTier,
)
from meterline.core.catalog.price_models import PriceModel
from meterline.core.catalog.rating import PricePlan, rate
from meterline.core.subscriptions.cycle_changes import CycleReset, CycleTerms, cycle_reset, is_free
from meterline.core.subscriptions.thresholds import check_amount_gte
from meterline.core.subscriptions.usage_changes import (
    UsageCut,
    cut_by_price_change,
    cut_by_removal,
    cut_by_reset,
)
from tests.unit.core.instants import at, every, span
from tests.unit.core.tables import plan_of

JANUARY = span("2024-01-01", "2024-02-01")
BEFORE, SINCE = span("2024-01-01", "2024-01-15"), span("2024-01-15", "2024-02-01")
CUT = at("2024-01-15")


def test_flexible_mode_bills_usage_on_both_sides_of_a_price_change() -> None:
    cut = cut_by_price_change(JANUARY, CUT, BillingMode.FLEXIBLE, prorate=True)
    assert cut == UsageCut(billed=BEFORE)


def test_classic_mode_bills_only_usage_since_a_price_change() -> None:
    """Case stripe 018: what was used before it is never billed."""
    cut = cut_by_price_change(JANUARY, CUT, BillingMode.CLASSIC, prorate=True)
    assert cut == UsageCut(billed=None)


@pytest.mark.parametrize(
    ("mode", "behavior", "billed"),
    [
        (BillingMode.FLEXIBLE, "create_prorations", True),
        (BillingMode.FLEXIBLE, "always_invoice", True),
        (BillingMode.FLEXIBLE, "none", False),
        (BillingMode.CLASSIC, "create_prorations", False),
    ],
)
def test_usage_of_a_removed_item_is_billed_in_flexible_mode_unless_proration_is_none(
    mode: BillingMode, behavior: str, *, billed: bool
) -> None:
    cut = cut_by_removal(JANUARY, CUT, mode, prorate=behavior != "none")
    assert cut == UsageCut(billed=BEFORE if billed else None)


@pytest.mark.parametrize("mode", BillingMode)
def test_a_price_change_without_proration_bills_no_usage_at_the_old_price(
    mode: BillingMode,
) -> None:
    cut = cut_by_price_change(JANUARY, CUT, mode, prorate=False)
    assert cut == UsageCut(billed=None)


def test_a_shortened_period_bills_its_usage() -> None:
    assert cut_by_reset(JANUARY, CUT) == UsageCut(billed=BEFORE)


@pytest.mark.parametrize("instant", ["2023-12-01", "2024-01-01"])
def test_nothing_was_used_before_the_period(instant: str) -> None:
    cut = cut_by_price_change(JANUARY, at(instant), BillingMode.FLEXIBLE, prorate=True)
    assert cut == UsageCut(billed=None)


@pytest.mark.parametrize("instant", ["2024-02-01", "2024-03-01"])
def test_nothing_is_carried_from_the_end_of_the_period_on(instant: str) -> None:
    cut = cut_by_price_change(JANUARY, at(instant), BillingMode.FLEXIBLE, prorate=True)
    assert cut == UsageCut(billed=JANUARY)


MONTHLY, YEARLY = every("month"), every("year")


@pytest.mark.parametrize(
    ("before", "after", "reset"),
    [
        (CycleTerms(MONTHLY, is_free=True), CycleTerms(MONTHLY, is_free=False), "free_to_paid"),
        (CycleTerms(MONTHLY, is_free=False), CycleTerms(MONTHLY, is_free=True), None),
        (CycleTerms(MONTHLY, is_free=True), CycleTerms(MONTHLY, is_free=True), None),
        (CycleTerms(MONTHLY, is_free=False), CycleTerms(YEARLY, is_free=False), "interval_changed"),
        (CycleTerms(YEARLY, is_free=False), CycleTerms(MONTHLY, is_free=True), "interval_changed"),
        (CycleTerms(MONTHLY, is_free=False), CycleTerms(MONTHLY, is_free=False), None),
    ],
)
def test_only_classic_mode_restarts_the_cycle_by_itself(
    before: CycleTerms, after: CycleTerms, reset: str | None
) -> None:
    assert cycle_reset(before, after, BillingMode.CLASSIC) == reset
    assert cycle_reset(before, after, BillingMode.FLEXIBLE) is None


@pytest.mark.parametrize("mode", list(BillingMode))
def test_a_request_restarts_the_cycle_in_both_modes(mode: BillingMode) -> None:
    terms = CycleTerms(MONTHLY, is_free=False)
    assert cycle_reset(terms, terms, mode, requested=True) is CycleReset.REQUESTED


def licence(unit_amount: int) -> BilledItem:
    """An item of no licences at a price."""
    return BilledItem("a", UsageType.LICENSED, PricePlan(Decimal(unit_amount)))


def test_a_zero_quantity_of_a_paid_price_is_not_free() -> None:
    nothing, paid = licence(0), licence(100)
    assert is_free([nothing, nothing])
    assert not is_free([nothing, paid])


def test_a_price_of_nothing_with_a_minimum_is_not_free() -> None:
    plan = PricePlan(Decimal(0))
    assert is_free([BilledItem("a", UsageType.METERED, plan)])
    assert not is_free([BilledItem("a", UsageType.METERED, plan, bounds=SpendBounds(1))])


@pytest.mark.parametrize(
    ("model", "free"),
    [
        (PercentagePlan(Decimal(0)), True),
        (PercentagePlan(Decimal(0), Decimal(30)), False),
        (PercentagePlan(Decimal("2.9")), False),
        (GraduatedPercentagePlan((PercentageTier(None, Decimal(0)),)), True),
        (GraduatedPercentagePlan((PercentageTier(None, Decimal(0), Decimal(5)),)), False),
    ],
)
def test_a_percentage_of_nothing_without_fees_is_free(model: PriceModel, *, free: bool) -> None:
    assert is_free([BilledItem("a", UsageType.METERED, model)]) is free


@pytest.mark.parametrize(
    ("case", "intervals"),
    [
        ("stripe 018", ["month", "3 months"]),
        ("stripe 023", ["2 weeks", "4 weeks"]),
        ("stripe 024", ["2 months", "4 months", "6 months"]),
        ("a year is twelve months", ["month", "year"]),
        ("a week is seven days", ["day", "week"]),
        ("a month is whole days", ["day", "3 months"]),
        ("a year is whole days", ["day", "month", "year"]),
        ("all alike", ["month", "month"]),
    ],
)
def test_intervals_mix_if_all_are_multiples_of_the_shortest(
    case: str, intervals: list[str]
) -> None:
    check_mixed_intervals([every(text) for text in intervals])
    assert case


@pytest.mark.parametrize(
    ("case", "intervals"),
    [
        ("stripe 026", ["4 months", "6 months"]),
        ("stripe 028", ["2 days", "1 week"]),
        ("a month is no number of weeks", ["week", "month"]),
        ("a year is no number of weeks", ["week", "year"]),
        ("a month is no number of pairs of days", ["2 days", "month"]),
    ],
)
def test_other_intervals_do_not_mix(case: str, intervals: list[str]) -> None:
    with pytest.raises(BillingError, match="multiple") as refused:
        check_mixed_intervals([every(text) for text in intervals])
    assert refused.value.param == "items", case


def test_the_shortest_interval_is_the_subscription_s() -> None:
    assert shortest_interval([every("year"), every("6 months"), every("3 months")]).months == 3
    assert shortest_interval([every("week"), every("3 days")]) == every("3 days")
    assert shortest_interval([every("month"), every("day")]) == every("day")
    assert not is_multiple(every("month"), every("week"))


def test_items_keep_their_own_periods_and_share_the_shortest() -> None:
    """Case stripe 016: items of 1, 2 and 3 months from 1 January, seen on 1 February."""
    intervals = [every("month"), every("2 months"), every("3 months")]
    periods = [period_at(at("2024-01-01"), each, at("2024-02-01")) for each in intervals]
    assert periods == [
        span("2024-02-01", "2024-03-01"),
        span("2024-01-01", "2024-03-01"),
        span("2024-01-01", "2024-04-01"),
    ]
    assert subscription_period(periods) == span("2024-02-01", "2024-03-01")


def test_resuming_with_the_anchor_unchanged_keeps_the_periods_from_the_trial_s_end() -> None:
    """Case stripe 030: trial to 1 February, resumed on 15 February; 1 and 2 months."""
    anchor, resumed = at("2024-02-01"), at("2024-02-15")
    periods = [period_at(anchor, every(each), resumed) for each in ("month", "2 months")]
    assert periods == [span("2024-02-01", "2024-03-01"), span("2024-02-01", "2024-04-01")]


def further(plan: PricePlan, billed: int, used: int) -> int:
    """What usage of a period costs beyond a quantity of it that is billed already."""
    return rate(plan, Decimal(used)).amount_minor - rate(plan, Decimal(billed)).amount_minor


def test_two_hundred_impressions_at_fifty_cents_reach_a_threshold_of_a_hundred_dollars() -> None:
    """Case stripe threshold 001; each further 200 of the first 10,000 reach it again."""
    plan = plan_of("graduated", "10000@50, inf@40")
    for billed in (0, 200, 9800):
        assert further(plan, billed, billed + 200) == 10000
        assert further(plan, billed, billed + 199) < 10000


def test_a_volume_price_that_gets_cheaper_gives_back_what_was_billed_before() -> None:
    """Case stripe threshold 007: 10,000 at 50 were billed; 10,001 cost 400,040 altogether."""
    assert further(plan_of("volume", "10000@50, inf@40"), 10000, 10001) == -99960


def test_a_threshold_is_at_least_fifty_minor_units() -> None:
    """Case stripe threshold 008."""
    check_amount_gte(50)
    with pytest.raises(BillingError, match="at least 50"):
        check_amount_gte(49)
