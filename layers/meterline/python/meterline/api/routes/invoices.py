"""``/v1/invoices``: reading, previewing, finalising and settling."""

from meterline.api.lists import (
    Keep,
    Listing,
    list_operation,
    listing,
    page_of,
    retrieve,
)
from meterline.api.params import Params, boolean, enum, object_, string
from meterline.api.router import Routes, post
from meterline.api.searching import searching
from meterline.services.context import Context
from meterline.services.invoices.bodies import subscription_of
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.preview import create_preview
from meterline.services.invoices.settle import mark_uncollectible, pay_invoice, void_invoice
from meterline.services.lookups import find

_KIND = "invoice"

_FILTERS = object_(
    collection_method=enum("charge_automatically", "send_invoice"),
    customer=string(),
    status=enum("draft", "open", "paid", "uncollectible", "void"),
    subscription=string(),
)


def _keep(params: Params) -> Keep:
    same = [name for name in ("collection_method", "customer", "status") if name in params]
    subscription = params.get("subscription")
    return lambda body: (
        all(body[name] == params[name] for name in same)
        and subscription in (None, subscription_of(body))
    )


def _list_lines(ctx: Context, invoice_id: str, params: Params) -> Listing:
    invoice = find(ctx, _KIND, invoice_id)
    return page_of(invoice.body["lines"]["data"], params)


ROUTES = Routes(
    [
        list_operation("/v1/invoices/{id}/lines", "line_item", _list_lines),
        post(
            "/v1/invoices/create_preview",
            _KIND,
            create_preview,
            object_(
                customer=string(), subscription=string(), one_of=[("subscription", "customer")]
            ),
        ),
        retrieve("/v1/invoices/{id}", _KIND),
        post(
            "/v1/invoices/{id}/finalize",
            _KIND,
            finalize_invoice,
            object_(auto_advance=boolean()),
        ),
        post("/v1/invoices/{id}/pay", _KIND, pay_invoice, object_(paid_out_of_band=boolean())),
        post("/v1/invoices/{id}/void", _KIND, void_invoice),
        post("/v1/invoices/{id}/mark_uncollectible", _KIND, mark_uncollectible),
        searching("/v1/invoices/search", _KIND),
        listing("/v1/invoices", _KIND, filters=_FILTERS, keep=_keep, parent="customer"),
    ]
)
