"""Bookings: which entries of the ledger of billing credits are there, of those beside a commit.

A former release wrote the entries of an invoice that had too many for one transaction before the
commit that took the credits. They name the booking that it stored: without it they are not there.
"""

from collections.abc import Mapping
from typing import Any

from meterline.core.base.private_state import private_value

KIND = "creditbooking"


def booking_of(entry: Mapping[str, Any]) -> str | None:
    """The id of the booking that makes an entry seen; None of one that its own commit stored."""
    booking: str | None = private_value(entry, "booking")
    return booking


def as_booked(entry: Mapping[str, Any], booking: object) -> Mapping[str, Any]:  # noqa: ARG001 - of every batch
    """An entry whose booking is there: as it was written."""
    return entry
