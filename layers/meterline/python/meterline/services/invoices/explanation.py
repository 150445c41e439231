"""The explanation of an invoice: how its lines and amounts were computed (beyond Stripe)."""

from typing import TYPE_CHECKING

from meterline.services.billing.amount_steps import Explanation
from meterline.services.billing.amounts import explained
from meterline.services.billing.invoice_bodies import invoice_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterline.core.base.wire import Invoice, InvoiceLine


def explanation_of(invoice: "Invoice", shown: "Sequence[InvoiceLine]") -> Explanation:
    """How an invoice and some of its lines were computed, but for which lines are ``shown``.

    A line's ``steps`` rate its quantity tier by tier (amounts exact, in minor units);
    ``full_amount`` is what that comes to for a whole period, ``seconds`` of ``of_seconds`` the
    share that is billed. ``bounds`` is what a minimum or maximum made of it. A proration has its
    arithmetic in words. ``amounts`` is what each step of the computation added, to a line and to
    the invoice; the rest is what the steps say of themselves (``billing.amounts``).
    """
    return {
        "object": "meterline.invoice_explanation",
        "id": invoice["id"],
        "invoice": invoice["id"],
        "currency": invoice["currency"],
        **explained(invoice, invoice_lines(invoice), shown),
    }
