"""Whatever can be done in small steps can be ended: any number of them, in bounded commits."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import batched, count
from typing import Any

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.billing import pending_batches
from meterline.services.account.settings_changes import update_settings
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.item_verbs import (
    create_invoice_item,
    delete_invoice_item,
    update_invoice_item,
)
from meterline.services.invoices.line_verbs import add_lines, remove_lines
from meterline.services.invoices.manual import create_invoice, delete_invoice
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.customer_deletion import delete_customer
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.due_work import do_due_work
from meterline.services.work.test_clocks import delete_test_clock, run_test_clock
from meterline.store.base.documents import Body, Change, Conflict
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine
from tests.factories.objects import (
    NOW,
    clock,
    context,
    customer,
    licence,
    listed,
    stored,
    subscribe,
)
from tests.integration.runs.test_large_invoices import charge, sum_to
from tests.integration.runs.worlds import DAY, told

MONTH = 31 * DAY
PATIENCE = {
    "past_due_window_seconds": DAY,
    "unpaid_window_seconds": DAY,
    "unpaid_action": "cancel",
}
DELETED = "invoiceitem.deleted"
INCLUDE = {"pending_invoice_items_behavior": "include"}


def pending() -> list[Body]:
    """The invoice items that wait for an invoice."""
    there = (item for item in listed("invoiceitem") if not item.get("deleted"))
    return [one for one in there if one["invoice"] is None]


def change_seats(subscription: Body, times: int) -> None:
    """So many changes of the quantity: a credit and a debit wait for each."""
    for step in range(times):
        items = [{"id": subscription["items"]["data"][0]["id"], "quantity": step % 7 + 2}]
        update_subscription(context(NOW + DAY + step * 60), subscription["id"], {"items": items})


def fail_to_pay(subscription: Body) -> None:
    """Let the account's patience with the subscription's open invoice end."""
    invoice = subscription["latest_invoice"]
    for day in (1, 2, 3):
        do_due_work(context(NOW + DAY * day + 1), invoice)


@pytest.fixture
def true_bounds() -> None:
    """The bounds as they are."""


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Tabs, transactions and steps that hold little, so that a few small steps are many.

    Not where the test is about the bounds as they are.
    """
    if "true_bounds" in request.fixturenames:
        return
    monkeypatch.setattr(pending_batches, "MOST_ITEMS", 10)
    monkeypatch.setattr("meterline.services.billing.unit_of_work._MAX_WRITES", 20)
    monkeypatch.setattr("meterline.services.billing.item_batches.MOST_BATCHES", 4)
    monkeypatch.setattr("meterline.services.billing.pending_items.MOST_TAKEN", 8)
    monkeypatch.setattr("meterline.services.billing.item_batches.MOST_DRAFT_BATCHES", 4)
    monkeypatch.setattr("meterline.services.subscriptions.clearing._DROPPED_AT_ONCE", 25)


@pytest.fixture
def seats(dynamodb: Engine) -> Body:
    """A subscription to seats of a customer."""
    assert dynamodb.tables
    return subscribe(customer(), licence(unit_amount=1_000))


@pytest.mark.usefixtures("true_bounds")
def test_a_subscription_whose_seats_changed_often_can_be_cancelled(seats: Body) -> None:
    change_seats(seats, 50)
    assert len(pending()) == 100
    after = cancel_subscription(context(NOW + 2 * DAY), seats["id"], {})
    assert (after["status"], pending()) == ("canceled", [])
    assert Counter(told())[DELETED] == 100


def test_what_its_seats_came_to_can_be_invoiced_when_it_is_cancelled(seats: Body) -> None:
    change_seats(seats, 12)
    owed = sum(int(item["amount"]) for item in pending())
    final = {"invoice_now": True, "prorate": True}
    after = cancel_subscription(context(NOW + 2 * DAY), seats["id"], final)
    invoice = stored(after["latest_invoice"] or "")
    assert (len(invoice["lines"]["data"]), pending()) == (25, [])
    assert invoice["total"] == owed + invoice["lines"]["data"][0]["amount"]


