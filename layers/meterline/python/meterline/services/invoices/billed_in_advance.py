"""What a subscription's items remember of their licences: what was billed in advance, and how.

An item remembers a charge when its invoice is drafted. The discounts of a draft may change, and the
item follows them: a credit for unused time gives back what was charged.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meterline.core.billing.invoicing import BillingMode
from meterline.core.subscriptions.item_changes import BilledSpan, Fee
from meterline.services.billing.invoice_bodies import (
    billed_item_of,
    billed_period,
    invoice_lines,
    subscription_of,
)
from meterline.services.billing.item_terms import billed_spans, mode_of, with_billed
from meterline.services.billing.private_states import InvoiceState, LineState
from meterline.services.billing.subscription_bodies import items_of, with_items
from meterline.services.billing.tier_lines import line_ids, whole_lines
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.invoices.fees import with_discounts_used
from meterline.services.invoices.item_bodies import line_source

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, InvoiceLine, Subscription, SubscriptionItem


def with_billed_lines(subscription: "Subscription", invoice: "Invoice") -> "Subscription":
    """The subscription, each item with what ``invoice`` bills for it in advance."""
    billed = {}
    for line in whole_lines(invoice["lines"]["data"]):
        item_id = billed_item_of(line)
        if item_id is not None and _is_in_advance(line):
            discount = sum(part["amount"] for part in line["discount_amounts"])
            source = line_source(invoice["id"], line_ids(line))
            span = BilledSpan(Fee(line["amount"], discount), billed_period(line), source)
            billed[item_id] = span, LineState.of(line).discounts or []
    shared = InvoiceState.of(invoice).discounts or []
    classic = mode_of(subscription) is BillingMode.CLASSIC

    def knowing(item: "SubscriptionItem") -> "SubscriptionItem":
        if item["id"] not in billed:
            return item
        span, own = billed[item["id"]]
        billed_item = with_billed(item, [span])
        return with_discounts_used(billed_item, [*own, *shared]) if classic else billed_item

    return with_items(subscription, [knowing(item) for item in items_of(subscription)])


def remember_discounts(uow: UnitOfWork, before: "Invoice", changed: "Invoice") -> None:
    """Update what a subscription's items remember of a draft whose discounts changed.

    An amount off is allocated anew when lines are added or changed. An item that another change or
    invoice has charged since then stays as it is.
    """
    subscription_id = subscription_of(changed)
    if subscription_id is None or _discounts_in_advance(before) == _discounts_in_advance(changed):
        return
    document = uow.read([subscription_id]).get(subscription_id)
    if document is None:
        return
    formerly = items_of(with_billed_lines(document.body, before))
    now = items_of(with_billed_lines(document.body, changed))
    items = [
        new if billed_spans(item) == billed_spans(old) else item
        for item, old, new in zip(items_of(document.body), formerly, now, strict=True)
    ]
    if items != items_of(document.body):
        uow.put(replace(document, body=with_items(document.body, items)))


def _discounts_in_advance(invoice: "Invoice") -> tuple[Any, ...]:
    """What discounts take off the licences of an invoice, and which they are."""
    lines = [
        (line["id"], line["discount_amounts"], LineState.of(line).discounts or [])
        for line in invoice_lines(invoice)
        if billed_item_of(line) is not None and _is_in_advance(line)
    ]
    return lines, InvoiceState.of(invoice).discounts or []


def _is_in_advance(line: "InvoiceLine") -> bool:
    """Whether a line bills licences; lines that are free by rule have no steps."""
    state = LineState.of(line)
    return state.meter is None and bool(state.explanation and state.explanation["steps"])
