"""Profiles in the Usage table: ``p#<hour>`` beside the counter, one item for each busy hour.

A profile is replaced by a later one without a condition: one that is older costs more reading, and
says the same.
"""

from decimal import Decimal
from typing import Any

from meterline.core.base.money import format_decimal
from meterline.core.metering import packed_rows
from meterline.core.metering.aggregation import Aggregate, Measure
from meterline.core.metering.buckets import EMPTY, Bucket
from meterline.core.metering.samples import samples
from meterline.core.metering.second_profiles import Profile, Seconds
from meterline.store.base.batches import batch_get
from meterline.store.base.clients import dynamodb
from meterline.store.base.packing import pack, unpack
from meterline.store.base.settings import settings
from meterline.store.metering import usage
from meterline.store.metering.usage import BucketKey
from meterline.store.metering.usage_commits import expiry

type Item = dict[str, Any]


def read_with_profile(key: BucketKey, measure: Measure) -> tuple[Bucket, Profile]:
    """A bucket and a profile of its oldest segments, both as last written.

    The profile is never ahead of the bucket: then rows would be in it that are inline as well.
    """
    counter, profile = usage.counter_place(key), _place(key)
    while True:
        found = batch_get(settings().usage_table, [counter, profile])
        items = {item["sk"]["S"]: item for item in found}
        at_counter, at_profile = (items.get(place["sk"]["S"]) for place in (counter, profile))
        bucket = usage.Counter(at_counter, key.start, measure).bucket if at_counter else EMPTY
        known = _profile(at_profile, key, measure) if at_profile else Profile()
        if known.segments <= bucket.segments:
            return bucket, known


def read_profile(key: BucketKey, measure: Measure) -> Profile:
    """The profile of an hour; an empty one if there is none yet."""
    for item in batch_get(settings().usage_table, [_place(key)]):
        return _profile(item, key, measure)
    return Profile()


def save_profile(key: BucketKey, profile: Profile, measure: Measure, watermark: int) -> None:
    """Replace the profile of an hour; it is kept as long as its latest segment."""
    seconds = [
        [second - key.start, *_texts(part, key.start, measure)]
        for second, part in sorted(profile.seconds.items())
    ]
    item = {
        **_place(key),
        "segments": {"N": str(profile.segments)},
        "until": {"S": profile.until},
        "seconds": {"B": pack({"seconds": seconds})},
        **expiry(watermark),
    }
    dynamodb().put_item(TableName=settings().usage_table, Item=item)


def _place(key: BucketKey) -> Item:
    counter = usage.counter_place(key)
    return {"pk": counter["pk"], "sk": {"S": f"p{counter['sk']['S'][1:]}"}}


def _texts(part: Aggregate, start: int, measure: Measure) -> list[Any]:
    """What a second holds, as JSON holds it."""
    chosen = packed_rows.pack([part.chosen], start, measure).hex() if part.chosen else None
    extreme = None if part.extreme is None else format_decimal(part.extreme)
    return [part.count, format_decimal(part.total), extreme, chosen]


def _profile(item: Item, key: BucketKey, measure: Measure) -> Profile:
    seconds: Seconds = {
        key.start + offset: _aggregate(texts, offset, key.start, measure)
        for offset, *texts in unpack(item["seconds"]["B"])["seconds"]
    }
    return Profile(int(item["segments"]["N"]), item["until"]["S"], seconds)


def _aggregate(texts: list[Any], offset: int, start: int, measure: Measure) -> Aggregate:
    count, total, extreme, chosen = texts
    rows = packed_rows.unpack(bytes.fromhex(chosen or ""), start, measure)
    whole = Decimal(total)
    return Aggregate(
        count=count,
        total=whole,
        extreme=None if extreme is None else Decimal(extreme),
        chosen=next(iter(rows), None),
        first=start + offset if measure.has_levels else None,
        samples=samples([(start + offset, whole)]) if measure.has_samples else None,
    )
