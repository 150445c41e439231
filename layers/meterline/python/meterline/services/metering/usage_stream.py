"""Reading the Usage table's stream: which hour of whose usage of which meter changed, and how."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.core.metering.aggregation import Formula, Measure
from meterline.core.metering.headroom import level_before_any, level_of
from meterline.store.metering.headrooms import UsageKey
from meterline.store.metering.usage import BucketKey, Counter, Item, key_of_counter

_COUNTER_PREFIX = "h#"


@frozen
class UsageChange:
    """The counter of a bucket changed; ``became_estimate`` if it has just become a sample."""

    bucket: BucketKey
    became_estimate: bool
    counter: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    former: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def usage_key(self) -> UsageKey:
        """Whose usage of which meter changed."""
        return UsageKey(self.bucket.livemode, self.bucket.meter, self.bucket.customer)

    @property
    def has_counter(self) -> bool:
        """Whether the record brings the counter; a replayed one does not."""
        return "sums" in self.counter

    def level(self, formula: Formula) -> Decimal | None:
        """What the hour holds by a formula; None if it cannot be told from the change."""
        return self._level(self.counter, formula)

    def may_have_fallen(self, formula: Formula) -> bool:
        """Whether the hour holds less than before, or it cannot be told."""
        before, after = self._level(self.former, formula), self.level(formula)
        if "sums" not in self.former:
            before = level_before_any(formula)
        return before is None or after is None or after < before

    @property
    def accepted_at(self) -> int | None:
        """When the latest event of the hour was accepted, microseconds of the wall clock."""
        counter = self._read(self.counter, Formula.COUNT)
        return None if counter is None else counter.watermark

    def _level(self, item: Mapping[str, Any], formula: Formula) -> Decimal | None:
        counter = self._read(item, formula)
        return None if counter is None else level_of(counter.aggregate, formula)

    def _read(self, item: Mapping[str, Any], formula: Formula) -> Counter | None:
        if "sums" not in item:
            return None
        return Counter(_as_stored(item), self.bucket.start, Measure(formula))


def usage_change(record: Mapping[str, Any]) -> UsageChange | None:
    """What a stream record changed; None for segments, and for counters that were removed."""
    change = record["dynamodb"]
    keys = change["Keys"]
    if record["eventName"] == "REMOVE" or not keys["sk"]["S"].startswith(_COUNTER_PREFIX):
        return None
    before, after = (change.get(name, {}) for name in ("OldImage", "NewImage"))
    return UsageChange(
        key_of_counter(keys["pk"]["S"], keys["sk"]["S"]),
        "sampled_below" in after and "sampled_below" not in before,
        after,
        before,
    )


def _as_stored(counter: Mapping[str, Any]) -> Item:
    """A counter with bytes as bytes, which Lambda's JSON has in base64."""
    return {name: _value(value) for name, value in counter.items()}


def _value(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"B": b64decode(value["B"])} if isinstance(value.get("B"), str) else value
