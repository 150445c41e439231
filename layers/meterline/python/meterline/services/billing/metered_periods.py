"""The periods in which a customer's usage of a meter is billed, for alerts that recur with them.

What runs is read from the subscriptions, what is over from the invoices that bill it: so a period
is found by usage that came late for it.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.services.base.context import Context
from meterline.services.billing.invoice_bodies import billed_period, invoice_lines
from meterline.services.billing.item_terms import is_metered, usage_period
from meterline.services.billing.private_states import LineState
from meterline.services.billing.subscription_bodies import is_ended, items_of
from meterline.services.billing.tier_lines import whole_lines
from meterline.services.billing.unit_of_work import running_subscriptions
from meterline.services.customers.customer_state import latest_invoice, may_have_invoices_since
from meterline.services.metering.crossings import BillingPeriod, BillingPeriods
from meterline.store.billing.repository import BillingStore, Span
from meterline.store.metering.headrooms import UsageKey
from meterline.store.metering.usage import HOUR_SECONDS

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Invoice, InvoiceLine
    from meterline.store.base.documents import Document

_END_OF_HOURS = 10_000_000
_INVOICES = 500
"""Invoices that are looked through, the oldest since the late usage first."""


def billing_periods(ctx: Context, key: UsageKey, hours: Collection[int]) -> BillingPeriods:
    """The periods of a customer's usage of a meter: those that run, and those that are over and
    that one of these hours is of.

    A period begins where usage of an item is billed from: also in the middle of a subscription's,
    where the item came or changed its price. A paused subscription has none, and an ended period is
    one that an invoice bills.
    """
    # The customer is read again after the subscriptions, whatever was read ahead: of a period that
    # has ended by then the customer knows that there is an invoice.
    ctx = replace(ctx, store=BillingStore(ctx.livemode))
    before: Document[Customer] | None = ctx.store.get(key.customer)
    running = [] if before is None else list(_running(ctx, before, key.meter))
    customer: Document[Customer] | None = ctx.store.get(key.customer)
    if customer is None:
        return BillingPeriods()
    within = _within(customer, running)
    late = [hour for hour in hours if may_have_invoices_since(customer.body, hour * HOUR_SECONDS)]
    return BillingPeriods(running, list(_over(ctx, key, late)), within)


def _running(
    ctx: Context, customer: "Document[Customer]", meter_id: str
) -> Iterator[BillingPeriod]:
    found = ctx.store.get_many(running_subscriptions(customer.body))
    for subscription in (document.body for document in found.values()):
        runs = not is_ended(subscription) and subscription["status"] != "paused"
        for item in items_of(subscription) if runs else ():
            recurring = item["price"]["recurring"]
            if is_metered(item) and recurring is not None and recurring["meter"] == meter_id:
                period = usage_period(item)
                yield BillingPeriod(period.start, period.end, subscription["id"])


def _within(customer: "Document[Customer]", running: list[BillingPeriod]) -> range:
    """The whole hours that all running periods have, and that no invoice can have billed: an
    invoice bills what was before it.
    """
    latest = latest_invoice(customer.body)
    if latest is None:
        return range(0)
    first = max(
        [latest // HOUR_SECONDS + 1, *(-(-period.start // HOUR_SECONDS) for period in running)]
    )
    end = min([_END_OF_HOURS, *(period.end // HOUR_SECONDS for period in running)])
    return range(first, max(first, end))


def _over(ctx: Context, key: UsageKey, hours: Collection[int]) -> Iterator[BillingPeriod]:
    """The periods of these hours that invoices bill."""
    if not hours:
        return
    since = Span(created_from=min(hours) * HOUR_SECONDS, oldest_first=True)
    invoices = ctx.store.each("invoice", since, parent=key.customer)
    for _, document in zip(range(_INVOICES), invoices, strict=False):
        for line in whole_lines(_lines(ctx, document)):
            period = billed_period(line)
            if LineState.of(line).meter == key.meter and any(
                period.start < (hour + 1) * HOUR_SECONDS and hour * HOUR_SECONDS < period.end
                for hour in hours
            ):
                yield BillingPeriod(period.start, period.end, line["subscription"] or "")


def _lines(ctx: Context, document: "Document[Invoice]") -> "list[InvoiceLine]":
    """All lines of an invoice from a list, which shows the first ones of a long invoice only."""
    whole = ctx.store.get(document.id) if document.parts else document
    return [] if whole is None else invoice_lines(whole.body)
