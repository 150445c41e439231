"""Billing credits in an invoice's amounts: what its lines would take from the customer's grants.

It comes after discounts and before taxes. Drafts and previews show it, and take nothing: several
may show the same credits. What is taken for good is booked when the invoice becomes final.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.credits.application import (
    CreditableInvoice,
    CreditableLine,
    Taken,
    take_credits,
)
from meterline.services.billing.amount_steps import Amounts, Explanation, Step, pretax_minor
from meterline.services.billing.private_states import LineCredit, LineState
from meterline.services.credits.balances import balances_of

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
        sums: dict[str, int] = {}
        for part in (part for line in shown for part in _explained(line)):
            sums[part["credit_grant"]] = sums.get(part["credit_grant"], 0) + part["amount"]
        credits_ = [{"credit_grant": grant, "amount": amount} for grant, amount in sums.items()]
        return {"credits": credits_}

    def explain_line(self, line: "InvoiceLine") -> Explanation:
        """What the line takes from each grant."""
        return {"credits": _explained(line)}


def _creditable(line: "InvoiceLine") -> CreditableLine:
    state = LineState.of(line)
    details = line["pricing"] and line["pricing"].get("price_details")
    is_usage = state.meter or state.usage_of or state.corrects
    price = details["price"] if details and is_usage else None
    return CreditableLine(pretax_minor(line) - (state.billed_before or 0), price)


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
    noted: list[LineCredit] = [{"grant": part.grant, "amount": part.amount_minor} for part in taken]
    changed: InvoiceLine = line | {
        "pretax_credit_amounts": [*line["pretax_credit_amounts"], *parts]
    }
    return replace(state, credits=noted or None).on(changed)


def _explained(line: "InvoiceLine") -> list[Explanation]:
    noted = LineState.of(line).credits or []
    return [{"credit_grant": part["grant"], "amount": part["amount"]} for part in noted]
