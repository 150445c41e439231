"""What reconciliation costs and how long it takes, as arithmetic over the product's own constants.

A pass a week scans the whole table and compares the week's events, gathered a round at a time. A
round reads the counter of each hour that it meets, and all rows of those that have segments.
"""

import math
from dataclasses import dataclass

from meterline.services.metering.reconcile_pass import (
    BUDGET_SECONDS,
    FIRST_EVENTS,
    MOST_EVENTS,
    PASS_SECONDS,
    SEGMENTS,
)
from tests.benchmarks import prices
from tests.benchmarks.units import READ_BYTES

DAY_SECONDS = 86_400
PAGE_BYTES = 1024**2
INLINE_ROWS = 40
"""About so many rows stand in the counter itself."""

ROW_BYTES = 21
"""In a segment, with its share of the item's keys."""

PAGE_SECONDS = 0.1
"""Assumed: how long DynamoDB takes for a page of a scan, a megabyte."""

EVENT_SECONDS = 60e-6
"""Assumed CPU for an event that a scan shows, on a whole core."""

COUNTER_SECONDS = 100e-6
"""Assumed CPU for a counter that is read and compared."""

QUERY_SECONDS = 500e-6
"""Assumed CPU for asking for the segments of a counter."""

ROW_SECONDS = 1.5e-6
"""Assumed CPU for a row of a segment."""

FUNCTION_GB = 2.0
INVOCATIONS_AN_HOUR = 3
"""As the template schedules them."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much is sent: events a month, events of an hour of a counter, and how large each is."""

    events_a_month: float
    events_an_hour: float
    event_bytes: float
    retention_days: int = 45

    @property
    def stored(self) -> float:
        """The events that the table holds."""
        return self.events_a_month * self.retention_days / prices.MONTH_DAYS

    @property
    def of_a_pass(self) -> float:
        """The events that a pass compares."""
        return self.events_a_month * PASS_SECONDS / DAY_SECONDS / prices.MONTH_DAYS

    @property
    def rounds(self) -> int:
        """Rounds of a pass, were each invocation to begin anew after a small and a middle one."""
        mean = (FIRST_EVENTS + 2 * FIRST_EVENTS + MOST_EVENTS) / 3
        return math.ceil(self.of_a_pass / mean)

    @property
    def counters_a_round(self) -> float:
        """Distinct hours among a round's events, whose order is that of their digests."""
        counters = self.of_a_pass / self.events_an_hour
        return counters * -math.expm1(-self.of_a_pass / self.rounds / counters)

    @property
    def segment_rows(self) -> float:
        """The rows of an hour that are not in its counter."""
        return max(0.0, self.events_an_hour - INLINE_ROWS)


def scan_units(load: Load) -> float:
    """The read units of a scan of the whole table, eventually consistent."""
    return load.stored * load.event_bytes / READ_BYTES / 2


def counter_units(load: Load) -> float:
    """The read units for all counters and rows of a pass, eventually consistent."""
    of_rows = math.ceil(load.segment_rows * ROW_BYTES / READ_BYTES) / 2
    return load.rounds * load.counters_a_round * (0.5 + of_rows)


def pass_seconds(load: Load) -> float:
    """How long a pass works, with the waits of its segments side by side."""
    pages = load.stored * load.event_bytes / PAGE_BYTES
    of_segments = (QUERY_SECONDS + load.segment_rows * ROW_SECONDS) if load.segment_rows else 0
    each_round = load.counters_a_round * (COUNTER_SECONDS + of_segments)
    return (
        pages * PAGE_SECONDS / SEGMENTS + load.of_a_pass * EVENT_SECONDS + load.rounds * each_round
    )


def pass_days(load: Load) -> float:
    """How long a pass takes, with a function that works for a part of each hour."""
    return pass_seconds(load) / BUDGET_SECONDS / INVOCATIONS_AN_HOUR / 24


def dollars_a_million(load: Load) -> float:
    """What reconciling a million events costs, over all passes that meet them."""
    units = scan_units(load) + counter_units(load)
    compute = pass_seconds(load) * FUNCTION_GB * prices.LAMBDA_GB_SECOND
    return (units * prices.READ_UNIT + compute) / load.of_a_pass * 1e6
