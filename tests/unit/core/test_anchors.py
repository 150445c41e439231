"""The billing cycle anchor of a new subscription, and the limits of anchors and trials."""

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.billing.anchors import (
    AnchorConfig,
    check_explicit_anchor,
    check_trial_end,
    first_full_invoice_at,
    resolve_anchor,
    trial_end_from_days,
)
from tests.unit.core.instants import at, every, iso
from tests.unit.core.tables import rows

# case | created | every | day of month | first boundary at or after creation
FIRST_BOUNDARY = """
killbill 006 | 2012-01-31 | month | 30 | 2012-02-29
killbill 009 | 2012-07-16 | month | 15 | 2012-08-15
killbill 010 | 2012-03-02 | month | 3  | 2012-03-03
killbill 012 | 2012-03-04 | month | 3  | 2012-04-03
killbill 015 | 2022-02-19 | month | 31 | 2022-02-28
"""

# rule | created | every | month, day | anchor | first full invoice
CONFIGS = """
the day of creation needs no stub       | 2024-05-15 | month     | -, 15 | 2024-05-15 | 2024-05-15
a day already past waits a month        | 2024-05-16 | month     | -, 15 | 2024-06-15 | 2024-06-15
a clamped day moves to the next long    | 2023-02-10 | month     | -, 30 | 2023-03-30 | 2023-02-28
by whole intervals, here of three       | 2023-02-10 | 3 months  | -, 31 | 2023-05-31 | 2023-02-28
by whole intervals, here of six         | 2023-02-10 | 6 months  | -, 31 | 2023-08-31 | 2023-02-28
months of 30 days at best keep the 30th | 2023-04-10 | 12 months | -, 31 | 2023-04-30 | 2023-04-30
29 February waits for a leap year       | 2025-02-01 | year      | 2, 29 | 2028-02-29 | 2025-02-28
29 February in a leap year is now       | 2024-02-01 | year      | 2, 31 | 2024-02-29 | 2024-02-29
odd years never have a 29 February      | 2025-02-01 | 2 years   | 2, 29 | 2025-02-28 | 2025-02-28
each third year finds a leap year       | 2025-02-01 | 3 years   | 2, 29 | 2028-02-29 | 2025-02-28
a quarter's month may be far ahead      | 2024-02-10 | 3 months  | 7, 1  | 2024-07-01 | 2024-04-01
a month already past waits a year       | 2024-08-10 | year      | 7, 1  | 2025-07-01 | 2025-07-01
a century that is not leap is passed    | 2097-01-01 | year      | 2, 29 | 2104-02-29 | 2097-02-28
"""


@pytest.mark.parametrize(("case", "created", "interval", "day", "expected"), rows(FIRST_BOUNDARY))
def test_the_first_boundary_is_at_or_after_the_creation(
    case: str, created: str, interval: str, day: str, expected: str
) -> None:
    anchor = resolve_anchor(AnchorConfig(int(day)), at(created), every(interval))
    assert iso(first_full_invoice_at(anchor, every(interval), at(created))) == expected, case


@pytest.mark.parametrize(
    ("rule", "created", "interval", "month_and_day", "anchor", "first_full"), rows(CONFIGS)
)
def test_a_config_means_its_next_occurrence(
    rule: str, created: str, interval: str, month_and_day: str, anchor: str, first_full: str
) -> None:
    month, day = month_and_day.split(", ")
    config = AnchorConfig(int(day), month=None if month == "-" else int(month))
    resolved = resolve_anchor(config, at(created), every(interval))
    assert iso(resolved) == anchor, rule
    assert iso(first_full_invoice_at(resolved, every(interval), at(created))) == first_full, rule


def test_an_earlier_time_on_the_day_of_creation_waits_for_the_next_month() -> None:
    config = AnchorConfig(day_of_month=20, hour=6)
    anchor = resolve_anchor(config, at("2024-05-20T08:30:15"), every("month"))
    assert iso(anchor) == "2024-06-20T06:30:15"


@pytest.mark.parametrize("interval", ["day", "2 weeks"])
def test_a_config_needs_months_or_years(interval: str) -> None:
    with pytest.raises(BillingError, match="month or year") as refused:
        resolve_anchor(AnchorConfig(1), at("2024-01-01"), every(interval))
    assert refused.value.param == "billing_cycle_anchor_config"


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"day_of_month": 0}, "day_of_month"),
        ({"day_of_month": 32}, "day_of_month"),
        ({"day_of_month": 1, "month": 13}, "month"),
        ({"day_of_month": 1, "hour": 24}, "hour"),
        ({"day_of_month": 1, "minute": 60}, "minute"),
        ({"day_of_month": 1, "second": -1}, "second"),
    ],
)
def test_parts_of_a_config_have_bounds(parts: dict[str, int], name: str) -> None:
    with pytest.raises(BillingError) as refused:
        AnchorConfig(**parts)
    assert refused.value.param == f"billing_cycle_anchor_config[{name}]"


@pytest.mark.parametrize("anchor", ["2024-01-31", "2024-02-15", "2024-02-29"])
def test_an_explicit_anchor_may_be_up_to_the_next_natural_billing_date(anchor: str) -> None:
    check_explicit_anchor(at(anchor), at("2024-01-31"), every("month"))


@pytest.mark.parametrize(
    ("anchor", "message"),
    [
        ("2024-02-29T00:00:01", "cannot be later than next natural billing date"),
        ("2024-01-30T23:59:59", "must be in the future"),
    ],
)
def test_an_explicit_anchor_outside_one_interval_is_refused(anchor: str, message: str) -> None:
    with pytest.raises(BillingError, match=message) as refused:
        check_explicit_anchor(at(anchor), at("2024-01-31"), every("month"))
    assert refused.value.param == "billing_cycle_anchor"


def test_a_trial_lasts_at_most_730_days() -> None:
    """Case stripe 032."""
    start = at("2024-01-01")
    assert iso(trial_end_from_days(start, 7)) == "2024-01-08"
    assert trial_end_from_days(start, 730) == start + 730 * 86_400
    with pytest.raises(BillingError, match="trial_period_days"):
        trial_end_from_days(start, 731)


@pytest.mark.parametrize(
    ("trial_end", "message"),
    [("2023-12-31T23:59:59", "in the future"), ("2025-12-31T00:00:01", "730")],
)
def test_a_trial_ends_in_the_future_and_within_730_days(trial_end: str, message: str) -> None:
    now = at("2024-01-01")
    check_trial_end(at("2025-12-31"), now)
    with pytest.raises(BillingError, match=message) as refused:
        check_trial_end(at(trial_end), now)
    assert refused.value.param == "trial_end"


def test_a_trial_of_7_days_is_followed_by_a_stub_to_the_first() -> None:
    """Case stripe 011: subscribed on the 15th, free until the 22nd, prorated to the 1st."""
    trial_end = trial_end_from_days(at("2024-05-15"), 7)
    anchor = at("2024-06-01")
    check_explicit_anchor(anchor, trial_end, every("month"))
    assert iso(trial_end) == "2024-05-22"
    assert first_full_invoice_at(anchor, every("month"), trial_end) == anchor
