"""What usage came to in each window of a billing period, so that windows add up to its line.

The amount of a window is what the usage of the period up to the window's end costs, less what it
costs up to the window's start; before the period it costs nothing. So a tier's price counts in the
window in which usage enters the tier, what no usage costs (the flat amount of the first tier) in
the window in which the period begins, and what is missing to a minimum in the one in which it ends.
A window whose usage makes all of it cheaper (volume tiers, cancelled events) has a negative amount.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from meterline.core.base.money import EXACT, decimal_places
from meterline.core.base.periods import Period
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.billing.discounts import allocate
from meterline.core.billing.invoicing import BilledItem, interim_line, metered_line
from meterline.core.catalog.price_models import Usage
from meterline.core.metering.calendar_windows import Span

type UsageSoFar = tuple[Span, Usage]
"""A part of a period, and the usage from the period's start to the end of the part."""


def amounts_of_windows(
    item: BilledItem, span: CyclePeriod, so_far: Iterable[UsageSoFar]
) -> Iterator[tuple[Span, int]]:
    """The amounts, in minor units, of parts of a period that follow each other in time.

    Those of all parts, the first and the last second among them, add up to the period's line.
    """
    before = 0
    for bounds, usage in so_far:
        amount = amount_until(item, span, bounds[1], usage)
        yield bounds, amount - before
        before = amount


def amount_until(item: BilledItem, span: CyclePeriod, instant: int, usage: Usage) -> int:
    """What the usage of a period up to an instant costs: at its end all that its line bills."""
    period = span.period
    if instant >= period.end:
        return metered_line(item, usage, span).amount_minor
    return interim_line(item, usage, Period(period.start, instant), span).amount_minor


def divided(amount_minor: int, quantities: Sequence[Decimal]) -> list[int] | None:
    """An amount divided in proportion to quantities; the shares add up to it.

    Shares are rounded down, and what is left goes to the last. None where quantities have no
    shares: they come to nothing, or one is below zero.
    """
    if not any(quantities) or min(quantities) < 0:
        return None
    places = max(map(decimal_places, quantities))
    parts = [int(EXACT.scaleb(quantity, places)) for quantity in quantities]
    sign, size = (-1 if amount_minor < 0 else 1), abs(amount_minor)
    return [sign * share for share in allocate(size, [part * size for part in parts])]
