"""Starts, anchors and trials that went wrong in public, and what is right in each.

Each names where it was reported. Amounts and instants are facts; what is right follows from the
rules that Stripe publishes ("Backdate subscriptions", "Use trial periods", "Set the billing cycle
date").
"""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day

CLASSIC = {"billing_mode": {"type": "classic"}}
FLEXIBLE = {"billing_mode": {"type": "flexible"}}


# ---------------------------------------------------------------- a start in the past


def bills(stage: Stage) -> list[list[tuple[str, int]]]:
    """All invoices, each as its lines: the day on which one begins, and its amount."""
    return [
        [(day(line.period.start), line.amount) for line in invoice.lines.data]
        for invoice in stage.invoices()
    ]


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
        (
            CLASSIC | {"proration_behavior": "none"},
            [[("2024-05-01", 0)], [("2024-03-01", 25700)]],
        ),
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


# ---------------------------------------------------------------- anchors


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


def test_an_anchor_by_its_day_keeps_to_the_last_days_of_short_months(api: Api) -> None:
    """killbill/killbill#127, openmeterio/openmeter#3225."""
    stage = Stage(api, "2023-01-10")
    config = {"day_of_month": 31, "hour": 0, "minute": 0, "second": 0}
    base = stage.price("Base", 2800)
    stage.subscribe(base, trial_period_days=36, billing_cycle_anchor_config=config)
    stage.until("2023-06-01")
    assert stage.totals() == [
        ("2023-01-10", 0),
        ("2023-02-15", 1300),
        ("2023-02-28", 2800),
        ("2023-03-31", 2800),
        ("2023-04-30", 2800),
        ("2023-05-31", 2800),
    ]


@pytest.mark.parametrize(
    ("anchor", "behavior", "total"),
    [
        (at("2024-07-01"), "create_prorations", 1100),
        (at("2024-07-01"), "none", None),
        (at("2024-07-20"), "create_prorations", 3000),
        (at("2024-07-20") + 1, "create_prorations", "refused"),
    ],
)
def test_an_anchor_lies_at_most_one_period_ahead(
    api: Api, anchor: int, behavior: str, total: int | str | None
) -> None:
    """stripe/stripe-node#729."""
    stage = Stage(api, "2024-06-20")
    terms = {"billing_cycle_anchor": anchor, "proration_behavior": behavior}
    base = stage.price("Base", 3000)
    if total == "refused":
        with pytest.raises(stripe.InvalidRequestError):
            stage.subscribe(base, **terms)
        return
    stage.subscribe(base, **terms)
    assert stage.totals() == ([] if total is None else [("2024-06-20", total)])


def test_an_anchor_is_not_reset_in_a_trial(api: Api) -> None:
    """Stripe, changelog of 2026-10-28.endive."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 1000), trial_period_days=10)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.change(made, billing_cycle_anchor="now")
    assert refused.value.code == "subscription_update_trial_after_billing_cycle_anchor"


def test_an_item_that_is_added_on_the_day_before_makes_no_invoice_of_its_own(api: Api) -> None:
    """killbill/killbill#2133."""
    stage = Stage(api, "2024-03-31")
    made = stage.subscribe(stage.price("Base", 500))
    stage.until("2024-05-30")
    stage.change(made, items=[{"price": stage.price("More", 3100)}])
    stage.until("2024-05-31 02:00")
    assert stage.totals()[1:] == [("2024-04-30", 500), ("2024-05-31", 100 + 500 + 3100)]


# ---------------------------------------------------------------- trials


def test_a_trial_of_prices_up_to_an_anchor_is_free_and_then_prorated(api: Api) -> None:
    """stripe/stripe-java#454."""
    stage = Stage(api, "2024-03-01")
    anchor, trial_end = at("2024-04-01"), at("2024-03-23")
    stage.subscribe(stage.price("Base", 3100), trial_end=trial_end, billing_cycle_anchor=anchor)
    stage.until("2024-04-01 02:00")
    assert stage.totals() == [("2024-03-01", 0), ("2024-03-23", 900), ("2024-04-01", 3100)]


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
    assert [invoice.total for invoice in stage.invoices()] == totals
    item = ended["items"].data[0]
    if behavior != "create_invoice":
        periods = (item.current_period_start, item.current_period_end)
        assert periods == (at("2024-01-01"), now)
    if behavior == "cancel":
        assert (ended.ended_at, ended.canceled_at) == (now, now)
        assert ended.cancellation_details.reason == "cancellation_requested"
