"""Test clocks that go on, sweeps, and what streams bring."""

import json

import boto3

from meterline.services.metering.alerts import create_alert
from meterline.services.work.test_clocks import (
    advance_test_clock,
    create_test_clock,
    delete_test_clock,
)
from tests.factories.streams import counter_of, counters_changed, inserted
from tests.factories.usage import use
from tests.faults.billing.works.work import (
    HOUR,
    Work,
    at_time,
    charge,
    customer_of,
    meters_of,
    used_subscription,
    with_same_ids,
)
from tests.faults.billing.world import DAY, NOW, World
from tests.handlers import load_handler


def clock_advance(world: World) -> Work:
    """A clock that goes on by a week and two hours: a renewal, and its invoice finalised."""
    frozen = NOW - 200 * DAY
    clock = create_test_clock(world.context(), {"frozen_time": frozen})["id"]
    price = world.price(unit_amount=1_500, interval="week")
    world.subscribe(world.customer(at=frozen, test_clock=clock), [price], at=frozen)
    advance_test_clock(world.context(), clock, {"frozen_time": frozen + 7 * DAY + 2 * HOUR})
    return Work(world.deliver("advance_test_clocks", clock))


def clock_deletion(world: World) -> Work:
    """A deleted clock with a customer, a subscription and an invoice."""
    clock = create_test_clock(world.context(), {"frozen_time": NOW - 200 * DAY})["id"]
    customer = world.customer(at=NOW - 200 * DAY, test_clock=clock)
    world.subscribe(customer, [world.price(unit_amount=1_500)], at=NOW - 200 * DAY)
    delete_test_clock(world.context(), clock, {})
    return Work(world.deliver("advance_test_clocks", clock))


def dispatch(world: World) -> Work:
    """Subscriptions, a draft and a clock that are due."""
    first, _ = (used_subscription(world, customer_of(world)) for _ in range(2))
    at_time(world, NOW - 44 * DAY, world.deliver("roll_billing_cycles", first))
    clock = create_test_clock(world.context(), {"frozen_time": NOW - DAY})["id"]
    advance_test_clock(world.context(), clock, {"frozen_time": NOW})
    queues = [
        world.engine.environment[f"METERLINE_{name}_QUEUE_URL"]
        for name in ("RENEWALS", "INVOICES", "CLOCKS")
    ]
    for queue in queues:
        world.drain(queue)

    def sent() -> list[str]:
        return [text for queue in queues for text in world.drain(queue)]

    return Work(lambda: load_handler("dispatch_due_work")({}, None), sent)


def alert(world: World) -> Work:
    """Usage that crosses the thresholds of two alerts."""
    customer = customer_of(world)
    meter = meters_of(world)[0]
    use(meter, customer, at=NOW - DAY, quantity=7)
    for gte in (5, 6):
        threshold = {"meter": meter, "gte": gte, "recurrence": "one_time"}
        params = {"alert_type": "usage_threshold", "title": "Much", "usage_threshold": threshold}
        create_alert(world.context(), params)
    records = counters_changed([counter_of(meter, customer, "2026-01-01T00")])
    return Work(lambda: load_handler("watch_usage")({"Records": records}, None))


def threshold(world: World) -> Work:
    """Usage that crosses the billing threshold of a subscription."""
    customer = customer_of(world)
    meter = meters_of(world)[0]
    prices = [world.price(unit_amount=1_500), world.price(unit_amount=100, meter=meter)]
    thresholds = {"amount_gte": 500, "reset_billing_cycle_anchor": None}
    world.subscribe(customer, prices, at=NOW - 5 * DAY, billing_thresholds=thresholds)
    charge(world, customer, 2)
    use(meter, customer, at=NOW - DAY, quantity=7)
    records = counters_changed([counter_of(meter, customer, "2026-01-01T00")])
    watch = load_handler("watch_usage")
    return Work(with_same_ids(world, lambda: watch({"Records": records}, None)))


def publication(world: World) -> Work:
    """The outboxes of a renewal and of a triggered alert."""
    subscription = used_subscription(world, customer_of(world))
    world.deliver("roll_billing_cycles", subscription)()
    alert(world).trigger()
    items = world.engine.scan("billing")
    records = inserted(item for item in items if item.get("kind", {}).get("S") == "event")
    heard = [_hears(world, topic) for topic in ("EVENTS", "ALERTS")]

    def sent() -> list[str]:
        texts = [text for queue in heard for text in world.drain(queue)]
        return sorted({json.loads(text)["Message"] for text in texts})

    return Work(lambda: load_handler("publish_events")({"Records": records}, None), sent)


def _hears(world: World, topic: str) -> str:
    queue = str(boto3.client("sqs").create_queue(QueueName=f"heard-{topic}")["QueueUrl"])
    arn = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    boto3.client("sns").subscribe(
        TopicArn=world.engine.environment[f"METERLINE_{topic}_TOPIC_ARN"],
        Protocol="sqs",
        Endpoint=arn["Attributes"]["QueueArn"],
    )
    return queue
