"""A customer as an invoice to come would leave it: for what is billed after that."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from meterline.services.billing.amounts import applied_balance
from meterline.services.billing.draft_credits import taken_from
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.credits.balances import balance_of, less
from meterline.services.customers.balances import with_balance

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Invoice


def after_invoice(customer: "Customer", invoice: "Invoice") -> "Customer":
    """The customer once an invoice has taken its credits and met its balance."""
    ending = applied_balance(invoice).ending_balance_minor
    paid = with_balance(customer, invoice["currency"], ending)
    return without_credits(paid, taken_from(invoice_lines(invoice)))


def without_credits(customer: "Customer", taken: Mapping[str, int]) -> "Customer":
    """The customer whose grants have paid amounts, minor units by grant, as far as they go: several
    drafts may show the same credits.
    """
    balances = {grant: balance_of(customer, grant) for grant in taken}
    possible = {
        grant: min(taken[grant], balance["left"])
        for grant, balance in balances.items()
        if balance is not None
    }
    return less(customer, possible)
