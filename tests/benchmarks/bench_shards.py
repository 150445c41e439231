"""Units for each event on streams of any number of shards: the more, the fewer events of a customer
come together.
"""

from collections.abc import Iterator
from typing import Any

from tests.benchmarks import promises
from tests.benchmarks.goals import at_most
from tests.benchmarks.results import Result
from tests.benchmarks.worlds import HOUR_START, events, metered, pipeline

SHARDS = (1, 4, 10, 40, 200)
REQUESTS = 60

type Batches = Iterator[list[dict[str, Any]]]


def one_customer() -> Batches:
    """A request of a hundred events of one customer a second."""
    for number in range(REQUESTS):
        yield events(100, first=number * 100, seconds=lambda place: HOUR_START + place // 100)


def mixed_customers() -> Batches:
    """A request of a hundred events of a hundred customers a second, of a thousand."""
    for number in range(REQUESTS):
        yield events(
            100,
            first=number * 100,
            seconds=lambda place: HOUR_START + place // 100,
            customers=1_000,
        )


def measure() -> Iterator[Result]:
    """Write and read units of acceptance and counting."""
    for title, batches, goals in (
        ("one customer a request", one_customer, (promises.ONE_CUSTOMER_WRITES, at_most(1))),
        (
            "100 mixed customers a request",
            mixed_customers,
            (promises.MIXED_WRITES, promises.MIXED_READS),
        ),
    ):
        for shards in SHARDS:
            write_units, read_units = units(batches(), shards)
            name = f"units an event, {title}, {shards} shards"
            yield Result(f"write {name}", write_units, "units", goal=goals[0])
            yield Result(f"read {name}", read_units, "units", goal=goals[1])


def units(batches: Batches, shards: int) -> tuple[float, float]:
    """The write and read units of each event."""
    with metered() as engine:
        total = pipeline(engine, batches, shards=shards)
        return engine.write_units / total, engine.read_units / total
