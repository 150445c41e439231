"""The second in which one subscription ends and another begins, on a meter of one customer.

Usage is dated by the second, and a period has its first second but not that of its end. A
subscription that is cancelled bills the second of its end too, as nobody would bill that later.
Where another began in that very second, whoever came first bills it. The customer remembers who,
for that second only: whoever begins or ends a subscription writes the customer anyway.
"""

from meterline.services.billing.item_terms import counting_from
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.invoices.metered import meter_of
from meterline.store.base.documents import Body

_PRIVATE = "handover"


def begin_counting(uow: UnitOfWork, item: Body) -> Body:
    """A metered item of a subscription that begins now; it leaves out a second that is billed."""
    meter = str(meter_of(item["price"]))
    if meter in _noted(uow, "ended"):
        return counting_from(item, uow.ctx.now + 1)
    _note(uow, "begun", meter)
    return item


def end_of_final_usage(uow: UnitOfWork, item: Body) -> int:
    """Up to when a metered item of a subscription that ends now bills its usage."""
    now, meter = uow.ctx.now, str(meter_of(item["price"]))
    if int(item["created"]) < now and meter in _noted(uow, "begun"):
        return now
    _note(uow, "ended", meter)
    return now + 1


def _noted(uow: UnitOfWork, name: str) -> list[str]:
    """The meters of subscriptions that have begun, or ended with a bill, in this second."""
    notes = (uow.customer.get("_") or {}).get(_PRIVATE) or {}
    meters: list[str] = notes.get(name, []) if notes.get("at") == uow.ctx.now else []
    return meters


def _note(uow: UnitOfWork, name: str, meter: str) -> None:
    notes = {one: _noted(uow, one) for one in ("begun", "ended")}
    notes[name] = sorted({*notes[name], meter})
    private = (uow.customer.get("_") or {}) | {_PRIVATE: notes | {"at": uow.ctx.now}}
    uow.customer = uow.customer | {"_": private}
