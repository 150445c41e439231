"""An alert tells of a crossing once for life, whoever else watches at the same time."""

import json
from base64 import b64encode
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.outbox import EventDraft, outbox
from meterline.services.base.patience import OWN_SECONDS, SHARED_SECONDS
from meterline.services.events import publishing
from meterline.services.events.publishing import outbox_batch, publish_batch
from meterline.services.metering import alert_watch
from meterline.services.metering.alert_watch import watch_changes
from meterline.services.metering.alerts import (
    activate_alert,
    archive_alert,
    create_alert,
    deactivate_alert,
)
from meterline.services.metering.crossings import TRIGGER_KIND
from meterline.services.metering.usage_stream import UsageChange
from meterline.services.metering.watch_list import read_watch_list
from meterline.services.work import usage_watch
from meterline.store.base.documents import Change, Document
from meterline.store.base.packing import pack
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.headrooms import Remembered, headroom_beside, save_headroom
from meterline.store.metering.usage import BucketKey, counter_place
from meterline.store.work import failed_batches
from tests.engines import Engine
from tests.factories.streams import inserted
from tests.factories.usage import use
from tests.handlers import load_handler
from tests.integration.reads import items_read
from tests.lambda_context import LambdaContext

NOW = 1_800_000_000
METER = "mtr_test_1"
ADA, BOB = "cus_ada", "cus_bob"
TOLD: dict[str, Any] = {
    "object": "billing.alert_triggered",
    "alert": {
        "id": "alrt_1",
        "alert_type": "usage_threshold",
        "usage_threshold": {"gte": 100, "meter": METER},
    },
    "customer": ADA,
    "livemode": False,
}


@pytest.fixture
def ctx(dynamodb: Engine) -> Context:  # noqa: ARG001 - the tables must be there
    store = BillingStore(livemode=False)
    meter = {
        "id": METER,
        "created": NOW,
        "default_aggregation": {"formula": "sum"},
        "event_time_window": None,
        "status": "active",
    }
    bodies: dict[str, list[dict[str, Any]]] = {
        "billing.meter": [meter],
        "customer": [{"id": ADA}, {"id": BOB}],
    }
    puts = [
        Document(kind=kind, livemode=False, body=body)
        for kind, group in bodies.items()
        for body in group
    ]
    store.commit(Change(puts=puts))
    return Context(store=store, now=NOW, wall_clock=NOW)


