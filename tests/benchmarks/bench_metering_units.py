"""Write units for each event, over acceptance and counting."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.benchmarks.goals import Goal, at_most
from tests.benchmarks.results import Result
from tests.benchmarks.worlds import HOUR_START, events, metered, pipeline

type Batches = Iterator[list[dict[str, Any]]]


def _in_a_minute() -> Batches:
    """A hundred events of one minute in a batch, a batch a minute, for three hours."""
    for number in range(180):
        yield events(100, first=number * 100, seconds=lambda place: _minute(place // 100, place))


def _minute(minute: int, place: int) -> int:
    return HOUR_START + 60 * minute + place % 60


def _over_an_hour() -> Batches:
    """A hundred events spread over an hour in a batch, sixty batches."""
    for number in range(60):
        yield events(100, first=number * 100, seconds=lambda place: HOUR_START + place * 36 % 3_600)


def _alone(an_hour: int, number: int) -> Batches:
    for place in range(number):
        yield events(1, first=place, seconds=lambda at: HOUR_START + at * 3_600 // an_hour)


def _many_customers() -> Batches:
    """A thousand events over 300 customers in a batch, sixty batches an hour."""
    for number in range(60):
        yield events(
            1_000,
            first=number * 1_000,
            seconds=lambda place: HOUR_START + place // 1_000 * 60,
            customers=300,
        )


REGIMES: list[tuple[str, Callable[[], Batches], Goal | None]] = [
    ("100 events of one minute in a batch", _in_a_minute, at_most(1.15)),
    ("100 events of one hour in a batch", _over_an_hour, None),
    ("alone, 10 an hour", lambda: _alone(10, 200), at_most(2.2)),
    ("alone, 10,000 an hour", lambda: _alone(10_000, 3_000), at_most(2.2)),
    ("1,000 events over 300 customers in a batch", _many_customers, None),
]


def measure() -> Iterator[Result]:
    """The units of each regime."""
    for name, batches, goal in REGIMES:
        with metered() as engine:
            total = pipeline(engine, batches())
            units = engine.write_units / total, engine.read_units / total
        yield Result(f"write units an event: {name}", units[0], "units", goal=goal)
        yield Result(f"read units an event: {name}", units[1], "units")
