"""Where the usage of a running period leads, if it goes on as it did for a while.

Only what grows with time is carried on: sums and counts; of a percentile the samples still to come
are like those so far, and a level lasts. The greatest, the least, the latest or the average value,
and how many different ones there were, stand as they are.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

from meterline.core.base.frozen import frozen
from meterline.core.base.money import EXACT, ZERO, exact_product
from meterline.core.catalog.price_models import Usage
from meterline.core.metering.aggregation import Formula
from meterline.core.metering.samples import Samples

PLACES = Decimal(1).scaleb(-12)
"""To so many places is a quantity carried on, rounded half up; events to whole ones."""

_ALL = Decimal(100)
_GROWING = frozenset({Formula.SUM, Formula.COUNT})


@frozen
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


def percentile_carried_on(
    so_far: Samples, pace: Samples, left: int, percentage: Decimal
) -> Decimal:
    """The percentile of samples when there are ``left`` more, which are spread as those of the
    pace are; both were told of a range.
    """
    if not pace.number:
        return so_far.counting
    weights = Counter(_spread(so_far, pace.number)) + Counter(_spread(pace, left))
    number = (so_far.number + left) * pace.number
    left_out = int(number * (_ALL - percentage) // _ALL)
    for value in sorted(weights, reverse=True):
        left_out -= weights[value]
        if left_out < 0:
            return value
    return so_far.counting


def _spread(samples: Samples, weight: int) -> Mapping[Decimal, int]:
    """How often each value is among samples, each of which has some weight."""
    found = Counter(samples.sums.values())
    found[ZERO] += samples.number - len(samples.sums)
    return {value: times * weight for value, times in found.items()}


def _share(value: Decimal, of_seconds: int, seconds: int) -> Decimal:
    return EXACT.divide(exact_product(value, Decimal(seconds)), Decimal(of_seconds))