@pytest.mark.parametrize("number", [9, 11, 15, 16, 25, 26, 37])
def test_any_number_of_prorations_is_dropped_and_told_once(seats: Body, number: int) -> None:
    charge(seats["customer"], number, subscription=seats["id"], proration=True)
    charge(seats["customer"], 2, subscription=seats["id"])
    charge(seats["customer"], 3)
    cancel_subscription(context(NOW + DAY), seats["id"], {})
    do_due_work(context(NOW + DAY), seats["id"])
    assert Counter(item["proration"] for item in pending()) == {False: 5}
    assert Counter(told())[DELETED] == number
    ended = BillingStore(livemode=False).get(seats["id"])
    assert ended is not None
    assert ended.due_at is None


@pytest.mark.parametrize("number", [25, 26, 37])
def test_no_invoice_takes_prorations_that_are_still_to_be_dropped(seats: Body, number: int) -> None:
    charge(seats["customer"], number, subscription=seats["id"], proration=True)
    charge(seats["customer"], 2, subscription=seats["id"])
    charge(seats["customer"], 3)
    cancel_subscription(context(NOW + DAY), seats["id"], {})
    between = create_invoice(context(NOW + DAY), {"customer": seats["customer"], **INCLUDE})
    do_due_work(context(NOW + DAY), seats["id"])
    after = create_invoice(context(NOW + DAY), {"customer": seats["customer"], **INCLUDE})
    assert [between["total"], after["total"]] in ([9, 0], [6, 3])
    assert (Counter(told())[DELETED], pending()) == (number, [])


@pytest.mark.parametrize("number", [14, 26, 40])
def test_a_customer_with_any_number_of_prorations_can_be_deleted(seats: Body, number: int) -> None:
    charge(seats["customer"], number, subscription=seats["id"], proration=True)
    delete_customer(context(NOW + DAY), seats["customer"], {})
    assert stored(seats["customer"])["deleted"]
    do_due_work(context(NOW + DAY), seats["id"])
    assert (stored(seats["id"])["status"], pending()) == ("canceled", [])


