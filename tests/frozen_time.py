"""A clock that stands in for the wall clock in all of the product, and moves when it is told to."""

from dataclasses import dataclass

import pytest

from meterline.api import app, auth
from meterline.api.routes import meter_events
from meterline.services.account import api_keys
from meterline.services.base import ids, workers
from meterline.services.events import fan_out, publishing
from meterline.services.metering import count, day_totals
from meterline.store.account import idempotency_records
from meterline.store.base import listing_notes
from meterline.store.billing import listing_directory, tax_engine
from meterline.store.metering import directory, usage_commits

MODULES = (
    *(app, auth, meter_events),
    *(api_keys, ids, workers, publishing),
    *(idempotency_records, listing_notes, listing_directory, directory),
)
"""Who reads clocks as ``time.time()``."""

FUNCTIONS = (
    (day_totals, "time"),
    (usage_commits, "time"),
    (tax_engine, "monotonic"),
    (fan_out.ENDPOINTS, "clock"),
    (count.CONTENTION, "clock"),
)
"""Who has a clock as a function, and what it calls it."""


@dataclass
class FrozenTime:
    """Stands in for the ``time`` module of those who read clocks."""

    now: int

    def time(self) -> int:
        """The frozen second."""
        return self.now

    def monotonic(self) -> float:
        """The same: what it measures takes no time."""
        return self.now

    def perf_counter(self) -> float:
        """The same."""
        return self.now

    def time_ns(self) -> int:
        """The frozen nanosecond."""
        return self.now * 1_000_000_000

    def sleep(self, _seconds: float) -> None:
        """Nobody waits."""


def freeze(clock: FrozenTime, patch: pytest.MonkeyPatch) -> None:
    """Let all of the product that a run reaches read this clock: it is then the same any day."""
    for module in MODULES:
        patch.setattr(module, "time", clock)
    for owner, name in FUNCTIONS:
        patch.setattr(owner, name, clock.monotonic if name == "clock" else getattr(clock, name))
