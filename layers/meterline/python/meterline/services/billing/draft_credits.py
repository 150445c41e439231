"""What a draft would take from grants of billing credits, as its customer remembers it."""

from typing import TYPE_CHECKING

from meterline.services.billing.invoice_bodies import finalization_due_at, invoice_lines
from meterline.services.billing.private_states import LineState
from meterline.services.customers.customer_state import DraftCredits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meterline.core.base.wire import Invoice, InvoiceLine
    from meterline.services.billing.private_states import LineCredit


def draft_credits(invoice: "Invoice") -> DraftCredits | None:
    """What a draft would take; None of one that would take nothing, and of what is no draft."""
    if invoice["status"] != "draft":
        return None
    taken = taken_from(invoice_lines(invoice))
    finalizes_at = finalization_due_at(invoice)
    return (
        {"invoice": invoice["id"], "finalizes_at": finalizes_at, "taken": taken} if taken else None
    )


def taken_from(lines: "Iterable[InvoiceLine]") -> dict[str, int]:
    """What lines take from grants, as each is counted."""
    taken: dict[str, int] = {}
    for part in (part for line in lines for part in LineState.of(line).credits or ()):
        taken[part["grant"]] = taken.get(part["grant"], 0) + from_grant(part)
    return taken


def from_grant(part: "LineCredit") -> int:
    """What a line takes from a grant, as that is counted."""
    return part.get("parts", part["amount"])
