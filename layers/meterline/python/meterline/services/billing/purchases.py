"""What a purchase comes to before discounts: what least amounts of promotion codes are held to."""

from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.catalog.rating import rate
from meterline.services.catalog.price_terms import price_plan

if TYPE_CHECKING:
    from meterline.core.base.wire import Price, Subscription, SubscriptionItem


def purchase_minor(stands_on: "Subscription | SubscriptionItem") -> int:
    """What the licences of a subscription, or one item of it, cost for a whole period."""
    if stands_on["object"] == "subscription_item":
        return fee_of(stands_on["price"], stands_on.get("quantity"))
    return sum(map(purchase_minor, stands_on["items"]["data"]))


def fee_of(price: "Price", quantity: int | None) -> int:
    """What licences cost for a whole period, in minor units; usage (None) has no fee."""
    return 0 if quantity is None else rate(price_plan(price), Decimal(quantity)).amount_minor
