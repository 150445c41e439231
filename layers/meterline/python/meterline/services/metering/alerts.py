"""Alerts: what is to be told of a customer's usage of a meter (``alert_watch``), once for life, or
once in each billing period. Usage from before the alert counts too (contract section 7).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from meterline.core.base.errors import BillingError
from meterline.core.base.private_state import PrivateState
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.limits import touched, with_member, without_member
from meterline.services.base.lookups import find
from meterline.services.metering.watch_list import Purpose, enter_customer, enter_meter
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meterline.core.base.wire import Alert, AlertUsageThresholdFilter

KIND: Final = "billing.alert"
_MAX_PER_METER_AND_CUSTOMER = 25
_NEXT_STATUS: Final[dict[str, Literal["active", "archived", "inactive"]]] = {
    "activate": "active",
    "deactivate": "inactive",
    "archive": "archived",
}


@dataclass(frozen=True, slots=True)
class AlertState(PrivateState):
    """What an alert remembers: when it was created, which Stripe's does not show."""

    created: int | None = None


def create_alert(ctx: Context, params: Body) -> "Alert":
    """Create an alert on a meter, for one customer or for each of them."""
    threshold = params["usage_threshold"]
    find(ctx, "billing.meter", threshold["meter"], param="usage_threshold[meter]")
    customer = only_customer(threshold.get("filters"))
    if customer is not None:
        find(ctx, "customer", customer, param="usage_threshold[filters][0][customer]")
    alert: Alert = {
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
    body = AlertState(created=ctx.now).on(alert)
    full = BillingError(
        f"At most {_MAX_PER_METER_AND_CUSTOMER} alerts are allowed for a meter and customer:"
        " archive one that is no longer needed.",
    )
    name, most = alerts_set(threshold["meter"], customer), _MAX_PER_METER_AND_CUSTOMER
    members_set = with_member(ctx, name, body["id"], most=most, refusal=full)
    _enter(ctx, threshold["meter"], customer)
    ctx.save(Change(puts=[_document(ctx, body), members_set]), result_id=body["id"])
    return body


def activate_alert(ctx: Context, alert_id: str, params: Body) -> "Alert":  # noqa: ARG001 - a route
    """Watch usage again."""
    return _move(ctx, alert_id, "activate")


def deactivate_alert(ctx: Context, alert_id: str, params: Body) -> "Alert":  # noqa: ARG001 - route
    """Stop watching usage until the alert is activated again."""
    return _move(ctx, alert_id, "deactivate")


def archive_alert(ctx: Context, alert_id: str, params: Body) -> "Alert":  # noqa: ARG001 - a route
    """Take an alert out of use for good."""
    return _move(ctx, alert_id, "archive")


def _enter(ctx: Context, meter_id: str, customer: str | None) -> None:
    """Have the usage watched that an alert is about, before the alert is there."""
    if customer is None:
        enter_meter(ctx, Purpose.ALERTS, meter_id)
    else:
        enter_customer(ctx, Purpose.ALERTS, customer)


def _move(ctx: Context, alert_id: str, verb: str) -> "Alert":
    document = find(ctx, KIND, alert_id)
    if document.body["status"] == "archived":
        raise BillingError(
            f"The alert {alert_id} is archived and cannot be {verb}d. Create a new one.",
            code="status_transition_invalid",
        )
    body = document.body | {"status": _NEXT_STATUS[verb]}
    threshold = body["usage_threshold"]
    name = alerts_set(threshold["meter"], only_customer(threshold["filters"]))
    # The set is written again with each change: what is remembered of its alerts is then void.
    sets = without_member(ctx, name, alert_id) if verb == "archive" else touched(ctx, name)
    ctx.save(Change(puts=[replace(document, body=body), *sets]), result_id=alert_id)
    return body


def _document(ctx: Context, body: "Alert") -> "Document[Alert]":
    return Document(
        kind=KIND, livemode=ctx.livemode, body=body, parent=body["usage_threshold"]["meter"]
    )


def alerts_set(meter_id: str, customer: str | None) -> str:
    """The set of the alerts, not archived, on a meter for one customer or for all."""
    return f"alerts/{meter_id}/{customer or 'all'}"


def only_customer(filters: "Sequence[AlertUsageThresholdFilter] | None") -> str | None:
    """The customer that a filter restricts an alert to, or None for all."""
    return filters[0]["customer"] if filters else None
