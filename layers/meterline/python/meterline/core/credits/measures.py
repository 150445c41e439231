"""What a grant of billing credits is counted in: a currency, or the units of a meter.

What is left of a grant is an integer either way: minor units of its currency, or parts of a unit,
of which a unit has 10^12, as decimals of the API have twelve places at most. So a ledger adds up
exactly, whatever it is in.
"""

from decimal import Decimal
from typing import Final

from meterline.core.base.money import EXACT

PARTS: Final = 10**12
"""The parts of a unit."""

_METER_PREFIX: Final = "mtr_"


def is_of_meter(measure: str) -> bool:
    """Whether a measure is a meter, by its id; else it is a currency."""
    return measure.startswith(_METER_PREFIX)


def parts_of(units: Decimal) -> int:
    """The parts that units have; of places beyond the twelfth nothing."""
    return int(EXACT.scaleb(units, 12))


def units_of(parts: int) -> Decimal:
    """The units that parts make, exactly."""
    return EXACT.scaleb(Decimal(parts), -12)
