"""Usage that came after its invoice was final: a correction on the next one, if the account says.

Events are taken for 35 days after they happened, so usage may still arrive when its invoice can no
longer change. When it is counted, the line of the final invoice is found and noted
(``late_findings``). With ``late_usage=next_invoice`` each renewal goes through what was noted, and
bills or credits what the line and its earlier corrections have not, under the original period.
What period that was, and why its invoice was made, does not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from meterline.core.invoicing import Line
from meterline.core.money import format_decimal
from meterline.services.account_settings import bills_late_usage
from meterline.services.context import Context
from meterline.services.ids import derived_id
from meterline.services.invoices.bodies import InvoiceTerms, invoice_lines
from meterline.services.invoices.late_notes import (
    KIND,
    Corrected,
    corrected_by,
    done_with,
    takes_no_more,
    with_corrected,
)
from meterline.services.invoices.ledger import Ledger
from meterline.services.invoices.lines import bounds_of, steps_of
from meterline.services.invoices.metered import price_id, rate_again
from meterline.store.documents import Body, Document

_MOST_FINDINGS = 60
"""What one renewal looks at; the rest is left to the next one."""

_REASONS = ("subscription_cycle", "upcoming")


@dataclass(frozen=True, slots=True)
class _Found:
    """A line of a final invoice that did not bill all usage, and the note that says so."""

    note: Document
    line: Body


def late_lines(ledger: Ledger, subscription: Body, terms: InvoiceTerms) -> list[Body]:
    """The corrections that a renewal's invoice carries, newest period first; usually none.

    The notes remember on the ledger what has been billed. One whose period takes no more events is
    done with, until usage of it is counted nevertheless.
    """
    if terms.billing_reason not in _REASONS or not bills_late_usage(ledger.ctx):
        return []
    found = sorted(
        islice(_found(ledger.ctx, subscription), _MOST_FINDINGS),
        key=lambda one: int(one.line["period"]["start"]),
        reverse=True,
    )
    made = [_correction(ledger, one, terms.id) for one in found]
    return [line for line in made if line is not None]


def _found(ctx: Context, subscription: Body) -> Iterator[_Found]:
    """The lines that were billed for a subscription and have had late usage."""
    for note in ctx.store.each(KIND, parent=subscription["customer"]):
        invoice = ctx.store.get(note.body["invoice"])
        lines = invoice_lines(invoice.body) if invoice is not None else []
        for line in lines:
            is_noted = line["id"] == note.body["invoice_line_item"]
            if is_noted and line["subscription"] == subscription["id"]:
                yield _Found(note, line)


def _correction(ledger: Ledger, found: _Found, invoice_id: str) -> Body | None:
    """The line that bills what a line and its earlier corrections have not; None if nothing."""
    ctx, note, line = ledger.ctx, found.note, found.line
    known = ctx.store.get_many([price_id(line), line["_"]["meter"]])
    rated = rate_again(ctx, note.body["customer"], line, known)
    before = corrected_by(note)
    more = rated.quantity - Decimal(line["quantity_decimal"]) - before.quantity
    amount = rated.amount_minor - int(line["amount"]) - before.amount_minor
    billed = Corrected(before.amount_minor + amount, before.quantity + more)
    after = with_corrected(note, billed)
    ledger.put(done_with(after, ctx.wall_clock) if takes_no_more(note, ctx.now) else after)
    if not more and not amount:
        return None
    return _line(line, rated, more, amount, invoice_id) | {"parent": _parent(ctx, line)}


def _line(line: Body, rated: Line, more: Decimal, amount: int, invoice_id: str) -> Body:
    """A correction of ``line``; finalising does not rate it again, as it names no meter."""
    name = line["_"]["product_name"]
    explanation = {
        "steps": [],
        "full_amount": amount,
        "seconds": rated.period.seconds,
        "of_seconds": rated.period.seconds,
        "rated_again": steps_of(rated.rated) if rated.rated else [],
        "bounds": bounds_of(rated),
    }
    return line | {
        "id": derived_id("il_", invoice_id, line["id"], "late"),
        "amount": amount,
        "description": f"Late usage: {format_decimal(more)} × {name}",
        "discount_amounts": [],
        "invoice": invoice_id,
        "quantity": int(more),
        "quantity_decimal": format_decimal(more),
        "subtotal": amount,
        "_": {
            "corrects": line["id"],
            "explanation": explanation,
            "meter": None,
            "product_name": name,
        },
    }


def _parent(ctx: Context, line: Body) -> Body:
    """The item of the subscription that a correction is about, not the invoice item of a cut."""
    parent: Body = line["parent"]
    if parent["invoice_item_details"] is None:
        return parent
    item = ctx.store.get(parent["invoice_item_details"]["invoice_item"])
    about = (item.body["parent"] or {}).get("subscription_details", {}) if item else {}
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": None,
            "subscription": line["subscription"],
            "subscription_item": about.get("subscription_item"),
        },
    }
