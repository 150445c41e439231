"""An invoice's amounts: one ordered list of steps, from its lines to what is due.

Drafts, previews, changes of lines, thresholds and finalization all compute by ``with_amounts``, and
the explanation of an invoice is what the same steps say. A rule about amounts is a step in
``STEPS``, and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.money import charge_step_minor
from meterline.core.billing.balances import AppliedBalance, apply_balance, minimum_charge_minor
from meterline.services.billing.amount_steps import (
    Amounts,
    Explanation,
    Step,
    pretax_minor,
    summed_by_source,
)
from meterline.services.billing.invoice_bodies import line_list
from meterline.services.billing.line_credits import Credits
from meterline.services.billing.line_discounts import Discounts, own_discounts_minor
from meterline.services.billing.line_taxes import Taxes
from meterline.services.billing.private_states import LineState
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.customers.balances import balance_in

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice, InvoiceLine


class Lines(Step):
    """Starts from what the lines bill by themselves, as they were rated."""

    name = "lines"

    def apply(self, amounts: Amounts) -> Amounts:
        """The lines without what an earlier computation took off or added."""
        lines = [
            line | {"discount_amounts": [], "pretax_credit_amounts": [], "taxes": []}
            for line in amounts.lines
        ]
        return replace(amounts, lines=lines)

    def added_to_line(self, invoice: "Invoice", line: "InvoiceLine") -> int:  # noqa: ARG002 - of every step
        """The line's own amount."""
        return line["amount"]

    def explain_line(self, line: "InvoiceLine") -> Explanation:
        """What the line bills, and how its amount was rated."""
        state = LineState.of(line)
        return {
            "id": line["id"],
            "description": line["description"],
            "amount": line["amount"],
            "quantity": line["quantity_decimal"],
            "period": line["period"],
            "meter": state.meter,
            "explanation": state.explanation,
        }


class Totals(Step):
    """Adds up what the lines have come to; discounts of single lines are inside the subtotal."""

    name = "totals"

    def apply(self, amounts: Amounts) -> Amounts:
        """The invoice with its lines and their sums."""
        invoice, lines = amounts.invoice, amounts.lines
        subtotal = sum(line["amount"] - own_discounts_minor(line) for line in lines)
        before_tax = sum(map(pretax_minor, lines))
        contained = sum(map(_inclusive_taxes_minor, lines))
        invoice = invoice | {
            "lines": line_list(invoice["id"], lines),
            "subtotal": subtotal,
            "subtotal_excluding_tax": subtotal - contained,
            "total": before_tax + sum(map(_exclusive_taxes_minor, lines)),
            "total_excluding_tax": before_tax - contained,
            "total_pretax_credit_amounts": summed_by_source(lines),
        }
        return replace(amounts, invoice=invoice)

    def explain(self, invoice: "Invoice", shown: Sequence["InvoiceLine"]) -> Explanation:  # noqa: ARG002 - of every step
        """The sums before and after what is taken off the whole invoice."""
        return {"subtotal": invoice["subtotal"], "total": invoice["total"]}


class Balance(Step):
    """Meets the total with the customer's balance in the invoice's currency.

    An automatic charge below what processors take is not due but carried on the balance (contract
    section 6).
    """

    name = "balance"

    def apply(self, amounts: Amounts) -> Amounts:
        """The invoice with the balance that it starts from, and what is due."""
        invoice = amounts.invoice
        starting = balance_in(amounts.uow.customer, invoice["currency"])
        invoice = invoice | {"starting_balance": starting}
        due = applied_balance(invoice).amount_due_minor
        return replace(amounts, invoice=invoice | {"amount_due": due, "amount_remaining": due})

    def added(self, invoice: "Invoice", lines: Sequence["InvoiceLine"]) -> int:  # noqa: ARG002 - of every step
        """What the balance added to the total, or took off it."""
        return invoice["amount_due"] + invoice["pre_payment_credit_notes_amount"] - invoice["total"]

    def explain(self, invoice: "Invoice", shown: Sequence["InvoiceLine"]) -> Explanation:  # noqa: ARG002 - of every step
        """The balance before and after, what the invoice adds to it, and what is too little.

        ``total + starting`` is due; below the smallest charge it is the balance that is left.
        """
        applied = applied_balance(invoice)
        return {
            "starting_balance": invoice["starting_balance"],
            "ending_balance": invoice["ending_balance"],
            "amount_due": invoice["amount_due"],
            "balance": {
                "starting": applied.starting_balance_minor,
                "applied": applied.applied_minor,
                "ending": applied.ending_balance_minor,
                "smallest_charge": _smallest_charge_minor(invoice),
            },
        }


