"""Events reach the endpoints that ask for them, and their deliveries say what came of it."""

import json
from typing import Any

import pytest

from meterline.core.events.retry_schedule import TEST_WAITS
from meterline.services.customers.erasure import erase_customer
from meterline.services.events.deliveries import KIND, delivery_id
from meterline.services.events.webhook_endpoints import create_webhook_endpoint
from meterline.services.work.webhook_workers import deliver_batch
from meterline.store.billing.repository import BillingStore
from tests.factories.objects import context
from tests.factories.webhooks import BUSY, OK, SILENT, Receivers, Webhooks, ids_in, verified
from tests.integration.api.conftest import Api, Client
from tests.rights import keeping_to_its_rights

HOUR = 3_600
DAY = 24 * HOUR


def endpoint(client: Client, host: str = "a.example", *types: str, **params: Any) -> Any:
    """An endpoint of a host, for all events unless types are given."""
    given = {"url": f"https://{host}/hook", "enabled_events": list(types or ["*"]), **params}
    return client.v1.webhook_endpoints.create(given)


def happen(client: Client) -> Any:
    """Something that emits one event: the event."""
    customer = client.v1.customers.create({"name": "Ada"})
    [event] = client.v1.events.list({"type": "customer.created", "limit": 1}).data
    assert event.data.object.id == customer.id
    return event


def delivery(event: Any, hook: Any) -> Any:
    document = BillingStore(livemode=False).get(delivery_id(event.id, hook.id))
    assert document is not None
    return document


