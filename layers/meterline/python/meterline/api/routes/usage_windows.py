"""Parameters of what is told of usage: by which windows, in whose time zone, and of which part."""

from collections.abc import Iterable
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING

from meterline.api.params.specs import Params, array, either, map_, string
from meterline.core.base.errors import BillingError
from meterline.core.metering.calendar_windows import Grouping
from meterline.core.metering.dimensions import MOST_CELLS, MOST_KEYS, VALUE_CHARACTERS
from meterline.services.metering.series import Breakdown
from meterline.services.metering.time_zones import time_zone

if TYPE_CHECKING:
    from meterline.core.base.wire import Meter

DIMENSION_VALUE = string(max_length=VALUE_CHARACTERS)
DIMENSION_FILTERS = map_(
    either(array(DIMENSION_VALUE, max_items=MOST_CELLS), DIMENSION_VALUE), max_keys=MOST_KEYS
)
"""By dimension the value that is meant, or several of them."""

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


def breakdown_asked(meter: "Meter", requested: Params, name: str = "%s") -> Breakdown:
    """Which part of a meter's usage is meant, by the values of some dimensions each of which may be
    one or several, and what it is grouped by. ``name`` is that of the parameters around them.
    """
    filters: dict[str, list[str]] = {
        key: [values] if isinstance(values, str) else values
        for key, values in requested.get("dimension_filters", {}).items()
    }
    keys = requested.get("dimension_group_by_keys", [])
    check_dimensions(meter, filters, name % "dimension_filters")
    check_dimensions(meter, keys, name % "dimension_group_by_keys")
    return Breakdown(filters, tuple(dict.fromkeys(keys)))


def check_dimensions(meter: "Meter", keys: Iterable[str], param: str) -> None:
    """Raise BillingError unless all keys are dimensions of a meter."""
    known = meter.get("dimension_payload_keys", [])
    for key in keys:
        if key not in known:
            message = f"The meter {meter['id']} has no dimension {key}"
            message += f": it has {', '.join(known)}." if known else ": it has none."
            raise BillingError(message, param=param)
