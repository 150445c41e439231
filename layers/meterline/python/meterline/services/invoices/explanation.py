"""Why an invoice says what it says: beyond Stripe, for people who ask."""

from itertools import islice
from typing import Any

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.invoice_bodies import (
    applied_balance,
    invoice_lines,
    private,
    smallest_charge_minor,
)
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
    arithmetic in words. What discounts took off says of what, and ``balance`` how the total met
    the customer's balance.
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
        "lines": [_line(line) for line in shown],
        "has_more": first + len(shown) < len(lines),
        "subtotal": invoice["subtotal"],
        "discounts": _discounts(invoice, shown),
        "total": invoice["total"],
        "starting_balance": invoice["starting_balance"],
        "ending_balance": invoice["ending_balance"],
        "amount_due": invoice["amount_due"],
        "balance": _balance(invoice),
    }


def _discounts(invoice: Body, lines: list[Body]) -> list[Body]:
    """What each discount took off, and by which terms."""
    holders = [invoice, *lines]
    terms = {one["id"]: one for body in holders for one in private(body).get("discounts", [])}
    return [
        {
            **taken,
            "percent_off": terms.get(taken["discount"], {}).get("percent_off"),
            "amount_off": terms.get(taken["discount"], {}).get("amount_off"),
        }
        for taken in invoice["total_discount_amounts"]
    ]


def _balance(invoice: Body) -> Body:
    """The balance before and after, what the invoice adds to it, and what is too little to charge.

    ``total + starting`` is due; below the smallest charge it is the balance that is left.
    """
    applied = applied_balance(invoice)
    return {
        "starting": applied.starting_balance_minor,
        "applied": applied.applied_minor,
        "ending": applied.ending_balance_minor,
        "smallest_charge": smallest_charge_minor(invoice),
    }


def _place_after(lines: list[Body], line_id: str) -> int:
    for place, line in enumerate(lines):
        if line["id"] == line_id:
            return place + 1
    raise BillingError(
        f"No such object: '{line_id}'", code="resource_missing", param="starting_after"
    )


def _line(line: Body) -> dict[str, Any]:
    return {
        "id": line["id"],
        "description": line["description"],
        "amount": line["amount"],
        "discount_amounts": line["discount_amounts"],
        "quantity": line["quantity_decimal"],
        "period": line["period"],
        "meter": private(line).get("meter"),
        "explanation": private(line).get("explanation"),
    }
