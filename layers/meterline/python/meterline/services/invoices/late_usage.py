"""Usage that came after its invoice was final: a correction on the next one, if the account says.

Events are taken for 35 days after they happened, so usage may still arrive when its invoice can
no longer change. With ``late_usage=next_invoice`` each renewal looks again at the invoices before
it, and bills or credits the difference under the original period.
"""

from collections.abc import Iterator
from decimal import Decimal

from meterline.core.invoicing import Line
from meterline.core.money import format_decimal
from meterline.services.account_settings import bills_late_usage
from meterline.services.context import Context
from meterline.services.ids import derived_id
from meterline.services.invoices.bodies import InvoiceTerms, invoice_lines
from meterline.services.invoices.lines import bounds_of, steps_of
from meterline.services.invoices.metered import price_id, rate_again
from meterline.store.documents import Body

LATE_SECONDS = 35 * 86_400
"""How long after its timestamp an event is still taken (contract section 3)."""

_MOST_INVOICES = 3
_REASONS = ("subscription_cycle", "upcoming")


def late_lines(ctx: Context, subscription: Body, terms: InvoiceTerms) -> list[Body]:
    """The corrections that a renewal's invoice carries, newest period first; usually none."""
    if terms.billing_reason not in _REASONS or not bills_late_usage(ctx):
        return []
    corrections: list[Body] = []
    later: list[Body] = []
    for invoice in _invoices_before(ctx, subscription["id"], terms.period.start):
        if invoice["status"] != "draft":
            metered = [line for line in invoice_lines(invoice) if line["_"]["meter"]]
            made = [_correction(ctx, invoice, line, later, terms.id) for line in metered]
            corrections += [line for line in made if line is not None]
        later += invoice_lines(invoice)
    return corrections


def _invoices_before(ctx: Context, subscription_id: str, start: int) -> Iterator[Body]:
    """The renewals' invoices whose usage can have grown since the renewal at ``start``."""
    at = start
    for _ in range(_MOST_INVOICES):
        document = ctx.store.get(derived_id("in_", subscription_id, "cycle", at))
        if document is None or document.body["period_end"] + LATE_SECONDS <= start:
            return
        yield document.body
        at = document.body["period_start"]


def _correction(
    ctx: Context, invoice: Body, line: Body, later: list[Body], invoice_id: str
) -> Body | None:
    """The line that bills what a line and its earlier corrections have not; None if nothing."""
    known = ctx.store.get_many([price_id(line), line["_"]["meter"]])
    rated = rate_again(ctx, invoice["customer"], line, known)
    billed = [line, *(one for one in later if one["_"].get("corrects") == line["id"])]
    more = rated.quantity - sum((Decimal(one["quantity_decimal"]) for one in billed), Decimal(0))
    amount = rated.amount_minor - sum(int(one["amount"]) for one in billed)
    return _line(line, rated, more, amount, invoice_id) if more or amount else None


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
