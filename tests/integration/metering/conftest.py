"""What metering's tests share."""

import pytest

from meterline.store.metering import usage_commits


@pytest.fixture(autouse=True)
def nothing_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Usage may be of any day; a test of days has a clock of its own."""
    monkeypatch.setattr(usage_commits, "time", lambda: 0)
