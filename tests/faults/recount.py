"""What stored events plainly add up to, by each way of counting."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from tests.integration.metering.worlds import PERCENTILE


class Event(NamedTuple):
    """A stored event; sorts by time, then by receipt."""

    timestamp: int
    accepted_at: int
    identity: bytes
    value: Decimal
    dimensions: tuple[str, ...] = ()


def counting_events(measure: str, events: Iterable[Event]) -> list[Event]:
    """The events that count, by time; with a window, of each only the latest received."""
    window = {"hour": 3_600, "day": 86_400}.get(measure.partition(":")[2])
    if window is None:
        return sorted(events)
    latest: dict[int, Event] = {}
    for event in sorted(events, key=lambda one: (one.accepted_at, one.identity)):
        latest[event.timestamp // window] = event
    return sorted(latest.values())


def expected_between(measure: str, events: Iterable[Event], start: int, end: int) -> Decimal:
    """What a meter reports of a range, of the events of all time."""
    if measure == "weighted_sum":
        return expected_levels(events, start, end)
    inside = [one for one in counting_events(measure, events) if start <= one.timestamp < end]
    if measure == "percentile":
        return expected_percentile(inside, start, end)
    return expected_usage(measure, inside)


def expected_percentile(
    events: Iterable[Event], start: int, end: int, percentage: str = PERCENTILE
) -> Decimal:
    """All sums of five minutes of a range, sorted; the greatest are left out."""
    sums = {place: Decimal(0) for place in range(start // 300, -(-end // 300))}
    for event in events:
        sums[event.timestamp // 300] += event.value
    left_out = len(sums) * (100 - Decimal(percentage)) // 100
    return sorted(sums.values(), reverse=True)[int(left_out)]


def expected_levels(events: Iterable[Event], start: int, end: int) -> Decimal:
    """What values that last until the next one come to; those of each cell by itself."""
    total = Decimal(0)
    told_apart: dict[tuple[str, ...], list[Event]] = {}
    for event in sorted(events):
        told_apart.setdefault(event.dimensions, []).append(event)
    for some in told_apart.values():
        ends = [*(event.timestamp for event in some[1:]), end]
        for event, until in zip(some, ends, strict=True):
            seconds = min(until, end) - max(event.timestamp, start)
            total += event.value * max(seconds, 0)
    return total


def expected_usage(measure: str, events: Sequence[Event]) -> Decimal:
    """What a meter reports of events sorted by time, said as plainly as possible."""
    values = [event.value for event in events]
    results: dict[str, Callable[[], Decimal]] = {
        "sum": lambda: Decimal(sum(values)),
        "count": lambda: Decimal(len(values)),
        "last": lambda: values[-1],
        "max": lambda: max(values),
        "min": lambda: min(values),
        "avg": lambda: round(sum(values, Decimal(0)) / len(values), 12),
        "unique_count": lambda: Decimal(len(set(values))),
    }
    return results[measure.partition(":")[0]]() if values else Decimal(0)