def watch_usage(ctx: Context, meter: str, customer: str) -> list[str]:
    """Watch a change that says nothing of what the hour holds: usage is added up."""
    change = UsageChange(BucketKey(ctx.livemode, meter, customer, NOW // 3_600), False)  # noqa: FBT003 - no estimate
    state = read_watch_list(livemode=ctx.livemode).alerts_state(change.bucket.meter)
    return watch_changes(ctx, [change], remembered_of(ctx, change), state)


def remembered_of(ctx: Context, change: UsageChange) -> Remembered:
    """What is remembered of the usage that changed, read as a batch reads it."""
    key = change.usage_key
    return headroom_beside(ctx.store.get_many([key.customer]).get(key.customer), key.meter)


@pytest.fixture
def usage(monkeypatch: pytest.MonkeyPatch) -> dict[str, Decimal]:
    """What the customers have used, by customer."""
    used: dict[str, Decimal] = {}

    def lifetime(
        _livemode: bool,  # noqa: FBT001 - the shape of what it stands for
        _meter: str,
        customer: str,
        _measure: object,
        *,
        now: int,
    ) -> Decimal:
        assert now
        return used.get(customer, Decimal(0))

    monkeypatch.setattr(alert_watch, "lifetime_usage", lifetime)
    return used


def _alert(ctx: Context, gte: int, customer: str | None = None) -> str:
    filters = [{"type": "customer", "customer": customer}] if customer else None
    threshold: dict[str, Any] = {"gte": gte, "meter": METER, "recurrence": "one_time"}
    if filters:
        threshold["filters"] = filters
    params = {"title": "High", "alert_type": "usage_threshold", "usage_threshold": threshold}
    return str(create_alert(ctx, params)["id"])


def _told(ctx: Context) -> list[dict[str, Any]]:
    batches = ctx.store.each("event")
    events = [event for batch in batches for event in batch.body["events"]]
    return [event for event in events if event["type"] == "billing.alert.triggered"]


@pytest.mark.parametrize(("used", "fires"), [("99.5", False), ("100", True), ("100.5", True)])
def test_an_alert_fires_from_its_threshold_on(
    ctx: Context, usage: dict[str, Decimal], used: str, *, fires: bool
) -> None:
    alert = _alert(ctx, 100)
    usage[ADA] = Decimal(used)
    assert watch_usage(ctx, METER, ADA) == ([alert] if fires else [])


def test_a_crossing_is_told_once_however_often_it_is_seen(
    ctx: Context, usage: dict[str, Decimal]
) -> None:
    alert = _alert(ctx, 100)
    usage[ADA] = Decimal(100)
    assert [watch_usage(ctx, METER, ADA) for _ in range(3)] == [[alert], [], []]
    usage[ADA] = Decimal(0)
    watch_usage(ctx, METER, ADA)
    usage[ADA] = Decimal(500)
    watch_usage(ctx, METER, ADA)
    [event] = _told(ctx)
    assert event["data"]["object"]["customer"] == ADA
    assert event["data"]["object"]["value"] == 100
    assert "id" not in event["data"]["object"]


def test_an_alert_for_all_fires_for_each_customer(ctx: Context, usage: dict[str, Decimal]) -> None:
    _alert(ctx, 10)
    usage.update({ADA: Decimal(10), BOB: Decimal(11)})
    watch_usage(ctx, METER, ADA)
    watch_usage(ctx, METER, BOB)
    assert sorted(event["data"]["object"]["customer"] for event in _told(ctx)) == [ADA, BOB]


def test_an_alert_for_one_customer_leaves_the_others_alone(
    ctx: Context, usage: dict[str, Decimal]
) -> None:
    _alert(ctx, 10, ADA)
    usage[BOB] = Decimal(1000)
    assert watch_usage(ctx, METER, BOB) == []


def test_an_archived_alert_neither_fires_nor_comes_back(
    ctx: Context, usage: dict[str, Decimal]
) -> None:
    alert = _alert(ctx, 10)
    archive_alert(ctx, alert, {})
    usage[ADA] = Decimal(10)
    assert watch_usage(ctx, METER, ADA) == []
    with pytest.raises(BillingError, match="archived"):
        activate_alert(ctx, alert, {})


def test_an_inactive_alert_is_silent_until_it_is_activated_again(
    ctx: Context, usage: dict[str, Decimal]
) -> None:
    alert = _alert(ctx, 10, ADA)
    usage[ADA] = Decimal(10)
    deactivate_alert(ctx, alert, {})
    assert watch_usage(ctx, METER, ADA) == []
    activate_alert(ctx, alert, {})
    assert watch_usage(ctx, METER, ADA) == [alert]


def test_what_others_have_on_a_meter_or_is_archived_is_not_read(
    ctx: Context, usage: dict[str, Decimal]
) -> None:
    waiting = [_alert(ctx, 10, ADA), _alert(ctx, 20)]
    costs = []
    for number in range(3):
        assert watch_usage(ctx, METER, ADA) == []  # what it remembers is read from now on
        with items_read() as items:
            assert watch_usage(ctx, METER, ADA) == []
        costs.append(items[0])
        for other in (f"cus_other{number}", f"cus_another{number}"):
            customer = Document(kind="customer", livemode=False, body={"id": other})
            ctx.store.commit(Change(puts=[customer]))
            _alert(ctx, 1, other)
        archive_alert(ctx, _alert(ctx, 1, ADA), {})
        archive_alert(ctx, _alert(ctx, 1), {})
    assert costs == [costs[0]] * 3
    usage[ADA] = Decimal(20)
    assert sorted(watch_usage(ctx, METER, ADA)) == sorted(waiting)


def _used(customer: str, used: int, number: str = "1") -> dict[str, Any]:
    """The record of a customer's counter of this hour, with what it holds by now."""
    record = _counted(customer, number)
    record["dynamodb"]["NewImage"] |= {"sums": {"S": f"1 {used} 0 0"}, "version": {"N": number}}
    return record


def test_usage_that_cannot_have_reached_a_threshold_is_not_added_up(
    ctx: Context, usage: dict[str, Decimal]
) -> None:
    alert = _alert(ctx, 100)
    usage[ADA] = Decimal(10)
    assert _invoke("watch_usage", _used(ADA, 10)) == []
    del usage[ADA]  # adding up would find nothing used
    assert _invoke("watch_usage", _used(ADA, 10), _used(ADA, 10, "2")) == []
    usage[ADA] = Decimal(105)
    assert _invoke("watch_usage", _used(ADA, 105, "3")) == []
    assert [event["data"]["object"]["alert"]["id"] for event in _told(ctx)] == [alert]


@pytest.mark.parametrize("is_for_all", [True, False])
def test_a_new_alert_is_looked_at_with_the_next_change(
    ctx: Context, usage: dict[str, Decimal], *, is_for_all: bool
) -> None:
    _alert(ctx, 10_000, ADA)
    usage[ADA] = Decimal(50)
    assert _invoke("watch_usage", _used(ADA, 50)) == []
    alert = _alert(ctx, 20, None if is_for_all else ADA)
    assert _invoke("watch_usage", _used(ADA, 50)) == []
    assert [event["data"]["object"]["alert"]["id"] for event in _told(ctx)] == [alert]


def test_an_alert_that_is_activated_again_is_looked_at_with_the_next_change(
    ctx: Context, usage: dict[str, Decimal]
) -> None:
    alert = _alert(ctx, 20)
    deactivate_alert(ctx, alert, {})
    usage[ADA] = Decimal(50)
    assert _invoke("watch_usage", _used(ADA, 50)) == []
    activate_alert(ctx, alert, {})
    assert _invoke("watch_usage", _used(ADA, 50)) == []
    assert [event["data"]["object"]["alert"]["id"] for event in _told(ctx)] == [alert]


def test_a_replayed_counter_is_looked_at_whatever_is_remembered(
    ctx: Context, usage: dict[str, Decimal]
) -> None:
    # Billing was restored to a moment before the crossing, Usage to one after it.
    alert = _alert(ctx, 10)
    usage[ADA] = Decimal(10)
    assert _invoke("watch_usage", _used(ADA, 10)) == []
    record = ctx.store.get(derived_object_id(TRIGGER_KIND, alert, ADA))
    assert record is not None
    ctx.store.commit(Change(deletes=[record]))
    assert _invoke("watch_usage", _counted(ADA, "2"), redriven=True) == []
    assert [event["data"]["object"]["alert"]["id"] for event in _told(ctx)] == [alert, alert]


def _watch_hour(ctx: Context, dynamodb: Engine, at: int) -> list[str]:
    """Watch the change that made an hour's counter what it is."""
    bucket = BucketKey(ctx.livemode, METER, ADA, at // 3_600)
    place = counter_place(bucket)
    stored = dynamodb.client.get_item(TableName=dynamodb.tables["usage"], Key=place)["Item"]
    change = UsageChange(bucket, False, stored)  # noqa: FBT003 - no estimate
    state = read_watch_list(livemode=ctx.livemode).alerts_state(change.bucket.meter)
    return watch_changes(ctx, [change], remembered_of(ctx, change), state)


def test_who_added_usage_up_before_a_change_does_not_remember_it_after(
    ctx: Context, dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Lambda may watch two hours of a customer side by side: it keeps the order of each item alone.
    alert = _alert(ctx, 100)
    save = save_headroom
    first: list[Any] = []

    def save_in_turn(*room: Any) -> None:
        if first:
            save(*first)
            save(*room)
            return
        first.extend(room)
        use(METER, ADA, at=NOW + 3_600, quantity=50)
        assert _watch_hour(ctx, dynamodb, NOW + 3_600) == []

    monkeypatch.setattr(alert_watch, "save_headroom", save_in_turn)
    use(METER, ADA, at=NOW, quantity=10)
    assert _watch_hour(ctx, dynamodb, NOW) == []
    assert first
    use(METER, ADA, at=NOW, quantity=44)
    assert _watch_hour(ctx, dynamodb, NOW) == [alert]


def test_old_hours_of_a_batch_are_forgotten_before_usage_is_added_up(
    ctx: Context, usage: dict[str, Decimal], monkeypatch: pytest.MonkeyPatch
) -> None:
    _alert(ctx, 100)
    happened: list[str] = []
    lifetime = alert_watch.__dict__["lifetime_usage"]

    def adding_up(*args: Any, **more: Any) -> Any:
        happened.append("added up")
        return lifetime(*args, **more)

    monkeypatch.setattr(alert_watch, "lifetime_usage", adding_up)
    monkeypatch.setattr(usage_watch, "forget_if_old", lambda *_, **__: happened.append("forgotten"))
    assert _invoke("watch_usage", _used(ADA, 1), _used(ADA, 2, "2")) == []
    assert happened == ["forgotten", "forgotten", "added up"]
    assert usage == {}


def test_a_batch_that_cannot_be_read_together_is_read_change_by_change(
    ctx: Context, usage: dict[str, Decimal], monkeypatch: pytest.MonkeyPatch
) -> None:
    _alert(ctx, 10)
    usage.update({ADA: Decimal(10), BOB: Decimal(10)})
    monkeypatch.setattr(usage_watch, "_documents", lambda *_, **__: 1 // 0)
    assert _invoke("watch_usage", _used(ADA, 10), _used(BOB, 10, "2")) == []
    assert sorted(event["data"]["object"]["customer"] for event in _told(ctx)) == [ADA, BOB]


def test_a_meter_takes_25_alerts_for_a_customer(ctx: Context) -> None:
    for _ in range(25):
        _alert(ctx, 10, ADA)
    with pytest.raises(BillingError, match="25"):
        _alert(ctx, 10, ADA)
    _alert(ctx, 10, BOB)


def _stream_record(document: Document) -> dict[str, Any]:
    image = {"kind": {"S": document.kind}, "body": {"B": pack(document.body)}}
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image, "SequenceNumber": "1"}}


def _outbox(*drafts: EventDraft) -> Document:
    cause = Document(kind="customer", livemode=False, body={"id": ADA})
    [document] = outbox(list(drafts), cause, None, now=NOW, wall_clock=NOW)
    return document


def _subscribed(dynamodb: Engine, topic: str, **attributes: str) -> Any:
    """A queue that hears a topic."""
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    url = sqs.create_queue(QueueName=f"{topic}-listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    sns.subscribe(
        TopicArn=dynamodb.environment[f"METERLINE_{topic.upper()}_TOPIC_ARN"],
        Protocol="sqs",
        Endpoint=arn["Attributes"]["QueueArn"],
        Attributes={"RawMessageDelivery": "true", **attributes},
    )

    def heard() -> list[str]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return sorted(json.loads(message["Body"])["type"] for message in messages)

    return heard


def test_every_event_reaches_the_events_topic_and_alerts_their_own(dynamodb: Engine) -> None:
    events, alerted = _subscribed(dynamodb, "events"), _subscribed(dynamodb, "alerts")
    record = _stream_record(
        _outbox(
            EventDraft("customer.created", {"id": "x", "object": "thing"}),
            EventDraft("billing.alert.triggered", TOLD),
            EventDraft("billing.alert.recovered", TOLD),
        )
    )
    assert publish_batch([record]) == {"batchItemFailures": []}
    both = ["billing.alert.recovered", "billing.alert.triggered"]
    assert events() == [*both, "customer.created"]
    assert alerted() == both


# what a subscriber of alerts filters by | whether the alert reaches it
FILTERS: list[tuple[dict[str, Any], bool]] = [
    ({"type": ["billing.alert.triggered"]}, True),
    ({"type": ["billing.alert.recovered"]}, False),
    ({"customer": [ADA], "meter": [METER], "livemode": ["false"]}, True),
    ({"customer": [BOB]}, False),
    ({"alert": ["alrt_1"], "alert_type": ["usage_threshold"]}, True),
    ({"threshold": [{"numeric": [">=", 100]}]}, True),
    ({"threshold": [{"numeric": [">", 100]}]}, False),
]


@pytest.mark.parametrize(("policy", "arrives"), FILTERS)
def test_subscribers_of_alerts_filter_by_what_is_told(
    dynamodb: Engine, policy: dict[str, Any], *, arrives: bool
) -> None:
    alerted = _subscribed(dynamodb, "alerts", FilterPolicy=json.dumps(policy))
    record = _stream_record(_outbox(EventDraft("billing.alert.triggered", TOLD)))
    assert publish_batch([record]) == {"batchItemFailures": []}
    assert bool(alerted()) is arrives


def test_other_changes_of_the_table_are_not_events() -> None:
    customer = Document(kind="customer", livemode=False, body={"id": ADA})
    assert outbox_batch(_stream_record(customer)) is None
    removed = _stream_record(_outbox(EventDraft("a", {}))) | {"eventName": "REMOVE"}
    assert outbox_batch(removed) is None


def test_an_event_too_large_for_a_message_tells_where_to_fetch_it(dynamodb: Engine) -> None:
    heard = _subscribed(dynamodb, "events")
    subject = {"id": "in_1", "object": "invoice", "lines": "x" * 300_000}
    record = _stream_record(_outbox(EventDraft("invoice.created", subject)))
    assert publish_batch([record]) == {"batchItemFailures": []}
    assert heard() == ["invoice.created"]


def _counted(customer: str, number: str) -> dict[str, Any]:
    """The record of a customer's counter that has changed."""
    place = counter_place(BucketKey(False, METER, customer, NOW // 3_600))  # noqa: FBT003 - a key
    change = {"Keys": place, "NewImage": place, "SequenceNumber": number}
    return {"eventName": "MODIFY", "dynamodb": change}


def _invoke(function: str, *records: dict[str, Any], redriven: bool = False) -> list[str]:
    """The numbers of the records that a function hands back."""
    event = {"Records": list(records)} | ({"redriven": True} if redriven else {})
    answer = load_handler(function)(event, LambdaContext("the-function"))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def _set_aside() -> list[str]:
    batches = list(failed_batches.failed_batches())
    assert {batch.function for batch in batches} <= {"the-function"}
    return [record["dynamodb"]["SequenceNumber"] for batch in batches for record in batch.records]


def test_a_customer_whose_usage_cannot_be_read_holds_up_nobody(
    ctx: Context, usage: dict[str, Decimal], monkeypatch: pytest.MonkeyPatch
) -> None:
    _alert(ctx, 10)
    now = 0
    monkeypatch.setattr(usage_watch.WORKER.patience, "clock", lambda: now)
    poisoned, healthy = _counted(ADA, "1"), _counted(BOB, "2")
    usage.update({ADA: Decimal("NaN"), BOB: Decimal(10)})
    assert (_invoke("watch_usage", poisoned, healthy), _set_aside()) == (["1"], [])
    assert [event["data"]["object"]["customer"] for event in _told(ctx)] == [BOB]
    now = OWN_SECONDS
    assert (_invoke("watch_usage", poisoned, healthy), _set_aside()) == ([], ["1"])
    assert _invoke("watch_usage", poisoned, redriven=True) == ["1"]
    usage[ADA] = Decimal(10)
    assert _invoke("watch_usage", poisoned, redriven=True) == []
    assert sorted(event["data"]["object"]["customer"] for event in _told(ctx)) == [ADA, BOB]


@pytest.mark.usefixtures("ctx")
def test_a_change_of_usage_that_nobody_can_read_is_set_aside() -> None:
    spoiled = _counted(ADA, "1")
    spoiled["dynamodb"]["Keys"] = {"pk": {"S": "spoiled"}, "sk": {"S": "h#spoiled"}}
    assert (_invoke("watch_usage", spoiled), _set_aside()) == ([], ["1"])


def test_a_commit_that_nobody_can_read_is_set_aside_and_the_others_are_published(
    dynamodb: Engine,
) -> None:
    events = _subscribed(dynamodb, "events")
    spoiled = _stream_record(_outbox(EventDraft("a.b", {})))
    spoiled["dynamodb"] |= {"SequenceNumber": "1"}
    spoiled["dynamodb"]["NewImage"] |= {"body": {"B": "bm90aGluZw=="}}
    readable = _stream_record(_outbox(EventDraft("c.d", {"id": "x", "object": "thing"})))
    readable["dynamodb"] |= {"SequenceNumber": "2"}
    assert (_invoke("publish_events", spoiled, readable), _set_aside()) == ([], ["1"])
    assert events() == ["c.d"]


@pytest.mark.usefixtures("dynamodb")
@pytest.mark.parametrize(("fault", "outcome"), [(False, (["1"], [])), (True, ([], ["1"]))])
def test_events_that_a_topic_refuses_come_again_unless_the_fault_is_theirs(
    monkeypatch: pytest.MonkeyPatch, *, fault: bool, outcome: Any
) -> None:
    now = 0

    class Topic:
        def publish_batch(self, **_: Any) -> Any:
            return {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": fault}]}

    monkeypatch.setattr(publishing, "sns", Topic)
    monkeypatch.setattr(publishing.WORKER.patience, "clock", lambda: now)
    record = _stream_record(_outbox(EventDraft("a.b", {"id": "x", "object": "thing"})))
    body = b64encode(record["dynamodb"]["NewImage"]["body"]["B"]).decode()
    record["dynamodb"] |= {"SequenceNumber": "1"}
    record["dynamodb"]["NewImage"] = {"kind": {"S": "event"}, "body": {"B": body}}
    assert (_invoke("publish_events", record), _set_aside()) == (["1"], [])
    now = SHARED_SECONDS
    assert (_invoke("publish_events", record), _set_aside()) == outcome


def test_an_alert_s_delay_from_the_acceptance_of_its_usage_is_measured(
    ctx: Context,
    dynamodb: Engine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _alert(ctx, 10)
    use(METER, ADA, at=NOW, quantity=10)
    _watch_hour(ctx, dynamodb, NOW)
    told = [one for one in dynamodb.scan("billing") if one.get("kind", {}).get("S") == "event"]
    published_at = SimpleNamespace(time_ns=lambda: NOW * 1_000_000_000 + 1_750_000_000)
    monkeypatch.setattr(publishing, "time", published_at)
    capsys.readouterr()
    assert publish_batch(inserted(told)) == {"batchItemFailures": []}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["AlertDelay"] for line in lines if "AlertDelay" in line] == [[1_750]]
