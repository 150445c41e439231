"""Whether counting has caught up with what a customer on a test clock sent."""

from collections.abc import Iterable
from itertools import batched
from time import sleep

from meterline.core.metering.acceptance import measure_from_text
from meterline.services.metering.parcels import bucket_of
from meterline.store.base.batches import GET_LIMIT
from meterline.store.metering import meter_events, uncounted, usage
from meterline.store.metering.meter_events import AcceptedEvent
from meterline.store.metering.usage import BucketKey, NotVisible

WAIT_SECONDS = 30
_LOOK_SECONDS = 0.25


class CountingLags(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """Usage that was sent before is not counted yet: come again later."""


def wait_until_caught_up(customer_ids: Iterable[str], *, livemode: bool, now: int) -> None:
    """Wait half a minute at most until these customers are caught up, or raise CountingLags."""
    patience = int(WAIT_SECONDS / _LOOK_SECONDS)
    for customer_id in customer_ids:
        while not is_caught_up(customer_id, livemode=livemode, now=now):
            patience -= 1
            if patience < 0:
                raise CountingLags(customer_id)
            sleep(_LOOK_SECONDS)


def is_caught_up(customer_id: str, *, livemode: bool, now: int) -> bool:
    """Whether every event of the last hour (wall clock ``now``) of this customer is counted.

    Exact for customers on test clocks; on the wall clock there are no notes, and it is true.
    """
    identities = dict.fromkeys(uncounted.noted(livemode, customer_id, now))
    events = [
        event
        for batch in batched(identities, GET_LIMIT, strict=False)
        for event in meter_events.read_identities(livemode, batch)
    ]
    buckets: dict[BucketKey, list[AcceptedEvent]] = {}
    for event in events:
        buckets.setdefault(bucket_of(event), []).append(event)
    return all(_holds(key, found) for key, found in buckets.items())


def _holds(key: BucketKey, events: list[AcceptedEvent]) -> bool:
    """Whether a bucket has a row for each event, and for each cancellation."""
    measure = measure_from_text(events[0].measure)
    bucket = usage.read_buckets([key], [measure])[key]
    try:
        rows = [*usage.read_segments(key, bucket, measure), *bucket.inline]
    except NotVisible:
        return False
    known = {(row.identity, row.cancels) for row in rows}
    return all(
        (meter_events.identity_of(event.identifier), event.cancelled_at is not None) in known
        for event in events
    )
