"""What the invoices of a period come to together, whatever thresholds, changes, discounts, credits,
taxes and balance meet: nothing is charged twice, and no more comes back than was charged.
"""

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings

from meterline.services.billing.amounts import applied_balance
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.billing.private_states import LineState
from tests.unit.services.random_periods import LICENCE, USAGE, Billing, periods
from tests.unit.services.test_totals import check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meterline.core.base.wire import InvoiceLine


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(periods())
def test_the_invoices_of_a_period_add_up(billing: Billing) -> None:
    for invoice, balances in zip(billing.invoices, billing.balances, strict=True):
        check(invoice, balances)
    _check_usage(billing)
    _check_taxes_of_usage(billing)
    _check_licence(billing)
    _check_balances(billing)


def _check_usage(billing: Billing) -> None:
    """Together they bill what was used at last, and discounts take no more than that."""
    lines = _of(USAGE, _lines(billing))
    assert sum(line["amount"] for line in lines) == billing.usage
    assert 0 <= sum(map(_off, lines)) <= billing.usage


def _check_taxes_of_usage(billing: Billing) -> None:
    """What was taxed before comes back with the taxes that it had, rate by rate.

    The tiers of what was charged are rounded one by one, so half a unit for each can be left.
    """
    charged: Counter[str] = Counter()
    slack = 0
    for invoice in billing.invoices:
        lines = _of(USAGE, invoice_lines(invoice))
        back = [line for line in lines if line["amount"] < 0 or not LineState.of(line).meter]
        given = _by_rate(back)
        if back:
            assert all(
                abs(charged[rate] + given[rate]) <= slack for rate in charged.keys() | given.keys()
            )
        taxed = [line for line in lines if line not in back]
        assert all(tax["amount"] >= 0 for line in taxed for tax in line["taxes"])
        if taxed:
            charged, slack = _by_rate(taxed), 4 + 4 * len(taxed)


def _check_licence(billing: Billing) -> None:
    """A credit gives back no more than its charge came to, before and after taxes."""
    charged = {line["id"]: line for line in billing.charges}
    back = [line for line in _of(LICENCE, _lines(billing)) if LineState.of(line).corrects]
    assert len({LineState.of(line).corrects for line in back}) == len(back)
    for line in back:
        of = charged[str(LineState.of(line).corrects)]
        assert 0 <= -line["amount"] <= of["amount"] - _off(of)
        rates = _by_rate([line]), _by_rate([of])
        assert all(-rates[0][rate] <= rates[1][rate] + 4 for rate in rates[0])


def _check_balances(billing: Billing) -> None:
    """Each invoice starts from the balance that the one before has left."""
    for earlier, later in zip(billing.invoices, billing.invoices[1:], strict=False):
        assert later["starting_balance"] == applied_balance(earlier).ending_balance_minor


def _lines(billing: Billing) -> "list[InvoiceLine]":
    return [line for invoice in billing.invoices for line in invoice_lines(invoice)]


def _of(item: str, lines: "Iterable[InvoiceLine]") -> "list[InvoiceLine]":
    details = ((line, line["parent"]["subscription_item_details"]) for line in lines)
    return [line for line, of in details if of and of["subscription_item"] == item]


def _off(line: "InvoiceLine") -> int:
    return sum(part["amount"] for part in line["discount_amounts"])


def _by_rate(lines: "Iterable[InvoiceLine]") -> Counter[str]:
    sums: Counter[str] = Counter()
    for line in lines:
        for tax in line["taxes"]:
            details = tax["tax_rate_details"]
            sums[str(details and details["tax_rate"])] += tax["amount"]
    return sums
