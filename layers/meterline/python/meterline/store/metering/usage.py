"""The Usage table: one counter item for each hour of a customer's usage of a meter, and its
segments.

========  ==========================  ==========================================================
key       ``pk``                      ``sk``
========  ==========================  ==========================================================
counter   ``t#<meter>#<customer>``    ``h#<hour>``
segment   the same                    ``s#<hour>#<latest acceptance>#<version><rows><number>``
profile   the same                    ``p#<hour>`` (see ``usage_profiles``)
month     the same                    ``d#<month>`` (see ``day_totals``)
total     the same                    ``g#`` (see ``running_totals``)
========  ==========================  ==========================================================

Where a meter has dimensions, each cell of the usage (``core.metering.dimensions``) has a partition
of its own, ``t#<meter>#<customer>#<cell>``, and which there are is told by ``cells``.

A counter has its ``version``; ``sums``: how many events count, their total, the watermark, the
number of segments and the end of the newest one's key; ``rows``; and what its formula needs beside
them.

A segment is never changed after it was written; its key holds what its counter's ``watermark`` and
``version`` became, which both only grow, so that segments sort in the order in which they were
written. Of rows that were counted before it is the ``watermark`` that the counter had, and their
number follows the version, so that whoever moves the same rows makes the same segment. How counters
change: ``usage_commits``; which segments are theirs: ``segment_chain``.
"""

from calendar import timegm
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache, partial
from time import gmtime, strftime
from typing import Any, NamedTuple

from meterline.core.base.frozen import frozen
from meterline.core.metering import distinct, packed_rows, packed_samples
from meterline.core.metering.aggregation import Aggregate, Measure, Row
from meterline.core.metering.buckets import EMPTY, Bucket
from meterline.core.metering.dimensions import WHOLE
from meterline.core.metering.distinct import Distinct
from meterline.core.metering.samples import Samples
from meterline.store.base.batches import back_off, batch_get
from meterline.store.base.clients import dynamodb, query_together
from meterline.store.base.keys import mode
from meterline.store.base.settings import settings
from meterline.store.metering.segment_chain import Chain

HOUR_SECONDS = packed_rows.HOUR_SECONDS

type Item = dict[str, Any]
type Request = dict[str, Any]

_LOOKED_BACK = 2
"""So many counters are read at once to find the last event before an hour."""

_LOOKS = 4
"""How often segments are looked for: over about 280 ms."""


class BucketKey(NamedTuple):
    """Which bucket: ``hour`` counts whole hours since 1970, UTC; ``cell`` is one of a meter with
    dimensions.
    """

    livemode: bool
    meter: str
    customer: str
    hour: int
    cell: str = WHOLE

    @property
    def start(self) -> int:
        """The bucket's first second."""
        return self.hour * HOUR_SECONDS

    @property
    def partition(self) -> str:
        """The partition that it lies in."""
        return partition(self.livemode, self.meter, self.customer, self.cell)


def key_of_counter(pk: str, sk: str) -> BucketKey:
    """The bucket whose counter has this key."""
    letter, meter, customer, *cell = pk.split("#", 3)
    return BucketKey(letter == mode(livemode=True), meter, customer, _hour(sk), *cell)


def read_buckets(
    keys: Sequence[BucketKey], measures: Sequence[Measure], *, is_consistent: bool = True
) -> dict[BucketKey, Bucket]:
    """The buckets as last committed (or shortly before, for half the read units, where that will
    do); those not yet stored are empty.
    """
    by_key = {
        (key.partition, _counter_sk(key.hour)): (key, measure)
        for key, measure in zip(keys, measures, strict=True)
    }
    found = dict.fromkeys(keys, EMPTY)
    wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in by_key]
    for item in batch_get(settings().usage_table, wanted, is_consistent=is_consistent):
        key, measure = by_key[item["pk"]["S"], item["sk"]["S"]]
        found[key] = Counter(item, key.start, measure).bucket
    return found


def counters_between(
    livemode: bool,  # noqa: FBT001 - a part of the key
    meter: str,
    customer: str,
    hours: range,
    measure: Measure,
    *,
    cell: str = WHOLE,
) -> Iterator[tuple[int, "Counter"]]:
    """The counters of a range of hours, in order, as (hour, counter): at most one an hour."""
    pk = partition(livemode, meter, customer, cell)
    items = items_between(pk, _counter_sk(hours.start), _counter_sk(hours.stop - 1))
    return counters_of(items, measure)


