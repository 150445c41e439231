"""Usage on its way through the deployed functions: accepted, counted, watched, told, billed."""

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import pytest

from local.aws import STACK_NAME, Stack
from tests.e2e.conftest import Client, eventually
from tests.factories.params import meter_params

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Metered:
    """A meter of its own, and a customer."""

    client: Client
    event_name: str
    meter: str
    customer: str

    def send(self, value: int, identifier: str) -> None:
        """Send one event."""
        self.client.v1.billing.meter_events.create(
            {
                "event_name": self.event_name,
                "identifier": identifier,
                "payload": {"stripe_customer_id": self.customer, "value": str(value)},
            }
        )

    def total(self) -> int:
        """The usage of the last two days, as summaries tell it."""
        today = int(time.time()) // DAY * DAY
        span = {"customer": self.customer, "start_time": today - DAY, "end_time": today + DAY}
        return sum(
            int(summary.aggregated_value)
            for summary in self.client.v1.billing.meters.event_summaries.list(self.meter, span)
        )


@pytest.fixture
def metered(client: Client) -> Metered:
    event_name = f"tokens_{secrets.token_hex(4)}"
    meter = client.v1.billing.meters.create(meter_params(event_name))
    customer = client.v1.customers.create({"name": "Ada"})
    return Metered(client, event_name, meter.id, customer.id)


def test_the_gate_knows_usage_of_now_in_a_period_that_began_before(metered: Metered) -> None:
    v1, name = metered.client.v1, metered.event_name
    product = v1.products.create({"name": "Tokens"})
    feature = v1.entitlements.features.create({"name": "Tokens", "lookup_key": name})
    limit: Any = {"limit": {"meter": metered.meter, "quantity": "10"}}
    attachment: Any = {"entitlement_feature": feature.id, "meterline": limit}
    v1.products.features.create(product.id, attachment)
    price = v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 100,
            "recurring": {"interval": "month"},
        }
    )
    v1.subscriptions.create(
        {
            "customer": metered.customer,
            "items": [{"price": price.id}],
            "backdate_start_date": int(time.time()) - DAY,
            "collection_method": "send_invoice",
            "days_until_due": 30,
        }
    )
    asked = {"customer": metered.customer, "feature": name}

    def answer() -> Any:
        return metered.client.raw_request("get", "/v1/meterline/access", **asked).data

    assert (answer()["has_access"], answer()["used"]) == (True, "0")
    metered.send(10, f"{name}-all")
    assert eventually(lambda: answer()["used"] == "10")
    assert (answer()["has_access"], answer()["reason"]) == (False, "usage_limit_reached")


def test_accepted_events_are_counted_once(metered: Metered) -> None:
    for number in range(5):
        metered.send(10, f"{metered.event_name}-{number}")
    assert eventually(lambda: metered.total() == 50)


def test_the_events_behind_a_number_are_listed(metered: Metered) -> None:
    for number in range(3):
        metered.send(number, f"{metered.event_name}-{number}")
    assert eventually(lambda: metered.total() == 3)
    today = int(time.time()) // DAY * DAY
    answer = metered.client.raw_request(
        "get",
        f"/v1/billing/meters/{metered.meter}/events",
        customer=metered.customer,
        start_time=today - DAY,
        end_time=today + DAY,
    )
    found = json.loads(answer.body)["data"]
    assert sorted(one["identifier"] for one in found) == [
        f"{metered.event_name}-{number}" for number in range(3)
    ]


def test_the_comparison_of_counters_and_events_runs_with_its_rights(stack: Stack) -> None:
    """It goes on where it was when it ended early, as after a page that came too late: on a busy
    machine the local tables answer a page of a large one after more than a call's two seconds.
    """
    found = stack.client("cloudformation").describe_stack_resource(
        StackName=STACK_NAME, LogicalResourceId="ReconcileUsageFunction"
    )
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    ended: list[bytes] = []
    for _ in range(5):
        answer = stack.client("lambda").invoke(FunctionName=name, Qualifier="live", Payload=b"{}")
        ended.append(answer["Payload"].read())
        if "FunctionError" not in answer:
            break
    assert all(b"ReadTimeoutError" in early for early in ended[:-1])
    assert json.loads(ended[-1])["unreadable"] == 0


