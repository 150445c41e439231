"""What metering's tests share."""

import pytest

from meterline.services.metering import parcels
from meterline.store.metering import usage_commits


@pytest.fixture(autouse=True)
def nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Usage may be of any day; a test of days has a clock of its own."""
    monkeypatch.setattr(usage_commits, "time", lambda: 0)


@pytest.fixture
def come_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No event goes in a parcel: each is counted from its own record."""
    monkeypatch.setattr(parcels, "LEAST_EVENTS", 1_000_000)
