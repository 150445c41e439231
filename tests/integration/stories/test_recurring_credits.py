"""Grants that recur: the same credits for each period, and what rolls over into the next."""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day
from tests.integration.stories.test_billing_credits import (
    balances,
    grant,
    ledger,
    refused,
    usage,
)


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-31")


def recurring(stage: Stage, value: int, **recurrence: Any) -> str:
    terms = {"interval": "month", **recurrence}
    return grant(stage, value, meterline={"recurrence": terms})


def granted(stage: Stage) -> list[tuple[int, str, str]]:
    """Amounts, and from when until when they can be used (less a second), oldest first."""
    made = stage.client.v1.billing.credit_grants.list({"customer": stage.customer}).data
    return [
        (one.amount.monetary.value, day(one.effective_at), day(one.expires_at - 1))
        for one in reversed(made)
    ]


def test_each_period_has_its_grant_whatever_the_month_is_long(stage: Stage) -> None:
    recurring(stage, 1_000)
    stage.until("2024-04-01")
    assert [(value, end) for value, _, end in granted(stage)] == [
        (1_000, "2024-02-29"),
        (1_000, "2024-03-31"),
        (1_000, "2024-04-30"),
    ]
    assert balances(stage) == {"usd": (1_000, 1_000)}


def test_a_grant_pays_for_the_invoice_of_its_period_and_no_later_one(stage: Stage) -> None:
    stage.subscribe(usage(stage))
    recurring(stage, 250)
    for month in ("2024-03-01", "2024-04-01"):
        stage.use(100)
        stage.until(month)
    assert [one.total for one in stage.invoices()] == [50, 50]
    assert balances(stage) == {"usd": (250, 250)}


def test_what_is_left_rolls_over_as_far_as_is_said_and_once(stage: Stage) -> None:
    stage.subscribe(usage(stage))
    recurring(stage, 500, rollover_most=150)
    stage.use(100)
    stage.until("2024-03-01")
    assert ledger(stage) == [
        ("credits_granted", 500),
        ("credits_granted", 500),
        ("credits_applied", -300),
        ("credits_expired", -200),
        ("credits_granted", 150),
    ]
    assert balances(stage) == {"usd": (650, 650)}
    stage.until("2024-04-01")
    assert balances(stage) == {"usd": (650, 650)}
    assert sum(amount for _, amount in ledger(stage)) == 650


def test_a_series_ends_when_it_is_told_to_or_its_grant_is_ended(stage: Stage) -> None:
    grants = stage.client.v1.billing.credit_grants
    told, expired = recurring(stage, 100), recurring(stage, 100)
    grants.update(told, {"meterline": {"recurrence": "none"}})
    grants.expire(expired)
    stage.until("2024-03-10")
    assert len(granted(stage)) == 2
    assert balances(stage) == {"usd": (0, 0)}


def test_a_grant_that_recurs_has_no_expiry_of_its_own(stage: Stage) -> None:
    terms = {"recurrence": {"interval": "month"}}
    later = at("2024-06-01")
    create: Any = {"meterline": terms, "expires_at": later}
    assert "expires with its period" in refused(lambda: grant(stage, 100, **create))
    made = recurring(stage, 100)
    update = stage.client.v1.billing.credit_grants.update
    assert "expires with its period" in refused(update, made, {"expires_at": later})


def test_a_deleted_customer_is_granted_nothing_more(stage: Stage) -> None:
    recurring(stage, 100)
    stage.client.v1.customers.delete(stage.customer)
    stage.until("2024-04-10")
    assert len(stage.client.v1.billing.credit_grants.list({"customer": stage.customer}).data) == 1
