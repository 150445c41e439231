"""Alerts on the wire: those that recur, what they told of whom and when, and which are listed."""

from typing import Any

import pytest
import stripe

from tests.engines import Engine
from tests.factories import objects
from tests.factories.objects import FROZEN
from tests.factories.params import meter_params
from tests.factories.streams import watch_usage
from tests.factories.usage import use
from tests.integration.api.conftest import Client

DAY = 86_400
SECOND_PERIOD = FROZEN + 30 * DAY
"""FROZEN is a 14th of November."""


@pytest.fixture
def meter(client: Client) -> str:
    return str(client.v1.billing.meters.create(meter_params("tokens")).id)


@pytest.fixture
def customer(client: Client) -> str:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": FROZEN})
    return str(client.v1.customers.create({"test_clock": clock.id, "name": "Ada"}).id)


def alert(client: Client, meter: str, customer: str | None = None, **terms: Any) -> Any:
    threshold = {"gte": 100, "meter": meter, "recurrence": "billing_period", **terms}
    if customer:
        threshold["filters"] = [{"type": "customer", "customer": customer}]
    params: Any = {"alert_type": "usage_threshold", "title": "T", "usage_threshold": threshold}
    return client.v1.billing.alerts.create(params)


def notifications(client: Client, alert_id: str, **params: Any) -> list[dict[str, Any]]:
    path = f"/v1/billing/alerts/{alert_id}/notifications"
    answer: Any = client.raw_request("get", path, **params).data
    return list(answer["data"])


def used_in_two_periods(engine: Engine, meter: str, customer: str) -> str:
    """Enough usage in each of two periods; the subscription's id."""
    subscription = objects.subscribe(customer, objects.metered(meter))
    use(meter, customer, at=FROZEN + DAY, quantity=100)
    watch_usage(engine)
    objects.advance(objects.stored(customer)["test_clock"], SECOND_PERIOD + DAY)
    use(meter, customer, at=SECOND_PERIOD + DAY, quantity=150)
    watch_usage(engine)
    return str(subscription["id"])


def test_an_alert_says_whether_it_recurs(client: Client, meter: str) -> None:
    for recurrence in ("one_time", "billing_period"):
        made = alert(client, meter, recurrence=recurrence)
        assert client.v1.billing.alerts.retrieve(made.id).usage_threshold.recurrence == recurrence
    with pytest.raises(stripe.InvalidRequestError) as refused:
        alert(client, meter, recurrence="monthly")
    assert refused.value.param == "usage_threshold[recurrence]"


def test_notifications_say_who_was_told_what_when_and_by_which_event(
    client: Client, dynamodb: Engine, meter: str, customer: str
) -> None:
    made = alert(client, meter)
    subscription = used_in_two_periods(dynamodb, meter, customer)
    told = notifications(client, made.id, customer=customer)
    assert [one["value"] for one in told] == ["150", "100"]
    latest = told[0]
    assert latest["aggregation_period_start"] == SECOND_PERIOD
    assert latest["aggregation_period_end"] == SECOND_PERIOD + 30 * DAY + DAY
    expected = {"alert": made.id, "customer": customer, "action": "triggered", "meter": meter}
    assert expected.items() <= latest.items()
    assert latest["subscription"] == subscription
    event = client.v1.events.retrieve(latest["notification_event"])
    assert event.type == "billing.alert.triggered"
    assert event.data.object["value"] == 150
    assert event.created == latest["notified_at"] == SECOND_PERIOD + DAY


# filter | how many of the two notifications it leaves
FILTERS: list[tuple[dict[str, Any], int]] = [
    ({}, 2),
    ({"action": "triggered"}, 2),
    ({"action": "recovered"}, 0),
    ({"meter": "mtr_other"}, 0),
    ({"subscription": "sub_other"}, 0),
    ({"notified_at": {"gte": SECOND_PERIOD}}, 1),
    ({"notified_at": {"lt": FROZEN}}, 0),
    ({"limit": 1}, 1),
]


