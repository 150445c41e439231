"""Why an invoice says what it says: beyond Stripe, for people who ask."""

from itertools import islice

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.amounts import explained
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.store.base.documents import Body

MOST_LINES = 250
"""Lines of one answer: a Lambda function answers with 6 MB at most."""


def explain_invoice(ctx: Context, invoice_id: str, params: Body) -> Body:
    """How each line of an invoice was computed: ``GET /v1/invoices/{id}/explanation``.

    Of a long invoice as many lines as one answer takes, those after the line ``starting_after``;
    ``has_more`` says whether lines follow.

    A line's ``steps`` rate its quantity tier by tier (amounts exact, in minor units);
    ``full_amount`` is what that comes to for a whole period, ``seconds`` of ``of_seconds`` the
    share that is billed. ``bounds`` is what a minimum or maximum made of it. A proration has its
    arithmetic in words. ``amounts`` is what each step of the computation added, to a line and to
    the invoice; the rest is what the steps say of themselves (``billing.amounts``).
    """
    invoice = find(ctx, "invoice", invoice_id).body
    lines = invoice_lines(invoice)
    first = _place_after(lines, params["starting_after"]) if "starting_after" in params else 0
    shown = list(islice(lines, first, first + MOST_LINES))
    return {
        "object": "meterline.invoice_explanation",
        "id": invoice_id,
        "invoice": invoice_id,
        "currency": invoice["currency"],
        "has_more": first + len(shown) < len(lines),
        **explained(invoice, lines, shown),
    }


def _place_after(lines: list[Body], line_id: str) -> int:
    for place, line in enumerate(lines):
        if line["id"] == line_id:
            return place + 1
    raise BillingError(
        f"No such object: '{line_id}'", code="resource_missing", param="starting_after"
    )
