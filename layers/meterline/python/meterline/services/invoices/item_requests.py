"""What requests say about invoice items: their amount in one of its spellings, and all the rest.

Items are described by ``/v1/invoiceitems``, by the lines of an invoice, and by previews. ``at`` is
the parameter that holds the description (``lines[0]``), for refusals; the request itself has none.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from meterline.core.base.errors import BillingError, param_inside
from meterline.core.base.money import check_amount, check_charge, known_currency
from meterline.core.base.periods import Period
from meterline.core.base.unset import merged_metadata, or_none
from meterline.core.catalog.rating import rate_units
from meterline.services.base.lookups import find
from meterline.services.billing.inline_prices import inline_price, one_off_price
from meterline.services.billing.line_taxes import requested_rates, taxed_item
from meterline.services.billing.private_states import InvoiceItemState, LineState, TimeSpan
from meterline.services.billing.redemption import discounted_item
from meterline.services.billing.tier_lines import without_billed_before
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.catalog.price_currencies import in_currency
from meterline.services.invoices.item_bodies import ItemTerms, new_item
from meterline.services.invoices.lines import steps_of
from meterline.services.invoices.one_off import one_off_terms
from meterline.store.base.documents import Body

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Invoice,
        InvoiceItem,
        InvoiceItemChanges,
        InvoiceItemPeriod,
        InvoiceLinePeriod,
        Price,
        Subscription,
    )

_PRICED = ("amount", "price", "price_data", "pricing", "unit_amount", "unit_amount_decimal")
_QUANTITIES = ("quantity_decimal", "quantity")
_REPRICING = {*_PRICED, *_QUANTITIES}
_UNNAMED = "Invoice item"


def requested_item(
    uow: UnitOfWork, params: Body, subscription: "Subscription | None" = None, *, at: str = ""
) -> "InvoiceItem":
    """A new invoice item as a request describes it; nothing is stored.

    With ``subscription`` it belongs to that one, and must be in its currency.
    """
    item = new_item(uow, _terms(uow, params, subscription, at))
    item = _described(item | {"discountable": item["amount"] >= 0}, params, at)
    if subscription is not None:
        check_currency(subscription, item, at)
    return _taxed(uow, _discounted(uow, item, params, at), params, at)


def changed_item(
    uow: UnitOfWork, item: "InvoiceItem", params: Body, *, at: str = ""
) -> "InvoiceItem":
    """An invoice item with what a request changes about it; amounts of prorations stay."""
    repriced = _described(_repriced(uow, item, params, at), params, at)
    return _taxed(uow, _discounted(uow, repriced, params, at), params, at)


def check_currency(
    other: "Invoice | InvoiceItem | Subscription", item: "InvoiceItem", at: str = ""
) -> None:
    """Refuse an item in another currency than what it is to stand on."""
    if other["currency"] != item["currency"]:
        raise BillingError(
            f"The currency must be {other['currency']}, not {item['currency']}.",
            param=param_inside(at, "currency"),
        )


def _terms(
    uow: UnitOfWork, params: Body, subscription: "Subscription | None", at: str
) -> ItemTerms:
    quantity = Decimal(params.get("quantity", 1))
    quantity = params.get("quantity_decimal", quantity)
    price, param = _price(uow, params, at)
    if price is not None:
        return one_off_terms(uow, price, quantity, subscription, param)
    if "currency" not in params:
        raise _missing(param_inside(at, "currency"))
    known_currency(params["currency"], param_inside(at, "currency"))
    unit = _unit_amount(params, quantity, at)
    rated = rate_units(unit, quantity)
    quantified = next((name for name in _QUANTITIES if name in params), "amount")
    check_amount(rated.amount_minor, params["currency"], param_inside(at, quantified))
    if "amount" in params:
        check_charge(rated.amount_minor, params["currency"], param_inside(at, "amount"))
    return ItemTerms(
        amount=rated.amount_minor,
        currency=params["currency"],
        period=Period(uow.ctx.now, uow.ctx.now),
        description=None,
        quantity=quantity,
        price=one_off_price(uow, params["currency"], unit, _name(params)),
        subscription=subscription["id"] if subscription else None,
        state=InvoiceItemState(
            explanation={"steps": steps_of(rated), "full_amount": rated.amount_minor}
        ),
    )


def _price(uow: UnitOfWork, params: Body, at: str) -> "tuple[Price | None, str]":
    """The price that a request names or makes, and the parameter that does."""
    if "price_data" in params:
        param = param_inside(at, "price_data")
        return _asked(inline_price(uow, params["price_data"], param), params, param), param
    if "price" in params:
        param = param_inside(at, "price")
        price = find(uow.ctx, "price", params["price"], param=param).body
        return _asked(price, params, param), param
    if "pricing" in params:
        param = param_inside(param_inside(at, "pricing"), "price")
        price = find(uow.ctx, "price", params["pricing"]["price"], param=param).body
        return _asked(price, params, param), param
    return None, at


def _asked(price: "Price", params: Body, param: str) -> "Price":
    """A price in the currency that a request asks for; as it is if it asks for none."""
    currency = params.get("currency")
    sold = price if currency is None else in_currency(price, currency)
    if currency is not None and sold["currency"] != currency:
        raise BillingError(
            f"The price {price['id']} is in {sold['currency']} and not sold in {currency}.",
            param=param,
        )
    return sold


def _unit_amount(params: Body, quantity: Decimal, at: str) -> Decimal:
    """The amount of one unit: as requested, or the amount of an item whose quantity is one."""
    unit = params.get("unit_amount_decimal", params.get("unit_amount"))
    if unit is not None:
        return Decimal(unit)
    if "amount" not in params:
        raise BillingError(
            "Provide amount, unit_amount_decimal, price_data or pricing.",
            code="parameter_missing",
            param=param_inside(at, "amount"),
        )
    if quantity != 1:
        raise BillingError(
            "You may only specify one of these parameters: amount, quantity.",
            code="parameters_exclusive",
            param=param_inside(at, "amount"),
        )
    return Decimal(params["amount"])


def _described(item: "InvoiceItem", params: Body, at: str) -> "InvoiceItem":
    """The item with what a request says about it."""
    changes: InvoiceItemChanges = {}
    state = InvoiceItemState.of(item)
    if "description" in params:
        changes["description"] = or_none(params["description"])
        state = _worded(state, changes["description"])
    if "metadata" in params:
        name = param_inside(at, "metadata")
        changes["metadata"] = merged_metadata(item["metadata"], params["metadata"], name)
    if "discountable" in params:
        changes["discountable"] = params["discountable"] and not item["proration"]
    if "period" in params:
        changes["period"] = requested_period(params, at)
        if state.meter is not None:
            state = still_billing(state, item["period"])
    return state.on(item | changes)


def requested_period(params: Body, at: str) -> "InvoiceLinePeriod":
    """The period that a request lets an item or a line show."""
    start, end = params["period"]["start"], params["period"]["end"]
    if end < start:
        raise BillingError(
            "A period cannot end before it starts.",
            param=param_inside(param_inside(at, "period"), "end"),
        )
    return {"start": start, "end": end}


def still_billing[S: LineState](state: S, shown: "InvoiceLinePeriod | InvoiceItemPeriod") -> S:
    """What is remembered of something that is to show another period than it bills."""
    former: TimeSpan = {"start": shown["start"], "end": shown["end"]}
    return replace(state, billed_period=state.billed_period or former)


def _worded(state: InvoiceItemState, description: str | None) -> InvoiceItemState:
    """The state of an item whose description a request gives: counting anew leaves it."""
    return state if state.meter is None else replace(state, described=description or "")


def _repriced(uow: UnitOfWork, item: "InvoiceItem", params: Body, at: str) -> "InvoiceItem":
    """The item at another amount, quantity or price."""
    if _REPRICING.isdisjoint(params):
        return item
    if item["proration"]:
        raise BillingError(
            "The amount of a proration cannot be changed.", param=param_inside(at, "amount")
        )
    terms = {"currency": item["currency"], "description": item["description"], **params}
    if params.keys().isdisjoint(_PRICED):
        terms |= _priced_as_before(item)
    rated = new_item(uow, _terms(uow, terms, None, at))
    check_currency(item, rated, at)
    repriced = item | {
        "amount": rated["amount"],
        "net_amount": rated["net_amount"],
        "pricing": rated["pricing"],
        "quantity": rated["quantity"],
        "quantity_decimal": rated["quantity_decimal"],
    }
    if (rated["amount"] < 0) != (item["amount"] < 0):
        repriced["discountable"] = rated["amount"] >= 0  # as a new item of that sign
    return _by_no_usage(item, rated).on(repriced)


def _name(params: Body) -> str:
    """What the product of a plain item is called."""
    return or_none(params.get("description")) or _UNNAMED


def _by_no_usage(item: "InvoiceItem", rated: "InvoiceItem") -> InvoiceItemState:
    """The state of an item whose amount a request has set: it bills usage no more."""
    explanation = InvoiceItemState.of(rated).explanation
    state = replace(InvoiceItemState.of(item), explanation=explanation, meter=None)
    return without_billed_before(state)


def _priced_as_before(item: "InvoiceItem") -> Mapping[str, object]:
    """The parameters that price an item as it is."""
    pricing = item["pricing"]
    if pricing is not None and "price_details" in pricing:
        return {"pricing": {"price": pricing["price_details"]["price"]}}
    unit = pricing and pricing["unit_amount_decimal"]
    assert unit, "an item without a price has an amount for one"  # noqa: S101
    return {"unit_amount_decimal": Decimal(unit)}


def _discounted(uow: UnitOfWork, item: "InvoiceItem", params: Body, at: str) -> "InvoiceItem":
    if "discounts" not in params:
        return item
    return discounted_item(uow, item, params["discounts"] or [], param_inside(at, "discounts"))


def _taxed(uow: UnitOfWork, item: "InvoiceItem", params: Body, at: str) -> "InvoiceItem":
    """The item with the tax rates that a request asks for."""
    if "tax_rates" not in params:
        return item
    param = param_inside(at, "tax_rates")
    return taxed_item(item, requested_rates(uow, params["tax_rates"], item["tax_rates"], param))


def _missing(param: str) -> BillingError:
    return BillingError(f"Missing required param: {param}.", code="parameter_missing", param=param)
