"""Discounts: coupons as they stand on a subscription, an invoice or an invoice item.

A discount is stored with what its coupon took off when it was redeemed, so that a deleted coupon
keeps its discounts. It counts for invoices created before its end; a discount for once ends with
the first invoice that it takes something off (contract section 5.5).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from meterline.core.discounts import CouponDuration, Discount, discount_end
from meterline.core.errors import BillingError
from meterline.services.context import Context
from meterline.services.ids import new_id
from meterline.services.invoices.ledger import Ledger
from meterline.services.lookups import find
from meterline.store.documents import Body, Document

KIND = "discount"
MAX_DISCOUNTS = 20


def redeem(
    ledger: Ledger, given: Sequence[Body], currency: str | None, **holder: str
) -> list[Body]:
    """The discounts that the parameter ``discounts`` asks for: new ones, or kept ones by id.

    ``holder`` says what they stand on: ``subscription=…``, ``invoice=…`` or ``invoice_item=…``.
    """
    redeemed = []
    for index, one in enumerate(given):
        param = f"discounts[{index}]"
        if "discount" in one:
            redeemed.append(
                find(ledger.ctx, KIND, one["discount"], param=f"{param}[discount]").body
            )
        else:
            redeemed.append(_redeem_coupon(ledger, one["coupon"], currency, param, holder))
    return redeemed


def discounts_of(ctx: Context, holder: Body, ledger: Ledger | None = None) -> list[Body]:
    """The discounts that stand on a subscription and count now, in their order."""
    ids: list[str] = list(holder["discounts"])
    found = {one_id: document.body for one_id, document in ctx.store.get_many(ids).items()}
    for one_id in ids if ledger else ():
        drafted = ledger.drafted(one_id) if ledger else None
        if drafted is not None:
            found[one_id] = drafted.body
    bodies = [found[one_id] for one_id in ids if one_id in found]
    return [body for body in bodies if body["end"] is None or body["end"] > ctx.now]


def private_terms(discount: Body) -> Body:
    """What is remembered of a discount wherever it counts."""
    return {"id": discount["id"], **discount["_"]}


def core_discount(terms: Body) -> Discount:
    """The core's value of remembered terms."""
    percent = terms["percent_off"]
    products = terms["products"]
    return Discount(
        id=terms["id"],
        percent_off=None if percent is None else Decimal(percent),
        amount_off_minor=terms["amount_off"],
        product_ids=None if products is None else frozenset(products),
    )


def core_discounts(discounts: Iterable[Body]) -> list[Discount]:
    """The core's values of discount objects."""
    return [core_discount(private_terms(discount)) for discount in discounts]


def after_invoice(subscription: Body, invoice: Body, discounts: Iterable[Body]) -> Body:
    """The subscription without the discounts for once that ``invoice`` has used up."""
    used = {one["discount"] for one in invoice["total_discount_amounts"] if one["amount"]}
    spent = {one["id"] for one in discounts if one["_"]["duration"] == "once" and one["id"] in used}
    return subscription | {
        "discounts": [one for one in subscription["discounts"] if one not in spent]
    }


def _redeem_coupon(
    ledger: Ledger, coupon_id: str, currency: str | None, param: str, holder: dict[str, str]
) -> Body:
    stored = find(ledger.ctx, "coupon", coupon_id, param=f"{param}[coupon]")
    coupon = (ledger.drafted(coupon_id) or stored).body
    _check_redeemable(ledger, coupon, currency, param)
    redeemed = coupon | {"times_redeemed": coupon["times_redeemed"] + 1}
    ledger.put(replace(stored, body=redeemed))
    body = _new_discount(ledger, coupon, holder)
    ledger.put(
        Document(kind=KIND, livemode=ledger.ctx.livemode, body=body, parent=ledger.customer.id)
    )
    return body


def _new_discount(ledger: Ledger, coupon: Body, holder: dict[str, str]) -> Body:
    now = ledger.ctx.now
    percent = coupon["percent_off"]
    return {
        "id": new_id("di_"),
        "object": KIND,
        "checkout_session": None,
        "customer": ledger.customer.id,
        "customer_account": None,
        "end": discount_end(CouponDuration(coupon["duration"]), coupon["duration_in_months"], now),
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"type": "coupon", "coupon": coupon["id"]},
        "start": now,
        "subscription": None,
        "subscription_item": None,
        **holder,
        "_": {
            "created": now,
            "amount_off": coupon["amount_off"],
            "duration": coupon["duration"],
            "percent_off": None if percent is None else str(percent),
            "products": (coupon.get("applies_to") or {}).get("products"),
        },
    }


def _check_redeemable(ledger: Ledger, coupon: Body, currency: str | None, param: str) -> None:
    most, until = coupon["max_redemptions"], coupon["redeem_by"]
    expired = until is not None and until < ledger.ctx.now
    if expired or (most is not None and coupon["times_redeemed"] >= most):
        raise BillingError(
            f"Coupon expired: {coupon['id']}", code="coupon_expired", param=f"{param}[coupon]"
        )
    if coupon["currency"] is not None and coupon["currency"] != currency:
        raise BillingError(
            f"The coupon {coupon['id']} takes off {coupon['currency']}, not {currency}.",
            param=f"{param}[coupon]",
        )
