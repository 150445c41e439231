"""Prices: how much and how often (contract section 4)."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.frozen import frozen
from meterline.core.base.money import known_currency
from meterline.core.base.periods import check_interval_count
from meterline.core.base.private_state import PrivateState
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.base.patch import save_update
from meterline.services.catalog import product_bodies
from meterline.services.catalog.price_amounts import (
    NO_AMOUNT,
    PriceAmount,
    price_amount,
    price_tiers,
    refuse_given,
    under,
)
from meterline.services.catalog.price_currencies import currency_options, with_new_options
from meterline.services.catalog.price_extensions import FIELD, is_percentage, price_extension
from meterline.store.base.documents import Body, Change, Claim, ClaimTaken, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Price,
        PriceChanges,
        PriceExtension,
        PriceRecurring,
        Product,
    )

KIND: Final = "price"
LOOKUP_KEY = "price_lookup_key"
"""The claim through which a lookup key leads to its price."""


@frozen
class PriceState(PrivateState):
    """What a price remembers: whether a request made it for itself with ``price_data``."""

    inline: bool | None = None


def is_inline(price: "Price") -> bool:
    """Whether a price was made by ``price_data``: lists leave it out."""
    return bool(PriceState.of(price).inline)


def new_price(ctx: Context, params: Body, product_id: str, *, param: str = "") -> "Price":
    """The body of a price as ``params`` describe it; nothing is stored.

    ``param`` is the parameter that holds ``params``, for refusals.
    """
    recurring = _recurring(ctx, params.get("recurring"), under(param, "recurring"))
    tiers = price_tiers(params, recurring, param)
    amount = NO_AMOUNT if tiers is not None else _model(params, param)
    price: Price = {
        "id": new_object_id(KIND),
        "object": KIND,
        "active": params.get("active", True),
        "billing_scheme": "tiered" if tiers is not None else "per_unit",
        "created": ctx.now,
        "currency": known_currency(params["currency"], under(param, "currency")),
        "custom_unit_amount": None,
        "livemode": ctx.livemode,
        "lookup_key": params.get("lookup_key"),
        "metadata": merged_metadata({}, params.get("metadata")),
        "nickname": params.get("nickname"),
        "product": product_id,
        "recurring": recurring,
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": params.get("tiers_mode"),
        "transform_quantity": params.get("transform_quantity"),
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount.minor,
        "unit_amount_decimal": amount.decimal,
    }
    if tiers is not None:
        price["tiers"] = tiers
    if FIELD in params:
        price[FIELD] = _extension(ctx, params, recurring, under(param, FIELD))
    options = currency_options(price, params.get("currency_options", {}), param)
    return price | {"currency_options": options}


def create_price(ctx: Context, params: Body) -> "Price":
    """Create a price of an existing product, or of one described by ``product_data``."""
    events: list[EventDraft] = []
    documents: list[Document] = []
    if "product" in params and "product_data" in params:
        raise BillingError(
            "You may only specify one of these parameters: product, product_data.",
            param="product",
        )
    if "product" not in params and "product_data" not in params:
        raise BillingError(
            "You must specify either `product` or `product_data` when creating a price."
        )
    if "product_data" in params:
        product_bodies.refuse_taken_id(ctx, params["product_data"])
        product = product_bodies.new_product(ctx, params["product_data"])
        sold: Document[Product] = Document(kind="product", livemode=ctx.livemode, body=product)
        events.append(EventDraft("product.created", product))
    else:
        sold = find(ctx, "product", params["product"], param="product")
    documents += product_bodies.marked(sold)
    price = new_price(ctx, params, sold.id)
    documents.insert(0, price_document(ctx, price))
    events.append(EventDraft("price.created", price))
    moved, claims = _claim_lookup_key(ctx, price, params)
    documents += moved
    events += _losses(moved, price)
    _save_claiming(ctx, Change(puts=documents, claims=claims), events, price)
    return price


def update_price(ctx: Context, price_id: str, params: Body) -> "Price":
    """Change what may change of a price: never its amount or interval."""
    document = find(ctx, KIND, price_id)
    before = document.body
    _check_tax_behavior(before, params)
    changes: PriceChanges = {}
    for name in _CHANGEABLE:
        if name in params:
            changes[name] = or_none(params[name])
    if "metadata" in params:
        changes["metadata"] = merged_metadata(before["metadata"], params["metadata"])
    if "currency_options" in params:
        changes["currency_options"] = with_new_options(before, params["currency_options"])
    body: Price = {**before, **changes}
    if body == before:
        return save_update(ctx, document, body, "price.updated")
    old_key, is_kept = before["lookup_key"], body["lookup_key"] == before["lookup_key"]
    releases = [Claim(LOOKUP_KEY, old_key, price_id)] if old_key and not is_kept else []
    moved, claims = ([], []) if is_kept else _claim_lookup_key(ctx, body, params)
    change = Change(puts=[replace(document, body=body), *moved], claims=claims, releases=releases)
    event = EventDraft("price.updated", body, before=before)
    _save_claiming(ctx, change, [event, *_losses(moved, body)], body)
    return body


type Changeable = Literal["active", "nickname", "lookup_key", "tax_behavior"]

_CHANGEABLE: tuple[Changeable, ...] = ("active", "nickname", "lookup_key", "tax_behavior")


def _claim_lookup_key(
    ctx: Context, price: "Price", params: Body
) -> "tuple[list[Document[Price]], list[Claim]]":
    """The claim on the price's lookup key, and the price that gives it up if it is transferred."""
    key = price["lookup_key"]
    if key is None:
        return [], []
    holder = ctx.store.claim_holder(LOOKUP_KEY, key)
    if holder is None or holder == price["id"]:
        return [], [Claim(LOOKUP_KEY, key, price["id"])]
    if not params.get("transfer_lookup_key"):
        raise _taken(holder)
    former = find(ctx, KIND, holder, param="lookup_key")
    given_up = replace(former, body=former.body | {"lookup_key": None})
    return [given_up], [Claim(LOOKUP_KEY, key, price["id"], former=holder)]


