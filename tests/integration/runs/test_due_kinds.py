"""Everything that falls due does so by one mechanism: an object is due at its earliest instant."""

from dataclasses import replace

import pytest

from meterline.services.account.settings_changes import update_settings
from meterline.services.invoices.pay_or_close import pay_invoice
from meterline.services.work.due_work import do_due_work
from meterline.store.base.documents import Change
from meterline.store.billing.repository import BillingStore
from tests.factories.objects import (
    FROZEN,
    NOW,
    advance,
    clock,
    context,
    customer,
    licence,
    listed,
    stored,
    subscribe,
)
from tests.integration.runs.worlds import DAY, HOUR, told

WEEK = 7 * DAY
TRIAL_NOTICE = "customer.subscription.trial_will_end"


def due_at(object_id: str) -> int | None:
    document = BillingStore(livemode=False).get(object_id)
    assert document is not None
    return document.due_at


def test_a_trials_end_is_told_three_days_before_and_once() -> None:
    clock_id = clock()
    sub = subscribe(customer(test_clock=clock_id), licence(), trial_period_days=10)
    assert due_at(sub["id"]) == FROZEN + 7 * DAY
    advance(clock_id, FROZEN + 7 * DAY - 1)
    assert TRIAL_NOTICE not in told()
    advance(clock_id, FROZEN + 7 * DAY)
    assert told().count(TRIAL_NOTICE) == 1
    assert due_at(sub["id"]) == FROZEN + 10 * DAY
    advance(clock_id, FROZEN + 11 * DAY)
    assert told().count(TRIAL_NOTICE) == 1
    assert stored(sub["id"])["status"] == "active"


def test_the_end_of_a_trial_of_less_than_three_days_is_told_at_once() -> None:
    clock_id = clock()
    sub = subscribe(customer(test_clock=clock_id), licence(), trial_period_days=2)
    assert due_at(sub["id"]) == FROZEN
    advance(clock_id, FROZEN + 1)
    assert told().count(TRIAL_NOTICE) == 1


def sent_invoice() -> tuple[str, str]:
    """An invoice that was sent, to be paid within five days; and its clock."""
    clock_id = clock()
    subscribe(
        customer(test_clock=clock_id),
        licence(),
        collection_method="send_invoice",
        days_until_due=5,
    )
    advance(clock_id, FROZEN + HOUR)
    [invoice] = listed("invoice")
    assert invoice["status"] == "open"
    return clock_id, invoice["id"]


def test_an_invoice_that_is_not_paid_by_its_due_date_is_overdue_once() -> None:
    clock_id, invoice = sent_invoice()
    due_date = stored(invoice)["due_date"]
    assert due_at(invoice) == due_date == FROZEN + 5 * DAY
    advance(clock_id, due_date - 1)
    assert "invoice.overdue" not in told()
    advance(clock_id, due_date + DAY)
    assert told().count("invoice.overdue") == 1
    assert due_at(invoice) is None
    assert stored(invoice)["status"] == "open"


def test_an_invoice_that_was_paid_is_never_overdue() -> None:
    clock_id, invoice = sent_invoice()
    pay_invoice(context(), invoice, {"paid_out_of_band": True})
    assert due_at(invoice) is None
    advance(clock_id, FROZEN + 10 * DAY)
    assert "invoice.overdue" not in told()


@pytest.mark.parametrize("grace_seconds", [0, 600, 72 * HOUR])
def test_a_renewal_stays_a_draft_for_as_long_as_the_account_says(grace_seconds: int) -> None:
    update_settings(context(), {"invoice_grace_seconds": grace_seconds})
    clock_id = clock()
    subscribe(customer(test_clock=clock_id), licence(interval="week"))
    advance(clock_id, FROZEN + WEEK + grace_seconds)
    renewal = listed("invoice")[0]
    assert renewal["created"] == FROZEN + WEEK
    assert renewal["status_transitions"]["finalized_at"] == FROZEN + WEEK + grace_seconds


def test_what_falls_due_of_a_customer_who_is_gone_ends_and_bills_nobody() -> None:
    gone = customer()
    sub = subscribe(gone, licence(interval="week"))
    billed = listed("invoice")
    store = BillingStore(livemode=False)
    document = store.get(gone)
    assert document is not None
    stub = {"id": gone, "object": "customer", "created": NOW, "deleted": True}
    store.commit(Change(puts=[replace(document, body=stub)]))
    do_due_work(context(NOW + WEEK), sub["id"])
    assert stored(sub["id"])["status"] == "canceled"
    assert told().count("customer.subscription.deleted") == 1
    assert due_at(sub["id"]) is None
    assert listed("invoice") == billed
