"""Live usage of an hour that runs, late for an invoice that is final already, is found when the
hour is over.
"""

from typing import Any

import pytest

from meterline.services.base.context import Context
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.metering.count import count_records
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.work.due_work import do_due_work
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine
from tests.factories import objects
from tests.factories.streams import watch_usage
from tests.factories.usage import usage_record
from tests.faults.billing.world import DAY, NOW, World, world_on

HOUR = 3_600
FOUND = "meterline.late_usage.found"


def live_context(at: int = NOW, origin: Any = None) -> Context:
    return Context(BillingStore(livemode=True), at, at, origin=origin)


@pytest.fixture
def world(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(objects, "context", live_context)
    return world_on(dynamodb, monkeypatch)


def use(meter: str, customer: str, at: int, quantity: int) -> None:
    record = usage_record(meter, customer, at, quantity, "live")
    key = record["dynamodb"]["NewImage"]["identifier"]
    key["S"] = f"l{key['S'][1:]}"
    assert count_records([record]) == []


def found() -> list[tuple[str, str]]:
    """What was found late: the quantities that are billed and counted."""
    boxes = BillingStore(livemode=True).each("event")
    events = [event for box in boxes for event in box.body["events"] if event["type"] == FOUND]
    late = [event["data"]["object"] for event in events]
    return [(one["billed_quantity"], one["counted_quantity"]) for one in late]


@pytest.fixture
def billed(world: World) -> tuple[str, str, str]:
    """Ten tokens of this hour, on an invoice that is final while it runs: meter, customer, id."""
    meter, customer = objects.meter("tokens", at=NOW - DAY), objects.customer(at=NOW - DAY)
    price = objects.metered(meter, 3, at=NOW - DAY)
    subscription = objects.subscribe(customer, price, at=NOW - DAY)["id"]
    use(meter, customer, NOW + 60, 10)
    world.clock.now = NOW + 600
    cancel_subscription(live_context(NOW + 600), subscription, {"invoice_now": True})
    [invoice] = BillingStore(livemode=True).each("invoice", parent=customer)
    finalize_invoice(live_context(NOW + 600), invoice.id, {})
    return meter, customer, invoice.id


def test_it_is_found_once_the_hour_is_over(world: World, billed: tuple[str, str, str]) -> None:
    meter, customer, invoice = billed
    use(meter, customer, NOW + 90, 5)
    watch_usage(world.engine)
    assert found() == []
    stored = BillingStore(livemode=True).get(invoice)
    assert stored is not None
    assert stored.due_at == NOW + HOUR
    do_due_work(live_context(NOW + HOUR), invoice)
    assert found() == [("10", "15")]


def test_it_is_found_at_once_if_the_hour_is_over_when_it_is_counted(
    world: World, billed: tuple[str, str, str]
) -> None:
    meter, customer, _ = billed
    world.clock.now = NOW + HOUR
    use(meter, customer, NOW + 90, 5)
    watch_usage(world.engine)
    assert found() == [("10", "15")]
