"""A customer's usage of a meter since forever, which alerts compare with their thresholds.

Events are taken for 35 days, so hours before that hardly ever change: their total is kept, and
the hours since are read one by one. Late deliveries and repairs do change old hours: then the
total is forgotten by the worker behind the counters' stream, and made again.
"""

from decimal import Decimal

from meterline.core.metering.acceptance import PAST_LIMIT_SECONDS
from meterline.core.metering.aggregation import Combination, Measure, result
from meterline.services.metering.series import Series
from meterline.services.metering.usage_query import parts_between
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey
from meterline.store.metering.usage_totals import forget_old_total, read_old_total, save_old_total

_DAY_SECONDS = 86_400
_END_OF_TIME = 8_000_000_000 // _DAY_SECONDS * _DAY_SECONDS
OLD_SECONDS = PAST_LIMIT_SECONDS + _DAY_SECONDS
"""A day more than events are taken for: what is younger is never part of the total."""

WORTHWHILE_PARTS = 400
"""A total is stored when it spares reading so many hours more."""


def lifetime_usage(
    livemode: bool,  # noqa: FBT001 - a part of the key
    meter_id: str,
    customer_id: str,
    measure: Measure,
    *,
    now: int,
) -> Decimal:
    """The usage since forever, consistently; ``now`` is the wall clock, UTC seconds.

    Reads the total of old usage and one item for each hour since that has usage.
    """
    series = Series(livemode, meter_id, customer_id, measure)
    before = read_old_total(livemode, meter_id, customer_id, series.combining)
    since = before.through * HOUR_SECONDS
    series = series.between(since, _END_OF_TIME)
    through = (now - OLD_SECONDS) // _DAY_SECONDS * _DAY_SECONDS
    old = Combination(series.combining, before.aggregate)
    young, parts = Combination(series.combining), 0
    for start, part, _ in parts_between(series, since, _END_OF_TIME):
        if start < through:
            old.add(part)
            parts += 1
        else:
            young.add(part)
    if parts >= WORTHWHILE_PARTS:
        hour = through // HOUR_SECONDS
        save_old_total(livemode, meter_id, customer_id, before, hour, old.whole(), series.combining)
    young.add(old.whole())
    return result(young.whole(), measure.formula)


def forget_if_old(bucket: BucketKey, *, now: int) -> None:
    """To be called when a counter has changed: no total may hold what it was before."""
    if bucket.start < now - PAST_LIMIT_SECONDS:
        forget_old_total(bucket.livemode, bucket.meter, bucket.customer)
