"""What a page of usage analytics costs on a meter with dimensions, after few events and many."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from meterline.core.metering.aggregation import Formula, Measure
from meterline.core.metering.calendar_windows import Grouping
from meterline.core.metering.dimensions import cell_of, with_cell
from meterline.services.base.context import Context
from meterline.services.metering import count, day_totals
from meterline.services.metering.analytics import Asked, meter_usage
from meterline.services.metering.series import Breakdown
from meterline.services.metering.windows import Windows
from meterline.store.billing.repository import BillingStore
from meterline.store.metering import cells
from meterline.store.metering.cells import CellsKey, month_of
from meterline.store.metering.meter_events import SHORT_NAMES
from meterline.store.metering.usage import BucketKey
from tests.benchmarks.bench_dimensions import COMBINATIONS, WITH_DIMENSIONS
from tests.benchmarks.goals import Flat
from tests.benchmarks.results import Result, cpu_seconds
from tests.benchmarks.worlds import (
    HOUR_START,
    METER,
    customer_id,
    metered,
    stored_events,
)

EXPONENTS = (3, 5)
MONTH_DAYS = 30
_DAY_SECONDS = 86_400
_MONTH_SECONDS = MONTH_DAYS * _DAY_SECONDS
_STEP = 1_000


def measure() -> Iterator[Result]:
    """A month by days, for each model."""
    flat = Flat()
    for exponent in EXPONENTS:
        yield from _analytics(10**exponent, flat)


def _analytics(number: int, flat: Flat) -> Iterator[Result]:
    with metered() as engine:
        _count(number)
        _add_up()
        start = HOUR_START - HOUR_START % _DAY_SECONDS
        windows = Windows(start, start + (MONTH_DAYS + 1) * _DAY_SECONDS, Grouping.DAY, UTC)
        asked = Asked(WITH_DIMENSIONS, Breakdown(keys=("model",)))
        ctx = Context(BillingStore(livemode=False), HOUR_START, HOUR_START)

        def page() -> int:
            return meter_usage(ctx, customer_id(0), windows, [asked])["rows"]["total"]

        engine.forget_units()
        rows, calls, units = page(), engine.calls, engine.read_units
        milliseconds = cpu_seconds(page, repeats=3) * 1_000
    title = f"a month by days and models after 10^{len(str(number)) - 1}"
    yield Result(f"{title}: rows", rows, "rows")
    yield Result(f"{title}: calls", calls, "calls", goal=flat.goal("calls", calls))
    yield Result(f"{title}: read units", units, "units")
    yield Result(f"{title}: CPU", milliseconds, "ms")


def _count(number: int) -> None:
    """Count so many events of all cells, spread over a month."""
    admitted: set[object] = set()
    for first in range(0, number, _STEP):
        places = range(first, min(first + _STEP, number))
        records = stored_events(places, lambda place: place * _MONTH_SECONDS // number)
        for place, record in zip(places, records, strict=True):
            _tell_apart(record, COMBINATIONS[place % len(COMBINATIONS)], admitted)
        assert count.count_records(records) == []


def _add_up() -> None:
    """Days are added up, as they are while time goes by."""
    later = HOUR_START + _MONTH_SECONDS + 3 * _DAY_SECONDS
    for values in COMBINATIONS:
        key = BucketKey(False, METER["id"], customer_id(0), 0, cell_of(values))  # noqa: FBT003 - test mode
        day_totals.add_up(key, Measure(Formula.SUM), later)


def _tell_apart(record: dict[str, Any], values: tuple[str, ...], admitted: set[object]) -> None:
    image = record["dynamodb"]["NewImage"]
    image[SHORT_NAMES["measure"]] = {"S": with_cell("sum", cell_of(values))}
    month = month_of(int(image[SHORT_NAMES["timestamp"]]["N"]))
    key = CellsKey(False, METER["id"], customer_id(0), month)  # noqa: FBT003 - test mode
    if (key, values) not in admitted:
        assert cells.admit({key: {cell_of(values): values}}) == set()
        admitted.add((key, values))
