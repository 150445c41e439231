"""Finalising invoices: late usage is counted in, then the invoice gets its number for good."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from meterline.core.base.errors import BillingError
from meterline.core.subscriptions.dunning import Deadlines, DunningPolicy, deadlines_of
from meterline.observability import logger
from meterline.services.account import settings
from meterline.services.account.settings import dunning_policy
from meterline.services.base.context import Context
from meterline.services.base.ids import timed_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.base.outbox import EventDraft
from meterline.services.billing.amounts import applied_balance, with_amounts
from meterline.services.billing.discounts import use_up_customers
from meterline.services.billing.engine_taxes import (
    TaxesFailed,
    billed_amounts,
    check_taxes,
    is_given_up,
    with_failure,
    without_engine,
    without_tries,
)
from meterline.services.billing.invoice_bodies import (
    HALT,
    finalization_due_at,
    invoice_due_at,
    invoice_lines,
    rate_ids,
    subscription_of,
    with_deadlines,
)
from meterline.services.billing.private_states import InvoiceState
from meterline.services.billing.subscription_status import recover
from meterline.services.billing.tax_basis import is_automatic
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.customers.balances import Booking, BookingType, book, with_currency
from meterline.services.invoices.billed_in_advance import remember_discounts
from meterline.services.invoices.collecting import keep_figures
from meterline.services.invoices.credits import book_credits, give_credits_back
from meterline.services.invoices.hosted_urls import new_hosted_urls
from meterline.services.invoices.kept_words import with_kept_words
from meterline.services.invoices.metered import with_current_usage
from meterline.services.invoices.numbers import NumberTaken, numbered
from meterline.services.invoices.running_hours import usage_look_at
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        CustomerBalanceTransactionChanges,
        Invoice,
        InvoiceChanges,
        InvoiceRendering,
    )

type ClosedStatus = Literal["uncollectible", "void"]
type Stamp = Literal["marked_uncollectible_at", "voided_at"]

_CLOSED_BY_PAUSE: Final[dict[str, tuple[ClosedStatus, Stamp]]] = {
    "void": ("void", "voided_at"),
    "mark_uncollectible": ("uncollectible", "marked_uncollectible_at"),
}


def finalize_invoice(ctx: Context, invoice_id: str, params: Body) -> "Invoice":
    """Finalise a draft now, on the customer's time; any other status is refused."""
    document = find(ctx, "invoice", invoice_id)
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    ctx = on_customers_time(ctx, customer)
    if document.body["status"] != "draft":
        raise BillingError(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
        )
    written = _finalize(ctx, document, customer, auto_advance=params.get("auto_advance"))
    invoice: Invoice = written[0].body
    return invoice


def finalize_due_invoice(ctx: Context, document: "Document[Invoice]") -> list[Document]:
    """Finalise a draft whose hour has come, or do nothing if that is no longer so.

    Returns the documents written.
    """
    due_at = finalization_due_at(document.body)
    if due_at is None or due_at > ctx.now:
        return []
    customer = ctx.store.get(document.body["customer"])
    is_deleted = customer is not None and customer.body.get("deleted")
    if customer is None or is_deleted or not invoice_lines(document.body):
        # No customer to bill, or nothing: the draft waits for a person.
        stopped = document.body | HALT
        written = replace(document, body=stopped, due_at=None)
        ctx.save(Change(puts=[written]))
        return [written]
    try:
        return _finalize(ctx, document, customer)
    except NumberTaken as refusal:
        return _failed(ctx, document, document.body | HALT, refusal)
    except TaxesFailed as refusal:
        return _taxes_failed(ctx, document, refusal)


def ask_for_taxes(ctx: Context, document: "Document[Invoice]") -> list[Document]:
    """Ask the tax engine again about a draft; one whose hour has come becomes final with it.

    Returns the documents written.
    """
    draft = document.body
    hour = draft["automatically_finalizes_at"]
    customer = ctx.store.get(draft["customer"])
    if customer is None or customer.body.get("deleted"):
        stopped = without_tries(draft)
        written = replace(document, body=stopped, due_at=invoice_due_at(stopped))
        ctx.save(Change(puts=[written]))
        return [written]
    if draft["auto_advance"] and hour is not None and hour <= ctx.now:
        try:
            return _finalize(ctx, document, customer)
        except NumberTaken as refusal:
            return _failed(ctx, document, draft | HALT, refusal)
        except TaxesFailed as refusal:
            return _taxes_failed(ctx, document, refusal)
    uow = open_unit_of_work(ctx, customer)
    invoice = billed_amounts(uow, draft, invoice_lines(draft))
    if is_given_up(invoice) and not draft["auto_advance"]:
        invoice = without_engine(invoice)
        invoice = with_amounts(uow, invoice, invoice_lines(invoice))
    if invoice["automatic_tax"] != draft["automatic_tax"]:
        uow.emit("invoice.updated", invoice, draft)
    uow.put_first(replace(document, body=invoice, due_at=invoice_due_at(invoice)))
    return uow.save()