class CreditNotes(Step):
    """What credit notes took off what a final invoice had due; a draft has none."""

    name = "credit_notes"

    def apply(self, amounts: Amounts) -> Amounts:
        """The same: notes change a final invoice themselves."""
        return amounts

    def added(self, invoice: "Invoice", lines: Sequence["InvoiceLine"]) -> int:  # noqa: ARG002 - of every step
        """What notes took off what is due."""
        return -invoice["pre_payment_credit_notes_amount"]


STEPS: tuple[Step, ...] = (
    Lines(),
    Discounts(),
    Credits(),
    Taxes(),
    Totals(),
    Balance(),
    CreditNotes(),
)
"""The steps of every invoice's amounts, in the order in which they apply."""


def with_amounts(uow: UnitOfWork, invoice: "Invoice", lines: list["InvoiceLine"]) -> "Invoice":
    """The invoice with these lines and all amounts that follow from them, from its terms and from
    the customer as ``uow`` has it.
    """
    amounts = Amounts(uow, invoice, lines)
    for step in STEPS:
        amounts = step.apply(amounts)
    return amounts.invoice


def taxed_again(uow: UnitOfWork, invoice: "Invoice", lines: list["InvoiceLine"]) -> "Invoice":
    """The invoice with these lines, of which only the taxes are others than before."""
    amounts = Amounts(uow, invoice, lines)
    first = next(place for place, step in enumerate(STEPS) if isinstance(step, Taxes))
    for step in STEPS[first:]:
        amounts = step.apply(amounts)
    return amounts.invoice


def explained(
    invoice: "Invoice", lines: Sequence["InvoiceLine"], shown: Sequence["InvoiceLine"]
) -> Explanation:
    """How an invoice's amounts came about; ``lines`` are all it has, ``shown`` those to explain.

    ``amounts`` is what each step added: of a line they come to what it bills in the end, of the
    invoice to what is due.
    """
    explanation: Explanation = {
        "lines": [_explained_line(invoice, line) for line in shown],
        "amounts": [{"step": step.name, "amount": step.added(invoice, lines)} for step in STEPS],
    }
    for step in STEPS:
        explanation |= step.explain(invoice, shown)
    return explanation


def applied_balance(invoice: "Invoice") -> AppliedBalance:
    """How an invoice's total meets the balance that it starts from."""
    step = charge_step_minor(invoice["currency"]) if is_charged(invoice) else 1
    smallest = _smallest_charge_minor(invoice)
    return apply_balance(invoice["total"], invoice["starting_balance"], smallest, step)


def is_charged(invoice: "Invoice") -> bool:
    """Whether what an invoice has due is charged, and not sent to be paid."""
    return invoice["collection_method"] == "charge_automatically"


def _explained_line(invoice: "Invoice", line: "InvoiceLine") -> Explanation:
    explanation: Explanation = {
        "amounts": [
            {"step": step.name, "amount": step.added_to_line(invoice, line)} for step in STEPS
        ]
    }
    for step in STEPS:
        explanation |= step.explain_line(line)
    return explanation


def _smallest_charge_minor(invoice: "Invoice") -> int:
    """What an invoice must come to for its amount to be charged; any amount can be sent."""
    return minimum_charge_minor(invoice["currency"]) if is_charged(invoice) else 0


def _exclusive_taxes_minor(line: "InvoiceLine") -> int:
    return sum(tax["amount"] for tax in line["taxes"] if tax["tax_behavior"] == "exclusive")


def _inclusive_taxes_minor(line: "InvoiceLine") -> int:
    return sum(tax["amount"] for tax in line["taxes"] if tax["tax_behavior"] == "inclusive")
