"""Detection of late usage: counting detects it, and emits it once for each line of a final invoice.

Detection emits an event and reopens a closed record; ``late_usage`` bills. The late meter events
are those in the list of the meter's events that were created after ``finalized_at``.
"""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.money import exact_sum, format_decimal
from meterline.core.metering.acceptance import measure_of
from meterline.services.account.settings import bills_late_usage
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.billing.invoice_bodies import (
    billed_period,
    finalization_due_at,
    invoice_due_at,
    invoice_lines,
    usage_due_at,
)
from meterline.services.billing.private_states import InvoiceState, LineState
from meterline.services.billing.tier_lines import whole_lines
from meterline.services.invoices.late_usage_records import (
    KIND,
    LateUsage,
    LateUsageState,
    bills_no_more,
    closed,
    corrected_by,
    is_closed,
    reopened,
)
from meterline.services.invoices.late_usage_searches import StoredSearch, go_on, search_on
from meterline.services.invoices.metered import price_id, rate_again
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import Span
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meterline.core.base.wire import Invoice, InvoiceLine, Meter

_SOON_SECONDS = 300
"""Detection writes drafts again that finalize themselves this soon, or that only a request does."""

_INVOICES_AT_ONCE = 500
"""Invoices that one call looks at: it shares 60 seconds with others. The rest is due work."""

_TRIES = 5
"""Attempts to write what others write too, before the worker looks at the hour again."""


def emit_late_usage(ctx: Context, bucket: BucketKey) -> None:
    """Emit an event for each final invoice line that bills less, or more, than an hour's usage.

    Each line is emitted once, also when more usage comes for it. Beyond 500 invoices the rest is
    due work.
    """
    place = _look_at_page(ctx, bucket, None)
    if place is not None:
        search_on(ctx, bucket, place)


def go_on_searching(ctx: Context, search: Document[StoredSearch]) -> list[Document[StoredSearch]]:
    """Look at more invoices of an hour that has too many for one call; returns what was written."""
    return go_on(ctx, search, _look_at_page)


def look_again(ctx: Context, document: "Document[Invoice]") -> "list[Document[Invoice]]":
    """Emit the late usage of an invoice that was finalized without warning.

    Usage counted before its commit is visible by now; counting emits what comes later. Returns the
    documents written, none if nothing was due.
    """
    invoice = document.body
    due_at = usage_due_at(invoice)
    if invoice["status"] == "draft" or due_at is None or due_at > ctx.now:
        return []
    for line in whole_lines(invoice_lines(invoice)) if invoice["status"] != "void" else []:
        if LineState.of(line).meter:
            _emit_if_late(ctx, invoice, line)
    checked = replace(InvoiceState.of(invoice), usage_due_at=None).on(invoice)
    written = replace(document, body=checked, due_at=invoice_due_at(checked))
    ctx.save(Change(puts=[written]))
    return [written]


def _look_at_page(ctx: Context, bucket: BucketKey, place: Cursor | None) -> Cursor | None:
    """Look at the next invoices that may bill an hour; returns the last if there are more.

    An invoice bills a period that is over, so no invoice from before the hour bills it.
    """
    since = Span(created_from=bucket.start, newer_than=place, oldest_first=True)
    for number, document in enumerate(ctx.store.each("invoice", since, parent=bucket.customer)):
        if number == _INVOICES_AT_ONCE:
            return place
        for invoice, line in _final_lines(ctx, document, bucket):
            _emit_if_late(ctx, invoice, line)
        place = Cursor(document.created, document.id)
    return None


def _final_lines(
    ctx: Context, document: "Document[Invoice]", bucket: BucketKey
) -> "Iterator[tuple[Invoice, InvoiceLine]]":
    """The lines of an invoice, if it is final, that bill this hour or a part of it."""
    if document.body["status"] != "void" and _lines_on(ctx, document, bucket):
        final = _once_final(ctx, document)
        if final is not None:
            yield from ((final.body, line) for line in _lines_on(ctx, final, bucket))


def _once_final(ctx: Context, document: "Document[Invoice]") -> "Document[Invoice] | None":
    """The invoice if it is final; a draft that may be final at any moment is written as it is.

    That write refuses a finalization that has read its usage already, and makes it read again. So
    usage is either on the invoice or late, never neither.
    """
    for _ in range(_TRIES):
        if document.body["status"] != "draft":
            return document
        if not _may_be_final_soon(ctx, document.body):
            return None
        try:
            ctx.save(Change(puts=[document]))
        except Conflict:
            document = ctx.store.get(document.id) or document
        else:
            return None
    raise Conflict(document.id)


