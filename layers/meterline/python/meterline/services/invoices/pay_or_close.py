"""What becomes of an open invoice: paid, void or uncollectible (contract section 6).

Invoices outlive their customers: the debt of a deleted customer is still paid or given up.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.lookups import customer_of, find, on_customers_time
from meterline.services.billing.engine_taxes import without_tries
from meterline.services.billing.invoice_bodies import HALT, invoice_due_at
from meterline.services.billing.subscription_status import recover
from meterline.services.billing.tax_basis import waits_for_taxes
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.credits.balances import MOST_UNUSED, unused
from meterline.services.invoices.finalize import (
    closed,
    finalize_draft_on,
    give_back,
    paid,
)
from meterline.services.invoices.payments import record_payment
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, Subscription

_PAYABLE = ("open", "uncollectible")
_PAID = ("invoice.paid", "invoice.payment_succeeded")
_NOT_OPEN = "You can only pass in open invoices. This invoice isn't open."
_REFUSALS = {
    ("pay", "paid"): "Invoice is already paid",
    ("void", "paid"): "Invoices with `paid` payments cannot be voided.",
    ("mark", "uncollectible"): "This invoice has already been marked uncollectible.",
}
"""What Stripe says of an invoice whose status the verb does not take, beside that it isn't open."""


def pay_invoice(ctx: Context, invoice_id: str, params: Body) -> "Invoice":
    """Record that an invoice was paid outside; Meterline moves no money itself.

    A draft is finalised and paid in one commit. Finalising pays an invoice of which nothing is due.
    """
    ctx, document = _load(ctx, invoice_id, allowed=("draft", *_PAYABLE), verb="pay")
    uow, before = open_unit_of_work(ctx, customer_of(ctx, document)), document.body
    if before["status"] == "draft":
        find(ctx, "customer", before["customer"], param="customer")
        before = finalize_draft_on(uow, before, {})
    if before["status"] not in _PAYABLE:
        return _save(uow, document, before)
    if not params.get("paid_out_of_band"):
        raise BillingError(
            "No payment processor is attached, so there is nothing to charge. Collect the amount"
            " and record it with paid_out_of_band=true.",
            code="parameter_missing",
            param="paid_out_of_band",
        )
    _emit(uow, before, body := _paid_outside(before, ctx.now), *_PAID)
    return _save(uow, document, body)


def attach_payment(ctx: Context, invoice_id: str, params: Body) -> "Invoice":
    """Record which payment of a processor paid all that an invoice has due."""
    ctx, document = _load(ctx, invoice_id, allowed=_PAYABLE, verb="pay")
    uow = open_unit_of_work(ctx, customer_of(ctx, document))
    body = _paid_outside(document.body, ctx.now) | {"attempted": True}
    _emit(uow, document.body, body, *_PAID)
    record_payment(uow, body, params["payment_record"])
    return _save(uow, document, body)


def void_invoice(ctx: Context, invoice_id: str, params: Body) -> "Invoice":  # noqa: ARG001 - a route
    """Declare a finalised invoice never to have been due; it keeps its number."""
    ctx, document = _load(ctx, invoice_id, allowed=_PAYABLE, verb="void")
    body = closed(document.body, "void", "voided_at", ctx.now)
    uow = open_unit_of_work(ctx, customer_of(ctx, document))
    _emit(uow, document.body, body, "invoice.voided")
    give_back(uow, body)
    _check_unused_grants(uow)
    return _save(uow, document, body)


def mark_uncollectible(ctx: Context, invoice_id: str, params: Body) -> "Invoice":  # noqa: ARG001 - a route
    """Give an open invoice up as a bad debt; it can still be paid or voided."""
    ctx, document = _load(ctx, invoice_id, allowed=("open",), verb="mark")
    body = closed(document.body, "uncollectible", "marked_uncollectible_at", ctx.now)
    uow = open_unit_of_work(ctx, customer_of(ctx, document))
    _emit(uow, document.body, body, "invoice.marked_uncollectible")
    return _save(uow, document, body)


def expire_incomplete(uow: UnitOfWork, subscription: "Subscription") -> "Subscription":
    """Give up a subscription whose first invoice was not paid in time; the invoice is voided."""
    document: Document[Invoice] | None = uow.ctx.store.get(subscription["latest_invoice"] or "")
    if document is not None and document.body["status"] == "open":
        body = closed(document.body, "void", "voided_at", uow.ctx.now)
        give_back(uow, body)
        uow.put(replace(document, body=body, due_at=None))
        uow.emit("invoice.voided", body)
    elif document is not None and waits_for_taxes(document.body):
        stopped = without_tries(document.body) | HALT
        uow.put(replace(document, body=stopped, due_at=invoice_due_at(stopped)))
    return subscription | {"status": "incomplete_expired", "ended_at": uow.ctx.now}


def _check_unused_grants(uow: UnitOfWork) -> None:
    """Refuse to give credits back to more grants than a customer may have unused."""
    customer, now = uow.customer, uow.ctx.now
    before = unused(uow.stored_customer.body, now)
    if not customer.get("deleted") and unused(customer, now) > max(before, MOST_UNUSED):
        raise BillingError(
            "Voiding this invoice gives credits back to grants that are used up, and the customer"
            f" would have more than {MOST_UNUSED} unused credit grants. Void or expire some first."
        )


def _load(
    ctx: Context, invoice_id: str, *, allowed: Collection[str], verb: str
) -> "tuple[Context, Document[Invoice]]":
    """The invoice, with the context on its customer's time; refused in any other status."""
    document = find(ctx, "invoice", invoice_id)
    status = document.body["status"]
    if status not in allowed:
        raise BillingError(_REFUSALS.get((verb, status), _NOT_OPEN))
    return on_customers_time(ctx, document), document


def _paid_outside(invoice: "Invoice", at: int) -> "Invoice":
    return paid(invoice, at) | {"amount_paid_off_stripe": invoice["amount_due"]}


def _emit(uow: UnitOfWork, before: "Invoice", changed: "Invoice", *happened: str) -> None:
    """Emit that an invoice changed, and what that means."""
    uow.emit("invoice.updated", changed, before)
    for type_ in happened:
        uow.emit(type_, changed)


def _save(uow: UnitOfWork, document: "Document[Invoice]", body: "Invoice") -> "Invoice":
    """Store an invoice as it is now; its subscription recovers if it waited for the payment."""
    uow.put(replace(document, body=body, due_at=invoice_due_at(body)))
    recover(uow, body)
    uow.save(result_id=document.id)
    return body
