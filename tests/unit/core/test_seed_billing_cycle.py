"""Every example of Stripe's "Set the subscription billing cycle date", by name."""

from datetime import UTC, datetime

import pytest

from meterline.core.anchors import AnchorConfig, first_full_invoice_at, resolve_anchor
from meterline.core.periods import boundary, period_at
from tests.unit.core.instants import at, every, iso


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


def test_a_trial_to_1_august_moves_the_cycle_that_billed_on_23_july() -> None:
    """The anchor becomes the trial's end: nothing on 23 July, full periods from 1 August."""
    dates = billing_dates(at("2023-08-01"), "month", range(3))
    assert dates == ["2023-08-01", "2023-09-01", "2023-10-01"]
