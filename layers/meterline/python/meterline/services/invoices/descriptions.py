"""What invoice lines are called."""

from decimal import Decimal

from meterline.core.invoicing import Line
from meterline.core.money import decimal_places, format_decimal, minor_digits
from meterline.store.documents import Body

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def line_description(price: Body, product_name: str, line: Line) -> str:
    """A line's description: quantity, product, and the unit price where there is just one."""
    counted = f"{format_decimal(line.quantity)} × {product_name}"  # noqa: RUF001 - as Stripe has it
    if line.is_trial:
        return f"Free trial for {counted}"
    unit = price["unit_amount_decimal"]
    if unit is None:
        return counted
    return f"{counted} (at {money(Decimal(unit), price['currency'])} / {_rhythm(price)})"


def money(amount_minor: Decimal, currency: str) -> str:
    """An amount in minor units as people write it: "$20.00", "0.005 CHF"."""
    digits = minor_digits(currency)
    major = amount_minor.scaleb(-digits)
    exact = decimal_places(major) > digits
    text = format_decimal(major) if exact else f"{major:.{digits}f}"
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{text}" if symbol else f"{text} {currency.upper()}"


def _rhythm(price: Body) -> str:
    recurring = price["recurring"]
    count = recurring["interval_count"]
    return str(recurring["interval"]) if count == 1 else f"{count} {recurring['interval']}s"
