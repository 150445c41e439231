"""How values look in the console: exact, in English and in UTC, for people who compare figures."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final

from meterline.api.pages.charts import Columns, Series, columns
from meterline.core.base.errors import BillingError
from meterline.core.base.money import minor_digits

NONE: Final = "\N{EN DASH}"
_SPANS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_MILLION: Final = 1_000_000
_THREE_DIGITS: Final = Context(prec=3)

_COLOURS: Final = {
    "good": ("active", "complete", "completed", "enabled", "paid", "ready", "succeeded"),
    "warn": ("advancing", "draft", "incomplete", "open", "past_due", "pending", "trialing"),
    "bad": ("disabled", "failed", "internal_failure", "uncollectible", "unpaid"),
}
_COLOUR: Final = {status: colour for colour, names in _COLOURS.items() for status in names}


def money(minor: int | str | None, currency: str | None) -> str:
    """An amount of minor units: ``1,234.50 USD``."""
    if minor is None or currency is None:
        return NONE
    digits = _digits(currency)
    amount = Decimal(minor).scaleb(-digits)
    places = max(digits, -int(amount.normalize().as_tuple().exponent))
    return f"{_signed(f'{amount:,.{places}f}')} {currency.upper()}"


def quantity(value: Decimal | int | str | None) -> str:
    """A number as it is, with its thousands apart."""
    if value is None:
        return NONE
    try:
        number = Decimal(value)
    except InvalidOperation:
        return str(value)
    places = max(0, -int(number.normalize().as_tuple().exponent))
    return _signed(f"{number:,.{places}f}")


def short(value: Decimal) -> str:
    """A number for the axis of a chart: ``1.2M``."""
    for size, letter in ((_MILLION * 1_000, "G"), (_MILLION, "M"), (1_000, "k")):
        if abs(value) >= size:
            return f"{(value / size).quantize(Decimal('0.1')):f}".removesuffix(".0") + letter
    return quantity(value.quantize(Decimal("0.01")).normalize())


def rate(count: int, seconds: int) -> str:
    """How many came in a second, to three digits: ``0.00127``, ``12.5``, ``1,280``."""
    return quantity(_THREE_DIGITS.divide(count, seconds))


def instant(seconds: int | None) -> str:
    """A moment in UTC: ``2026-11-29 14:05``; with its seconds if it is on none of the clock."""
    if seconds is None:
        return NONE
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds % 60 else "%Y-%m-%d %H:%M")


def iso(seconds: int) -> str:
    """A moment for machines."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day(seconds: int | None) -> str:
    """A day in UTC."""
    return NONE if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def span(seconds: int) -> str:
    """How long something takes: ``2 d``, ``45 min``."""
    size = next(((name, size) for name, size in _SPANS if abs(seconds) >= size), ("s", 1))
    return f"{seconds // size[1]} {size[0]}"


def ago(seconds: int | None, now: int) -> str:
    """How long before now a moment was, or how long after it is."""
    if seconds is None:
        return NONE
    if seconds > now:
        return f"in {span(seconds - now)}"
    return f"{span(now - seconds)} ago"


def words(name: str | None) -> str:
    """A name of the API's as words: ``past due``."""
    return (name or NONE).replace("_", " ")


def colour(status: str | None) -> str:
    """How a status is marked: good, warn, bad or calm."""
    return _COLOUR.get(status or "", "calm")


def of(reference: Any) -> str:  # noqa: ANN401 - an id, or an object that was expanded
    """The id of what a field refers to, expanded or not; empty if it is null."""
    return str(reference["id"] if isinstance(reference, dict) else reference or "")


def called(customer: Mapping[str, Any]) -> str:
    """What somebody calls a customer: its name, else its address, else its id."""
    return str(customer.get("name") or customer.get("email") or customer["id"])


def price(terms: Mapping[str, Any]) -> str:
    """What a price costs, in a few words: ``49.00 USD / month``."""
    if terms["billing_scheme"] == "tiered":
        text = f"{words(terms['tiers_mode'])} tiers, {terms['currency'].upper()}"
    else:
        text = money(terms["unit_amount_decimal"], terms["currency"])
    if terms.get("transform_quantity"):
        text += f" for {terms['transform_quantity']['divide_by']}"
    recurring = terms.get("recurring")
    if not recurring:
        return text
    count, unit = recurring["interval_count"], recurring["interval"]
    return f"{text} / {unit}" if count == 1 else f"{text} / {count} {unit}s"


def whole(value: Decimal | str) -> str:
    """A number without its fractions, where it is a guess."""
    return quantity(Decimal(value).quantize(Decimal(1)))


def pretty(value: Any) -> str:  # noqa: ANN401 - any JSON
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def chart(labels: Sequence[str], series: Sequence[Series], most_labels: int = 6) -> Columns:
    """The chart of quantities."""
    return columns(labels, series, short, quantity, most_labels)


def chart_of_money(
    labels: Sequence[str], series: Sequence[Series], currency: str, most_labels: int = 6
) -> Columns:
    """The chart of amounts in minor units of a currency."""
    digits = _digits(currency)
    return columns(
        labels,
        series,
        lambda minor: short(minor.scaleb(-digits)),
        lambda minor: money(str(minor), currency),
        most_labels,
    )


def short_hash(text: str) -> str:
    """A name for what has none, the same in each process."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _digits(currency: str) -> int:
    try:
        return minor_digits(currency)
    except BillingError:
        return 0


def _signed(text: str) -> str:
    return "0" if text == "-0" else text.replace("-", "\N{MINUS SIGN}")


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "money": money,
    "quantity": quantity,
    "instant": instant,
    "iso": iso,
    "day": day,
    "span": span,
    "ago": ago,
    "words": words,
    "colour": colour,
    "of": of,
    "called": called,
    "price": price,
    "whole": whole,
    "rate": rate,
    "pretty": pretty,
    "short_hash": short_hash,
}
"""What templates may make of a value."""

CHARTS: Final[Mapping[str, Any]] = {"chart": chart, "chart_of_money": chart_of_money}
"""What templates may draw."""