def test_notifications_are_filtered_and_paged(
    client: Client, dynamodb: Engine, meter: str, customer: str
) -> None:
    made = alert(client, meter)
    used_in_two_periods(dynamodb, meter, customer)
    for params, number in FILTERS:
        assert len(notifications(client, made.id, customer=customer, **params)) == number, params
    both = notifications(client, made.id, customer=customer)
    cursor = both[0]["id"]
    assert notifications(client, made.id, customer=customer, starting_after=cursor) == both[1:]


def test_notifications_are_those_of_an_alert_that_exists_and_a_customer(
    client: Client, meter: str, customer: str
) -> None:
    made = alert(client, meter)
    refused: list[tuple[str, dict[str, Any], int, str]] = [
        (made.id, {}, 400, "customer"),
        (made.id, {"customer": "cus_missing"}, 400, "customer"),
        ("alrt_missing", {"customer": customer}, 404, "id"),
    ]
    for alert_id, params, status, param in refused:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            notifications(client, alert_id, **params)
        assert (refusal.value.http_status, refusal.value.param) == (status, param)


def test_alerts_are_listed_by_customer_and_status_and_archived_ones_only_if_asked_for(
    client: Client, meter: str, customer: str
) -> None:
    alerts = client.v1.billing.alerts
    of_all, of_one = alert(client, meter).id, alert(client, meter, customer).id
    resting = alerts.deactivate(alert(client, meter).id).id
    gone = alerts.archive(alert(client, meter, customer).id).id
    listed: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {of_all, of_one, resting}),
        ({"customer": customer}, {of_one}),
        ({"status": "active"}, {of_all, of_one}),
        ({"status": "inactive", "meter": meter}, {resting}),
        ({"status": "archived"}, {gone}),
        ({"alert_type": "usage_threshold", "meter": "mtr_other"}, set()),
    ]
    for params, ids in listed:
        found: Any = alerts.list(params)
        assert {one.id for one in found.data} == ids, params
    assert alerts.retrieve(gone).status == "archived"


# ---------------------------------------------------------------------------- alerts on spend


AMOUNT: dict[str, Any] = {"type": "amount", "amount": {"currency": "usd", "value": 1_000}}


def spend_alert(client: Client, **terms: Any) -> Any:
    threshold = {"aggregation_period": "billing", "gte": AMOUNT, **terms}
    params: Any = {"alert_type": "spend_threshold", "title": "T", "spend_threshold": threshold}
    return client.v1.billing.alerts.create(params)


def test_an_alert_on_spend_says_of_what(client: Client, customer: str) -> None:
    made = spend_alert(client, filters={"customer": customer}).to_dict()
    assert (made["alert_type"], made["usage_threshold"]) == ("spend_threshold", None)
    assert made["spend_threshold"] == {
        "aggregation_period": "billing",
        "filters": {"customer": customer, "pricing_plan_subscription": None},
        "group_by": "pricing_plan_subscription",
        "gte": {
            "type": "amount",
            "amount": {"currency": "usd", "value": 1_000},
            "custom_pricing_unit": None,
        },
    }
    assert client.v1.billing.alerts.retrieve(made["id"]).to_dict() == made


def test_an_alert_on_the_spend_of_a_subscription_names_whose_it_is(
    client: Client, meter: str, customer: str
) -> None:
    subscription = str(objects.subscribe(customer, objects.metered(meter))["id"])
    made = spend_alert(client, filters={"pricing_plan_subscription": subscription})
    assert made.to_dict()["spend_threshold"]["filters"] == {
        "customer": customer,
        "pricing_plan_subscription": subscription,
    }