def hours_query(key: BucketKey, hours: range, **options: Any) -> Request:  # noqa: ANN401 - of DynamoDB's Query
    """The question for the counters of a range of hours of the usage that ``key`` is of."""
    low, high = _counter_sk(hours.start), _counter_sk(hours.stop - 1)
    return query_between(key.partition, low, high, **options)


def counters_of(items: Iterable[Item], measure: Measure) -> Iterator[tuple[int, "Counter"]]:
    """Counters as (hour, counter)."""
    return map(partial(_counter, measure=measure), items)


def counters_before(
    livemode: bool,  # noqa: FBT001 - a part of the key
    meter: str,
    customer: str,
    hour: int,
    measure: Measure,
    *,
    cell: str = WHOLE,
) -> Iterator["Counter"]:
    """The counters before an hour, newest first, read as they are asked for: mostly one will do."""
    if hour <= 0:
        return
    pk = partition(livemode, meter, customer, cell)
    low, high = _counter_sk(0), _counter_sk(hour - 1)
    for item in items_between(pk, low, high, ScanIndexForward=False, Limit=_LOOKED_BACK):
        yield _counter(item, measure)[1]


def _counter(item: Item, measure: Measure) -> tuple[int, "Counter"]:
    hour = _hour(item["sk"]["S"])
    return hour, Counter(item, hour * HOUR_SECONDS, measure)


class NotVisible(Exception):  # noqa: N818 - an outcome to decide upon, not a defect
    """Segments of a counter are not there: not yet, or not any more."""


def read_segments(
    key: BucketKey, bucket: Bucket, measure: Measure, *, accepted_from: int = 0
) -> list[Row]:
    """The rows of all segments that may hold an event accepted at ``accepted_from`` or later, as of
    ``bucket``. Raises NotVisible.
    """
    found = _segments(key, bucket, measure, f"{segment_prefix(key)}{accepted_from:016d}")
    return [row for _, rows in found for row in rows]


def segments_after(
    key: BucketKey, bucket: Bucket, measure: Measure, after: str
) -> list[tuple[str, list[Row]]]:
    """The segments behind the one with the key ``after`` ("": all), as of ``bucket``, in the order
    in which they were written: the key and the rows of each. Raises NotVisible.
    """
    return _segments(key, bucket, measure, f"{after}~" if after else segment_prefix(key))


def _segments(
    key: BucketKey, bucket: Bucket, measure: Measure, low: str
) -> list[tuple[str, list[Row]]]:
    """The segments from the key ``low`` on that a counter has.

    Of the transaction that wrote it a query may show nothing for a moment: DynamoDB applies it item
    by item.
    """
    if not bucket.segments:
        return []
    pk, high = key.partition, segment_key(key, bucket)
    for attempt in range(_LOOKS):
        if attempt:
            back_off(attempt)
        items = {item["sk"]["S"]: item for item in items_between(pk, low, high)}
        if items.keys() >= newest_segments(key, bucket, low):
            chain = Chain(bucket.newest)
            own = [sk for sk in reversed(items) if chain.has(sk, items[sk])]
            unpack = partial(packed_rows.unpack, hour_start=key.start, measure=measure)
            return [(sk, unpack(items[sk]["rows"]["B"])) for sk in reversed(own)]
    raise NotVisible


def newest_segments(key: BucketKey, bucket: Bucket, low: str) -> set[str]:
    """The keys of the segments that were written last, unless they lie before ``low``."""
    newest = f"{segment_prefix(key)}{bucket.newest}"
    if not bucket.newest or newest < low:
        return set()
    return {f"{newest[:-2]}{number:02d}" for number in range(int(newest[-2:]) + 1)}


def segment_prefix(key: BucketKey) -> str:
    """What the keys of a bucket's segments begin with."""
    return f"s#{_stamp(key.hour)}#"


def segment_key(key: BucketKey, bucket: Bucket, number: int = 99) -> str:
    """The key of a segment written when its counter became ``bucket``; by default of the last one
    possible, so that all segments behind it are of later states.
    """
    place = f"{bucket.watermark:016d}#{bucket.version:08d}{number:02d}"
    return f"{segment_prefix(key)}{place}"


def key_of_moved(key: BucketKey, before: Bucket, rows: int) -> str:
    """The key of the segment of so many rows that a counter has held since it became ``before``."""
    place = f"{before.watermark:016d}#{before.version + 1:08d}{rows:03d}00"
    return f"{segment_prefix(key)}{place}"


def counter_place(key: BucketKey) -> Item:
    """The primary key of a counter."""
    return {"pk": {"S": key.partition}, "sk": {"S": _counter_sk(key.hour)}}


