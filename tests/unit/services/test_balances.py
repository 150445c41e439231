"""Balances of a customer: one for each currency, and no unit of one ever changes another."""

from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.base.errors import BillingError
from meterline.core.base.money import MAX_AMOUNT_MINOR
from meterline.services.base.context import Context
from meterline.services.customers.balances import Booking, adjust, balance_in, book, with_currency

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer
    from meterline.store.billing.repository import BillingStore

CURRENCIES = ("usd", "eur", "jpy", "kwd")


class _NoStore:
    livemode = False


def _context() -> Context:
    return Context(cast("BillingStore", _NoStore()), now=0, wall_clock=0)


def _customer(currency: str | None = None, balance: int = 0) -> "Customer":
    fields: Any = {"id": "cus_a", "currency": currency, "balance": balance}
    customer: Customer = fields
    return customer


def _booking(amount: int, currency: str) -> Booking:
    return Booking(amount=amount, currency=currency, type="adjustment")


def _all(customer: "Customer") -> dict[str, int]:
    return {currency: balance_in(customer, currency) for currency in CURRENCIES}


@given(
    st.sampled_from([None, *CURRENCIES]),
    st.lists(st.tuples(st.integers(), st.sampled_from(CURRENCIES))),
)
def test_a_booking_changes_the_balance_of_its_currency_and_no_other(
    currency: str | None, bookings: list[tuple[int, str]]
) -> None:
    customer, ctx = _customer(currency), _context()
    sums = dict.fromkeys(CURRENCIES, 0)
    for amount, booked in bookings:
        customer, transaction = book(ctx, customer, _booking(amount, booked))
        sums[booked] += amount
        assert _all(customer) == sums
        assert transaction.body["currency"] == booked
        assert transaction.body["ending_balance"] == sums[booked]
    shown = {one: -credit for one, credit in customer.get("invoice_credit_balance", {}).items()}
    assert shown == {one: amount for one, amount in sums.items() if amount}
    assert customer["balance"] == sums.get(customer["currency"] or "usd", 0)


@given(st.lists(st.sampled_from(CURRENCIES), min_size=1))
def test_the_first_currency_stays_a_customer_s_own(currencies: list[str]) -> None:
    customer = _customer()
    for currency in currencies:
        customer = with_currency(customer, currency)
    assert customer["currency"] == currencies[0]


def test_a_balance_without_a_currency_is_in_dollars() -> None:
    customer, _ = book(_context(), _customer(balance=-500), _booking(-7, "eur"))
    assert _all(customer) == {"usd": -500, "eur": -7, "jpy": 0, "kwd": 0}
    assert customer["currency"] == "usd"


def test_what_the_system_books_has_no_bound() -> None:
    customer, _ = book(_context(), _customer(), _booking(-3 * MAX_AMOUNT_MINOR, "usd"))
    assert customer["balance"] == -3 * MAX_AMOUNT_MINOR


@pytest.mark.parametrize(
    ("balance", "amount", "is_taken"),
    [
        (0, MAX_AMOUNT_MINOR, True),
        (0, -MAX_AMOUNT_MINOR, True),
        (1, MAX_AMOUNT_MINOR, False),
        (-1, -MAX_AMOUNT_MINOR, False),
        (-5 * MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR, True),
        (-5 * MAX_AMOUNT_MINOR, -1, False),
    ],
)
def test_a_request_cannot_take_a_balance_beyond_one_amount(
    *, balance: int, amount: int, is_taken: bool
) -> None:
    """But it can lead back one that the system has taken there."""
    customer, booking = _customer("usd", balance), _booking(amount, "usd")
    if is_taken:
        assert adjust(_context(), customer, booking)[0]["balance"] == balance + amount
    else:
        with pytest.raises(BillingError) as refused:
            adjust(_context(), customer, booking)
        assert refused.value.code == "amount_too_large"
