"""``/v1/meterline/access``: whether a customer may use a feature, asked before it is served."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from meterline.api.operations import get
from meterline.api.params.specs import Params, decimal_, object_, string
from meterline.api.router import Routes
from meterline.services.base.context import Context
from meterline.services.billing.access import KIND, access_of

_PATH = "/v1/meterline/access"


def _ask(ctx: Context, params: Params) -> Mapping[str, Any]:
    quantity = params.get("quantity", Decimal(1))
    return access_of(ctx, params["customer"], params["feature"], quantity)


ROUTES = Routes(
    [
        get(
            _PATH,
            KIND,
            _ask,
            object_(
                customer=string(required=True),
                feature=string(required=True, max_length=100),
                quantity=decimal_(minimum=0),
            ),
        )
    ]
)
