"""Test clocks do the work of the wall clock, in order, through crashes, failures and deletion."""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from meterline.core.base.errors import BillingError
from meterline.core.base.periods import add_months
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.services.base.progress import NoProgress
from meterline.services.catalog.coupons import create_coupon
from meterline.services.work.message_tries import MOST_TRIES
from meterline.services.work.queue_workers import run_clock_batch
from meterline.services.work.sweep import sweep
from meterline.services.work.test_clocks import (
    advance_test_clock,
    delete_test_clock,
    run_test_clock,
)
from meterline.store.base.documents import Change, Document
from meterline.store.billing.repository import BillingStore
from tests.engines import Engine
from tests.factories.objects import (
    FROZEN,
    NOW,
    clock,
    context,
    customer,
    licence,
    listed,
    stored,
    subscribe,
)
from tests.integration.runs.test_large_invoices import charge
from tests.integration.runs.worlds import DAY, HOUR, Do, told, with_work

WEEK = 7 * DAY


def weekly_clock(*names: str) -> str:
    """A clock with a customer of each name, who subscribe by the week."""
    price = licence(interval="week")
    clock_id = clock()
    for name in names:
        subscribe(customer(name=name, test_clock=clock_id), price)
    return clock_id


def test_a_clock_that_advances_does_the_work_of_all_its_customers_in_order() -> None:
    clock_id = weekly_clock("Ada", "Grace", "Mary")
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + 2 * WEEK})
    run_test_clock(context(), clock_id)
    invoices = listed("invoice")
    assert [invoice["created"] for invoice in invoices] == [FROZEN + 2 * WEEK] * 3 + [
        FROZEN + WEEK
    ] * 3 + [FROZEN] * 3
    assert [invoice["status"] for invoice in invoices] == ["draft"] * 3 + ["open"] * 6
    finalized = [invoice["status_transitions"]["finalized_at"] for invoice in invoices[3:6]]
    assert finalized == [FROZEN + WEEK + HOUR] * 3


def test_a_clock_goes_two_intervals_of_its_shortest_subscription_at_once() -> None:
    """Case stripe test clock 003: with a monthly and a yearly one, two calendar months."""
    clock_id = clock()
    subscribe(customer(test_clock=clock_id), licence(interval="year"))
    subscribe(customer(test_clock=clock_id), licence())
    farthest = add_months(FROZEN, 2)
    with pytest.raises(BillingError, match=str(farthest)) as refused:
        advance_test_clock(context(), clock_id, {"frozen_time": farthest + 1})
    assert refused.value.param == "frozen_time"
    assert (
        advance_test_clock(context(), clock_id, {"frozen_time": farthest})["status"] == "advancing"
    )


def test_a_run_that_lacks_time_goes_on_with_a_new_message(sent: list[str]) -> None:
    clock_id = weekly_clock("Ada", "Grace")
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + 2 * WEEK})
    runs = 0
    while stored(clock_id)["status"] == "advancing":
        assert sent.pop() == clock_id
        left = count(1, -1)
        run_test_clock(context(), clock_id, lambda: next(left) > 0)  # noqa: B023 - used at once
        runs += 1
    assert runs > 4, "each run had time for one instant"
    assert stored(clock_id)["frozen_time"] == FROZEN + 2 * WEEK
    assert len(listed("invoice")) == 6


def test_an_advancing_clock_whose_message_was_lost_is_found_by_the_sweep(sent: list[str]) -> None:
    clock_id = clock()
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + DAY})
    sent.clear()
    sweep(NOW + 60)
    assert sent == [clock_id]
    run_test_clock(context(), clock_id)
    assert sweep(NOW + 120).lag_seconds == 0, "a clock that is ready is not due"


def break_work(monkeypatch: pytest.MonkeyPatch, subscription: str, error: Exception) -> None:
    def instead(do: Do) -> Do:
        def broken(ctx: Context, document: Document) -> list[Document]:
            if document.id == subscription:
                raise error
            return do(ctx, document)

        return broken

    with_work(monkeypatch, "subscription", instead)


def deliver(clock_id: str, tries: int) -> bool:
    """A message about a clock that is received for so many times; whether it is done with."""
    record = {
        "messageId": "1",
        "body": json.dumps({"livemode": False, "kind": "test_helpers.test_clock", "id": clock_id}),
        "attributes": {"ApproximateReceiveCount": str(tries)},
    }
    return run_clock_batch([record]) == {"batchItemFailures": []}


