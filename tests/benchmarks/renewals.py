"""One renewal, measured: a licence and two metered items, used once or in all hours of a month."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO

from meterline.services.metering.count import count_records
from meterline.services.work.due_work import do_due_work
from tests.benchmarks.traffic import Traffic
from tests.benchmarks.worlds import counting_at
from tests.engines import running
from tests.factories.usage import usage_record
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import DAY, NOW, World
from tests.frozen_time import FrozenTime

SUBSCRIBED = NOW - 40 * DAY
LATER = 3_600
"""A draft becomes final after so many seconds."""
HOURS = 31 * 24
"""So many hours from the beginning have usage where it is dense; the month is no longer."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of a renewal takes."""

    requests: int
    round_trips: int
    write_units: int
    due_units: int
    """What of the write units is of the due index."""
    billing_reads: float
    usage_reads: float
    """Read units of either table."""
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Renewal:
    """Both steps of a renewal."""

    drafting: Step
    finalising: Step

    @property
    def cpu_seconds(self) -> float:
        """Of both, with the engine in memory."""
        return self.drafting.cpu_seconds + self.finalising.cpu_seconds


class Business:
    """What is sold, and its subscriptions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.meters = [world.meter("tokens"), world.meter("requests")]
        self.prices = [
            world.price(unit_amount=1_500),
            *(world.price(unit_amount=3, meter=one) for one in self.meters),
        ]

    def subscription(self, hours: Sequence[int]) -> str:
        """A subscription that is due, with usage in these hours of its month."""
        customer = self.world.customer(at=SUBSCRIBED)
        subscription = self.world.subscribe(customer, self.prices, at=SUBSCRIBED)
        for hour in hours:
            at = SUBSCRIBED + hour * 3_600
            with counting_at(lambda at=at: at + 60):  # type: ignore[misc]
                records = [usage_record(meter, customer, at, 40) for meter in self.meters]
                assert count_records(records) == []
        return subscription

    def draft(self, subscription: str) -> str:
        """Renew it; the id of the draft."""
        do_due_work(self.world.context(), subscription)
        return str(self.world.stored(subscription)["latest_invoice"])

    def finalise(self, invoice: str) -> None:
        """Let an hour go by."""
        do_due_work(self.world.context(NOW + LATER), invoice)

    def is_draft(self, invoice: str) -> bool:
        """Whether it has not been finalised."""
        return bool(self.world.stored(invoice)["status"] == "draft")


@contextmanager
def business() -> Iterator[Business]:
    """A deployment of its own that renewed once: what a process notes once is noted."""
    with running() as engine, redirect_stdout(StringIO()):
        made = Business(World(engine, FrozenTime(NOW), Wire()))
        made.finalise(made.draft(made.subscription([24])))
        yield made


def measured(made: Business, hours: Sequence[int], *, repeats: int = 5) -> Renewal:
    """What a renewal with usage in these hours takes; of CPU the least of some times."""
    world, subscription = made.world, made.subscription(hours)
    beginning = world.state()
    traffic = [Traffic() for _ in range(2)]
    with traffic[0].recorded():
        do_due_work(world.context(), subscription)
    invoice = str(world.stored(subscription)["latest_invoice"])
    with traffic[1].recorded():
        made.finalise(invoice)
    assert not made.is_draft(invoice)
    least = [math.inf, math.inf]
    for _ in range(repeats):
        world.restore(beginning)
        times = [time.process_time()]
        invoice = made.draft(subscription)
        times.append(time.process_time())
        made.finalise(invoice)
        times.append(time.process_time())
        assert not made.is_draft(invoice)
        taken = (times[1] - times[0], times[2] - times[1])
        least = [min(pair) for pair in zip(least, taken, strict=True)]
    steps = [
        Step(
            len(one.calls),
            one.round_trips,
            one.write_units,
            one.index_units["due"],
            one.reads_of[world.engine.tables["billing"]],
            one.reads_of[world.engine.tables["usage"]],
            seconds,
        )
        for one, seconds in zip(traffic, least, strict=True)
    ]
    return Renewal(*steps)
