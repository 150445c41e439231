"""A year of prepaid credits that are topped up, told as a ledger: each row adds up to the balance.

A call costs 10 cents. Below $20 left, $100 buy credits of $110, three times a month at most.
"""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at
from tests.integration.stories.test_billing_credits import balances, grant, ledger, usage
from tests.integration.stories.test_credit_top_ups import (
    bought,
    change,
    latest,
    live,
    pay,
    read,
    rule,
    use,
)

BONUS = 11_000


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def row(stage: Stage, *entries: int) -> int:
    """The new entries of the ledger are these, and all of them are the balance; which is told."""
    known = [amount for _, amount in ledger(stage)]
    new = known[len(known) - len(entries) :]
    assert new == list(entries)
    assert sum(known) == balances(stage)["usd"][1]
    return sum(known)


def test_a_year_of_prepaid_credits_with_top_up(stage: Stage) -> None:
    made = rule(
        stage, 2_000, 10_000, grant={"amount": BONUS}, limit={"interval": "month", "count": 3}
    )
    until_april(stage)
    of_a_voided_top_up(stage, made)
    of_a_late_payment(stage)
    of_a_present(stage)
    use(stage, 500)
    pay(stage)
    stage.until("2025-01-02")
    assert balances(stage)["usd"][1] == sum(amount for _, amount in ledger(stage)) == 11_500
    assert bought(stage) == [("void", 10_000) if n == 3 else ("paid", 10_000) for n in range(7)]


def until_april(stage: Stage) -> None:
    pay(stage)
    assert row(stage, BONUS) == 11_000
    stage.subscribe(usage(stage, 10))

    use(stage, 400)  # $40 of $110
    stage.until("2024-02-02")
    assert row(stage, -4_000) == 7_000
    use(stage, 600)  # $10 are left: topped up
    assert live(stage) == 1_000
    pay(stage)
    assert (row(stage, BONUS), live(stage)) == (18_000, 12_000)
    stage.until("2024-03-02")
    assert row(stage, -6_000) == 12_000

    use(stage, 1_500)  # more than is left, so the next payment is used in part at once
    assert live(stage) == 0
    pay(stage)
    assert live(stage) == 8_000
    stage.until("2024-04-02")
    assert row(stage, BONUS, -1_000, -11_000, -3_000) == 8_000


def of_a_voided_top_up(stage: Stage, made: Any) -> None:
    use(stage, 650)  # the invoice of this fall is voided, and nobody buys until somebody says so
    stage.client.v1.invoices.void_invoice(latest(stage))
    use(stage, 100)
    stage.until("2024-05-02")
    assert (row(stage, -7_500), read(stage, made)["status"]) == (500, "paused")
    assert change(stage, made, status="active")["status"] == "awaiting_payment"
    pay(stage)
    assert row(stage, BONUS) == 11_500
    stage.until("2024-06-02")
    assert row(stage) == 11_500


def of_a_late_payment(stage: Stage) -> None:
    use(stage, 1_050)  # the customer takes its time to pay, and owes for what exceeds the credits
    use(stage, 300)
    stage.until("2024-07-02")
    assert row(stage, -500, -11_000) == 0
    owed = stage.invoices()[-1]
    assert (owed.subtotal, owed.total, bought(stage)[-1][0]) == (13_500, 2_000, "open")
    pay(stage)
    assert row(stage, BONUS) == 11_000
    stage.client.v1.invoices.void_invoice(owed.id)
    assert row(stage, 500, 11_000) == 22_500
    use(stage, 200)
    stage.until("2024-08-02")
    assert row(stage, -500, -1_500) == 20_500


def of_a_present(stage: Stage) -> None:
    grant(stage, 1_000, expires_at=at("2024-09-10"))  # a present, which is used first and expires
    use(stage, 50)
    stage.until("2024-09-02")
    assert row(stage, 1_000, -500) == 21_000
    stage.until("2024-09-11")
    assert row(stage, -500) == 20_500
    for month, left in (("2024-10-02", 15_500), ("2024-11-02", 10_500), ("2024-12-02", 5_500)):
        use(stage, 500)
        stage.until(month)
        assert balances(stage)["usd"][1] == sum(amount for _, amount in ledger(stage)) == left
