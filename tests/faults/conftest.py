"""The product's modules wired to the simulated engine."""

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest

from meterline.services.metering import count, day_totals, hour_profiles, parcels
from meterline.store.base import batches, clients
from meterline.store.base.settings import settings
from meterline.store.metering import cells, usage_commits
from tests.faults.simulation import Simulation


@pytest.fixture(scope="session")
def processor(request: pytest.FixtureRequest) -> int | None:
    """One processor for each process of a run in turn; None where processes have no choice."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    worker = getattr(request.config, "workerinput", {"workerid": "gw0"})["workerid"]
    free = sorted(os.sched_getaffinity(0))
    return free[int(worker.removeprefix("gw")) % len(free)]


@contextlib.contextmanager
def staying_on(processor: int | None) -> Iterator[None]:
    """Within it this thread, and those that it starts, stay on a processor: threads that do nothing
    but hand over to each other take a third longer on two.
    """
    if processor is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@pytest.fixture
def simulate(
    processor: int | None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Simulation], None]]:
    """Runs a simulation on its own engine; small counters make segments and profiles frequent, and
    small parcels parcels.
    """
    for name in ("meter_events", "usage"):
        monkeypatch.setenv(f"METERLINE_{name.upper()}_TABLE", name)
    settings.cache_clear()

    def run(simulation: Simulation) -> None:
        clients.reset_clients()
        monkeypatch.setattr(clients, "_client", lambda _: simulation.engine)
        monkeypatch.setattr(batches, "sleep", lambda _: simulation.scheduler.pause())
        monkeypatch.setattr(count, "PATIENCE", simulation.patience)
        monkeypatch.setattr(count, "set_aside", simulation.set_aside)
        monkeypatch.setattr(count, "CONTENTION", simulation.contention)
        monkeypatch.setattr(count, "RACES", simulation.chance.choice((0, 1, 3)))
        monkeypatch.setattr(parcels, "LEAST_EVENTS", simulation.chance.choice((2, 3, 20)))
        monkeypatch.setattr(
            usage_commits, "COUNTER_BYTES", simulation.chance.choice((260, 400, 1_000))
        )
        monkeypatch.setattr(usage_commits, "MOST_UNITS", 1 + simulation.seed % 2)
        monkeypatch.setattr(usage_commits, "SEGMENT_ROWS", simulation.chance.choice((7, 5_000)))
        every = simulation.chance.choice((1, 3, 100))
        monkeypatch.setattr(hour_profiles, "SEGMENTS_A_PROFILE", every)
        monkeypatch.setattr(usage_commits, "time", lambda: simulation.clock)
        monkeypatch.setattr(day_totals, "NEWEST_HOURS", 1)
        monkeypatch.setattr(day_totals, "WORTHWHILE_HOURS", 1)
        if simulation.has_dimensions:
            simulation.most_cells = simulation.chance.choice((2, 3, 100))
            monkeypatch.setattr(cells, "MOST_CELLS", simulation.most_cells)
        simulation.run()

    with staying_on(processor):
        yield run
    clients.reset_clients()
    settings.cache_clear()
