"""Events as a webhook's receiver takes them in: signed, verified and parsed by the SDK."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from local.aws import Stack
from tests.contract.world import World
from tests.e2e.conftest import Client, eventually

SECRET = "whsec_of_the_test"


def _signed(payload: str, *, at: int | None = None) -> str:
    """The header ``Stripe-Signature`` for a payload (contract section 10)."""
    moment = int(time.time()) if at is None else at
    digest = hmac.new(SECRET.encode(), f"{moment}.{payload}".encode(), hashlib.sha256)
    return f"t={moment},v1={digest.hexdigest()}"


@pytest.fixture
def world(client: Client) -> World:
    return World(client, lambda *_: None)


def _payload(world: World, event_id: str) -> str:
    return json.dumps(world.raw("get", f"/v1/events/{event_id}"))


def test_an_event_is_verified_and_parsed(world: World) -> None:
    payload = _payload(world, world.told.id)
    event: Any = stripe.Webhook.construct_event(payload, _signed(payload), SECRET)
    assert (event.id, event.type) == (world.told.id, "customer.created")
    assert isinstance(event.data.object, stripe.Customer)
    assert event.data.object.id == world.customer
    same: Any = world.client.construct_event(payload, _signed(payload), SECRET)
    assert same.id == event.id


@pytest.mark.parametrize(
    ("change", "at"), [(" ", None), ("", int(time.time()) - 301)], ids=["altered", "old"]
)
def test_an_altered_or_old_event_is_refused(world: World, change: str, at: int | None) -> None:
    payload = _payload(world, world.told.id)
    header = _signed(payload, at=at)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(payload + change, header, SECRET)


def test_every_type_of_event_parses_in_both_dialects(world: World) -> None:
    assert world.v1.invoices.pay(world.open_invoice, {"paid_out_of_band": True})
    assert world.v1.subscriptions.cancel(world.subscription.id)
    types = set()
    for told in world.v1.events.list({"limit": 100}).auto_paging_iter():
        if told.type in types:
            continue
        types.add(told.type)
        payload = json.dumps(told.to_dict(), default=str)
        event: Any = stripe.Webhook.construct_event(payload, _signed(payload), SECRET)
        assert event.data.object.object == told.data.object.object
    assert {"customer.subscription.deleted", "invoice.paid", "price.created"} <= types


def test_a_thin_event_leads_to_its_event_and_its_object(world: World) -> None:
    payload = json.dumps(world.raw("get", f"/v2/core/events/{world.thin}"))
    notification: Any = world.client.parse_event_notification(payload, _signed(payload), SECRET)
    assert (notification.id, notification.type) == (world.thin, "v1.customer.created")
    assert notification.fetch_event().id == world.thin
    assert notification.fetch_related_object().id == world.customer


def test_what_the_topic_delivers_is_the_event_that_the_api_tells(
    stack: Stack, world: World
) -> None:
    queue, _ = stack.listen(stack.outputs()["EventsTopicArn"], f"hook-{secrets.token_hex(4)}")
    assert world.customer
    payload = _delivered(stack, queue, world.customer)
    event: Any = stripe.Webhook.construct_event(payload, _signed(payload), SECRET)
    assert event.type == "customer.created"
    told = world.raw("get", f"/v1/events/{event.id}")
    moving = {"pending_webhooks": told["pending_webhooks"]}
    assert json.loads(payload) | moving == told


def test_an_error_report_of_a_meter_is_told_and_can_be_fetched(
    stack: Stack, client: Client, with_key: Any
) -> None:
    world = World(client, with_key)
    queue, _ = stack.listen(stack.outputs()["EventsTopicArn"], f"hook-{secrets.token_hex(4)}")
    wrong = world.event(payload={"stripe_customer_id": world.customer, "value": "much"})
    world.streamer.v2.billing.meter_event_stream.create({"events": [wrong]})
    payload = _delivered(stack, queue, "error_report_triggered")
    report: Any = client.parse_event_notification(payload, _signed(payload), SECRET)
    assert report.type == "v1.billing.meter.error_report_triggered"
    assert report.fetch_related_object().id == world.meter.id
    event = report.fetch_event()
    assert event.data.reason.error_count == 1
    assert event.data.reason.error_types[0].code == "meter_event_invalid_value"


def _delivered(stack: Stack, queue: str, word: str) -> str:
    """The first message that reaches the queue and mentions a word, as it was delivered."""
    return str(eventually(lambda: next((one for one in _heard(stack, queue) if word in one), None)))


def _heard(stack: Stack, queue: str) -> Iterator[str]:
    """What the queue holds; it is taken out."""
    sqs = stack.client("sqs")
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        yield str(json.loads(message["Body"])["Message"])
