"""How an invoice uses or leaves a customer balance."""

import pytest

from meterline.core.balances import minimum_charge_minor, settle


@pytest.mark.parametrize(
    ("rule", "total", "starting", "due", "ending"),
    [
        ("without a balance everything is due", 1000, 0, 1000, 0),
        ("credit is used up", 1000, -300, 700, 0),
        ("credit may cover it all", 1000, -1000, 0, 0),
        ("credit that is left stays", 1000, -1500, 0, -500),
        ("a debt is collected with it", 1000, 200, 1200, 0),
        ("a debt is collected alone", 0, 200, 200, 0),
        ("a negative total becomes credit", -500, 0, 0, -500),
        ("a negative total lowers a debt", -500, 800, 300, 0),
        ("a negative total adds to credit", -500, -100, 0, -600),
        ("nothing changes nothing", 0, -100, 0, -100),
    ],
)
def test_amount_due_is_total_plus_balance_or_nothing(
    rule: str, total: int, starting: int, due: int, ending: int
) -> None:
    settlement = settle(total, starting)
    assert (settlement.amount_due_minor, settlement.ending_balance_minor) == (due, ending), rule
    assert settlement.is_settled == (due == 0)


@pytest.mark.parametrize(("total", "due", "ending"), [(49, 0, 49), (50, 50, 0), (1, 0, 1)])
def test_less_than_the_minimum_charge_is_carried_to_the_next_invoice(
    total: int, due: int, ending: int
) -> None:
    settlement = settle(total, 0, minimum_charge_minor("usd"))
    assert (settlement.amount_due_minor, settlement.ending_balance_minor) == (due, ending)


@pytest.mark.parametrize("total", [-700, 0, 30, 700])
@pytest.mark.parametrize("starting", [-500, 0, 40])
def test_no_money_is_lost_between_invoice_and_balance(total: int, starting: int) -> None:
    settlement = settle(total, starting, 50)
    assert settlement.amount_due_minor + settlement.ending_balance_minor == total + starting
    assert settlement.applied_minor == settlement.ending_balance_minor - starting


def test_currencies_without_a_published_minimum_have_none() -> None:
    assert minimum_charge_minor("xof") == 0
