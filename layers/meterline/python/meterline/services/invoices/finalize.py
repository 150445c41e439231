"""Finalising invoices: late usage is counted in, then the invoice gets its number for good."""

from dataclasses import dataclass, replace
from typing import Any

from meterline.core.errors import BillingError
from meterline.core.invoicing import total_up
from meterline.services.context import Context
from meterline.services.events import EventDraft
from meterline.services.invoices.bodies import invoice_due_at, invoice_lines, with_totals
from meterline.services.invoices.metered import with_current_usage
from meterline.services.lookups import find, on_customers_time
from meterline.store.documents import Body, Change, Document

_SECONDS_PER_DAY = 86_400
_NUMBER_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Finalized:
    """A finalised invoice and its customer, whose sequence and balance have moved on."""

    invoice: Body
    customer: Body

    @property
    def events(self) -> list[EventDraft]:
        """What there is to tell about the invoice."""
        happened = ["invoice.finalized"]
        if self.invoice["status"] == "paid":
            happened += ["invoice.paid", "invoice.payment_succeeded"]
        return [EventDraft(type_, self.invoice) for type_ in happened]


def finalize_invoice(ctx: Context, invoice_id: str, params: Body) -> Body:
    """Finalise a draft now, on the customer's time; any other status is refused."""
    document = find(ctx, "invoice", invoice_id)
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    ctx = on_customers_time(ctx, customer)
    if document.body["status"] != "draft":
        raise BillingError(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    return _finalize(ctx, document, customer, auto_advance=params.get("auto_advance"))[0].body


def finalize_due_invoice(ctx: Context, document: Document) -> list[Document]:
    """Finalise a draft whose hour has come, or do nothing if that is no longer so.

    Returns the documents written.
    """
    due_at = document.body["automatically_finalizes_at"]
    if document.body["status"] != "draft" or due_at is None or due_at > ctx.now:
        return []
    customer = find(ctx, "customer", document.body["customer"], param="customer")
    return _finalize(ctx, document, customer)


def finalized(invoice: Body, customer: Body, at: int) -> Finalized:
    """The decision: the invoice as it is from ``at`` on, and what it does to the customer.

    The balance is taken as it stands now; an invoice with nothing due is paid at once (contract
    section 6).
    """
    lines = invoice_lines(invoice)
    totals = total_up((int(line["amount"]) for line in lines), int(customer["balance"]))
    sequence = int(customer["next_invoice_sequence"])
    number = f"{customer['invoice_prefix']}-{sequence:0{_NUMBER_DIGITS}d}"
    opened = with_totals(invoice, lines, starting_balance=totals.starting_balance) | {
        "number": number,
        "status": "open",
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
        "effective_at": at,
        "due_date": _due_date(invoice, at),
        "ending_balance": totals.ending_balance,
        "status_transitions": invoice["status_transitions"] | {"finalized_at": at},
    }
    changed = {"next_invoice_sequence": sequence + 1, "balance": totals.ending_balance}
    settled = opened if totals.amount_due else paid(opened, at)
    return Finalized(settled, customer | changed)


def paid(invoice: Body, at: int) -> Body:
    """The invoice with all that is due recorded as paid at ``at``."""
    return invoice | {
        "status": "paid",
        "attempted": True,
        "auto_advance": False,
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "next_payment_attempt": None,
        "status_transitions": invoice["status_transitions"] | {"paid_at": at},
    }


def _finalize(
    ctx: Context, document: Document, customer: Document, *, auto_advance: bool | None = None
) -> list[Document]:
    settings: dict[str, Any] = {} if auto_advance is None else {"auto_advance": auto_advance}
    current = with_current_usage(ctx, document.body) | settings
    outcome = finalized(current, customer.body, ctx.now)
    change = Change(
        puts=[
            replace(document, body=outcome.invoice, due_at=invoice_due_at(outcome.invoice)),
            replace(customer, body=outcome.customer),
        ]
    )
    ctx.save(change, outcome.events, result_id=document.id)
    return change.puts


def _due_date(invoice: Body, at: int) -> int | None:
    days = (invoice.get("_") or {}).get("days_until_due")
    return None if days is None else at + int(days) * _SECONDS_PER_DAY
