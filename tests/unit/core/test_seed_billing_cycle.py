"""Every example of Stripe's "Set the subscription billing cycle date", by name."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from meterline.core.base.periods import boundary, period_at
from meterline.core.billing.anchors import AnchorConfig, first_full_invoice_at, resolve_anchor
from meterline.core.billing.cycles import AnchorChoice, open_cycle, period_from
from meterline.core.billing.invoicing import (
    BilledItem,
    BillingMode,
    UsageType,
    licensed_line,
    trial_lines,
)
from meterline.core.catalog.rating import PricePlan
from meterline.core.subscriptions.cycle_changes import CycleReset, CycleTerms, cycle_reset
from meterline.core.subscriptions.item_changes import BilledSpan, Fee, ItemChange, prorate_change
from meterline.core.subscriptions.usage_changes import cut_by_reset
from tests.unit.core.instants import at, every, iso, span


def billing_dates(anchor: int, interval: str, numbers: range) -> list[str]:
    """The boundaries with these numbers, as ISO instants."""
    return [iso(boundary(anchor, every(interval), n)) for n in numbers]


def test_monthly_anchored_on_2_september_bills_on_the_2nd() -> None:
    dates = billing_dates(at("2023-09-02"), "month", range(1, 5))
    assert dates == ["2023-10-02", "2023-11-02", "2023-12-02", "2024-01-02"]


@pytest.mark.parametrize(
    ("anchor", "dates"),
    [
        ("2023-01-31", ["2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31"]),
        ("2024-01-31", ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
    ],
)
def test_monthly_anchored_on_31_january_bills_on_the_last_day_of_each_month(
    anchor: str, dates: list[str]
) -> None:
    assert billing_dates(at(anchor), "month", range(1, 5)) == dates


def test_weekly_anchored_on_friday_3_june_bills_every_friday() -> None:
    dates = billing_dates(at("2022-06-03"), "week", range(1, 4))
    assert dates == ["2022-06-10", "2022-06-17", "2022-06-24"]
    assert {datetime.fromisoformat(date).strftime("%A") for date in dates} == {"Friday"}


def test_day_31_bills_on_the_last_day_of_every_month() -> None:
    anchor = resolve_anchor(AnchorConfig(day_of_month=31), at("2023-01-10"), every("month"))
    assert billing_dates(anchor, "month", range(6)) == [
        "2023-01-31",
        "2023-02-28",
        "2023-03-31",
        "2023-04-30",
        "2023-05-31",
        "2023-06-30",
    ]


@pytest.mark.parametrize("created", ["2023-02-10", "2023-07-01", "2023-12-31"])
def test_month_7_day_1_renews_a_yearly_subscription_each_1_july(created: str) -> None:
    config = AnchorConfig(month=7, day_of_month=1)
    anchor = resolve_anchor(config, at(created), every("year"))
    renewals = billing_dates(anchor, "year", range(3))
    assert [date[5:] for date in renewals] == ["07-01", "07-01", "07-01"]


def test_15_12_30_0_copies_the_anchor_of_another_subscription() -> None:
    config = AnchorConfig(day_of_month=15, hour=12, minute=30, second=0)
    anchor = resolve_anchor(config, at("2024-05-20T08:07:06"), every("month"))
    assert iso(anchor) == "2024-06-15T12:30:00"


def test_absent_time_parts_come_from_the_creation() -> None:
    created_at_17_eastern = at("2024-01-20T22:00:00")
    anchor = resolve_anchor(AnchorConfig(day_of_month=1), created_at_17_eastern, every("month"))
    assert datetime.fromtimestamp(anchor, UTC).hour == 22


@pytest.mark.parametrize(
    ("created", "anchor", "first_full", "second_full"),
    [
        ("2023-02-10T09:00:00", "2023-08-31", "2023-02-28", "2023-04-30"),
        ("2024-02-10T09:00:00", "2024-08-31", "2024-02-29", "2024-04-30"),
    ],
)
def test_an_anchor_several_periods_ahead_keeps_the_first_full_invoice_within_one(
    created: str, anchor: str, first_full: str, second_full: str
) -> None:
    interval = every("2 months")
    resolved = resolve_anchor(AnchorConfig(day_of_month=31), at(created), interval)
    assert iso(resolved) == f"{anchor}T09:00:00"
    start = first_full_invoice_at(resolved, interval, at(created))
    assert iso(start) == f"{first_full}T09:00:00"
    assert iso(period_at(resolved, interval, start).end) == f"{second_full}T09:00:00"


SEATS = BilledItem("si_seats", UsageType.LICENSED, PricePlan(Decimal(1000)), Decimal(1))


def test_a_trial_from_15_july_to_1_august_moves_the_cycle_that_billed_on_23_july() -> None:
    """0 on 15 July, nothing on 23 July, the full price on 1 August, then on every 1st."""
    opening = open_cycle(at("2023-07-15"), every("month"), AnchorChoice(), at("2023-08-01"))
    trial = opening.first.period
    lines = trial_lines([SEATS], trial, BillingMode.FLEXIBLE)
    assert [line.amount_minor for line in lines] == [0]
    assert trial.start < at("2023-07-23") < trial.end
    full = period_from(opening.anchor, every("month"), trial.end)
    assert full.period == span("2023-08-01", "2023-09-01")
    assert licensed_line(SEATS, full).amount_minor == 1000
    assert (
        iso(period_from(opening.anchor, every("month"), full.period.end).period.end) == "2023-10-01"
    )


@pytest.mark.parametrize(("prorate", "net"), [(True, 500), (False, 1000)])
@pytest.mark.parametrize("mode", list(BillingMode))
def test_a_reset_to_now_bills_a_full_period_and_credits_unused_time_if_asked(
    mode: BillingMode, *, prorate: bool, net: int
) -> None:
    """Halfway through September: with proration the half that is left is given back."""
    september = span("2023-09-01", "2023-10-01")
    fee = Fee(1000)
    reset = ItemChange(
        at("2023-09-16"), september, september, fee, None, (BilledSpan(fee, september),)
    )
    credit = prorate_change(reset, mode).net_minor if prorate else 0
    renewed = period_from(reset.at, every("month"), reset.at)
    assert renewed.period == span("2023-09-16", "2023-10-16")
    assert licensed_line(SEATS, renewed).amount_minor + credit == net


def test_a_cut_short_period_bills_the_usage_of_the_shortened_period() -> None:
    cut = cut_by_reset(span("2023-09-01", "2023-10-01"), at("2023-09-16"))
    assert cut.billed == span("2023-09-01", "2023-09-16")


def test_from_free_to_paid_the_period_restarts_at_once_in_classic_mode() -> None:
    free, paid = CycleTerms(every("month"), is_free=True), CycleTerms(every("month"), is_free=False)
    assert cycle_reset(free, paid, BillingMode.CLASSIC) is CycleReset.FREE_TO_PAID
    assert cycle_reset(free, paid, BillingMode.FLEXIBLE) is None
