"""``/v1/billing/alerts``."""

from meterline.api.lists import Keep, listing, retrieve, under
from meterline.api.operations import post
from meterline.api.params.specs import Params, array, enum, integer, object_, string
from meterline.api.router import Routes
from meterline.services.metering.alerts import (
    activate_alert,
    archive_alert,
    create_alert,
    deactivate_alert,
)

_KIND = "billing.alert"

_FILTER = object_(type=enum("customer", required=True), customer=string(required=True))

_CREATE = object_(
    alert_type=enum("usage_threshold", required=True),
    title=string(required=True, max_length=256),
    usage_threshold=object_(
        required=True,
        filters=array(_FILTER, max_items=1),
        gte=integer(required=True, minimum=0),
        meter=string(required=True),
        recurrence=enum("one_time", "billing_period", required=True),
    ),
)


def _keep(params: Params) -> Keep:
    meter = params.get("meter")
    return lambda body: meter in (None, body["usage_threshold"]["meter"])


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
            filters=object_(alert_type=enum("usage_threshold"), meter=string()),
            keep=_keep,
            narrow=under("meter"),
            created=False,
        ),
    ]
)
