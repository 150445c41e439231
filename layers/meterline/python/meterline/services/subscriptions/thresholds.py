"""Billing thresholds: an invoice in the middle of a period, once enough is due.

They are looked at whenever usage of the customer was counted, and when its test clock arrives. The
running period goes on, its tiers with it: whatever bills its usage later takes off what was billed
before. Or it ends at once and a new one begins, if ``reset_billing_cycle_anchor`` says so (contract
section 5.9).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from meterline.core.base.errors import BillingError
from meterline.core.base.money import exact_difference
from meterline.core.base.periods import Period
from meterline.core.billing.invoicing import interim_line
from meterline.core.catalog.price_models import Usage
from meterline.core.subscriptions.thresholds import is_watched
from meterline.core.subscriptions.usage_changes import split
from meterline.services.account.settings import invoice_grace_seconds
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.lookups import on_customers_time
from meterline.services.billing.invoice_bodies import (
    InvoiceTerms,
    billed_item_of,
    invoice_lines,
)
from meterline.services.billing.item_terms import (
    billed_item,
    current_period,
    is_metered,
    usage_period,
    usage_span,
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
from meterline.services.invoices.drafting import ItemLine, draft_on, issue_on
from meterline.services.invoices.metered import usage_in
from meterline.services.subscriptions.reset_cycle import Restart, restart
from meterline.services.subscriptions.threshold_terms import has_thresholds, marked
from meterline.store.base.documents import Body, Document


@dataclass(frozen=True, slots=True)
class ItemUsage:
    """What a metered item used in its period so far, and how much of that is billed."""

    item: Body
    period: Period
    usage: Usage

    @property
    def is_crossed(self) -> bool:
        """Whether what is not billed yet reaches the item's own threshold."""
        threshold = (self.item["billing_thresholds"] or {}).get("usage_gte")
        known = SubscriptionItemState.of(self.item).usage_billed
        billed = "0" if known is None else known["quantity"]
        further = exact_difference(self.usage.quantity, Decimal(billed))
        return threshold is not None and further >= threshold


@dataclass(frozen=True, slots=True)
class Crossed:
    """The thresholds that are crossed: the subscription's amount, and items of their own."""

    amount_gte: int | None
    items: list[Body]


def bill_thresholds(ctx: Context, customer_id: str) -> list[str]:
    """Bill the subscriptions of a customer whose thresholds are crossed now; the invoices' ids.

    Two at once decide on one stored state, so one of them fails and finds nothing left to do.
    """
    customer = ctx.store.get(customer_id)
    if customer is None or not marked(customer.body):
        return []
    try:
        ctx = on_customers_time(ctx, customer)
    except BillingError:
        return []  # the test clock is on its way and looks itself when it arrives, or is gone
    return bill_crossed(ctx, customer)


def bill_crossed(ctx: Context, customer: Document) -> list[str]:
    """The same at the instant of ``ctx``, whatever the customer's test clock is doing."""
    if customer.body.get("deleted"):
        return []
    billed = [_bill(ctx, customer.id, one) for one in marked(customer.body)]
    return [invoice_id for invoice_id in billed if invoice_id is not None]


def _bill(ctx: Context, customer_id: str, subscription_id: str) -> str | None:
    """Bill one subscription in one commit, if a threshold of it is crossed; the invoice's id."""
    found = ctx.store.get_many([customer_id, subscription_id])
    customer, document = found[customer_id], found[subscription_id]
    subscription = document.body
    if not _is_watched(subscription, ctx.now):
        return None
    uow = open_unit_of_work(ctx, customer)
    usage, terms = _usage(uow, subscription), _terms(uow, document)
    invoice, after = _further(uow, subscription, usage, terms)
    crossed = _crossed(subscription, invoice, usage)
    if crossed is None:
        return None
    if (subscription["billing_thresholds"] or {}).get("reset_billing_cycle_anchor"):
        uow = open_unit_of_work(ctx, customer)
        invoice, after = _reset(uow, subscription, terms)
    issue_on(uow, invoice | {"threshold_reason": _reason(crossed, invoice)})
    uow.put(subscription_document(after, document))
    uow.emit("customer.subscription.updated", after, subscription)
    uow.save()
    return terms.id


