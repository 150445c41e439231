"""``/v1/billing/alerts``."""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.api.lists import PAGING, Keep, Listing, listing, read_page, retrieve, under
from meterline.api.operations import Answer, Operation, post
from meterline.api.params.specs import (
    RANGE,
    Params,
    array,
    decimal_,
    enum,
    integer,
    object_,
    string,
)
from meterline.api.router import Routes
from meterline.api.routes.shared import credit_scope, currency
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.metering.alert_notifications import notification
from meterline.services.metering.alert_types import TYPES, terms_of, type_of
from meterline.services.metering.alerts import (
    activate_alert,
    archive_alert,
    create_alert,
    deactivate_alert,
)
from meterline.services.metering.crossings import (
    TRIGGER_KIND,
    StoredNotification,
    notifications_of,
)
from meterline.store.billing.repository import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterline.core.base.wire import Alert

_KIND = "billing.alert"

_FILTER = object_(type=enum("customer", required=True), customer=string(required=True))

_TERMS = {
    "usage_threshold": object_(
        filters=array(_FILTER, max_items=1),
        gte=integer(required=True, minimum=0),
        meter=string(required=True),
        recurrence=enum("one_time", "billing_period", required=True),
    ),
    "spend_threshold": object_(
        aggregation_period=enum("billing", required=True),
        filters=object_(customer=string(), pricing_plan_subscription=string()),
        group_by=enum("pricing_plan_subscription"),
        gte=object_(
            required=True,
            amount=object_(
                required=True,
                currency=currency(required=True),
                value=integer(required=True, minimum=1),
            ),
            type=enum("amount", required=True),
        ),
    ),
    "credit_balance_threshold": object_(
        filters=array(
            object_(
                type=enum("customer", required=True),
                customer=string(required=True),
                credit_grants=object_(
                    applicability_config=object_(required=True, scope=credit_scope(required=True))
                ),
            ),
            required=True,
            min_items=1,
            max_items=1,
        ),
        lte=object_(
            required=True,
            balance_type=enum("custom_pricing_unit", "monetary", required=True),
            custom_pricing_unit=object_(
                id=string(required=True), value=decimal_(required=True, minimum=0, maximum=10**15)
            ),
            monetary=object_(
                currency=currency(required=True),
                value=integer(required=True, minimum=0),
            ),
            exclusive=[("custom_pricing_unit", "monetary")],
        ),
    ),
}
"""What alerts of each of the types are on."""

_CREATE = object_(
    _TERMS,
    alert_type=enum(*TYPES, required=True),
    title=string(required=True, max_length=256),
)


_FILTERS = object_(
    alert_type=enum(*TYPES),
    customer=string(),
    meter=string(),
    status=enum("active", "archived", "inactive"),
)


def _keep(params: Params) -> Keep:
    """Archived alerts are listed only if they are asked for."""
    meter, customer, status = (params.get(name) for name in ("meter", "customer", "status"))
    wanted = params.get("alert_type")

    def keep(alert: "Alert") -> bool:
        type_, terms = type_of(alert), terms_of(alert)
        return (
            wanted in (None, type_.name)
            and meter in (None, type_.meter(terms))
            and customer in (None, type_.customer(terms))
            and (alert["status"] == status if status else alert["status"] != "archived")
        )

    return keep


def list_notifications(ctx: Context, alert_id: str, params: Params) -> Listing:
    """A page of what a customer was told of by an alert, newest first (beyond Stripe)."""
    find(ctx, _KIND, alert_id, status=404)
    customer = find(ctx, "customer", params["customer"], param="customer").id
    page = read_page(
        ctx,
        TRIGGER_KIND,
        {**params, "created": params.get("notified_at")},
        keep=_told(params),
        source=Source(parents=[notifications_of(alert_id, customer)]),
    )
    return replace(page, bodies=[notification(stored) for stored in page.bodies])


def _told(params: Params) -> Keep:
    names = [name for name in ("action", "meter", "subscription") if name in params]

    def keep(stored: StoredNotification) -> bool:
        shown: Mapping[str, object] = notification(stored)
        return all(shown[name] == params[name] for name in names)

    return keep


ROUTES = Routes(
    [
        post("/v1/billing/alerts", _KIND, create_alert, _CREATE),
        retrieve("/v1/billing/alerts/{id}", _KIND),
        post("/v1/billing/alerts/{id}/activate", _KIND, activate_alert),
        post("/v1/billing/alerts/{id}/archive", _KIND, archive_alert),
        post("/v1/billing/alerts/{id}/deactivate", _KIND, deactivate_alert),
        listing(
            "/v1/billing/alerts",
            _KIND,
            filters=_FILTERS,
            keep=_keep,
            narrow=under("meter"),
            created=False,
        ),
        Operation(
            method="GET",
            path="/v1/billing/alerts/{id}/notifications",
            run=list_notifications,
            permission="billing_alerts",
            answer=Answer.PAGE,
            params=object_(
                PAGING,
                action=enum("recovered", "triggered"),
                customer=string(required=True),
                meter=string(),
                notified_at=RANGE,
                subscription=string(),
            ),
        ),
    ]
)
