"""Why an invoice says what it says: beyond Stripe, for people who ask."""

from typing import Any

from meterline.services.context import Context
from meterline.services.invoices.bodies import invoice_lines, private
from meterline.services.lookups import find
from meterline.store.documents import Body


def explain_invoice(ctx: Context, invoice_id: str) -> Body:
    """How each line of an invoice was computed: ``GET /v1/invoices/{id}/explanation``.

    A line's ``steps`` rate its quantity tier by tier (amounts exact, in minor units);
    ``full_amount`` is what that comes to for a whole period, ``seconds`` of ``of_seconds`` the
    share that is billed. A proration has its arithmetic in words.
    """
    invoice = find(ctx, "invoice", invoice_id).body
    return {
        "object": "meterline.invoice_explanation",
        "id": invoice_id,
        "invoice": invoice_id,
        "currency": invoice["currency"],
        "lines": [_line(line) for line in invoice_lines(invoice)],
        "subtotal": invoice["subtotal"],
        "discounts": invoice["total_discount_amounts"],
        "total": invoice["total"],
        "starting_balance": invoice["starting_balance"],
        "ending_balance": invoice["ending_balance"],
        "amount_due": invoice["amount_due"],
    }


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
