"""``/v1/meterline/credit_top_ups``: billing credits that are bought when too few are left."""

from meterline.api.lists import listing, retrieve, under
from meterline.api.operations import post
from meterline.api.params.specs import array, enum, integer, metadata, object_, string
from meterline.api.router import Routes
from meterline.api.routes.shared import AUTOMATIC_TAX, INTERVAL, credit_scope, currency, tax_rates
from meterline.services.credits.top_up_bodies import KIND
from meterline.services.top_ups.rules import (
    cancel_credit_top_up,
    create_credit_top_up,
    update_credit_top_up,
)

_TOP_UPS = "/v1/meterline/credit_top_ups"
_EVERY = {"interval": INTERVAL, "interval_count": integer(minimum=1)}
_COLLECTION = enum("charge_automatically", "send_invoice")
_GRANT = object_(
    amount=integer(minimum=1),
    applicability_config=object_(scope=credit_scope(required=True)),
    category=enum("paid", "promotional"),
    expires_after=object_(_EVERY),
    priority=integer(minimum=0, maximum=100),
)
_LIMIT = {**_EVERY, "count": integer(required=True, minimum=1, maximum=1_000)}

_CREATE = object_(
    amount=integer(required=True, minimum=1),
    automatic_tax=AUTOMATIC_TAX,
    collection_method=_COLLECTION,
    currency=currency(required=True),
    customer=string(required=True),
    days_until_due=integer(minimum=0, maximum=1_000),
    default_tax_rates=array(string(), max_items=10),
    grant=_GRANT,
    limit=object_(_LIMIT),
    metadata=metadata(),
    name=string(max_length=100),
    threshold=integer(required=True, minimum=1),
)
_UPDATE = object_(
    amount=integer(minimum=1),
    automatic_tax=AUTOMATIC_TAX,
    collection_method=_COLLECTION,
    days_until_due=integer(minimum=0, maximum=1_000),
    default_tax_rates=tax_rates(),
    grant=_GRANT,
    limit=object_(_LIMIT, emptyable=True),
    metadata=metadata(),
    name=string(emptyable=True, max_length=100),
    status=enum("active", "paused"),
    threshold=integer(minimum=1),
)

ROUTES = Routes(
    [
        post(_TOP_UPS, KIND, create_credit_top_up, _CREATE),
        listing(
            _TOP_UPS,
            KIND,
            filters=object_(
                customer=string(),
                status=enum("active", "awaiting_payment", "canceled", "limit_reached", "paused"),
            ),
            narrow=under("customer"),
        ),
        retrieve(_TOP_UPS + "/{id}", KIND),
        post(_TOP_UPS + "/{id}", KIND, update_credit_top_up, _UPDATE),
        post(_TOP_UPS + "/{id}/cancel", KIND, cancel_credit_top_up),
    ]
)
