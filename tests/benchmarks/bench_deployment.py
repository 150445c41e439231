"""What a deployment costs while nobody uses it, and how long an alert takes: by the template."""

from collections.abc import Iterator, Sequence

from tests.benchmarks import prices
from tests.benchmarks.promises import ALERT_SECONDS, IDLE_DOLLARS
from tests.benchmarks.results import Result
from tests.engines import resources, template

ALERT = ("CountUsageMapping", "WatchUsageMapping", "PublishEventsMapping")
"""The streams that an event passes until its alert is published."""

PARCEL = ("CountParcelsMapping", "WatchUsageMapping", "PublishEventsMapping")
"""Those of many events of one counter in a request."""

HANDED_OVER = ("CountUsageMapping", *PARCEL)
"""Those of a counter that several consumers contend for."""

SHOWN_SECONDS = 0.15
"""Assumed: how long a stream takes to show a change."""

LOOK_SECONDS = 0.125
"""Half of the time between two looks of Lambda, which are four a second."""

WORK_SECONDS = 0.05
"""Assumed: how long a batch of few takes."""

SQS_REQUEST = 0.40e-6
FREE_SQS_REQUESTS = 1_000_000
FREE_GB_SECONDS = 400_000
"""What each account has free every month."""

ALARM_MONTH = 0.10
METRIC_MONTH = 0.30
MINUTES = 43_800
"""Of a month."""

POLLS_A_MINUTE = 15
"""Lambda keeps five long polls of 20 seconds open on a queue."""

SWEEP_UNITS = 24
SWEEP_SECONDS = 0.15
"""What a sweep reads of 16 partitions (an entry and a page each), and how long it takes."""


def measure() -> Iterator[Result]:
    """The delay of an alert by each way that its event may take, and the dollars of a month."""
    seconds = alert_seconds(ALERT)
    yield Result("an alert after its event", seconds, "s", goal=ALERT_SECONDS)
    seconds = alert_seconds(PARCEL)
    yield Result("the same, of many events in a request", seconds, "s", goal=ALERT_SECONDS)
    yield Result("the same, of a counter handed over", alert_seconds(HANDED_OVER), "s")
    pieces = idle_dollars()
    for piece, dollars in pieces.items():
        yield Result(f"a month of doing nothing: {piece}", dollars, "$")
    yield Result("a month of doing nothing: all", sum(pieces.values()), "$", goal=IDLE_DOLLARS)


def alert_seconds(mappings: Sequence[str]) -> float:
    """How long an event is on its way by these event sources, its acceptance apart."""
    each = SHOWN_SECONDS + LOOK_SECONDS + WORK_SECONDS
    return sum(each + _window_seconds(name) for name in mappings)


def _window_seconds(mapping: str) -> float:
    """How long an event source gathers records, as the template or its parameter says."""
    source = resources("AWS::Lambda::EventSourceMapping")[mapping]
    window = source["MaximumBatchingWindowInSeconds"]
    parameters = template()["Parameters"]
    return float(parameters[window["Ref"]]["Default"] if isinstance(window, dict) else window)


def idle_dollars() -> dict[str, float]:
    """What a month of a deployment that does nothing costs at list prices, by piece."""
    polls = POLLS_A_MINUTE * MINUTES * len(_polled_queues()) - FREE_SQS_REQUESTS
    seconds = max(0, MINUTES * SWEEP_SECONDS - FREE_GB_SECONDS)
    return {
        "alarms": len(vital_alarms()) * ALARM_MONTH,
        "how late due work is, told every minute": METRIC_MONTH,
        "polling": polls * SQS_REQUEST,
        "sweeps": MINUTES * SWEEP_UNITS * prices.READ_UNIT + seconds * prices.LAMBDA_GB_SECOND,
    }


def vital_alarms() -> set[str]:
    """The alarms that every deployment has."""
    found = template()["Resources"]
    return {name for name in resources("AWS::CloudWatch::Alarm") if "Condition" not in found[name]}


def _polled_queues() -> list[str]:
    return [name for name in resources("AWS::SQS::Queue") if name.endswith("Queue")]
