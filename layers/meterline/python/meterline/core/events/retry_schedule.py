"""When a delivery that failed is tried again: three days in live mode, hours in test mode."""

import zlib
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3_600
LIVE_WAITS: Final = (
    1 * _MINUTE,
    5 * _MINUTE,
    30 * _MINUTE,
    2 * _HOUR,
    5 * _HOUR,
    10 * _HOUR,
    *(12 * _HOUR,) * 4,
    6 * _HOUR,
)
TEST_WAITS: Final = (1 * _MINUTE, 30 * _MINUTE, 2 * _HOUR)
"""The seconds after each failure; after one more the delivery has failed."""

DISABLED_AFTER_SECONDS: Final = 72 * _HOUR
"""An endpoint that has taken nothing for so long gets nothing more, in both modes."""

FORGOTTEN_AFTER_SECONDS: Final = 24 * _HOUR
"""A failure says nothing of one that comes so long after it: what is tried again comes sooner."""

_SPREAD_PERCENT: Final = 10


def wait_after(failures: int, *, livemode: bool, name: str) -> int | None:
    """How many seconds to wait after so many failures (1 or more); None when it was the last try.

    Deliveries of one moment come back up to a tenth later, spread by their names.
    """
    waits = LIVE_WAITS if livemode else TEST_WAITS
    if failures > len(waits):
        return None
    wait = waits[failures - 1]
    spread = wait * _SPREAD_PERCENT // 100
    return wait + zlib.crc32(name.encode()) % (spread + 1)
