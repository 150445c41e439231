"""Late usage: corrections of final invoices on the next one, if the account's settings say so.

Meterline takes events for 35 days after they happened, so usage may arrive when its invoice can no
longer change. Counting finds the line of the final invoice and records it
(``late_usage_detection``). With ``late_usage=next_invoice`` each renewal reads the records, and
bills or credits what the line and its earlier corrections have not, under the original period.
Lines of any period and of any kind of invoice are corrected.
"""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from meterline.core.base.frozen import frozen
from meterline.core.base.money import exact_difference, exact_sum, format_decimal
from meterline.core.billing.invoicing import Line
from meterline.services.account.settings import bills_late_usage
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.lookups import customer_of
from meterline.services.billing.engine_taxes import billed_amounts
from meterline.services.billing.invoice_bodies import (
    InvoiceTerms,
    corrections_left,
    invoice_due_at,
    invoice_lines,
    subscription_of,
)
from meterline.services.billing.line_discounts import billed_with_reductions
from meterline.services.billing.line_taxes import as_taxed
from meterline.services.billing.private_states import (
    InvoiceState,
    LineExplanation,
    LineState,
    WorkLeft,
)
from meterline.services.billing.tier_lines import whole_lines
from meterline.services.billing.unit_of_work import UnitOfWork, open_unit_of_work
from meterline.services.catalog.price_segments import segment_text
from meterline.services.invoices.billed_in_advance import remember_discounts
from meterline.services.invoices.late_usage_records import (
    KIND,
    Corrected,
    LateUsage,
    LateUsageState,
    close_unbilled,
    closed,
    corrected_by,
    with_corrected,
)
from meterline.services.invoices.lines import bounds_of, steps_of
from meterline.services.invoices.metered import price_id, rate_again
from meterline.store.base.documents import Document
from meterline.store.billing.repository import Span

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        InvoiceItem,
        InvoiceLine,
        InvoiceLineParent,
        Subscription,
    )

_RECORDS_AT_ONCE = 40
"""Records that one commit corrects; the rest is left to further commits on the same draft."""

_REASONS = ("subscription_cycle", "upcoming")


@frozen
class _LateLine:
    """A line of a final invoice that did not bill all usage, and the record that says so."""

    record: Document[LateUsage]
    line: "InvoiceLine"


@frozen
class LateLines:
    """Corrections that one commit makes, and how many records are left for others."""

    lines: "list[InvoiceLine]"
    left: int


def late_lines(uow: UnitOfWork, subscription: "Subscription", terms: InvoiceTerms) -> LateLines:
    """The corrections that a renewal's invoice carries, newest period first; usually none.

    ``add_late_lines`` makes those that this commit has no room for; a preview shows all.
    """
    if terms.billing_reason not in _REASONS or not bills_late_usage(uow.ctx):
        return LateLines([], 0)
    most = None if terms.billing_reason == "upcoming" else min(_RECORDS_AT_ONCE, uow.room)
    return _late_lines(uow, subscription["id"], terms.id, most)


def add_late_lines(ctx: Context, document: "Document[Invoice]") -> list[Document]:
    """Go on with the corrections of a renewal's draft, in a commit of its own.

    Returns the documents written. A record is corrected once: it leaves its list with its line.
    """
    state = InvoiceState.of(document.body)
    customer = customer_of(ctx, document)
    uow, body = open_unit_of_work(ctx, customer), replace(state, late=None).on(document.body)
    if not customer.body.get("deleted"):
        late = _more_late_lines(uow, document)
        left = work_left(late, document.body["created"])
        body = replace(state, late=left).on(body)
        body = billed_amounts(uow, body, [*invoice_lines(body), *late.lines])
        remember_discounts(uow, document.body, body)
        uow.emit("invoice.updated", body, document.body)
    uow.put_first(replace(document, body=body, due_at=invoice_due_at(body)))
    return uow.save()


def work_left(late: LateLines, at: int) -> WorkLeft | None:
    """What a draft remembers of corrections that are left; it is due for them at once."""
    return {"at": at, "left": late.left} if late.left else None


def _more_late_lines(uow: UnitOfWork, draft: "Document[Invoice]") -> LateLines:
    """The next corrections of a draft, of as many records as it had left.

    Later records are for the next renewal, so the corrections of a draft come to an end.
    """
    (left,) = corrections_left(draft.body)
    most = min(_RECORDS_AT_ONCE, left)
    late = _late_lines(uow, str(subscription_of(draft.body)), draft.id, most)
    return replace(late, left=min(late.left, left - most))


