"""The events behind a number: why a customer used 1,234 units.

Counted rows lead back to their events, so no index is needed; a page reads the counters of the
range and the rows of the hours that it shows.
"""

from collections.abc import Iterator
from itertools import islice

from meterline.core.aggregation import Row
from meterline.core.errors import BillingError
from meterline.core.metering import measure_of
from meterline.services.ingest import event_body
from meterline.services.summaries import Body, Series, rows_of_hour
from meterline.store import meter_events, usage
from meterline.store.usage import HOUR_SECONDS

type Place = tuple[int, bytes]
"""Where an event stands in the list: its time, then its identity."""


def list_counted_events(
    meter: Body,
    customer_id: str,
    start: int,
    end: int,
    *,
    livemode: bool,
    limit: int,
    starting_after: str | None = None,
) -> tuple[list[Body], bool]:
    """A page of the ``billing.meter_event`` bodies that count in a range, newest first.

    Also says whether more follow. Events that the table no longer keeps are shown by their time and
    value alone, with ``identifier`` null. Raises BillingError for an unknown ``starting_after``.
    """
    if end <= start:
        raise BillingError("end_time must be after start_time.", param="end_time")
    series = Series(livemode, meter["id"], customer_id, measure_of(meter))
    last = None if starting_after is None else _place_of(livemode, starting_after)
    rows = (row for row in _rows(series, start, end, last) if last is None or _place(row) < last)
    page = list(islice(rows, limit + 1))
    shown = page[:limit]
    found = {
        meter_events.identity_of(event.identifier): event
        for event in meter_events.read_identities(livemode, [row.identity for row in shown])
    }
    bodies = [
        event_body(found[row.identity]) if row.identity in found else _forgotten(meter, row, series)
        for row in shown
    ]
    return bodies, len(page) > limit


def _rows(series: Series, start: int, end: int, last: Place | None) -> Iterator[Row]:
    """The counting rows of a range, newest first, an hour at a time."""
    until = end if last is None else min(end, last[0] + 1)
    hours = range(start // HOUR_SECONDS, -(-until // HOUR_SECONDS))
    if not hours:
        return
    stored = usage.buckets_between(
        series.livemode, series.meter, series.customer, hours, series.measure
    )
    for hour in [hour for hour, _ in stored][::-1]:
        inside = [row for row in rows_of_hour(series, hour) if start <= row.timestamp < end]
        yield from sorted(inside, key=_place, reverse=True)


def _place(row: Row) -> Place:
    return row.timestamp, row.identity


def _place_of(livemode: bool, identifier: str) -> Place:  # noqa: FBT001 - a part of the key
    event = meter_events.read([(livemode, identifier)]).get(identifier)
    if event is None:
        raise BillingError(
            f"No such meter event: '{identifier}'", code="resource_missing", param="starting_after"
        )
    return event.timestamp, meter_events.identity_of(identifier)


def _forgotten(meter: Body, row: Row, series: Series) -> Body:
    return {
        "object": "billing.meter_event",
        "created": None,
        "event_name": meter["event_name"],
        "identifier": None,
        "livemode": series.livemode,
        "payload": {
            meter["customer_mapping"]["event_payload_key"]: series.customer,
            **_value(meter, row, series),
        },
        "timestamp": row.timestamp,
    }


def _value(meter: Body, row: Row, series: Series) -> dict[str, str]:
    """The payload's value, unless its digest is all that is left of it."""
    if series.measure.has_digests:
        return {}
    return {meter["value_settings"]["event_payload_key"]: format(row.value, "f")}
