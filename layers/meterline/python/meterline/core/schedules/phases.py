"""Phases of a schedule: spans of time that touch, and the items that go on from one to the next.

Instants are integer UTC seconds, phases half-open. Rules: Stripe, "Subscription schedules"
(contract section F).
"""

from collections.abc import Sequence
from typing import Final

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import (
    SECONDS_PER_DAY,
    Interval,
    IntervalUnit,
    boundary,
    period_number,
)

MOST_PHASES: Final = 10
"""Current and future phases of a schedule."""

MOST_PAST_PHASES: Final = 50
"""Phases that are over and still shown: of more, the oldest are left out."""

LONGEST_SECONDS: Final = 20 * 366 * SECONDS_PER_DAY
"""How long a phase lasts at most."""

_NOTICE_SECONDS: Final = 7 * SECONDS_PER_DAY
_MONTH: Final = Interval(IntervalUnit.MONTH)


@frozen
class Sold:
    """What an item sells: a product, at a price."""

    price: str
    product: str


def duration_end(start: int, interval: Interval, times: int, anchor: int) -> int:
    """The end of a phase that lasts some intervals: it stays in step with the billing cycle.

    A month after 28 February is 31 March where the cycle is anchored on the 31st and the phase
    begins with a period; elsewhere calendar months count from the phase's own start.
    """
    seconds = interval.seconds
    if seconds is not None:
        return start + times * seconds
    months = times * interval.months
    number = period_number(anchor, _MONTH, start)
    if boundary(anchor, _MONTH, number) == start:
        return boundary(anchor, _MONTH, number + months)
    return boundary(start, _MONTH, months)


def notice_at(start: int, end: int) -> int:
    """When to say that a schedule expires: seven days before, or at once if it is shorter."""
    return max(end - _NOTICE_SECONDS, start)


def paired(before: Sequence[Sold], after: Sequence[Sold]) -> list[int | None]:
    """For each item of a phase, the place of the item before it that goes on as it; None if new.

    An item goes on at its own price; else one of the same product changes its price. Every item
    goes on as one at most; those that no entry names are over.
    """
    left = dict(enumerate(before))
    places: list[int | None] = [None] * len(after)
    for named in (_price_of, _product_of):
        for index, sold in enumerate(after):
            if places[index] is None:
                name = named(sold)
                found = next((place for place, old in left.items() if named(old) == name), None)
                places[index] = found
                if found is not None:
                    del left[found]
    return places


def _price_of(sold: Sold) -> str:
    return sold.price


def _product_of(sold: Sold) -> str:
    return sold.product
