"""Alerts on the balance of billing credits: each crossing is told once, by what causes it."""

import json
from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at
from tests.integration.stories.test_billing_credits import grant, usage

TOLD = ["billing.alert.triggered", "billing.alert.recovered"]


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def alert(stage: Stage, value: int, *, prices: list[str] | None = None, **more: Any) -> str:
    """The id of an alert on at most so much being left."""
    filter_: dict[str, Any] = {"type": "customer", "customer": stage.customer}
    if prices:
        scope = {"prices": [{"id": price} for price in prices]}
        filter_["credit_grants"] = {"applicability_config": {"scope": scope}}
    money = {"currency": "usd", "value": value} | more
    threshold = {"filters": [filter_], "lte": {"balance_type": "monetary", "monetary": money}}
    return str(
        stage.client.v1.billing.alerts.create(
            {
                "alert_type": "credit_balance_threshold",
                "title": "Little left",
                "credit_balance_threshold": threshold,
            }
        ).id
    )


def told(stage: Stage) -> list[tuple[str, str, int]]:
    """What was told of which alert, at which balance, oldest first."""
    events = stage.client.v1.events.list({"types": TOLD, "limit": 100}).data
    return [
        (
            event.type.rpartition(".")[2],
            event.data.object["alert"]["id"],
            event.data.object["value"],
        )
        for event in reversed(events)
    ]


def test_a_balance_that_comes_down_to_an_alert_triggers_it_once(stage: Stage) -> None:
    grant(stage, 1_000)
    first, second = alert(stage, 400), alert(stage, 0)
    stage.subscribe(usage(stage))
    stage.use(200)
    stage.until("2024-02-01")
    assert told(stage) == []
    stage.until("2024-02-02")
    assert told(stage) == [("triggered", first, 400)]
    stage.use(10)
    stage.until("2024-03-02")
    assert told(stage) == [("triggered", first, 400)]
    stage.use(300)
    stage.until("2024-04-02")
    assert told(stage)[1:] == [("triggered", second, 0)]


def test_a_grant_lets_it_recover_and_it_triggers_again(stage: Stage) -> None:
    made = alert(stage, 100)
    first = grant(stage, 500)
    assert told(stage) == []
    stage.client.v1.billing.credit_grants.void_grant(first)
    grant(stage, 500, expires_at=at("2024-01-10"))
    stage.until("2024-01-11")
    assert told(stage) == [
        ("triggered", made, 0),
        ("recovered", made, 500),
        ("triggered", made, 0),
    ]
    answer = stage.client.raw_request(
        "get", f"/v1/billing/alerts/{made}/notifications", customer=stage.customer
    )
    notified = json.loads(answer.body)["data"]
    for one in notified:
        event = stage.client.v1.events.retrieve(one["notification_event"])
        assert event.type == f"billing.alert.{one['action']}"
        assert str(event.data.object["value"]) == one["value"]
    assert [(one["action"], one["value"]) for one in notified[::-1]] == [
        ("triggered", "0"),
        ("recovered", "500"),
        ("triggered", "0"),
    ]


def test_a_void_invoice_lets_it_recover(stage: Stage) -> None:
    grant(stage, 300)
    made = alert(stage, 0)
    stage.subscribe(usage(stage))
    stage.use(200)
    stage.until("2024-02-02")
    stage.client.v1.invoices.void_invoice(stage.invoices()[-1].id)
    assert told(stage) == [("triggered", made, 0), ("recovered", made, 300)]


def test_an_alert_counts_the_grants_of_its_scope_and_currency(stage: Stage) -> None:
    calls, images = usage(stage), stage.metered("Images", stage.meter("images"), 5)
    for_images = alert(stage, 50, prices=[images])
    alert(stage, 50, currency="eur")
    stage.subscribe(calls, images)
    grant(stage, 1_000, prices=[calls])
    other = grant(stage, 100, prices=[images])
    assert told(stage) == []
    stage.client.v1.billing.credit_grants.void_grant(other)
    assert told(stage) == [("triggered", for_images, 0)]


def test_an_alert_that_is_not_active_is_told_of_nothing(stage: Stage) -> None:
    granted = grant(stage, 300)
    inactive, archived = alert(stage, 0), alert(stage, 0)
    stage.client.v1.billing.alerts.deactivate(inactive)
    stage.client.v1.billing.alerts.archive(archived)
    stage.client.v1.billing.credit_grants.void_grant(granted)
    assert told(stage) == []
    stage.client.v1.billing.alerts.activate(inactive)
    stage.client.v1.billing.credit_grants.void_grant(grant(stage, 300))
    assert told(stage) == [("triggered", inactive, 0)]


def test_an_alert_names_its_customer_and_its_terms_alone(stage: Stage) -> None:
    terms = {"lte": {"balance_type": "monetary", "monetary": {"currency": "usd", "value": 1}}}
    asked: Any = {"alert_type": "credit_balance_threshold", "title": "T"}
    for wrong, param in (
        ({}, "credit_balance_threshold"),
        ({"credit_balance_threshold": terms}, "credit_balance_threshold[filters]"),
        (
            {
                "credit_balance_threshold": terms
                | {"filters": [{"type": "customer", "customer": "cus_no"}]}
            },
            "credit_balance_threshold[filters][0][customer]",
        ),
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            stage.client.v1.billing.alerts.create(asked | wrong)
        assert caught.value.param == param
