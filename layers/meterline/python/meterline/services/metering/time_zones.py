"""Which time zones there are: the names of the IANA database that the product brings along.

A machine may know others (``localtime``, ``posix/…``, ``right/…`` with its leap seconds), which
would mean something else on the next one.
"""

from datetime import tzinfo
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from meterline.core.base.errors import BillingError

_NO_ZONE = "Factory"
"""The database's name for a machine whose zone nobody has set."""


def time_zone(name: str) -> tzinfo:
    """The time zone with this IANA name (beyond Stripe, whose windows are those of UTC)."""
    if name not in _names():
        message = f"Invalid timezone: '{name}'. Use an IANA name, such as Europe/Berlin."
        raise BillingError(message, param="timezone")
    return ZoneInfo(name)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """All names, read once: some milliseconds."""
    listed = resources.files("tzdata").joinpath("zones").read_text("utf-8")
    return frozenset(listed.split()) - {_NO_ZONE}