def _losses(moved: "list[Document[Price]]", holder: "Price") -> list[EventDraft]:
    """The events of the prices that gave their lookup key up to another."""
    key = holder["lookup_key"]
    return [
        EventDraft("price.updated", former.body, before=former.body | {"lookup_key": key})
        for former in moved
    ]


def _save_claiming(ctx: Context, change: Change, events: list[EventDraft], price: "Price") -> None:
    try:
        ctx.save(change, events, result_id=price["id"])
    except ClaimTaken as taken:
        raise _taken(ctx.store.claim_holder(LOOKUP_KEY, taken.claim.value)) from None


def _taken(holder: str | None) -> BillingError:
    return BillingError(
        f"A price (`{holder}`) already uses that lookup key.",
        param="lookup_key",
    )


def _check_tax_behavior(price: "Price", params: Body) -> None:
    behavior = params.get("tax_behavior", price["tax_behavior"])
    if price["tax_behavior"] not in ("unspecified", behavior):
        raise BillingError(
            "You cannot change tax_behavior once it is set to exclusive or inclusive.",
            param="tax_behavior",
        )


def _recurring(ctx: Context, requested: Body | None, param: str) -> "PriceRecurring | None":
    if requested is None:
        return None
    count = requested.get("interval_count", 1)
    check_interval_count(requested["interval"], count, f"{param}[interval_count]")
    usage_type = requested.get("usage_type", "licensed")
    _check_meter(ctx, requested.get("meter"), usage_type, f"{param}[meter]")
    return {
        "interval": requested["interval"],
        "interval_count": count,
        "meter": requested.get("meter"),
        "trial_period_days": requested.get("trial_period_days"),
        "usage_type": usage_type,
    }


def _check_meter(ctx: Context, meter_id: str | None, usage_type: str, param: str) -> None:
    """A metered price has an active meter; no other price has one."""
    if usage_type == "metered" and meter_id is None:
        raise BillingError(
            "Starting with Stripe version `2025-03-31.basil`, metered prices must be backed by"
            " meters."
        )
    if meter_id is None:
        return
    if usage_type != "metered":
        raise BillingError("Only prices with `usage_type=metered` have a meter.", param=param)
    meter = ctx.store.get(meter_id)
    if meter is None or meter.kind != "billing.meter":
        raise no_such("meter", meter_id, param=param)
    if meter.body["status"] != "active":
        raise BillingError(
            f"The meter {meter_id} is inactive. Reactivate it, or use another one.", param=param
        )


def _model(params: Body, param: str) -> PriceAmount:
    """The unit amount of a price without tiers; one that charges a percentage has none."""
    if not is_percentage(params):
        return price_amount(params, "unit_amount", param, optional=False)
    others = ("unit_amount", "unit_amount_decimal", "transform_quantity")
    refuse_given(params, others, param, "prices without a percentage")
    return NO_AMOUNT


def _extension(
    ctx: Context, params: Body, recurring: "PriceRecurring | None", param: str
) -> "PriceExtension":
    """What the price says beyond Stripe."""
    if is_percentage(params) and "tiers" in params:
        raise BillingError("A price has either tiers or a percentage.", param=param)
    return price_extension(ctx, params[FIELD], recurring, param)


def price_document(ctx: Context, body: "Price") -> "Document[Price]":
    """A new price, listed under its product."""
    return Document(kind=KIND, livemode=ctx.livemode, body=body, parent=body["product"])
