"""Coupons: what a discount takes off, for how long, and how often it may be used."""

import secrets
import string
from dataclasses import replace

from meterline.core.errors import BillingError
from meterline.core.money import minor_digits
from meterline.core.unset import merged_metadata, or_none
from meterline.services.context import Context
from meterline.services.events import EventDraft
from meterline.services.lookups import find
from meterline.services.updates import save_update
from meterline.store.documents import Body, Change, Document

KIND = "coupon"
_ID_DIGITS = 8
_ALPHABET = string.ascii_letters + string.digits


def create_coupon(ctx: Context, params: Body) -> Body:
    """Create a coupon under an id of the caller's choice, or a generated one."""
    _check(ctx, params)
    coupon_id = params.get("id") or "".join(secrets.choice(_ALPHABET) for _ in range(_ID_DIGITS))
    former = ctx.store.get(coupon_id)
    if former is not None and not (former.kind == KIND and former.body.get("deleted")):
        raise BillingError(
            f"Coupon already exists: '{coupon_id}'", code="resource_already_exists", param="id"
        )
    body = _new_coupon(ctx, coupon_id, params)
    version = former.version if former else 0
    document = Document(kind=KIND, livemode=ctx.livemode, body=body, version=version)
    ctx.save(Change(puts=[document]), [EventDraft("coupon.created", body)], result_id=coupon_id)
    return body


def update_coupon(ctx: Context, coupon_id: str, params: Body) -> Body:
    """Change a coupon's name and metadata; what it takes off never changes."""
    document = find(ctx, KIND, coupon_id)
    changes = {"name": or_none(params["name"])} if "name" in params else {}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(document.body["metadata"], params["metadata"])
    return save_update(ctx, document, document.body | changes, "coupon.updated")


def delete_coupon(ctx: Context, coupon_id: str, params: Body) -> Body:  # noqa: ARG001 - route
    """Delete a coupon: it can't be redeemed again; who has its discount keeps it."""
    document = find(ctx, KIND, coupon_id)
    remains = {"id": coupon_id, "object": KIND, "deleted": True}
    gone = replace(document, body=remains | {"created": document.created})
    events = [EventDraft("coupon.deleted", document.body)]
    ctx.save(Change(puts=[gone]), events, result_id=coupon_id)
    return remains


def _new_coupon(ctx: Context, coupon_id: str, params: Body) -> Body:
    percent = params.get("percent_off")
    applies_to = {"applies_to": params["applies_to"]} if "applies_to" in params else {}
    return {
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
        # A JSON number on the wire; as text it reads back as the decimal that was given.
        "percent_off": None if percent is None else float(percent),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
        **applies_to,
    }


def _check(ctx: Context, params: Body) -> None:
    if "amount_off" in params:
        if "currency" not in params:
            raise BillingError(
                "You must pass currency when passing amount_off.",
                code="parameter_missing",
                param="currency",
            )
        minor_digits(params["currency"])
    elif "currency" in params:
        raise BillingError("You can only pass currency with amount_off.", param="currency")
    if params.get("percent_off") == 0:
        raise BillingError("percent_off must be greater than 0.", param="percent_off")
    repeating = params.get("duration") == "repeating"
    if repeating and "duration_in_months" not in params:
        raise BillingError(
            "You must pass duration_in_months when passing duration=repeating.",
            code="parameter_missing",
            param="duration_in_months",
        )
    if not repeating and "duration_in_months" in params:
        raise BillingError(
            "You can only pass duration_in_months with duration=repeating.",
            param="duration_in_months",
        )
    if params.get("redeem_by", ctx.now) < ctx.now:
        raise BillingError("redeem_by must be in the future.", param="redeem_by")
    for index, product_id in enumerate(params.get("applies_to", {}).get("products", [])):
        find(ctx, "product", product_id, param=f"applies_to[products][{index}]")
