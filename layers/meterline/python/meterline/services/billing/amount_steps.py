"""What a step of an invoice's amounts is: it computes its part, and says what it did.

The accumulators are the fields of the wire. A step that takes something off before taxes appends to
a line's ``pretax_credit_amounts``, a step that adds a tax to its ``taxes``; later steps start from
what the earlier ones left, and the totals add up whatever the lines have.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from meterline.core.base.frozen import frozen
from meterline.services.billing.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        InvoiceLine,
        InvoiceTotalPretaxCreditAmount,
    )

type _Key = tuple[tuple[str, object], ...]
type Explanation = dict[str, Any]
"""What steps say: fields of the answer ``invoice_explanation``, which no stored object has."""


@frozen
class Amounts:
    """An invoice and its lines as the steps so far have left them.

    ``uow`` is the decision that the invoice is made in: a step reads the customer from it, and
    writes nothing. What an invoice takes for good is booked when it is finalized.
    """

    uow: UnitOfWork
    invoice: "Invoice"
    lines: list["InvoiceLine"]


class Step:
    """One step of an invoice's amounts."""

    name: ClassVar[str]

    def apply(self, amounts: Amounts) -> Amounts:
        """The amounts after this step. It depends on nothing that a later step sets."""
        raise NotImplementedError

    def added(self, invoice: "Invoice", lines: Sequence["InvoiceLine"]) -> int:
        """What the step added to what the customer owes, minor units; negative if it took off."""
        return sum(self.added_to_line(invoice, line) for line in lines)

    def added_to_line(self, invoice: "Invoice", line: "InvoiceLine") -> int:  # noqa: ARG002 - overridden
        """What the step added to a line, minor units."""
        return 0

    def explain(self, invoice: "Invoice", shown: Sequence["InvoiceLine"]) -> Explanation:  # noqa: ARG002 - overridden
        """What the explanation of an invoice has from this step; ``shown`` are the lines in it."""
        return {}

    def explain_line(self, line: "InvoiceLine") -> Explanation:  # noqa: ARG002 - see above
        """What the explanation of a line has from this step."""
        return {}


def pretax_minor(line: "InvoiceLine") -> int:
    """What a line comes to once everything before taxes was taken off it."""
    return line["amount"] - sum(amount["amount"] for amount in line["pretax_credit_amounts"])


def summed_by_source(lines: Sequence["InvoiceLine"]) -> list["InvoiceTotalPretaxCreditAmount"]:
    """What was taken off all lines before taxes, by what took it off."""
    sums: dict[_Key, InvoiceTotalPretaxCreditAmount] = {}
    for part in (part for line in lines for part in line["pretax_credit_amounts"]):
        source: _Key = tuple((name, value) for name, value in part.items() if name != "amount")
        former = sums[source]["amount"] if source in sums else 0
        sums[source] = part | {"amount": former + part["amount"]}
    return list(sums.values())