def finalize_on(uow: UnitOfWork, invoice: "Invoice") -> "Invoice":
    """The invoice finalised, numbered and settled with the customer's balance; not stored yet.

    The balance is taken as it stands now; an invoice with nothing due is paid at once (contract
    section 6). While its subscription's collection is paused it becomes void or uncollectible.
    Raises TaxesFailed while its tax engine gives no answer.
    """
    at = uow.ctx.now
    current = billed_amounts(uow, invoice, invoice_lines(invoice))
    check_taxes(current)
    current = book_credits(uow, current)
    use_up_customers(uow, current)
    opened = numbered(uow, current) | {
        "status": "open",
        "automatically_finalizes_at": None,
        "last_finalization_error": None,
        "next_payment_attempt": _attempt_ahead(invoice, at),
        "effective_at": invoice["effective_at"] or at,
        **new_hosted_urls(invoice),
        "rendering": _rendering_of_a_final_one(invoice),
        "status_transitions": invoice["status_transitions"] | {"finalized_at": at},
    }
    opened["ending_balance"] = _apply_balance(uow, opened)
    ctx = uow.ctx.reading_ahead([settings.ID, *rate_ids(opened)])
    opened = with_deadlines(with_kept_words(uow, ctx, opened), _deadlines(ctx, opened))
    opened = _looked_at_again(opened, invoice, at)
    uow.emit("invoice.finalized", opened)
    if opened["amount_due"] == 0:
        return _emit_paid(uow, paid(opened, at) | {"attempted": True})
    return _paused(uow, opened)


def _looked_at_again(opened: "Invoice", draft: "Invoice", at: int) -> "Invoice":
    """The invoice, due to have its usage looked at again if some may have been counted unseen."""
    look_at = usage_look_at(draft, at)
    if look_at is None:
        return opened
    return replace(InvoiceState.of(opened), usage_due_at=look_at).on(opened)


def paid(invoice: "Invoice", at: int) -> "Invoice":
    """The invoice with all that is due recorded as paid at ``at``."""
    return invoice | {
        "status": "paid",
        "auto_advance": False,
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "next_payment_attempt": None,
        "status_transitions": invoice["status_transitions"] | {"paid_at": at},
    }


def _finalize(
    ctx: Context,
    document: "Document[Invoice]",
    customer: "Document[Customer]",
    *,
    auto_advance: bool | None = None,
) -> list[Document]:
    changes: InvoiceChanges = {} if auto_advance is None else {"auto_advance": auto_advance}
    uow = open_unit_of_work(ctx, customer)
    invoice = finalize_draft_on(uow, document.body, changes)
    if invoice["status"] == "paid":
        recover(uow, invoice)
    uow.put_first(replace(document, body=invoice, due_at=invoice_due_at(invoice)))
    return uow.save(result_id=document.id)


def finalize_draft_on(uow: UnitOfWork, draft: "Invoice", changes: "InvoiceChanges") -> "Invoice":
    """A stored draft finalised with all usage that has come in for it; not stored yet.

    One without lines becomes final too: nothing is due, so it is paid.
    """
    current = with_current_usage(uow.ctx, draft) | changes
    keep_figures(uow, invoice_lines(draft), invoice_lines(current))
    final = finalize_on(uow, current)
    remember_discounts(uow, draft, final)
    return final


def _taxes_failed(
    ctx: Context, document: "Document[Invoice]", refusal: TaxesFailed
) -> "list[Document[Invoice]]":
    """Have a draft's engine asked again, or go on without it when that was done often enough."""
    draft = with_failure(document.body, refusal.failure, ctx.now)
    if is_given_up(draft):
        logger.error("taxes given up", invoice=document.id, failure=refusal.failure)
        draft = without_engine(draft)
    if not is_automatic(draft):
        draft = draft | {"automatically_finalizes_at": ctx.now}
    return _failed(ctx, document, draft, refusal)


