"""What reading usage costs: a month counted as time goes by, one without totals of days after more
and more events, and cuts through a hot hour.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import zip_longest

from meterline.services.metering import count, usage_query
from tests.benchmarks.goals import Goal, at_most
from tests.benchmarks.promises import MONTH_CPU, MONTH_UNITS
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
_MOST_SEGMENTS = 101
"""Of an hour that is cut, beside its counter: its profile and what came since."""


def measure() -> Iterator[Result]:
    """A month as it usually is; after 10^3 and 10^5 events at once; a hot hour, cut."""
    month = MONTH_HOURS * 3_600
    yield from _as_time_goes_by()
    for exponent in EXPONENTS:
        with metered() as engine:
            total = _count(10**exponent, month)
            title = f"a month's usage after 10^{exponent} events"
            yield from _read(engine, title, 0, month, total, [at_most(MONTH_HOURS)])
    with metered() as engine:
        _count(HOT_HOUR_EVENTS, 3_600)
        title = f"a month's usage from an odd second of an hour with {HOT_HOUR_EVENTS:,} events"
        start, end = _ODD_SECOND, month + _ODD_SECOND
        yield from _read(engine, title, start, end, None, [at_most(1 + _MOST_SEGMENTS)])


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
        goals = [None, MONTH_UNITS, MONTH_CPU]
        for begin, shift in (("from midnight", 0), ("from five o'clock", 5)):
            first = (end - MONTH_HOURS + shift) * 3_600
            last = first + MONTH_HOURS * 3_600
            title = f"a month's usage, each hour used, {begin}"
            yield from _read(engine, title, first, last, None, goals)


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
    goals: Sequence[Goal | None],
) -> Iterator[Result]:
    """What a reading takes; the goals are of its items, its units and its CPU, as far as given."""

    def read() -> Decimal:
        first, last = HOUR_START + start, HOUR_START + end
        used = usage_query.billed_usage(METER, customer_id(0), first, last, livemode=False)
        return used.quantity

    engine.forget_units()
    found = read()
    assert expected in (None, found)
    items, units = engine.items_read, engine.read_units
    milliseconds = cpu_seconds(read, repeats=5) * 1_000
    figures = [
        ("items read", items, "items"),
        ("read units", units, "units"),
        ("CPU", milliseconds, "ms"),
    ]
    for (name, value, unit), goal in zip_longest(figures, goals):
        yield Result(f"{title}: {name}", value, unit, goal=goal)
