"""What a batch of the stream brings to a bucket."""

from collections.abc import Iterator, Mapping
from typing import Any

from meterline.core.metering.aggregation import Measure, Row
from meterline.store.metering.usage import BucketKey

MOST_ARRIVALS = 50_000
"""So many are counted at once: 2 MB of rows at most, where a transaction takes 4 MB."""

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

    def portion(self, start: int) -> "Group":
        """As many of the arrivals from this place on as are counted at once."""
        if not start and len(self.arrivals) <= MOST_ARRIVALS:
            return self
        part = Group(self.key, self.measure, must_be_counted=self.must_be_counted)
        part.arrivals = self.arrivals[start : start + MOST_ARRIVALS]
        part.changes = self.changes
        return part


def portions(groups: Mapping[BucketKey, Group]) -> Iterator[dict[BucketKey, Group]]:
    """The groups, mostly all at once; again and again the rest of those that have more arrivals."""
    yield {key: group.portion(0) for key, group in groups.items()}
    most = max([len(group.arrivals) for group in groups.values()], default=0)
    for start in range(MOST_ARRIVALS, most, MOST_ARRIVALS):
        yield {
            key: group.portion(start)
            for key, group in groups.items()
            if len(group.arrivals) > start
        }
