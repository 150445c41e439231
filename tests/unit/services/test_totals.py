"""An invoice's totals are the sums of what its lines say, whatever discounts, credits and taxes
meet.
"""

from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings

from meterline.core.base.money import charge_step_minor
from meterline.services.billing.amounts import applied_balance, explained, with_amounts
from meterline.services.billing.invoice_bodies import invoice_lines
from meterline.services.billing.private_states import LineState
from meterline.services.billing.tax_basis import taxable_minor
from meterline.services.credits.balances import balances_of
from tests.unit.services.random_invoices import drafts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meterline.core.base.wire import Invoice, InvoiceLine
    from meterline.core.credits.grants import GrantBalance


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drafts())
def test_totals_are_the_sums_of_their_parts(drafted: "tuple[Any, Invoice]") -> None:
    uow, invoice = drafted
    check(invoice, balances_of(uow.customer))
    again = with_amounts(uow, invoice, invoice_lines(invoice))
    assert again == invoice  # amounts depend on nothing that they set


def check(invoice: "Invoice", balances: "list[GrantBalance]") -> None:
    of = invoice_lines(invoice)
    inside = sum(_taxes(line, "inclusive") for line in of)
    on_top = sum(_taxes(line, "exclusive") for line in of)
    pretax = sum(map(_pretax, of))
    billed = sum(line["amount"] for line in of)
    assert invoice["subtotal"] == billed - sum(map(_own_discounts, of))
    assert invoice["total"] == pretax + on_top
    assert invoice["total_excluding_tax"] == pretax - inside
    assert invoice["subtotal_excluding_tax"] == invoice["subtotal"] - inside
    assert sum(tax["amount"] for tax in invoice["total_taxes"]) == inside + on_top
    reduced = sum(part["amount"] for part in invoice["total_pretax_credit_amounts"])
    assert reduced == billed - pretax
    assert _of_discounts(invoice["total_discount_amounts"]) == _of_discounts(
        part for line in of for part in line["discount_amounts"]
    )
    for line in of:
        _check_taxes(line, exempt=invoice["customer_tax_exempt"])
    _check_credits(invoice, balances)
    _check_due(invoice)
    told = explained(invoice, of, of)
    assert sum(amount["amount"] for amount in told["amounts"]) == invoice["amount_due"]


def _check_taxes(line: "InvoiceLine", exempt: str | None) -> None:
    """All taxes of a line are on what it comes to without any, and have its sign."""
    base, state = taxable_minor(line), LineState.of(line)
    assert all(tax["amount"] * base >= 0 for tax in line["taxes"]) or state.tax_amounts
    if state.tax_amounts is not None:
        given = [tax["amount"] for tax in state.tax_amounts]
        assert [tax["amount"] for tax in line["taxes"]] == given
        return
    net = base - _taxes(line, "inclusive")
    assert {tax["taxable_amount"] for tax in line["taxes"]} <= {net}
    if (state.tax_exempt or exempt) in ("exempt", "reverse"):
        assert {tax["amount"] for tax in line["taxes"]} <= {0}


def _check_credits(invoice: "Invoice", balances: "list[GrantBalance]") -> None:
    """No grant pays more than it has, and none in another currency."""
    taken: Counter[str] = Counter()
    for line in invoice_lines(invoice):
        for part in LineState.of(line).credits or ():
            taken[part["grant"]] += part["amount"]
    left = {one["grant"]: one["left"] for one in balances if one["currency"] == invoice["currency"]}
    assert all(0 < amount <= left[grant] for grant, amount in taken.items())
    assert not taken or sum(map(_pretax, invoice_lines(invoice))) >= 0


def _check_due(invoice: "Invoice") -> None:
    """What is due can be charged, and the rest stays on the balance."""
    owed = invoice["total"] + invoice["starting_balance"]
    due = invoice["amount_due"]
    ending = applied_balance(invoice).ending_balance_minor
    assert (due + ending, invoice["amount_remaining"]) == (owed, due)
    charged = invoice["collection_method"] == "charge_automatically"
    assert due >= 0
    assert due % (charge_step_minor(invoice["currency"]) if charged else 1) == 0
    assert due == 0 or ending >= 0


def _of_discounts(parts: "Iterable[Any]") -> dict[str, int]:
    sums: Counter[str] = Counter()
    for part in parts:
        sums[part["discount"]] += part["amount"]
    return dict(sums)


def _own_discounts(line: "InvoiceLine") -> int:
    return sum(
        part["amount"] for part in line["discount_amounts"] if part["discount"] in line["discounts"]
    )


def _pretax(line: "InvoiceLine") -> int:
    return line["amount"] - sum(part["amount"] for part in line["pretax_credit_amounts"])


def _taxes(line: "InvoiceLine", behavior: str) -> int:
    return sum(tax["amount"] for tax in line["taxes"] if tax["tax_behavior"] == behavior)
