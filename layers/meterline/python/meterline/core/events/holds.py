"""When an endpoint that does not answer is left alone, so that it keeps no worker from others.

A call that nobody answers takes a worker ten seconds. So once an endpoint has been silent for some
time it is held: nothing is sent to it but one call at a time, to see whether it answers again.
"""

import zlib
from typing import Final

SILENT_SECONDS: Final = 10
"""So long an endpoint has taken nothing, and kept workers waiting, when it is held."""

SLOW_MILLISECONDS: Final = 2_000
"""A call that fails sooner keeps no worker: its endpoint is tried as often as deliveries ask."""

PROBE_SECONDS: Final = 20
"""How long the one call has before another one may be made, should its worker have died."""

_LEAST_SECONDS: Final = 10
_MOST_SECONDS: Final = 300
_SHARE: Final = 5
_SPREAD_SECONDS: Final = 20


def hold_after(failing_seconds: int, milliseconds: int) -> int | None:
    """How many seconds an endpoint is held whose call has failed after so many milliseconds, and
    that has taken nothing for so long; None if it is not.
    """
    if failing_seconds < SILENT_SECONDS or milliseconds < SLOW_MILLISECONDS:
        return None
    return min(max(failing_seconds // _SHARE, _LEAST_SECONDS), _MOST_SECONDS)


def wait_of(name: str, hold_seconds: int, failing_seconds: int) -> int:
    """How many seconds a delivery waits for an endpoint that is held for some more.

    It comes back within a fifth of the time for which the endpoint took nothing, spread by its
    name: what waits for days must not be looked at every few minutes.
    """
    wait = max(hold_seconds, failing_seconds // _SHARE)
    return wait + zlib.crc32(name.encode()) % _SPREAD_SECONDS
