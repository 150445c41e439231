"""Coupons: what a discount takes off, for how long, and how often it may be used."""

import secrets
import string
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from meterline.core.base.errors import BillingError, in_the_past, lower_case_key
from meterline.core.base.money import format_decimal, known_currency
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.services.base.patch import save_update
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Coupon, CouponCurrencyOptions, Deleted

KIND: Final = "coupon"
type Options = dict[str, CouponCurrencyOptions]
"""What a coupon takes off by currency."""

_ID_DIGITS = 8
_LEAST_PERCENT = Decimal("0.01")
_ALPHABET = string.ascii_letters + string.digits


def create_coupon(ctx: Context, params: Body) -> "Coupon":
    """Create a coupon under an id of the caller's choice, or a generated one."""
    _check(ctx, params)
    coupon_id = params.get("id") or "".join(secrets.choice(_ALPHABET) for _ in range(_ID_DIGITS))
    former = ctx.store.get(coupon_id)
    if former is not None and not (former.kind == KIND and former.body.get("deleted")):
        raise BillingError("Coupon already exists.", code="resource_already_exists")
    body = _new_coupon(ctx, coupon_id, params)
    version = former.version if former else 0
    document = Document(kind=KIND, livemode=ctx.livemode, body=body, version=version)
    events = [EventDraft("coupon.created", body)]
    ctx.save(Change(puts=[document]), events, result_id=coupon_id)
    return body


def update_coupon(ctx: Context, coupon_id: str, params: Body) -> "Coupon":
    """Change a coupon's name and metadata; what it takes off never changes."""
    document = find(ctx, KIND, coupon_id)
    body = document.body.copy()
    if "name" in params:
        body["name"] = or_none(params["name"])
    if "metadata" in params:
        body["metadata"] = merged_metadata(document.body["metadata"], params["metadata"])
    if "currency_options" in params:
        known = body.get("currency_options", {})
        body["currency_options"] = _with_new_options(known, params["currency_options"])
    return save_update(ctx, document, body, "coupon.updated")


def delete_coupon(ctx: Context, coupon_id: str, params: Body) -> "Deleted":  # noqa: ARG001 - route
    """Delete a coupon: it cannot be redeemed again. Discounts of it stay, and show it as it was."""
    document = find(ctx, KIND, coupon_id)
    invalid: Coupon = document.body | {"valid": False}
    remains: Deleted = {"id": coupon_id, "object": KIND, "deleted": True}
    gone: Any = {**invalid, **remains}
    events = [EventDraft("coupon.deleted", invalid)]
    ctx.save(Change(puts=[replace(document, body=gone)]), events, result_id=coupon_id)
    return remains


def coupon_in(coupon: "Coupon", currency: str | None) -> "Coupon":
    """A coupon as it is redeemed in a currency; as it is, if it has no amount in that."""
    options = coupon.get("currency_options", {})
    if currency is None or currency not in options:
        return coupon
    return coupon | {"amount_off": options[currency]["amount_off"], "currency": currency}


def _with_new_options(known: Options, more: Options) -> Options:
    """The amounts off with those in more currencies; what a coupon takes off never changes."""
    for currency in more:
        if not known or currency in known:
            raise BillingError(
                "A coupon's amounts never change. Create another one."
                if known
                else "Only coupons with amount_off have amounts in other currencies.",
                param=f"currency_options[{currency}]",
            )
        _check_currency(currency, f"currency_options[{currency}]")
    return {**known, **more}


def _check_currency(currency: str, param: str) -> None:
    lower_case_key(currency, "currency_options")
    known_currency(currency, param)


def _new_coupon(ctx: Context, coupon_id: str, params: Body) -> "Coupon":
    percent = params.get("percent_off")
    coupon: Coupon = {
        "id": coupon_id,
        "object": KIND,
        "amount_off": params.get("amount_off"),
        "created": ctx.now,
        "currency": params.get("currency"),
        "duration": params.get("duration", "once"),
        "duration_in_months": params.get("duration_in_months"),
        "livemode": ctx.livemode,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged_metadata({}, params.get("metadata")),
        "name": params.get("name"),
        "percent_off": None if percent is None else format_decimal(percent),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    if "applies_to" in params:
        coupon["applies_to"] = params["applies_to"]
    if "amount_off" in params:
        own: Options = {params["currency"]: {"amount_off": params["amount_off"]}}
        more = params.get("currency_options", {})
        coupon["currency_options"] = _with_new_options(own, more)
    return coupon


def _check(ctx: Context, params: Body) -> None:
    _check_what_is_off(params)
    repeating = params.get("duration") == "repeating"
    if repeating and "duration_in_months" not in params:
        raise BillingError(
            "The duration_in_months param must be set when creating a coupon with a repeating"
            " duration",
            param="duration",
        )
    if not repeating and "duration_in_months" in params:
        raise BillingError(
            "You can only pass duration_in_months with duration=repeating.",
            param="duration_in_months",
        )
    if params.get("redeem_by", ctx.now) < ctx.now:
        raise in_the_past("redeem_by", params["redeem_by"])
    for index, product_id in enumerate(params.get("applies_to", {}).get("products", [])):
        find(ctx, "product", product_id, param=f"applies_to[products][{index}]")


def _check_what_is_off(params: Body) -> None:
    """Either a percentage is off, or an amount in a currency and perhaps others."""
    percent = params.get("percent_off")
    if percent is None and "amount_off" not in params:
        raise BillingError("Must provide percent_off or amount_off.", code="parameter_missing")
    if percent is not None:
        _check_percentage(percent, params)
        return
    if "currency" not in params:
        raise BillingError("You must pass currency when passing amount_off", param="currency")
    known_currency(params["currency"], "currency")


def _check_percentage(percent: Decimal, params: Body) -> None:
    if "amount_off" in params:
        raise BillingError(
            "Received both percent_off and amount_off parameters. Please pass in only one."
        )
    if "currency_options" in params:
        raise BillingError(
            "You may only specify one of these parameters: currency_options, percent_off.",
            param="currency_options",
        )
    if "currency" in params:
        raise BillingError("You can only pass currency with amount_off.", param="currency")
    if percent < _LEAST_PERCENT:
        text = f"{percent:f}" if percent else "0.0"
        raise BillingError(
            f"This value must be greater than or equal to {_LEAST_PERCENT} (it currently is"
            f" '{text}').",
            param="percent_off",
        )
