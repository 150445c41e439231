"""The discounts of an invoice's amounts: what is taken off each line, and what comes back.

A line's own discounts come first, and are inside the subtotal; those of the invoice follow. A line
that gives back what was billed before gives back the discounts that were taken off it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.billing.discounts import (
    Billed,
    DiscountableLine,
    DiscountAmount,
    discount_lines,
)
from meterline.services.billing.amount_steps import Amounts, Explanation, Step
from meterline.services.billing.discounts import core_discount
from meterline.services.billing.private_states import GivesBack, InvoiceState, LineState
from meterline.services.billing.tier_lines import whole_id

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        InvoiceLine,
        InvoiceLineDiscountAmount,
        InvoiceLinePretaxCreditAmount,
        InvoiceTotalDiscountAmount,
    )


class Discounts(Step):
    """Takes the discounts of lines and invoice off the lines."""

    name = "discounts"

    def apply(self, amounts: Amounts) -> Amounts:
        """Allocate the discounts to the lines."""
        taken = discount_lines(
            [_discountable(line) for line in amounts.lines],
            [core_discount(terms) for terms in InvoiceState.of(amounts.invoice).discounts or ()],
        )
        lines = [_with_discounts(line, off) for line, off in zip(amounts.lines, taken, strict=True)]
        invoice = amounts.invoice | {"total_discount_amounts": _summed(taken)}
        return replace(amounts, invoice=invoice, lines=lines)

    def added_to_line(self, invoice: "Invoice", line: "InvoiceLine") -> int:  # noqa: ARG002 - of every step
        """What discounts took off a line."""
        return -sum(part["amount"] for part in line["discount_amounts"])

    def explain(self, invoice: "Invoice", shown: Sequence["InvoiceLine"]) -> Explanation:
        """What each discount took off, and by which terms."""
        standing = [
            InvoiceState.of(invoice).discounts,
            *(LineState.of(line).discounts for line in shown),
        ]
        terms = {discount["id"]: discount for own in standing for discount in own or ()}
        discounts: list[Explanation] = []
        for taken in invoice["total_discount_amounts"]:
            its_terms = terms.get(taken["discount"])
            percent = None if its_terms is None else its_terms["percent_off"]
            amount = None if its_terms is None else its_terms["amount_off"]
            discounts.append({**taken, "percent_off": percent, "amount_off": amount})
        return {"discounts": discounts}

    def explain_line(self, line: "InvoiceLine") -> Explanation:
        """What each discount took off the line."""
        return {"discount_amounts": line["discount_amounts"]}


def own_discounts_minor(line: "InvoiceLine") -> int:
    """What the discounts of a line itself take off it, and not those of its invoice."""
    own = {terms["id"] for terms in LineState.of(line).discounts or ()}
    return sum(part["amount"] for part in line["discount_amounts"] if part["discount"] in own)


def billed_with_reductions(amount: int, lines: Iterable["InvoiceLine"]) -> GivesBack:
    """What a later line may give back: an amount that was billed up to ``lines``, and what the
    discounts and credits of them, and of those that they followed on, took off.
    """
    sums: dict[str, int] = {}
    credited = 0
    for line in lines:
        state = LineState.of(line)
        known = state.gives_back
        credited += sum(part["amount"] for part in state.credits or ())
        credited += known.get("credits", 0) if known else 0
        earlier = [] if known is None else known["discounts"]
        own = [[part["discount"], part["amount"]] for part in line["discount_amounts"]]
        for discount, off in [*earlier, *own]:
            sums[discount] = sums.get(discount, 0) + off
    billed: GivesBack = {
        "amount": amount,
        "discounts": [list(part) for part in sums.items() if part[1]],
    }
    # Usage that falls comes back in money, whatever paid for it: no more is left paid by credits.
    credited = min(credited, max(0, amount - reductions_minor(billed)))
    return billed | {"credits": credited} if credited else billed


def reductions_minor(billed: GivesBack) -> int:
    """What discounts and credits took off what was billed, minor units: nobody was taxed on it."""
    return sum(int(off) for _, off in billed["discounts"]) + billed.get("credits", 0)


def _discountable(line: "InvoiceLine") -> DiscountableLine:
    details = line["pricing"] and line["pricing"].get("price_details")
    state = LineState.of(line)
    own = tuple(core_discount(terms) for terms in state.discounts or ())
    further = line["amount"] - (state.billed_before or 0)
    product = details["product"] if details else None
    whole, back = whole_id(line), _gives_back(state)
    return DiscountableLine(further, product, line["discountable"], own, whole, back)


def _gives_back(state: LineState) -> Billed | None:
    """What a line gives back a part of, should it be negative."""
    known = state.gives_back
    if known is None:
        # Lines of earlier releases do not say what they give back: they give no discount back.
        return Billed(0) if state.billed_before or state.corrects else None
    return Billed(known["amount"], tuple(DiscountAmount(*part) for part in known["discounts"]))


def _with_discounts(line: "InvoiceLine", off: Iterable[DiscountAmount]) -> "InvoiceLine":
    amounts: list[InvoiceLineDiscountAmount] = []
    credits_: list[InvoiceLinePretaxCreditAmount] = []
    for part in off:
        amount, discount = part.amount_minor, part.discount_id
        amounts.append({"amount": amount, "discount": discount})
        credits_.append({"amount": amount, "discount": discount, "type": "discount"})
    return line | {
        "discount_amounts": amounts,
        "pretax_credit_amounts": [*line["pretax_credit_amounts"], *credits_],
    }


def _summed(taken: Iterable[Iterable[DiscountAmount]]) -> list["InvoiceTotalDiscountAmount"]:
    sums: dict[str, int] = {}
    for part in (part for off in taken for part in off):
        sums[part.discount_id] = sums.get(part.discount_id, 0) + part.amount_minor
    return [{"amount": amount, "discount": discount} for discount, amount in sums.items()]
