"""Discounts: coupons as they stand on a subscription, an invoice or an invoice item.

A discount is stored with what its coupon took off when it was redeemed, so that a deleted coupon
keeps its discounts. It counts for invoices created before its end; a discount for once ends with
the first invoice that it takes something off (contract section 5.5).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Final

from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.core.billing.discounts import Discount as CoreDiscount
from meterline.services.billing.private_states import DiscountTerms, InvoiceState, SubscriptionState
from meterline.services.billing.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Discount,
        Invoice,
        Subscription,
        SubscriptionItem,
    )
    from meterline.store.base.documents import Document

KIND: Final = "discount"


@frozen
class DiscountState(PrivateState):
    """What a discount remembers: its coupon's terms when it was redeemed."""

    STORED_AS_NULL: ClassVar = frozenset({"amount_off", "currency", "percent_off", "products"})

    created: int = 0
    amount_off: int | None = None
    currency: str | None = None
    duration: str = "forever"
    percent_off: str | None = None
    products: list[str] | None = None


@frozen
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
    own = active.on(subscription)
    if not own and not SubscriptionState.of(subscription).undiscounted:
        own = customers_discounts(uow, subscription["currency"])
        known |= {discount["id"]: discount for discount in own}
    return replace(active, own=own, of_items=of_items)


def inheriting(subscription: "Subscription", params: Mapping[str, object]) -> "Subscription":
    """A subscription that has the customer's discount while it has none, unless its phase wants
    none at all (``inherits_discount``, which only schedules say).
    """
    undiscounted = not params.get("inherits_discount", True) or None
    return replace(SubscriptionState.of(subscription), undiscounted=undiscounted).on(subscription)


def customers_discounts(uow: UnitOfWork, currency: str) -> "list[Discount]":
    """The discount of the customer, if it has one that counts now in a currency.

    What has no discount of its own inherits it: an invoice, or those of a subscription.
    """
    discount = uow.customer.get("discount")
    if discount is None or (discount["end"] is not None and discount["end"] <= uow.ctx.now):
        return []
    return [discount] if DiscountState.of(discount).currency in (None, currency) else []


def use_up_customers(uow: UnitOfWork, invoice: "Invoice") -> None:
    """Take the discount off the customer if it has ended, or is for once and ``invoice`` has it."""
    discount = uow.customer.get("discount")
    if discount is None:
        return
    has_ended = discount["end"] is not None and discount["end"] <= uow.ctx.now
    is_once = DiscountState.of(discount).duration == "once"
    used = {amount["discount"] for amount in invoice["total_discount_amounts"] if amount["amount"]}
    if has_ended or (is_once and discount["id"] in used):
        uow.customer = uow.customer | {"discount": None}
        uow.emit("customer.discount.deleted", discount)


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
