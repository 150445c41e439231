"""Parcels in the Usage table: the rows of many events of one bucket, to be counted at once.

The shards of a stream scatter the events of a request by their digests, so that each brings a few
to the same counter. A parcel keeps them together on its way to counting. All parcels of a counter
come on a few lanes, and each lane is a partition: one shard, one consumer. The parcels that one
request makes of a customer's usage of a meter are one item.

A parcel only proves that somebody else will count its events; a row that comes from it is counted
as any other, once.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from meterline.core.metering import packed_rows
from meterline.core.metering.acceptance import measure_from_text, measure_text
from meterline.core.metering.aggregation import Measure, Row, Window
from meterline.store.base.batches import batch_get
from meterline.store.base.clients import dynamodb
from meterline.store.base.keys import mode
from meterline.store.base.settings import settings
from meterline.store.base.stream_images import as_bytes
from meterline.store.metering.usage import BucketKey

LANES = 2
"""How many consumers may bring parcels to one counter.

Two share what is read of the parcels of 10,000 events a second: on any number of shards 5,000 units
at most, of 3,000 that a partition gives. More would race for the counter.
"""

KEPT_SECONDS = 2 * 86_400
"""Longer than a stream holds the records of its events; without it they are counted one by one."""

_PREFIX = "parcel"

UNREADABLE = (ArithmeticError, LookupError, TypeError, ValueError)
"""What reading raises of a parcel, or an event, that another release wrote or that is spoiled."""

type Item = dict[str, Any]


class ParcelKey(NamedTuple):
    """Which parcel: its bucket, and the bytes of whoever made it (a request)."""

    bucket: BucketKey
    maker: bytes


class Parcel(NamedTuple):
    """Rows of one bucket, with their acceptance whatever the measure."""

    key: ParcelKey
    measure: Measure
    rows: Sequence[Row]


def put_parcel(parcel: Parcel, *, now: int) -> None:
    """Store a parcel (UTC seconds of the wall clock), in place of what is of the same maker."""
    put_parcels([parcel], now=now)


def put_parcels(together: Sequence[Parcel], *, now: int) -> None:
    """The same with the parcels of one maker of a customer's usage of a meter: one item."""
    first, *_ = together
    item: Item = {
        **_place(first.key),
        "measure": {"S": measure_text(first.measure)},
        "expires_at": {"N": str(now + KEPT_SECONDS)},
    }
    for key, measure, rows in together:
        packed = packed_rows.pack(rows, key.bucket.start, _with_receipts(measure))
        item[f"{key.bucket.hour}#{key.bucket.cell}"] = {"B": packed}
    dynamodb().put_item(TableName=settings().usage_table, Item=item)


OWN_ATTRIBUTE = "pk"
"""What tells a parcel from an event, in a record of a stream."""


def identities_in(keys: Iterable[ParcelKey]) -> dict[ParcelKey, frozenset[bytes]]:
    """The events in the parcels with these keys that are there, eventually consistent.

    A parcel that cannot be read has none: its events are counted alone, as without it.
    """
    places = {tuple(value["S"] for value in _place(key).values()) for key in keys}
    wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in sorted(places)]
    found: dict[ParcelKey, frozenset[bytes]] = {}
    for item in batch_get(settings().usage_table, wanted, is_consistent=False):
        with suppress(*UNREADABLE):
            for parcel in parcels_of(item):
                found[parcel.key] = frozenset(row.identity for row in parcel.rows)
    return found


def parcels_of(image: Mapping[str, Any]) -> list[Parcel]:
    """The parcels in an item, as the table or its stream shows it.

    An item from before has one, and names its bucket in its key.
    """
    letter, _, meter, customer, _, *cell = image["pk"]["S"].split("#")
    *hour, maker = image["sk"]["S"].removeprefix("q#").split("#")
    measure = measure_from_text(image["measure"]["S"])
    places = {name: name.split("#") for name in image if "#" in name}
    if hour:
        places = {"rows": [*hour, *cell]}
    if not places:
        raise ValueError("a parcel without rows")
    found: list[Parcel] = []
    for name, (of_hour, *of_cell) in places.items():
        key = BucketKey(letter == mode(livemode=True), meter, customer, int(of_hour), *of_cell)
        rows = packed_rows.unpack(as_bytes(image[name]), key.start, _with_receipts(measure))
        found.append(Parcel(ParcelKey(key, bytes.fromhex(maker)), measure, rows))
    return found


def _with_receipts(measure: Measure) -> Measure:
    """A measure whose rows keep their acceptance, which counting asks for first."""
    return Measure(measure.formula, measure.window or Window.HOUR)


def _place(key: ParcelKey) -> Item:
    livemode, meter, customer, *_ = key.bucket
    lane = key.maker[-1] % LANES
    return {
        "pk": {"S": f"{mode(livemode)}#{_PREFIX}#{meter}#{customer}#{lane}"},
        "sk": {"S": f"q#{key.maker.hex()}"},
    }
