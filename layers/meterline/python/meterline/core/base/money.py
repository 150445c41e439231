"""Money: integer minor units, and the one place where fractions of them are rounded.

Amounts that have been decided are integers in the currency's minor unit (cents of the euro, whole
yen). Amounts still being computed are exact `Decimal`s in that same unit.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

from meterline.core.base.errors import BillingError

EXACT: Final = Context(prec=100, rounding=ROUND_HALF_UP)
"""Context of every computation with prices: wide enough that a product of any accepted unit amount
and quantity is exact, and independent of the ambient decimal context."""

MAX_AMOUNT_MINOR: Final = 99_999_999_999
"""Largest amount that a request can name, in minor units of any currency."""

_MAX_AMOUNT_OF_SMALL_UNITS: Final = 999_999_999_999
_SMALL_UNITS: Final = frozenset(("idr", "lak", "lbp", "uzs"))
"""Currencies of whose minor units a dollar has a million or so: their amounts can have twelve
digits, as Stripe has it for the rupiah ("Supported currencies")."""

ZERO: Final = Decimal(0)

_TWO_DECIMAL: Final = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd btn bwp byn bzd cad
    cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gtq gyd hkd hnl
    hrk htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop
    mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd
    scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd usdc uyu uzs wst xcd
    xcg yer zar zmw
"""
_ZERO_DECIMAL: Final = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
_THREE_DECIMAL: Final = "bhd jod kwd omr tnd"
_WHOLE_HUNDREDS: Final = frozenset(("isk", "ugx"))

_CHARGE_STEP_BY_DIGITS: Final = {3: 10}
_MINOR_DIGITS: Final = {
    code: digits
    for digits, codes in ((0, _ZERO_DECIMAL), (2, _TWO_DECIMAL), (3, _THREE_DECIMAL))
    for code in codes.split()
}


def round_half_up(amount: Decimal) -> int:
    """The minor unit nearest to an exact amount; a half goes away from zero.

    Applied once per invoice line, after multiplying. Negative amounts round by magnitude
    (-166.35 is -166, -1.5 is -2).
    """
    return int(amount.to_integral_value(rounding=ROUND_HALF_UP, context=EXACT))


def nearest_quotient(numerator: int, denominator: int) -> int:
    """The integer nearest to `numerator / denominator`; a half goes down (-2.5 is -3, 4.5 is 4).

    The rounding of prorations. The denominator must be positive.
    """
    return -((denominator - 2 * numerator) // (2 * denominator))


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of decimals, whatever precision the calling thread has set."""
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def exact_product(quantity: Decimal, unit_amount: Decimal) -> Decimal:
    """What a quantity comes to at an amount for each, whatever precision the thread has set.

    Nothing else multiplies money with what is not a whole number.
    """
    return EXACT.multiply(quantity, unit_amount)


def exact_difference(left: Decimal, right: Decimal) -> Decimal:
    """``left`` less ``right``, whatever precision the calling thread has set."""
    return EXACT.subtract(left, right)


def known_currency(currency: str, param: str) -> str:
    """The currency; one that is not known is refused, naming its parameter."""
    minor_digits(currency, param)
    return currency


def minor_digits(currency: str, param: str = "currency") -> int:
    """Digits after the point in a currency's amounts: 0, 2 or 3.

    The Icelandic króna and the Ugandan shilling have no cents in practice and yet count as
    two-decimal, with the last two digits zero (Stripe: supported currencies). An unknown code is
    refused.
    """
    digits = _MINOR_DIGITS.get(currency.lower())
    if digits is None:
        raise BillingError(f"Invalid currency: {currency}.", param=param)
    return digits


def charge_step_minor(currency: str) -> int:
    """The step, in minor units, of amounts that move money.

    10 for three-decimal currencies, 100 for those that only pretend to have cents, else 1.
    """
    if currency.lower() in _WHOLE_HUNDREDS:
        return 100
    return _CHARGE_STEP_BY_DIGITS.get(minor_digits(currency), 1)


def most_minor(currency: str) -> int:
    """Largest amount that a request can lead to in one line, or leave on a balance."""
    return _MAX_AMOUNT_OF_SMALL_UNITS if currency in _SMALL_UNITS else MAX_AMOUNT_MINOR


def check_amount(amount_minor: int, currency: str, param: str) -> None:
    """Refuse what a request asks to be charged or credited if it is too large for one line.

    Only requests are bounded. What follows from them is billed and booked, whatever it comes to:
    scheduled work never fails for an amount.
    """
    most = most_minor(currency)
    if abs(amount_minor) > most:
        raise BillingError(
            f"Invalid amount: this comes to {amount_minor}, and at most {most} is accepted in"
            f" {currency}.",
            code="amount_too_large",
            param=param,
        )


def check_charge(amount_minor: int, currency: str, param: str) -> None:
    """Refuse an amount that a request wants to be charged and that is no whole number of steps."""
    step = charge_step_minor(currency)
    if amount_minor % step:
        raise BillingError(
            f"Invalid amount: amounts in {currency} are charged in steps of {step}, so"
            f" {amount_minor} must be rounded to {amount_minor // step * step} or"
            f" {(amount_minor // step + 1) * step}.",
            param=param,
        )


def decimal_places(amount: Decimal) -> int:
    """Significant places after the point: 2 for 1.250, 0 for 1E+3."""
    exponent = amount.normalize(EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def format_decimal(amount: Decimal) -> str:
    """A decimal as the API prints it: no exponent, no trailing zeros, "2000" and "0.05"."""
    text = f"{amount:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def whole_units(amount: Decimal) -> int | None:
    """The integer form of a decimal unit amount, or None if it has a fraction.

    Stripe fills `unit_amount` only when `unit_amount_decimal` is whole.
    """
    return int(amount) if decimal_places(amount) == 0 else None
