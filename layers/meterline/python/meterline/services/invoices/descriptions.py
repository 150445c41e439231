"""What invoice lines are called, in English; ``documents.descriptions`` reads it back."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.base.money import decimal_places, format_decimal, minor_digits
from meterline.core.billing.invoicing import BillingMode, Line
from meterline.core.catalog.commitments import Commitment
from meterline.core.catalog.plans import recurring_of
from meterline.core.catalog.rating import RatedStep
from meterline.services.catalog.price_segments import segment_text

if TYPE_CHECKING:
    from meterline.core.base.wire import Price, SubscriptionItem

DAY = "%d %b %Y"
"""How descriptions write a day (``strftime``)."""

_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


@frozen
class ProductName:
    """What lines call a product, and one unit of it, if that has a name."""

    name: str
    unit_label: str | None = None

    def counted(self, quantity: Decimal) -> str:
        """So many of it: "3 × Storage", "3 seat × Team"; the unit's name stays as it is."""
        unit = f" {self.unit_label}" if self.unit_label else ""
        return f"{format_decimal(quantity)}{unit} × {self.name}"


def line_description(price: "Price", product: ProductName, line: Line) -> str:
    """A line's description: quantity, product, segment, the price where there is just one, and a
    bound that decided about the amount.
    """
    product = replace(product, name=product.name + segment_text(price))
    counted = product.counted(line.quantity)
    if line.trial is BillingMode.FLEXIBLE:
        return f"Free trial for {counted}"
    if line.trial is BillingMode.CLASSIC:
        is_metered = recurring_of(price)["usage_type"] == "metered"
        return f"{counted} (Free trial)" if is_metered else f"Trial period for {product.name}"
    step = _step(line)
    if price["tiers_mode"] and step is not None and step.is_flat:
        counted = product.name
    rate = _tier(price, line) if price["tiers_mode"] else _rate(price)
    priced = f"{counted} ({rate})" if rate else counted
    return priced + _bound(line.commitment, price["currency"])


def proration_description(
    item: "SubscriptionItem", product: ProductName, at: int, *, is_credit: bool
) -> str:
    """A proration's description: what of an item is credited or charged, from which day on."""
    quantity = item.get("quantity", 1)
    counted = product.counted(Decimal(quantity)) if quantity != 1 else product.name
    day = datetime.fromtimestamp(at, UTC).strftime(DAY)
    return f"{'Unused' if is_credit else 'Remaining'} time on {counted} after {day}"


def money(amount_minor: Decimal, currency: str) -> str:
    """An amount in minor units as people write it: "$20.00", "0.005 CHF"."""
    digits = minor_digits(currency)
    major = amount_minor.scaleb(-digits)
    exact = decimal_places(major) > digits
    text = format_decimal(major) if exact else f"{major:.{digits}f}"
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{text}" if symbol else f"{text} {currency.upper()}"


def _rate(price: "Price") -> str | None:
    """What one unit costs: "at $0.10 / month", "at $0.08 per 60 units / month", "at 2.9 % + $0.30";
    None where that depends on more.
    """
    unit, packages = price["unit_amount_decimal"], price["transform_quantity"]
    if unit is not None:
        each = f" per {packages['divide_by']} units" if packages else ""
        return f"at {money(Decimal(unit), price['currency'])}{each} / {_rhythm(price)}"
    own = price.get("meterline")
    percentage = own and own.get("percentage")
    if not percentage:
        return None
    fee = Decimal(percentage["fixed_fee_decimal"])
    return f"at {percentage['percent']} %" + (f" + {money(fee, price['currency'])}" if fee else "")


def _step(line: Line) -> RatedStep | None:
    """The one step of a line's computation, if it is just one."""
    return line.rated.steps[0] if line.rated and len(line.rated.steps) == 1 else None


def _tier(price: "Price", line: Line) -> str | None:
    """The tier of a line, and what it costs: "Tier 1 at $0.00 / month"; None for several tiers."""
    step = _step(line)
    if line.rated is None:
        place, amount = 1, Decimal(price["tiers"][0]["unit_amount_decimal"] or 0)
    elif step is not None:
        place, amount = step.tier or 1, step.flat_amount if step.is_flat else step.unit_amount
    else:
        return None
    return f"Tier {place} at {money(amount, price['currency'])} / {_rhythm(price)}"


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


def _rhythm(price: "Price") -> str:
    recurring = recurring_of(price)
    count = recurring["interval_count"]
    return recurring["interval"] if count == 1 else f"{count} {recurring['interval']}s"
