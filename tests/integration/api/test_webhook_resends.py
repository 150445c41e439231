"""What was delivered is told; what was not is sent again; endpoints that take nothing end."""

import time
from dataclasses import replace
from typing import Any

import pytest
import stripe

from meterline.core.events.retry_schedule import DISABLED_AFTER_SECONDS
from meterline.services.events.deliveries import MOST_ATTEMPTS_SHOWN, DeliveryState, delivery_id
from meterline.services.events.endpoints import MOST_EARLIER_SECRETS
from meterline.store.billing.repository import BillingStore
from meterline_cli import resend_events
from tests.engines import client as aws
from tests.factories.webhooks import BUSY, OK, Webhooks
from tests.integration.api.conftest import Client
from tests.integration.api.test_webhook_deliveries import DAY, HOUR, delivery, endpoint, happen
from tests.integration.reads import items_read
from tests.rights import keeping_to_its_rights

DISABLED = "meterline.webhook_endpoint.disabled"
HALF_A_DAY = 12 * HOUR


def deliveries(client: Client, event: Any) -> list[Any]:
    return list(client.raw_request("get", f"/v1/events/{event.id}/deliveries").data["data"])


def retry(client: Client, event: Any, **params: Any) -> Any:
    return client.raw_request("post", f"/v1/events/{event.id}/retry", **params).data


def missed(client: Client, webhooks: Webhooks, host: str = "a.example") -> Any:
    """An event that a host has not taken at any attempt."""
    event = happen(client)
    webhooks.receivers.answers[host] = BUSY
    webhooks.send()
    webhooks.wait(DAY)
    webhooks.receivers.answers[host] = OK
    return event


def test_an_event_says_at_how_many_endpoints_it_is_to_be_delivered(
    client: Client, webhooks: Webhooks
) -> None:
    endpoint(client, "a.example")
    endpoint(client, "b.example")
    event = happen(client)
    webhooks.receivers.answers["a.example"] = BUSY

    def pending() -> list[int]:
        found = client.v1.events.retrieve(event.id).pending_webhooks
        [listed] = client.v1.events.list({"type": "customer.created"}).data
        return [found, listed.pending_webhooks]

    assert pending() == [0, 0]
    webhooks.publish()
    assert pending() == [2, 2]
    webhooks.deliver()
    assert pending() == [1, 1]
    webhooks.receivers.answers["a.example"] = OK
    webhooks.wait(HOUR)
    assert pending() == [0, 0]


def test_attempts_are_told_with_what_came_of_them(client: Client, webhooks: Webhooks) -> None:
    hook = endpoint(client)
    event = missed(client, webhooks)
    [found] = deliveries(client, event)
    assert (found["object"], found["status"]) == ("meterline.webhook_delivery", "failed")
    assert (found["event"], found["webhook_endpoint"]) == (event.id, hook.id)
    assert (found["attempt_count"], found["next_attempt_at"]) == (4, None)
    assert {one["error"] for one in found["attempts"]} == {"status 503"}
    assert {one["response_status"] for one in found["attempts"]} == {503}


def test_the_latest_attempts_are_kept_and_all_are_counted(
    client: Client, webhooks: Webhooks
) -> None:
    endpoint(client)
    event = missed(client, webhooks)
    for _ in range(MOST_ATTEMPTS_SHOWN):
        retry(client, event)
        webhooks.deliver()
    [found] = deliveries(client, event)
    assert len(found["attempts"]) == MOST_ATTEMPTS_SHOWN
    assert found["attempt_count"] == MOST_ATTEMPTS_SHOWN + 4


