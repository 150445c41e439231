"""What reading usage costs: a month counted as time goes by, one without totals of days after more
and more events, and cuts through a hot hour.
"""

from collections.abc import Iterator
from decimal import Decimal

from meterline.services.metering import count, usage_query
from tests.benchmarks.results import Result, cpu_seconds
from tests.benchmarks.units import MeteredDynamoDB
from tests.benchmarks.worlds import HOUR_START, METER, customer_id, metered, stored_events

MONTH_HOURS = 720
DAY_SECONDS = 86_400
BATCH = 1_000
EXPONENTS = (3, 5)
HOT_HOUR_EVENTS = 199_000
"""The last profile is as old as it gets: 99 segments more and there would be the next."""

_ODD_SECOND = 1_234


def measure() -> Iterator[Result]:
    """A month as it usually is; after 10^3 and 10^5 events at once; a hot hour, cut."""
    month = MONTH_HOURS * 3_600
    yield from _as_time_goes_by()
    for exponent in EXPONENTS:
        with metered() as engine:
            total = _count(10**exponent, month)
            title = f"a month's usage after 10^{exponent} events"
            yield from _read(engine, title, 0, month, total, target="720: flat")
    with metered() as engine:
        _count(HOT_HOUR_EVENTS, 3_600)
        title = f"a month's usage from an odd second of an hour with {HOT_HOUR_EVENTS:,} events"
        start, end = _ODD_SECOND, month + _ODD_SECOND
        yield from _read(engine, title, start, end, None, target="<= 102 more than hours")


def _as_time_goes_by() -> Iterator[Result]:
    """Usage in every hour of 36 days, each counted in its hour; the latest 30 are read."""
    now = HOUR_START
    midnight = HOUR_START - HOUR_START % DAY_SECONDS
    with metered(lambda: now) as engine:
        hours = range((midnight - HOUR_START) // 3_600 + 24, 37 * 24)
        for hour in hours:
            now = HOUR_START + hour * 3_600 + 1_800
            places = range(hour * 10 + 1_000, hour * 10 + 1_010)
            records = stored_events(places, lambda place: (place - 1_000) * 360)
            assert count.count_records(records) == []
        each = engine.write_units / len(hours)
        yield Result("ten events in each hour: counting an hour", each, "write units")
        end = (now - now % DAY_SECONDS - HOUR_START) // 3_600
        for begin, shift in (("from midnight", 0), ("from five o'clock", 5)):
            first = (end - MONTH_HOURS + shift) * 3_600
            last = first + MONTH_HOURS * 3_600
            title = f"a month's usage, each hour used, {begin}"
            yield from _read(engine, title, first, last, None, target="", units_target="<= 20")


def _count(number: int, seconds: int) -> Decimal:
    """Count so many events, spread over so many seconds, in batches; their total."""
    total = 0
    for first in range(0, number, BATCH):
        places = range(first, min(first + BATCH, number))
        records = stored_events(places, lambda place: place * seconds // number)
        assert count.count_records(records) == []
        total += sum(int(record["dynamodb"]["NewImage"]["v"]["S"]) for record in records)
    return Decimal(total)


def _read(
    engine: MeteredDynamoDB,
    title: str,
    start: int,
    end: int,
    expected: Decimal | None,
    *,
    target: str,
    units_target: str = "",
) -> Iterator[Result]:
    def read() -> Decimal:
        first, last = HOUR_START + start, HOUR_START + end
        used = usage_query.billed_usage(METER, customer_id(0), first, last, livemode=False)
        return used.quantity

    engine.forget_units()
    found = read()
    assert expected in (None, found)
    items, units = engine.items_read, engine.read_units
    milliseconds = cpu_seconds(read, repeats=5) * 1_000
    yield Result(f"{title}: items read", items, "items", target=target)
    yield Result(f"{title}: read units", units, "units", target=units_target)
    yield Result(f"{title}: CPU", milliseconds, "ms")
