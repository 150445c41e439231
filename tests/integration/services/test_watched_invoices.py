"""Counted usage looks for late usage only where its customer may have an invoice since the hour."""

from collections.abc import Callable
from typing import Any

import pytest

from meterline.services.customers.customer_state import may_have_invoices_since
from meterline.services.customers.customers import update_customer
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.manual import create_invoice
from meterline.services.work.usage_watch import watch_batch
from meterline.store.metering.usage import BucketKey, counter_place
from tests.benchmarks.traffic import Traffic
from tests.engines import Engine
from tests.faults.billing.world import NOW, World, world_on

HOUR = 3_600


@pytest.fixture
def world(dynamodb: Engine, monkeypatch: pytest.MonkeyPatch) -> World:
    return world_on(dynamodb, monkeypatch)


def untouched(world: World, customer: str) -> None:
    assert world.stored(customer)


def renumbered(world: World, customer: str) -> None:
    update_customer(world.context(), customer, {"next_invoice_sequence": 7})


def drafted(world: World, customer: str) -> None:
    create_invoice(world.context(NOW - 2 * HOUR), {"customer": customer})


def invoiced(world: World, customer: str) -> None:
    invoice = create_invoice(world.context(NOW - 2 * HOUR), {"customer": customer})
    finalize_invoice(world.context(), str(invoice["id"]), {})


# what happened | since when (hours ago) | whether there may be an invoice
HAPPENED: list[tuple[Callable[[World, str], None], int, bool]] = [
    (untouched, 5, False),
    (renumbered, 5, False),
    (drafted, 1, False),
    (drafted, 2, True),
    (invoiced, 1, False),
    (invoiced, 2, True),
]


@pytest.mark.parametrize(("happened", "hours", "may_have"), HAPPENED)
def test_a_customer_knows_when_its_latest_invoice_was_created(
    world: World, happened: Callable[[World, str], None], hours: int, *, may_have: bool
) -> None:
    customer = world.customer(at=NOW - 9 * HOUR)
    happened(world, customer)
    assert may_have_invoices_since(world.stored(customer), NOW - hours * HOUR) is may_have


@pytest.mark.parametrize(("happened", "queries"), [(untouched, 0), (invoiced, 1)])
def test_invoices_are_looked_for_only_where_there_may_be_some(
    world: World, happened: Callable[[World, str], None], queries: int
) -> None:
    customer = world.customer(at=NOW - 9 * HOUR)
    happened(world, customer)
    hour = (NOW - 3 * HOUR) // HOUR
    place = counter_place(BucketKey(False, world.meter("tokens"), customer, hour))  # noqa: FBT003 - a key
    change: dict[str, Any] = {"Keys": place, "NewImage": place, "SequenceNumber": "1"}
    traffic = Traffic()
    with traffic.recorded():
        answer = watch_batch([{"eventName": "MODIFY", "dynamodb": change}])
    assert answer == {"batchItemFailures": []}
    assert traffic.calls.count("Query") == queries