def test_of_what_was_not_delivered_other_types_are_not_read(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    webhooks.receivers.answers["a.example"] = BUSY
    wanted = happen(client)
    client.v1.products.create({"name": "Seat"})
    [event] = client.v1.events.list({"type": "product.created"}).data
    webhooks.send()
    other, params = delivery(event, hook), {"type": "customer.*", "delivery_success": False}
    costs = []
    for numbers in (range(10), range(10, 60)):
        for number in numbers:
            body = other.body | {"id": delivery_id(f"evt_{number:024}", hook.id)}
            BillingStore(livemode=False).put(replace(other, body=body, version=0))
        client.v1.events.list(params)  # somebody looks which partitions hold anything
        with items_read() as items:
            assert [one.id for one in client.v1.events.list(params)] == [wanted.id]
        costs.append(items[0])
    assert costs[0] == costs[1]


def test_what_is_taken_in_the_end_stands_with_what_was_not_taken_no_more(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    webhooks.receivers.answers["a.example"] = BUSY
    event = happen(client)
    webhooks.send()
    assert delivery(event, hook).parent is not None
    webhooks.receivers.answers["a.example"] = OK
    webhooks.wait(HOUR)
    assert delivery(event, hook).parent is None


def test_a_delivery_that_does_not_know_its_type_learns_it_when_it_is_tried(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    webhooks.receivers.answers["a.example"] = BUSY
    event = happen(client)
    webhooks.publish()
    before = delivery(event, hook)
    unknown = replace(DeliveryState.of(before.body), type=None).on(before.body)
    BillingStore(livemode=False).put(replace(before, body=unknown))
    webhooks.deliver()
    missing = client.v1.events.list({"type": "customer.created", "delivery_success": False})
    assert [one.id for one in missing] == [event.id]


def test_events_are_listed_by_whether_they_were_delivered(
    client: Client, webhooks: Webhooks
) -> None:
    endpoint(client)
    failed = missed(client, webhooks)
    taken = happen(client)
    webhooks.send()
    webhooks.receivers.answers["a.example"] = BUSY
    waiting = happen(client)
    webhooks.send()
    events = client.v1.events

    def listed(**params: Any) -> list[str]:
        return [one.id for one in events.list({"type": "customer.created", **params}).data]

    assert listed(delivery_success=False) == [waiting.id, failed.id]
    assert listed(delivery_success=True) == [taken.id]
    assert listed() == [waiting.id, taken.id, failed.id]
    assert listed(delivery_success=False, limit=1) == [waiting.id]
    assert listed(delivery_success=False, starting_after=waiting.id) == [failed.id]
    assert listed(delivery_success=False, ending_before=failed.id) == [waiting.id]
    assert listed(delivery_success=False, created={"lt": failed.created}) == []
    assert [
        one.id for one in events.list({"type": "invoice.paid", "delivery_success": False})
    ] == []


def test_an_event_is_sent_again_at_once_with_all_its_retries(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    event = missed(client, webhooks)
    webhooks.receivers.answers["a.example"] = BUSY
    answer = retry(client, event)
    assert (answer["id"], answer["object"], answer["pending_webhooks"]) == (event.id, "event", 1)
    posts = len(webhooks.receivers.posts)
    webhooks.deliver()
    assert len(webhooks.receivers.posts) == posts + 1
    webhooks.receivers.answers["a.example"] = OK
    webhooks.wait(HOUR)
    [found] = deliveries(client, event)
    assert (found["status"], found["attempt_count"]) == ("succeeded", 6)
    assert webhooks.receivers.heard_by("a.example", hook.secret)[-1].id == event.id


def test_an_event_that_was_taken_is_sent_again_when_that_is_asked_for(
    client: Client, webhooks: Webhooks
) -> None:
    endpoint(client)
    event = happen(client)
    webhooks.send()
    retry(client, event)
    webhooks.deliver()
    assert len(webhooks.receivers.posts) == 2
    assert [one["status"] for one in deliveries(client, event)] == ["succeeded"]


def test_an_event_is_sent_again_to_the_endpoint_that_is_named(
    client: Client, webhooks: Webhooks
) -> None:
    endpoint(client, "a.example")
    event = happen(client)
    webhooks.send()
    late = endpoint(client, "late.example", "invoice.paid")
    retry(client, event, webhook_endpoint=late.id)
    webhooks.deliver()
    hosts = [one.url.host for one in webhooks.receivers.posts]
    assert hosts == ["a.example", "late.example"]


def test_the_same_request_to_send_again_sends_once(client: Client, webhooks: Webhooks) -> None:
    endpoint(client)
    event = happen(client)
    webhooks.send()
    options = {"idempotency_key": "again"}
    first = client.raw_request("post", f"/v1/events/{event.id}/retry", **options).data
    webhooks.deliver()
    second = client.raw_request("post", f"/v1/events/{event.id}/retry", **options).data
    webhooks.deliver()
    assert first == second
    assert len(webhooks.receivers.posts) == 2


def test_sending_again_is_refused_where_nobody_would_get_it(
    client: Client, webhooks: Webhooks
) -> None:
    event = happen(client)
    hook = endpoint(client, "b.example", "invoice.paid")
    with pytest.raises(stripe.InvalidRequestError, match="No enabled webhook endpoint asks for"):
        retry(client, event)
    client.v1.webhook_endpoints.update(hook.id, {"disabled": True})
    with pytest.raises(stripe.InvalidRequestError, match="Enable it first"):
        retry(client, event, webhook_endpoint=hook.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint"):
        retry(client, event, webhook_endpoint="we_missing")
    assert webhooks.messages() == []


def test_a_command_sends_again_what_failed_in_a_span(
    client: Client, webhooks: Webhooks, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint(client, "a.example")
    other = endpoint(client, "b.example")
    webhooks.receivers.answers["b.example"] = BUSY
    event = missed(client, webhooks)
    span = ["--since", str(event.created - 5), "--until", str(event.created + 5)]

    def sent(*more: str) -> str:
        assert resend_events.run([*span, *more]) == 0
        return capsys.readouterr().out.splitlines()[-1].split(" ")[0]

    assert resend_events.run(["--since", "2020-01-01", "--until", "2020-01-02"]) == 0
    assert sent("--endpoint", other.id, "--limit", "5") == "1"
    assert sent() == "1", "the other one waits for its attempt already"
    webhooks.receivers.answers["b.example"] = OK
    assert webhooks.deliver() == 2
    assert sent() == "0"
    assert {one["status"] for one in deliveries(client, event)} == {"succeeded"}


def test_a_secret_is_rolled_and_both_sign_until_the_former_expires(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    path = f"/v1/webhook_endpoints/{hook.id}/roll_secret"
    rolled = client.raw_request("post", path, expires_in=600).data
    assert rolled["secret"] != hook.secret
    assert "secret" not in client.v1.webhook_endpoints.retrieve(hook.id)
    happen(client)
    webhooks.send()
    for secret in (hook.secret, rolled["secret"]):
        assert len(webhooks.receivers.heard_by("a.example", secret)) == 1
    webhooks.receivers.posts.clear()
    webhooks.now = int(time.time()) + 601
    happen(client)
    webhooks.send()
    assert len(webhooks.receivers.heard_by("a.example", rolled["secret"])) == 1
    with pytest.raises(stripe.SignatureVerificationError):
        webhooks.receivers.heard_by("a.example", hook.secret)


def test_a_secret_that_is_rolled_twice_signs_as_long_as_was_said(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    path = f"/v1/webhook_endpoints/{hook.id}/roll_secret"
    secrets = [hook.secret]
    for expires_in in (900, 300, 0):
        answer = client.raw_request("post", path, expires_in=expires_in).data
        secrets.append(answer["secret"])
    signing = []
    for seconds in (0, 301, 901):
        webhooks.now = int(time.time()) + seconds
        webhooks.receivers.posts.clear()
        happen(client)
        webhooks.send()
        header = webhooks.receivers.posts[0].headers["Stripe-Signature"]
        signing.append(header.count("v1="))
        assert webhooks.receivers.heard_by("a.example", secrets[-1])
        if seconds < 900:
            assert webhooks.receivers.heard_by("a.example", secrets[0])
    assert signing == [3, 2, 1]


def test_a_secret_that_is_rolled_again_and_again_leaves_a_bounded_header(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    for _ in range(9):
        client.raw_request("post", f"/v1/webhook_endpoints/{hook.id}/roll_secret")
    happen(client)
    webhooks.send()
    header = webhooks.receivers.posts[0].headers["Stripe-Signature"]
    assert header.count("v1=") == MOST_EARLIER_SECRETS + 2


def told_operators(webhooks: Webhooks) -> Any:
    """A queue that hears the operations topic."""
    queue = str(aws("sqs").create_queue(QueueName="heard-operations")["QueueUrl"])
    attributes = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    aws("sns").subscribe(
        TopicArn=webhooks.engine.environment["METERLINE_OPERATIONS_TOPIC_ARN"],
        Protocol="sqs",
        Endpoint=attributes["Attributes"]["QueueArn"],
    )
    return lambda: aws("sqs").receive_message(QueueUrl=queue).get("Messages", [])


def test_an_endpoint_that_takes_nothing_for_three_days_is_disabled_and_that_is_told(
    client: Client, webhooks: Webhooks
) -> None:
    heard = told_operators(webhooks)
    hook = endpoint(client, "dead.example")
    other = endpoint(client, "well.example", DISABLED)
    webhooks.receivers.answers["dead.example"] = BUSY
    for _ in range(DISABLED_AFTER_SECONDS // HALF_A_DAY):
        happen(client)
        webhooks.send()
        webhooks.wait(HALF_A_DAY)
    webhooks.now -= 10
    happen(client)
    webhooks.send()
    assert client.v1.webhook_endpoints.retrieve(hook.id).status == "enabled"
    webhooks.now += 10
    event = happen(client)
    webhooks.publish()
    with keeping_to_its_rights("DeliverWebhooksFunction", webhooks.engine):
        webhooks.deliver()
    assert client.v1.webhook_endpoints.retrieve(hook.id).status == "disabled"
    webhooks.send()
    [told] = webhooks.receivers.heard_by("well.example", other.secret)
    assert (told.type, told.data.object.id) == (DISABLED, hook.id)
    assert told.data.previous_attributes.status == "enabled"
    assert DISABLED in heard()[0]["Body"]
    webhooks.wait(HOUR)
    assert [one["status"] for one in deliveries(client, event)] == ["failed"]


def test_an_endpoint_that_failed_days_ago_is_not_disabled_by_its_next_failure(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    webhooks.receivers.answers["a.example"] = BUSY
    happen(client)
    webhooks.send()
    webhooks.wait(10 * 24 * HOUR)
    event = happen(client)
    webhooks.send()
    assert client.v1.webhook_endpoints.retrieve(hook.id).status == "enabled"
    webhooks.receivers.answers["a.example"] = OK
    webhooks.wait(HOUR)
    assert [one["status"] for one in deliveries(client, event)] == ["succeeded"]


def test_an_endpoint_that_takes_one_event_is_well_again(client: Client, webhooks: Webhooks) -> None:
    hook = endpoint(client)
    webhooks.receivers.answers["a.example"] = BUSY
    for _ in range(DISABLED_AFTER_SECONDS // HALF_A_DAY):
        happen(client)
        webhooks.send()
        webhooks.wait(HALF_A_DAY)
    webhooks.receivers.answers["a.example"] = OK
    happen(client)
    webhooks.send()
    webhooks.receivers.answers["a.example"] = BUSY
    happen(client)
    webhooks.send()
    assert client.v1.webhook_endpoints.retrieve(hook.id).status == "enabled"


def test_an_endpoint_that_is_enabled_again_has_its_three_days_anew(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    webhooks.receivers.answers["a.example"] = BUSY
    happen(client)
    webhooks.send()
    for disabled in (True, False):
        client.v1.webhook_endpoints.update(hook.id, {"disabled": disabled})
    webhooks.wait(DISABLED_AFTER_SECONDS)
    happen(client)
    webhooks.send()
    assert client.v1.webhook_endpoints.retrieve(hook.id).status == "enabled"


def test_a_delivery_is_kept_as_long_as_its_event(client: Client, webhooks: Webhooks) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.publish()
    store = BillingStore(livemode=False)
    kept = store.get(delivery_id(event.id, hook.id))
    box = store.get(event.id[:-3])
    assert kept is not None
    assert box is not None
    assert kept.expires_at == box.expires_at
