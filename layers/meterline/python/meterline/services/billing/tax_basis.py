"""On what a tax engine computes the taxes of an invoice, and whether what it said still counts.

An answer is remembered on the lines, and the invoice remembers a digest of what was asked. Whatever
changes that (an amount, a line, the address) makes another digest, so an answer that came late, or
for what the draft was before, is never taken.
"""

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meterline.core.billing.discounts import allocate
from meterline.services.billing.amount_steps import pretax_minor
from meterline.services.billing.line_discounts import reductions_minor
from meterline.services.billing.private_states import InvoiceState, LineState
from meterline.services.billing.tier_lines import by_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from meterline.core.base.wire import Invoice, InvoiceLine

_DIGITS = 32


def is_automatic(invoice: "Invoice") -> bool:
    """Whether the deployment's engine computes the taxes of an invoice."""
    return invoice["automatic_tax"]["enabled"]


def waits_for_taxes(invoice: "Invoice") -> bool:
    """Whether a draft lacks the taxes of its engine, and so cannot become final."""
    is_complete = invoice["automatic_tax"]["status"] == "complete"
    return is_automatic(invoice) and not is_complete


def with_untaxed(lines: "Sequence[InvoiceLine]") -> "list[InvoiceLine]":
    """Lines that remember what of them was taken off on earlier invoices, before taxes: of those of
    one price's tiers in proportion to what they come to.
    """
    return [line for whole in by_whole(lines).values() for line in _with_untaxed(whole)]


def _with_untaxed(whole: "list[InvoiceLine]") -> "list[InvoiceLine]":
    first = LineState.of(whole[0])
    if first.billed_before is None or first.gives_back is None:
        return whole
    room = [max(pretax_minor(line), 0) for line in whole]
    parts = allocate(reductions_minor(first.gives_back), room)
    return [
        replace(LineState.of(line), untaxed=part or None).on(line)
        for line, part in zip(whole, parts, strict=True)
    ]


def taxable_minor(line: "InvoiceLine") -> int:
    """On what a line is taxed, minor units: what discounts and credits leave of it.

    What they took off on earlier invoices was not taxed there: a line that goes on from those is
    not taxed on it now, and what takes something back gives no more tax back than it had.
    """
    state, amount = LineState.of(line), pretax_minor(line)
    if state.untaxed is not None:
        return amount - state.untaxed
    if state.corrects is not None and state.gives_back is not None and amount < 0:
        taxed = state.gives_back["amount"] - reductions_minor(state.gives_back)
        return max(amount, -max(taxed, 0))
    return amount


def asked_lines(lines: "Iterable[InvoiceLine]") -> "list[InvoiceLine]":
    """The lines that an engine is asked about: those that come to something.

    Taxes that a request gave stand, and what gives back something billed is taxed as that was.
    """
    return [line for line in lines if taxable_minor(line) and not _is_settled(LineState.of(line))]


def _is_settled(state: LineState) -> bool:
    return state.tax_amounts is not None or is_taxed_as_billed(state)


def is_taxed_as_billed(state: LineState) -> bool:
    """Whether a line gives back what was billed, with the taxes of that."""
    return state.tax_exempt is not None or state.tax_rates == []


def question_about(invoice: "Invoice", lines: "Sequence[InvoiceLine]") -> dict[str, Any]:
    """What an engine is asked about lines of an invoice; ``key`` is the digest of all of it."""
    question: dict[str, Any] = {
        "version": 1,
        "livemode": invoice["livemode"],
        "invoice": {
            "id": invoice["id"],
            "billing_reason": invoice["billing_reason"],
            "created": invoice["created"],
            "currency": invoice["currency"],
        },
        "customer": {
            "id": invoice["customer"],
            "address": invoice["customer_address"],
            "shipping": invoice["customer_shipping"],
            "tax_exempt": invoice["customer_tax_exempt"],
            "tax_ids": invoice["customer_tax_ids"],
        },
        "lines": [_asked(line) for line in lines],
    }
    text = json.dumps(question, sort_keys=True, default=str)
    key = hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
    return {**question, "key": key}


def _asked(line: "InvoiceLine") -> dict[str, Any]:
    details = line["pricing"].get("price_details") if line["pricing"] else None
    return {
        "id": line["id"],
        "amount": taxable_minor(line),
        "description": line["description"],
        "period": line["period"],
        "price": details and details["price"],
        "product": details and details["product"],
        "quantity": line["quantity_decimal"],
    }


def is_answered(invoice: "Invoice", lines: "Sequence[InvoiceLine]") -> bool:
    """Whether the engine has computed the taxes of an invoice as it is now."""
    known = InvoiceState.of(invoice).tax_calculation
    if not is_automatic(invoice) or known is None or "basis" not in known:
        return False
    asked = asked_lines(lines)
    has_all = all(LineState.of(line).engine_taxes is not None for line in asked)
    return has_all and question_about(invoice, asked)["key"] == known["basis"]
