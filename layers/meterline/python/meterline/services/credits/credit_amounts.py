"""Amounts of billing credits on the wire: money, or units of a meter.

Units are what Stripe's preview calls a custom pricing unit: each meter is one, under its own id.
Inside, an amount is its measure and an integer (``core.credits.measures``).
"""

from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.money import format_decimal
from meterline.core.credits.measures import is_of_meter, parts_of, units_of

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditAmount, CreditGrant


def amount_in(measure: str, value: int) -> "CreditAmount":
    """The amount of so many minor units of a currency, or parts of a meter's units."""
    if not is_of_meter(measure):
        return {"type": "monetary", "monetary": {"currency": measure, "value": value}}
    return {
        "type": "custom_pricing_unit",
        "custom_pricing_unit": {"id": measure, "value": units_text(value)},
        "monetary": None,
    }


def units_text(parts: int) -> str:
    """Parts of units as the API has them: units, as a decimal."""
    return format_decimal(units_of(parts))


def measure_of(grant: "CreditGrant") -> str:
    """What a grant is counted in: its currency, or its meter's id."""
    money = grant["amount"]["monetary"]
    return money["currency"] if money else grant["amount"]["custom_pricing_unit"]["id"]


def value_of(grant: "CreditGrant") -> int:
    """How much was granted, as it is counted."""
    money = grant["amount"]["monetary"]
    if money:
        return money["value"]
    return parts_of(Decimal(grant["amount"]["custom_pricing_unit"]["value"]))
