"""Which calls of DynamoDB a request makes: what it reads, it reads together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient

from meterline.store.billing import repository
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage


@contextmanager
def calls() -> Iterator[list[str]]:
    """The calls inside, but for notes of partitions: each process makes these once."""
    send = vars(BaseClient)["_make_api_call"]
    made: list[str] = []

    def noting(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        written = str(parameters.get("Item", parameters.get("RequestItems")))
        if "#shelves#" not in written and "#listings#" not in written:
            made.append(operation)
        return send(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", noting):
        yield made


@pytest.fixture
def stage(api: Api) -> Stage:
    made = Stage(api, "2024-01-01")
    made.customer = made.client.v1.customers.create({"name": "On the wall clock"}).id
    return made


def create(stage: Stage, prices: list[str]) -> Any:
    items = [{"price": price} for price in prices]
    sent = {"collection_method": "send_invoice", "days_until_due": 3}
    return stage.client.v1.subscriptions.create({"customer": stage.customer, "items": items} | sent)


def prices_of(stage: Stage) -> list[str]:
    meters = [stage.meter("calls"), stage.meter("bytes")]
    metered = [stage.metered(f"By {meter}", meter, 3) for meter in meters]
    return [stage.price("Seat", 1_000), *metered]


CANCEL = ("GetItem", "BatchGetItem", "Query", "BatchWriteItem", "TransactWriteItems")
ROWS = ("DeleteItem",) * 3
"""A row for each price that led to the running subscription."""

USAGE = ("Query",) * 2
"""Of two meters, side by side: also the hours at which it is cut."""

VERBS: dict[str, tuple[Callable[[Stage, Any], object], list[str]]] = {
    "preview": (
        lambda stage, made: stage.client.v1.invoices.create_preview({"subscription": made.id}),
        ["PutItem", "GetItem", "BatchGetItem", *USAGE, "UpdateItem"],
    ),
    "cancel": (
        lambda stage, made: stage.client.v1.subscriptions.cancel(made.id),
        [*CANCEL, *ROWS, "BatchGetItem"],
    ),
    "cancel and bill": (
        lambda stage, made: stage.client.v1.subscriptions.cancel(made.id, {"invoice_now": True}),
        [*CANCEL, *USAGE, *ROWS, "BatchGetItem"],
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_reads_together_what_its_subscription_names(stage: Stage, verb: str) -> None:
    made = create(stage, prices_of(stage))
    do, expected = VERBS[verb]
    with calls() as found:
        do(stage, made)
    assert sorted(found) == sorted(expected)


def test_a_subscription_is_created_with_what_its_request_names_read_together(stage: Stage) -> None:
    prices = prices_of(stage)
    with calls() as found:
        create(stage, prices)
    assert found == [
        *("PutItem", "BatchGetItem", "BatchGetItem", "BatchWriteItem"),
        *("TransactWriteItems", "BatchGetItem", "UpdateItem"),
    ]


LISTS: dict[str, Callable[[Stage], object]] = {
    "customers": lambda stage: stage.client.v1.customers.list(),
    "events": lambda stage: stage.client.v1.events.list(),
    "invoices": lambda stage: stage.client.v1.invoices.list(),
    "open invoices": lambda stage: stage.client.v1.invoices.list({"status": "open"}),
    "prices": lambda stage: stage.client.v1.prices.list({"active": True, "type": "recurring"}),
    "products": lambda stage: stage.client.v1.products.list(),
    "subscriptions that run": lambda stage: stage.client.v1.subscriptions.list(),
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_reads_the_partitions_that_hold_anything(stage: Stage, kind: str) -> None:
    subscribed = create(stage, [stage.price("Seat", 1_000)])
    stage.client.v1.invoices.finalize_invoice(subscribed.latest_invoice)
    LISTS[kind](stage)  # the first in an hour looks into all partitions
    with calls() as found:
        LISTS[kind](stage)
    objects = ["BatchGetItem"] * (2 if kind.startswith("subscriptions") else 1)  # and products
    assert found == ["Query", *["Query"] * HELD.get(kind, 1), *objects]


HELD = {"invoices": 2}
"""How many partitions hold anything: invoices were drafts before they were open."""


@pytest.mark.parametrize("bills", [False, True])
def test_an_invoice_that_no_index_shows_yet_stops_with_its_subscription(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    bills: bool,  # noqa: FBT001 - a case
) -> None:
    made = create(stage, [stage.price("Seat", 1_000)])
    item = {"customer": stage.customer, "subscription": made.id, "amount": 5, "currency": "usd"}
    stage.client.v1.invoice_items.create(item)
    monkeypatch.setattr(repository, "listed_under_parent", lambda *_: iter(()))
    ended = stage.client.v1.subscriptions.cancel(made.id, {"invoice_now": bills})
    assert (ended.latest_invoice != made.latest_invoice) == bills
    before = stage.client.v1.invoices.retrieve(made.latest_invoice)
    assert before.auto_advance is False
