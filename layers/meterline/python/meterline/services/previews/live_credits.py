"""Live balance of billing credits: what a customer has left once all that it has used is paid.

What it has less what its drafts and then the previews of its running periods would take, one after
the other in the order in which they become final: so no credits count twice. It follows usage as
previews do, as soon as that is counted, and phases of schedules that come before a period ends.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypedDict

from meterline.core.base.frozen import frozen
from meterline.core.credits.measures import is_of_meter
from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.item_terms import is_metered
from meterline.services.billing.subscription_bodies import items_of, renews, renews_at
from meterline.services.billing.unit_of_work import (
    UnitOfWork,
    open_unit_of_work,
    running_subscriptions,
)
from meterline.services.credits.balances import (
    available_minor,
    balances_of,
    drafts_of,
    ledger_minor,
    with_drafts,
)
from meterline.services.credits.credit_amounts import units_text
from meterline.services.customers.customer_state import CustomerState
from meterline.services.invoices.metered import meter_of
from meterline.services.previews.after_invoices import after_invoice, without_credits
from meterline.services.previews.renewals import invoices_of_period
from meterline.services.subscriptions.reading_ahead import needed_for_subscription

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Invoice, Subscription
    from meterline.store.base.documents import Document

OBJECT: Final = "meterline.credit_balance"

MOST_PREVIEWS: Final = 100
"""Subscriptions whose running periods count: those that are billed first."""


class LiveBalance(TypedDict):
    """The balance in a currency, minor units; or in units of a meter, decimals as text."""

    currency: str | None
    custom_pricing_unit: str | None
    available: int | str
    ledger: int | str
    live: int | str


class LiveCreditBalance(TypedDict):
    """The answer: an object of our own."""

    object: str
    as_of: int
    balances: list[LiveBalance]
    customer: str
    has_more: bool
    livemode: bool


def live_credit_balance(ctx: Context, customer_id: str) -> LiveCreditBalance:
    """A customer's balances of billing credits, one for each currency, and one for each meter in
    whose units it was ever granted any; refused without such a customer.
    """
    customer = find(ctx, "customer", customer_id, param="customer")
    ctx = on_customers_time(ctx, customer)
    billed = all_billed(ctx, customer) if balances_of(customer.body) else None
    after = customer.body if billed is None else billed.customer
    return {
        "object": OBJECT,
        "as_of": ctx.now,
        "balances": [
            _live_balance(
                measure,
                available=_available(customer.body, measure, ctx.now),
                ledger=_ledger(customer.body, measure, ctx.now),
                live=_available(after, measure, ctx.now),
            )
            for measure in sorted(CustomerState.of(customer.body).credit_currencies or ())
        ],
        "customer": customer_id,
        "has_more": billed is not None and not billed.is_whole,
        "livemode": ctx.livemode,
    }


def _live_balance(measure: str, *, available: int, ledger: int, live: int) -> LiveBalance:
    if is_of_meter(measure):
        return {
            "currency": None,
            "custom_pricing_unit": measure,
            "available": units_text(available),
            "ledger": units_text(ledger),
            "live": units_text(live),
        }
    return {
        "currency": measure,
        "custom_pricing_unit": None,
        "available": available,
        "ledger": ledger,
        "live": live,
    }


@frozen
class AllBilled:
    """A customer as it would be once all that was used is billed; nothing is stored.

    ``previews`` are the invoices of its running periods, in the order in which they become final.
    ``is_whole`` is False where there were too many of them: those that come last are left out.
    """

    uow: UnitOfWork
    previews: "list[tuple[Subscription, Invoice]]"
    is_whole: bool

    @property
    def customer(self) -> "Customer":
        """The customer, with what its grants then have left."""
        return self.uow.customer


def all_billed(ctx: Context, customer: "Document[Customer]") -> AllBilled:
    """What a customer's credits come to once what it has used is billed."""
    running = _that_may_take(ctx, customer.body)
    counted = running[:MOST_PREVIEWS]
    needed = [id_ for subscription in counted for id_ in needed_for_subscription(subscription)]
    uow = open_unit_of_work(ctx.reading_ahead(needed) if needed else ctx, customer)
    for draft in drafts_of(customer.body):
        uow.customer = without_credits(uow.customer, draft["taken"])
    uow.customer = with_drafts(uow.customer, [])
    previews = []
    for subscription in counted:
        for coming in invoices_of_period(replace(uow), subscription):
            previews.append((subscription, coming.invoice))
            coming.uow.customer = after_invoice(coming.uow.customer, coming.invoice)
            uow.customer = coming.uow.customer
    return AllBilled(uow, previews, is_whole=len(counted) == len(running))


def _that_may_take(ctx: Context, customer: "Customer") -> "list[Subscription]":
    """The subscriptions whose next invoices may take credits, in the order of those: they have
    metered items, or there are pending items, which any of them may bill.
    """
    running: list[Subscription] = [
        document.body
        for document in ctx.store.get_many(running_subscriptions(customer)).values()
        if renews(document.body)
    ]
    if not CustomerState.of(customer).tabs:
        measures = {balance["currency"] for balance in balances_of(customer)}
        running = [one for one in running if _uses(one, measures)]
    return sorted(running, key=lambda one: renews_at(one) or 0)


def _uses(subscription: "Subscription", measures: set[str]) -> bool:
    """Whether a subscription bills usage that credits with one of these measures may pay for."""
    metered = [item["price"] for item in items_of(subscription) if is_metered(item)]
    is_paid = subscription["currency"] in measures
    return any(is_paid or meter_of(price) in measures for price in metered)


def _available(customer: "Customer", measure: str, now: int) -> int:
    return sum(
        available_minor(customer, balance, now)
        for balance in balances_of(customer)
        if balance["currency"] == measure
    )


def _ledger(customer: "Customer", measure: str, now: int) -> int:
    return sum(
        ledger_minor(balance, now)
        for balance in balances_of(customer)
        if balance["currency"] == measure
    )
