"""Where the usage of a running period leads, if it goes on as it did for a while.

Only what grows with time is carried on: sums and counts. The greatest, the least, the latest or the
average value, and how many different ones there were, stand as they are.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from meterline.core.base.money import EXACT, exact_product
from meterline.core.catalog.price_models import Usage
from meterline.core.metering.aggregation import Formula

PLACES = Decimal(1).scaleb(-12)
"""To so many places is a quantity carried on, rounded half up; events to whole ones."""

_GROWING = frozenset({Formula.SUM, Formula.COUNT})


@dataclass(frozen=True, slots=True)
class Pace:
    """The usage of so many seconds, which goes on at the same pace; of none it does not."""

    usage: Usage
    seconds: int


def grows(formula: Formula) -> bool:
    """Whether a quantity by this formula is carried on."""
    return formula in _GROWING


def carried_on(used: Usage, pace: Pace, seconds_left: int) -> Usage:
    """What usage comes to when ``seconds_left`` are over, exactly but for the last rounding."""
    if pace.seconds <= 0 or seconds_left <= 0:
        return used
    quantity = _share(pace.usage.quantity, pace.seconds, seconds_left).quantize(
        PLACES, ROUND_HALF_UP, EXACT
    )
    events = _share(Decimal(pace.usage.events), pace.seconds, seconds_left)
    return Usage(
        EXACT.add(used.quantity, quantity),
        used.events + int(events.to_integral_value(ROUND_HALF_UP, EXACT)),
    )


def _share(value: Decimal, of_seconds: int, seconds: int) -> Decimal:
    return EXACT.divide(exact_product(value, Decimal(seconds)), Decimal(of_seconds))
