"""Redeeming coupons and promotion codes into discounts.

What a request asks for is judged by the real clock, and counted in the commit that stores the
discount: so limits hold whoever redeems at the same time (contract sections 5.5 and G).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.frozen import frozen
from meterline.core.billing.discounts import CouponDuration, discount_end
from meterline.core.catalog.redemption import can_redeem, is_active, least_purchase_minor
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import check_named_once, find
from meterline.services.billing.discounts import (
    KIND,
    DiscountState,
    discount_ids,
    discount_terms,
    with_discounts,
)
from meterline.services.billing.private_states import InvoiceItemState
from meterline.services.billing.purchases import purchase_minor
from meterline.services.billing.subscription_bodies import items_of
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.coupons import coupon_in
from meterline.store.base.documents import Body, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Coupon,
        Discount,
        Invoice,
        InvoiceItem,
        InvoiceLine,
        PromotionCode,
        Subscription,
        SubscriptionItem,
    )

_NO_TRANSACTION = ("draft", "void")
"""Invoices that are no transaction of a customer: nothing is owed by them."""


@frozen
class Purchase:
    """What is discounted: its currency (None while it has none), and what it comes to undiscounted.

    ``stands_on`` names the object that has the discount: ``{"subscription": "sub_…"}``, or an
    item, invoice or invoice item. ``standing`` are the ids of those that it has so far.
    """

    currency: str | None
    amount_minor: int
    stands_on: dict[str, str]
    standing: Sequence[str] = ()


def redeem(
    uow: UnitOfWork, requested: Sequence[Body], purchase: Purchase, param: str = "discounts"
) -> "list[Discount]":
    """The discounts that the parameter ``discounts`` asks for: new ones, or kept ones by id.

    One that is named twice is refused: it counts once. So is one for once that an invoice has had,
    but where it was agreed on: a schedule's phases go on naming it, and it counts no more.
    """
    for name in ("discount", "promotion_code"):
        check_named_once(requested, name, param)
    return [
        _redeemed(uow, entry, purchase, f"{param}[{index}]")
        for index, entry in enumerate(requested)
        if not _is_over(uow, entry, purchase)
    ]


def redeem_one(uow: UnitOfWork, requested: Mapping[str, str], purchase: Purchase) -> "Discount":
    """The discount that the parameter of this name asks for: a coupon's, or a code's."""
    [(name, value)] = requested.items()
    if name == "promotion_code":
        return _redeem_code(uow, value, purchase, name)
    return _redeem_coupon(uow, value, purchase, name)


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
    purchase = Purchase(currency, purchase_minor(stands_on), holder, stands_on["discounts"])
    redeemed = redeem(uow, requested, purchase, param)
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
    holder, standing = {"invoice_item": item["id"]}, item["discounts"]
    purchase = Purchase(item["currency"], item["amount"], holder, standing)
    redeemed = redeem(uow, requested, purchase, param)
    terms = [discount_terms(discount) for discount in redeemed]
    state = replace(InvoiceItemState.of(item), discounts=terms)
    return state.on(item | {"discounts": discount_ids(redeemed)})


def with_own_discounts(
    uow: UnitOfWork, invoice: "Invoice", lines: "Iterable[InvoiceLine]", requested: Sequence[Body]
) -> "Invoice":
    """An invoice of these lines with the discounts that a request asks for, in place of those
    before; its totals are for the caller to add up.
    """
    purchase = invoice_purchase(invoice, sum(line["amount"] for line in lines))
    return with_discounts(invoice, redeem(uow, requested, purchase))


def invoice_purchase(
    invoice: "Invoice", amount_minor: int, line: "InvoiceLine | None" = None
) -> Purchase:
    """What is discounted of an invoice: all of it, or one line."""
    standing = [*invoice["discounts"], *(line["discounts"] if line else ())]
    return Purchase(invoice["currency"], amount_minor, {"invoice": invoice["id"]}, standing)


def _redeemed(
    uow: UnitOfWork, entry: Mapping[str, str], purchase: Purchase, param: str
) -> "Discount":
    if "discount" in entry:
        return _kept(uow, entry["discount"], purchase, f"{param}[discount]")
    if "promotion_code" in entry:
        return _redeem_code(uow, entry["promotion_code"], purchase, f"{param}[promotion_code]")
    return _redeem_coupon(uow, entry["coupon"], purchase, f"{param}[coupon]")


def _kept(uow: UnitOfWork, discount_id: str, purchase: Purchase, param: str) -> "Discount":
    """A discount that the customer has already; an amount only where it is in its currency."""
    drafted: Document[Discount] | None = uow.drafted(discount_id)
    body = (drafted or find(uow.ctx, KIND, discount_id, param=param)).body
    if body["customer"] != uow.stored_customer.id:
        raise no_such(KIND, discount_id, param=param)
    if _is_spent(uow, body, purchase):
        raise BillingError(
            f"The discount {discount_id} was for one invoice and stands on nothing any more: name"
            " its coupon to redeem that again.",
            code="resource_missing",
            param=param,
        )
    own_currency, currency = DiscountState.of(body).currency, purchase.currency
    if own_currency not in (None, currency):
        raise BillingError(
            f"The discount {discount_id} takes off {own_currency}, not {currency}.",
            param=param,
        )
    return body


def _is_over(uow: UnitOfWork, entry: Mapping[str, str], purchase: Purchase) -> bool:
    """Whether an entry names a discount that a schedule has agreed on, and an invoice has had."""
    discount_id = entry.get("discount")
    if discount_id is None or discount_id not in uow.agreed:
        return False
    found: Document[Discount] | None = uow.ctx.store.get(discount_id)
    return found is not None and _is_spent(uow, found.body, purchase)


def _is_spent(uow: UnitOfWork, discount: "Discount", purchase: Purchase) -> bool:
    """Whether a discount for once stands no more where it stood: on what is discounted, the
    customer, or the subscription and its items.
    """
    if DiscountState.of(discount).duration != "once" or discount["id"] in purchase.standing:
        return False
    customers = uow.customer.get("discount")
    if customers is not None and customers["id"] == discount["id"]:
        return False
    home: Document[Subscription] | None = (
        uow.ctx.store.get(discount["subscription"]) if discount["subscription"] else None
    )
    if home is None:
        return True
    standing = (home.body, *items_of(home.body))
    return not any(discount["id"] in holder["discounts"] for holder in standing)


def _redeem_code(uow: UnitOfWork, code_id: str, purchase: Purchase, param: str) -> "Discount":
    stored = find(uow.ctx, "promotion_code", code_id, param=param)
    drafted: Document[PromotionCode] | None = uow.drafted(code_id)
    code = (drafted or stored).body
    coupon_id = code["promotion"]["coupon"] or ""
    coupon: Document[Coupon] | None = uow.drafted(coupon_id) or uow.ctx.store.get(coupon_id)
    alive = coupon is not None and not coupon.body.get("deleted")
    if code_id not in uow.agreed:
        _check_code(uow, code, coupon.body if coupon and alive else None, param)
        _check_restrictions(uow, code, purchase, param)
    redeemed = code | {"times_redeemed": code["times_redeemed"] + 1}
    uow.put(replace(stored, body=redeemed))
    return _redeem_coupon(uow, coupon_id, purchase, param, code_id)


def _check_code(
    uow: UnitOfWork, code: "PromotionCode", coupon: "Coupon | None", param: str
) -> None:
    if code["customer"] not in (None, uow.stored_customer.id):
        raise _cannot_redeem("it is for another customer", param)
    most = code["max_redemptions"]
    if most is not None and code["times_redeemed"] >= most:
        raise _cannot_redeem("it has been used the maximum number of times", param)
    if not is_active(code, coupon, uow.ctx.wall_clock):
        raise _cannot_redeem("it, or its coupon, is not active any more", param)


def _check_restrictions(
    uow: UnitOfWork, code: "PromotionCode", purchase: Purchase, param: str
) -> None:
    least = least_purchase_minor(code, purchase.currency)
    if least is None or purchase.amount_minor < least:
        raise _cannot_redeem(
            "the associated purchase does not meet the minimum amount requirement", param
        )
    if code["restrictions"]["first_time_transaction"] and _has_transactions(uow):
        raise _cannot_redeem(
            "the associated customer has prior transactions",
            param,
            code="promotion_code_customer_not_first_time",
        )


def _has_transactions(uow: UnitOfWork) -> bool:
    """Whether the customer was ever billed; what is still a draft, or void, does not count."""
    invoices = uow.ctx.store.each(
        "invoice",
        parent=uow.stored_customer.id,
        keep=lambda invoice: invoice["status"] not in _NO_TRANSACTION,
        batch_size=10,
    )
    return next(invoices, None) is not None


def _cannot_redeem(why: str, param: str, code: str | None = None) -> BillingError:
    return BillingError(
        f"This promotion code cannot be redeemed because {why}.", code=code, param=param
    )


def _redeem_coupon(
    uow: UnitOfWork, coupon_id: str, purchase: Purchase, param: str, code_id: str | None = None
) -> "Discount":
    stored = find(uow.ctx, "coupon", coupon_id, param=param)
    drafted: Document[Coupon] | None = uow.drafted(coupon_id)
    whole = (drafted or stored).body
    coupon = coupon_in(whole, purchase.currency)
    if not {coupon_id, code_id} & uow.agreed:
        _check_coupon(uow, coupon, purchase.currency, param)
    redeemed = whole | {"times_redeemed": whole["times_redeemed"] + 1}
    uow.put(replace(stored, body=redeemed))
    body = _new_discount(uow, coupon, purchase.stands_on, code_id)
    uow.put(
        Document(kind=KIND, livemode=uow.ctx.livemode, body=body, parent=uow.stored_customer.id)
    )
    return body


def _new_discount(
    uow: UnitOfWork, coupon: "Coupon", holder: dict[str, str], code_id: str | None
) -> "Discount":
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
        "promotion_code": code_id,
        "source": {"type": "coupon", "coupon": coupon["id"]},
        "start": now,
        "subscription": holder.get("subscription"),
        "subscription_item": holder.get("subscription_item"),
    }
    return state.on(discount)


def _check_coupon(uow: UnitOfWork, coupon: "Coupon", currency: str | None, param: str) -> None:
    if not can_redeem(coupon, uow.ctx.wall_clock):
        raise BillingError(f"Coupon expired: {coupon['id']}", code="coupon_expired", param=param)
    if currency is not None and coupon["currency"] not in (None, currency):
        raise BillingError(
            f"The coupon {coupon['id']} takes off {coupon['currency']}, not {currency}.",
            param=param,
        )
