"""The items that a request asks for, with their prices."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.money import check_amount
from meterline.core.base.periods import Interval
from meterline.core.base.unset import merged_metadata
from meterline.core.billing.invoicing import BillingMode
from meterline.core.billing.mixed_intervals import check_mixed_intervals, shortest_interval
from meterline.core.catalog.plans import recurring_of
from meterline.services.billing.inline_prices import with_inline_prices
from meterline.services.billing.purchases import fee_of
from meterline.services.billing.subscription_bodies import ItemTerms
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.price_currencies import in_currency
from meterline.services.catalog.price_terms import interval_of

if TYPE_CHECKING:
    from meterline.core.base.wire import Price

MAX_ITEMS = 20


def item_terms(
    uow: UnitOfWork,
    items: Sequence[Mapping[str, Any]],
    mode: BillingMode,
    currency: str | None = None,
) -> list[ItemTerms]:
    """The requested items with their prices; refused if they cannot stand on one subscription.

    Without a ``currency`` prices are in the customer's, or in that of the first.
    """
    items = with_inline_prices(uow, items, "items")
    prices = recurring_prices(uow, items, currency or uow.customer["currency"])
    if currency is not None:
        check_sold_in(prices, items, currency)
    terms = [
        ItemTerms(
            prices[item["price"]],
            quantity_of(prices[item["price"]], item, f"items[{index}]"),
            merged_metadata({}, item.get("metadata"), f"items[{index}][metadata]"),
        )
        for index, item in enumerate(items)
    ]
    for index, term in enumerate(terms):
        check_fee(term.price, term.quantity, f"items[{index}]")
    check_together([term.price for term in terms], mode)
    return terms


def recurring_prices(
    uow: UnitOfWork, items: Sequence[Mapping[str, Any]], currency: str | None
) -> dict[str, "Price"]:
    """The prices that items name, by id; each must be recurring, and active, made for it, or
    ``agreed`` on before.

    Each is as it is sold in ``currency``, or in that of the first; a price that is not sold in it
    stays as it is.
    """
    found = uow.read(str(item["price"]) for item in items if "price" in item)
    prices: dict[str, Price] = {}
    for index, item in enumerate(items):
        if "price" in item:
            param = f"items[{index}][price]"
            document = found.get(item["price"])
            if document is None or document.kind != "price":
                raise no_such("price", item["price"], param=param)
            _check_recurring(document.body, param)
            if uow.drafted(document.id) is None and document.id not in uow.agreed:
                _check_active(document.body, param)
            prices[document.id] = price = in_currency(document.body, currency)
            currency = currency or price["currency"]
    return prices


def check_sold_in(
    prices: Mapping[str, "Price"], items: Sequence[Mapping[str, Any]], currency: str
) -> None:
    """Refuse items whose price has no amount in a currency."""
    for index, item in enumerate(items):
        if "price" in item and prices[item["price"]]["currency"] != currency:
            raise BillingError(
                f"The price {item['price']} is not sold in {currency}: give it an amount in"
                " `currency_options`, or use another.",
                param=f"items[{index}][price]",
            )


def quantity_of(price: "Price", item: Mapping[str, Any], param: str) -> int | None:
    """How many licences an item asks for; None if its price is metered."""
    if recurring_of(price)["usage_type"] != "metered":
        return int(item.get("quantity", 1))
    if "quantity" in item:
        raise BillingError(
            f"Price {price['id']} is metered: its quantity is the usage of its meter. Leave out"
            " `quantity`.",
            param=f"{param}[quantity]",
        )
    return None


def check_fee(price: "Price", quantity: int | None, param: str, *, paid_minor: int = 0) -> None:
    """Refuse licences whose fee for a period is too large for one line.

    A fee of ``paid_minor`` before the change may become smaller, even if it is still too large.
    """
    amount = fee_of(price, quantity)
    if amount > paid_minor:
        check_amount(amount, price["currency"], f"{param}[quantity]")


def check_together(prices: Sequence["Price"], mode: BillingMode) -> None:
    """Refuse prices that cannot stand on one subscription.

    One currency, each price once, at most 20; in classic mode one interval, in flexible mode
    intervals that are multiples of the shortest (contract sections 5.1 and 5.7).
    """
    if not prices:
        raise BillingError("A subscription needs at least one item.", param="items")
    if len(prices) > MAX_ITEMS:
        raise BillingError(f"A subscription can have at most {MAX_ITEMS} items.", param="items")
    first = prices[0]
    for index, price in enumerate(prices):
        param = f"items[{index}][price]"
        if price["currency"] != first["currency"]:
            raise BillingError(
                f"All prices of a subscription must have one currency; {price['id']} is in"
                f" {price['currency']} and {first['id']} in {first['currency']}.",
                param=param,
            )
        if mode is BillingMode.CLASSIC and interval_of(price) != interval_of(first):
            raise BillingError(
                f"All prices of a classic subscription must have one interval; {price['id']}"
                f" recurs every {interval_of(price)} and {first['id']} every {interval_of(first)}.",
                param=param,
            )
        if any(price["id"] == other["id"] for other in prices[:index]):
            raise BillingError(
                "Cannot create a Subscription with multiple Subscription Items with the same Price:"
                f" {price['id']}",
                param="plan",
            )
    check_mixed_intervals(interval_of(price) for price in prices)


def own_interval(prices: Iterable["Price"]) -> Interval:
    """The interval that a subscription's own cycle follows: the shortest of its prices."""
    return shortest_interval(interval_of(price) for price in prices)


def _check_recurring(price: "Price", param: str) -> None:
    if price["type"] != "recurring":
        raise BillingError(
            f"The price specified is set to `type=one_time` but this field only accepts prices with"
            f" `type=recurring`. Use a recurring price instead of {price['id']}.",
            param=param,
        )


def _check_active(price: "Price", param: str) -> None:
    if not price["active"]:
        raise BillingError(
            f"The price specified is inactive. This field only accepts active prices: activate"
            f" {price['id']} or use another.",
            param=param,
        )
