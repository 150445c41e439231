"""Billing thresholds: an invoice in the middle of a period, once enough is due.

The usage watch checks them whenever usage of the customer was counted, and a test clock when it
arrives. The running period goes on, its tiers with it: the invoice that bills its usage later takes
off what was billed before. Or, with ``reset_billing_cycle_anchor``, the period ends at once and a
new one begins (contract section 5.9).
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.catalog.price_models import Usage
from meterline.core.subscriptions.thresholds import is_watched
from meterline.core.subscriptions.usage_changes import split
from meterline.services.account.settings import invoice_grace_seconds
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.billing.invoice_bodies import (
    InvoiceTerms,
    billed_item_of,
    invoice_lines,
)
from meterline.services.billing.item_terms import (
    current_period,
    is_metered,
    usage_period,
)
from meterline.services.billing.private_states import LineState, SubscriptionItemState, UsageBilled
from meterline.services.billing.subscription_bodies import (
    items_of,
    subscription_document,
    with_items,
)
from meterline.services.billing.tier_lines import whole_lines
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.invoices.billed_in_advance import with_billed_lines
from meterline.services.invoices.drafting import draft_on, issue_on
from meterline.services.invoices.metered import usage_in
from meterline.services.subscriptions.reset_cycle import Restart, restart
from meterline.services.subscriptions.threshold_rooms import Rooms, earliest_end
from meterline.services.subscriptions.threshold_terms import (
    amount_due,
    amount_threshold,
    has_thresholds,
    marked,
)
from meterline.services.subscriptions.usage_so_far import ItemUsage, interim_lines

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        Invoice,
        InvoiceLine,
        InvoiceThresholdReason,
        InvoiceThresholdReasonItemReason,
        Subscription,
        SubscriptionItem,
    )
    from meterline.store.base.documents import Document


@frozen
class Crossed:
    """The thresholds that are crossed: the subscription's amount, and the usage of items by id."""

    amount_gte: int | None
    usage_gte: dict[str, int]


def bill_crossed(
    ctx: Context, customer: "Document[Customer]", rooms: Rooms | None = None
) -> list[str]:
    """The same at the instant of ``ctx``, whatever the customer's test clock is doing.

    ``rooms`` are lowered to what the drafts leave up to the thresholds.
    """
    if customer.body.get("deleted"):
        return []
    rooms = rooms or Rooms()
    billed = [_bill(ctx, customer.id, marked_id, rooms) for marked_id in marked(customer.body)]
    return [invoice_id for invoice_id in billed if invoice_id is not None]


def _bill(ctx: Context, customer_id: str, subscription_id: str, rooms: Rooms) -> str | None:
    """Bill one subscription in one commit, if a threshold of it is crossed; the invoice's id."""
    found = ctx.store.get_many([customer_id, subscription_id])
    customer: Document[Customer] = found[customer_id]
    document: Document[Subscription] = found[subscription_id]
    subscription = document.body
    if not _is_watched(subscription, ctx.now):
        return None
    uow = open_unit_of_work(ctx, customer)
    usage, terms = _usage(uow, subscription), _terms(uow, document)
    invoice, billed = _further(uow, subscription, usage, terms)
    crossed = _crossed(subscription, invoice, usage)
    if crossed is None:
        rooms.add(subscription, invoice, usage, _usage_ahead(uow, subscription))
        rooms.until = min(rooms.until, earliest_end(uow, subscription))
        return None
    thresholds = subscription["billing_thresholds"]
    if thresholds is not None and thresholds["reset_billing_cycle_anchor"]:
        uow = open_unit_of_work(ctx, customer)
        invoice, billed = _reset(uow, subscription, terms)
    issue_on(uow, invoice | {"threshold_reason": _reason(crossed, invoice)})
    uow.put(subscription_document(billed, document))
    uow.emit("customer.subscription.updated", billed, subscription)
    uow.save()
    return terms.id


def _is_watched(subscription: "Subscription", now: int) -> bool:
    """Whether thresholds count now: the subscription runs, in no trial, and renews later."""
    running = subscription["status"] == "active" and has_thresholds(subscription)
    return running and is_watched(current_period(subscription), now)


