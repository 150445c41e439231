"""What invoice lines are called."""

from datetime import UTC, datetime
from decimal import Decimal

from meterline.core.commitments import Commitment
from meterline.core.invoicing import Line
from meterline.core.money import decimal_places, format_decimal, minor_digits
from meterline.store.documents import Body

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def line_description(price: Body, product_name: str, line: Line) -> str:
    """A line's description: quantity, product, the price where there is just one, and a bound that
    decided about the amount.
    """
    counted = f"{format_decimal(line.quantity)} × {product_name}"
    if line.is_trial:
        return f"Free trial for {counted}"
    rate = _rate(price)
    priced = f"{counted} (at {rate})" if rate else counted
    return priced + _bound(line.commitment, price["currency"])


def proration_description(item: Body, product_name: str, at: int, *, is_credit: bool) -> str:
    """A proration's description: what of an item is credited or charged, from which day on."""
    quantity = item.get("quantity", 1)
    counted = f"{quantity} × {product_name}" if quantity != 1 else product_name
    day = datetime.fromtimestamp(at, UTC).strftime("%d %b %Y")
    return f"{'Unused' if is_credit else 'Remaining'} time on {counted} after {day}"


def money(amount_minor: Decimal, currency: str) -> str:
    """An amount in minor units as people write it: "$20.00", "0.005 CHF"."""
    digits = minor_digits(currency)
    major = amount_minor.scaleb(-digits)
    exact = decimal_places(major) > digits
    text = format_decimal(major) if exact else f"{major:.{digits}f}"
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{text}" if symbol else f"{text} {currency.upper()}"


def _rate(price: Body) -> str | None:
    """What one unit costs: "$0.10 / month", "2.9 % + $0.30"; None where that depends on more."""
    unit = price["unit_amount_decimal"]
    if unit is not None:
        return f"{money(Decimal(unit), price['currency'])} / {_rhythm(price)}"
    percentage = (price.get("meterline") or {}).get("percentage")
    if percentage is None:
        return None
    fee = Decimal(percentage["fixed_fee_decimal"])
    return f"{percentage['percent']} %" + (f" + {money(fee, price['currency'])}" if fee else "")


def _bound(commitment: Commitment | None, currency: str) -> str:
    """The bound that a line's amount was moved to, if it was."""
    if commitment is None:
        return ""
    bounds, bounded = commitment.bounds, commitment.bounded
    if bounded.true_up_minor:
        return f", minimum {money(Decimal(bounds.minimum_minor or 0), currency)}"
    if bounded.reduction_minor:
        return f", maximum {money(Decimal(bounds.maximum_minor or 0), currency)}"
    return ""


def _rhythm(price: Body) -> str:
    recurring = price["recurring"]
    count = recurring["interval_count"]
    return str(recurring["interval"]) if count == 1 else f"{count} {recurring['interval']}s"
