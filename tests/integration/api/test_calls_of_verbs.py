"""Which calls of DynamoDB a request makes: what it reads, it reads together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
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


@contextmanager
def before_each_call(do: Callable[[str, dict[str, Any]], None]) -> Iterator[None]:
    """``do`` is called with each call inside, before it is sent."""
    send = vars(BaseClient)["_make_api_call"]

    def doing(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        do(operation, parameters)
        return send(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", doing):
        yield


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
"""A row for each price that led to the running subscription; side by side."""

USAGE = ("Query",) * 2
"""Of two meters, side by side: also the hours at which it is cut."""

VERBS: dict[str, tuple[Callable[[Stage, Any], object], list[str]]] = {
    "preview": (
        lambda stage, made: stage.client.v1.invoices.create_preview({"subscription": made.id}),
        ["PutItem", "GetItem", "BatchGetItem", *USAGE, "UpdateItem"],
    ),
    "cancel": (
        lambda stage, made: stage.client.v1.subscriptions.cancel(made.id),
        [*CANCEL, *ROWS],
    ),
    "cancel and bill": (
        lambda stage, made: stage.client.v1.subscriptions.cancel(made.id, {"invoice_now": True}),
        [*CANCEL, *USAGE, *ROWS],
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_reads_together_what_its_subscription_names(stage: Stage, verb: str) -> None:
    made = create(stage, prices_of(stage))
    do, expected = VERBS[verb]
    with calls() as found:
        do(stage, made)
    assert sorted(found) == sorted(expected)


def test_a_renewal_with_taxes_reads_no_more_than_one_without(stage: Stage) -> None:
    """Its preview is the same decision: percentages never change, and stand where they count."""
    made = create(stage, prices_of(stage))
    given = {"display_name": "VAT", "inclusive": False, "percentage": "19"}
    rate = stage.client.v1.tax_rates.create(given).id
    stage.change(made, default_tax_rates=[rate])
    do, expected = VERBS["preview"]
    with calls() as found:
        preview: Any = do(stage, made)
    assert sorted(found) == sorted(expected)
    assert [tax.amount for tax in preview.total_taxes] == [190]


def test_a_subscription_is_created_with_what_its_request_names_read_together(stage: Stage) -> None:
    prices = prices_of(stage)
    with calls() as found:
        create(stage, prices)
    assert sorted(found[:2]) == ["BatchGetItem", "PutItem"]
    assert found[2:] == ["BatchGetItem", "BatchWriteItem", "TransactWriteItems", "UpdateItem"]


def test_what_a_request_names_is_read_while_its_idempotency_key_is_claimed(stage: Stage) -> None:
    prices, reading = prices_of(stage), Event()

    def waiting(operation: str, parameters: dict[str, Any]) -> None:
        if operation == "BatchGetItem":
            reading.set()
        if "idem#" in str(parameters.get("Item")):
            assert reading.wait(60)

    with before_each_call(waiting):
        create(stage, prices)


def test_a_request_that_must_decide_again_reads_again_what_it_names(stage: Stage) -> None:
    prices, commits = prices_of(stage), []

    def changing(operation: str, _parameters: dict[str, Any]) -> None:
        if operation == "TransactWriteItems":
            commits.append(operation)
            if len(commits) == 1:
                stage.client.v1.customers.update(stage.customer, {"name": "Grace"})

    with before_each_call(changing):
        made = create(stage, prices)
    assert len(commits) == 3, "refused, the other one's, and again"
    customer = stage.client.v1.customers.retrieve(stage.customer, {"expand": ["subscriptions"]})
    assert (customer.name, customer.subscriptions.data[0].id) == ("Grace", made.id)


def test_what_a_request_has_written_is_shown_as_written(stage: Stage) -> None:
    items = [{"price": stage.price("Seat", 1_000)}]
    sent = {"customer": stage.customer, "items": items, "expand": ["customer"]}
    made = stage.client.v1.subscriptions.create(sent)
    assert made.customer.next_invoice_sequence == 2, "the commit numbered an invoice"


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
    objects = ["BatchGetItem"] * (2 if kind in WITH_OTHERS else 1)
    assert found == ["Query", *["Query"] * HELD.get(kind, 1), *objects]


WITH_OTHERS = {"subscriptions that run", "events"}
"""Shown with what is read after them: their products, and the endpoints that they go to."""

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
