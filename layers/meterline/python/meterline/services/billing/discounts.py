"""Discounts: coupons as they stand on a subscription, an invoice or an invoice item.

A discount is stored with what its coupon took off when it was redeemed, so that a deleted coupon
keeps its discounts. It counts for invoices created before its end; a discount for once ends with
the first invoice that it takes something off (contract section 5.5).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Final

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.private_state import PrivateState
from meterline.core.billing.discounts import CouponDuration, discount_end
from meterline.core.billing.discounts import Discount as CoreDiscount
from meterline.core.catalog.redemption import is_redeemable
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import check_named_once, find
from meterline.services.billing.private_states import DiscountTerms, InvoiceItemState, InvoiceState
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.coupons import coupon_in
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Coupon,
        Discount,
        Invoice,
        InvoiceItem,
        Subscription,
        SubscriptionItem,
    )

KIND: Final = "discount"


@dataclass(frozen=True, slots=True)
class DiscountState(PrivateState):
    """What a discount remembers: its coupon's terms when it was redeemed."""

    STORED_AS_NULL: ClassVar = frozenset({"amount_off", "currency", "percent_off", "products"})

    created: int = 0
    amount_off: int | None = None
    currency: str | None = None
    duration: str = "forever"
    percent_off: str | None = None
    products: list[str] | None = None


@dataclass(frozen=True, slots=True)
class ActiveDiscounts:
    """The discounts that count now for a subscription: its own, and those of its items by id.

    ``known`` are all of them by their ids, also those of items as they were.
    """

    own: "list[Discount]"
    of_items: "Mapping[str, list[Discount]]"
    known: "Mapping[str, Discount]" = field(default_factory=dict)

    def on(self, holder: "Subscription | SubscriptionItem") -> "list[Discount]":
        """Those that stand on a subscription or an item, as it is or was, in their order."""
        return [self.known[id_] for id_ in holder["discounts"] if id_ in self.known]


def redeem(
    uow: UnitOfWork,
    requested: Sequence[Body],
    currency: str | None,
    *,
    param: str = "discounts",
    **holder: str,
) -> "list[Discount]":
    """The discounts that the parameter ``discounts`` asks for: new ones, or kept ones by id.

    ``holder`` says what they stand on: ``subscription=…``, ``subscription_item=…``, ``invoice=…``
    or ``invoice_item=…``. One that is named twice is refused: it counts once.
    """
    check_named_once(requested, "discount", param)
    return [
        _kept(uow, entry["discount"], currency, f"{param}[{index}][discount]")
        if "discount" in entry
        else _redeem_coupon(uow, entry["coupon"], currency, f"{param}[{index}]", holder)
        for index, entry in enumerate(requested)
    ]


def exchange_discounts(
    uow: UnitOfWork,
    stands_on: "Subscription | SubscriptionItem",
    requested: Sequence[Body],
    *,
    param: str = "discounts",
    **holder: str,
) -> list[str]:
    """The ids of the discounts that a subscription or its item has in place of those before.

    Emits what was created and deleted; ``discount`` keeps one that is there.
    """
    currency = (
        stands_on["currency"]
        if stands_on["object"] == "subscription"
        else stands_on["price"]["currency"]
    )
    redeemed = redeem(uow, requested, currency, param=param, **holder)
    redeemed_ids = discount_ids(redeemed)
    for discount_id, gone in uow.ctx.store.get_many(stands_on["discounts"]).items():
        if discount_id not in redeemed_ids:
            uow.emit("customer.discount.deleted", gone.body)
    for discount in redeemed:
        if discount["id"] not in stands_on["discounts"]:
            uow.emit("customer.discount.created", discount)
    return redeemed_ids


def discounted_item(
    uow: UnitOfWork, item: "InvoiceItem", requested: Sequence[Body], param: str = "discounts"
) -> "InvoiceItem":
    """An invoice item with the discounts that a request asks for, in place of those before."""
    redeemed = redeem(uow, requested, item["currency"], param=param, invoice_item=item["id"])
    terms = [discount_terms(discount) for discount in redeemed]
    state = replace(InvoiceItemState.of(item), discounts=terms)
    return state.on(item | {"discounts": discount_ids(redeemed)})


def with_own_discounts(uow: UnitOfWork, invoice: "Invoice", requested: Sequence[Body]) -> "Invoice":
    """An invoice with the discounts that a request asks for, in place of those before."""
    redeemed = redeem(uow, requested, invoice["currency"], invoice=invoice["id"])
    return with_discounts(invoice, redeemed)


def with_discounts(invoice: "Invoice", discounts: Sequence["Discount"]) -> "Invoice":
    """An invoice with these discounts; its totals are for the caller to add up."""
    terms = [discount_terms(discount) for discount in discounts]
    state = replace(InvoiceState.of(invoice), discounts=terms)
    return state.on(invoice | {"discounts": discount_ids(discounts)})


def active_discounts(
    uow: UnitOfWork, subscription: "Subscription", former: "Iterable[SubscriptionItem]" = ()
) -> ActiveDiscounts:
    """The discounts that stand on a subscription and its items and count now, in their order.

    Those of ``former`` items are known too: of items as they were before a change.
    """
    items = subscription["items"]["data"]
    ids = [
        *subscription["discounts"],
        *(discount for item in (*items, *former) for discount in item["discounts"]),
    ]
    found: dict[str, Document[Discount]] = uow.read(ids)
    bodies = (document.body for document in found.values())
    now = uow.ctx.now
    known = {body["id"]: body for body in bodies if body["end"] is None or body["end"] > now}
    active = ActiveDiscounts([], {}, known)
    of_items = {item["id"]: active.on(item) for item in items}
    return replace(active, own=active.on(subscription), of_items=of_items)


