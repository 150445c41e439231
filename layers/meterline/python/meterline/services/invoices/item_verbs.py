"""Invoice items as requests make them: pending for the next invoice, or on a draft at once."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from meterline.core.errors import BillingError
from meterline.core.money import minor_digits, round_half_up
from meterline.core.periods import Period
from meterline.core.unset import merged_metadata, or_none
from meterline.services.context import Context
from meterline.services.invoices.bodies import invoice_lines, with_totals
from meterline.services.invoices.discounts import discounted_item
from meterline.services.invoices.item_bodies import ItemTerms, item_line, new_item
from meterline.services.invoices.ledger import Ledger, open_ledger
from meterline.services.invoices.one_off import one_off_terms
from meterline.services.lookups import find, on_customers_time
from meterline.store.documents import Body, Document

KIND = "invoiceitem"


def create_invoice_item(ctx: Context, params: Body) -> Body:
    """Charge or credit something once: on the next invoice, or on the draft that is named."""
    ledger = _ledger_for(ctx, params)
    subscription = _subscription(ledger, params)
    item = _described(new_item(ledger, _terms(ledger, params, subscription)), params)
    if subscription is not None:
        _check_currency(subscription, item)
    if params.get("discounts"):
        item = discounted_item(ledger, item, params["discounts"])
    ledger.add_item(item)
    if "invoice" in params:
        draft = editable_draft(ledger.ctx, params["invoice"], param="invoice")
        _check_currency(draft.body, item)
        item = ledger.take_item(ledger.pending.added[item["id"]], draft.id)
        put_lines(ledger, draft, [*invoice_lines(draft.body), item_line(item, draft.id)])
    ledger.save(result_id=item["id"])
    return item


def update_invoice_item(ctx: Context, item_id: str, params: Body) -> Body:
    """Change an item that is on no invoice, or on a draft; proration amounts stay."""
    document = find(ctx, KIND, item_id)
    ledger = _ledger_for(ctx, {"customer": document.body["customer"]})
    item = _described(_repriced(ledger, document.body, params), params)
    if "discounts" in params:
        item = discounted_item(ledger, item, params["discounts"] or [])
    written = replace(document, body=item)
    ledger.amend_item(written)
    if document.body["invoice"] is not None:
        draft = editable_draft(ctx, document.body["invoice"])
        line = item_line(item, draft.id)
        lines = [line if one["id"] == line["id"] else one for one in invoice_lines(draft.body)]
        put_lines(ledger, draft, lines)
    ledger.save(result_id=item_id)
    return item


def delete_invoice_item(ctx: Context, item_id: str, params: Body) -> Body:  # noqa: ARG001 - a route
    """Delete an item that is on no invoice, or on a draft, which then loses its line."""
    document = find(ctx, KIND, item_id)
    ledger = _ledger_for(ctx, {"customer": document.body["customer"]})
    if document.body["invoice"] is not None:
        draft = editable_draft(ctx, document.body["invoice"])
        line_id = item_line(document.body, draft.id)["id"]
        put_lines(ledger, draft, [one for one in invoice_lines(draft.body) if one["id"] != line_id])
    ledger.drop_item(document)
    ledger.save(result_id=item_id)
    return {"id": item_id, "object": KIND, "deleted": True}


def editable_draft(ctx: Context, invoice_id: str, *, param: str = "id") -> Document:
    """An invoice that is still a draft; any other is refused, as it never changes."""
    document = find(ctx, "invoice", invoice_id, param=param)
    if document.body["status"] != "draft":
        raise BillingError(
            "This invoice is no longer editable: finalized invoices never change.",
            code="invoice_not_editable",
        )
    return document


def put_lines(ledger: Ledger, draft: Document, lines: list[Body]) -> Body:
    """Store a draft with other lines, and the totals that follow from them."""
    body = with_totals(draft.body, lines, starting_balance=int(ledger.account["balance"]))
    ledger.put(replace(draft, body=body))
    ledger.tell("invoice.updated", body, draft.body)
    return body


def _ledger_for(ctx: Context, params: Body) -> Ledger:
    if "customer" in params:
        customer_id = params["customer"]
    else:
        customer_id = find(ctx, "invoice", params["invoice"], param="invoice").body["customer"]
    customer = find(ctx, "customer", customer_id, param="customer")
    return open_ledger(on_customers_time(ctx, customer), customer)


def _subscription(ledger: Ledger, params: Body) -> Body | None:
    if "subscription" not in params:
        return None
    body = find(ledger.ctx, "subscription", params["subscription"], param="subscription").body
    if body["customer"] != ledger.customer.id:
        raise BillingError(
            f"The subscription {body['id']} belongs to another customer.", param="subscription"
        )
    return body


def _terms(ledger: Ledger, params: Body, subscription: Body | None) -> ItemTerms:
    quantity = Decimal(params.get("quantity", 1))
    if "pricing" in params:
        price = find(ledger.ctx, "price", params["pricing"]["price"], param="pricing[price]").body
        return one_off_terms(ledger, price, quantity, subscription, "pricing[price]")
    if "currency" not in params:
        raise BillingError(
            "Missing required param: currency.", code="parameter_missing", param="currency"
        )
    minor_digits(params["currency"])
    unit, amount = _amount(params, quantity)
    return ItemTerms(
        amount=amount,
        currency=params["currency"],
        period=Period(ledger.ctx.now, ledger.ctx.now),
        description=None,
        quantity=quantity,
        unit_amount=unit,
        subscription=subscription["id"] if subscription else None,
        private={"explanation": {"steps": [], "full_amount": amount}},
    )


def _amount(params: Body, quantity: Decimal) -> tuple[Decimal, int]:
    """The unit amount and the amount: given whole, or as a unit amount times a quantity."""
    if "unit_amount_decimal" in params:
        unit = params["unit_amount_decimal"]
        return unit, round_half_up(unit * quantity)
    if "amount" not in params:
        raise BillingError(
            "Provide amount, unit_amount_decimal or pricing.",
            code="parameter_missing",
            param="amount",
        )
    if quantity != 1:
        raise BillingError("amount is for one: use unit_amount_decimal.", param="quantity")
    return Decimal(params["amount"]), int(params["amount"])


def _described(item: Body, params: Body) -> Body:
    """The item with what a request says about it."""
    changes: dict[str, Any] = {}
    if "description" in params:
        changes["description"] = or_none(params["description"])
    if "metadata" in params:
        changes["metadata"] = merged_metadata(item["metadata"], params["metadata"])
    if "discountable" in params:
        changes["discountable"] = params["discountable"] and not item["proration"]
    if "period" in params:
        start, end = params["period"]["start"], params["period"]["end"]
        if end < start:
            raise BillingError("A period cannot end before it starts.", param="period[end]")
        changes["period"] = {"start": start, "end": end}
    return item | changes


def _repriced(ledger: Ledger, item: Body, params: Body) -> Body:
    """The item at another amount, quantity or price."""
    if not {"amount", "quantity", "unit_amount_decimal", "pricing"} & params.keys():
        return item
    if item["proration"]:
        raise BillingError("The amount of a proration cannot be changed.", param="amount")
    given = {"currency": item["currency"], **params}
    if {"amount", "pricing", "unit_amount_decimal"}.isdisjoint(params):
        given |= _priced_as_before(item)
    again = new_item(ledger, _terms(ledger, given, None))
    names = ("amount", "net_amount", "pricing", "quantity", "quantity_decimal")
    _check_currency(item, again)
    return item | {name: again[name] for name in names} | {"_": item["_"] | again["_"]}


def _priced_as_before(item: Body) -> Body:
    pricing = item["pricing"] or {}
    if "price_details" in pricing:
        return {"pricing": {"price": pricing["price_details"]["price"]}}
    return {"unit_amount_decimal": Decimal(pricing["unit_amount_decimal"])}


def _check_currency(other: Body, item: Body) -> None:
    if other["currency"] != item["currency"]:
        raise BillingError(
            f"The currency must be {other['currency']}, not {item['currency']}.", param="currency"
        )
