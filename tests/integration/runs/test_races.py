"""A renewal and an API call at once: one wins, the other sees it. Late sweeps and wrong clocks."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from meterline.services.base.context import Context
from meterline.services.catalog.coupons import create_coupon
from meterline.services.customers.balances import create_balance_transaction
from meterline.services.invoices.item_verbs import create_invoice_item
from meterline.services.subscriptions.cancel import cancel_subscription
from meterline.services.subscriptions.update import update_subscription
from meterline.services.work.due_work import do_due_work
from meterline.store.base.documents import Body, Change, Conflict
from meterline.store.billing.repository import BillingStore
from tests.factories.objects import NOW, context, customer, licence, listed, stored, subscribe
from tests.integration.runs.worlds import DAY, HOUR

WEEK = 7 * DAY


@dataclass(frozen=True, slots=True)
class Sold:
    """A customer with a weekly subscription that falls due."""

    customer: str
    subscription: str

    @property
    def item(self) -> str:
        return str(stored(self.subscription)["items"]["data"][0]["id"])

    def renewal(self) -> Body:
        [renewal] = [
            invoice for invoice in listed("invoice") if invoice["period_end"] == NOW + WEEK
        ]
        return renewal

    def amounts(self) -> list[int]:
        return sorted(line["amount"] for line in self.renewal()["lines"]["data"])


@pytest.fixture
def sold() -> Sold:
    customer_id = customer()
    return Sold(customer_id, subscribe(customer_id, licence(interval="week"))["id"])


type Call = Callable[[Sold, Context], object]


def to_three_seats(sold: Sold, ctx: Context) -> object:
    items = [{"id": sold.item, "quantity": 3}]
    params: Body = {"items": items, "proration_behavior": "none"}
    return update_subscription(ctx, sold.subscription, params)


def end_with_the_period(sold: Sold, ctx: Context) -> object:
    return update_subscription(ctx, sold.subscription, {"cancel_at_period_end": True})


def end_now(sold: Sold, ctx: Context) -> object:
    return cancel_subscription(ctx, sold.subscription, {})


def half_price(sold: Sold, ctx: Context) -> object:
    coupon = create_coupon(context(), {"percent_off": Decimal(50), "duration": "forever"})["id"]
    params = {"discounts": [{"coupon": coupon}]}
    return update_subscription(ctx, sold.subscription, params)


def one_more_charge(sold: Sold, ctx: Context) -> object:
    item = {"customer": sold.customer, "amount": 50, "currency": "usd"}
    return create_invoice_item(ctx, item)


def a_credit(sold: Sold, ctx: Context) -> object:
    params = {"amount": -300, "currency": "usd"}
    return create_balance_transaction(ctx, sold.customer, params)


BEFORE_RENEWAL = [
    (to_three_seats, 3_000, [3_000]),
    (half_price, 500, [1_000]),
    (one_more_charge, 1_050, [50, 1_000]),
    (a_credit, 1_000, [1_000]),
]
"""An API call that wins against the renewal: the total and the lines of the renewal's invoice."""


@contextmanager
def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> Any:
    """Let ``act`` happen just before the next commit, as another process's work."""
    commit = BillingStore.commit
    done: list[bool] = []

    def late(store: BillingStore, change: Change) -> None:
        if not done:
            done.append(True)
            act()
        commit(store, change)

    with monkeypatch.context() as patch:
        patch.setattr(BillingStore, "commit", late)
        yield
    assert done


@pytest.mark.parametrize(("call", "total", "amounts"), BEFORE_RENEWAL)
def test_a_renewal_that_loses_to_an_api_call_bills_what_the_call_changed(
    sold: Sold, monkeypatch: pytest.MonkeyPatch, call: Call, total: int, amounts: list[int]
) -> None:
    with meanwhile(monkeypatch, lambda: call(sold, context(NOW + WEEK))):
        do_due_work(context(NOW + WEEK), sold.subscription)
    assert (sold.renewal()["total"], sold.amounts()) == (total, amounts)


@pytest.mark.parametrize("call", [end_with_the_period, end_now])
def test_a_renewal_that_loses_to_an_end_does_not_renew(
    sold: Sold, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    with meanwhile(monkeypatch, lambda: call(sold, context(NOW + WEEK - 1))):
        do_due_work(context(NOW + WEEK), sold.subscription)
    assert stored(sold.subscription)["status"] == "canceled"
    assert [invoice["billing_reason"] for invoice in listed("invoice")] == ["subscription_create"]


@pytest.mark.parametrize(
    ("call", "later"),
    [(to_three_seats, [3_000]), (end_with_the_period, []), (end_now, [])],
)
def test_an_api_call_that_loses_to_a_renewal_decides_again_on_the_new_period(
    sold: Sold, monkeypatch: pytest.MonkeyPatch, call: Call, later: list[int]
) -> None:
    ctx = context(NOW + WEEK)
    renewing = meanwhile(monkeypatch, lambda: do_due_work(ctx, sold.subscription))
    with renewing, pytest.raises(Conflict):
        call(sold, ctx)
    assert sold.amounts() == [1_000]
    call(sold, ctx)
    item = stored(sold.subscription)["items"]["data"][0]
    assert item["current_period_start"] == NOW + WEEK, "the renewal is not undone"
    do_due_work(context(NOW + 2 * WEEK), sold.subscription)
    assert totals_of(2) == later
    statuses: dict[Call, str] = {
        to_three_seats: "active",
        end_with_the_period: "canceled",
        end_now: "canceled",
    }
    assert stored(sold.subscription)["status"] == statuses[call]


@pytest.mark.parametrize(("call", "later"), [(one_more_charge, [1_050]), (a_credit, [1_000])])
def test_what_is_for_the_next_invoice_waits_for_it(
    sold: Sold, monkeypatch: pytest.MonkeyPatch, call: Call, later: list[int]
) -> None:
    ctx = context(NOW + WEEK)
    renewing = meanwhile(monkeypatch, lambda: do_due_work(ctx, sold.subscription))
    with renewing, pytest.raises(Conflict):  # the customer remembers its latest invoice
        call(sold, ctx)
    assert sold.amounts() == [1_000]
    call(sold, ctx)
    do_due_work(context(NOW + 2 * WEEK), sold.subscription)
    assert totals_of(2) == later


def totals_of(week: int) -> list[int]:
    return [
        invoice["total"]
        for invoice in listed("invoice")
        if invoice["period_end"] == NOW + week * WEEK
    ]


@pytest.mark.parametrize(
    "off_by",
    [0, 1, 59, HOUR, DAY + 7, 20 * DAY],
    ids=["on time", "a second", "a minute", "an hour", "a day", "twenty days"],
)
def test_work_that_comes_late_shifts_no_period(sold: Sold, off_by: int) -> None:
    do_due_work(context(NOW + WEEK + off_by), sold.subscription)
    do_due_work(context(NOW + 5 * WEEK + 3), sold.subscription)
    renewals = [
        invoice
        for invoice in listed("invoice")
        if invoice["billing_reason"] == "subscription_cycle"
    ]
    periods = sorted((renewal["period_start"], renewal["period_end"]) for renewal in renewals)
    assert periods == [(NOW + week * WEEK, NOW + (week + 1) * WEEK) for week in range(5)]


def test_a_worker_whose_clock_is_behind_does_nothing_early(sold: Sold) -> None:
    assert do_due_work(context(NOW + WEEK - 1), sold.subscription) == []
    do_due_work(context(NOW + WEEK), sold.subscription)
    assert do_due_work(context(NOW + WEEK - 300), sold.subscription) == []
    assert sold.amounts() == [1_000]
