"""Promotion codes: words by which customers redeem a coupon (contract section G).

A code is its own among the active ones, whatever its case: among those for everybody, and among
those of one customer. Whether a code is active follows from its coupon too, so it is judged when
it is shown or redeemed.
"""

import re
import secrets
import string
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from meterline.core.base.errors import BillingError, in_the_past, lower_case_key
from meterline.core.base.money import known_currency
from meterline.core.base.periods import add_months
from meterline.core.base.unset import merged_metadata
from meterline.core.catalog.redemption import can_redeem, is_active
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find
from meterline.services.base.outbox import EventDraft
from meterline.store.base.documents import Body, Change, Claim, ClaimTaken, Document
from meterline.store.billing.repository import Source
from meterline.store.billing.search_terms import term_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from meterline.core.base.wire import Coupon, PromotionCode, PromotionCodeRestrictions
    from meterline.core.base.wire import PromotionCodeRestrictionsCurrencyOptions as Least

KIND: Final = "promotion_code"
_CLAIM = "promotion_code"
type _Options = dict[str, Least]
_CHARACTERS = re.compile(r"[a-zA-Z0-9\-_]+", re.ASCII)
_ALPHABET = string.ascii_uppercase + string.digits
_GENERATED = 8
_MONTHS_AHEAD = 60


def create_promotion_code(ctx: Context, params: Body) -> "PromotionCode":
    """Create a promotion code for a coupon, under a word of the caller's choice or a generated one.

    BillingError for a word that an active code has, and for what goes beyond its coupon.
    """
    coupon = _coupon_of(ctx, params)
    _check_limits(ctx, params, coupon)
    if "customer" in params:
        find(ctx, "customer", params["customer"], param="customer")
    code = _new_code(ctx, coupon["id"], params)
    if code["active"] and not can_redeem(coupon, ctx.wall_clock):
        raise _not_redeemable(code, "promotion[coupon]")
    document = Document(kind=KIND, livemode=ctx.livemode, body=code)
    events = [EventDraft("promotion_code.created", code)]
    _save(ctx, Change(puts=[document], claims=_claims(ctx, code)), events, code)
    return code


def update_promotion_code(ctx: Context, code_id: str, params: Body) -> "PromotionCode":
    """Change the metadata of a promotion code, its least amounts in more currencies, or end it.

    It can be made active again while it can be redeemed and no other active one has its word.
    """
    document = find(ctx, KIND, code_id)
    before = document.body
    code: PromotionCode = before | {
        "active": params.get("active", before["active"]),
        "metadata": merged_metadata(before["metadata"] or {}, params.get("metadata")),
        "restrictions": _more_currencies(before["restrictions"], params.get("restrictions", {})),
    }
    change = Change(checks=[document])
    if code != before:
        change = Change(puts=[replace(document, body=code)])
    if code["active"] and not before["active"]:
        if not judge(ctx)(code)["active"]:
            raise _not_redeemable(code, "active")
        change.claims = _claims(ctx, code)
    elif before["active"] and not code["active"]:
        change.releases = _releases(ctx, code)
    events = [EventDraft("promotion_code.updated", code, before=before)] if code != before else []
    _save(ctx, change, events, code)
    return judge(ctx)(code)


def find_promotion_code(ctx: Context, code_id: str, params: Body) -> "PromotionCode":  # noqa: ARG001 - route
    """A promotion code as it is now."""
    return judge(ctx)(find(ctx, KIND, code_id, status=404).body)


def judge(ctx: Context) -> "Callable[[PromotionCode], PromotionCode]":
    """What says of promotion codes whether they are active now; it reads each coupon once."""
    coupon_of = cache(ctx.store.get)

    def as_now(code: "PromotionCode") -> "PromotionCode":
        coupon = coupon_of(code["promotion"]["coupon"] or "")
        alive = coupon.body if coupon and not coupon.body.get("deleted") else None
        return code | {"active": is_active(code, alive, ctx.wall_clock)}

    return as_now


def _coupon_of(ctx: Context, params: Body) -> "Coupon":
    coupon_id = params["promotion"].get("coupon")
    if coupon_id is None:
        raise BillingError(
            "You must pass promotion.coupon when passing promotion", param="promotion.coupon"
        )
    return find(ctx, "coupon", coupon_id, param="promotion[coupon]").body


def _check_limits(ctx: Context, params: Body, coupon: "Coupon") -> None:
    """Refuse a word that cannot be typed, and limits that go beyond those of the coupon."""
    word = params.get("code")
    if word is not None and not _CHARACTERS.fullmatch(word):
        raise BillingError(
            r"This value must match the regex pattern. (/\A[a-zA-Z0-9\-_]+\z/ does not match for"
            f" the value `{word}`).",
            param="code",
        )
    most, of_coupon = params.get("max_redemptions"), coupon["max_redemptions"]
    if most is not None and of_coupon is not None and most > of_coupon:
        raise BillingError(
            f"`max_redemptions` cannot be greater than that of the coupon, {of_coupon}.",
            param="max_redemptions",
        )
    if "expires_at" in params:
        _check_expiry(ctx, params["expires_at"], coupon["redeem_by"])


