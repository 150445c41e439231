"""What analytics cost: a month by days and a year by months, after few events and after many, as
usage and as amounts; and a ranking of customers.

An hour is counted as it is; its counter then stands for the other hours and customers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from functools import partial
from itertools import pairwise
from typing import Any
from unittest.mock import patch

from meterline.core.base.periods import Period
from meterline.core.billing.cycles import CyclePeriod
from meterline.core.metering.aggregation import Formula, Measure
from meterline.core.metering.calendar_windows import Grouping, window_around
from meterline.services.analytics import amounts, top_customers
from meterline.services.analytics.amounts import AmountsAsked
from meterline.services.analytics.usage_periods import UsagePeriod
from meterline.services.base.context import Context
from meterline.services.metering import count, day_totals
from meterline.services.metering.analytics import Asked, meter_usage
from meterline.services.metering.windows import Windows
from meterline.store.base.documents import Document
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import Span
from meterline.store.metering.usage import BucketKey, counter_place
from tests.benchmarks.goals import Flat, at_most
from tests.benchmarks.results import Result, cpu_seconds
from tests.benchmarks.units import MeteredDynamoDB
from tests.benchmarks.worlds import HOUR_START, METER, customer_id, metered, stored_events

DAY_HOURS = 24
MONTH_DAYS = 30
YEAR_DAYS = 365
EVENTS = (10**3, 10**6)
LARGER = 2.5
"""A thousand times as many events make what is read larger by so much, by their longer numbers."""

CUSTOMERS = 10_000
USED_HOURS = 3
"""Hours of a day in which each of the ranked customers used something."""

START = window_around(HOUR_START, Grouping.MONTH, UTC)[0]
_DAY_SECONDS = 86_400
_CALL_SECONDS = 0.010
_SIDE_BY_SIDE = 8
_TIERS = [
    {"up_to": 1_000, "unit_amount_decimal": "2", "flat_amount_decimal": "500"},
    {"up_to": None, "unit_amount_decimal": "0.01", "flat_amount_decimal": None},
]


class Store:
    """A store that has the meter, a list of customers, and what is put."""

    livemode = False

    def __init__(self, customers: int = 0) -> None:
        self.found: dict[str, Document] = {}
        self.customers = customers

    def get(self, object_id: str) -> Document | None:
        """What was put under an id."""
        return self.found.get(object_id)

    def get_many(self, _: object) -> dict[str, Document]:
        """The meter."""
        return {METER["id"]: Document("billing.meter", self.livemode, METER)}

    def put(self, document: Document) -> None:
        """Keep a document."""
        self.found[document.id] = replace(document, version=document.version + 1)

    def places(self, _: str, span: Span) -> Iterator[Cursor]:
        """The customers behind a place, the newest first."""
        last = span.older_than.created if span.older_than else self.customers
        return (Cursor(number, _customer(number)) for number in reversed(range(last)))


def measure() -> Iterator[Result]:
    """Pages of usage and of amounts after more and more events; then a ranking."""
    for period, grouping, days in (
        ("a month by days", Grouping.DAY, MONTH_DAYS),
        ("a year by months", Grouping.MONTH, YEAR_DAYS),
    ):
        flat, windows = Flat(), Windows(START, START + days * _DAY_SECONDS, grouping)
        for number in EVENTS:
            title = f"{period} after 10^{len(str(number)) - 1} events"
            yield from _pages(title, number, windows, flat)
    yield from _ranking()


def _pages(title: str, number: int, windows: Windows, flat: Flat) -> Iterator[Result]:
    days = (windows.end - windows.start) // _DAY_SECONDS
    hours = days * DAY_HOURS
    with metered() as engine:
        every = max(1, hours // number)
        _fill(engine, range(0, hours, every), max(1, number * every // hours))
        _add_up(days)
        for kind, page in (("usage", _usage), ("amounts", _amounts)):
            yield from _page(f"{title}: {kind}", engine, partial(page, windows), flat)


def _page(
    title: str, engine: MeteredDynamoDB, page: Callable[[], int], flat: Flat
) -> Iterator[Result]:
    kind = title.rpartition(": ")[2]
    engine.forget_units()
    rows, calls, units = page(), engine.calls, engine.read_units
    yield Result(f"{title}, rows", rows, "rows")
    yield Result(f"{title}, calls", calls, "calls", goal=flat.goal(f"calls of {kind}", calls))
    goal = flat.goal(f"units of {kind}", units, times=LARGER)
    yield Result(f"{title}, read units", units, "units", goal=goal)
    yield Result(f"{title}, CPU", cpu_seconds(page, repeats=3) * 1_000, "ms")


def _context(store: Any) -> Context:
    return Context(store, HOUR_START, HOUR_START)


def _usage(windows: Windows) -> int:
    answer = meter_usage(_context(Store()), _customer(0), replace(windows), [Asked(METER)])
    return len(answer["rows"]["data"])


def _amounts(windows: Windows) -> int:
    """Amounts at a price with tiers, which is billed by month."""
    customer: Any = Document("customer", Store.livemode, {"id": _customer(0)})
    with patch.object(amounts, "usage_periods", lambda *_: _periods(windows)):
        asked = AmountsAsked(replace(windows))
        return len(amounts.amounts(_context(Store()), customer, asked))


def _periods(windows: Windows) -> list[UsagePeriod]:
    price: Any = {
        "id": "price_tiers",
        "currency": "usd",
        "recurring": {"meter": METER["id"]},
        "tiers": _TIERS,
        "tiers_mode": "graduated",
        "transform_quantity": None,
        "unit_amount_decimal": None,
    }
    starts = [windows.start]
    while starts[-1] < windows.end:
        starts.append(window_around(starts[-1], Grouping.MONTH, UTC)[1])
    periods = [Period(start, end) for start, end in pairwise(starts)]
    return [UsagePeriod("sub", price, CyclePeriod(one, one)) for one in periods]


def _ranking() -> Iterator[Result]:
    title = f"top of {CUSTOMERS:,} customers with {USED_HOURS} hours of usage in a day"
    # One after the other: threads would lose some of what the engine adds up.
    with metered() as engine, patch.object(top_customers, "in_parallel", _in_turn):
        _fill(engine, range(USED_HOURS), 5, CUSTOMERS)
        store, asked = Store(CUSTOMERS), 0
        engine.forget_units()

        def build() -> None:
            nonlocal asked
            complete = False
            while not complete:
                found, rows = top_customers.ranking(
                    _context(store), METER, START, START + _DAY_SECONDS
                )
                complete, asked = found.is_complete, asked + 1
                assert len(rows) <= top_customers.MOST_RANKED

        seconds = cpu_seconds(build, repeats=1)
        yield Result(f"{title}: requests until it is complete", asked, "requests")
        yield Result(f"{title}: calls", engine.calls, "calls")
        yield Result(f"{title}: read units", engine.read_units, "units")
        waits = engine.calls / asked / _SIDE_BY_SIDE * _CALL_SECONDS
        yield Result(f"{title}: CPU of a request", seconds / asked * 1_000, "ms")
        yield Result(f"{title}: waiting of a request", waits, "s", goal=at_most(10))
        engine.forget_units()
        build()
        yield Result(f"{title}: calls for usage of a page afterwards", engine.calls, "calls")


def _in_turn(calls: Sequence[Callable[[], object]]) -> list[object]:
    return [call() for call in calls]


def _fill(engine: MeteredDynamoDB, hours: range, events: int, customers: int = 1) -> None:
    """Counters of so many events each, as counting left one of them."""
    records = stored_events(range(events), lambda place: place * 3_600 // events)
    assert count.count_records(records) == []
    [counter] = [one for one in engine.items("usage") if one["sk"]["S"].startswith("h#")]
    for number in range(customers):
        for hour in hours:
            key = _key(number, START // 3_600 + hour)
            engine.put_item(TableName="usage", Item=counter | counter_place(key))


def _add_up(days: int) -> None:
    """Days are added up, as they are while time goes by."""
    for day in range(MONTH_DAYS, days + 2 * MONTH_DAYS, MONTH_DAYS):
        day_totals.add_up(_key(0, 0), Measure(Formula.SUM), START + (day + 2) * _DAY_SECONDS)


def _key(number: int, hour: int) -> BucketKey:
    return BucketKey(Store.livemode, METER["id"], _customer(number), hour)


def _customer(number: int) -> str:
    return f"{customer_id(0)[:-5]}{number:05d}"
