"""What reconciling a million events costs, and how many days a pass takes."""

from collections.abc import Iterator

from tests.benchmarks import promises
from tests.benchmarks.reconciliation import Load, dollars_a_million, pass_days
from tests.benchmarks.results import Result

EVENT_BYTES = 500
A_MONTH = (1e6, 1e8, 1e9)
AN_HOUR = (1, 60, 1_000)


def measure() -> Iterator[Result]:
    """By the events of a month, and of an hour of a counter."""
    for a_month in A_MONTH:
        for an_hour in AN_HOUR:
            load = Load(a_month, an_hour, EVENT_BYTES)
            title = f"reconciling {a_month:,.0f} events a month, {an_hour:,} an hour of a counter"
            dollars, days = dollars_a_million(load), pass_days(load)
            yield Result(f"{title}: a million", dollars, "$", goal=promises.RECONCILED_DOLLARS)
            yield Result(f"{title}: a pass", days, "days", goal=promises.RECONCILED_DAYS)
