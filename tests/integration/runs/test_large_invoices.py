"""Invoices of any size: more lines and pending items than one item or one transaction holds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import batched
from typing import Any

import pytest
import stripe

from meterline.api.routes.invoices import explain_invoice
from meterline.core.base.errors import BillingError
from meterline.core.base.periods import Period
from meterline.core.billing import pending_batches
from meterline.services.base.context import Context
from meterline.services.billing.unit_of_work import open_unit_of_work
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.item_bodies import ItemTerms, new_item
from meterline.services.invoices.item_verbs import (
    create_invoice_item,
    delete_invoice_item,
    update_invoice_item,
)
from meterline.services.invoices.manual import create_invoice, delete_invoice, update_invoice
from meterline.services.invoices.pay_or_close import void_invoice
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.work.due_work import do_due_work
from meterline.store.base.documents import Body, Change, Conflict
from meterline.store.billing import parts
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine
from tests.factories.objects import NOW, context, customer, licence, listed, stored, subscribe
from tests.integration.api.conftest import Api, api
from tests.integration.runs.worlds import DAY, HOUR

__all__ = ["api"]

MONTH = 31 * DAY
ITEM_BYTES = 400_000


def charge(customer_id: str, number: int, **terms: object) -> None:
    """So many pending invoice items of 1, 2, 3 … cents."""
    for amounts in batched(range(1, number + 1), 60, strict=False):
        ctx = context()
        document = ctx.store.get(customer_id)
        assert document is not None
        uow = open_unit_of_work(ctx, document)
        for amount in amounts:
            uow.add_item(new_item(uow, terms_of(amount, **terms)))
        uow.save()


def terms_of(amount: int, **terms: object) -> ItemTerms:
    given = {"description": f"Charge {amount}", "metadata": {}, **terms}
    return ItemTerms(amount=amount, currency="usd", period=Period(NOW, NOW), **given)  # type: ignore[arg-type] # the fields of a dataclass


def sum_to(number: int) -> int:
    return number * (number + 1) // 2


def whole(invoice_id: str) -> list[Body]:
    lines: list[Body] = stored(invoice_id)["lines"]["data"]
    return lines


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tabs of ten items, invoices in parts from 20 lines on, so that few lines are many."""
    monkeypatch.setattr(pending_batches, "MOST_ITEMS", 10)
    monkeypatch.setattr(parts, "INLINE_LINES", 20)
    monkeypatch.setattr(parts, "PART_BYTES", 1_500)


def part_rows(engine: Engine) -> list[str]:
    """The stored parts of all invoices, named by an invoice or not."""
    items = engine.scan("billing")
    return sorted(item["sk"]["S"] for item in items if item["sk"]["S"].startswith("lines#"))


def named_parts(engine: Engine) -> list[str]:
    """The parts that invoices name."""
    named = (item.get("parts", {}).get("SS", []) for item in engine.scan("billing"))
    return sorted(name for names in named for name in names)


def test_a_renewal_bills_more_items_than_one_transaction_takes(dynamodb: Engine) -> None:
    customer_id = customer()
    sub = subscribe(customer_id, licence(unit_amount=1_000))
    charge(customer_id, 300)
    do_due_work(context(NOW + MONTH), sub["id"])
    invoice = stored(stored(sub["id"])["latest_invoice"])
    assert invoice["billing_reason"] == "subscription_cycle"
    assert len(invoice["lines"]["data"]) == 301
    assert invoice["total"] == 1_000 + sum_to(300)
    billed = Counter(item["invoice"] for item in listed("invoiceitem"))
    assert billed == {invoice["id"]: 300}
    do_due_work(context(NOW + MONTH + HOUR), invoice["id"])
    assert stored(invoice["id"])["status"] == "open"
    do_due_work(context(NOW + 2 * MONTH), sub["id"])
    assert stored(stored(sub["id"])["latest_invoice"])["total"] == 1_000, "each item is billed once"
    assert dynamodb.tables


def test_lines_of_any_length_fit(dynamodb: Engine) -> None:
    customer_id = customer()
    metadata = {f"key{number}": f"{number}é" * 120 for number in range(50)}
    charge(customer_id, 45, metadata=metadata)
    params = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    invoice = create_invoice(context(), params)
    assert [line["metadata"] for line in whole(invoice["id"])] == [metadata] * 45
    finalize_invoice(context(), invoice["id"], {})
    sizes = [len(str(item).encode()) for item in dynamodb.scan("billing")]
    assert max(sizes) < ITEM_BYTES


