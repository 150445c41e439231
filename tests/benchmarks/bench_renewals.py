"""What a renewal costs: requests, round trips, write units; and whether a crowd changes that."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from meterline.services.work import sweep as sweeping
from meterline.services.work.due_work import do_due_work
from meterline.store.work.queues import DueMessage
from meterline.store.work.sweeps import PAGE, DueEntry, DuePage, Progress
from tests.benchmarks.credited import CreditedBusiness
from tests.benchmarks.goals import at_most
from tests.benchmarks.results import Result
from tests.benchmarks.traffic import Traffic
from tests.engines import running
from tests.factories.usage import use
from tests.faults.billing.wire import Wire
from tests.faults.billing.world import DAY, NOW, World
from tests.frozen_time import FrozenTime

_BATCH = 10
_RENEWED = 20
_ROUNDS = 3
_SUBSCRIBED = NOW - 40 * DAY

type Call = tuple[Any, str, dict[str, Any]]


def measure() -> list[Result]:
    """The figures of drafting, of finalising, and of the sweep."""
    with running() as engine, redirect_stdout(StringIO()):
        world = World(engine, FrozenTime(NOW), Wire())
        prices = _prices(world)
        # A process's first ones also note which kinds of events there are.
        _, first = _drafting(world, prices)
        later = world.context(NOW + 3_600)
        do_due_work(later, first)
        drafting, invoice = _drafting(world, prices)
        finalising = _recorded(lambda: do_due_work(later, invoice))
        credited = list(_credited(world))
        seconds, bare = _speed(world, prices)
    few, many = (_requests_to_send(number) for number in (1_000, 100_000))
    renewal = len(drafting.calls) + len(finalising.calls)
    return [
        Result("renewal: requests to draft", len(drafting.calls), "requests", goal=at_most(12)),
        Result("renewal: one after another", drafting.round_trips, "round trips", goal=at_most(4)),
        Result("renewal: drafting", drafting.write_units, "write units", goal=at_most(22)),
        Result("renewal: requests to finalise", len(finalising.calls), "requests"),
        Result("renewal: finalising", finalising.write_units, "write units"),
        *credited,
        Result(
            "renewals of one worker in memory",
            1 / seconds,
            "a CPU second",
            floor=1 / bare,
            ratio=seconds / bare,
        ),
        Result("sweep of 1,000: for each", few, "requests"),
        Result("sweep of 100,000: for each", many, "requests", floor=1 / _BATCH, ratio=many * 10),
        Result(
            "1,000 against 100,000 due: cost of each",
            (renewal + few) / (renewal + many),
            "times",
            goal=at_most(1.2),
        ),
    ]


def _credited(world: World) -> Iterator[Result]:
    """The figures of renewals with taxes that so many grants of billing credits pay for."""
    made = CreditedBusiness(world)
    for grants in (1, 3, 10, 20):
        drafting, finalising = made.renewal(grants)
        what = (
            f"taxes and {grants} grants: finalising"
            if grants > 1
            else "taxes and 1 grant: finalising"
        )
        yield Result(what, finalising.write_units, "write units", goal=at_most(20))
        yield Result(
            f"{what}, one after another", finalising.round_trips, "round trips", goal=at_most(5)
        )
        yield Result(f"{what}, reading", finalising.read_units, "read units")
        yield Result(
            what.replace("finalising", "drafting"),
            drafting.write_units,
            "write units",
            goal=at_most(22),
        )


def _prices(world: World) -> tuple[list[str], list[str]]:
    meters = [world.meter("tokens"), world.meter("requests")]
    licence = world.price(unit_amount=1_500)
    return [licence, *(world.price(unit_amount=3, meter=meter) for meter in meters)], meters


def _subscription(world: World, prices: tuple[list[str], list[str]]) -> str:
    customer = world.customer(at=_SUBSCRIBED)
    subscription = world.subscribe(customer, prices[0], at=_SUBSCRIBED)
    for meter in prices[1]:
        use(meter, customer, at=_SUBSCRIBED + DAY, quantity=40)
    return subscription


def _drafting(world: World, prices: tuple[list[str], list[str]]) -> tuple[Traffic, str]:
    """The traffic of a renewal, and the id of its invoice."""
    subscription = _subscription(world, prices)
    traffic = _recorded(lambda: do_due_work(world.context(), subscription))
    return traffic, str(world.stored(subscription)["latest_invoice"])


def _recorded(work: Callable[[], object]) -> Traffic:
    with Traffic().recorded() as traffic:
        work()
    return traffic


def _speed(world: World, prices: tuple[list[str], list[str]]) -> tuple[float, float]:
    """CPU seconds for each renewal, and for the same calls, prepared and made again bare.

    The engine runs in this process, so other processes on the machine do not count.
    """
    subscriptions = [_subscription(world, prices) for _ in range(_RENEWED)]
    beginning = world.state()
    best, floor = math.inf, math.inf
    for _ in range(_ROUNDS):
        calls: list[Call] = []
        with _noted(calls):
            started = time.process_time()
            for subscription in subscriptions:
                do_due_work(world.context(), subscription)
            best = min(best, time.process_time() - started)
        world.restore(beginning)
        started = time.process_time()
        for client, operation, arguments in calls:
            client._make_api_call(operation, arguments)  # noqa: SLF001 - as it was called
        floor = min(floor, time.process_time() - started)
        world.restore(beginning)
    return best / _RENEWED, floor / _RENEWED


@contextmanager
def _noted(calls: list[Call]) -> Iterator[None]:
    """Note every call that AWS clients make, with its parameters."""
    send = BaseClient._make_api_call  # type: ignore[attr-defined] # noqa: SLF001 - the one door

    def noting(client: BaseClient, operation: str, arguments: dict[str, Any]) -> object:
        calls.append((client, operation, copy.deepcopy(arguments)))
        return send(client, operation, arguments)

    with patch.object(BaseClient, "_make_api_call", noting):
        yield


def _requests_to_send(number: int) -> float:
    """The requests of a sweep for each of so many subscriptions that are due at one instant."""
    with _crowd(number) as requests:
        swept = sweeping.sweep(NOW, modes=[False], monotonic=lambda: 0.0)
    assert swept.sent == number
    return requests[0] / number


@contextmanager
def _crowd(number: int) -> Iterator[list[int]]:
    """An index in memory with so many entries; counts the requests to it and to the queues."""
    shards: dict[str, list[DueEntry]] = {
        f"t#live#{shard}": [
            DueEntry(NOW - 60, "subscription", f"sub_{one:08d}") for one in range(shard, number, 8)
        ]
        for shard in range(8)
    }
    requests = [0]

    def page(
        shard: str, first: int, until: int, after: Any = None, *, limit: int = PAGE
    ) -> DuePage:
        requests[0] += 1
        start = after or 0
        found = [
            entry
            for entry in shards[shard][start : start + limit]
            if first <= entry.due_at <= until
        ]
        more = start + limit < len(shards[shard])
        return DuePage(found, start + limit if more else None)  # type: ignore[arg-type] # a place

    def enqueue(messages: Iterable[DueMessage]) -> int:
        sent = len(list(messages))
        requests[0] += -(-sent // _BATCH)
        return sent

    def save(*_: object) -> None:
        requests[0] += 1

    def read(partitions: Iterable[str]) -> dict[str, Progress]:
        requests[0] += 1
        return {partition: Progress() for partition in partitions}

    with patch.multiple(
        sweeping, due_page=page, enqueue=enqueue, save_progress=save, read_progress=read
    ):
        yield requests
