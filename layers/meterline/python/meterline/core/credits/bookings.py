"""Bookings: which entries of the ledger of billing credits are there, of those beside a commit.

An invoice with many lines has more entries than one transaction takes. They are written before the
commit that takes the credits, and name the booking that it stores: without it they are not there.
"""

from collections.abc import Mapping
from typing import Any, TypedDict

from meterline.core.base.private_state import private_value

KIND = "creditbooking"


class Booking(TypedDict):
    """A booking as it is stored; that it is there is all that it says."""

    id: str
    created: int
    customer: str


def booking_of(entry: Mapping[str, Any]) -> str | None:
    """The id of the booking that makes an entry seen; None of one that its own commit stored."""
    booking: str | None = private_value(entry, "booking")
    return booking


def as_booked(entry: Mapping[str, Any], booking: Booking) -> Mapping[str, Any]:  # noqa: ARG001 - of every batch
    """An entry whose booking is there: as it was written."""
    return entry
