"""The second in which one item stops counting usage and another begins, on a customer's meter.

Usage is dated by the second, and a period has its first second but not that of its end. An item
that stops counting before the end of its period (its subscription is cancelled or paused, or it is
removed) also bills the second in which it stops, since no later bill would. One that a schedule
ends does not: what it sold was agreed on up to that second. Where another item
begins to count in that very second, the first of both bills it. The customer remembers which:
beginning or ending a subscription writes the customer anyway. A trial's renewal comes late, and its
items begin in a second that is over. So the customer also remembers which meters ended in each of
the last seconds in which any did.

A threshold that resets the cycle bills the present second of an item that goes on. If the item
stops in that second all the same, it has it, and those that began in it leave it out.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.services.billing.item_terms import (
    counting_from,
    counting_not_before,
    is_metered,
    usage_period,
)
from meterline.services.billing.subscription_bodies import (
    is_ended,
    items_of,
    subscription_document,
    subscription_of_item_id,
    with_items,
)
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.price_segments import counted_by
from meterline.services.customers.customer_state import CustomerState, Handover

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meterline.core.base.wire import Subscription, SubscriptionItem
    from meterline.store.base.documents import Document

_MOST_NOTED = 2
"""Items noted as begun on a meter in one second. Two suffice: the item that stops may be one of
them, and asks whether another began."""

_SECONDS_REMEMBERED = 50
"""Seconds in which a meter ended, before the last one. A trial's renewal is late by a minute, or by
as long as no work is done; so many ends may come between its due second and it."""


def begin_counting(uow: UnitOfWork, item: "SubscriptionItem", at: int) -> "SubscriptionItem":
    """A metered item that begins to count at an instant; it leaves out a second that is billed.

    What it left out of another meter, which it counted before, does not hold for this one.
    """
    if usage_period(item).start != at:
        item = counting_from(item, at)
    meter, notes = str(counted_by(item["price"])), _noted(uow, at)
    if meter in notes["ended"]:
        return counting_from(item, at + 1)
    began = [item_id for item_id in notes["began"].get(meter, []) if item_id != item["id"]]
    if len(began) < _MOST_NOTED:
        notes["began"][meter] = [*began, item["id"]]
        _note(uow, notes)
    return item


def counts_on(old: "SubscriptionItem | None", new: "SubscriptionItem | None") -> bool:
    """Whether an item goes on to count the meter, or the segment of it, that it counted."""
    if old is None or new is None:
        return False
    meter = counted_by(old["price"])
    return meter is not None and meter == counted_by(new["price"])


def end_of_counting(uow: UnitOfWork, item: "SubscriptionItem") -> int:
    """Up to when a metered item bills its usage if it stops counting now, within its period."""
    keep_billed_second(uow, [item])
    now, meter = uow.ctx.now, str(counted_by(item["price"]))
    notes = _noted(uow, now)
    others = [item_id for item_id in notes["began"].get(meter, []) if item_id != item["id"]]
    notes["began"][meter] = others
    has_billed = item["id"] in notes.get("billed", {}).get(meter, ())
    stops_before = bool(others) or (uow.is_scheduled and not has_billed)
    if not stops_before:
        notes["ended"] = sorted({*notes["ended"], meter})
    _note(uow, notes)
    return now if stops_before else now + 1


def note_billed_second(uow: UnitOfWork, item: "SubscriptionItem") -> None:
    """Note that a metered item bills the present second, though it goes on to count."""
    meter, notes = str(counted_by(item["price"])), _noted(uow, uow.ctx.now)
    billed = notes.get("billed", {})
    _note(uow, {**notes, "billed": {**billed, meter: [*billed.get(meter, []), item["id"]]}})


def keep_billed_second(
    uow: UnitOfWork, items: "Iterable[SubscriptionItem]"
) -> set[tuple[str, str]]:
    """Let items that stop counting now have the present second if they have billed it already.

    Those that began to count in it leave it out; returns their ids and meters, as the caller may
    store some.
    """
    notes = _noted(uow, uow.ctx.now)
    leaving: set[tuple[str, str]] = set()
    for item in filter(is_metered, items):
        meter = str(counted_by(item["price"]))
        if item["id"] not in notes.get("billed", {}).get(meter, ()):
            continue
        others = {*notes["began"].pop(meter, ())} - {item["id"]}
        notes["ended"] = sorted({*notes["ended"], meter})
        _note(uow, notes)
        for item_id in sorted(others):
            _leave_out(uow, item_id, meter)
        leaving |= {(item_id, meter) for item_id in others}
    return leaving


def _leave_out(uow: UnitOfWork, item_id: str, meter: str) -> None:
    """Let an item that began to count a meter in the present second leave it out, if it still
    counts it.
    """
    subscription_id = subscription_of_item_id(item_id)
    stored: Document[Subscription] | None = uow.read([subscription_id]).get(subscription_id)
    if stored is None or is_ended(stored.body):
        return
    items = [
        counting_not_before(item, uow.ctx.now + 1)
        if (item["id"], counted_by(item["price"])) == (item_id, meter)
        else item
        for item in items_of(stored.body)
    ]
    if items != items_of(stored.body):
        uow.put(subscription_document(with_items(stored.body, items), stored))


def _noted(uow: UnitOfWork, at: int) -> Handover:
    """What the customer remembers of a second: the items that began to count in it by meter, and
    the meters that were billed up to its end.
    """
    last = CustomerState.of(uow.customer).handover
    if last is None:
        return {"at": at, "began": {}, "ended": []}
    earlier = last.get("before", {})
    if last["at"] == at:
        began, ended = dict(last["began"]), list(last["ended"])
        same: Handover = {"at": at, "began": began, "ended": ended, "before": earlier}
        return {**same, "billed": last["billed"]} if "billed" in last else same
    if last["ended"]:
        earlier = earlier | {str(last["at"]): last["ended"]}
    by_second = sorted(earlier.items(), key=lambda second: int(second[0]))
    return {
        "at": at,
        "began": {},
        "ended": list(earlier.get(str(at), [])),
        "before": dict(by_second[-_SECONDS_REMEMBERED:]),
    }


def _note(uow: UnitOfWork, notes: Handover) -> None:
    state = CustomerState.of(uow.customer)
    if state.handover is None or state.handover["at"] <= notes["at"]:
        uow.customer = replace(state, handover=notes).on(uow.customer)