def test_a_deletion_that_died_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little time there is for one request, each ends more of the subscriptions."""
    customer_id, price = customer(), licence()
    subscriptions = [subscribe(customer_id, price)["id"] for _ in range(5)]
    commit = BillingStore.commit

    def die_at_the_third(commits: Iterator[int]) -> Callable[[BillingStore, Change], None]:
        def limited(store: BillingStore, change: Change) -> None:
            if next(commits) == 3:
                raise SystemExit
            commit(store, change)

        return limited

    running = []
    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(BillingStore, "commit", die_at_the_third(count(1)))
            with pytest.raises(SystemExit):
                delete_customer(context(), customer_id, {})
        running.append(
            [stored(subscription)["status"] for subscription in subscriptions].count("active")
        )
    delete_customer(context(), customer_id, {})
    assert (running, stored(customer_id)["deleted"]) == ([3, 1], True)
    assert Counter(told())["customer.subscription.deleted"] == 5
    assert told()[0] == "customer.deleted"


@pytest.mark.parametrize("number", [14, 26, 40])
def test_patience_ends_however_many_prorations_wait(dynamodb: Engine, number: int) -> None:
    update_settings(context(), PATIENCE)
    seats = subscribe(customer(), licence(unit_amount=1_000))
    charge(seats["customer"], number, subscription=seats["id"], proration=True)
    fail_to_pay(seats)
    do_due_work(context(NOW + 60 * DAY), seats["id"])
    assert (stored(seats["id"])["status"], pending()) == ("canceled", [])
    assert dynamodb.tables


@pytest.mark.parametrize("number", [5, 13])
def test_drafts_that_are_deleted_take_their_items_with_them(seats: Body, number: int) -> None:
    for _ in range(number):
        charge(seats["customer"], 1)
        draft = create_invoice(context(), {"customer": seats["customer"], **INCLUDE})
        delete_invoice(context(), draft["id"], {})
    assert [item for item in listed("invoiceitem") if not item.get("deleted")] == []
    do_due_work(context(NOW + MONTH), seats["id"])
    assert stored(stored(seats["id"])["latest_invoice"])["total"] == 1_000


@pytest.mark.parametrize("number", [4, 5, 13])
def test_items_that_many_drafts_gave_back_are_billed_together(seats: Body, number: int) -> None:
    drafts = []
    for _ in range(number):
        charge(seats["customer"], 1)
        drafts.append(create_invoice(context(), {"customer": seats["customer"], **INCLUDE}))
    for draft in drafts:
        [line] = stored(draft["id"])["lines"]["data"]
        unassigned = {"id": line["id"], "behavior": "unassign"}
        remove_lines(context(), draft["id"], {"lines": [unassigned]})
    assert len(pending()) == number
    do_due_work(context(NOW + MONTH), seats["id"])
    assert stored(stored(seats["id"])["latest_invoice"])["total"] == 1_000 + number
    assert pending() == []


@pytest.mark.parametrize("number", [9, 11, 35])
@pytest.mark.parametrize("end", ["finalized", "deleted", "unassigned"])
def test_a_draft_of_items_that_came_one_by_one_ends_as_any_other(
    dynamodb: Engine, number: int, end: str
) -> None:
    customer_id = customer()
    draft = create_invoice(context(), {"customer": customer_id})["id"]
    charge(customer_id, number // 2)
    for group in batched(pending(), 5, strict=False):
        lines = [{"invoice_item": one["id"]} for one in group]
        add_lines(context(), draft, {"lines": lines})
    for _ in range(number - number // 2):
        create_invoice_item(context(), {"invoice": draft, "amount": 7, "currency": "usd"})
    whole = stored(draft)["lines"]["data"]
    assert len(whole) == number
    assert {item["invoice"] for item in listed("invoiceitem")} == {draft}
    if end == "finalized":
        finalize_invoice(context(), draft, {})
        assert stored(draft)["status"] != "draft"
        assert {item["invoice"] for item in listed("invoiceitem")} == {draft}
    elif end == "deleted":
        delete_invoice(context(), draft, {})
        assert all(item.get("deleted") for item in listed("invoiceitem"))
    else:
        for group in batched(whole, 7, strict=False):
            lines = [{"id": one["id"], "behavior": "unassign"} for one in group]
            remove_lines(context(), draft, {"lines": lines})
        assert len(pending()) == number
        again = create_invoice(context(), {"customer": customer_id, **INCLUDE})
        assert len(stored(again["id"])["lines"]["data"]) == number
    assert dynamodb.tables


def test_items_come_onto_and_off_a_draft_one_by_one_without_end() -> None:
    customer_id = customer()
    draft = create_invoice(context(), {"customer": customer_id})["id"]
    for _ in range(12):
        item = create_invoice_item(context(), {"invoice": draft, "amount": 7, "currency": "usd"})
        delete_invoice_item(context(), item["id"], {})
    assert (stored(draft)["lines"]["data"], listed("invoiceitem")) == ([], [])


def test_only_the_item_that_is_too_many_for_a_draft_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pending_batches, "MOST_ITEMS", 2)
    monkeypatch.setattr("meterline.services.billing.item_batches.MOST_DRAFT_BATCHES", 2)
    draft = create_invoice(context(), {"customer": customer()})["id"]
    item = {"invoice": draft, "amount": 7, "currency": "usd"}
    ids = [create_invoice_item(context(), item)["id"] for _ in range(4)]
    with pytest.raises(BillingError, match="At most 4 items"):
        create_invoice_item(context(), item)
    delete_invoice_item(context(), ids[1], {})
    create_invoice_item(context(), item)
    assert finalize_invoice(context(), draft, {})["total"] == 28


def test_an_invoice_by_hand_takes_as_many_tabs_as_fit_and_leaves_the_rest_pending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("meterline.services.billing.pending_items.MOST_TAKEN", 4)
    customer_id = customer()
    for number in range(10):
        charge(customer_id, 2, subscription=f"sub_{number}")
    totals = []
    while pending():
        totals.append(create_invoice(context(), {"customer": customer_id, **INCLUDE})["total"])
    assert totals == [12, 12, 6]


@pytest.mark.usefixtures("true_bounds")
def test_a_hundred_subscriptions_with_a_pending_item_each_are_invoiced_by_hand() -> None:
    customer_id = customer()
    for number in range(100):
        charge(customer_id, 1, subscription=f"sub_{number}")
    first = create_invoice(context(), {"customer": customer_id, **INCLUDE})
    second = create_invoice(context(), {"customer": customer_id, **INCLUDE})
    assert (first["total"], second["total"], pending()) == (60, 40, [])


def test_a_full_series_of_tabs_finds_room_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_batches, "MOST_ITEMS", 2)
    monkeypatch.setattr("meterline.services.billing.item_batches.MOST_BATCHES", 2)
    customer_id = customer()
    charge(customer_id, 4)
    delete_invoice_item(context(), pending()[-1]["id"], {})
    charge(customer_id, 1)
    assert len(pending()) == 4


def test_pending_items_of_too_many_subscriptions_are_refused_before_the_customer_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("meterline.services.billing.item_batches.MOST_OPEN_BATCHES", 2)
    customer_id = customer()
    first, second, third = "sub_1", "sub_2", "sub_3"
    charge(customer_id, 1, subscription=first)
    charge(customer_id, 1, subscription=second)
    with pytest.raises(BillingError, match="more than 2 subscriptions"):
        charge(customer_id, 1, subscription=third)
    create_invoice(context(), {"customer": customer_id, **INCLUDE})
    charge(customer_id, 1, subscription=third)
    assert len(pending()) == 1


def test_items_beside_a_commit_that_is_refused_are_gone(
    seats: Body, dynamodb: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More new items than a transaction takes are written before it, and nobody sees them yet."""
    monkeypatch.setattr("meterline.services.billing.unit_of_work._MAX_WRITES", 6)
    charge(seats["customer"], 8)
    assert len(pending()) == 8
    commit = BillingStore.commit
    seen: list[int] = []

    def meanwhile(store: BillingStore, change: Change) -> None:
        if change.named and not seen:
            seen.append(len(pending()))
            update_subscription(context(), seats["id"], {"metadata": {"raced": "yes"}})
            other = store.get(seats["customer"])
            assert other is not None
            commit(store, Change(puts=[other]))
        commit(store, change)

    monkeypatch.setattr(BillingStore, "commit", meanwhile)
    with pytest.raises(Conflict):
        charge(seats["customer"], 8)
    kinds = Counter(item.get("kind", {}).get("S") for item in dynamodb.scan("billing"))
    assert (seen, len(pending()), kinds["invoiceitem"]) == ([8], 8, 8)