def _late_lines(
    uow: UnitOfWork, subscription_id: str, invoice_id: str, most: int | None
) -> LateLines:
    """The corrections of the oldest records, up to ``most``.

    An invoice corrects a line once: a record that was reopened since waits for the next invoice.
    """
    ctx = uow.ctx
    listed = ctx.store.each(KIND, Span(oldest_first=True), parent=uow.stored_customer.id)
    waiting, others = [], []
    for record in listed:
        if not _is_of(ctx, record, subscription_id):
            others.append(record)
        elif corrected_by(record).invoice != invoice_id:
            waiting.append(record)
    found = [_LateLine(record, line) for record in waiting[:most] for line in _line_of(ctx, record)]
    found.sort(key=lambda late: late.line["period"]["start"], reverse=True)
    corrections = [_correction(uow, late, invoice_id) for late in found]
    left = len(waiting) - len(waiting[:most])
    close_unbilled(uow, others)
    return LateLines([line for line in corrections if line is not None], left)


def _is_of(ctx: Context, record: Document[LateUsage], subscription_id: str) -> bool:
    """Whether a record is about a line of a subscription; older records do not name theirs."""
    known = LateUsageState.of(record.body).subscription
    if known is not None:
        return known == subscription_id
    return any(line["subscription"] == subscription_id for line in _line_of(ctx, record))


def _line_of(ctx: Context, record: Document[LateUsage]) -> "list[InvoiceLine]":
    """The line that a record is about, as it was billed."""
    invoice = ctx.store.get(record.body["invoice"])
    lines = whole_lines(invoice_lines(invoice.body)) if invoice is not None else []
    return [line for line in lines if line["id"] == record.body["invoice_line_item"]]


def _correction(uow: UnitOfWork, found: _LateLine, invoice_id: str) -> "InvoiceLine | None":
    """The line that bills what a line and its earlier corrections have not; None if nothing.

    If they billed too much, it gives back what was charged for that.
    """
    ctx, record, line = uow.ctx, found.record, found.line
    known = ctx.store.get_many([price_id(line), LineState.of(line).meter or ""])
    rated = rate_again(ctx, record.body["customer"], line, known)
    before = corrected_by(record)
    known_quantity = exact_sum((Decimal(line["quantity_decimal"]), before.quantity))
    more = exact_difference(rated.quantity, known_quantity)
    amount = rated.amount_minor - line["amount"] - before.amount_minor
    if not more and not amount:
        uow.put(closed(record, ctx.wall_clock))
        return None
    quantity = exact_sum((before.quantity, more))
    billed = Corrected(before.amount_minor + amount, quantity, invoice_id)
    uow.put(closed(with_corrected(record, billed), ctx.wall_clock))
    charged = billed_with_reductions(
        line["amount"] + before.amount_minor, [_last_billed(ctx, line, before)]
    )
    name = f"{LineState.of(line).product_name}{segment_text(known[price_id(line)].body)}"
    described = f"Late usage: {format_decimal(more)} × {name}"
    correction = _line(line, rated, more, amount, invoice_id) | {
        "description": described,
        "parent": _parent(ctx, line),
    }
    return replace(LineState.of(correction), gives_back=charged).on(correction)


def _last_billed(ctx: Context, line: "InvoiceLine", before: Corrected) -> "InvoiceLine":
    """The last correction of a line, which knows what discounts took off until then; or itself."""
    invoice = ctx.store.get(before.invoice) if before.invoice else None
    lines = invoice_lines(invoice.body) if invoice is not None else []
    return next((later for later in lines if LineState.of(later).corrects == line["id"]), line)


def _line(
    line: "InvoiceLine", rated: Line, more: Decimal, amount: int, invoice_id: str
) -> "InvoiceLine":
    """A correction of ``line``; finalising does not rate it again, as it names no meter.

    The line's percentages count for it too; its amounts off were taken by the line itself.
    """
    billed = LineState.of(line)
    percentages = [discount for discount in billed.discounts or () if discount["percent_off"]]
    explanation: LineExplanation = {
        "steps": [],
        "full_amount": amount,
        "seconds": rated.period.seconds,
        "of_seconds": rated.period.seconds,
        "rated_again": steps_of(rated.rated) if rated.rated else [],
        "bounds": bounds_of(rated),
    }
    state = LineState(
        corrects=line["id"],
        discounts=percentages,
        explanation=explanation,
        product_name=billed.product_name,
        usage_of=billed.usage_meter,
    )
    return as_taxed(state, line).on(
        line
        | {
            "id": derived_object_id("line_item", invoice_id, line["id"], "late"),
            "amount": amount,
            "discount_amounts": [],
            "discounts": [percentage["id"] for percentage in percentages],
            "invoice": invoice_id,
            "quantity": int(more),
            "quantity_decimal": format_decimal(more),
            "subtotal": amount,
            "taxes": [],
        }
    )


def _parent(ctx: Context, line: "InvoiceLine") -> "InvoiceLineParent":
    """The item of the subscription that a correction is about, not the invoice item of a cut."""
    parent = line["parent"]
    if parent["invoice_item_details"] is None:
        return parent
    item_id = parent["invoice_item_details"]["invoice_item"]
    item: Document[InvoiceItem] | None = ctx.store.get(item_id)
    about = item.body["parent"] if item else None
    origin: Any = (about and about["subscription_details"]) or {}
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": line["subscription"],
            "subscription_item": origin.get("subscription_item"),
        },
    }
