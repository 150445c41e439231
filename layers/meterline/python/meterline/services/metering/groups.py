"""What a batch of the stream brings to a bucket."""

from collections.abc import Mapping
from typing import Any

from meterline.core.metering.aggregation import Measure, Row
from meterline.store.metering.usage import BucketKey

type Change = Mapping[str, Any]
"""What a stream record says of a change."""


class Group:
    """The arrivals of one bucket, and the changes in the stream that brought them."""

    __slots__ = ("arrivals", "changes", "error", "key", "measure", "must_be_counted")

    def __init__(self, key: BucketKey, measure: Measure, *, must_be_counted: bool = True) -> None:
        self.key = key
        self.measure = measure
        self.arrivals: list[Row] = []
        self.changes: list[Change] = []
        self.error: Exception | None = None
        """Why the bucket failed when it was last tried; None if it lost a race."""
        self.must_be_counted = must_be_counted
        """Whether it may not be put into a parcel for another to count."""

    @property
    def sequence_numbers(self) -> list[str]:
        """The places of the changes in their stream."""
        return [change["SequenceNumber"] for change in self.changes]