@pytest.mark.parametrize(
    ("terms", "param"),
    [
        ({"aggregation_period": "lifetime"}, "[aggregation_period]"),
        ({"group_by": "billing_cadence"}, "[group_by]"),
        ({"gte": {**AMOUNT, "type": "custom_pricing_unit"}}, "[gte][type]"),
        ({"gte": {**AMOUNT, "amount": {"currency": "usd", "value": 0}}}, "[gte][amount][value]"),
        ({"gte": {**AMOUNT, "amount": {"value": 5}}}, "[gte][amount][currency]"),
        (
            {"gte": {**AMOUNT, "amount": {"currency": "zzz", "value": 5}}},
            "[gte][amount][currency]",
        ),
        ({"filters": {"customer": "cus_none"}}, "[filters][customer]"),
        (
            {"filters": {"pricing_plan_subscription": "sub_none"}},
            "[filters][pricing_plan_subscription]",
        ),
        ({"filters": {"billing_cadence": "bc_1"}}, "[filters][billing_cadence]"),
    ],
)
def test_terms_of_spend_that_cannot_be_are_refused(
    client: Client, terms: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        spend_alert(client, **terms)
    assert refused.value.param == f"spend_threshold{param}"
    assert list(client.v1.billing.alerts.list().data) == []


def test_a_subscription_of_another_customer_is_refused(
    client: Client, meter: str, customer: str
) -> None:
    subscription = str(objects.subscribe(customer, objects.metered(meter))["id"])
    other = str(client.v1.customers.create({}).id)
    with pytest.raises(stripe.InvalidRequestError, match="is not cus_"):
        spend_alert(client, filters={"customer": other, "pricing_plan_subscription": subscription})


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"alert_type": "spend_threshold"}, "spend_threshold"),
        ({"alert_type": "usage_threshold"}, "usage_threshold"),
        (
            {
                "alert_type": "usage_threshold",
                "spend_threshold": {"aggregation_period": "billing", "gte": AMOUNT},
            },
            "spend_threshold",
        ),
    ],
)
def test_an_alert_has_the_terms_of_its_type_and_no_others(
    client: Client, params: Any, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.billing.alerts.create({"title": "T", **params})
    assert refused.value.param == param


def test_alerts_are_listed_by_type(client: Client, meter: str, customer: str) -> None:
    on_usage, on_spend = alert(client, meter).id, spend_alert(client).id
    on_ones_spend = spend_alert(client, filters={"customer": customer}).id

    def listed(**params: Any) -> list[str]:
        answer: Any = client.raw_request("get", "/v1/billing/alerts", **params).data
        return [one["id"] for one in answer["data"]]

    assert set(listed()) == {on_usage, on_spend, on_ones_spend}
    assert listed(alert_type="usage_threshold") == [on_usage]
    assert set(listed(alert_type="spend_threshold")) == {on_spend, on_ones_spend}
    assert listed(alert_type="spend_threshold", customer=customer) == [on_ones_spend]
    assert listed(meter=meter) == [on_usage]


def test_an_amount_that_is_reached_is_told_with_its_currency_and_subscription(
    client: Client, dynamodb: Engine, meter: str, customer: str
) -> None:
    subscription = str(objects.subscribe(customer, objects.metered(meter, unit_amount=7))["id"])
    made = spend_alert(client, filters={"customer": customer})
    use(meter, customer, at=FROZEN + DAY, quantity=200)
    watch_usage(dynamodb)
    [told] = notifications(client, made.id, customer=customer, subscription=subscription)
    expected = {
        "aggregation_period_start": FROZEN,
        "alert_type": "spend_threshold",
        "currency": "usd",
        "meter": None,
        "subscription": subscription,
        "value": "1400",
    }
    assert expected.items() <= told.items()
    event = client.v1.events.retrieve(told["notification_event"]).to_dict()["data"]["object"]
    assert (event["value"], event["currency"]) == (1_400, "usd")
    assert event["group_by"] == {
        "type": "pricing_plan_subscription",
        "pricing_plan_subscription": subscription,
    }
    assert event["alert"]["spend_threshold"]["gte"]["amount"]["value"] == 1_000
    assert {event["triggered_at"], event["created"]} == {FROZEN}