def discount_ids(discounts: Iterable["Discount"]) -> list[str]:
    """The ids of discounts, as what they stand on shows them."""
    return [discount["id"] for discount in discounts]


def discount_terms(discount: "Discount") -> DiscountTerms:
    """What is remembered of a discount wherever it counts."""
    state = DiscountState.of(discount)
    return {
        "id": discount["id"],
        "created": state.created,
        "amount_off": state.amount_off,
        "currency": state.currency,
        "duration": state.duration,
        "percent_off": state.percent_off,
        "products": state.products,
    }


def core_discount(terms: DiscountTerms) -> CoreDiscount:
    """The core's value of remembered terms."""
    percent = terms["percent_off"]
    products = terms["products"]
    return CoreDiscount(
        id=terms["id"],
        percent_off=None if percent is None else Decimal(percent),
        amount_off_minor=terms["amount_off"],
        product_ids=None if products is None else frozenset(products),
    )


def core_discounts(discounts: Iterable["Discount"]) -> list[CoreDiscount]:
    """The core's values of discount objects."""
    return [core_discount(discount_terms(discount)) for discount in discounts]


def after_invoice(
    subscription: "Subscription", invoice: "Invoice", standing: ActiveDiscounts
) -> "Subscription":
    """The subscription without the discounts for once that ``invoice`` has used up."""
    used = {amount["discount"] for amount in invoice["total_discount_amounts"] if amount["amount"]}
    of_items = (discount for of_item in standing.of_items.values() for discount in of_item)
    once = {
        discount["id"]
        for discount in (*standing.own, *of_items)
        if DiscountState.of(discount).duration == "once"
    }
    spent = used & once
    if not spent:
        return subscription
    items = [_without(item, spent) for item in subscription["items"]["data"]]
    listed = subscription["items"] | {"data": items}
    return _without(subscription, spent) | {"items": listed}


def with_discounts_of(subscription: "Subscription", other: "Subscription") -> "Subscription":
    """The subscription, and its items, with the discounts that ``other``, the same one, has."""
    by_item = {item["id"]: item["discounts"] for item in other["items"]["data"]}
    items = [item | {"discounts": by_item[item["id"]]} for item in subscription["items"]["data"]]
    listed = subscription["items"] | {"data": items}
    return subscription | {"discounts": other["discounts"], "items": listed}


def _without[H: (Subscription, SubscriptionItem)](holder: H, spent: Collection[str]) -> H:
    return holder | {
        "discounts": [discount for discount in holder["discounts"] if discount not in spent]
    }


def _kept(uow: UnitOfWork, discount_id: str, currency: str | None, param: str) -> "Discount":
    """A discount that the customer has already; an amount only where it is in its currency."""
    drafted: Document[Discount] | None = uow.drafted(discount_id)
    body = (drafted or find(uow.ctx, KIND, discount_id, param=param)).body
    if body["customer"] != uow.stored_customer.id:
        raise no_such(KIND, discount_id, param=param)
    own_currency = DiscountState.of(body).currency
    if own_currency not in (None, currency):
        raise BillingError(
            f"The discount {discount_id} takes off {own_currency}, not {currency}.",
            param=param,
        )
    return body


def _redeem_coupon(
    uow: UnitOfWork, coupon_id: str, currency: str | None, param: str, holder: dict[str, str]
) -> "Discount":
    stored = find(uow.ctx, "coupon", coupon_id, param=f"{param}[coupon]")
    drafted: Document[Coupon] | None = uow.drafted(coupon_id)
    whole = (drafted or stored).body
    coupon = coupon_in(whole, currency)
    _check_redeemable(uow, coupon, currency, param)
    redeemed = whole | {"times_redeemed": whole["times_redeemed"] + 1}
    uow.put(replace(stored, body=redeemed))
    body = _new_discount(uow, coupon, holder)
    uow.put(
        Document(kind=KIND, livemode=uow.ctx.livemode, body=body, parent=uow.stored_customer.id)
    )
    return body


def _new_discount(uow: UnitOfWork, coupon: "Coupon", holder: dict[str, str]) -> "Discount":
    now = uow.ctx.now
    state = DiscountState(
        created=now,
        amount_off=coupon["amount_off"],
        currency=coupon["currency"],
        duration=coupon["duration"],
        percent_off=coupon["percent_off"],
        products=coupon["applies_to"]["products"] if coupon.get("applies_to") else None,
    )
    discount: Discount = {
        "id": new_object_id(KIND),
        "object": KIND,
        "checkout_session": None,
        "customer": uow.stored_customer.id,
        "customer_account": None,
        "end": discount_end(CouponDuration(coupon["duration"]), coupon["duration_in_months"], now),
        "invoice": holder.get("invoice"),
        "invoice_item": holder.get("invoice_item"),
        "promotion_code": None,
        "source": {"type": "coupon", "coupon": coupon["id"]},
        "start": now,
        "subscription": holder.get("subscription"),
        "subscription_item": holder.get("subscription_item"),
    }
    return state.on(discount)


def _check_redeemable(uow: UnitOfWork, coupon: "Coupon", currency: str | None, param: str) -> None:
    if not is_redeemable(
        uow.ctx.wall_clock,
        redeem_by=coupon["redeem_by"],
        max_redemptions=coupon["max_redemptions"],
        times_redeemed=coupon["times_redeemed"],
    ):
        raise BillingError(
            f"Coupon expired: {coupon['id']}", code="coupon_expired", param=f"{param}[coupon]"
        )
    if coupon["currency"] is not None and coupon["currency"] != currency:
        raise BillingError(
            f"The coupon {coupon['id']} takes off {coupon['currency']}, not {currency}.",
            param=f"{param}[coupon]",
        )