def test_items_beside_a_commit_that_never_came_are_seen_by_nobody(
    seats: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meterline.services.billing.unit_of_work._MAX_WRITES", 6)

    def die(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("meterline.store.billing.repository.transactions.commit", die)
        with pytest.raises(SystemExit):
            charge(seats["customer"], 8)
    assert listed("invoiceitem") == []
    charge(seats["customer"], 8)
    do_due_work(context(NOW + MONTH), seats["id"])
    assert stored(stored(seats["id"])["latest_invoice"])["total"] == 1_000 + sum_to(8)


def charge_and_cancel(seats: Body) -> None:
    charge(seats["customer"], 8)
    cancel_subscription(context(), seats["id"], {})


@pytest.mark.parametrize(
    ("dies_in", "most_writes"),
    [("store.billing.commit.commit", 6), ("store.billing.named.remove_unnamed", 20)],
    ids=["before its commit", "after its commit"],
)
def test_a_test_clock_takes_with_it_what_a_death_beside_a_commit_has_left(
    dynamodb: Engine, monkeypatch: pytest.MonkeyPatch, dies_in: str, most_writes: int
) -> None:
    clock_id = clock()
    seats = subscribe(customer(test_clock=clock_id), licence(unit_amount=1_000))
    charge(seats["customer"], 24, subscription=seats["id"], proration=True)

    def die(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("meterline.services.billing.unit_of_work._MAX_WRITES", most_writes)
        patch.setattr(f"meterline.{dies_in}", die)
        with pytest.raises(SystemExit):
            charge_and_cancel(seats)
    delete_test_clock(context(), clock_id, {})
    run_test_clock(context(), clock_id)
    kinds = Counter(item.get("kind", {}).get("S") for item in dynamodb.scan("billing"))
    assert (kinds["invoiceitem"], kinds["tab"], kinds["customer"]) == (0, 0, 0)


def test_dropped_items_that_were_not_removed_are_seen_by_nobody(
    seats: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge(seats["customer"], 24, subscription=seats["id"], proration=True)
    ids = [item["id"] for item in pending()]
    with monkeypatch.context() as patch:
        patch.setattr("meterline.store.billing.named.remove_unnamed", lambda _: None)
        cancel_subscription(context(NOW + DAY), seats["id"], {})
    assert BillingStore(livemode=False).get_many(ids) == {}
    assert BillingStore(livemode=False).get(ids[0]) is None
    assert listed("invoiceitem") == []


def test_an_item_of_a_deleted_draft_is_gone_and_says_so() -> None:
    customer_id = customer()
    charge(customer_id, 1)
    [item] = pending()
    draft = create_invoice(context(), {"customer": customer_id, **INCLUDE})
    by_hand = create_invoice_item(
        context(), {"invoice": draft["id"], "amount": 7, "currency": "usd"}
    )
    delete_invoice(context(), draft["id"], {})
    for one in (item, by_hand):
        with pytest.raises(BillingError, match="This invoice item has been deleted") as refused:
            update_invoice_item(context(), one["id"], {"amount": 5})
        assert (refused.value.status, refused.value.code, refused.value.param) == (400, None, None)
        with pytest.raises(BillingError, match="Can't delete an invoice item that is attached"):
            delete_invoice_item(context(), one["id"], {})
    again = create_invoice(context(), {"customer": customer_id, **INCLUDE})
    assert stored(again["id"])["lines"]["data"] == []


def end_at(subscription: Body, days: int, **params: Any) -> Any:
    """Let a subscription end so many days from now on."""
    given = {"cancel_at": NOW + days * DAY, **params}
    return update_subscription(context(NOW + DAY), subscription["id"], given)


def test_an_end_can_be_moved_back_and_forth_without_end(
    seats: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meterline.services.subscriptions.cancel._MOST_SPANS", 2)
    for _ in range(4):
        end_at(seats, 10)
        end_at(seats, 12)
    [item] = end_at(seats, 10)["items"]["data"]
    assert len(item["_"]["billed"]) == 1


def test_an_end_that_was_moved_later_too_often_is_refused_while_all_can_still_be_credited(
    seats: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meterline.services.subscriptions.cancel._MOST_SPANS", 3)
    for days in (10, 11, 12):
        end_at(seats, days)
    with pytest.raises(BillingError, match="moved later 3 times"):
        end_at(seats, 13)
    end_at(seats, 13, proration_behavior="none")
    cancel_subscription(context(NOW + DAY), seats["id"], {"prorate": True, "invoice_now": True})
    assert (stored(seats["id"])["status"], pending()) == ("canceled", [])
