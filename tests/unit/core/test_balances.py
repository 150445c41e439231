"""How an invoice uses or leaves a customer balance."""

import pytest

from meterline.core.billing.balances import apply_balance, minimum_charge_minor


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
    applied = apply_balance(total, starting)
    assert (applied.amount_due_minor, applied.ending_balance_minor) == (due, ending), rule


@pytest.mark.parametrize(("total", "due", "ending"), [(49, 0, 49), (50, 50, 0), (1, 0, 1)])
def test_less_than_the_minimum_charge_is_carried_to_the_next_invoice(
    total: int, due: int, ending: int
) -> None:
    applied = apply_balance(total, 0, minimum_charge_minor("usd"))
    assert (applied.amount_due_minor, applied.ending_balance_minor) == (due, ending)


@pytest.mark.parametrize(
    ("total", "starting", "due", "ending"),
    [(5124, 0, 5120, 4), (5120, 0, 5120, 0), (5126, 4, 5130, 0), (9, 0, 0, 9), (-4, 0, 0, -4)],
)
def test_what_is_left_of_a_step_of_charges_is_carried_to_the_next_invoice(
    total: int, starting: int, due: int, ending: int
) -> None:
    """Three-decimal currencies are charged in tens: 5.124 KWD as 5.120."""
    applied = apply_balance(total, starting, 0, 10)
    assert (applied.amount_due_minor, applied.ending_balance_minor) == (due, ending)


@pytest.mark.parametrize("total", [-700, 0, 30, 703])
@pytest.mark.parametrize("starting", [-500, 0, 40])
@pytest.mark.parametrize("step", [1, 10, 100])
def test_no_money_is_lost_between_invoice_and_balance(total: int, starting: int, step: int) -> None:
    applied = apply_balance(total, starting, 50, step)
    assert applied.amount_due_minor + applied.ending_balance_minor == total + starting
    assert applied.applied_minor == applied.ending_balance_minor - starting


def test_currencies_without_a_published_minimum_have_none() -> None:
    assert minimum_charge_minor("xof") == 0
