"""Charges for once that ride on a subscription: ``add_invoice_items``."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from meterline.core.errors import BillingError, no_such
from meterline.core.periods import Period
from meterline.core.rating import rate
from meterline.services.invoices.drafting import product_names
from meterline.services.invoices.item_bodies import ItemTerms, new_item
from meterline.services.invoices.ledger import Ledger
from meterline.services.invoices.lines import steps_of
from meterline.services.terms import price_plan
from meterline.store.documents import Body


def add_one_off_items(
    ledger: Ledger, subscription: Body, wanted: Sequence[Mapping[str, Any]]
) -> None:
    """Add pending items for prices that are paid once, billed with the subscription."""
    found = ledger.ctx.store.get_many(str(one["price"]) for one in wanted)
    for index, one in enumerate(wanted):
        param = f"add_invoice_items[{index}][price]"
        document = found.get(one["price"])
        if document is None or document.kind != "price":
            raise no_such("price", one["price"], param=param)
        terms = one_off_terms(
            ledger, document.body, Decimal(one.get("quantity", 1)), subscription, param
        )
        ledger.add_item(new_item(ledger, terms))


def one_off_terms(
    ledger: Ledger, price: Body, quantity: Decimal, subscription: Body | None, param: str
) -> ItemTerms:
    """The terms of an item that bills a one-time price; refused for others."""
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
    names = product_names(ledger.ctx, [price])
    rated = rate(price_plan(price), quantity)
    now = ledger.ctx.now
    return ItemTerms(
        amount=rated.amount_minor,
        currency=price["currency"],
        period=Period(now, now),
        description=names.get(price["product"]),
        quantity=quantity,
        price=price,
        subscription=subscription["id"] if subscription else None,
        private={"explanation": {"steps": steps_of(rated), "full_amount": rated.amount_minor}},
    )
