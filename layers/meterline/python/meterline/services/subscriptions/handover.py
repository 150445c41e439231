"""The second in which one subscription ends and another begins, on a meter of one customer.

Usage is dated by the second, and a period has its first second but not that of its end. A
subscription that is cancelled bills the second of its end too, as nobody would bill that later.
Where another began in that very second, whoever came first bills it. The customer remembers who,
for that second only: whoever begins or ends a subscription writes the customer anyway.
"""

from meterline.services.billing.item_terms import counting_from
from meterline.services.billing.ledger import Ledger
from meterline.services.invoices.metered import meter_of
from meterline.store.base.documents import Body

_PRIVATE = "handover"


def begin_counting(ledger: Ledger, item: Body) -> Body:
    """A metered item of a subscription that begins now; it leaves out a second that is billed."""
    meter = str(meter_of(item["price"]))
    if meter in _noted(ledger, "ended"):
        return counting_from(item, ledger.ctx.now + 1)
    _note(ledger, "begun", meter)
    return item


def end_of_final_usage(ledger: Ledger, item: Body) -> int:
    """Up to when a metered item of a subscription that ends now bills its usage."""
    now, meter = ledger.ctx.now, str(meter_of(item["price"]))
    if int(item["created"]) < now and meter in _noted(ledger, "begun"):
        return now
    _note(ledger, "ended", meter)
    return now + 1


def _noted(ledger: Ledger, name: str) -> list[str]:
    """The meters of subscriptions that have begun, or ended with a bill, in this second."""
    notes = (ledger.account.get("_") or {}).get(_PRIVATE) or {}
    meters: list[str] = notes.get(name, []) if notes.get("at") == ledger.ctx.now else []
    return meters


def _note(ledger: Ledger, name: str, meter: str) -> None:
    notes = {one: _noted(ledger, one) for one in ("begun", "ended")}
    notes[name] = sorted({*notes[name], meter})
    private = (ledger.account.get("_") or {}) | {_PRIVATE: notes | {"at": ledger.ctx.now}}
    ledger.account = ledger.account | {"_": private}