def _is_watched(subscription: Body, now: int) -> bool:
    """Whether thresholds count now: the subscription runs, in no trial, and renews later."""
    running = subscription["status"] == "active" and has_thresholds(subscription)
    return running and is_watched(current_period(subscription), now)


def _usage(uow: UnitOfWork, subscription: Body) -> list[ItemUsage]:
    """Of each metered item, what it used in its period up to the present second."""
    cuts = {}
    for item in items_of(subscription):
        used, _ = split(usage_period(item), uow.ctx.now + 1)
        if is_metered(item) and used is not None:
            cuts[item["id"]] = (item, used)
    usage = usage_in(uow.ctx, subscription["customer"], cuts)
    return [ItemUsage(*cut, usage[item_id]) for item_id, cut in cuts.items()]


def _terms(uow: UnitOfWork, document: Document) -> InvoiceTerms:
    now = uow.ctx.now
    return InvoiceTerms(
        id=derived_object_id("invoice", document.id, "threshold", document.version),
        created=now,
        billing_reason="subscription_threshold",
        period=Period(min(current_period(document.body).start, now), now),
        finalizes_at=now + invoice_grace_seconds(uow.ctx),
    )


def _further(
    uow: UnitOfWork, subscription: Body, usage: list[ItemUsage], terms: InvoiceTerms
) -> tuple[Body, Body]:
    """The invoice of the usage so far, less what was billed, and the subscription that knows it.

    Its lines are not rated again: what an item remembers as billed must stay what was billed.
    """
    anchor = subscription["billing_cycle_anchor"]
    lines = [
        ItemLine(
            one.item,
            interim_line(
                billed_item(one.item),
                one.usage,
                one.period,
                usage_span(one.item, anchor, usage_period(one.item)),
            ),
        )
        for one in usage
    ]
    invoice, after = draft_on(uow, subscription, terms, lines)
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
    items = [_knowing(item, billed.get(item["id"])) for item in items_of(after)]
    return invoice | {"lines": invoice["lines"] | {"data": fixed}}, with_items(after, items)


def _fixed(line: Body) -> Body:
    return replace(LineState.of(line), meter=None).on(line)


def _knowing(item: Body, billed: UsageBilled | None) -> Body:
    if billed is None:
        return item
    return replace(SubscriptionItemState.of(item), usage_billed=billed).on(item)


def _reset(uow: UnitOfWork, subscription: Body, terms: InvoiceTerms) -> tuple[Body, Body]:
    """The invoice that ends the period with the present second, and the subscription after it."""
    at = uow.ctx.now + 1
    restarted, lines = restart(uow, subscription, subscription, Restart(at, at), prorates=True)
    invoice, after = draft_on(uow, restarted, terms, lines)
    return invoice, with_billed_lines(after, invoice)


def _crossed(subscription: Body, invoice: Body, usage: list[ItemUsage]) -> Crossed | None:
    amount = (subscription["billing_thresholds"] or {}).get("amount_gte")
    reached = amount if amount is not None and invoice["total"] >= amount else None
    items = [one.item for one in usage if one.is_crossed]
    return Crossed(reached, items) if reached is not None or items else None


def _reason(crossed: Crossed, invoice: Body) -> Body:
    """The ``threshold_reason`` of the invoice, with its lines."""

    def lines_of(item: Body) -> Body:
        ids = [line["id"] for line in invoice_lines(invoice) if billed_item_of(line) == item["id"]]
        return {"line_item_ids": ids, "usage_gte": item["billing_thresholds"]["usage_gte"]}

    return {"amount_gte": crossed.amount_gte, "item_reasons": list(map(lines_of, crossed.items))}
