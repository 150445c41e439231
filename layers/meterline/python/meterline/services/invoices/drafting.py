"""Drafting a subscription's invoice: pending items first, then the lines of its items."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.billing.invoicing import Line
from meterline.services.account.settings import invoice_grace_seconds
from meterline.services.billing.amounts import with_amounts
from meterline.services.billing.discounts import (
    ActiveDiscounts,
    active_discounts,
    after_invoice,
    discount_ids,
    discount_terms,
    use_up_customers,
    with_discounts,
)
from meterline.services.billing.engine_taxes import TaxesFailed, check_taxes, with_taxes
from meterline.services.billing.invoice_bodies import (
    HALT,
    InvoiceTerms,
    draft_invoice,
    invoice_document,
)
from meterline.services.billing.line_taxes import with_rates
from meterline.services.billing.pending_items import Selection
from meterline.services.billing.private_states import InvoiceState, LineState
from meterline.services.billing.tax_basis import waits_for_taxes
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.invoices.billed_before import usage_billed
from meterline.services.invoices.collecting import collect_lines
from meterline.services.invoices.descriptions import ProductName
from meterline.services.invoices.finalize import finalization_error, finalize_on
from meterline.services.invoices.late_usage import late_lines, work_left
from meterline.services.invoices.lines import item_subject, less_billed_before, line_bodies

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        InvoiceLine,
        Price,
        Product,
        Subscription,
        SubscriptionItem,
        SubscriptionPauseCollection,
    )
    from meterline.store.base.documents import Document


@frozen
class ItemLine:
    """A line, and the item that it bills as it is, or was, when the line came about."""

    item: "SubscriptionItem"
    line: Line


def draft_on(
    uow: UnitOfWork,
    subscription: "Subscription",
    terms: InvoiceTerms,
    lines: Sequence[ItemLine],
    pending: Selection | None = None,
) -> "tuple[Invoice, Subscription]":
    """The draft of an invoice of a subscription, and the subscription after it.

    It takes ``pending`` items onto it, by default the subscription's and those of no subscription,
    and carries the subscription's discounts; those for once are then used up. The invoice is not
    stored yet.
    """
    names = product_names(uow, (billed.item["price"] for billed in lines))
    bodies = collect_lines(uow, terms.id, pending or pending_for(subscription))
    active = active_discounts(uow, subscription, (billed.item for billed in lines))
    for billed in lines:
        item_lines = line_bodies(billed.line, item_subject(billed.item, names), terms.id)
        item_lines = [_with_discounts(line, billed.item, active) for line in item_lines]
        item_lines = [_with_rates(line, billed.item) for line in item_lines]
        bodies += less_billed_before(item_lines, usage_billed(uow, billed.item))
    late = late_lines(uow, subscription, terms)
    bodies += late.lines
    draft = draft_invoice(terms, uow.customer, subscription)
    draft = with_discounts(draft, active.own)
    draft = replace(InvoiceState.of(draft), late=work_left(late, terms.created)).on(draft)
    draft = _paused(draft, subscription["pause_collection"])
    invoice = with_amounts(uow, draft, bodies)
    invoiced = after_invoice(subscription, invoice, active)
    use_up_customers(uow, invoice)
    return invoice, invoiced | {"latest_invoice": invoice["id"]}


def _with_discounts(
    line: "InvoiceLine", item: "SubscriptionItem", active: ActiveDiscounts
) -> "InvoiceLine":
    """A line with the discounts of its item, which come before those of the invoice."""
    own = active.on(item)
    if not own:
        return line
    state = replace(LineState.of(line), discounts=[discount_terms(discount) for discount in own])
    return state.on(line | {"discounts": discount_ids(own)})


def _with_rates(line: "InvoiceLine", item: "SubscriptionItem") -> "InvoiceLine":
    """A line with the tax rates of its item, in place of those of the invoice."""
    rates = item["tax_rates"]
    return with_rates(LineState.of(line), rates).on(line) if rates else line


def issue_on(uow: UnitOfWork, invoice: "Invoice") -> "Invoice":
    """Store a new invoice: as a draft if it finalises itself later, else finalised at once.

    One whose tax engine gives no answer stays a draft until it does.
    """
    invoice = with_taxes(uow, invoice)
    is_final_at_once = invoice["automatically_finalizes_at"] is None and invoice["auto_advance"]
    uow.emit("invoice.created", invoice)
    if is_final_at_once and waits_for_taxes(invoice):
        invoice = _waiting_for_taxes(uow, invoice)
    elif is_final_at_once:
        invoice = finalize_on(uow, invoice)
    uow.put(invoice_document(invoice, uow.stored_customer))
    return invoice


def _waiting_for_taxes(uow: UnitOfWork, invoice: "Invoice") -> "Invoice":
    """An invoice that would be final at once, and becomes so when its taxes are known."""
    try:
        check_taxes(invoice)
    except TaxesFailed as refusal:
        invoice = invoice | {
            "automatically_finalizes_at": uow.ctx.now,
            "last_finalization_error": finalization_error(refusal),
        }
        uow.emit("invoice.finalization_failed", invoice)
    return invoice


def pending_for(subscription: "Subscription") -> Selection:
    """The pending items that an invoice of this subscription bills: its own and those of no
    subscription, in its currency.
    """
    return Selection(subscription["currency"], frozenset({None, subscription["id"]}))


def product_names(uow: UnitOfWork, prices: "Iterable[Price]") -> Mapping[str, ProductName]:
    """What lines call the products that prices belong to, by the products' ids."""
    products: Mapping[str, Document[Product]] = uow.read(price["product"] for price in prices)
    return {
        product_id: ProductName(document.body["name"], document.body.get("unit_label"))
        for product_id, document in products.items()
    }


def finalizes_at(uow: UnitOfWork, subscription: "Subscription") -> int | None:
    """When an invoice beside renewals finalises: at once if a request makes it and it is charged,
    later if it is sent, or if a schedule makes it.
    """
    if subscription["collection_method"] != "send_invoice" and not uow.is_scheduled:
        return None
    return uow.ctx.now + invoice_grace_seconds(uow.ctx)


def _paused(draft: "Invoice", pause: "SubscriptionPauseCollection | None") -> "Invoice":
    """A draft under a pause of collection: it stays a draft, or is closed once it is final."""
    if pause is None:
        return draft
    if pause["behavior"] == "keep_as_draft":
        return draft | HALT
    return replace(InvoiceState.of(draft), pause=pause["behavior"]).on(draft)
