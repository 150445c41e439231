"""The events behind a number: why a customer used 1,234 units.

Counted rows lead back to their events, so no index is needed; a page reads the counters of the
range and the rows of the hours that it shows. A meter with a window counts one event of each: its
only the counters show which.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import batched
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.metering.acceptance import measure_of
from meterline.core.metering.aggregation import Row
from meterline.services.metering.accept import event_body
from meterline.services.metering.series import Series
from meterline.services.metering.usage_query import counting_rows, rows_of_hour
from meterline.store.base.batches import GET_LIMIT
from meterline.store.metering import meter_events, usage
from meterline.store.metering.meter_events import AcceptedEvent
from meterline.store.metering.usage import HOUR_SECONDS

if TYPE_CHECKING:
    from meterline.core.base.wire import CountedEvent, Meter

_ID_PREFIX = "mtrevt_"
_ID = re.compile(rf"{_ID_PREFIX}(\d{{1,10}})_([0-9a-f]{{32}})", re.ASCII)

type Place = tuple[int, bytes]
"""Where an event stands in the list: its time, then its identity."""


@frozen
class EventRange:
    """Which events: by their time, ``start`` inclusive to ``end`` exclusive, and by their receipt,
    ``created_from`` to ``created_until`` inclusive (None: whenever). All in UTC seconds.
    """

    start: int
    end: int
    created_from: int | None = None
    created_until: int | None = None

    @property
    def is_by_receipt(self) -> bool:
        """Whether the time of receipt decides too."""
        return self.created_from is not None or self.created_until is not None

    def holds(self, created: int | None) -> bool:
        """Whether an event received then is meant (None: forgotten, no filter by receipt fits)."""
        if created is None:
            return not self.is_by_receipt
        return (self.created_from or 0) <= created and (
            self.created_until is None or created <= self.created_until
        )


def counted_events(
    meter: "Meter",
    customer_id: str,
    span: EventRange,
    *,
    livemode: bool,
    older_than: str | None = None,
    at_once: int = GET_LIMIT,
) -> "Iterator[CountedEvent]":
    """The ``billing.meter_event`` bodies that count in a range, newest first, read as asked for.

    ``at_once`` are read at a time. Each has an ``id``, which ``older_than`` takes; another value is
    refused. Events that the table no longer keeps are shown by their time and value alone, with
    ``identifier`` null.
    """
    if span.end <= span.start:
        raise BillingError("end_time must be after start_time.", param="end_time")
    whole = Series(livemode, meter["id"], customer_id, measure_of(meter))
    series = whole.between(span.start, span.end)
    last = None if older_than is None else _place_of(older_than)
    rows = (row for row in _rows(series, span, last) if last is None or _place(row) < last)
    return _bodies(meter, series, span, rows, min(at_once, GET_LIMIT))


def _bodies(
    meter: "Meter", series: Series, span: EventRange, rows: Iterator[Row], at_once: int
) -> "Iterator[CountedEvent]":
    """The events of rows, as far as the time of their receipt is meant."""
    for batch in batched(rows, at_once, strict=False):
        identities = [row.identity for row in batch]
        found = {
            meter_events.identity_of(event.identifier): event
            for event in meter_events.read_identities(series.livemode, identities)
        }
        for row in batch:
            event = found.get(row.identity)
            shown: CountedEvent
            if event and _is_of(event, row, series):
                shown = {"id": _id(row), **event_body(event)}
            else:
                shown = _forgotten(meter, row, series)
            if span.holds(shown["created"]):
                yield shown


def _is_of(event: AcceptedEvent, row: Row, series: Series) -> bool:
    """Whether a row is this event's: a forgotten one's identifier may be another's by now."""
    return (event.meter, event.customer, event.timestamp) == (
        series.meter,
        series.customer,
        row.timestamp,
    )


def _rows(series: Series, span: EventRange, last: Place | None) -> Iterator[Row]:
    """The counting rows of a range, newest first."""
    until = span.end if last is None else min(span.end, last[0] + 1)
    window = series.measure.window
    if window is None:
        yield from _rows_of_hours(series, span, until)
        return
    yield from sorted(counting_rows(series, window, span.start, until), key=_place, reverse=True)


def _rows_of_hours(series: Series, span: EventRange, until: int) -> Iterator[Row]:
    """Those of a meter without a window, an hour at a time.

    Segments in which nothing was received late enough are not read.
    """
    hours = range(span.start // HOUR_SECONDS, -(-until // HOUR_SECONDS))
    if not hours:
        return
    accepted_from = (span.created_from or 0) * 1_000_000
    late_enough = defaultdict(list)
    which = series.livemode, series.meter, series.customer
    for cell in series.by_cell():
        for hour, counter in usage.counters_between(
            *which, hours, series.measure, cell=cell.cells[0]
        ):
            if counter.watermark >= accepted_from:
                late_enough[hour].append(cell)
    for hour, cells in sorted(late_enough.items(), reverse=True):
        rows = [
            row for cell in cells for row in rows_of_hour(cell, hour, accepted_from=accepted_from)
        ]
        inside = [row for row in rows if span.start <= row.timestamp < span.end]
        yield from sorted(inside, key=_place, reverse=True)


def _place(row: Row) -> Place:
    return row.timestamp, row.identity


def _id(row: Row) -> str:
    return f"{_ID_PREFIX}{row.timestamp}_{row.identity.hex()}"


def _place_of(event_id: str) -> Place:
    """The place in an id: the event need not be kept any more."""
    found = _ID.fullmatch(event_id)
    if found is None:
        raise BillingError(
            f"No such meter event: '{event_id}'", code="resource_missing", param="starting_after"
        )
    return int(found[1]), bytes.fromhex(found[2])


def _forgotten(meter: "Meter", row: Row, series: Series) -> "CountedEvent":
    """An event of which only its row is left: with its value, unless only the digest is kept."""
    payload = {meter["customer_mapping"]["event_payload_key"]: series.customer}
    if not series.measure.has_digests:
        payload[meter["value_settings"]["event_payload_key"]] = format(row.value, "f")
    return {
        "id": _id(row),
        "object": "billing.meter_event",
        "created": None,
        "event_name": meter["event_name"],
        "identifier": None,
        "livemode": series.livemode,
        "payload": payload,
        "timestamp": row.timestamp,
    }
