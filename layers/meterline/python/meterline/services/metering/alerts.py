"""Alerts: what is to be told of a customer's usage of a meter (``alert_watch``), once for life, or
once in each billing period. Usage from before the alert counts too (contract section 7).
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.limits import touched, with_member, without_member
from meterline.services.base.lookups import find
from meterline.services.metering.alert_types import (
    MOST_IN_A_SET,
    requested_terms,
    terms_of,
    too_many,
    type_of,
)
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Alert

KIND: Final = "billing.alert"
_NEXT_STATUS: Final[dict[str, Literal["active", "archived", "inactive"]]] = {
    "activate": "active",
    "deactivate": "inactive",
    "archive": "archived",
}


@frozen
class AlertState(PrivateState):
    """What an alert remembers: when it was created, which Stripe's does not show."""

    created: int | None = None


def create_alert(ctx: Context, params: Body) -> "Alert":
    """Create an alert of one of the types, for one customer or for each of them."""
    asked, terms = requested_terms(ctx, params)
    alert: Any = {
        "id": new_object_id(KIND),
        "object": KIND,
        "alert_type": asked.name,
        "livemode": ctx.livemode,
        "status": "active",
        "title": params["title"],
        "usage_threshold": None,
        asked.name: terms,
    }
    body: Alert = AlertState(created=ctx.now).on(alert)
    members_set = with_member(
        ctx, asked.set_of(terms), body["id"], most=MOST_IN_A_SET, refusal=too_many(asked)
    )
    asked.enter(ctx, terms)
    puts = [_document(ctx, body), members_set, *asked.written_beside(ctx, body)]
    ctx.save(Change(puts=puts, counted=asked.counted(ctx, terms)), result_id=body["id"])
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


def _move(ctx: Context, alert_id: str, verb: str) -> "Alert":
    document = find(ctx, KIND, alert_id)
    if document.body["status"] == "archived":
        raise BillingError(
            f"The alert {alert_id} is archived and cannot be {verb}d. Create a new one.",
            code="status_transition_invalid",
        )
    body = document.body | {"status": _NEXT_STATUS[verb]}
    asked, terms = type_of(body), terms_of(body)
    # The set is written again with each change: what is remembered of its alerts is then void.
    name = asked.set_of(terms)
    sets = without_member(ctx, name, alert_id) if verb == "archive" else touched(ctx, name)
    puts = [replace(document, body=body), *sets, *asked.written_beside(ctx, body)]
    ctx.save(Change(puts=puts, counted=asked.counted(ctx, terms)), result_id=alert_id)
    return body


def _document(ctx: Context, body: "Alert") -> "Document[Alert]":
    parent = type_of(body).parent(terms_of(body))
    return Document(kind=KIND, livemode=ctx.livemode, body=body, parent=parent)