def _usage(uow: UnitOfWork, subscription: "Subscription") -> list[ItemUsage]:
    """What each metered item used in its period, the present second included."""
    cuts = {}
    for item in items_of(subscription):
        used, _ = split(usage_period(item), uow.ctx.now + 1)
        if is_metered(item) and used is not None:
            cuts[item["id"]] = (item, used)
    usage = usage_in(uow.ctx, subscription["customer"], cuts)
    return [ItemUsage(*cut, usage[item_id]) for item_id, cut in cuts.items()]


def _usage_ahead(uow: UnitOfWork, subscription: "Subscription") -> dict[str, Usage]:
    """What metered items use in the rest of their periods, by events that came early."""
    cuts = {}
    for item in items_of(subscription):
        _, ahead = split(usage_period(item), uow.ctx.now + 1)
        if is_metered(item) and ahead is not None:
            cuts[item["id"]] = (item, ahead)
    return usage_in(uow.ctx, subscription["customer"], cuts)


def _terms(uow: UnitOfWork, document: "Document[Subscription]") -> InvoiceTerms:
    now = uow.ctx.now
    return InvoiceTerms(
        id=derived_object_id("invoice", document.id, "threshold", document.version),
        created=now,
        billing_reason="subscription_threshold",
        period=Period(min(current_period(document.body).start, now), now),
        finalizes_at=now + invoice_grace_seconds(uow.ctx),
    )


def _further(
    uow: UnitOfWork, subscription: "Subscription", usage: list[ItemUsage], terms: InvoiceTerms
) -> tuple["Invoice", "Subscription"]:
    """The invoice of the usage so far, less what was billed, and the subscription that remembers
    it.

    Finalising does not rate its lines again: what an item remembers as billed must stay what was
    billed.
    """
    lines = interim_lines(subscription, usage)
    invoice, invoiced = draft_on(uow, subscription, terms, lines)
    billed: dict[str, UsageBilled] = {
        item_id: {
            "amount": line["amount"],
            "quantity": line["quantity_decimal"],
            "invoice": invoice["id"],
        }
        for line in whole_lines(invoice_lines(invoice))
        if (item_id := billed_item_of(line)) and LineState.of(line).meter
    }
    fixed = [_fixed(line) if billed_item_of(line) else line for line in invoice_lines(invoice)]
    items = [_with_usage_billed(item, billed.get(item["id"])) for item in items_of(invoiced)]
    return invoice | {"lines": invoice["lines"] | {"data": fixed}}, with_items(invoiced, items)


def _fixed(line: "InvoiceLine") -> "InvoiceLine":
    """A line that is not rated again: it names no meter to rate it by."""
    state = LineState.of(line)
    return replace(state, meter=None, usage_of=state.meter).on(line)


def _with_usage_billed(item: "SubscriptionItem", billed: UsageBilled | None) -> "SubscriptionItem":
    if billed is None:
        return item
    return replace(SubscriptionItemState.of(item), usage_billed=billed).on(item)


def _reset(
    uow: UnitOfWork, subscription: "Subscription", terms: InvoiceTerms
) -> tuple["Invoice", "Subscription"]:
    """The invoice that ends the period with the present second, and the subscription after it."""
    at = uow.ctx.now + 1
    restarted, lines = restart(uow, subscription, subscription, Restart(at, at), prorates=True)
    invoice, invoiced = draft_on(uow, restarted, terms, lines)
    return invoice, with_billed_lines(invoiced, invoice)


def _crossed(
    subscription: "Subscription", invoice: "Invoice", usage: list[ItemUsage]
) -> Crossed | None:
    amount = amount_threshold(subscription)
    reached = amount if amount is not None and amount_due(invoice) >= amount else None
    of_items = {
        used.item["id"]: threshold
        for used in usage
        if (threshold := used.crossed_threshold) is not None
    }
    return Crossed(reached, of_items) if reached is not None or of_items else None


def _reason(crossed: Crossed, invoice: "Invoice") -> "InvoiceThresholdReason":
    """The ``threshold_reason`` of the invoice, with its lines."""
    lines_of: dict[str | None, list[str]] = {}
    for line in invoice_lines(invoice):
        lines_of.setdefault(billed_item_of(line), []).append(line["id"])
    item_reasons: list[InvoiceThresholdReasonItemReason] = [
        {"line_item_ids": lines_of.get(item_id, []), "usage_gte": usage_gte}
        for item_id, usage_gte in crossed.usage_gte.items()
    ]
    return {"amount_gte": crossed.amount_gte, "item_reasons": item_reasons}
