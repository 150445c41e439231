"""Whole days of usage: added up from their hours once they are settled, and read in their place.

Whoever counts the first event of an hour adds up, at one hour of the day for each customer and
meter, what has settled since the last time. It is a shortcut for readers: a day without a total is
read hour by hour. That a total is never other than its hours is told in ``core``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from time import time
from typing import Any, NamedTuple
from zlib import crc32

from meterline.core.metering import day_totals
from meterline.core.metering.aggregation import Aggregate, Combination, Measure
from meterline.core.metering.day_totals import DAY_HOURS, DAY_SECONDS, State, day_of, has_day_totals
from meterline.observability import failure, logger
from meterline.store.metering import day_totals as stored
from meterline.store.metering import usage
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey, Counter
from meterline.store.metering.usage_commits import Change

DAYS_BACK = 35
"""How far back days are added up: as far as events are taken."""

WORTHWHILE_HOURS = 24
"""Totals are stored when they stand for so many hours or more: a write for each of so many."""

NEWEST_HOURS = 60
"""So many hours are read first, the newest: mostly the days that are not settled, or all."""

_CURRENT_SECONDS = 2 * HOUR_SECONDS

type Item = dict[str, Any]
type Found = tuple[int, Aggregate, Counter | None]
"""An hour or a day: its first second, what it comes to, and the counter if it is an hour."""


def add_up_if_due(changes: Iterable[Change]) -> None:
    """Add up days of the usage to which these changes belong, where it is their time.

    When it fails, what was counted stays counted.
    """
    now = int(time())
    for change in changes:
        if _is_due(change, now):
            try:
                add_up(change.key, change.measure, now)
            except Exception as error:  # noqa: BLE001 - the next day makes up for it
                logger.warning("no totals of days", **failure(error))


def _is_due(change: Change, now: int) -> bool:
    key = change.key
    return (
        not change.before.version
        and key.hour % DAY_HOURS
        == crc32(f"{key.meter}{key.customer}{key.cell}".encode()) % DAY_HOURS
        and abs(now - key.start) < _CURRENT_SECONDS
        and has_day_totals(change.measure)
    )


def add_up(key: BucketKey, measure: Measure, now: int) -> None:
    """Store the totals of the settled days that have none, unless they stand for too little."""
    latest = day_totals.latest_settled(now)
    days = range(latest - DAYS_BACK + 1, latest + 1)
    months = stored.months_of(key.partition, days)
    states = {day: state for month in months for day, state in month.states.items()}
    wanted = [day for day in days if day_totals.is_open(states.get(day), now)]
    if not wanted:
        return
    totals = {day: Combination(measure) for day in wanted}
    hours = 0
    for hour, counter in _counters(key, _hours(wanted[0], wanted[-1]), measure):
        if (total := totals.get(day_of(hour))) is not None:
            total.add(counter.aggregate)
            hours += 1
    if hours >= WORTHWHILE_HOURS:
        stored.save_totals(months, {day: total.whole() for day, total in totals.items()})


class Range(NamedTuple):
    """Hours of the usage that ``key`` is of."""

    key: BucketKey
    hours: range
    measure: Measure

    @property
    def may_have_days(self) -> bool:
        """Whether it may be worthwhile to look for totals of days."""
        return len(self.hours) > 2 * NEWEST_HOURS and has_day_totals(self.measure)

    @property
    def days(self) -> range:
        """The days of which it has all hours."""
        return range(-(-self.hours.start // DAY_HOURS), self.hours.stop // DAY_HOURS)

    @property
    def begun(self) -> range:
        """The hours at its beginning that no total stands for: their day has begun before it."""
        return range(self.hours.start, min(self.days.start * DAY_HOURS, self.hours.stop))


class Read(NamedTuple):
    """What was read of a range: of one with many hours the newest, the states of its days, and the
    hours of the day that it begins in; of any other all hours.
    """

    hours: Iterable[tuple[int, Counter]]
    oldest: int | None = None
    """The first of the newest hours, where there are older ones."""
    states: dict[int, State] = {}  # noqa: RUF012 - of a tuple; never changed
    begun: Sequence[tuple[int, Counter]] = ()


def read_together(ranges: Sequence[Range]) -> list[Read]:
    """What ``hours_and_days`` has to know of each of some ranges, read one step after the other."""
    found = usage.read_together([_first_query(one) for one in ranges])
    reads = [_first_read(one, items) for one, items in zip(ranges, found, strict=True)]
    many = [place for place, read in enumerate(reads) if read.oldest is not None]
    queries = [query for place in many for query in _more_queries(ranges[place])]
    answers = iter(usage.read_together(queries))
    for place in many:
        one, read = ranges[place], reads[place]
        states = stored.states_of(next(answers), one.days) if one.days else {}
        begun = [*usage.counters_of(next(answers), one.measure)] if one.begun else []
        reads[place] = read._replace(states=states, begun=begun)
    return reads


def _first_query(one: Range) -> Item:
    newest = {"ScanIndexForward": False, "Limit": NEWEST_HOURS} if one.may_have_days else {}
    return usage.hours_query(one.key, one.hours, **newest)


def _first_read(one: Range, items: Iterable[Item]) -> Read:
    counters = usage.counters_of(items, one.measure)
    if not one.may_have_days:
        return Read(counters)
    newest = list(islice(counters, NEWEST_HOURS))
    return Read(newest, newest[-1][0] if len(newest) == NEWEST_HOURS else None)


def _more_queries(one: Range) -> Iterator[Item]:
    if one.days:
        yield stored.months_query(one.key.partition, one.days)
    if one.begun:
        yield usage.hours_query(one.key, one.begun)


def hours_and_days(
    one: Range, is_undivided: Callable[[int, int], bool] | None, read: Read | None = None
) -> Iterator[Found]:
    """What makes up a range, in no order; with what was ``read`` of it, if it was.

    Days stand for their hours where ``is_undivided`` says so of their first second and their end;
    without it none do.
    As consistent as hours alone: a day has no total from before one of its hours is changed.
    """
    key, hours, measure = one
    if is_undivided is None:
        yield from _hourly(_counters(key, hours, measure))
        return
    if read is None:
        [read] = read_together([one])
    if read.oldest is None:
        yield from _hourly(read.hours)
        return
    totals = _totals(read.states, is_undivided)
    yield from ((day * DAY_SECONDS, total, None) for day, total in totals.items() if total.count)
    yield from _hourly(found for found in read.hours if day_of(found[0]) not in totals)
    begun = range(one.begun.start, min(one.begun.stop, read.oldest))
    yield from _hourly(found for found in read.begun if found[0] in begun)
    for gap in _gaps(range(begun.stop, read.oldest), totals):
        yield from _hourly(_counters(key, gap, measure))


def _totals(
    states: dict[int, State], is_undivided: Callable[[int, int], bool]
) -> dict[int, Aggregate]:
    """The totals of whole days, in order."""
    totals = {day: day_totals.total_of(state) for day, state in states.items()}
    return {
        day: total
        for day, total in totals.items()
        if total and is_undivided(day * DAY_SECONDS, (day + 1) * DAY_SECONDS)
    }


def _counters(key: BucketKey, hours: range, measure: Measure) -> Iterator[tuple[int, Counter]]:
    series = key.livemode, key.meter, key.customer
    return usage.counters_between(*series, hours, measure, cell=key.cell)


def _hourly(counters: Iterable[tuple[int, Counter]]) -> Iterator[Found]:
    for hour, counter in counters:
        yield hour * HOUR_SECONDS, counter.aggregate, counter


def _gaps(hours: range, covered: Iterable[int]) -> Iterator[range]:
    """The parts of a range of hours that no day covers; ``covered`` are in order."""
    start = hours.start
    for day in covered:
        if start < min(day * DAY_HOURS, hours.stop):
            yield range(start, min(day * DAY_HOURS, hours.stop))
        start = (day + 1) * DAY_HOURS
    if start < hours.stop:
        yield range(start, hours.stop)


def _hours(first_day: int, last_day: int) -> range:
    return range(first_day * DAY_HOURS, (last_day + 1) * DAY_HOURS)
