"""A customer notes its latest invoice, so that counted usage need not look for late usage."""

import pytest

from meterline.services.customers.customer_state import (
    may_have_invoices_since,
    with_invoices,
    without_invoices,
)

type Body = dict[str, object]

NEW: Body = without_invoices({"id": "cus_1", "next_invoice_sequence": 1})
OF_A_FORMER_RELEASE: Body = {"id": "cus_1", "next_invoice_sequence": 1}
INVOICED = with_invoices(NEW, NEW, [1_000, 900])
FINAL = with_invoices(INVOICED | {"next_invoice_sequence": 2}, INVOICED, [])
FINAL_BY_A_FORMER_RELEASE = INVOICED | {"next_invoice_sequence": 2}

# customer | since when | whether it may have an invoice from then on
NOTED = [
    (NEW, 1, False),
    (OF_A_FORMER_RELEASE, 10**9, True),
    (with_invoices(OF_A_FORMER_RELEASE, OF_A_FORMER_RELEASE, [5]), 10**9, True),
    (INVOICED, 1_000, True),
    (INVOICED, 1_001, False),
    (with_invoices(INVOICED, INVOICED, [800]), 1_000, True),
    (FINAL, 1_001, False),
    (FINAL, 1_000, True),
    (FINAL_BY_A_FORMER_RELEASE, 10**9, True),
    (with_invoices(FINAL_BY_A_FORMER_RELEASE, FINAL_BY_A_FORMER_RELEASE, [5]), 10**9, True),
]


@pytest.mark.parametrize(("customer", "since", "may_have"), NOTED)
def test_a_customer_may_have_invoices_unless_all_were_noted_as_earlier(
    customer: Body, since: int, *, may_have: bool
) -> None:
    assert may_have_invoices_since(customer, since) is may_have
