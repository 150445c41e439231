"""The second in which one item stops counting usage and another begins, on a customer's meter.

Usage is dated by the second, and a period has its first second but not that of its end. An item
that stops counting before the end of its period (its subscription is cancelled or paused, or it is
removed) also bills the second in which it stops, since no later bill would. Where another item
begins to count in that very second, the first of both bills it. The customer remembers which:
beginning or ending a subscription writes the customer anyway. A trial's renewal comes late, and its
items begin in a second that is over. So the customer also remembers which meters ended in each of
the last seconds in which any did.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.services.billing.item_terms import counting_from, usage_period
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.customers.customer_state import CustomerState, Handover
from meterline.services.invoices.metered import meter_of

if TYPE_CHECKING:
    from meterline.core.base.wire import SubscriptionItem

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
    meter, notes = str(meter_of(item["price"])), _noted(uow, at)
    if meter in notes["ended"]:
        return counting_from(item, at + 1)
    began = [item_id for item_id in notes["began"].get(meter, []) if item_id != item["id"]]
    if len(began) < _MOST_NOTED:
        notes["began"][meter] = [*began, item["id"]]
        _note(uow, notes)
    return item


def counts_on(old: "SubscriptionItem | None", new: "SubscriptionItem | None") -> bool:
    """Whether an item goes on to count the meter that it counted."""
    if old is None or new is None:
        return False
    meter = meter_of(old["price"])
    return meter is not None and meter == meter_of(new["price"])


def end_of_counting(uow: UnitOfWork, item: "SubscriptionItem") -> int:
    """Up to when a metered item bills its usage if it stops counting now, within its period."""
    now, meter = uow.ctx.now, str(meter_of(item["price"]))
    notes = _noted(uow, now)
    others = [item_id for item_id in notes["began"].get(meter, []) if item_id != item["id"]]
    notes["began"][meter] = others
    if not others:
        notes["ended"] = sorted({*notes["ended"], meter})
    _note(uow, notes)
    return now if others else now + 1


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
        return {"at": at, "began": began, "ended": ended, "before": earlier}
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
