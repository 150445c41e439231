"""Levels: values that last until the next one, as seats or what is stored do (``weighted_sum``).

A level counts for each second that it lasts: 20 for an hour come to 72,000. It begins in the second
of its event, of several in one second the last received, and goes on over hours, days and billing
periods. Before the first event the level is 0.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from meterline.core.base.money import exact_product, exact_sum
from meterline.core.metering.aggregation import Aggregate
from meterline.core.metering.calendar_windows import Span


def level_of(whole: Aggregate, before: Decimal) -> Decimal:
    """The level after some events; ``before`` is that of the time before them."""
    return before if whole.chosen is None else whole.chosen.value


def by_span(events: Mapping[Span, Aggregate], before: Decimal) -> Iterator[tuple[Span, Aggregate]]:
    """What levels come to in each of these spans (UTC seconds), which follow one another: the
    number of its events, and the total.

    ``events`` are those of each span, ``before`` is the level when the first one begins.
    """
    for span, whole in events.items():
        yield span, _lasting(whole, before, *span)
        before = level_of(whole, before)


def _lasting(whole: Aggregate, before: Decimal, start: int, end: int) -> Aggregate:
    """What a span comes to: the level before its events, theirs, and the last one to its end."""
    if whole.chosen is None or whole.first is None:
        return Aggregate(0, exact_product(before, Decimal(end - start)))
    until_first = exact_product(before, Decimal(whole.first - start))
    from_last = exact_product(whole.chosen.value, Decimal(end - whole.chosen.timestamp))
    return Aggregate(whole.count, exact_sum((until_first, whole.total, from_last)))
