"""Reading the Usage table's stream: which hour of whose usage of which meter changed."""

from dataclasses import dataclass
from typing import Any

from meterline.store.metering.usage import BucketKey, key_of_counter

_COUNTER_PREFIX = "h#"


@dataclass(frozen=True, slots=True)
class UsageChange:
    """The counter of a bucket changed; ``became_estimate`` if it has just become a sample."""

    bucket: BucketKey
    became_estimate: bool


def usage_change(record: dict[str, Any]) -> UsageChange | None:
    """What a stream record changed; None for segments, and for counters that were removed."""
    change = record["dynamodb"]
    keys = change["Keys"]
    if record["eventName"] == "REMOVE" or not keys["sk"]["S"].startswith(_COUNTER_PREFIX):
        return None
    before, after = (change.get(name, {}) for name in ("OldImage", "NewImage"))
    return UsageChange(
        key_of_counter(keys["pk"]["S"], keys["sk"]["S"]),
        "sampled_below" in after and "sampled_below" not in before,
    )
