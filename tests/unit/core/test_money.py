"""Rounding, currencies, and decimals as the API writes them."""

from decimal import Decimal, localcontext

import pytest

from meterline.core.base.errors import BillingError
from meterline.core.base.money import (
    charge_step_minor,
    check_amount,
    exact_sum,
    format_decimal,
    minor_digits,
    nearest_quotient,
    round_half_up,
    whole_units,
)


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        ("1.5", 2),
        ("2.5", 3),
        ("2.4", 2),
        ("0.499999999999", 0),
        ("-166.35", -166),
        ("-666.67", -667),
        ("-1.5", -2),
        ("-0.5", -1),
        ("-0.4", 0),
        ("99999999999999999999.5", 100000000000000000000),
    ],
)
def test_amounts_go_to_the_nearest_minor_unit_and_halves_away_from_zero(
    exact: str, rounded: int
) -> None:
    assert round_half_up(Decimal(exact)) == rounded


@pytest.mark.parametrize(("exact_cents", "cents"), [("2.5", 3), ("2.4", 2)])
def test_fees_round_like_lines(exact_cents: str, cents: int) -> None:
    """Cases stripe decimal 006 and 007: 0.025 dollars are 0.03, 0.024 are 0.02."""
    assert round_half_up(Decimal(exact_cents)) == cents


@pytest.mark.parametrize(
    ("numerator", "denominator", "nearest"),
    [(7, 2, 3), (-7, 2, -4), (1, 2, 0), (-1, 2, -1), (1, 3, 0), (2, 3, 1), (-2, 3, -1), (0, 5, 0)],
)
def test_quotients_go_to_the_nearest_integer_and_halves_down(
    numerator: int, denominator: int, nearest: int
) -> None:
    assert nearest_quotient(numerator, denominator) == nearest


def test_sums_ignore_the_ambient_precision() -> None:
    with localcontext() as careless:
        careless.prec = 2
        assert exact_sum([Decimal("123.456"), Decimal("0.0001")]) == Decimal("123.4561")


@pytest.mark.parametrize(
    ("currency", "digits", "step"),
    [
        ("usd", 2, 1),
        ("EUR", 2, 1),
        ("jpy", 0, 1),
        ("krw", 0, 1),
        ("kwd", 3, 10),
        ("bhd", 3, 10),
        ("isk", 2, 100),
        ("ugx", 2, 100),
    ],
)
def test_currencies_have_their_own_minor_unit(currency: str, digits: int, step: int) -> None:
    assert minor_digits(currency) == digits
    assert charge_step_minor(currency) == step


@pytest.mark.parametrize(("major", "currency", "minor"), [(5, "isk", 500), (1, "usd", 100)])
def test_published_minor_units(major: int, currency: str, minor: int) -> None:
    """Cases stripe decimal 011 and 012."""
    assert major * 10 ** minor_digits(currency) == minor


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(BillingError, match="xyz") as refused:
        minor_digits("xyz")
    assert refused.value.param == "currency"


@pytest.mark.parametrize(
    ("text", "whole", "printed"),
    [
        ("5", 5, "5"),
        ("5.0", 5, "5"),
        ("2000", 2000, "2000"),
        ("2E+3", 2000, "2000"),
        ("0.050", None, "0.05"),
        ("0", 0, "0"),
        ("0.000000000001", None, "0.000000000001"),
    ],
)
def test_only_a_whole_decimal_fills_unit_amount(text: str, whole: int | None, printed: str) -> None:
    """Cases stripe decimal 005 and 015."""
    amount = Decimal(text)
    assert whole_units(amount) == whole
    assert format_decimal(amount) == printed


@pytest.mark.parametrize(
    ("currency", "most"),
    [("usd", 99_999_999_999), ("kwd", 99_999_999_999), ("idr", 999_999_999_999)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_an_amount_has_eleven_digits_and_twelve_where_units_are_small(
    currency: str, most: int, sign: int
) -> None:
    check_amount(sign * most, currency, "amount")
    with pytest.raises(BillingError) as refused:
        check_amount(sign * (most + 1), currency, "amount")
    assert (refused.value.code, refused.value.param) == ("amount_too_large", "amount")