def _may_be_final_soon(ctx: Context, draft: "Invoice") -> bool:
    """Whether a draft may be made final about now; a test clock may be fast."""
    due_at = finalization_due_at(draft)
    if due_at is None or draft["test_clock"] is not None:
        return True
    return due_at <= ctx.wall_clock + _SOON_SECONDS


def _lines_on(
    ctx: Context, document: "Document[Invoice]", bucket: BucketKey
) -> "list[InvoiceLine]":
    """The lines of an invoice that bill this hour of a meter, or a part of it; of levels also
    those of later times, as an event changes the level up to the next one.
    """
    lines = [
        line
        for line in whole_lines(_lines(ctx, document))
        if LineState.of(line).meter == bucket.meter and bucket.start < billed_period(line).end
    ]
    own = [line for line in lines if billed_period(line).start < bucket.start + HOUR_SECONDS]
    if len(own) == len(lines):
        return own
    meter: Meter = find(ctx, "billing.meter", bucket.meter).body
    return lines if measure_of(meter).has_levels else own


def _lines(ctx: Context, document: "Document[Invoice]") -> "list[InvoiceLine]":
    """All lines of an invoice from a list, which shows the first ones of a long invoice only."""
    if not document.parts:
        return invoice_lines(document.body)
    whole = ctx.store.get(document.id)
    return invoice_lines(whole.body) if whole is not None else []


def _emit_if_late(ctx: Context, invoice: "Invoice", line: "InvoiceLine") -> None:
    """Emit a line's late usage once; if it was emitted before, make renewals look at it again.

    A record that waits for a renewal is written again as it is. That write refuses a renewal that
    has read its usage already, and makes it read again.
    """
    record_id = derived_object_id("meterline.late_usage", invoice["id"], line["id"])
    for _ in range(_TRIES):
        record: Document[LateUsage] | None = ctx.store.get(record_id)
        try:
            if record is None:
                _emit(ctx, record_id, invoice, line)
            elif is_closed(record):
                _reopen(ctx, record, line)
            elif bills_late_usage(ctx):
                ctx.save(Change(puts=[record]))
        except Conflict:
            continue
        else:
            return
    raise Conflict(record_id)


def _emit(ctx: Context, record_id: str, invoice: "Invoice", line: "InvoiceLine") -> None:
    counted = _counted(ctx, invoice["customer"], line)
    if counted == Decimal(line["quantity_decimal"]):
        return
    period = billed_period(line)
    usage: LateUsage = {
        "id": record_id,
        "object": KIND,
        "created": ctx.now,
        "billed_quantity": line["quantity_decimal"],
        "counted_quantity": format_decimal(counted),
        "customer": invoice["customer"],
        "end_time": period.end,
        "finalized_at": invoice["status_transitions"]["finalized_at"],
        "invoice": invoice["id"],
        "invoice_line_item": line["id"],
        "livemode": ctx.livemode,
        "meter": LineState.of(line).meter,
        "start_time": period.start,
    }
    body = LateUsageState(subscription=line["subscription"]).on(usage)
    record = Document(KIND, ctx.livemode, body, parent=invoice["customer"])
    if _comes_after_the_last(ctx, line):
        record = closed(record, ctx.wall_clock)
    ctx.save(Change(puts=[record]), [EventDraft(f"{KIND}.found", body)])


def _reopen(ctx: Context, record: Document[LateUsage], line: "InvoiceLine") -> None:
    """Reopen a closed record for the next renewal, if not all that is counted is billed.

    It stays closed if its subscription has no renewal to come.
    """
    if _comes_after_the_last(ctx, line):
        return
    billed = exact_sum((Decimal(line["quantity_decimal"]), corrected_by(record).quantity))
    if _counted(ctx, record.body["customer"], line) != billed:
        ctx.save(Change(puts=[reopened(record)]))


def _comes_after_the_last(ctx: Context, line: "InvoiceLine") -> bool:
    """Whether the subscription of a line has no invoice to come that could correct it."""
    subscription = ctx.store.get(line["subscription"] or "")
    return subscription is not None and bills_no_more(ctx, subscription.body)


def _counted(ctx: Context, customer_id: str, line: "InvoiceLine") -> Decimal:
    """The usage of a line's period, as counted by now."""
    known = ctx.store.get_many([price_id(line), LineState.of(line).meter or ""])
    return rate_again(ctx, customer_id, line, known).quantity
