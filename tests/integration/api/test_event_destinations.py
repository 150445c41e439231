"""Event destinations get what they ask for, in their form, by the deliveries of all endpoints."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import stripe

from meterline.core.events.retry_schedule import DISABLED_AFTER_SECONDS, TEST_WAITS
from meterline.core.metering.acceptance import EventRefused, Reason
from meterline.services.events.deliveries import delivery_id
from meterline.services.metering.crossings import ACTIONS, Action, Finding, Watched, tell
from meterline.services.metering.error_reports import report
from meterline.store.base.settings import settings
from meterline.store.billing.repository import BillingStore
from meterline.store.events.replies import Reply
from tests.engines import REGION
from tests.factories import objects
from tests.factories.params import meter_params
from tests.factories.webhooks import BUSY, OK, Webhooks
from tests.integration.api.conftest import Api, Client
from tests.integration.api.test_webhook_deliveries import DAY, HOUR, endpoint, happen
from tests.rights import keeping_to_its_rights

ACCOUNT = "123456789012"
SECRET = "webhook_endpoint.signing_secret"
URL = "webhook_endpoint.url"
PING = "v2.core.event_destination.ping"
BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/billing"


def wanted(host: str = "d.example", **more: Any) -> dict[str, Any]:
    """What a destination for thin events is created with."""
    return {
        "name": "Mine",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["*"],
        "webhook_endpoint": {"url": f"https://{host}/hook"},
        **more,
    }


def destination(client: Client, *types: str, **more: Any) -> Any:
    """A destination that was created, with its secret."""
    chosen = {"enabled_events": list(types)} if types else {}
    params = wanted(**{"include": [SECRET], **chosen, **more})
    return client.v2.core.event_destinations.create(params)


def on_the_bus(client: Client, payload: str = "thin", *types: str) -> Any:
    """A destination whose events go on the event bus."""
    params = wanted(event_payload=payload, enabled_events=list(types or ["*"]))
    del params["webhook_endpoint"]
    params |= {
        "type": "amazon_eventbridge",
        "amazon_eventbridge": {"aws_account_id": ACCOUNT, "aws_region": REGION},
    }
    return client.v2.core.event_destinations.create(params)


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The ARN of an event bus that the deployment has."""
    monkeypatch.setenv("METERLINE_EVENT_BUS_NAME", "billing")
    settings.cache_clear()
    yield BUS
    settings.cache_clear()


def notifications(client: Client, webhooks: Webhooks, secret: str, host: str = "d.example") -> Any:
    """What a host got, as the SDK takes thin events in."""
    return [
        client.parse_event_notification(
            post.body, post.headers["Stripe-Signature"], secret, tolerance=10**10
        )
        for post in webhooks.receivers.posts
        if post.url.host == host
    ]


def stored(event_id: str, destination_id: str) -> Any:
    document = BillingStore(livemode=False).get(delivery_id(event_id, destination_id))
    assert document is not None
    return document


# ---------------------------------------------------------------- the resource
def test_a_destination_shows_its_url_and_secret_only_to_those_who_ask(client: Client) -> None:
    made = client.v2.core.event_destinations.create(wanted(include=[SECRET, URL]))
    assert made.webhook_endpoint.url == "https://d.example/hook"
    assert made.webhook_endpoint.signing_secret.startswith("whsec_")
    assert made.to_dict() | {"created": "", "id": "", "updated": ""} == {
        "id": "",
        "object": "v2.core.event_destination",
        "created": "",
        "description": "",
        "enabled_events": ["*"],
        "event_payload": "thin",
        "events_from": ["@self"],
        "livemode": False,
        "metadata": {},
        "name": "Mine",
        "status": "enabled",
        "type": "webhook_endpoint",
        "updated": "",
        "webhook_endpoint": made.webhook_endpoint.to_dict(),
    }
    plain = client.v2.core.event_destinations.retrieve(made.id)
    assert plain.webhook_endpoint.to_dict() == {}
    asked = client.v2.core.event_destinations.retrieve(made.id, {"include": [URL]})
    assert asked.webhook_endpoint.to_dict() == {"url": "https://d.example/hook"}


