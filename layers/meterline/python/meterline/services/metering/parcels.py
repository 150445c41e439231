"""Which events come in parcels, and who counts them.

A request with many events of one bucket stores them one by one, as any other, and then a parcel
with the rows of those that it accepted. The parcel is what is counted. The events' own records look
whether a parcel has them: it has, mostly, and they are done; where a request died before its parcel
was stored, they are counted as events that came alone. Both ways leave the same rows, so it does no
harm when both are taken.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from meterline.core.metering.acceptance import cell_from_text, measure_from_text
from meterline.core.metering.aggregation import Row
from meterline.observability import failure, logger
from meterline.store.base.batches import Throttled
from meterline.store.base.stream_images import as_bytes
from meterline.store.metering import parcels
from meterline.store.metering.headrooms import UsageKey
from meterline.store.metering.meter_events import (
    AcceptedEvent,
    identities_from_keys,
    identity_of,
    with_own_names,
)
from meterline.store.metering.parcels import Parcel, ParcelKey
from meterline.store.metering.usage import HOUR_SECONDS, BucketKey

LEAST_EVENTS = 20
"""A parcel costs a write unit more than its events would on one shard, and saves up to as many as
it has events on many.
"""

type Record = Mapping[str, Any]


def in_parcels(events: Sequence[AcceptedEvent]) -> list[AcceptedEvent]:
    """The events of a request, those marked that are to go in parcels: many of a customer's usage
    of a meter, and not the only one of its bucket.
    """
    of_customers = Counter([event.customer for event in events])
    if max(of_customers.values(), default=0) < LEAST_EVENTS:
        return list(events)
    places = [bucket_of(event) for event in events]
    sizes = {place: number for place, number in Counter(places).items() if number > 1}
    together: Counter[UsageKey] = Counter()
    for place, number in sizes.items():
        together[_usage_of(place)] += number
    chosen = {place for place in sizes if together[_usage_of(place)] >= LEAST_EVENTS}
    return [
        event._replace(in_parcel=True) if place in chosen else event
        for event, place in zip(events, places, strict=True)
    ]


def send(events: Iterable[AcceptedEvent], *, now: int) -> None:
    """Store the parcels of events that a request accepted; those that came one by one are left out.

    A parcel that cannot be stored is no failure of the request.
    """
    together: dict[ParcelKey, list[AcceptedEvent]] = {}
    for event in events:
        if event.in_parcel:
            key = ParcelKey(bucket_of(event), event.request)
            together.setdefault(key, []).append(event)
    of_usage: dict[tuple[UsageKey, bytes], list[Parcel]] = {}
    for key, some in together.items():
        parcel = Parcel(key, measure_from_text(some[0].measure), [_row(event) for event in some])
        of_usage.setdefault((_usage_of(key.bucket), key.maker), []).append(parcel)
    for made in of_usage.values():
        try:
            parcels.put_parcels(made, now=now)
        except (Throttled, ClientError, BotoCoreError) as error:
            logger.warning("no parcel", **failure(error))


def bucket_of(event: AcceptedEvent) -> BucketKey:
    """The bucket that counts an event."""
    hour = event.timestamp // HOUR_SECONDS
    cell = cell_from_text(event.measure)
    return BucketKey(event.livemode, event.meter, event.customer, hour, cell)


def _usage_of(bucket: BucketKey) -> UsageKey:
    return UsageKey(bucket.livemode, bucket.meter, bucket.customer)


def without_those_in_parcels(records: Sequence[Record]) -> Sequence[Record]:
    """The records of a batch less those of events that a parcel has: it is counted, or was."""
    # Most records are none, and each is looked at: no function is called for it.
    marked = [
        record
        for record in records
        if "in_parcel" in record["dynamodb"].get("NewImage", ()) and _is_marked(record)
    ]
    if not marked:
        return records
    places = {id(record): place for record in marked if (place := _place_in_parcel(record))}
    try:
        found = parcels.identities_in({key for key, _ in places.values()})
    except (Throttled, ClientError, BotoCoreError) as error:
        logger.warning("parcels not read", **failure(error))
        return records
    done = {one for one, (key, identity) in places.items() if identity in found.get(key, ())}
    return [record for record in records if id(record) not in done]


def those_among(records: Sequence[Record]) -> list[Record]:
    """The records of a stream that show parcels, and not events."""
    own = parcels.OWN_ATTRIBUTE
    return [record for record in records if own in record["dynamodb"].get("NewImage", ())]


def parcels_of(record: Record) -> list[Parcel]:
    """The parcels in a record of a stream."""
    return parcels.parcels_of(record["dynamodb"]["NewImage"])


def _is_marked(record: Record) -> bool:
    """Whether an event is one of a parcel's; its cancellation is not."""
    image = record["dynamodb"].get("NewImage", {})
    return "in_parcel" in image and "cancelled_at" not in image


def _place_in_parcel(record: Record) -> tuple[ParcelKey, bytes] | None:
    """The parcel that should have an event, and what shows it there; None if it cannot be read."""
    image = with_own_names(record["dynamodb"]["NewImage"])
    try:
        [identity] = identities_from_keys([image["identifier"]["S"]])
        hour = int(image["timestamp"]["N"]) // HOUR_SECONDS
        letter = image["identifier"]["S"][0]
        cell = cell_from_text(image["measure"]["S"])
        bucket = BucketKey(letter == "l", image["meter"]["S"], image["customer"]["S"], hour, cell)
        return ParcelKey(bucket, as_bytes(image["request"])), identity
    except parcels.UNREADABLE:
        return None


def _row(event: AcceptedEvent) -> Row:
    return Row(
        identity_of(event.identifier), event.timestamp, Decimal(event.value), event.accepted_at
    )
