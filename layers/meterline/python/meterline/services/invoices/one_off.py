"""One-time charges that a subscription's invoice bills: ``add_invoice_items``."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.money import check_amount
from meterline.core.base.periods import Period
from meterline.core.base.unset import merged_metadata
from meterline.core.catalog.rating import rate, rate_units
from meterline.services.billing.inline_prices import with_inline_prices
from meterline.services.billing.item_terms import item_period
from meterline.services.billing.line_taxes import requested_rates, taxed_item
from meterline.services.billing.private_states import ExplainedStep, InvoiceItemState
from meterline.services.billing.redemption import discounted_item
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.price_currencies import in_currency
from meterline.services.catalog.price_terms import price_plan
from meterline.services.invoices.drafting import product_names
from meterline.services.invoices.item_bodies import ItemTerms, new_item
from meterline.services.invoices.lines import steps_of
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import InvoiceItemChanges, InvoiceItemPeriod, Price, Subscription

_NAME = "add_invoice_items"
_OF_THE_ITEMS = {
    "start": {"type": "max_item_period_start"},
    "end": {"type": "min_item_period_end"},
}
"""The period of an item if a request does not say another."""


def add_one_off_items(
    uow: UnitOfWork, subscription: "Subscription", requested: Sequence[Mapping[str, Any]]
) -> None:
    """Add pending items for prices that are paid once, billed with the subscription."""
    described = with_inline_prices(uow, requested, _NAME)
    found = uow.read(str(charge["price"]) for charge in described)
    for index, charge in enumerate(described):
        param = f"{_NAME}[{index}]"
        document = found.get(charge["price"])
        if document is None or document.kind != "price":
            raise no_such("price", charge["price"], param=f"{param}[price]")
        quantity = Decimal(charge.get("quantity", 1))
        terms = one_off_terms(uow, document.body, quantity, subscription, f"{param}[price]")
        item = new_item(uow, terms) | _described(subscription, charge, param, uow)
        if charge.get("discounts"):
            item = discounted_item(uow, item, charge["discounts"], f"{param}[discounts]")
        if charge.get("tax_rates"):
            rates = requested_rates(uow, charge["tax_rates"], (), f"{param}[tax_rates]")
            item = taxed_item(item, rates)
        uow.add_item(item)


def one_off_terms(
    uow: UnitOfWork,
    price: "Price",
    quantity: Decimal,
    subscription: "Subscription | None",
    param: str,
) -> ItemTerms:
    """The terms of an item that bills a one-time price; refused for others.

    The price is taken in the currency of the subscription, or in that of the customer.
    """
    price = in_currency(price, (subscription or uow.customer)["currency"])
    if price["type"] != "one_time":
        raise BillingError(
            f"The price specified is set to `type=recurring` but this field only accepts prices"
            f" with `type=one_time`: {price['id']}.",
            param=param,
        )
    if subscription is not None and subscription["currency"] != price["currency"]:
        raise BillingError(
            f"The subscription is in {subscription['currency']}, not in {price['currency']}.",
            param=param,
        )
    names = product_names(uow, [price])
    amount, steps = _rated(price, quantity)
    check_amount(amount, price["currency"], param)
    now = uow.ctx.now
    return ItemTerms(
        amount=amount,
        currency=price["currency"],
        period=Period(now, now),
        description=names[price["product"]].name if price["product"] in names else None,
        quantity=quantity,
        price=price,
        discountable=amount >= 0,
        subscription=subscription["id"] if subscription else None,
        state=InvoiceItemState(explanation={"steps": steps, "full_amount": amount}),
    )


def _rated(price: "Price", quantity: Decimal) -> tuple[int, list[ExplainedStep]]:
    """What a quantity costs; a price made for one item may also be a credit."""
    unit = price["unit_amount_decimal"]
    if unit is not None and Decimal(unit) < 0:
        rated = rate_units(Decimal(unit), quantity)
    else:
        rated = rate(price_plan(price), quantity)
    return rated.amount_minor, steps_of(rated)


def _described(
    subscription: "Subscription", requested: Body, param: str, uow: UnitOfWork
) -> "InvoiceItemChanges":
    """What a request says about an item beside its price."""
    metadata = merged_metadata({}, requested.get("metadata"), f"{param}[metadata]")
    described: InvoiceItemChanges = {"metadata": metadata}
    if "discountable" in requested:
        described["discountable"] = requested["discountable"]
    period = requested.get("period", _OF_THE_ITEMS)
    described["period"] = _period(subscription, period, f"{param}[period]", uow.ctx.now)
    return described


def _period(
    subscription: "Subscription", requested: Body, param: str, now: int
) -> "InvoiceItemPeriod":
    """The period that an item is for: as requested, or that of the subscription's items."""
    periods = [item_period(item) for item in subscription["items"]["data"]]
    bounds = {
        "now": now,
        "max_item_period_start": max(period.start for period in periods),
        "min_item_period_end": min(period.end for period in periods),
    }
    start = _bound(requested["start"], bounds, f"{param}[start]")
    end = _bound(requested["end"], bounds, f"{param}[end]")
    if end < start:
        raise BillingError("A period cannot end before it starts.", param=f"{param}[end]")
    return {"start": start, "end": end}


def _bound(requested: Body, bounds: Mapping[str, int], param: str) -> int:
    if requested["type"] != "timestamp":
        return bounds[requested["type"]]
    if "timestamp" not in requested:
        raise BillingError(
            f"Missing required param: {param}[timestamp].",
            code="parameter_missing",
            param=f"{param}[timestamp]",
        )
    return int(requested["timestamp"])
