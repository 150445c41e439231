"""Promotion codes: words by which customers redeem coupons."""

from typing import TYPE_CHECKING

from meterline.api.lists import PAGING, Keep, Listing, list_operation, read_page
from meterline.api.operations import get, post
from meterline.api.params.older_names import promoted_coupon, renamed
from meterline.api.params.specs import (
    RANGE,
    Params,
    boolean,
    enum,
    integer,
    map_,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.api.router import Routes
from meterline.api.routes.shared import currency
from meterline.services.base.context import Context
from meterline.services.catalog.promotion_codes import (
    create_promotion_code,
    find_promotion_code,
    judge,
    update_promotion_code,
)
from meterline.store.billing.repository import Source
from meterline.store.billing.search_terms import term_of

if TYPE_CHECKING:
    from meterline.core.base.wire import PromotionCode

_KIND = "promotion_code"
_PATH = "/v1/promotion_codes"
_LEAST = integer(required=True, minimum=1)
_OPTIONS = map_(object_(minimum_amount=_LEAST))
"""Least amounts in other currencies, by their codes."""

_CREATE = renamed(
    object_(
        active=boolean(),
        code=string(max_length=500),
        customer=string(),
        expires_at=timestamp(),
        max_redemptions=integer(minimum=1),
        metadata=metadata(),
        promotion=object_(required=True, coupon=string(), type=enum("coupon", required=True)),
        restrictions=object_(
            currency_options=_OPTIONS,
            first_time_transaction=boolean(),
            minimum_amount=integer(minimum=1),
            minimum_amount_currency=currency(),
        ),
    ),
    promoted_coupon,
)
_UPDATE = object_(
    active=boolean(),
    metadata=metadata(),
    restrictions=object_(currency_options=_OPTIONS),
)
_LIST = object_(
    PAGING,
    active=boolean(),
    code=string(max_length=500),
    coupon=string(),
    created=RANGE,
    customer=string(),
)


def _list(ctx: Context, params: Params) -> Listing:
    """Promotion codes as they are now; reads those of a word, a coupon or a customer only."""
    page = read_page(ctx, _KIND, params, keep=_keep(ctx, params), source=_source(params))
    return Listing([*map(judge(ctx), page.bodies)], page.has_more)


def _source(params: Params) -> Source:
    for name in ("code", "coupon", "customer"):
        if name in params:
            return Source(terms=[term_of(name, _folded(params, name))])
    return Source(facets={"active": ["yes"]} if params.get("active") else {})


def _folded(params: Params, name: str) -> str:
    value = str(params[name])
    return value.casefold() if name == "code" else value


def _keep(ctx: Context, params: Params) -> Keep:
    """What the filters say; whether a code is active is judged with its coupon."""
    now = judge(ctx)

    def keep(code: "PromotionCode") -> bool:
        fits = (
            params.get("code", code["code"]).casefold() == code["code"].casefold()
            and params.get("coupon") in (None, code["promotion"]["coupon"])
            and params.get("customer") in (None, code["customer"])
        )
        if not fits or "active" not in params:
            return fits
        return now(code)["active"] is params["active"]

    return keep


ROUTES = Routes(
    [
        post(_PATH, _KIND, create_promotion_code, _CREATE),
        list_operation(_PATH, _KIND, _list, _LIST),
        get(_PATH + "/{id}", _KIND, find_promotion_code),
        post(_PATH + "/{id}", _KIND, update_promotion_code, _UPDATE),
    ]
)
