"""The invoice object: a new one with all its fields, and when it is due for what."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import Period
from meterline.core.subscriptions.dunning import Deadlines
from meterline.services.billing.private_states import InvoiceState, LineState, StoredDeadlines
from meterline.store.base.documents import LIVE, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        Invoice,
        InvoiceAutomaticTax,
        InvoiceBillingReason,
        InvoiceChanges,
        InvoiceLine,
        InvoiceLineTax,
        InvoiceParent,
        InvoiceTotalTax,
        Listed,
        Subscription,
    )


@frozen
class InvoiceTerms:
    """What tells one invoice from another when it is drafted.

    ``period`` is the window it covers (for a renewal the period that ended). It is finalised by
    itself at ``finalizes_at``, or never if that is None.
    """

    id: str
    created: int
    billing_reason: "InvoiceBillingReason"
    period: Period
    finalizes_at: int | None


def invoice_document(body: "Invoice", customer: "Document[Customer]") -> "Document[Invoice]":
    """The document that stores a new invoice: listed under its customer, due for finalisation."""
    return Document(
        kind="invoice",
        livemode=customer.livemode,
        body=body,
        due_at=invoice_due_at(body),
        timeline=body["test_clock"] or LIVE,
        parent=customer.id,
    )


def finalization_due_at(invoice: "Invoice") -> int | None:
    """When a draft finalises itself: never unless it advances by itself, and not while a tax engine
    is to be asked again.
    """
    advances = invoice["status"] == "draft" and invoice["auto_advance"]
    waits = taxes_due_at(invoice) is not None
    return invoice["automatically_finalizes_at"] if advances and not waits else None


def taxes_due_at(invoice: "Invoice") -> int | None:
    """When the tax engine is asked again about a draft, if it is."""
    known = InvoiceState.of(invoice).tax_calculation if invoice["status"] == "draft" else None
    return None if known is None else known.get("at")


def invoice_due_at(invoice: "Invoice") -> int | None:
    """When an invoice next needs work: a draft is finalised, an open one pursued, and the usage of
    one that was finalised without warning read again.
    """
    instants = (at(invoice) for at in DUE_INSTANTS)
    return min((instant for instant in instants if instant is not None), default=None)


def corrections_due_at(invoice: "Invoice") -> int | None:
    """When a draft gets the corrections of late usage that are left: at once, if any are."""
    rest = InvoiceState.of(invoice).late if invoice["status"] == "draft" else None
    return None if rest is None else rest["at"]


def corrections_left(invoice: "Invoice") -> tuple[int]:
    """How many records of late usage a draft still lacks corrections for."""
    rest = InvoiceState.of(invoice).late
    return (0 if rest is None else rest["left"],)


def usage_due_at(invoice: "Invoice") -> int | None:
    """When late usage of a final invoice is looked for once more, if it is."""
    return None if invoice["status"] == "draft" else InvoiceState.of(invoice).usage_due_at


def late_due_at(invoice: "Invoice") -> int | None:
    """When an open invoice becomes late, if it is not yet."""
    return deadlines_of_invoice(invoice).late_at if invoice["status"] == "open" else None


def given_up_due_at(invoice: "Invoice") -> int | None:
    """When an open invoice that is late is given up, if ever."""
    deadlines = deadlines_of_invoice(invoice)
    is_late = invoice["status"] == "open" and deadlines.late_at is None
    return deadlines.given_up_at if is_late else None


def deadlines_of_invoice(invoice: "Invoice") -> Deadlines:
    """The deadlines of a finalised invoice that have not passed yet."""
    stored = InvoiceState.of(invoice).arrears
    return (
        Deadlines(None, None)
        if stored is None
        else Deadlines(stored["late_at"], stored["given_up_at"])
    )


def with_deadlines(invoice: "Invoice", deadlines: Deadlines) -> "Invoice":
    """The invoice with other deadlines."""
    stored: StoredDeadlines = {
        "late_at": deadlines.late_at,
        "given_up_at": deadlines.given_up_at,
    }
    return replace(InvoiceState.of(invoice), arrears=stored).on(invoice)


DUE_INSTANTS = (
    corrections_due_at,
    taxes_due_at,
    finalization_due_at,
    usage_due_at,
    late_due_at,
    given_up_due_at,
)
"""When the kinds of work on an invoice are due; of several at once, in this order."""

_SECONDS_PER_DAY = 86_400

NO_TAX: "Final[InvoiceAutomaticTax]" = {
    "disabled_reason": None,
    "enabled": False,
    "liability": None,
    "provider": None,
    "status": None,
}
AUTOMATIC_TAX: "Final[InvoiceAutomaticTax]" = NO_TAX | {
    "enabled": True,
    "liability": {"type": "self"},
}
"""Of an invoice whose taxes the deployment's engine computes, before it was asked."""

HALT: "Final[InvoiceChanges]" = {
    "auto_advance": False,
    "automatically_finalizes_at": None,
    "next_payment_attempt": None,
}
"""A draft that does not go on by itself."""


