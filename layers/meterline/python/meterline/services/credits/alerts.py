"""Alerts on the balance of billing credits: told by the commit that takes the balance across.

Every commit that changes a customer's credits compares the balance of before with that of after.
The customer remembers on which side it was, so each crossing is told once, whatever is repeated or
done at once. The balance is what the ledger has of grants that are effective.
"""

from collections.abc import Iterator
from dataclasses import field, replace
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.credits.grants import pays_for_each
from meterline.core.credits.measures import PARTS
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.outbox import EventDraft
from meterline.services.credits.balances import balances_of, ledger_minor
from meterline.services.credits.credit_amounts import units_text
from meterline.services.customers.customer_state import CreditAlert, CustomerState
from meterline.services.metering.crossings import (
    TRIGGER_KIND,
    Action,
    StoredNotification,
    notifications_of,
)
from meterline.store.base.documents import Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Alert,
        AlertRecovered,
        AlertTriggered,
        CreditUnits,
        Customer,
    )


@frozen
class Crossings:
    """The customer after its alerts were compared, and what the same commit records and tells."""

    customer: "Customer"
    records: list[Document[StoredNotification]] = field(default_factory=list)
    events: list[EventDraft] = field(default_factory=list)


def compared(ctx: Context, before: "Customer", after: "Customer") -> Crossings:
    """Compare the alerts of a customer, whose credits a commit changes, with their balances then.

    An alert whose own balance does not change is not looked at. Alerts are read only when one is
    crossed.
    """
    alerts = CustomerState.of(after).credit_alerts
    if not alerts or balances_of(before) == balances_of(after):
        return Crossings(after)
    values = {entry["alert"]: _balance(after, entry, ctx.now) for entry in alerts}
    changed = [
        entry | {"is_below": values[entry["alert"]] <= entry["lte"]}
        if values[entry["alert"]] != _balance(before, entry, ctx.now)
        else entry
        for entry in alerts
    ]
    crossed = [entry for entry, former in zip(changed, alerts, strict=True) if entry != former]
    if not crossed:
        return Crossings(after)
    customer = replace(CustomerState.of(after), credit_alerts=changed).on(after)
    told = list(_told(ctx, customer["id"], crossed, values))
    return Crossings(customer, [record for record, _ in told], [event for _, event in told])


def _told(
    ctx: Context, customer_id: str, crossed: list[CreditAlert], values: dict[str, int]
) -> Iterator[tuple[Document[StoredNotification], EventDraft]]:
    found: dict[str, Document[Alert]] = ctx.store.get_many(entry["alert"] for entry in crossed)
    for entry in crossed:
        document = found.get(entry["alert"])
        if document is None:
            continue
        action: Action = "triggered" if entry["is_below"] else "recovered"
        fields = _fields(ctx, document.body, customer_id, values[entry["alert"]], action)
        stored: StoredNotification = {
            "id": new_object_id(TRIGGER_KIND),
            "action": action,
            "created": ctx.now,
            "event": None,
            "subscription": None,
            "told": fields,
        }
        parent = notifications_of(document.id, customer_id)
        record = Document(TRIGGER_KIND, ctx.livemode, stored, parent=parent)
        yield record, EventDraft(f"billing.alert.{action}", fields, record=record.id)


def _fields(
    ctx: Context, alert: "Alert", customer_id: str, value: int, action: Action
) -> "AlertTriggered | AlertRecovered":
    terms = alert["credit_balance_threshold"]["lte"]
    money, asked = terms["monetary"], terms["custom_pricing_unit"]
    units: CreditUnits | None = asked and {"id": asked["id"], "value": units_text(value)}
    fields: AlertTriggered = {
        "object": TRIGGER_KIND,
        "alert": alert,
        "created": ctx.now,
        "currency": money and money["currency"],
        "custom_pricing_unit": units,
        "customer": customer_id,
        "external_customer_id": None,
        "livemode": ctx.livemode,
        "value": value // PARTS if units else value,
    }
    if action == "triggered":
        return {**fields, "triggered_at": ctx.now}
    return {**fields, "object": "billing.alert_recovered"}


def _balance(customer: "Customer", entry: CreditAlert, now: int) -> int:
    return sum(
        ledger_minor(balance, now)
        for balance in balances_of(customer)
        if balance["currency"] == entry["currency"] and pays_for_each(balance, entry["prices"])
    )
