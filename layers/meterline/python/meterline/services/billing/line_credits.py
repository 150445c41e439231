"""Billing credits in an invoice's amounts: what its lines would take from the customer's grants.

It comes after discounts and before taxes. Drafts and previews show it, and take nothing: several
may show the same credits. What is taken for good is booked when the invoice becomes final.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.money import exact_difference, nearest_quotient
from meterline.core.credits.application import (
    CreditableInvoice,
    CreditableLine,
    Taken,
    take_credits,
)
from meterline.services.billing.amount_steps import Amounts, Explanation, Step, pretax_minor
from meterline.services.billing.private_states import LineCredit, LineState
from meterline.services.credits.balances import balances_of
from meterline.services.credits.credit_amounts import units_text

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        InvoiceLine,
        InvoiceLinePretaxCreditAmount,
    )


class Credits(Step):
    """Takes what the customer's grants pay for off the lines."""

    name = "credits"

    def apply(self, amounts: Amounts) -> Amounts:
        """Take credits, in the order of lines and grants."""
        invoice, lines = amounts.invoice, amounts.lines
        balances = balances_of(amounts.uow.customer)
        if not balances:
            return replace(amounts, lines=[_with_credits(line, []) for line in lines])
        terms = CreditableInvoice(
            sum(map(pretax_minor, lines)), invoice["currency"], invoice["period_end"]
        )
        taken = take_credits([_creditable(line) for line in lines], balances, terms)
        pairs = zip(lines, taken, strict=True)
        return replace(amounts, lines=[_with_credits(line, parts) for line, parts in pairs])

    def added_to_line(self, invoice: "Invoice", line: "InvoiceLine") -> int:  # noqa: ARG002 - of every step
        """What credits took off a line."""
        return -sum(part["amount"] for part in LineState.of(line).credits or ())

    def explain(self, invoice: "Invoice", shown: Sequence["InvoiceLine"]) -> Explanation:  # noqa: ARG002 - of every step
        """What the lines in the explanation take from each grant."""
        parts = (part for line in shown for part in LineState.of(line).credits or ())
        return {"credits": _explained_parts(parts)}

    def explain_line(self, line: "InvoiceLine") -> Explanation:
        """What the line takes from each grant."""
        return {"credits": _explained(line)}


def _creditable(line: "InvoiceLine") -> CreditableLine:
    state = LineState.of(line)
    details = line["pricing"] and line["pricing"].get("price_details")
    is_usage = state.usage_meter or state.corrects
    price = details["price"] if details and is_usage else None
    amount = pretax_minor(line) - (state.billed_before or 0)
    if price is None or state.usage_meter is None:
        return CreditableLine(amount, price)
    quantity = exact_difference(
        Decimal(line["quantity_decimal"]), Decimal(state.quantity_before or 0)
    )
    usage = _for_usage(line, amount)
    return CreditableLine(amount, price, state.usage_meter, quantity, usage)


def _for_usage(line: "InvoiceLine", amount_minor: int) -> int:
    """What of an amount that a line bills anew is for what was used: nothing of what its price's
    minimum adds, which has its share of the discounts.
    """
    state = LineState.of(line)
    bounds = state.explanation and state.explanation.get("bounds")
    true_up = bounds["true_up"] if bounds else 0
    billed = line["amount"] - (state.billed_before or 0)
    if not true_up or billed <= 0:
        return amount_minor
    return nearest_quotient(amount_minor * max(0, billed - true_up), billed)


def _with_credits(line: "InvoiceLine", taken: Sequence[Taken]) -> "InvoiceLine":
    state = LineState.of(line)
    if not taken and state.credits is None:
        return line
    parts: list[InvoiceLinePretaxCreditAmount] = [
        {
            "amount": part.amount_minor,
            "credit_balance_transaction": None,
            "type": "credit_balance_transaction",
        }
        for part in taken
    ]
    noted = list(map(_noted, taken))
    changed: InvoiceLine = line | {
        "pretax_credit_amounts": [*line["pretax_credit_amounts"], *parts]
    }
    return replace(state, credits=noted or None).on(changed)


def _noted(part: Taken) -> LineCredit:
    noted: LineCredit = {"grant": part.grant, "amount": part.amount_minor}
    if part.parts is not None:
        noted["parts"] = part.parts
    return noted


def _explained(line: "InvoiceLine") -> list[Explanation]:
    return _explained_parts(LineState.of(line).credits or ())


def _explained_parts(parts: "Iterable[LineCredit]") -> list[Explanation]:
    """What grants pay, and how many units that takes of those in units of a meter; in order."""
    amounts: dict[str, int] = {}
    units: dict[str, int] = {}
    for part in parts:
        grant = part["grant"]
        amounts[grant] = amounts.get(grant, 0) + part["amount"]
        if "parts" in part:
            units[grant] = units.get(grant, 0) + part["parts"]
    return [
        {
            "credit_grant": grant,
            "amount": amount,
            "units": units_text(units[grant]) if grant in units else None,
        }
        for grant, amount in amounts.items()
    ]