def test_an_event_is_posted_once_signed_and_as_the_api_shows_it(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.send()
    [heard] = webhooks.receivers.heard_by("a.example", hook.secret)
    assert heard.to_dict() == {**event.to_dict(), "pending_webhooks": 1}
    found = delivery(event, hook)
    assert (found.body["status"], found.body["attempt_count"], found.due_at) == (
        "succeeded",
        1,
        None,
    )
    assert found.body["attempts"] == [
        {"attempted_at": webhooks.now, "milliseconds": 12, "response_status": 200, "error": None}
    ]
    webhooks.wait(DAY)
    assert len(webhooks.receivers.posts) == 1


def test_each_endpoint_gets_the_types_that_it_names(client: Client, webhooks: Webhooks) -> None:
    hooks = {
        "all.example": endpoint(client, "all.example"),
        "named.example": endpoint(client, "named.example", "customer.created", "price.created"),
        "begins.example": endpoint(client, "begins.example", "customer.*"),
        "other.example": endpoint(client, "other.example", "invoice.paid"),
    }
    happen(client)
    client.v1.products.create({"name": "Seats"})
    webhooks.send()
    heard = {
        host: sorted(event.type for event in webhooks.receivers.heard_by(host, hook.secret))
        for host, hook in hooks.items()
    }
    assert heard == {
        "all.example": ["customer.created", "product.created"],
        "named.example": ["customer.created"],
        "begins.example": ["customer.created"],
        "other.example": [],
    }


def test_an_event_says_the_version_of_its_endpoint(client: Client, webhooks: Webhooks) -> None:
    hook = endpoint(client, api_version="2025-03-31.basil")
    happen(client)
    webhooks.send()
    [heard] = webhooks.receivers.heard_by("a.example", hook.secret)
    assert heard.api_version == "2025-03-31.basil"


def test_without_endpoints_nothing_is_stored_or_sent(client: Client, webhooks: Webhooks) -> None:
    happen(client)
    webhooks.publish()
    assert webhooks.messages() == []
    assert not [item for item in webhooks.engine.scan("billing") if item.get("kind") == {"S": KIND}]


def test_an_endpoint_hears_nothing_of_what_happened_before_it_was(
    client: Client, webhooks: Webhooks
) -> None:
    happen(client)
    params = {"url": "https://a.example", "enabled_events": ["*"]}
    create_webhook_endpoint(context(webhooks.now + 60), params)
    webhooks.publish()
    assert webhooks.messages() == []


@pytest.mark.parametrize("change", ["delete", "disable"])
def test_an_endpoint_that_is_gone_gets_nothing_more(
    client: Client, webhooks: Webhooks, change: str
) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.publish()
    if change == "delete":
        client.v1.webhook_endpoints.delete(hook.id)
    else:
        client.v1.webhook_endpoints.update(hook.id, {"disabled": True})
    webhooks.deliver()
    assert webhooks.receivers.posts == []
    found = delivery(event, hook)
    assert (found.body["status"], found.due_at) == ("canceled", None)


def test_what_the_stream_repeats_is_delivered_once(client: Client, webhooks: Webhooks) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.send()
    webhooks.published.clear()
    webhooks.send()
    assert len(webhooks.receivers.posts) == 1
    assert delivery(event, hook).body["attempt_count"] == 1


def test_a_message_that_was_lost_is_sent_again_within_two_minutes(
    client: Client, webhooks: Webhooks
) -> None:
    endpoint(client)
    happen(client)
    webhooks.publish()
    assert len(webhooks.messages()) == 1
    webhooks.wait(120)
    assert len(webhooks.receivers.posts) == 1


def test_an_event_that_is_not_taken_is_sent_again_until_it_is(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.receivers.answers["a.example"] = SILENT
    webhooks.send()
    found = delivery(event, hook)
    assert found.body["status"] == "pending"
    assert found.body["next_attempt_at"] == found.due_at
    assert TEST_WAITS[0] <= found.due_at - webhooks.now <= TEST_WAITS[0] * 1.1
    webhooks.wait(TEST_WAITS[0] + 120)
    assert len(webhooks.receivers.posts) == 2
    webhooks.receivers.answers["a.example"] = OK
    webhooks.wait(HOUR)
    body = delivery(event, hook).body
    assert (body["status"], body["attempt_count"]) == ("succeeded", 3)
    assert [attempt["error"] for attempt in body["attempts"]] == ["timed out", "timed out", None]
    assert {one.id for one in webhooks.receivers.heard_by("a.example", hook.secret)} == {event.id}


def test_an_event_that_is_never_taken_has_failed_after_its_last_attempt(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.receivers.answers["a.example"] = BUSY
    webhooks.send()
    webhooks.wait(DAY)
    body = delivery(event, hook).body
    assert (body["status"], body["attempt_count"]) == ("failed", len(TEST_WAITS) + 1)
    assert body["next_attempt_at"] is None
    assert body["attempts"][-1]["error"] == "status 503"


def test_an_endpoint_that_fails_keeps_no_event_from_another(
    client: Client, webhooks: Webhooks
) -> None:
    endpoint(client, "dead.example")
    hook = endpoint(client, "well.example")
    happen(client)
    webhooks.receivers.answers["dead.example"] = SILENT
    webhooks.publish()
    messages = webhooks.messages()
    assert len(messages) == 2
    deliver_batch(messages, webhooks.receivers)
    assert len(webhooks.receivers.heard_by("well.example", hook.secret)) == 1


def test_messages_name_their_endpoint_as_their_group(client: Client, webhooks: Webhooks) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.publish()
    assert webhooks.groups() == [hook.id]
    assert ids_in(webhooks.messages()) == [delivery_id(event.id, hook.id)]


def test_an_attempt_that_comes_late_counts_beside_another(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.publish()
    [message] = webhooks.messages()

    class Slow(Receivers):
        """Answers well, long after another worker has been refused."""

        def post(self, outgoing: Any) -> Any:
            webhooks.receivers.answers["a.example"] = BUSY
            deliver_batch([message], webhooks.receivers)
            webhooks.receivers.post(outgoing)
            return OK

    deliver_batch([message], Slow())
    body = delivery(event, hook).body
    assert body["status"] == "succeeded"
    assert sorted(attempt["response_status"] for attempt in body["attempts"]) == [200, 503]


def test_what_two_workers_are_refused_at_once_plans_one_retry(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.publish()
    [message] = webhooks.messages()
    webhooks.receivers.answers["a.example"] = BUSY

    class Slow(Receivers):
        """Is refused, while another worker is too."""

        def post(self, outgoing: Any) -> Any:
            webhooks.now += 3
            deliver_batch([message], webhooks.receivers)
            return webhooks.receivers.post(outgoing)

    deliver_batch([message], Slow())
    found = delivery(event, hook)
    assert found.body["attempt_count"] == 2
    assert found.due_at - webhooks.now <= TEST_WAITS[0] * 1.1


def held(client: Client, webhooks: Webhooks) -> Any:
    """An endpoint that is held, because it has not answered for a minute."""
    hook = endpoint(client)
    webhooks.receivers.answers["a.example"] = SILENT
    for _ in range(2):
        happen(client)
        webhooks.send()
        webhooks.now += 60
    webhooks.now -= 59
    webhooks.receivers.posts.clear()
    return hook


def test_a_delivery_waits_for_an_endpoint_that_does_not_answer_and_that_is_no_attempt(
    client: Client, webhooks: Webhooks
) -> None:
    hook = held(client, webhooks)
    event = happen(client)
    webhooks.send()
    assert webhooks.receivers.posts == []
    found = delivery(event, hook)
    assert (found.body["status"], found.body["attempt_count"]) == ("pending", 0)
    assert found.due_at > webhooks.now
    webhooks.receivers.answers["a.example"] = OK
    webhooks.wait(5 * 60)
    assert delivery(event, hook).body["status"] == "succeeded"


def test_when_its_hold_has_ended_one_call_tells_whether_it_answers_again(
    client: Client, webhooks: Webhooks
) -> None:
    held(client, webhooks)
    webhooks.now += 30
    for _ in range(3):
        happen(client)
    webhooks.send()
    assert len(webhooks.receivers.posts) == 1
    webhooks.now += 60
    webhooks.receivers.answers["a.example"] = OK
    for _ in range(3):
        happen(client)
    webhooks.send()
    webhooks.receivers.posts.clear()
    happen(client)
    happen(client)
    webhooks.send()
    assert len(webhooks.receivers.posts) == 2


def failed_for_good(client: Client, webhooks: Webhooks) -> None:
    """What was sent to an endpoint that does not answer has failed after its last attempt."""
    webhooks.wait(5 * HOUR)
    found = client.v1.events.list({"delivery_success": False, "type": "customer.created"})
    assert len(found.data) == 2


def test_an_endpoint_that_did_not_answer_days_ago_is_sent_all_at_once(
    client: Client, webhooks: Webhooks
) -> None:
    held(client, webhooks)
    failed_for_good(client, webhooks)
    webhooks.now += 10 * DAY
    webhooks.receivers.answers["a.example"] = OK
    webhooks.receivers.posts.clear()
    for _ in range(3):
        happen(client)
    webhooks.send()
    assert len(webhooks.receivers.posts) == 3


def test_what_waits_for_an_endpoint_waits_by_how_long_that_was_seen_to_fail(
    client: Client, webhooks: Webhooks
) -> None:
    held(client, webhooks)
    failed_for_good(client, webhooks)
    webhooks.now += 15 * HOUR
    webhooks.receivers.answers["a.example"] = OK
    webhooks.receivers.posts.clear()
    for _ in range(3):
        happen(client)
    webhooks.send()
    webhooks.wait(HOUR + 60)
    assert len(webhooks.receivers.posts) == 3


def test_an_endpoint_that_fails_at_once_is_not_held(client: Client, webhooks: Webhooks) -> None:
    endpoint(client)
    webhooks.receivers.answers["a.example"] = BUSY
    for number in range(3):
        happen(client)
        webhooks.send()
        webhooks.now += 20
        assert len(webhooks.receivers.posts) == number + 1


def test_what_somebody_asks_for_is_sent_to_an_endpoint_that_is_held(
    client: Client, webhooks: Webhooks
) -> None:
    hook = held(client, webhooks)
    webhooks.receivers.answers["a.example"] = OK
    event = happen(client)
    client.raw_request("post", f"/v1/events/{event.id}/retry")
    webhooks.deliver()
    assert delivery(event, hook).body["status"] == "succeeded"
    happen(client)
    webhooks.send()
    assert len(webhooks.receivers.posts) == 2


def test_an_address_that_cannot_be_called_any_more_is_a_failed_attempt(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    stored = BillingStore(livemode=False).get(hook.id)
    assert stored is not None
    stored.body["url"] = "http://a.example"  # accepted by a deployment that allowed it
    BillingStore(livemode=False).put(stored)
    event = happen(client)
    webhooks.send()
    body = delivery(event, hook).body
    assert [attempt["error"] for attempt in body["attempts"]] == ["the URL cannot be called"]
    assert webhooks.receivers.posts == []


def test_an_erased_customer_s_event_is_sent_as_it_is_stored_now(
    client: Client, webhooks: Webhooks
) -> None:
    hook = endpoint(client)
    event = happen(client)
    webhooks.receivers.answers["a.example"] = BUSY
    webhooks.send()
    erase_customer(context(), event.data.object.id)
    webhooks.wait(5 * 60)
    first, second = webhooks.receivers.posts
    assert b"Ada" in first.body
    assert b"Ada" not in second.body
    assert verified(second.body, second.headers, hook.secret).id == event.id


USER = "user:word"


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/hook",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/",
        "https://2130706433/",
        f"https://{USER}@a.example/",
    ],
)
def test_an_endpoint_that_could_never_be_called_is_refused(api: Api, url: str) -> None:
    form = {"url": url, "enabled_events": ["*"]}
    reply = api.ask("POST", "/v1/webhook_endpoints", form)
    assert (reply.status, reply.body["error"]["code"]) == (400, "url_invalid")
    assert reply.body["error"]["message"].startswith("Invalid URL: ")


def test_functions_keep_to_their_rights(client: Client, webhooks: Webhooks) -> None:
    hook = endpoint(client)
    endpoint(client, "b.example")
    happen(client)
    webhooks.receivers.answers["b.example"] = BUSY
    records = webhooks.records()
    with keeping_to_its_rights("PublishEventsFunction", webhooks.engine):
        webhooks.publish_records(records)
    with keeping_to_its_rights("DeliverWebhooksFunction", webhooks.engine):
        webhooks.deliver()
    assert len(webhooks.receivers.heard_by("a.example", hook.secret)) == 1


def test_messages_that_say_nothing_fail_by_themselves(client: Client, webhooks: Webhooks) -> None:
    hook = endpoint(client)
    happen(client)
    webhooks.publish()
    strange = [
        {"messageId": "unreadable", "body": "{"},
        {
            "messageId": "gone",
            "body": json.dumps({"livemode": False, "kind": KIND, "id": "whd_evt_1.we_1"}),
        },
    ]
    answer = deliver_batch([*strange, *webhooks.messages()], webhooks.receivers)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "unreadable"}]}
    assert len(webhooks.receivers.heard_by("a.example", hook.secret)) == 1
