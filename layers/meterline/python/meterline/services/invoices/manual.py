"""Invoices that a request makes, and changing, sending and deleting drafts."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from meterline.core.base.errors import BillingError
from meterline.core.base.money import known_currency
from meterline.core.base.periods import Period
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.account.settings import invoice_grace_seconds
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import customer_of, find, on_customers_time
from meterline.services.billing.discounts import (
    active_discounts,
    customers_discounts,
    use_up_customers,
    with_discounts,
)
from meterline.services.billing.engine_taxes import billed_amounts, with_automatic_tax
from meterline.services.billing.invoice_bodies import (
    HALT,
    InvoiceTerms,
    advance,
    draft_invoice,
    due_date,
    invoice_document,
    invoice_due_at,
    invoice_lines,
    item_of_line,
    new_invoice,
    subscription_of,
)
from meterline.services.billing.item_terms import current_period
from meterline.services.billing.line_taxes import requested_rates
from meterline.services.billing.pending_items import Selection
from meterline.services.billing.redemption import with_own_discounts
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.customers.account_tax_ids import named_tax_ids
from meterline.services.customers.balances import DEFAULT_CURRENCY
from meterline.services.invoices.billed_in_advance import remember_discounts
from meterline.services.invoices.collecting import collect_lines
from meterline.services.invoices.deleted_prorations import undo_prorations
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.numbers import check_number
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Deleted,
        Invoice,
        InvoiceChanges,
        InvoiceLine,
        InvoiceRendering,
        Subscription,
    )

_PLAIN_FIELDS = (
    "collection_method",
    "custom_fields",
    "description",
    "due_date",
    "effective_at",
    "footer",
    "number",
    "statement_descriptor",
)
_RENDERING: "Final[InvoiceRendering]" = {
    "amount_tax_display": None,
    "pdf": {"page_size": "auto"},
    "template": None,
    "template_version": None,
}
_MOST_AHEAD_SECONDS = 5 * 366 * 86_400
"""How far ahead a request can set when an invoice becomes final."""


def create_invoice(ctx: Context, params: Body) -> "Invoice":
    """Draft an invoice by hand; it takes pending items only if the request says so.

    With ``subscription`` it bills the pending items of that subscription only, if there are any.
    """
    subscription = _subscription(ctx, params)
    customer = find(ctx, "customer", _customer_id(params, subscription), param="customer")
    uow = open_unit_of_work(on_customers_time(ctx, customer), customer)
    draft = _draft(uow, params, subscription)
    lines = _pending_lines(uow, draft, params, subscription)
    invoice = billed_amounts(uow, _discounted(uow, draft, lines, params, subscription), lines)
    use_up_customers(uow, invoice)
    uow.emit("invoice.created", invoice)
    uow.put(invoice_document(invoice, uow.stored_customer))
    uow.save(result_id=invoice["id"])
    return invoice


def update_invoice(ctx: Context, invoice_id: str, params: Body) -> "Invoice":
    """Change a draft; of a finalised invoice only its metadata and whether it advances."""
    document = find(ctx, "invoice", invoice_id)
    before = document.body
    customer = customer_of(ctx, document)
    if before["status"] == "draft":
        customer = find(ctx, "customer", customer.id, param="customer")
    uow = open_unit_of_work(on_customers_time(ctx, document), customer)
    if before["status"] != "draft" and set(params) - {"metadata", "auto_advance"}:
        raise BillingError(
            "Finalized invoices can't be updated in this way",
            code="invoice_not_editable",
            param=next(name for name in params if name not in ("metadata", "auto_advance")),
        )
    invoice = _with_default_rates(uow, _with_fields(uow.ctx, before, params), params)
    if "discounts" in params:
        lines = invoice["lines"]["data"]
        invoice = with_own_discounts(uow, invoice, lines, params["discounts"] or [])
    if before["status"] == "draft":
        invoice = with_automatic_tax(uow, invoice, params)
        invoice = billed_amounts(uow, invoice, invoice_lines(invoice))
        remember_discounts(uow, before, invoice)
        document = replace(document, due_at=invoice_due_at(invoice))
    uow.put(replace(document, body=invoice))
    uow.emit("invoice.updated", invoice, before)
    uow.save(result_id=invoice_id)
    return invoice


def delete_invoice(ctx: Context, invoice_id: str, params: Body) -> "Deleted":  # noqa: ARG001 - a route
    """Delete a draft that was made by hand, and its items with it, as Stripe does."""
    document = find(ctx, "invoice", invoice_id, param="invoice", status=404)
    if document.body["status"] != "draft":
        raise BillingError("You can only delete draft invoices.")
    if subscription_of(document.body) is not None:
        raise BillingError(
            "You can only delete one-off invoices: finalize the invoice of a subscription, then"
            " void it.",
            code="invoice_not_editable",
        )
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    uow = open_unit_of_work(on_customers_time(ctx, customer), customer)
    items = list(uow.read(_item_ids(document.body)).values())
    undo_prorations(uow, items)
    uow.delete_with_draft(items)
    uow.remove(document)
    uow.emit("invoice.deleted", document.body)
    uow.save(result_id=invoice_id)
    return {"id": invoice_id, "object": "invoice", "deleted": True}


def send_invoice(ctx: Context, invoice_id: str, params: Body) -> "Invoice":  # noqa: ARG001 - a route
    """Finalise an invoice if it is a draft, and emit that it is to be sent to the customer.

    Meterline sends no mail itself: ``invoice.sent`` is the event for the service that does.
    """
    document = find(ctx, "invoice", invoice_id, param="invoice", status=404)
    body = document.body
    if body["collection_method"] != "send_invoice":
        raise BillingError(
            "You can only manually send an invoice if its collection method is 'send_invoice'.",
        )
    if body["status"] == "draft":
        body = finalize_invoice(replace(ctx, receipt=None), invoice_id, {})
        document = find(ctx, "invoice", invoice_id)
    customer = find(ctx, "customer", body["customer"], param="customer")
    uow = open_unit_of_work(on_customers_time(ctx, customer), customer)
    uow.put(document)
    uow.emit("invoice.sent", body)
    uow.save(result_id=invoice_id)
    return body


def _subscription(ctx: Context, params: Body) -> "Subscription | None":
    if "subscription" not in params:
        return None
    return find(ctx, "subscription", params["subscription"], param="subscription").body


def _customer_id(params: Body, subscription: "Subscription | None") -> str:
    if subscription is None:
        return str(params["customer"])
    if params.get("customer", subscription["customer"]) != subscription["customer"]:
        raise BillingError(
            f"The subscription {subscription['id']} belongs to another customer.",
            param="subscription",
        )
    return subscription["customer"]


def _draft(uow: UnitOfWork, params: Body, subscription: "Subscription | None") -> "Invoice":
    now = uow.ctx.now
    start = now if subscription is None else min(current_period(subscription).start, now)
    terms = InvoiceTerms(
        id=new_object_id("invoice"),
        created=now,
        billing_reason="manual",
        period=Period(start, now),
        finalizes_at=None,
    )
    if subscription is None:
        currency = params.get("currency") or uow.customer["currency"] or DEFAULT_CURRENCY
        known_currency(currency, "currency")
        draft = new_invoice(terms, uow.customer, currency)
    else:
        _check_currency(subscription, params)
        draft = draft_invoice(terms, uow.customer, subscription)
    draft |= {"auto_advance": False, "next_payment_attempt": None, "rendering": _RENDERING}
    draft = with_automatic_tax(uow, draft, params)
    return _with_default_rates(uow, _with_fields(uow.ctx, draft, params), params)


def _discounted(
    uow: UnitOfWork,
    draft: "Invoice",
    lines: "list[InvoiceLine]",
    params: Body,
    subscription: "Subscription | None",
) -> "Invoice":
    """The draft with the discounts of the request, else those of its subscription or customer."""
    if "discounts" in params:
        return with_own_discounts(uow, draft, lines, params["discounts"] or [])
    if subscription is None:
        return with_discounts(draft, customers_discounts(uow, draft["currency"]))
    return with_discounts(draft, active_discounts(uow, subscription).own)


def _with_default_rates(uow: UnitOfWork, invoice: "Invoice", params: Body) -> "Invoice":
    """A draft with the tax rates that a request asks for, of lines that have none of their own."""
    if "default_tax_rates" not in params:
        return invoice
    asked, kept = params["default_tax_rates"], invoice["default_tax_rates"]
    rates = requested_rates(uow, asked, kept, "default_tax_rates")
    return invoice | {"default_tax_rates": rates}


def _check_currency(subscription: "Subscription", params: Body) -> None:
    """An invoice of a subscription is in its currency."""
    if params.get("currency", subscription["currency"]) != subscription["currency"]:
        raise BillingError(
            f"The subscription is in {subscription['currency']}, not in {params['currency']}.",
            param="currency",
        )


def _with_fields(ctx: Context, invoice: "Invoice", params: Body) -> "Invoice":
    changes: Any = {name: or_none(params[name]) for name in _PLAIN_FIELDS if name in params}
    if "account_tax_ids" in params:
        kept = invoice["account_tax_ids"] or []
        asked = params["account_tax_ids"]
        changes["account_tax_ids"] = named_tax_ids(ctx, asked, kept, "account_tax_ids")
    if "metadata" in params:
        changes["metadata"] = merged_metadata(invoice["metadata"], params["metadata"])
    if "days_until_due" in params:
        changes["due_date"] = due_date(invoice["created"], params["days_until_due"])
    changed: Invoice = invoice | changes
    if "auto_advance" in params:
        changed |= {"auto_advance": params["auto_advance"]}
        if invoice["status"] == "draft" and params["auto_advance"]:
            changed |= advance(changed, invoice_grace_seconds(ctx))
        elif invoice["status"] == "draft":
            changed |= HALT
    if "automatically_finalizes_at" in params:
        changed |= _final_at(ctx, params)
    _check_collection(changed)
    if "number" in params:
        check_number(ctx, changed)
    return changed


def _final_at(ctx: Context, params: Body) -> "InvoiceChanges":
    """When a draft becomes final by itself, which it then advances for."""
    at = params["automatically_finalizes_at"]
    if not ctx.now < at <= ctx.now + _MOST_AHEAD_SECONDS:
        raise BillingError(
            "automatically_finalizes_at must lie ahead, by at most five years.",
            param="automatically_finalizes_at",
        )
    if not params.get("auto_advance", True):
        raise BillingError(
            "An invoice that does not advance by itself is not finalized by itself.",
            param="auto_advance",
        )
    return {"auto_advance": True, "automatically_finalizes_at": at}


_MISSING_DATE = (
    "If invoice collection method is 'send_invoice', you must specify 'due_date' or"
    " 'days_until_due'."
)
_MISPLACED_DATE = (
    "You can only specify 'due_date' or 'days_until_due' if invoice collection method is"
    " 'send_invoice'."
)


def _check_collection(invoice: "Invoice") -> None:
    """An invoice that is sent needs a day until which it is due; a charge has none."""
    due = invoice["due_date"] is not None
    if due != (invoice["collection_method"] == "send_invoice"):
        raise BillingError(_MISPLACED_DATE if due else _MISSING_DATE)


def _pending_lines(
    uow: UnitOfWork, draft: "Invoice", params: Body, subscription: "Subscription | None"
) -> "list[InvoiceLine]":
    subscription_id = subscription["id"] if subscription else None
    usual = "include" if subscription_id else "exclude"
    behavior = params.get("pending_invoice_items_behavior", usual)
    if behavior == "exclude":
        return []
    its_own = None if subscription_id is None else frozenset({subscription_id})
    return collect_lines(uow, draft["id"], Selection(draft["currency"], its_own))


def _item_ids(invoice: "Invoice") -> list[str]:
    """The ids of the invoice items that an invoice bills."""
    ids = (item_of_line(line) for line in invoice_lines(invoice))
    return [id_ for id_ in ids if id_ is not None]