@pytest.mark.usefixtures("dynamodb", "small_parts")
def test_a_long_invoice_shows_its_first_ten_lines_wherever_it_is_not_asked_for_all() -> None:
    customer_id = customer()
    charge(customer_id, 45)
    params = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    invoice = create_invoice(context(), params)
    [in_a_list] = listed("invoice")
    assert in_a_list["lines"]["data"] == whole(invoice["id"])[:10]
    assert in_a_list["lines"]["has_more"]
    [told] = [
        event["data"]["object"]
        for box in listed("event")
        for event in box["events"]
        if event["type"] == "invoice.created"
    ]
    assert [line["id"] for line in told["lines"]["data"]] == [
        line["id"] for line in whole(invoice["id"])[:10]
    ]
    assert told["lines"]["has_more"]


@pytest.mark.usefixtures("small_parts")
def test_the_sdk_pages_through_all_lines(api: Api) -> None:
    client = api.client()
    customer_id = client.v1.customers.create({"name": "Ada"}).id
    charge(customer_id, 45)
    given = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    invoice = client.v1.invoices.create(given)
    shown = client.v1.invoices.retrieve(invoice.id)
    for one in (invoice, shown, client.v1.invoices.list({"customer": customer_id}).data[0]):
        assert (len(one.lines.data), one.lines.has_more) == (10, True)
    assert {line.amount for line in shown.lines.auto_paging_iter()} == set(range(1, 46))
    items = client.v1.invoice_items.list({"customer": customer_id, "invoice": invoice.id})
    assert len(list(items.auto_paging_iter())) == 45
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.invoices.retrieve("in_unknown")


@pytest.mark.usefixtures("small_parts")
def test_parts_follow_their_invoice(dynamodb: Engine) -> None:
    """A line more, a line less, other amounts, finalised, void: no part is missing or left over."""
    customer_id = customer()
    charge(customer_id, 45)
    include = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    draft = create_invoice(context(), include)["id"]
    added = create_invoice_item(context(), {"invoice": draft, "amount": 500, "currency": "usd"})
    assert (stored(draft)["total"], len(whole(draft))) == (sum_to(45) + 500, 46)
    update_invoice_item(context(), added["id"], {"amount": 700})
    assert stored(draft)["total"] == sum_to(45) + 700
    delete_invoice_item(context(), added["id"], {})
    one = next(item for item in listed("invoiceitem") if item["amount"] == 45)
    delete_invoice_item(context(), one["id"], {})
    assert (stored(draft)["total"], len(whole(draft))) == (sum_to(44), 44)
    before = part_rows(dynamodb)
    update_invoice(context(), draft, {"description": "No line is changed"})
    finalize_invoice(context(), draft, {})
    void_invoice(context(), draft, {})
    assert part_rows(dynamodb) == named_parts(dynamodb) == before != []
    assert len(whole(draft)) == 44


@pytest.mark.usefixtures("small_parts")
def test_a_deleted_draft_leaves_no_parts(dynamodb: Engine) -> None:
    customer_id = customer()
    charge(customer_id, 45)
    include = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    draft = create_invoice(context(), include)["id"]
    assert part_rows(dynamodb)
    delete_invoice(context(), draft, {})
    assert part_rows(dynamodb) == []


@pytest.mark.usefixtures("small_parts")
def test_what_a_lost_race_wrote_is_never_read_and_goes_with_the_next_change(
    dynamodb: Engine,
) -> None:
    customer_id = customer()
    charge(customer_id, 45)
    include = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    draft = create_invoice(context(), include)["id"]
    store = BillingStore(livemode=False)
    stale = store.get(draft)
    assert stale is not None
    create_invoice_item(context(), {"invoice": draft, "amount": 500, "currency": "usd"})
    lines = stale.body["lines"] | {"data": stale.body["lines"]["data"][:30]}
    with pytest.raises(Conflict):
        store.commit(Change(puts=[replace(stale, body=stale.body | {"lines": lines})]))
    assert len(whole(draft)) == 46
    assert set(part_rows(dynamodb)) > set(named_parts(dynamodb)), (
        "the loser's parts are still there"
    )
    update_invoice(context(), draft, {"description": "Another"})
    assert part_rows(dynamodb) == named_parts(dynamodb)


@pytest.mark.usefixtures("dynamodb", "small_parts")
def test_a_reader_whose_parts_are_replaced_meanwhile_reads_the_later_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    customer_id = customer()
    charge(customer_id, 45)
    include = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    draft = create_invoice(context(), include)["id"]
    read = parts.read_lines
    added: list[Any] = []

    def meanwhile(document: object) -> object:
        if not added:
            added.append({})
            item = {"invoice": draft, "amount": 500, "currency": "usd"}
            added[0] = create_invoice_item(context(), item)
        return read(document)  # type: ignore[arg-type] # a document

    monkeypatch.setattr(parts, "read_lines", meanwhile)
    assert len(whole(draft)) == 46