def _failed(
    ctx: Context, document: "Document[Invoice]", draft: "Invoice", refusal: BillingError
) -> "list[Document[Invoice]]":
    """Keep a draft that could not become final; its finalization error says why."""
    body = draft | {"last_finalization_error": finalization_error(refusal)}
    written = replace(document, body=body, due_at=invoice_due_at(body))
    events = [EventDraft("invoice.finalization_failed", body)]
    known = document.body["last_finalization_error"]
    is_known = known == body["last_finalization_error"] and body["auto_advance"]
    ctx.save(Change(puts=[written]), [] if is_known else events)
    return [written]


def finalization_error(refusal: BillingError) -> dict[str, Any]:
    """What an invoice says of why it could not become final."""
    return {
        "code": refusal.code,
        "message": refusal.message,
        "param": refusal.param,
        "type": refusal.type,
    }


def _apply_balance(uow: UnitOfWork, invoice: "Invoice") -> int:
    """The customer's balance after the invoice, with the transaction that takes it there."""
    applied = applied_balance(invoice)
    ending = applied.ending_balance_minor
    uow.customer = with_currency(uow.customer, invoice["currency"])
    if applied.applied_minor:
        type_: BookingType = "invoice_too_small" if ending > 0 else "applied_to_invoice"
        change_balance(uow, applied.applied_minor, type_, invoice)
    return ending


def change_balance(uow: UnitOfWork, amount: int, type_: BookingType, invoice: "Invoice") -> None:
    """Add an amount to the customer's balance in an invoice's currency, on its behalf."""
    fields: CustomerBalanceTransactionChanges = {
        "id": timed_id("cbtxn_", invoice["id"], type_),
        "invoice": invoice["id"],
    }
    booking = Booking(amount=amount, currency=invoice["currency"], type=type_, fields=fields)
    uow.customer, transaction = book(uow.ctx, uow.customer, booking)
    uow.put(transaction)


def give_back(uow: UnitOfWork, invoice: "Invoice") -> None:
    """Give back what an invoice that is void took: from grants of billing credits, and from the
    customer's balance, or put on it. A deleted customer has no balance.
    """
    give_credits_back(uow, invoice)
    applied = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    if applied and not uow.customer.get("deleted"):
        change_balance(uow, -applied, "unapplied_from_invoice", invoice)


def _emit_paid(uow: UnitOfWork, invoice: "Invoice") -> "Invoice":
    uow.emit("invoice.paid", invoice)
    uow.emit("invoice.payment_succeeded", invoice)
    return invoice


def _paused(uow: UnitOfWork, invoice: "Invoice") -> "Invoice":
    """The invoice as a pause of its subscription's collection leaves it."""
    behavior = InvoiceState.of(invoice).pause
    if behavior is None or behavior not in _CLOSED_BY_PAUSE:
        return invoice
    status, stamp = _CLOSED_BY_PAUSE[behavior]
    final = closed(invoice, status, stamp, uow.ctx.now)
    if status == "void":
        give_back(uow, final)
    uow.emit(f"invoice.{'voided' if status == 'void' else 'marked_uncollectible'}", final)
    return final


def closed(invoice: "Invoice", status: ClosedStatus, stamp: Stamp, at: int) -> "Invoice":
    """A finalised invoice that is not to be collected any more."""
    transitions = invoice["status_transitions"].copy()
    transitions[stamp] = at
    return invoice | {
        "status": status,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status_transitions": transitions,
    }


def _deadlines(ctx: Context, invoice: "Invoice") -> Deadlines:
    """When the invoice is late and given up; charges outside subscriptions never are."""
    if subscription_of(invoice) is None:
        return deadlines_of(ctx.now, invoice["due_date"], DunningPolicy())
    return deadlines_of(ctx.now, invoice["due_date"], dunning_policy(ctx))


def _attempt_ahead(draft: "Invoice", at: int) -> int | None:
    """When an invoice that is final is to be charged: a draft's time for that, if still ahead."""
    attempt = draft["next_payment_attempt"] if draft["auto_advance"] else None
    return attempt if attempt is not None and attempt > at else None


def _rendering_of_a_final_one(draft: "Invoice") -> "InvoiceRendering | None":
    """How a final invoice is shown: the size of its pages is settled."""
    rendering = draft["rendering"]
    return None if rendering is None else rendering | {"pdf": {"page_size": "letter"}}
