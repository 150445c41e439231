"""Live balance of billing credits: what a customer has left once all that it has used is paid.

What it has less what its drafts and then the previews of its running periods would take, one after
the other in the order in which they become final: so no credits count twice. It follows usage as
previews do, as soon as that is counted.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypedDict

from meterline.services.base.context import Context
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.billing.draft_credits import taken_from
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.billing.subscription_bodies import renews, renews_at
from meterline.services.billing.unit_of_work import (
    UnitOfWork,
    open_unit_of_work,
    running_subscriptions,
)
from meterline.services.credits.balances import (
    available_minor,
    balance_of,
    balances_of,
    drafts_of,
    ledger_minor,
    less,
    with_drafts,
)
from meterline.services.customers.customer_state import CustomerState
from meterline.services.previews.renewals import at_renewal, renewal_preview
from meterline.services.subscriptions.reading_ahead import needed_for_subscription

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Subscription
    from meterline.store.base.documents import Document

OBJECT: Final = "meterline.credit_balance"


class LiveBalance(TypedDict):
    """The balance in a currency, minor units."""

    currency: str
    available: int
    ledger: int
    live: int


class LiveCreditBalance(TypedDict):
    """The answer: an object of our own."""

    object: str
    as_of: int
    balances: list[LiveBalance]
    customer: str
    livemode: bool


def live_credit_balance(ctx: Context, customer_id: str) -> LiveCreditBalance:
    """A customer's balances of billing credits in minor units, one for each currency in which it
    was ever granted any; refused without such a customer.
    """
    customer = find(ctx, "customer", customer_id, param="customer")
    ctx = on_customers_time(ctx, customer)
    after = _after_running_periods(ctx, customer) if balances_of(customer.body) else customer.body
    return {
        "object": OBJECT,
        "as_of": ctx.now,
        "balances": [
            {
                "currency": currency,
                "available": _available(customer.body, currency, ctx.now),
                "ledger": _ledger(customer.body, currency, ctx.now),
                "live": _available(after, currency, ctx.now),
            }
            for currency in sorted(CustomerState.of(customer.body).credit_currencies or ())
        ],
        "customer": customer_id,
        "livemode": ctx.livemode,
    }


def _after_running_periods(ctx: Context, customer: "Document[Customer]") -> "Customer":
    """The customer as it would be once all that was used is billed; nothing is stored."""
    running: list[Subscription] = [
        document.body
        for document in ctx.store.get_many(running_subscriptions(customer.body)).values()
        if renews(document.body)
    ]
    needed = [id_ for subscription in running for id_ in needed_for_subscription(subscription)]
    ctx = ctx.reading_ahead(needed) if needed else ctx
    uow = open_unit_of_work(ctx, customer)
    for draft in drafts_of(customer.body):
        _take(uow, draft["taken"])
    uow.customer = with_drafts(uow.customer, [])
    for subscription in sorted(running, key=lambda one: renews_at(one) or 0):
        later = at_renewal(replace(uow), subscription)
        invoice = renewal_preview(later, subscription)
        if invoice is not None:
            _take(uow, taken_from(invoice_lines(invoice)))
    return uow.customer


def _take(uow: UnitOfWork, taken: Mapping[str, int]) -> None:
    """Take amounts from grants, as far as they go: several drafts may show the same credits."""
    balances = {grant: balance_of(uow.customer, grant) for grant in taken}
    possible = {
        grant: min(taken[grant], balance["left"])
        for grant, balance in balances.items()
        if balance is not None
    }
    uow.customer = less(uow.customer, possible)


def _available(customer: "Customer", currency: str, now: int) -> int:
    return sum(
        available_minor(customer, balance, now)
        for balance in balances_of(customer)
        if balance["currency"] == currency
    )


def _ledger(customer: "Customer", currency: str, now: int) -> int:
    return sum(
        ledger_minor(balance, now)
        for balance in balances_of(customer)
        if balance["currency"] == currency
    )