def _check_expiry(ctx: Context, expires_at: int, redeem_by: int | None) -> None:
    if expires_at <= ctx.wall_clock:
        raise in_the_past("expires_at", expires_at)
    if expires_at > add_months(ctx.wall_clock, _MONTHS_AHEAD):
        raise BillingError(
            "Invalid timestamp: can be no more than five years in the future.", param="expires_at"
        )
    if redeem_by is not None and expires_at > redeem_by:
        raise BillingError(
            f"`expires_at` cannot be after the coupon's `redeem_by`, {redeem_by}.",
            param="expires_at",
        )


def _new_code(ctx: Context, coupon_id: str, params: Body) -> "PromotionCode":
    return {
        "id": new_object_id(KIND),
        "object": KIND,
        "active": params.get("active", True),
        "code": params.get("code") or "".join(secrets.choice(_ALPHABET) for _ in range(_GENERATED)),
        "created": ctx.now,
        "customer": params.get("customer"),
        "customer_account": None,
        "expires_at": params.get("expires_at"),
        "livemode": ctx.livemode,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merged_metadata({}, params.get("metadata")),
        "promotion": {"coupon": coupon_id, "type": "coupon"},
        "restrictions": _restrictions(params.get("restrictions", {})),
        "times_redeemed": 0,
    }


def _restrictions(params: Body) -> "PromotionCodeRestrictions":
    least, currency = params.get("minimum_amount"), params.get("minimum_amount_currency")
    if (least is None) != (currency is None):
        raise BillingError(
            "Pass `restrictions[minimum_amount]` and `restrictions[minimum_amount_currency]`"
            " together.",
            param=f"restrictions[minimum_amount{'' if least is None else '_currency'}]",
        )
    if currency is not None:
        known_currency(currency, "restrictions[minimum_amount_currency]")
    restrictions: PromotionCodeRestrictions = {
        "first_time_transaction": params.get("first_time_transaction", False),
        "minimum_amount": least,
        "minimum_amount_currency": currency,
    }
    return _more_currencies(restrictions, params)


def _more_currencies(
    restrictions: "PromotionCodeRestrictions", params: Body
) -> "PromotionCodeRestrictions":
    """The restrictions with least amounts in more currencies; those there are never change."""
    options: _Options = params.get("currency_options", {})
    if not options:
        return restrictions
    known = restrictions.get("currency_options", {})
    for currency in options:
        param = f"restrictions[currency_options][{currency}]"
        if restrictions["minimum_amount"] is None:
            raise BillingError("Only codes with a minimum_amount have one in others.", param=param)
        if currency in (restrictions["minimum_amount_currency"], *known):
            raise BillingError("The least amounts of a promotion code never change.", param=param)
        lower_case_key(currency, "restrictions[currency_options]")
        known_currency(currency, param)
    more: _Options = {**known, **options}
    return restrictions | {"currency_options": more}


def _claims(ctx: Context, code: "PromotionCode") -> list[Claim]:
    """The claim on an active code's word; it is taken over from one that can be redeemed no more.

    BillingError if the word is that of an active code for others: one for everybody excludes those
    for single customers, and they exclude it.
    """
    if not code["active"]:
        return []
    claim = _claim(code)
    former = ctx.store.claim_holder(claim.kind, claim.value)
    if any(other["active"] for other in _rivals(ctx, code, former)):
        raise _taken(code)
    return [replace(claim, former=former)]


def _releases(ctx: Context, code: "PromotionCode") -> list[Claim]:
    """The claim of a code that ends, unless another has taken its word over."""
    claim = _claim(code)
    holder = ctx.store.claim_holder(claim.kind, claim.value)
    return [claim] if holder == code["id"] else []


def _rivals(ctx: Context, code: "PromotionCode", former: str | None) -> "Iterator[PromotionCode]":
    """The codes that may exclude one, as they are now; ``former`` last held its word."""
    now = judge(ctx)
    everybodys = _claim(code | {"customer": None})
    ids = [former, ctx.store.claim_holder(everybodys.kind, everybodys.value)]
    found = ctx.store.get_many(id_ for id_ in ids if id_ is not None and id_ != code["id"])
    yield from (now(document.body) for document in found.values())
    if code["customer"] is None:
        word = term_of("code", code["code"].casefold())
        for other in ctx.store.each(KIND, source=Source(terms=[word]), keep=_is_one_customers):
            yield now(other.body)


def _is_one_customers(code: "PromotionCode") -> bool:
    """Whether a code is for one customer, and nobody has ended it."""
    return code["customer"] is not None and code["active"]


def _claim(code: "PromotionCode") -> Claim:
    value = f"{code['customer'] or ''}:{code['code'].casefold()}"
    return Claim(_CLAIM, value, code["id"])


def _save(ctx: Context, change: Change, events: list[EventDraft], code: "PromotionCode") -> None:
    try:
        ctx.save(change, events, result_id=code["id"])
    except ClaimTaken:
        raise _taken(code) from None


def _taken(code: "PromotionCode") -> BillingError:
    return BillingError(f"An active promotion code with `code: {code['code']}` already exists.")


def _not_redeemable(code: "PromotionCode", param: str) -> BillingError:
    return BillingError(
        f"The promotion code {code['code']} cannot be active: it, or its coupon, has expired, is"
        " used up or is deleted.",
        param=param,
    )