@frozen
class Counter:
    """A counter item as it was read: only what is asked for is unpacked, mostly not the rows."""

    item: Item
    hour_start: int
    measure: Measure

    @property
    def version(self) -> int:
        """How many commits made it what it is."""
        return int(self.item["version"]["N"])

    @property
    def aggregate(self) -> Aggregate:
        """What the events that it counts come to."""
        return self._aggregate_of(self._sums())

    def _aggregate_of(self, sums: Sequence[str]) -> Aggregate:
        count, total, *_ = sums
        item = self.item
        chosen = None
        if "chosen" in item:
            [chosen] = packed_rows.unpack(item["chosen"]["B"], self.hour_start, self.measure)
        return Aggregate(
            count=int(count),
            total=Decimal(total),
            extreme=Decimal(item["extreme"]["S"]) if "extreme" in item else None,
            chosen=chosen,
            distinct=_distinct(item) if "distinct" in item else None,
            first=int(item["first"]["N"]) if "first" in item else None,
            samples=_samples(item, self.hour_start) if "samples" in item else None,
        )

    @property
    def watermark(self) -> int:
        """The latest acceptance among its events (microseconds)."""
        return int(self._sums()[2])

    @property
    def segments(self) -> int:
        """How many segments it has."""
        return int(self._sums()[3])

    @property
    def inline(self) -> tuple[Row, ...]:
        """Its latest rows, which are in no segment."""
        return tuple(packed_rows.unpack(self.item["rows"]["B"], self.hour_start, self.measure))

    @property
    def bucket(self) -> Bucket:
        """The bucket that it holds."""
        sums = self._sums()
        _, _, watermark, segments, *newest = sums
        return Bucket(
            version=self.version,
            aggregate=self._aggregate_of(sums),
            watermark=int(watermark),
            segments=int(segments),
            inline=self.inline,
            newest="".join(newest),
        )

    def _sums(self) -> list[str]:
        sums: str = self.item["sums"]["S"]
        return sums.split(" ")


def _distinct(item: Item) -> Distinct:
    limit = int(item["sampled_below"]["S"]) if "sampled_below" in item else distinct.EVERYTHING
    return distinct.unpack(item["distinct"]["B"], limit)


def _samples(item: Item, hour_start: int) -> Samples:
    return packed_samples.unpack(item["samples"]["B"], hour_start)


def items_between(pk: str, low: str, high: str, **options: Any) -> Iterator[Item]:  # noqa: ANN401 - of DynamoDB's Query
    """The items of a partition from ``low`` to ``high``, consistently, page after page."""
    yield from _pages(query_between(pk, low, high, **options))


def query_between(pk: str, low: str, high: str, **options: Any) -> Request:  # noqa: ANN401 - of DynamoDB's Query
    """The question for them."""
    return {
        "TableName": settings().usage_table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
        "ExpressionAttributeValues": {
            ":pk": {"S": pk},
            ":low": {"S": low},
            ":high": {"S": high},
        },
        "ConsistentRead": True,
        **options,
    }


def read_together(queries: Sequence[Request]) -> list[Iterator[Item]]:
    """The items that each query finds: first pages are read at once, others as they are asked for.

    They come without threads, which would cost more than most such readings.
    """
    answers = query_together(dynamodb(), queries)
    return [_pages(query, answer) for query, answer in zip(queries, answers, strict=True)]


def _pages(query: Request, first: Item | None = None) -> Iterator[Item]:
    answer = dynamodb().query(**query) if first is None else first
    while True:
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        answer = dynamodb().query(**query, ExclusiveStartKey=answer["LastEvaluatedKey"])


def partition(livemode: bool, meter: str, customer: str, cell: str = WHOLE) -> str:  # noqa: FBT001 - a part of the key
    """The key of everything about a customer's usage of a meter, or about a cell of it."""
    whole = f"{mode(livemode)}#{meter}#{customer}"
    return f"{whole}#{cell}" if cell else whole


def _counter_sk(hour: int) -> str:
    return f"h#{_stamp(hour)}"


@lru_cache(maxsize=4_096)
def _stamp(hour: int) -> str:
    """The hour as people read it: ``2026-01-31T23``; sorts by time."""
    return strftime("%Y-%m-%dT%H", gmtime(hour * HOUR_SECONDS))


@lru_cache(maxsize=4_096)
def _hour(counter_sk: str) -> int:
    year, month, day_hour = counter_sk[2:].split("-")
    day, _, hour = day_hour.partition("T")
    return timegm((int(year), int(month), int(day), int(hour), 0, 0)) // HOUR_SECONDS
