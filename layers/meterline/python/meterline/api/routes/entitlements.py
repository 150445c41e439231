"""What customers are entitled to: ``/v1/entitlements/active_entitlements``."""

from typing import TYPE_CHECKING

from meterline.api.lists import PAGING, Listing, list_operation, page_of
from meterline.api.operations import get
from meterline.api.params.specs import Params, object_, string
from meterline.api.router import Routes
from meterline.core.base.errors import no_such
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.entitlements import KIND, customer_id_of, entitlements_of

if TYPE_CHECKING:
    from meterline.core.base.wire import ActiveEntitlement

_PATH = "/v1/entitlements/active_entitlements"


def _list(ctx: Context, params: Params) -> Listing:
    customer = find(ctx, "customer", params["customer"], param="customer")
    return page_of(entitlements_of(customer.body), params)


def _retrieve(ctx: Context, entitlement_id: str, params: Params) -> "ActiveEntitlement":  # noqa: ARG001 - route
    customer = ctx.store.get(customer_id_of(entitlement_id))
    found = entitlements_of(customer.body) if customer and customer.kind == "customer" else []
    for entitlement in found:
        if entitlement["id"] == entitlement_id:
            return entitlement
    raise no_such("active entitlement", entitlement_id, status=404)


ROUTES = Routes(
    [
        list_operation(_PATH, KIND, _list, object_(PAGING, customer=string(required=True))),
        get(_PATH + "/{id}", KIND, _retrieve),
    ]
)