@pytest.mark.usefixtures("dynamodb", "small_parts")
def test_stopping_a_long_draft_keeps_its_lines() -> None:
    customer_id = customer()
    sub = subscribe(customer_id, licence(unit_amount=1_000))
    charge(customer_id, 45)
    do_due_work(context(NOW + MONTH), sub["id"])
    cancel_subscription(context(NOW + MONTH + 60), sub["id"], {})
    draft = stored(stored(sub["id"])["latest_invoice"])
    assert not draft["auto_advance"]
    assert len(draft["lines"]["data"]) == 46


@pytest.mark.usefixtures("dynamodb", "small_parts")
def test_the_explanation_of_a_long_invoice_comes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meterline.api.routes.invoices.MOST_EXPLAINED_LINES", 20)
    customer_id = customer()
    charge(customer_id, 45)
    include = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    draft = create_invoice(context(), include)["id"]
    assert [line["id"] for line in explained(context(), draft)] == [
        line["id"] for line in whole(draft)
    ]


def explained(ctx: Context, invoice_id: str) -> Iterator[Body]:
    place: Body = {}
    while True:
        page = explain_invoice(ctx, invoice_id, place)
        explanation = page.answer(page.bodies, "")
        yield from explanation["lines"]
        if not explanation["has_more"]:
            return
        place = {"starting_after": explanation["lines"][-1]["id"]}


def test_only_the_request_that_adds_too_many_items_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pending_batches, "MOST_ITEMS", 2)
    monkeypatch.setattr("meterline.services.billing.item_batches.MOST_BATCHES", 2)
    customer_id = customer()
    sub = subscribe(customer_id, licence(unit_amount=1_000))
    charge(customer_id, 4)
    with pytest.raises(BillingError, match="more than 4 pending"):
        charge(customer_id, 1)
    assert len(listed("invoiceitem")) == 4
    charge(customer_id, 4, subscription=sub["id"])
    do_due_work(context(NOW + MONTH), sub["id"])
    assert stored(stored(sub["id"])["latest_invoice"])["total"] == 1_000 + 2 * sum_to(4)


def test_long_items_fill_their_tabs_sooner_also_those_that_become_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pending_batches, "MOST_BYTES", 8_000)
    monkeypatch.setattr("meterline.services.billing.item_batches.MOST_BATCHES", 2)
    long = {"metadata": {f"key{number}": "x" * 400 for number in range(10)}}
    customer_id = customer()
    charge(customer_id, 3)
    for item in listed("invoiceitem"):
        update_invoice_item(context(), item["id"], long)
    charge(customer_id, 1, **long)
    with pytest.raises(BillingError, match="MB of them"):
        charge(customer_id, 1)
    params = {"customer": customer_id, "pending_invoice_items_behavior": "include"}
    invoice = create_invoice(context(), params)
    assert invoice["total"] == sum_to(3) + 1
    assert sorted(line["amount"] for line in whole(invoice["id"])) == [1, 1, 2, 3]


def test_invoices_are_stopped_in_as_many_commits_as_their_size_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("meterline.services.subscriptions.clearing._INVOICES_BYTES", 5_000)
    customer_id = customer()
    sub = subscribe(customer_id, licence(unit_amount=1_000, interval="day"))
    drafts = []
    for days in range(1, 7):
        do_due_work(context(NOW + days * DAY), sub["id"])
        drafts.append(stored(sub["id"])["latest_invoice"])
    cancel_subscription(context(NOW + 6 * DAY + 60), sub["id"], {})
    assert not all(stored(draft)["auto_advance"] is False for draft in drafts)
    do_due_work(context(NOW + 6 * DAY + 60), sub["id"])
    assert [stored(draft)["auto_advance"] for draft in drafts] == [False] * 6


def test_a_pending_item_that_changes_while_it_is_billed_is_billed_as_it_is_then() -> None:
    customer_id = customer()
    sub = subscribe(customer_id, licence(unit_amount=1_000))
    charge(customer_id, 1)
    [item] = listed("invoiceitem")
    ctx = context(NOW + MONTH)
    commit = BillingStore.commit
    done: list[bool] = []

    def meanwhile(store: BillingStore, change: Change) -> None:
        if not done:
            done.append(True)
            update_invoice_item(context(), item["id"], {"amount": 50})
        commit(store, change)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BillingStore, "commit", meanwhile)
        do_due_work(ctx, sub["id"])
    assert stored(stored(sub["id"])["latest_invoice"])["total"] == 1_050