def test_a_repetition_shows_the_secret_of_the_first_answer(api: Api) -> None:
    body = json.dumps(wanted(include=[SECRET]))
    first, again = (
        api.ask(
            "POST",
            "/v2/core/event_destinations",
            body,
            content_type="application/json",
            idempotency_key="once",
        )
        for _ in range(2)
    )
    assert first.body == again.body
    assert first.body["webhook_endpoint"]["signing_secret"].startswith("whsec_")
    records = [item for item in api.engine.scan("access") if item["pk"]["S"].startswith("idem#")]
    assert first.body["webhook_endpoint"]["signing_secret"] not in str(records)


def test_an_update_changes_what_it_names_and_says_when(client: Client) -> None:
    made = destination(client, metadata={"team": "a", "kept": "1"})
    changed = client.v2.core.event_destinations.update(
        made.id,
        {
            "name": "Yours",
            "description": "All of it",
            "enabled_events": ["v1.customer.created"],
            "metadata": {"team": None},
            "webhook_endpoint": {"url": "https://e.example"},
            "include": [URL],
        },
    )
    assert changed.to_dict() | {"updated": ""} == {
        **made.to_dict(),
        "name": "Yours",
        "description": "All of it",
        "enabled_events": ["v1.customer.created"],
        "metadata": {"kept": "1"},
        "updated": "",
        "webhook_endpoint": {"url": "https://e.example"},
    }


def test_destinations_are_listed_page_by_page_newest_first(client: Client) -> None:
    made = [destination(client, name=f"No. {number}").id for number in range(3)]
    page = client.v2.core.event_destinations.list({"limit": 2, "include": [URL]})
    assert [one.webhook_endpoint.url for one in page.data] == ["https://d.example/hook"] * 2
    assert {one.id for one in page.auto_paging_iter()} == set(made)
    assert client.v2.core.event_destinations.list().next_page_url is None


def test_endpoints_and_destinations_have_one_limit(client: Client) -> None:
    for number in range(8):
        endpoint(client, f"{number}.example")
        last = destination(client, host=f"{number}.example")
    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16 webhook endpoints and"):
        destination(client)
    client.v2.core.event_destinations.delete(last.id)
    destination(client)


REFUSED = [
    ({"enabled_events": ["invoice.paid"]}, "no thin event has the type 'invoice.paid'"),
    (
        {"event_payload": "snapshot", "enabled_events": ["v1.invoice.paid"]},
        "no snapshot event has the type 'v1.invoice.paid'",
    ),
    ({"enabled_events": []}, "enabled_events"),
    ({"events_from": ["@accounts"]}, "A deployment is one account"),
    ({"events_from": ["other_accounts"]}, "A deployment is one account"),
    ({"snapshot_api_version": "2026-10-28.endive"}, "Thin events are of no API version"),
    ({"event_payload": "snapshot", "snapshot_api_version": "1999"}, "1999"),
    ({"type": "azure_event_grid"}, "no Azure Event Grid"),
    ({"webhook_endpoint": {"url": "https://127.0.0.1"}}, "not one of the public internet"),
    ({"webhook_endpoint": {"url": "http://d.example"}}, "must use https"),
    ({"type": "amazon_eventbridge"}, "Missing required param: amazon_eventbridge"),
    ({"name": ""}, "name"),
    ({"colour": "red"}, "colour"),
]


@pytest.mark.parametrize(("changes", "says"), REFUSED, ids=[str(each) for each, _ in REFUSED])
def test_a_destination_that_could_not_be_is_refused(
    api: Api, changes: dict[str, Any], says: str
) -> None:
    reply = api.ask(
        "POST",
        "/v2/core/event_destinations",
        json.dumps(wanted() | changes),
        content_type="application/json",
    )
    assert reply.status == 400
    assert says in reply.body["error"]["message"]
    assert reply.body["error"].keys() == {"code", "message", "type"}