def test_a_crossed_threshold_is_told_on_the_topic_once(
    metered: Metered, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints how long that takes. No time is asserted, as other work on the machine adds to it:
    what gathers records on AWS is held to two seconds in all by a test of the template.
    """
    topic = stack.outputs()["AlertsTopicArn"]
    heard, _ = stack.listen(topic, f"heard-{secrets.token_hex(4)}")
    alert = metered.client.v1.billing.alerts.create(
        {
            "alert_type": "usage_threshold",
            "title": "A hundred",
            "usage_threshold": {"meter": metered.meter, "gte": 100, "recurrence": "one_time"},
        }
    )
    metered.send(100, f"{metered.event_name}-1")
    accepted = time.monotonic()
    told = eventually(lambda: messages(stack, heard, alert.id))
    with capsys.disabled():
        print(f"\nan alert: {time.monotonic() - accepted:.1f} s from acceptance to SNS")
    metered.send(100, f"{metered.event_name}-2")
    assert eventually(lambda: metered.total() == 200)
    time.sleep(2)
    assert len(told) == 1
    assert messages(stack, heard, alert.id) == []


def test_spend_that_reaches_an_alert_is_told_on_the_topic_once(
    metered: Metered, stack: Stack
) -> None:
    heard, _ = stack.listen(stack.outputs()["AlertsTopicArn"], f"heard-{secrets.token_hex(4)}")
    v1 = metered.client.v1
    price = v1.prices.create(
        {
            "product": v1.products.create({"name": "Tokens"}).id,
            "currency": "usd",
            "unit_amount": 10,
            "recurring": {"interval": "month", "usage_type": "metered", "meter": metered.meter},
        }
    )
    subscription = v1.subscriptions.create(
        {
            "customer": metered.customer,
            "items": [{"price": price.id}],
            "collection_method": "send_invoice",
            "days_until_due": 30,
        }
    )
    alert = v1.billing.alerts.create(
        {
            "alert_type": "spend_threshold",
            "title": "Five dollars",
            "spend_threshold": {
                "aggregation_period": "billing",
                "filters": {"customer": metered.customer},
                "gte": {"type": "amount", "amount": {"currency": "usd", "value": 500}},
            },
        }
    )
    metered.send(40, f"{metered.event_name}-1")
    assert eventually(lambda: metered.total() == 40)
    metered.send(20, f"{metered.event_name}-2")
    [event] = eventually(lambda: messages(stack, heard, alert.id))
    metered.send(20, f"{metered.event_name}-3")
    assert eventually(lambda: metered.total() == 80)
    time.sleep(2)
    assert messages(stack, heard, alert.id) == []
    crossing = event["data"]["object"]
    assert (event["type"], crossing["customer"]) == ("billing.alert.triggered", metered.customer)
    assert (crossing["value"], crossing["currency"]) == (600, "usd")
    assert crossing["group_by"]["pricing_plan_subscription"] == subscription.id


def test_a_balance_of_credits_that_comes_down_to_an_alert_is_told_on_the_topic_once(
    metered: Metered, stack: Stack
) -> None:
    heard, _ = stack.listen(stack.outputs()["AlertsTopicArn"], f"heard-{secrets.token_hex(4)}")
    billing = metered.client.v1.billing

    def grant(value: int) -> str:
        money = {"type": "monetary", "monetary": {"currency": "usd", "value": value}}
        params = {
            "customer": metered.customer,
            "amount": money,
            "applicability_config": {"scope": {"price_type": "metered"}},
        }
        return str(billing.credit_grants.create(params).id)

    first, second, _ = grant(700), grant(100), grant(200)
    alert = billing.alerts.create(
        {
            "alert_type": "credit_balance_threshold",
            "title": "Little left",
            "credit_balance_threshold": {
                "filters": [{"type": "customer", "customer": metered.customer}],
                "lte": {
                    "balance_type": "monetary",
                    "monetary": {"currency": "usd", "value": 400},
                },
            },
        }
    )
    billing.credit_grants.expire(first)
    [event] = eventually(lambda: messages(stack, heard, alert.id))
    billing.credit_grants.expire(second)
    time.sleep(2)
    assert messages(stack, heard, alert.id) == []
    crossing = event["data"]["object"]
    assert (event["type"], crossing["customer"]) == ("billing.alert.triggered", metered.customer)
    assert crossing["value"] == 300


def test_advancing_a_clock_over_the_cycle_bills_it(client: Client) -> None:
    start = int(time.time()) - 90 * DAY
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": start})
    customer = client.v1.customers.create({"name": "Ada", "test_clock": clock.id})
    product = client.v1.products.create({"name": "Base"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 1_000,
            "recurring": {"interval": "month"},
        }
    )
    client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": start + 33 * DAY})

    def arrived() -> bool:
        status: str = client.v1.test_helpers.test_clocks.retrieve(clock.id).status
        return status == "ready"

    assert eventually(arrived)
    invoices = client.v1.invoices.list({"customer": customer.id}).data
    assert [invoice.total for invoice in invoices] == [1_000, 1_000]
    assert {invoice.status for invoice in invoices} <= {"open", "paid"}


def messages(stack: Stack, queue: str, alert: str) -> list[dict[str, Any]]:
    """The events about an alert that a queue holds; they are taken out of it."""
    sqs = stack.client("sqs")
    found = []
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        event = json.loads(json.loads(message["Body"])["Message"])
        if alert in json.dumps(event):
            found.append(event)
    return found
