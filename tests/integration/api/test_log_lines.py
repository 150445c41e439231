"""What functions log: the way from a request to its invoice, nothing of a person, and no key."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import boto3
import pytest

from meterline.observability import InvocationFailed
from meterline.services.work import queue_workers, sweep
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine
from tests.factories.streams import inserted
from tests.handlers import load_handler
from tests.integration.api.conftest import Api, Client

MARK = "zzada"
"""Stands in each value that no line may hold."""

EMAIL = f"{MARK}@example.com"
DAY = 86_400
START = 1_700_000_000

type Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """The log lines written since the last look."""

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in found if "_aws" not in line]

    return read


def named(lines: Sequence[dict[str, Any]], message: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["message"] == message]


def subscribe(client: Client, **customer: Any) -> Any:
    """A monthly subscription of a new customer."""
    product = client.v1.products.create({"name": "Base"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 1_000,
            "recurring": {"interval": "month"},
        }
    )
    made = client.v1.customers.create(customer)
    return client.v1.subscriptions.create(
        {
            "customer": made.id,
            "items": [{"price": price.id}],
            "collection_method": "send_invoice",
            "days_until_due": 30,
        }
    )


def messages(engine: Engine, queue: str) -> list[dict[str, Any]]:
    """What waits in a queue, as Lambda hands it to a worker."""
    url = engine.environment[f"METERLINE_{queue.upper()}_QUEUE_URL"]
    received = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [
        {"messageId": message["MessageId"], "body": message["Body"]}
        for message in received.get("Messages", [])
    ]


def outboxes(engine: Engine) -> list[dict[str, Any]]:
    """The events of all commits, as records of their stream."""
    items = engine.scan("billing")
    return inserted(item for item in items if item.get("kind") == {"S": "event"})


def test_a_request_leads_to_its_events_and_objects(api: Api, client: Client, lines: Lines) -> None:
    subscription = subscribe(client)
    found = lines()
    request = next(one for one in named(found, "request") if one["route"] == "/v1/subscriptions")
    assert request["correlation_id"] == subscription.last_response.request_id
    [commit] = [
        one
        for one in named(found, "committed")
        if one["correlation_id"] == request["correlation_id"]
    ]
    assert {subscription.id, subscription.latest_invoice} == set(commit["objects"])
    told = api.client().v1.events.list({"limit": 100}).data
    ids = {one.id for one in told if one.request.id == request["correlation_id"]}
    assert set(commit["events"]) == ids


def test_a_request_leads_through_the_message_that_it_sends_to_the_invoices_of_a_worker(
    api: Api, client: Client, lines: Lines
) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    subscription = subscribe(client, test_clock=clock.id)
    lines()
    advanced = client.v1.test_helpers.test_clocks.advance(
        clock.id, {"frozen_time": START + 40 * DAY}
    )
    request_id = advanced.last_response.request_id
    sent = messages(api.engine, "clocks")
    assert [json.loads(message["body"])["correlation_id"] for message in sent] == [request_id]
    load_handler("advance_test_clocks")({"Records": sent}, None)
    commits = [one for one in named(lines(), "committed") if "message_id" in one]
    assert {one["correlation_id"] for one in commits} == {request_id}
    assert {one["object"] for one in commits} == {clock.id}
    invoices = client.v1.invoices.list({"subscription": subscription.id}).data
    assert len(invoices) == 2
    assert invoices[0].id in {one for commit in commits for one in commit["objects"]}


def test_a_sweep_leads_through_its_message_to_the_invoice_and_that_to_its_published_events(
    api: Api, client: Client, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = subscribe(client)
    later = subscription.created + 32 * DAY
    monkeypatch.setattr("meterline.services.base.workers.wall_clock", lambda: later)
    lines()
    sweep.sweep(later, modes=[False])
    (sent,) = messages(api.engine, "renewals")
    body = json.loads(sent["body"]) | {"correlation_id": "the-sweep"}
    message = {"messageId": "1", "body": json.dumps(body)}
    load_handler("roll_billing_cycles")({"Records": [message]}, None)
    renewal = named(lines(), "committed")[-1]
    assert (renewal["correlation_id"], renewal["object"]) == ("the-sweep", subscription.id)
    assert any(one.startswith("in_") for one in renewal["objects"])
    load_handler("publish_events")({"Records": outboxes(api.engine)}, None)
    published = [event for line in named(lines(), "published") for event in line["events"]]
    assert set(renewal["events"]) <= set(published)


def test_what_a_message_leaves_due_at_once_carries_its_correlation(
    api: Api, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.raw_request("post", "/v1/meterline/settings", invoice_grace_seconds=0)
    subscription = subscribe(client)
    later = subscription.created + 32 * DAY
    monkeypatch.setattr("meterline.services.base.workers.wall_clock", lambda: later)
    due = {
        "livemode": False,
        "kind": "subscription",
        "id": subscription.id,
        "correlation_id": "the-sweep",
    }
    message = {"messageId": "1", "body": json.dumps(due)}
    load_handler("roll_billing_cycles")({"Records": [message]}, None)
    (left,) = messages(api.engine, "invoices")
    assert json.loads(left["body"])["correlation_id"] == "the-sweep"


def personal_requests(api: Api, client: Client) -> None:
    """Requests, accepted and refused, with something of a person wherever a client may write it."""
    customer = {
        "name": f"{MARK} Lovelace",
        "email": EMAIL,
        "phone": f"+44 {MARK}",
        "description": f"of {MARK}",
        "address": {"line1": f"12 {MARK} Square", "city": MARK, "country": "GB"},
        "metadata": {f"{MARK}_key": f"{MARK} value"},
    }
    subscription = subscribe(client, **customer)
    client.v1.products.create({"id": f"{MARK}-product", "name": MARK})
    client.v1.coupons.create({"id": f"{MARK}-COUPON", "percent_off": 10, "name": MARK})
    client.v1.customers.create({"email": EMAIL}, {"idempotency_key": f"{MARK}-once"})
    client.v1.invoice_items.create(
        {
            "customer": subscription.customer,
            "amount": 5,
            "currency": "usd",
            "description": f"for {EMAIL}",
        }
    )
    client.v1.invoices.create({"customer": subscription.customer, "description": EMAIL})
    for form in (f"email={EMAIL}&{MARK}=1", f"metadata[{MARK}]={'x' * 600}", f"balance={MARK}"):
        assert api.post("/v1/customers", form)[0] == 400
    event = f"event_name={MARK}&payload[value]=1&payload[stripe_customer_id]={MARK}"
    assert api.post("/v1/billing/meter_events", f"{event}&identifier={EMAIL}")[0] == 400


def raw(api: Api, method: str, target: str, **headers: str) -> int:
    return api.ask(method, target, **{"user_agent": MARK} | headers).status


def test_no_line_of_a_request_holds_anything_of_a_person_or_a_key(
    api: Api, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    personal_requests(api, client)
    assert raw(api, "GET", f"/v1/customers/{EMAIL}") == 404
    assert raw(api, "GET", f"/v1/customers?email={EMAIL}") == 200
    assert raw(api, "GET", f"/v1/customers/search?query=email:'{EMAIL}'") == 200
    assert raw(api, "GET", f"/{EMAIL}") == 404
    assert raw(api, "GET", "/v1/customers", authorization=f"Bearer sk_test_{MARK}") == 401
    load_handler("publish_events")({"Records": outboxes(api.engine)}, None)
    written = capsys.readouterr()
    assert len(written.out.splitlines()) > 20
    assert MARK not in written.out + written.err
    assert api.key not in written.out + written.err
    assert api.key.removeprefix("sk_test_") not in written.out


def test_no_line_of_a_failure_quotes_what_failed(
    api: Api, client: Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = subscribe(client)
    capsys.readouterr()

    def fails(*_: object, **__: object) -> Any:
        raise ValueError(EMAIL)

    with monkeypatch.context() as broken:
        broken.setattr(BillingStore, "commit", fails)
        assert api.post("/v1/customers", f"email={EMAIL}")[0] == 500
    with monkeypatch.context() as broken:
        broken.setattr(queue_workers, "do_due_work", fails)
        due = json.dumps({"livemode": False, "kind": "subscription", "id": subscription.id})
        batch = [{"messageId": "1", "body": due}, {"messageId": "2", "body": EMAIL}]
        answer = load_handler("roll_billing_cycles")({"Records": batch}, None)
        assert len(answer["batchItemFailures"]) == 2
    with monkeypatch.context() as broken:
        broken.setattr("meterline.services.work.sweep.due_page", fails)
        with pytest.raises(InvocationFailed, match=r"^ValueError$"):
            load_handler("dispatch_due_work")({}, None)
    change = {"NewImage": {"value": {"S": EMAIL}}, "Keys": {"pk": {"S": EMAIL}}}
    record = {"eventName": "INSERT", "dynamodb": change | {"SequenceNumber": "1"}}
    for function in ("count_usage", "watch_usage", "publish_events"):
        load_handler(function)({"Records": [record]}, None)
    written = capsys.readouterr()
    failed = [json.loads(splitline).get("exception_name") for splitline in written.out.splitlines()]
    assert failed.count("ValueError") >= 3
    assert MARK not in written.out + written.err
