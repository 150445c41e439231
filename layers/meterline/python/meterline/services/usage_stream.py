"""Reading the Usage table's stream: whose usage of which meter changed."""

from dataclasses import dataclass
from typing import Any

_COUNTER_PREFIX = "h#"


@dataclass(frozen=True, slots=True)
class UsageChange:
    """A customer's usage of a meter changed."""

    livemode: bool
    meter: str
    customer: str


def usage_change(record: dict[str, Any]) -> UsageChange | None:
    """What a stream record tells; None for segments, and for counters that were removed."""
    keys = record["dynamodb"]["Keys"]
    if record["eventName"] == "REMOVE" or not keys["sk"]["S"].startswith(_COUNTER_PREFIX):
        return None
    mode, meter, customer = keys["pk"]["S"].split("#", 2)
    return UsageChange(mode == "l", meter, customer)
