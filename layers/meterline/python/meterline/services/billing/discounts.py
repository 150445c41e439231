"""Discounts: coupons as they stand on a subscription, an invoice or an invoice item.

A discount is stored with what its coupon took off when it was redeemed, so that a deleted coupon
keeps its discounts. It counts for invoices created before its end; a discount for once ends with
the first invoice that it takes something off (contract section 5.5).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from meterline.core.base.errors import BillingError, no_such
from meterline.core.billing.discounts import CouponDuration, Discount, discount_end
from meterline.core.catalog.redemption import is_redeemable
from meterline.services.base.ids import new_id
from meterline.services.base.lookups import find
from meterline.services.billing.ledger import Ledger
from meterline.services.catalog.coupons import coupon_in
from meterline.store.base.documents import Body, Document

KIND = "discount"


@dataclass(frozen=True, slots=True)
class Standing:
    """The discounts that count now for a subscription: its own, and those of its items by id."""

    own: list[Body]
    of_items: Mapping[str, list[Body]]


def redeem(
    ledger: Ledger,
    given: Sequence[Body],
    currency: str | None,
    *,
    param: str = "discounts",
    **holder: str,
) -> list[Body]:
    """The discounts that the parameter ``discounts`` asks for: new ones, or kept ones by id.

    ``holder`` says what they stand on: ``subscription=…``, ``subscription_item=…``, ``invoice=…``
    or ``invoice_item=…``.
    """
    return [
        _kept(ledger, one["discount"], currency, f"{param}[{index}][discount]")
        if "discount" in one
        else _redeem_coupon(ledger, one["coupon"], currency, f"{param}[{index}]", holder)
        for index, one in enumerate(given)
    ]


def exchange_discounts(
    ledger: Ledger,
    stands_on: Body,
    given: Sequence[Body],
    *,
    param: str = "discounts",
    **holder: str,
) -> Body:
    """The ``discounts`` of a subscription or its item in place of those before, with their events.

    ``discount`` keeps one that is there.
    """
    currency = stands_on.get("currency") or stands_on["price"]["currency"]
    redeemed = redeem(ledger, given, currency, param=param, **holder)
    kept = set(discount_ids(redeemed))
    for one_id, gone in ledger.ctx.store.get_many(stands_on["discounts"]).items():
        if one_id not in kept:
            ledger.tell("customer.discount.deleted", gone.body)
    for discount in redeemed:
        if discount["id"] not in stands_on["discounts"]:
            ledger.tell("customer.discount.created", discount)
    return {"discounts": discount_ids(redeemed)}


def discounted_item(
    ledger: Ledger, item: Body, given: Sequence[Body], param: str = "discounts"
) -> Body:
    """An invoice item with the discounts that a request asks for, in place of those before."""
    redeemed = redeem(ledger, given, item["currency"], param=param, invoice_item=item["id"])
    return item | {
        "discounts": [one["id"] for one in redeemed],
        "_": item["_"] | {"discounts": [private_terms(one) for one in redeemed]},
    }


def with_own_discounts(ledger: Ledger, invoice: Body, given: Sequence[Body]) -> Body:
    """An invoice with the discounts that a request asks for, in place of those before."""
    redeemed = redeem(ledger, given, invoice["currency"], invoice=invoice["id"])
    return with_discounts(invoice, redeemed)


def with_discounts(invoice: Body, discounts: Sequence[Body]) -> Body:
    """An invoice with these discounts; its totals are for the caller to add up."""
    terms = [private_terms(one) for one in discounts]
    private = (invoice.get("_") or {}) | {"discounts": terms}
    return invoice | {"discounts": discount_ids(discounts), "_": private}


def standing_discounts(ledger: Ledger, subscription: Body) -> Standing:
    """The discounts that stand on a subscription and its items and count now, in their order."""
    items: list[Body] = subscription["items"]["data"]
    wanted = [*subscription["discounts"], *(one for item in items for one in item["discounts"])]
    found = ledger.read(wanted)
    now = ledger.ctx.now

    def counting(holder: Body) -> list[Body]:
        bodies = [found[one].body for one in holder["discounts"] if one in found]
        return [body for body in bodies if body["end"] is None or body["end"] > now]

    return Standing(counting(subscription), {item["id"]: counting(item) for item in items})


def discount_ids(discounts: Iterable[Body]) -> list[str]:
    """The ids of discounts, as what they stand on shows them."""
    return [discount["id"] for discount in discounts]


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


def after_invoice(subscription: Body, invoice: Body, standing: Standing) -> Body:
    """The subscription without the discounts for once that ``invoice`` has used up."""
    used = {one["discount"] for one in invoice["total_discount_amounts"] if one["amount"]}
    counted = [*standing.own, *(one for its in standing.of_items.values() for one in its)]
    once = {one["id"] for one in counted if one["_"]["duration"] == "once"}
    spent = used & once
    if not spent:
        return subscription
    items = [_without(item, spent) for item in subscription["items"]["data"]]
    listed = subscription["items"] | {"data": items}
    return _without(subscription, spent) | {"items": listed}


def with_discounts_of(subscription: Body, other: Body) -> Body:
    """The subscription, and its items, with the discounts that ``other``, the same one, has."""
    by_item = {item["id"]: item["discounts"] for item in other["items"]["data"]}
    items = [item | {"discounts": by_item[item["id"]]} for item in subscription["items"]["data"]]
    listed = subscription["items"] | {"data": items}
    return subscription | {"discounts": other["discounts"], "items": listed}


def _without(holder: Body, spent: Collection[str]) -> Body:
    return holder | {"discounts": [one for one in holder["discounts"] if one not in spent]}


def _kept(ledger: Ledger, discount_id: str, currency: str | None, param: str) -> Body:
    """A discount that the customer has already; an amount only where it is in its currency."""
    drafted = ledger.drafted(discount_id)
    body = (drafted or find(ledger.ctx, KIND, discount_id, param=param)).body
    if body["customer"] != ledger.customer.id:
        raise no_such(KIND, discount_id, param=param)
    if body["_"].get("currency") not in (None, currency):
        raise BillingError(
            f"The discount {discount_id} takes off {body['_']['currency']}, not {currency}.",
            param=param,
        )
    return body


def _redeem_coupon(
    ledger: Ledger, coupon_id: str, currency: str | None, param: str, holder: dict[str, str]
) -> Body:
    stored = find(ledger.ctx, "coupon", coupon_id, param=f"{param}[coupon]")
    whole = (ledger.drafted(coupon_id) or stored).body
    coupon = coupon_in(whole, currency)
    _check_redeemable(ledger, coupon, currency, param)
    redeemed = whole | {"times_redeemed": whole["times_redeemed"] + 1}
    ledger.put(replace(stored, body=redeemed))
    body = _new_discount(ledger, coupon, holder)
    ledger.put(
        Document(kind=KIND, livemode=ledger.ctx.livemode, body=body, parent=ledger.customer.id)
    )
    return body


def _new_discount(ledger: Ledger, coupon: Body, holder: dict[str, str]) -> Body:
    now = ledger.ctx.now
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
            "currency": coupon["currency"],
            "duration": coupon["duration"],
            "percent_off": coupon["percent_off"],
            "products": (coupon.get("applies_to") or {}).get("products"),
        },
    }


def _check_redeemable(ledger: Ledger, coupon: Body, currency: str | None, param: str) -> None:
    limits = {name: coupon[name] for name in ("redeem_by", "max_redemptions", "times_redeemed")}
    if not is_redeemable(ledger.ctx.wall_clock, **limits):
        raise BillingError(
            f"Coupon expired: {coupon['id']}", code="coupon_expired", param=f"{param}[coupon]"
        )
    if coupon["currency"] is not None and coupon["currency"] != currency:
        raise BillingError(
            f"The coupon {coupon['id']} takes off {coupon['currency']}, not {currency}.",
            param=f"{param}[coupon]",
        )