def draft_invoice(
    terms: InvoiceTerms, customer: "Customer", subscription: "Subscription"
) -> "Invoice":
    """A draft invoice of a subscription, still without lines.

    While the subscription is unpaid its invoices stay drafts.
    """
    if subscription["status"] == "unpaid":
        terms = replace(terms, finalizes_at=None)
    settings = subscription["invoice_settings"]
    return new_invoice(terms, customer, subscription["currency"]) | {
        "account_tax_ids": settings["account_tax_ids"],
        "automatic_tax": AUTOMATIC_TAX if subscription["automatic_tax"]["enabled"] else NO_TAX,
        "auto_advance": subscription["status"] != "unpaid",
        "collection_method": subscription["collection_method"],
        "custom_fields": settings["custom_fields"],
        "default_tax_rates": list(subscription.get("default_tax_rates", ())),
        "description": settings["description"],
        "footer": settings["footer"],
        "due_date": due_date(terms.created, subscription["days_until_due"]),
        "next_payment_attempt": _payment_attempt(terms, subscription),
        "parent": _parent(subscription),
    }


def advance(draft: "Invoice", grace_seconds: int) -> "InvoiceChanges":
    """What a draft that goes on by itself says of when, counted from its creation.

    It becomes final a second after its grace is over, when it would be charged.
    """
    charged = draft["collection_method"] == "charge_automatically"
    attempt = draft["created"] + grace_seconds
    return {
        "auto_advance": True,
        "automatically_finalizes_at": attempt + 1,
        "next_payment_attempt": attempt if charged else None,
    }


def due_date(created: int, days_until_due: int | None) -> int | None:
    """When an invoice is to be paid by, counted from its creation; None for a charge."""
    return None if days_until_due is None else created + days_until_due * _SECONDS_PER_DAY


def new_invoice(terms: InvoiceTerms, customer: "Customer", currency: str) -> "Invoice":
    """A draft invoice of a customer, of no subscription and still without lines."""
    return {
        "id": terms.id,
        "object": "invoice",
        "account_country": None,
        "account_name": None,
        "account_tax_ids": None,
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": NO_TAX,
        "automatically_finalizes_at": terms.finalizes_at,
        "billing_reason": terms.billing_reason,
        "collection_method": "charge_automatically",
        "created": terms.created,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        "customer_address": customer.get("address"),
        "customer_email": customer["email"],
        "customer_name": customer.get("name"),
        "customer_phone": customer.get("phone"),
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer.get("tax_exempt"),
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": line_list(terms.id, []),
        "livemode": customer["livemode"],
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": terms.period.end,
        "period_start": terms.period.start,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "test_clock": customer.get("test_clock"),
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": terms.created,
    }


def item_of_line(line: "InvoiceLine") -> str | None:
    """The id of the invoice item that a line is, if it is one."""
    parent = line["parent"]
    details = parent["invoice_item_details"] or parent["subscription_item_details"]
    return None if details is None else details["invoice_item"]


def billed_item_of(line: "InvoiceLine") -> str | None:
    """The subscription item that a line bills by itself, not through an invoice item."""
    details = line["parent"]["subscription_item_details"]
    return None if details is None or details["invoice_item"] else details["subscription_item"]


def billed_period(line: "InvoiceLine") -> Period:
    """The period that a line bills, also where a request lets it show another."""
    span = LineState.of(line).billed_period or line["period"]
    return Period(span["start"], span["end"])


def line_list(invoice_id: str, lines: "list[InvoiceLine]") -> "Listed[InvoiceLine]":
    """The list object that holds an invoice's lines."""
    return {
        "object": "list",
        "data": lines,
        "has_more": False,
        "total_count": len(lines),
        "url": f"/v1/invoices/{invoice_id}/lines",
    }


def invoice_lines(invoice: "Invoice") -> "list[InvoiceLine]":
    """The lines of an invoice; an error where only its first ones were read, as lists do."""
    assert not invoice["lines"]["has_more"], "only the first lines were read"  # noqa: S101
    return invoice["lines"]["data"]


def subscription_of(invoice: "Invoice") -> str | None:
    """The id of the subscription that an invoice belongs to."""
    details = invoice["parent"] and invoice["parent"]["subscription_details"]
    return details and details["subscription"]


def _payment_attempt(terms: InvoiceTerms, subscription: "Subscription") -> int | None:
    charged = subscription["collection_method"] == "charge_automatically"
    return terms.finalizes_at if charged else None


def _parent(subscription: "Subscription") -> "InvoiceParent":
    return {
        "type": "subscription_details",
        "quote_details": None,
        "subscription_details": {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
        },
    }


def rate_ids(invoice: "Invoice") -> list[str]:
    """The tax rates that the invoice's taxes name, once each."""
    return [id_ for id_ in dict.fromkeys(map(rate_id, invoice["total_taxes"])) if id_]


def rate_id(tax: "InvoiceLineTax | InvoiceTotalTax") -> str:
    """The tax rate that a tax is by; empty if it is by none."""
    details = tax["tax_rate_details"]
    return "" if details is None else details["tax_rate"]
