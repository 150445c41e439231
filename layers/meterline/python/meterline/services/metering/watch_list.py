"""Which usage is watched at all, so that a change of any other usage is looked at for nothing.

Whoever commits something that counted usage must be compared with (an alert, a threshold) enters
its subject **before** that commit. The usage watch reads the list **after** the changes that it
looks at. So a change that finds its subject not entered came before the commit, and is one that
nothing concerned yet. Entries stay; what stands for a customer stands for others too: usage that
is entered need not be watched by anything, but what is not entered is not.

Commits of alerts for all on a meter count up its **state** in the list: so whoever has read the
list knows whether those alerts are still those that something was decided on.
"""

from collections.abc import Collection, Mapping
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zlib import crc32

from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.store.billing.repository import BillingStore
from meterline.store.metering.watch_list import (
    add_entry,
    count_of,
    counts_in,
    entries_in,
    place_of,
    read_list,
)

if TYPE_CHECKING:
    from meterline.store.base.documents import Count, Document

PLACES = 4_096
"""The customers of a purpose share so many entries, and so do its meters: 20 KB at most."""


class Purpose(StrEnum):
    """What usage is watched for; the value is a part of what is stored."""

    ALERTS = "a"
    LIMITS = "l"
    THRESHOLDS = "t"


@frozen
class WatchList:
    """The list of a mode as it was read."""

    entries: frozenset[str]
    counts: Mapping[str, str] = field(default_factory=dict)

    def has_customer(self, purpose: Purpose, customer_id: str) -> bool:
        """Whether a customer may be watched for a purpose."""
        return _of_customer(purpose, customer_id) in self.entries

    def has_everybody(self, purpose: Purpose) -> bool:
        """Whether all usage may be watched for a purpose."""
        return _of_everybody(purpose) in self.entries

    def alerts_state(self, meter_id: str) -> str:
        """The state of the alerts for all on a meter: another one after each commit of one."""
        return f"list {self.counts.get(_of_meter(Purpose.ALERTS, meter_id), '0')}"

    def has_meter(self, purpose: Purpose, meter_id: str) -> bool:
        """Whether everybody's usage of a meter may be watched for a purpose."""
        return _of_meter(purpose, meter_id) in self.entries


NOTHING_ENTERED = WatchList(frozenset())


def read_watch_list(*, livemode: bool) -> WatchList:
    """The list as last written; to be read after the changes that it is asked about."""
    return _as_stored(read_list(livemode))


def read_watch_list_beside(
    store: BillingStore, object_ids: Collection[str]
) -> "tuple[WatchList, dict[str, Document | None]]":
    """The same, and at the same moment up to 99 objects, which stand for themselves; None for each
    that is not there. One request.
    """
    if not object_ids:
        return read_watch_list(livemode=store.livemode), {}
    found, item = store.get_many_beside(object_ids, place_of(store.livemode))
    return _as_stored(item), {id_: found.get(id_) for id_ in object_ids}


def _as_stored(item: Mapping[str, Any]) -> WatchList:
    return WatchList(entries_in(item), counts_in(item))


def alerts_count(ctx: Context, meter_id: str) -> "Count":
    """What each commit of an alert for all on a meter counts up."""
    return count_of(ctx.livemode, _of_meter(Purpose.ALERTS, meter_id))


def enter_customer(ctx: Context, purpose: Purpose, customer_id: str) -> None:
    """Enter a customer, whose usage is to be watched from the next commit on."""
    add_entry(ctx.livemode, _of_customer(purpose, customer_id))


def enter_everybody(ctx: Context, purpose: Purpose) -> None:
    """Have all usage watched from the next commit on."""
    add_entry(ctx.livemode, _of_everybody(purpose))


def enter_meter(ctx: Context, purpose: Purpose, meter_id: str) -> None:
    """Enter a meter: anybody's usage of it is to be watched from the next commit on."""
    add_entry(ctx.livemode, _of_meter(purpose, meter_id))


def _of_customer(purpose: Purpose, customer_id: str) -> str:
    return f"{purpose.value}c{_place(customer_id)}"


def _of_everybody(purpose: Purpose) -> str:
    return f"{purpose.value}*"


def _of_meter(purpose: Purpose, meter_id: str) -> str:
    return f"{purpose.value}m{_place(meter_id)}"


def _place(object_id: str) -> str:
    return f"{crc32(object_id.encode()) % PLACES:03x}"