INVALID: Any = {"Error": {"Code": "ValidationException", "Message": "The item is too large"}}


@pytest.mark.parametrize(
    "error", [KeyError("price"), ClientError(INVALID, "TransactWriteItems")], ids=type
)
def test_a_clock_whose_work_fails_at_every_try_has_failed(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    clock_id = weekly_clock("Ada")
    [subscription] = listed("subscription")
    break_work(monkeypatch, subscription["id"], error)
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + WEEK})
    for tries in range(1, MOST_TRIES):
        assert not deliver(clock_id, tries)
        assert stored(clock_id)["status"] == "advancing"
    assert deliver(clock_id, MOST_TRIES), "its message is done with: there is no dead letter"
    failed = stored(clock_id)
    assert (failed["status"], failed["frozen_time"]) == ("internal_failure", FROZEN)
    assert told()[0] == "test_helpers.test_clock.internal_failure"
    with pytest.raises(BillingError, match="failed"):
        advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + WEEK})


@pytest.mark.parametrize("kind", ["subscription", "invoice"])
def test_a_clock_whose_work_would_leave_its_object_due_has_failed(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Its owner sees it; nothing was written again and again, and nothing told."""
    clock_id = weekly_clock("Ada")
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + 2 * HOUR})
    assert deliver(clock_id, 1)

    def instead(_: Do) -> Do:
        def stays_due(ctx: Context, document: Document) -> list[Document]:
            events = [EventDraft("invoice.updated", document.body, document.body)]
            ctx.save(Change(puts=[document]), events)
            return [document]

        return stays_due

    with_work(monkeypatch, kind, instead)
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + WEEK + 2 * HOUR})
    done = [deliver(clock_id, tries) for tries in range(1, MOST_TRIES + 1)]
    assert done == [False] * (MOST_TRIES - 1) + [True]
    assert stored(clock_id)["status"] == "internal_failure"
    assert "invoice.updated" not in told()


def test_a_clock_run_that_has_no_time_for_anything_has_failed(sent: list[str]) -> None:
    clock_id = weekly_clock("Ada")
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + WEEK})
    sent.clear()
    with pytest.raises(NoProgress):
        run_test_clock(context(), clock_id, lambda: False)
    assert sent == [], "it comes again as a failed message, not as a new one"


def test_a_clock_that_is_due_without_work_has_failed() -> None:
    clock_id = clock()
    store = BillingStore(livemode=False)
    document = store.get(clock_id)
    assert document is not None
    context().save(Change(puts=[replace(document, due_at=NOW)]))
    assert not deliver(clock_id, 1)


def test_a_clock_whose_work_succeeds_at_a_later_try_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock_id = weekly_clock("Ada")
    [subscription] = listed("subscription")
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + WEEK})
    with monkeypatch.context() as now:
        break_work(now, subscription["id"], KeyError("price"))
        assert not deliver(clock_id, 1)
    assert deliver(clock_id, 2)
    assert stored(clock_id)["status"] == "ready"


def test_what_may_pass_by_itself_does_not_fail_the_clock(
    monkeypatch: pytest.MonkeyPatch, sent: list[str]
) -> None:
    clock_id = weekly_clock("Ada")
    [subscription] = listed("subscription")
    with monkeypatch.context() as now:
        break_work(now, subscription["id"], ConnectionResetError("network"))
        advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + WEEK})
        with pytest.raises(ConnectionResetError, match="network"):
            run_test_clock(context(), clock_id)
        sent.clear()
        assert deliver(clock_id, MOST_TRIES)
    assert sent == [clock_id], "sent afresh, with all its tries"
    assert stored(clock_id)["status"] == "advancing"
    run_test_clock(context(), clock_id)
    assert stored(clock_id)["status"] == "ready"


def test_a_deleted_clock_is_gone_at_once_and_its_customers_soon(sent: list[str]) -> None:
    clock_id = weekly_clock("Ada", "Grace")
    others = customer(name="Someone else")
    answer = delete_test_clock(context(), clock_id, {})
    assert answer == {"id": clock_id, "object": "test_helpers.test_clock", "deleted": True}
    with pytest.raises(BillingError, match="No such test clock"):
        advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + DAY})
    assert sent == [clock_id]
    run_test_clock(context(), clock_id)
    assert [one["id"] for one in listed("customer")] == [others]
    assert listed("subscription") == listed("invoice") == []
    assert BillingStore(livemode=False).get(clock_id) is None


def test_a_deletion_leaves_nothing_of_the_clocks_customers_but_events(
    engine: Engine, sent: list[str]
) -> None:
    """Subscriptions with coupons, pending items, invoices in parts, balances: all of it goes."""
    before = {(item["pk"]["S"], item["sk"]["S"]) for item in engine.scan("billing")}
    clock_id = clock()
    buyer = customer(name="Ada", test_clock=clock_id, metadata={"plan": "gold"}, balance=-50)
    coupon = create_coupon(context(), {"percent_off": Decimal(10), "duration": "forever"})["id"]
    given: dict[str, Any] = {"discounts": [{"coupon": coupon}], "metadata": {"own": "id"}}
    subscribe(buyer, licence(interval="week"), **given)
    charge(buyer, 120)
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + WEEK + 2 * HOUR})
    run_test_clock(context(), clock_id)
    charge(buyer, 3)
    assert any(item["sk"]["S"].startswith("lines#") for item in engine.scan("billing"))
    delete_test_clock(context(), clock_id, {})
    while sent:
        run_test_clock(context(), sent.pop())
    left = {
        item.get("kind", {}).get("S", "#".join(item["pk"]["S"].split("#")[1:3]))
        for item in engine.scan("billing")
        if (item["pk"]["S"], item["sk"]["S"]) not in before
    }
    notes = {kind for kind in left if kind.startswith("listings#")}  # name kinds, and no object
    assert left - notes == {"event", "coupon", "price", "product", "shelves#event", "term#price"}


def test_a_deletion_that_lacks_time_goes_on_with_a_new_message(sent: list[str]) -> None:
    clock_id = weekly_clock("Ada", "Grace")
    delete_test_clock(context(), clock_id, {})
    runs = 0
    while sent:
        assert sent.pop() == clock_id
        left = count(1, -1)
        run_test_clock(context(), clock_id, lambda: next(left) > 0)  # noqa: B023 - used at once
        runs += 1
    assert runs > 2, "each run had time for one object"
    assert BillingStore(livemode=False).get(clock_id) is None


def dying_after(commits: int) -> Callable[..., None]:
    left = count(commits, -1)
    commit = BillingStore.commit

    def dies(store: BillingStore, change: object) -> None:
        if next(left) <= 0:
            raise OSError("died")
        commit(store, change)  # type: ignore[arg-type] # it is a Change

    return dies


def test_a_deletion_that_dies_half_way_is_completed_by_the_sweep(
    sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock_id = weekly_clock("Ada", "Grace")
    delete_test_clock(context(), clock_id, {})
    sent.clear()
    for attempt in range(20):
        sweep(NOW + 60 + attempt * 3_600)
        if not sent:
            break
        with monkeypatch.context() as now:
            now.setattr(BillingStore, "commit", dying_after(1))
            try:
                run_test_clock(context(), sent.pop())
            except OSError:
                continue
    assert listed("customer") == listed("subscription") == listed("invoice") == []
    assert BillingStore(livemode=False).get(clock_id) is None


def test_a_clock_deleted_while_it_advances_is_not_advanced_to_its_end(sent: list[str]) -> None:
    clock_id = weekly_clock("Ada")
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + WEEK})
    delete_test_clock(context(), clock_id, {})
    while sent:
        run_test_clock(context(), sent.pop())
    assert "test_helpers.test_clock.ready" not in told()
    assert listed("customer") == []


def test_two_workers_on_one_clock_do_its_work_once() -> None:
    clock_id = weekly_clock("Ada")
    advance_test_clock(context(), clock_id, {"frozen_time": FROZEN + WEEK})
    second = [False]

    def meanwhile() -> bool:
        if not second[0]:
            second[0] = True
            run_test_clock(context(), clock_id)
        return True

    try:
        run_test_clock(context(), clock_id, meanwhile)
    except Exception as error:  # noqa: BLE001 - its message comes again
        assert type(error).__name__ == "Conflict"  # noqa: PT017
    run_test_clock(context(), clock_id)
    assert len(listed("invoice")) == 2
    assert told().count("test_helpers.test_clock.ready") == 1
