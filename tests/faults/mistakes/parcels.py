"""Parcels of a request's events."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from meterline.core.metering.aggregation import Row
from meterline.services.metering import (
    contention,
    count,
    parcels,
)
from meterline.store.metering import meter_events
from meterline.store.metering import parcels as stored_parcels
from meterline.store.metering.parcels import Parcel, ParcelKey
from tests.faults.mistakes.mistake import Miscount


def events_of_a_parcel_left_to_it_unseen(patch: pytest.MonkeyPatch) -> None:
    def as_if_there(keys: Iterable[ParcelKey]) -> Mapping[ParcelKey, object]:
        return dict.fromkeys(keys, Everything())

    patch.setattr(stored_parcels, "identities_in", as_if_there)


class Everything:
    def __contains__(self, _: object) -> bool:
        return True


def a_parcel_that_was_there_first_taken_for_all(patch: pytest.MonkeyPatch) -> None:
    """The parcel is stored before its events are, whatever becomes of them."""
    in_parcels = parcels.in_parcels

    def hasty(events: Sequence[meter_events.AcceptedEvent]) -> list[meter_events.AcceptedEvent]:
        marked = in_parcels(events)
        parcels.send(marked, now=0)
        return marked

    patch.setattr(parcels, "in_parcels", hasty)


def a_parcel_that_tells_the_time_of_the_retry(patch: pytest.MonkeyPatch) -> None:
    row = parcels._row  # noqa: SLF001 - the mutation is in there

    def late(event: meter_events.AcceptedEvent) -> Row:
        return row(event)._replace(accepted_at=event.accepted_at + 10**9)

    patch.setattr(parcels, "_row", late)


def a_cancellation_left_to_the_parcel(patch: pytest.MonkeyPatch) -> None:
    def is_marked(record: count.Record) -> bool:
        return "in_parcel" in record["dynamodb"].get("NewImage", {})

    patch.setattr(parcels, "_is_marked", is_marked)


def cancellations_dropped_when_handing_over(patch: pytest.MonkeyPatch) -> None:
    put_parcel = stored_parcels.put_parcel

    def without(parcel: Parcel, *, now: int) -> None:
        rows = [row for row in parcel.rows if not row.cancels]
        if rows:
            put_parcel(parcel._replace(rows=rows), now=now)

    patch.setattr(contention, "put_parcel", without)


def a_parcel_that_failed_taken_for_handed_over(patch: pytest.MonkeyPatch) -> None:
    put_parcel = stored_parcels.put_parcel

    def hopeful(parcel: Parcel, *, now: int) -> None:
        with suppress(ClientError, ReadTimeoutError):
            put_parcel(parcel, now=now)

    patch.setattr(contention, "put_parcel", hopeful)


MISTAKES = (
    Miscount(events_of_a_parcel_left_to_it_unseen),
    Miscount(a_parcel_that_was_there_first_taken_for_all),
    Miscount(a_parcel_that_tells_the_time_of_the_retry, first=15),
    Miscount(a_cancellation_left_to_the_parcel),
    Miscount(cancellations_dropped_when_handing_over),
    Miscount(a_parcel_that_failed_taken_for_handed_over),
)
