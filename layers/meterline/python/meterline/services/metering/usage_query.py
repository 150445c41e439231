"""Reading usage: any time range to the second, for invoices, previews, summaries and alerts alike.

Whole days come from their totals as far as they have some, other hours from their counters, at
most one item an hour whatever the number of events; the hours that a range cuts come from their
rows, busy ones from their usage by seconds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from meterline.core.catalog.price_models import Usage
from meterline.core.metering import levels
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import (
    NOTHING,
    ZERO,
    Aggregate,
    Combination,
    Measure,
    Row,
    Window,
    aggregate,
    apart,
    combine,
    result,
    told,
)
from meterline.core.metering.buckets import Bucket, effective_rows
from meterline.core.metering.calendar_windows import Span
from meterline.core.metering.dimensions import Conditions
from meterline.core.metering.second_profiles import NeedsAllRows, Seconds, has_profile
from meterline.services.base.parallel import in_parallel
from meterline.services.metering import day_totals, hour_profiles
from meterline.services.metering.allowance import DIVIDED_HOUR_PARTS
from meterline.services.metering.day_totals import Range, Read
from meterline.services.metering.series import Series
from meterline.services.metering.windows import Windows
from meterline.store.metering import usage
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey, Counter, NotVisible

if TYPE_CHECKING:
    from meterline.core.base.wire import Meter

type IsUndivided = Callable[[int, int], bool]


class Part(NamedTuple):
    """The aggregate of a range from the second ``start`` on; of an hour with its counter."""

    start: int
    aggregate: Aggregate
    counter: Counter | None = None


_part_from: Callable[[tuple[object, ...]], Part] = partial(tuple.__new__, Part)


class Asked(NamedTuple):
    """A customer's usage of a meter from ``start`` (inclusive) to ``end`` (exclusive), UTC seconds;
    with ``conditions``, the part that meets them.
    """

    meter: "Meter"
    customer_id: str
    start: int
    end: int
    conditions: Conditions = MappingProxyType({})


def billed_together(asked: Sequence[Asked], *, livemode: bool) -> list[Usage]:
    """What ``billed_usage`` says of each, read at the same time."""
    ranges = {place: _plain_range(one, livemode=livemode) for place, one in enumerate(asked)}
    plain = {place: one for place, one in ranges.items() if one is not None}
    reads = dict(zip(plain, day_totals.read_together([*plain.values()]), strict=True))
    others = [
        partial(billed_usage, *one, livemode=livemode)
        for place, one in enumerate(asked)
        if place not in reads
    ]
    found = iter(in_parallel(others))
    return [
        billed_usage(*one, livemode=livemode, read=reads[place]) if place in reads else next(found)
        for place, one in enumerate(asked)
    ]


def _plain_range(asked: Asked, *, livemode: bool) -> Range | None:
    """What is read of usage that hours and days alone tell; None of all other."""
    measure = measure_of(asked.meter)
    if measure.dimensions or measure.window or measure.has_levels or asked.start >= asked.end:
        return None
    series = Series(livemode, asked.meter["id"], asked.customer_id, measure)
    return _range(series, asked.start, asked.end)


def billed_usage(
    meter: "Meter",
    customer_id: str,
    start: int,
    end: int,
    conditions: Conditions = MappingProxyType({}),
    *,
    livemode: bool,
    read: Read | None = None,
) -> Usage:
    """The usage that is ``Asked`` for, by the meter's formula, and how many events made it up; by
    what was ``read`` of it, if it was.

    Exact to the second over everything counted so far (consistent reads).
    """
    series = Series(livemode, meter["id"], customer_id, measure_of(meter))
    whole = aggregate_between(series.of(start, end, conditions), start, end, read)
    return Usage(result(whole, series.measure.formula), whole.count)


def usage_by_window(series: Series, windows: Windows) -> dict[Span, Aggregate]:
    """What the usage of each window comes to, in the order of time, without empty windows."""
    if series.measure.has_levels:
        return _levels_by_window(series, windows)
    cells = [series] if series.measure.window else [*series.by_cell()]
    read = in_parallel([partial(_windowed, cell, replace(windows)) for cell in cells])
    wholes = _together(series, chain.from_iterable(found.items() for found in read))
    return {
        bounds: told(wholes[bounds], series.measure, *windows.inside(bounds))
        for bounds in sorted(wholes)
        if wholes[bounds].count
    }


def _together(series: Series, parts: Iterable[tuple[Span, Aggregate]]) -> dict[Span, Aggregate]:
    """What the parts of each window come to."""
    totals: dict[Span, Combination] = defaultdict(lambda: Combination(series.combining))
    for bounds, part in parts:
        totals[bounds].add(part)
    return {bounds: total.whole() for bounds, total in totals.items()}


def _levels_by_window(series: Series, windows: Windows) -> dict[Span, Aggregate]:
    """The same of levels, which begin before a window and last beyond it."""
    end = windows.end if windows.now is None else min(windows.end, windows.now)
    if end <= windows.start:
        return {}
    found: dict[Span, Aggregate] = {}
    for cell in series.by_cell():
        for span, whole in _levels_of_cell(cell, replace(windows, end=end)):
            bounds = windows.around(span[0])
            found[bounds] = combine(found.get(bounds, NOTHING), whole, series.measure)
    return {bounds: found[bounds] for bounds in sorted(found)}


def _levels_of_cell(series: Series, windows: Windows) -> Iterator[tuple[Span, Aggregate]]:
    parts: dict[Span, Combination] = defaultdict(lambda: Combination(series.measure))
    for bounds, part in _windowed_cell(series, windows):
        parts[bounds].add(part)
    events = {bounds: some.whole() for bounds, some in parts.items()}
    before = _level_before(series, windows.start)
    firsts = [whole.first for whole in events.values() if whole.first is not None]
    spans = windows.parts_from(windows.start if before else min(firsts, default=windows.end))
    held = {span: events.get(windows.around(span[0]), NOTHING) for span in spans}
    for span, whole in levels.by_span(held, before):
        if whole.count or whole.total:
            yield span, whole


def _level_before(series: Series, instant: int) -> Decimal:
    """The level that a cell has just before an instant: of the newest event, however old it is."""
    hour = instant // HOUR_SECONDS
    if instant % HOUR_SECONDS:
        since = _piece(series, hour * HOUR_SECONDS, instant)
        if since.chosen is not None:
            return since.chosen.value
    which = series.livemode, series.meter, series.customer
    [cell] = series.cells
    for counter in usage.counters_before(*which, hour, series.measure, cell=cell):
        if counter.aggregate.chosen is not None:
            return counter.aggregate.chosen.value
    return ZERO


def aggregate_between(series: Series, start: int, end: int, read: Read | None = None) -> Aggregate:
    """What the events of a range come to; of a single cell something may have been ``read``."""
    if series.measure.has_levels:
        windows = Windows(start, end)
        return usage_by_window(series, windows).get((start, end), NOTHING)
    parts = Combination(series.combining)
    for part in parts_between(series, start, end, read=read):
        parts.add(part.aggregate)
    return told(parts.whole(), series.measure, start, end)


def _undivided(_start: int, _end: int) -> bool:
    return True


def parts_between(
    series: Series,
    start: int,
    end: int,
    is_undivided: IsUndivided | None = _undivided,
    read: Read | None = None,
) -> Iterator[Part]:
    """What makes up a range, in no order: days, hours, pieces of hours at its ends, or the events
    that count. No part is longer than an hour where ``is_undivided`` (from, until) denies it, or is
    None. Of a single cell something may have been ``read``.
    """
    if start >= end:
        return
    if series.measure.window is not None:
        yield from _counting_events(series, series.measure.window, start, end)
        return
    for cell in series.by_cell():
        yield from _parts_of_cell(cell, start, end, is_undivided, read)


def _range(series: Series, start: int, end: int) -> Range:
    """The hours that a range of time has a part of, of a single cell."""
    hours = range(start // HOUR_SECONDS, -(-end // HOUR_SECONDS))
    return Range(series.key(hours.start), hours, series.measure)


def _parts_of_cell(
    series: Series, start: int, end: int, is_undivided: IsUndivided | None, read: Read | None
) -> Iterator[Part]:
    is_whole: IsUndivided | None = None
    if is_undivided is not None:

        def is_whole(first: int, until: int) -> bool:
            return start <= first and until <= end and is_undivided(first, until)

    found = day_totals.hours_and_days(_range(series, start, end), is_whole, read)
    latest = end - HOUR_SECONDS
    for part in map(_part_from, found):
        series.read_parts(1)
        if part.counter is None or start <= part.start <= latest:
            yield part
        else:
            yield _cut(series, part, part.counter, start, end)


def parts_of_counters(
    series: Series, counters: Iterable[tuple[int, Counter]], start: int, end: int
) -> Iterator[Part]:
    """What makes up a range, of counters that were read already; those outside it are left out."""
    for hour, counter in counters:
        part = Part(hour * HOUR_SECONDS, counter.aggregate, counter)
        if start <= part.start <= end - HOUR_SECONDS:
            yield part
        elif part.start < end and start < part.start + HOUR_SECONDS:
            yield _cut(series, part, counter, start, end)


def _cut(series: Series, hour: Part, counter: Counter, start: int, end: int) -> Part:
    """The part of an hour that lies in a range.

    A counter without segments holds all its rows: it is not read again.
    """
    first, until = max(hour.start, start), min(hour.start + HOUR_SECONDS, end)
    if counter.segments:
        return Part(first, _piece(series, first, until))
    rows = effective_rows(counter.inline)
    inside = (row for row in rows if first <= row.timestamp < until)
    return Part(first, aggregate(inside, series.measure), counter)


def _hourly(series: Series, hours: range) -> Iterator[Part]:
    if not hours:
        return
    which = series.livemode, series.meter, series.customer
    for cell in series.cells:
        for hour, counter in usage.counters_between(*which, hours, series.measure, cell=cell):
            series.read_parts(1)
            yield Part(hour * HOUR_SECONDS, counter.aggregate, counter)


def _counting_events(series: Series, window: Window, start: int, end: int) -> Iterator[Part]:
    for row in counting_rows(series, window, start, end):
        yield Part(row.timestamp, aggregate([row], series.combining))


def counting_rows(series: Series, window: Window, start: int, end: int) -> Iterator[Row]:
    """The one event that counts in each window, the latest received, where it lies in the range
    (``start`` inclusive to ``end`` exclusive, UTC seconds).

    Only counters are read: each knows the one of its hour, for ever.
    """
    opening = start - start % window.seconds
    closing = end + -end % window.seconds
    latest: dict[int, Aggregate] = {}
    for part in _hourly(series, range(opening // HOUR_SECONDS, closing // HOUR_SECONDS)):
        number = part.start // window.seconds
        latest[number] = combine(latest.get(number, NOTHING), part.aggregate, series.measure)
    for whole in latest.values():
        row = whole.chosen
        if row is not None and start <= row.timestamp < end:
            yield row


def _piece(series: Series, start: int, end: int) -> Aggregate:
    """The aggregate of a part of one hour."""
    seconds, rows = _seconds_of_hour(series, start // HOUR_SECONDS)
    parts = Combination(series.measure)
    for part in apart((row for row in rows if start <= row.timestamp < end), series.measure):
        parts.add(part)
    for second, part in seconds.items():
        if start <= second < end:
            parts.add(part)
    return parts.whole()


def _seconds_of_hour(series: Series, hour: int) -> tuple[Seconds, list[Row]]:
    """What an hour holds: the usage of its seconds as far as it has a profile, and other rows."""
    if has_profile(series.measure):
        with suppress(NeedsAllRows):
            return hour_profiles.read_hour(series.key(hour), series.measure)
    return {}, rows_of_hour(series, hour)


def rows_of_hour(series: Series, hour: int, *, accepted_from: int = 0) -> list[Row]:
    """The counting events of an hour, or at least those from ``accepted_from`` on (microseconds).

    All are as of the moment at which the counter was read: segments written since, which may cancel
    what it counts, are left out. Raises BillingError where segments are past their retention,
    rather than to say too little.
    """
    key = series.key(hour)
    for _ in range(hour_profiles.READS):
        bucket = usage.read_buckets([key], [series.measure])[key]
        if bucket.watermark < accepted_from:
            return []
        rows = _rows_of_bucket(key, bucket, series.measure, accepted_from)
        if accepted_from or len(rows) >= bucket.aggregate.count:
            return rows
    raise hour_profiles.rows_expired(key)


def _rows_of_bucket(
    key: BucketKey, bucket: Bucket, measure: Measure, accepted_from: int
) -> list[Row]:
    try:
        segments = usage.read_segments(key, bucket, measure, accepted_from=accepted_from)
    except NotVisible:
        raise hour_profiles.rows_expired(key) from None
    return effective_rows([*segments, *bucket.inline])


def _windowed(series: Series, windows: Windows) -> dict[Span, Aggregate]:
    """What the usage of a cell comes to in each window, if there is any."""
    return _together(series, _windowed_cell(series, windows))


def _windowed_cell(series: Series, windows: Windows) -> Iterator[tuple[Span, Aggregate]]:
    """The aggregates that make up each window. Hours that windows divide come from their rows, and
    are read beside each other: in many time zones each day begins within one.
    """
    is_undivided = windows.is_undivided if windows.may_have_days else None
    divided: list[Callable[[], dict[Span, Aggregate]]] = []
    for part in parts_between(series, windows.start, windows.end, is_undivided):
        bounds = windows.around(part.start)
        is_one_event = series.measure.window is not None
        hour = part.start - part.start % HOUR_SECONDS
        last = min(hour + HOUR_SECONDS, windows.end)
        if is_one_event or last <= bounds[1]:
            yield bounds, part.aggregate
        else:
            if part.counter is None or part.counter.segments:
                series.read_parts(DIVIDED_HOUR_PARTS)
            divided.append(partial(_divided_hour, series, replace(windows), part, last))
    for found in in_parallel(divided):
        yield from found.items()


def _divided_hour(series: Series, windows: Windows, part: Part, end: int) -> dict[Span, Aggregate]:
    return _together(series, _divided(series, windows, part, end))


def _divided(
    series: Series, windows: Windows, part: Part, end: int
) -> Iterator[tuple[Span, Aggregate]]:
    """The aggregates of a part of an hour that windows divide.

    A counter without segments holds all its rows: it is not read again.
    """
    start = part.start
    seconds: Seconds = {}
    if part.counter is not None and not part.counter.segments:
        rows = effective_rows(part.counter.inline)
    else:
        seconds, rows = _seconds_of_hour(series, start // HOUR_SECONDS)
    for second, whole in seconds.items():
        if start <= second < end:
            yield windows.around(second), whole
    divided: dict[Span, list[Row]] = {}
    for row in rows:
        if start <= row.timestamp < end:
            divided.setdefault(windows.around(row.timestamp), []).append(row)
    for bounds, some in divided.items():
        for whole in apart(some, series.measure):
            yield bounds, whole