def test_a_destination_of_the_other_kind_is_not_found(client: Client) -> None:
    hook, made = endpoint(client), destination(client)
    with pytest.raises(stripe.InvalidRequestError, match="No such event destination"):
        client.v2.core.event_destinations.retrieve(hook.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint"):
        client.v1.webhook_endpoints.retrieve(made.id)


# ---------------------------------------------------------------- what is sent
def test_a_thin_event_says_what_happened_to_which_object(
    client: Client, webhooks: Webhooks
) -> None:
    made = destination(client)
    event = happen(client)
    webhooks.send()
    [heard] = notifications(client, webhooks, made.webhook_endpoint.signing_secret)
    assert (heard.type, heard.related_object.id) == (
        "v1.customer.created",
        event.data.object.id,
    )
    assert heard.fetch_event().snapshot_event == event.id
    assert heard.fetch_related_object().id == event.data.object.id
    [post] = webhooks.receivers.posts
    assert b"Ada" not in post.body
    assert stored(event.id, made.id).body["status"] == "succeeded"


def test_a_snapshot_is_sent_as_to_a_webhook_endpoint(client: Client, webhooks: Webhooks) -> None:
    made = destination(
        client,
        "customer.created",
        event_payload="snapshot",
        snapshot_api_version="2025-03-31.basil",
    )
    event = happen(client)
    webhooks.send()
    [heard] = webhooks.receivers.heard_by("d.example", made.webhook_endpoint.signing_secret)
    assert heard.to_dict() == {
        **event.to_dict(),
        "api_version": "2025-03-31.basil",
        "pending_webhooks": 1,
    }


ASKED = [
    (("*",), ["v1.customer.created", "v1.product.created"]),
    (("v1.customer.*",), ["v1.customer.created"]),
    (("v1.product.created", "v1.price.created"), ["v1.product.created"]),
    (("v2.core.*",), []),
]


@pytest.mark.parametrize(("types", "heard"), ASKED)
def test_a_destination_gets_the_types_that_it_names(
    client: Client, webhooks: Webhooks, types: tuple[str, ...], heard: list[str]
) -> None:
    made = destination(client, *types)
    happen(client)
    client.v1.products.create({"name": "Seats"})
    webhooks.send()
    found = notifications(client, webhooks, made.webhook_endpoint.signing_secret)
    assert sorted(one.type for one in found) == heard


def test_a_report_of_errors_goes_to_destinations_for_thin_events(
    client: Client, webhooks: Webhooks
) -> None:
    made = destination(client, "v1.billing.meter.error_report_triggered")
    endpoint(client, "v1.example")
    wrong = EventRefused(Reason.INVALID_VALUE, "Much is no number.", "payload[value]")
    report([("mtr_1", "e1", wrong)], livemode=False, request_key="r", now=webhooks.now + 5)
    webhooks.send()
    [heard] = notifications(client, webhooks, made.webhook_endpoint.signing_secret)
    assert heard.type == "v1.billing.meter.error_report_triggered"
    assert heard.fetch_event().data.reason.error_count == 1
    [post] = webhooks.receivers.posts
    assert "data" not in json.loads(post.body)


def test_what_v2_alone_tells_goes_to_destinations_for_thin_events(
    client: Client, webhooks: Webhooks
) -> None:
    added = "v1.entitlements.active_entitlement_summary.entitlement_added"
    made = destination(client, added)
    endpoint(client, "v1.example", "entitlements.active_entitlement_summary.entitlement_added")
    feature = client.v1.entitlements.features.create({"name": "Export", "lookup_key": "export"})
    product = client.v1.products.create({"name": "Seats"})
    client.v1.products.features.create(product.id, {"entitlement_feature": feature.id})
    price = {"product": product.id, "currency": "usd", "unit_amount": 100}
    monthly = client.v1.prices.create({**price, "recurring": {"interval": "month"}})
    customer = client.v1.customers.create({"name": "Ada"})
    client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": monthly.id}]})
    webhooks.send()
    [heard] = notifications(client, webhooks, made.webhook_endpoint.signing_secret)
    assert heard.type == added
    event = heard.fetch_event()
    assert [one.lookup_key for one in event.data.entitlements.data] == ["export"]
    [post] = webhooks.receivers.posts
    assert "data" not in json.loads(post.body)


@pytest.mark.parametrize("action", ACTIONS)
def test_what_an_alert_tells_is_about_the_alert_and_goes_to_destinations_for_thin_events(
    client: Client, webhooks: Webhooks, action: Action
) -> None:
    made = destination(client, f"v1.billing.alert.{action}")
    meter = client.v1.billing.meters.create(meter_params("calls"))
    terms: Any = {"meter": meter.id, "gte": 1, "recurrence": "one_time"}
    alert = client.v1.billing.alerts.create(
        {"title": "Use", "alert_type": "usage_threshold", "usage_threshold": terms}
    )
    whose = client.v1.customers.create({}).id
    finding = Finding(Watched(objects.stored(alert.id), whose), Decimal(5))
    assert tell(objects.context(client.v1.customers.retrieve(whose).created), finding, action)
    webhooks.send()
    [heard] = notifications(client, webhooks, made.webhook_endpoint.signing_secret)
    assert heard.type == f"v1.billing.alert.{action}"
    assert (heard.related_object.id, heard.related_object.type) == (alert.id, "billing.alert")
    for asked in ({}, {"object_id": alert.id}):
        assert heard.id in [one.id for one in client.v2.core.events.list(asked).data]


def test_a_ping_goes_to_its_destination_alone_whatever_that_asks_for(
    client: Client, webhooks: Webhooks
) -> None:
    made = destination(client, "v1.invoice.paid")
    destination(client, host="other.example")
    endpoint(client, "v1.example")
    event = client.v2.core.event_destinations.ping(made.id)
    assert (event.type, event.related_object.id) == (PING, made.id)
    webhooks.deliver()
    webhooks.send()
    [post] = webhooks.receivers.posts
    assert post.url.host == "d.example"
    [heard] = notifications(client, webhooks, made.webhook_endpoint.signing_secret)
    assert heard.id == event.id
    assert heard.fetch_related_object().id == made.id
    assert client.v2.core.events.retrieve(event.id).type == PING
    assert stored(event.id, made.id).body["status"] == "succeeded"


def test_a_ping_that_is_not_taken_is_sent_again(client: Client, webhooks: Webhooks) -> None:
    made = destination(client)
    webhooks.receivers.answers["d.example"] = BUSY
    event = client.v2.core.event_destinations.ping(made.id)
    webhooks.deliver()
    webhooks.receivers.answers["d.example"] = OK
    webhooks.wait(HOUR)
    assert stored(event.id, made.id).body["attempt_count"] == 2
    answer: Any = client.raw_request("get", f"/v1/events/{event.id}/deliveries").data
    [delivery] = answer["data"]
    assert (delivery["webhook_endpoint"], delivery["status"]) == (made.id, "succeeded")


@pytest.mark.parametrize("change", ["delete", "disable"])
def test_a_destination_that_is_gone_gets_nothing_more(
    client: Client, webhooks: Webhooks, change: str
) -> None:
    made = destination(client)
    event = happen(client)
    webhooks.publish()
    getattr(client.v2.core.event_destinations, change)(made.id)
    webhooks.deliver()
    assert webhooks.receivers.posts == []
    assert stored(event.id, made.id).body["status"] == "canceled"


def test_a_destination_that_takes_nothing_for_three_days_is_disabled_until_it_is_enabled(
    client: Client, webhooks: Webhooks
) -> None:
    made = destination(client)
    webhooks.receivers.answers["d.example"] = BUSY
    for _ in range(DISABLED_AFTER_SECONDS // DAY):
        happen(client)
        webhooks.send()
        webhooks.now += DAY
    happen(client)
    webhooks.send()
    assert client.v2.core.event_destinations.retrieve(made.id).status == "disabled"
    [event] = client.v1.events.list({"type": "meterline.event_destination.disabled"}).data
    assert event.data.object.id == made.id
    assert "url" not in event.data.object.to_dict()
    assert event.data.previous_attributes.status == "enabled"
    webhooks.receivers.answers["d.example"] = OK
    assert client.v2.core.event_destinations.enable(made.id).status == "enabled"
    happen(client)
    webhooks.send()
    assert client.v2.core.event_destinations.retrieve(made.id).status == "enabled"


def test_an_event_is_sent_again_to_the_destination_that_is_named(
    client: Client, webhooks: Webhooks
) -> None:
    made = destination(client, "v1.invoice.paid")
    event = happen(client)
    webhooks.send()
    path = f"/v1/events/{event.id}/retry"
    client.raw_request("post", path, webhook_endpoint=made.id)
    webhooks.deliver()
    [heard] = notifications(client, webhooks, made.webhook_endpoint.signing_secret)
    assert heard.type == "v1.customer.created"


# ---------------------------------------------------------------- event buses
def test_an_event_is_put_on_the_event_bus(client: Client, webhooks: Webhooks, bus: str) -> None:
    made = on_the_bus(client)
    assert made.amazon_eventbridge.to_dict() == {
        "aws_account_id": ACCOUNT,
        "aws_event_source_arn": bus,
        "aws_event_source_status": "active",
    }
    event = happen(client)
    webhooks.send()
    [entry] = webhooks.receivers.entries
    assert (entry.bus_arn, entry.source, entry.detail_type) == (
        bus,
        f"meterline/{made.id}",
        "v1.customer.created",
    )
    envelope = {"source": entry.source, "detail": json.loads(entry.detail)}
    heard = client.parse_event_notification_without_verification(json.dumps(envelope))
    assert heard.fetch_event().snapshot_event == event.id
    assert stored(event.id, made.id).body["status"] == "succeeded"


def test_an_entry_that_is_not_taken_is_put_again_alone(
    client: Client, webhooks: Webhooks, bus: str
) -> None:
    made = on_the_bus(client, "snapshot")
    assert made.amazon_eventbridge.aws_event_source_arn == bus
    event = happen(client)
    client.v1.products.create({"name": "Seats"})
    webhooks.receivers.answers["customer.created"] = Reply(None, 9, "ThrottlingException")
    webhooks.send()
    webhooks.receivers.answers.clear()
    webhooks.wait(TEST_WAITS[0] + 120)
    kinds = sorted(entry.detail_type for entry in webhooks.receivers.entries)
    assert kinds == ["customer.created", "customer.created", "product.created"]
    [first, _] = stored(event.id, made.id).body["attempts"]
    assert (first["error"], first["response_status"]) == ("ThrottlingException", None)


def test_what_no_attempt_puts_on_the_bus_has_failed_and_is_sent_again_by_hand(
    client: Client, webhooks: Webhooks, bus: str
) -> None:
    made = on_the_bus(client, "snapshot", "customer.created")
    webhooks.receivers.answers["customer.created"] = Reply(None, 9, "InternalFailure")
    event = happen(client)
    webhooks.send()
    webhooks.wait(DAY)
    assert stored(event.id, made.id).body["status"] == "failed"
    webhooks.receivers.answers.clear()
    client.raw_request("post", f"/v1/events/{event.id}/retry")
    webhooks.deliver()
    assert stored(event.id, made.id).body["status"] == "succeeded"
    assert webhooks.receivers.entries[-1].bus_arn == bus


ELSEWHERE = [
    ({"aws_account_id": "210987654321"}, f"aws_account_id is {ACCOUNT}"),
    ({"aws_region": "eu-west-1"}, f"aws_region is {REGION}"),
    ({"aws_account_id": "12"}, "12 digits"),
]


@pytest.mark.parametrize(("change", "says"), ELSEWHERE)
def test_events_leave_neither_the_account_nor_the_region(
    api: Api, bus: str, change: dict[str, str], says: str
) -> None:
    config = {"aws_account_id": ACCOUNT, "aws_region": REGION}
    params = wanted(type="amazon_eventbridge", amazon_eventbridge=config | change)
    del params["webhook_endpoint"]
    reply = api.ask(
        "POST",
        "/v2/core/event_destinations",
        json.dumps(params),
        content_type="application/json",
    )
    assert (reply.status, bool(bus)) == (400, True)
    assert says in reply.body["error"]["message"]


def test_a_deployment_without_an_event_bus_says_so(client: Client) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="EventBusName"):
        on_the_bus(client)


def test_functions_keep_to_their_rights_with_destinations_too(
    client: Client, webhooks: Webhooks
) -> None:
    made = destination(client)
    happen(client)
    webhooks.receivers.answers["d.example"] = BUSY
    with keeping_to_its_rights("ServeEventsFunction", webhooks.engine):
        client.v2.core.event_destinations.ping(made.id)
    records = webhooks.records()
    with keeping_to_its_rights("PublishEventsFunction", webhooks.engine):
        webhooks.publish_records(records)
    with keeping_to_its_rights("DeliverWebhooksFunction", webhooks.engine):
        webhooks.deliver()
    assert len(webhooks.receivers.posts) == 2
