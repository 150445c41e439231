"""Invoice numbers: claimed by the commit that makes an invoice final, so no two have the same.

A request sets a number, or the invoice takes the next of its customer's sequence, behind the
customer's prefix. Prefixes are claimed for good, so sequences never meet. A sequence passes over a
number that a request has set before.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.store.base.documents import Change, Claim, Conflict

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Invoice

NUMBER: Final = "invoice_number"
"""The claim through which a number leads to the final invoice that has it."""

_DIGITS = 4
_SEQUENCE: Final = "next_invoice_sequence"
_MOST_PASSED_OVER = 50
"""Numbers that one commit looks at to find one that is free; the next commit looks further."""


class NumberTaken(BillingError):  # noqa: N818 - a refusal, as its base is
    """A request has set a number that another final invoice has."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"The invoice number '{number}' is already taken by another invoice. Please enter a"
            " different number, or none to have one assigned.",
            code="resource_already_exists",
            param="number",
        )


def number_claim(invoice: "Invoice") -> Claim:
    """A final invoice's claim on its number."""
    return Claim(NUMBER, str(invoice["number"]), invoice["id"])


def check_number(ctx: Context, invoice: "Invoice") -> None:
    """Refuse a draft's number that a final invoice has already."""
    number = invoice["number"]
    if number is not None and ctx.store.claim_holder(NUMBER, number) is not None:
        raise NumberTaken(number)


def numbered(uow: UnitOfWork, invoice: "Invoice") -> "Invoice":
    """The invoice with the number that a request set, or the next of the customer's sequence.

    Saving the unit of work claims it. If it is taken meanwhile, saving raises ``NumberTaken`` for
    a number that was set, and ``Conflict`` for one of the sequence, which has then passed it over.
    """
    number = invoice["number"]
    if number is not None:
        uow.claim(number_claim(invoice), lambda: NumberTaken(number))
        return invoice
    sequence = int(uow.customer[_SEQUENCE])
    final = invoice | {"number": _number(uow.customer, sequence)}
    uow.customer = uow.customer | {_SEQUENCE: sequence + 1}
    uow.claim(number_claim(final), lambda: _passed_over(uow, sequence))
    return final


def _passed_over(uow: UnitOfWork, taken: int) -> Conflict:
    """Move the customer's sequence on to a number that is free; the decision is taken again."""
    customer = uow.stored_customer
    following = next(_free(uow, taken + 1), taken + 1 + _MOST_PASSED_OVER)
    moved = replace(customer, body=customer.body | {_SEQUENCE: following})
    replace(uow.ctx, receipt=None).save(Change(puts=[moved]))
    return Conflict(customer.id)


def _free(uow: UnitOfWork, first: int) -> Iterator[int]:
    for sequence in islice(count(first), _MOST_PASSED_OVER):
        number = _number(uow.stored_customer.body, sequence)
        if uow.ctx.store.claim_holder(NUMBER, number) is None:
            yield sequence


def _number(customer: "Customer", sequence: int) -> str:
    return f"{customer['invoice_prefix']}-{sequence:0{_DIGITS}d}"
