"""Parameters of what is told by windows: how they are grouped, and in whose time zone."""

from datetime import UTC, tzinfo

from meterline.api.params.specs import Params, array, string
from meterline.core.metering.calendar_windows import Grouping
from meterline.core.metering.dimensions import MOST_KEYS
from meterline.services.metering.time_zones import time_zone

DIMENSIONS = array(string(max_length=100), max_items=MOST_KEYS)
"""Names of dimensions of a meter."""

TIME_ZONE = string(max_length=100)


def grouping_asked(params: Params) -> tuple[Grouping | None, tzinfo]:
    """The grouping that ``value_grouping_window`` names, if any, and its time zone: UTC unless one
    is given.
    """
    grouping = params.get("value_grouping_window")
    return Grouping(grouping) if grouping else None, zone_asked(params)


def zone_asked(params: Params) -> tzinfo:
    """The time zone that ``timezone`` names; UTC unless one is given."""
    return time_zone(params["timezone"]) if "timezone" in params else UTC
