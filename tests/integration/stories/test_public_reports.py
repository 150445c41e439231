"""Situations that went wrong in billing systems in public, and what is right in each.

Each names where it was reported. Amounts and instants are facts; what is right follows from the
rules that Stripe publishes ("Compare billing modes", "Backdate subscriptions", "Use trial periods",
"Billing thresholds").
"""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day

CLASSIC = {"billing_mode": {"type": "classic"}}
FLEXIBLE = {"billing_mode": {"type": "flexible"}}


def bills(stage: Stage) -> list[list[tuple[str, int]]]:
    """All invoices, each as its lines: the day on which one begins, and its amount."""
    return [
        [(day(line.period.start), line.amount) for line in one.lines.data]
        for one in stage.invoices()
    ]


# ---------------------------------------------------------------- a start in the past


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            FLEXIBLE,
            [[("2024-03-01", 10000), ("2024-04-01", 15000)], [("2024-05-01", 700)]],
        ),
        (
            FLEXIBLE | {"trial_period_days": 31},
            [[("2024-03-01", 10000), ("2024-04-01", 15000)]],
        ),
        (CLASSIC, [[("2024-05-01", 0)], [("2024-03-01", 25700)]]),
        (
            CLASSIC | {"trial_period_days": 31},
            [[("2024-05-01", 0)], [("2024-03-01", 25000), ("2024-06-01", 0)]],
        ),
        (FLEXIBLE | {"proration_behavior": "none"}, [[("2024-05-01", 700)]]),
    ],
)
def test_usage_before_a_backdated_subscription_is_billed(
    api: Api, params: dict[str, Any], expected: list[Any]
) -> None:
    """polarsource/polar#8451, getlago/lago-api#1520."""
    stage = Stage(api, "2024-05-01")
    storage = stage.metered("Storage", stage.meter(), 100)
    stage.use(100, "2024-03-31 23:59")
    stage.use(150, "2024-04-01")
    stage.subscribe(storage, backdate_start_date=at("2024-03-01"), **params)
    stage.until("2024-05-20")
    stage.use(7)
    stage.until("2024-06-01 02:00")
    assert bills(stage) == expected


def test_a_trial_can_follow_a_time_that_is_billed(api: Api) -> None:
    """stripe/stripe-dotnet#2689, laravel/cashier-stripe#1682."""
    stage = Stage(api, "2024-03-15")
    base = stage.price("Base", 3100)
    stage.subscribe(base, backdate_start_date=at("2024-01-01"), trial_end=at("2024-04-01"))
    stage.until("2024-04-01 02:00")
    assert bills(stage) == [
        [("2024-01-01", 3100), ("2024-02-01", 3100), ("2024-03-01", 1400), ("2024-03-15", 0)],
        [("2024-04-01", 3100)],
    ]


@pytest.mark.parametrize("trial", [{"trial_period_days": 10}, {"trial_end": at("2024-01-11")}])
def test_an_anchor_by_its_day_counts_from_the_end_of_the_trial(
    api: Api, trial: dict[str, int]
) -> None:
    """stripe/stripe-dotnet#2689."""
    stage = Stage(api, "2024-01-01")
    config = {"day_of_month": 15}
    stage.subscribe(stage.price("Base", 3100), billing_cycle_anchor_config=config, **trial)
    stage.until("2024-01-15 02:00")
    assert bills(stage) == [[("2024-01-01", 0)], [("2024-01-11", 400)], [("2024-01-15", 3100)]]


# ---------------------------------------------------------------- an end in the first period


@pytest.mark.parametrize(
    ("mode", "behavior", "total"),
    [
        (CLASSIC, "none", 1000),
        (FLEXIBLE, "none", 3100),
        (CLASSIC, "create_prorations", 1000),
        (FLEXIBLE, "create_prorations", 1000),
    ],
)
def test_an_end_in_the_first_period_is_charged_as_the_mode_has_it(
    api: Api, mode: dict[str, Any], behavior: str, total: int
) -> None:
    """YumaInaura/YumaInaura#2910, #2913, #2920."""
    stage = Stage(api, "2024-01-01")
    stage.subscribe(
        stage.price("Base", 3100),
        cancel_at=at("2024-01-11"),
        proration_behavior=behavior,
        **mode,
    )
    stage.until("2024-01-12")
    assert stage.totals() == [("2024-01-01", total)]


# ---------------------------------------------------------------- metered prices that change


@pytest.mark.parametrize(
    ("mode", "behavior", "totals"),
    [
        (CLASSIC, "create_prorations", [0, 6000, 700]),
        (FLEXIBLE, "create_prorations", [6000, 1100]),
        (FLEXIBLE, "none", [6000, 700]),
    ],
)
def test_a_metered_price_changes_after_a_threshold_was_billed(
    api: Api, mode: dict[str, Any], behavior: str, totals: list[int]
) -> None:
    """laravel/cashier-stripe#1680."""
    stage = Stage(api, "2024-01-01")
    meter = stage.meter()
    old, new = stage.metered("Old", meter, 10), stage.metered("New", meter, 7)
    made = stage.subscribe(old, billing_thresholds={"amount_gte": 5000}, **mode)
    stage.use(600, "2024-01-01")
    stage.until("2024-01-10")
    stage.use(40, "2024-01-09")
    changed = {"id": made["items"].data[0].id, "price": new}
    stage.change(made, items=[changed], proration_behavior=behavior, billing_thresholds="")
    stage.use(100, "2024-01-10")
    stage.until("2024-02-01 02:00")
    assert [one.total for one in stage.invoices()] == totals


# ---------------------------------------------------------------- a trial that ends at once


@pytest.mark.parametrize(
    ("behavior", "status", "totals"),
    [
        ("create_invoice", "active", [0, 3100]),
        ("pause", "paused", [0]),
        ("cancel", "canceled", [0]),
    ],
)
def test_a_trial_that_is_ended_obeys_what_was_said_of_a_missing_payment_method(
    api: Api, behavior: str, status: str, totals: list[int]
) -> None:
    """Kiln-AI/stripe_world (a recorded conversation)."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(
        stage.price("Base", 3100),
        trial_period_days=14,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    stage.until("2024-01-05")
    ended = stage.change(made, trial_end="now")
    now = at("2024-01-05")
    assert (ended.status, ended.trial_end, ended.billing_cycle_anchor) == (status, now, now)
    assert [one.total for one in stage.invoices()] == totals
    item = ended["items"].data[0]
    if behavior != "create_invoice":
        periods = (item.current_period_start, item.current_period_end)
        assert periods == (at("2024-01-01"), now)
    if behavior == "cancel":
        assert (ended.ended_at, ended.canceled_at) == (now, now)
        assert ended.cancellation_details.reason == "cancellation_requested"
