"""The second in which one item stops counting usage and another begins, on a customer's meter.

Usage is dated by the second, and a period has its first second but not that of its end. An item
that stops counting before the end of its period (its subscription is cancelled or paused, or it is
removed) bills the second in which it stops too, since no later bill would. Where another item
begins to count in that very second, the first of both bills it. The customer remembers which:
beginning or ending a subscription writes the customer anyway. A trial's renewal comes late, and its
items begin in a second that is over: so the customer also knows which meters ended in the last
seconds in which any did.
"""

from dataclasses import replace

from meterline.services.billing.item_terms import counting_from
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.customers.customer_state import CustomerState, Handover
from meterline.services.invoices.metered import meter_of
from meterline.store.base.documents import Body

_MOST_NOTED = 2
"""Items that began on a meter: of those that begin together any other than the one that stops."""

_SECONDS_KEPT = 50
"""Seconds in which a meter ended, of before the last one: so many ends may come between a trial's
due second and its renewal, which is late by a minute, or by as long as no work is done."""


def begin_counting(uow: UnitOfWork, item: Body, at: int) -> Body:
    """A metered item that begins to count at an instant; it leaves out a second that is billed."""
    meter, notes = str(meter_of(item["price"])), _noted(uow, at)
    if meter in notes["ended"]:
        return counting_from(item, at + 1)
    began = [one for one in notes["began"].get(meter, []) if one != item["id"]]
    if len(began) < _MOST_NOTED:
        notes["began"][meter] = [*began, item["id"]]
        _note(uow, notes)
    return item


def counts_on(old: Body | None, new: Body | None) -> bool:
    """Whether an item goes on to count the meter that it counted."""
    if old is None or new is None:
        return False
    meter = meter_of(old["price"])
    return meter is not None and meter == meter_of(new["price"])


def end_of_counting(uow: UnitOfWork, item: Body) -> int:
    """Up to when a metered item bills its usage that stops counting now, within its period."""
    now, meter = uow.ctx.now, str(meter_of(item["price"]))
    notes = _noted(uow, now)
    others = [one for one in notes["began"].get(meter, []) if one != item["id"]]
    notes["began"][meter] = others
    if not others:
        notes["ended"] = sorted({*notes["ended"], meter})
    _note(uow, notes)
    return now if others else now + 1


def _noted(uow: UnitOfWork, at: int) -> Handover:
    """The items that began to count by meter, and the meters that were billed up to their end, in a
    second.
    """
    known = CustomerState.of(uow.customer).handover
    if known is None:
        return {"at": at, "began": {}, "ended": []}
    before = known.get("before", {})
    if known["at"] == at:
        began, ended = dict(known["began"]), list(known["ended"])
        return {"at": at, "began": began, "ended": ended, "before": before}
    if known["ended"]:
        before = before | {str(known["at"]): known["ended"]}
    kept = dict(sorted(before.items(), key=lambda one: int(one[0]))[-_SECONDS_KEPT:])
    return {"at": at, "began": {}, "ended": list(before.get(str(at), [])), "before": kept}


def _note(uow: UnitOfWork, notes: Handover) -> None:
    state = CustomerState.of(uow.customer)
    if state.handover is None or state.handover["at"] <= notes["at"]:
        uow.customer = replace(state, handover=notes).on(uow.customer)
