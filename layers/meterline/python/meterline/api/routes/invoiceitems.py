"""``/v1/invoiceitems``: what is charged or credited once, on the next invoice or a draft."""

from meterline.api.lists import Keep, listing, retrieve, under
from meterline.api.operations import delete, post
from meterline.api.params import idle
from meterline.api.params.specs import (
    Param,
    Params,
    boolean,
    decimal_,
    integer,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.api.routes.shared import ONE_TIME_PRICE_DATA, currency, discounts, tax_rates
from meterline.core.base.money import MAX_AMOUNT_MINOR
from meterline.services.base.context import Context
from meterline.services.billing.invoice_bodies import item_of_line
from meterline.services.billing.pending_items import pending_items
from meterline.services.invoices.item_verbs import (
    create_invoice_item,
    delete_invoice_item,
    update_invoice_item,
)
from meterline.store.billing.repository import Source

_KIND = "invoiceitem"
_PATH = "/v1/invoiceitems"

_CONTENT: dict[str, Param] = {
    "amount": integer(minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
    "discountable": boolean(),
    "discounts": discounts(),
    "metadata": metadata(),
    "period": object_(start=timestamp(required=True), end=timestamp(required=True)),
    "price": string(),
    "price_data": ONE_TIME_PRICE_DATA,
    "pricing": object_(price=string(required=True)),
    "quantity": integer(minimum=0),
    "quantity_decimal": decimal_(minimum=0),
    "unit_amount": integer(minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
    "unit_amount_decimal": decimal_(),
    "tax_rates": tax_rates(),
    **idle.LINE,
}
_ONE_AMOUNT = [
    ("amount", "price", "price_data", "pricing", "unit_amount", "unit_amount_decimal"),
    ("quantity", "quantity_decimal"),
]

_FILTERS = object_(customer=string(), invoice=string(), pending=boolean())


def _keep(params: Params) -> Keep:
    same = [name for name in ("customer", "invoice") if name in params]
    pending = params.get("pending")
    return lambda body: (
        all(body[name] == params[name] for name in same)
        and pending in (None, body["invoice"] is None)
    )


def _from(ctx: Context, params: Params) -> Source:
    """The items of an invoice are known from its lines, those that wait from their customer."""
    if "invoice" in params:
        invoice = ctx.store.get(params["invoice"])
        lines = invoice.body["lines"]["data"] if invoice and invoice.kind == "invoice" else []
        return Source(ids=[item for item in map(item_of_line, lines) if item])
    if "customer" in params and params.get("pending"):
        customer = ctx.store.get(params["customer"])
        is_one = customer is not None and customer.kind == "customer"
        return Source(ids=pending_items(ctx, customer).ids() if customer and is_one else [])
    return under("customer")(ctx, params)


ITEM_OPERATIONS = (
    post(
        _PATH,
        _KIND,
        create_invoice_item,
        object_(
            {
                "customer": string(),
                "currency": currency(),
                "description": string(),
                "invoice": string(),
                "subscription": string(),
                **_CONTENT,
            },
            exclusive=_ONE_AMOUNT,
            one_of=[("customer", "invoice")],
        ),
    ),
    retrieve(_PATH + "/{id}", _KIND),
    post(
        _PATH + "/{id}",
        _KIND,
        update_invoice_item,
        object_({"description": string(emptyable=True), **_CONTENT}, exclusive=_ONE_AMOUNT),
    ),
    delete(_PATH + "/{id}", _KIND, delete_invoice_item),
    listing(_PATH, _KIND, filters=_FILTERS, keep=_keep, narrow=_from),
)
