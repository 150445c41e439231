"""Meters and customers as ingestion needs them, read from the Billing table on the plain client.

An event name leads to the same meter for ever, so that is remembered without end. Live meters and
customers are remembered for a minute; in test mode, where clocks move, they are read each time.
"""

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.core.metering.acceptance import MeterRules, meter_rules
from meterline.store.base.batches import batch_get
from meterline.store.base.documents import Body
from meterline.store.base.keys import can_be_stored, claim_key, object_key
from meterline.store.base.packing import unpack
from meterline.store.base.settings import settings

CACHE_SECONDS = 60
CACHE_ENTRIES = 10_000
METER_CLAIM = "meter_event_name"


class Remembered[T]:
    """Values that were found, for some seconds and up to a number of entries."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: dict[str, tuple[float, T]] = {}

    def forget(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def find(self, names: set[str], look_up: Callable[[set[str]], dict[str, T]]) -> dict[str, T]:
        """The values of ``names``; ``look_up`` finds those not remembered."""
        oldest = time.monotonic() - self._seconds
        known = {
            name: entry[1]
            for name in names
            if (entry := self._entries.get(name)) and entry[0] > oldest
        }
        missing = names - known.keys()
        if not missing:
            return known
        found = look_up(missing)
        if len(self._entries) + len(found) > CACHE_ENTRIES:
            self._entries.clear()
        moment = time.monotonic()
        self._entries.update({name: (moment, value) for name, value in found.items()})
        return known | found


_meter_ids = {mode: Remembered[str](math.inf) for mode in (False, True)}
_live_meters = Remembered[MeterRules](CACHE_SECONDS)
_live_customers = Remembered[int | None](CACHE_SECONDS)


@frozen
class StoredDirectory:
    """The meters and customers of one mode."""

    livemode: bool

    def meters(self, event_names: set[str]) -> dict[str, MeterRules]:
        """The meters of these event names, by event name; unknown names are absent."""
        if self.livemode:
            return _live_meters.find(event_names, self._read_meters)
        return self._read_meters(event_names)

    def customers(self, customer_ids: set[str]) -> dict[str, int | None]:
        """Of these customers that exist: the time of their test clock, None on the wall clock."""
        if self.livemode:
            return _live_customers.find(customer_ids, self._read_customers)
        return self._read_customers(customer_ids)

    def _read_meters(self, event_names: set[str]) -> dict[str, MeterRules]:
        ids = _meter_ids[self.livemode].find(event_names, self._read_meter_ids)
        rules = map(meter_rules, self._read_bodies(ids.values()).values())
        return {rule.event_name: rule for rule in rules}

    def _read_meter_ids(self, event_names: set[str]) -> dict[str, str]:
        names = {claim_key(self.livemode, METER_CLAIM, name): name for name in event_names}
        return {names[item["pk"]["S"]]: item["holder"]["S"] for item in _items(names)}

    def _read_customers(self, customer_ids: set[str]) -> dict[str, int | None]:
        customers = {
            customer_id: body.get("test_clock")
            for customer_id, body in self._read_bodies(customer_ids).items()
            if body.get("object") == "customer" and not body.get("deleted")
        }
        clocks = self._read_bodies({clock for clock in customers.values() if clock})
        times = {clock: body.get("frozen_time") for clock, body in clocks.items()}
        return {
            customer_id: times[clock] if clock else None
            for customer_id, clock in customers.items()
            if clock is None or times.get(clock) is not None  # a deleted clock takes its customers
        }

    def _read_bodies(self, ids: Iterable[str]) -> dict[str, Body]:
        """The objects with these ids that exist; the ids are what senders of events wrote."""
        keys = {object_key(self.livemode, id_): id_ for id_ in ids if can_be_stored(id_)}
        read = _lately if self.livemode else _items
        return {
            keys[item["pk"]["S"]]: unpack(item["body"]["B"])
            for item in read(keys)
            if "body" in item
        }


def forget_directory() -> None:
    """Forget everything remembered (for tests)."""
    for ids in _meter_ids.values():
        ids.forget()
    _live_meters.forget()
    _live_customers.forget()


def _lately(partitions: Iterable[str]) -> Iterable[dict[str, Any]]:
    """The items as they were written lately, for half the price; what is not there yet as last
    written. They are remembered for longer than they may be out of date.
    """
    wanted = list(partitions)
    found = list(_items(wanted, is_consistent=False))
    missing = set(wanted) - {item["pk"]["S"] for item in found}
    return [*found, *_items(missing)]


def _items(partitions: Iterable[str], *, is_consistent: bool = True) -> Iterable[dict[str, Any]]:
    keys = [{"pk": {"S": pk}, "sk": {"S": "#"}} for pk in partitions]
    table = settings().billing_table
    return batch_get(table, keys, is_consistent=is_consistent) if keys else ()
