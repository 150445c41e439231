"""Alerts: a customer's usage of a meter crossing a threshold, emitted once for life.

Alerts follow the wall clock, not test clocks, and usage from before the alert counts too (contract
section 7).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from meterline.core.base.errors import BillingError
from meterline.core.base.private_state import PrivateState
from meterline.core.metering.acceptance import measure_of
from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id, new_object_id
from meterline.services.base.limits import members, with_member, without_member
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.metering.lifetime import lifetime_usage
from meterline.store.base.documents import Body, Change, Conflict, Document

KIND = "billing.alert"
TRIGGER_KIND = "billing.alert_triggered"
_MAX_PER_METER_AND_CUSTOMER = 25
_NEXT_STATUS = {"activate": "active", "deactivate": "inactive", "archive": "archived"}


@dataclass(frozen=True, slots=True)
class AlertState(PrivateState):
    """What an alert remembers: when it was created, which Stripe's does not show."""

    created: int | None = None


def create_alert(ctx: Context, params: Body) -> Body:
    """Create an alert on a meter, for one customer or for each of them."""
    threshold = params["usage_threshold"]
    find(ctx, "billing.meter", threshold["meter"], param="usage_threshold[meter]")
    customer = _only_customer(threshold.get("filters"))
    if customer is not None:
        find(ctx, "customer", customer, param="usage_threshold[filters][0][customer]")
    body = AlertState(created=ctx.now).on(
        {
            "id": new_object_id(KIND),
            "object": KIND,
            "alert_type": params["alert_type"],
            "livemode": ctx.livemode,
            "status": "active",
            "title": params["title"],
            "usage_threshold": {
                "filters": [{"type": "customer", "customer": customer}] if customer else None,
                "gte": threshold["gte"],
                "meter": threshold["meter"],
                "recurrence": threshold["recurrence"],
            },
        }
    )
    full = BillingError(
        f"At most {_MAX_PER_METER_AND_CUSTOMER} alerts are allowed for a meter and customer:"
        " archive one that is no longer needed.",
    )
    name, most = _members_set(threshold["meter"], customer), _MAX_PER_METER_AND_CUSTOMER
    members_set = with_member(ctx, name, body["id"], most=most, refusal=full)
    ctx.save(Change(puts=[_document(ctx, body), members_set]), result_id=body["id"])
    return body


def activate_alert(ctx: Context, alert_id: str, params: Body) -> Body:  # noqa: ARG001 - a route
    """Watch usage again."""
    return _move(ctx, alert_id, "activate")


def deactivate_alert(ctx: Context, alert_id: str, params: Body) -> Body:  # noqa: ARG001 - a route
    """Stop watching usage until the alert is activated again."""
    return _move(ctx, alert_id, "deactivate")


def archive_alert(ctx: Context, alert_id: str, params: Body) -> Body:  # noqa: ARG001 - a route
    """Take an alert out of use for good."""
    return _move(ctx, alert_id, "archive")


def watch_usage(ctx: Context, meter_id: str, customer_id: str) -> list[str]:
    """Trigger the alerts that a customer's usage has crossed; returns the ids of those triggered.

    The record of a trigger exists once for an alert and customer, and holds the event in the same
    commit: so repeating the work, or doing it twice at once, emits one crossing.
    """
    waiting = list(_waiting(ctx, meter_id, customer_id))
    if not waiting:
        return []
    meter = find(ctx, "billing.meter", meter_id).body
    measure = measure_of(meter)
    total = lifetime_usage(ctx.livemode, meter_id, customer_id, measure, now=ctx.wall_clock)
    crossed = [alert for alert in waiting if total >= alert["usage_threshold"]["gte"]]
    return [alert["id"] for alert in crossed if _trigger(ctx, alert, customer_id, total)]


def _waiting(ctx: Context, meter_id: str, customer_id: str) -> Iterator[Body]:
    """The active alerts on a meter that concern the customer and have not been triggered for it.

    Read from the sets: what others have on the meter, or have archived, costs nothing.
    """
    ids = members(ctx, _members_set(meter_id, customer_id), _members_set(meter_id, None))
    found = [document.body for document in ctx.store.get_many(ids).values()]
    alerts = [alert for alert in found if alert["status"] == "active"]
    triggered = ctx.store.get_many(_trigger_id(alert["id"], customer_id) for alert in alerts)
    return (alert for alert in alerts if _trigger_id(alert["id"], customer_id) not in triggered)


def _trigger(ctx: Context, alert: Body, customer_id: str, total: Decimal) -> bool:
    """Record that the alert was triggered for the customer; False if it had been before."""
    fields: dict[str, Any] = {
        "object": TRIGGER_KIND,
        "alert": alert,
        "created": ctx.now,
        "customer": customer_id,
        "livemode": ctx.livemode,
        "value": int(total),
    }
    record = Document(
        kind=TRIGGER_KIND,
        livemode=ctx.livemode,
        body=fields | {"id": _trigger_id(alert["id"], customer_id)},
        parent=alert["id"],
    )
    try:
        ctx.save(Change(puts=[record]), [EventDraft("billing.alert.triggered", fields)])
    except Conflict:
        return False
    return True


def _move(ctx: Context, alert_id: str, verb: str) -> Body:
    document = find(ctx, KIND, alert_id)
    if document.body["status"] == "archived":
        raise BillingError(
            f"The alert {alert_id} is archived and cannot be {verb}d. Create a new one.",
            code="status_transition_invalid",
        )
    body: Body = document.body | {"status": _NEXT_STATUS[verb]}
    puts = [replace(document, body=body)]
    if verb == "archive":
        threshold = body["usage_threshold"]
        members_set = _members_set(threshold["meter"], _only_customer(threshold["filters"]))
        puts += without_member(ctx, members_set, alert_id)
    ctx.save(Change(puts=puts), result_id=alert_id)
    return body


def _document(ctx: Context, body: Body) -> Document:
    return Document(
        kind=KIND, livemode=ctx.livemode, body=body, parent=body["usage_threshold"]["meter"]
    )


def _members_set(meter_id: str, customer: str | None) -> str:
    """The set of the alerts, not archived, on a meter for one customer or for all."""
    return f"alerts/{meter_id}/{customer or 'all'}"


def _only_customer(filters: list[Body] | None) -> str | None:
    """The customer that a filter restricts an alert to, or None for all."""
    return filters[0]["customer"] if filters else None


def _trigger_id(alert_id: str, customer_id: str) -> str:
    return derived_object_id(TRIGGER_KIND, alert_id, customer_id)
