"""``/v1/subscription_items``: the items of subscriptions, one by one."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from meterline.api.lists import PAGING, Listing, list_operation, page_of
from meterline.api.operations import delete, get, post
from meterline.api.params import idle
from meterline.api.params.older_names import prorate, renamed
from meterline.api.params.specs import (
    Object,
    Param,
    Params,
    boolean,
    enum,
    integer,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.api.routes.shared import (
    ITEM_PRICES,
    ITEM_THRESHOLDS,
    RECURRING_PRICE_DATA,
    discounts,
    payment_behavior,
    tax_rates,
)
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.subscriptions.item_verbs import (
    create_item,
    delete_item,
    find_item,
    update_item,
)

type Names = Iterable[tuple[str, ...]]

_KIND = "subscription_item"
_PATH = "/v1/subscription_items"

_PRORATION: dict[str, Param] = {
    "payment_behavior": payment_behavior(),
    "proration_behavior": enum("always_invoice", "create_prorations", "none"),
    "proration_date": timestamp(),
}


def _list_items(ctx: Context, params: Params) -> Listing:
    subscription = find(ctx, "subscription", params["subscription"], param="subscription")
    items = subscription.body["items"]
    return replace(page_of(items["data"], params), url=items["url"])


def _with_prorate(
    fields: Mapping[str, Param], *, exclusive: Names = (), one_of: Names = ()
) -> Object:
    """Parameters of a change, which older clients prorate by ``prorate``."""
    return renamed(object_(fields, exclusive=exclusive, one_of=one_of), prorate)


ITEM_OPERATIONS = (
    post(
        _PATH,
        _KIND,
        create_item,
        _with_prorate(
            {
                "subscription": string(required=True),
                "billing_thresholds": ITEM_THRESHOLDS,
                "discounts": discounts(),
                "plan": string(),
                "price": string(),
                "price_data": RECURRING_PRICE_DATA,
                "quantity": integer(minimum=0),
                "metadata": metadata(),
                "tax_rates": tax_rates(),
                **_PRORATION,
                **idle.SUBSCRIPTION_ITEM,
            },
            exclusive=[ITEM_PRICES],
            one_of=[ITEM_PRICES],
        ),
    ).found_again_by(find_item),
    get(_PATH + "/{id}", _KIND, find_item),
    post(
        _PATH + "/{id}",
        _KIND,
        update_item,
        _with_prorate(
            {
                "billing_thresholds": ITEM_THRESHOLDS,
                "discounts": discounts(),
                "plan": string(),
                "price": string(),
                "price_data": RECURRING_PRICE_DATA,
                "quantity": integer(minimum=0),
                "metadata": metadata(),
                "tax_rates": tax_rates(),
                **_PRORATION,
                **idle.SUBSCRIPTION_ITEM,
            },
            exclusive=[ITEM_PRICES],
        ),
    ).found_again_by(find_item),
    delete(
        _PATH + "/{id}", _KIND, delete_item, _with_prorate({**_PRORATION, "clear_usage": boolean()})
    ),
    list_operation(
        _PATH, _KIND, _list_items, object_({"subscription": string(required=True), **PAGING})
    ),
)
