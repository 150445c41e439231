"""A document tells apart what a balance pays, what is put on it, and what is left owed on it."""

import pytest

from meterline.core.billing.balances import apply_balance
from meterline.services.documents.amounts import balance_change
from meterline.services.documents.document import BalanceChange

# balance before, positive if owed | total | smallest charge | used, put on, left owed
CHANGES = [
    (0, 100, 50, (0, 0, 0)),
    (20, 100, 50, (20, 0, 0)),
    (-30, 100, 50, (-30, 0, 0)),
    (-100, 60, 50, (-60, 0, 0)),
    (0, -75, 50, (0, 75, 0)),
    (-30, -75, 50, (0, 75, 0)),
    (20, -75, 50, (20, 55, 0)),
    (200, -75, 50, (200, 0, 0)),
    (0, 30, 50, (0, 0, 30)),
    (10, 30, 50, (0, 0, 30)),
    (-50, 60, 50, (-50, 0, 10)),
    (30, 30, 50, (30, 0, 0)),
]


@pytest.mark.parametrize(("before", "total", "smallest", "change"), CHANGES)
def test_what_a_balance_does_to_an_invoice(
    before: int, total: int, smallest: int, change: tuple[int, int, int]
) -> None:
    applied = apply_balance(total, before, smallest, 1)
    found = balance_change(applied.amount_due_minor - total, before, applied.ending_balance_minor)
    assert found == BalanceChange(*change)
    assert total + found.used + found.put_on - found.left_owed == applied.amount_due_minor


def test_a_draft_s_balance_is_used() -> None:
    assert balance_change(-30, -30, None) == BalanceChange(-30, 0, 0)
