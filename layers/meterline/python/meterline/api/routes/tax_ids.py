"""Tax ids by their owner: those of the account itself, unless a request names a customer."""

from meterline.api.lists import PAGING, Listing, list_operation, read_page, retrieve
from meterline.api.operations import delete, post
from meterline.api.params import idle
from meterline.api.params.specs import Params, enum, object_, string
from meterline.api.router import Routes
from meterline.api.routes.shared import TAX_ID
from meterline.services.base.context import Context
from meterline.services.customers.account_tax_ids import (
    create_owned_tax_id,
    delete_owned_tax_id,
    owner_of,
)
from meterline.services.customers.tax_ids import KIND
from meterline.store.billing.repository import Source

_PATH = "/v1/tax_ids"
_OWNER = object_(
    account=idle.idle(idle.IS_ONE_ACCOUNT),
    customer=string(),
    type=enum(
        "customer",
        "self",
        "account",
        "application",
        required=True,
        refused={
            "account": "A deployment of Meterline is one account: use `self`.",
            "application": "A deployment of Meterline is one account: use `self`.",
        },
    ),
)


def _list(ctx: Context, params: Params) -> Listing:
    return read_page(ctx, KIND, params, source=Source(parents=[owner_of(params)]))


ROUTES = Routes(
    [
        post(_PATH, KIND, create_owned_tax_id, TAX_ID.extended(owner=_OWNER)),
        list_operation(_PATH, KIND, _list, object_(PAGING, owner=_OWNER)),
        retrieve(_PATH + "/{id}", KIND),
        delete(_PATH + "/{id}", KIND, delete_owned_tax_id),
    ]
)
