"""``/v1/invoices``: making, reading, previewing, finalising, sending and settling."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from meterline.api.lists import (
    Keep,
    Listing,
    Shown,
    by_facets,
    created_range,
    list_operation,
    listing,
    page_of,
    retrieve,
    under,
)
from meterline.api.operations import Answer, delete, get, post
from meterline.api.params import idle
from meterline.api.params.specs import (
    RANGE,
    Object,
    Param,
    Params,
    array,
    boolean,
    decimal_,
    enum,
    integer,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.api.router import Routes
from meterline.api.routes.invoiceitems import ITEM_OPERATIONS
from meterline.api.routes.schedule_params import PREVIEW_DETAILS as SCHEDULE_DETAILS
from meterline.api.routes.shared import (
    ACCOUNT_TAX_IDS,
    AUTOMATIC_TAX,
    CUSTOM_FIELDS,
    LINE_CONTENT,
    ONE_LINE_AMOUNT,
    ONE_TIME_PRICE_DATA,
    SHIPPING,
    SIGNED_AMOUNT,
    TAX_ID,
    address,
    currency,
    discounts,
    tax_rates,
)
from meterline.api.routes.subscription_params import PREVIEW_DETAILS
from meterline.api.searching import searching
from meterline.core.base.frozen import frozen
from meterline.core.base.money import MAX_AMOUNT_MINOR
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.invoice_bodies import invoice_lines, subscription_of
from meterline.services.customers.tax_ids import MOST_TAX_IDS
from meterline.services.invoices.explanation import explanation_of
from meterline.services.invoices.finalize import finalize_invoice
from meterline.services.invoices.hosted_urls import renew_hosted_url, revoke_hosted_url
from meterline.services.invoices.line_verbs import (
    add_lines,
    find_line,
    remove_lines,
    update_line,
    update_lines,
)
from meterline.services.invoices.manual import (
    create_invoice,
    delete_invoice,
    send_invoice,
    update_invoice,
)
from meterline.services.invoices.pay_or_close import (
    attach_payment,
    mark_uncollectible,
    pay_invoice,
    void_invoice,
)
from meterline.services.invoices.payments import payment_id
from meterline.store.billing.repository import Source

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice

_KIND: Final = "invoice"
MOST_EXPLAINED_LINES = 250
"""Lines of an invoice that one answer explains."""

_FILTERS = object_(
    collection_method=enum("charge_automatically", "send_invoice"),
    customer=string(),
    due_date=RANGE,
    status=enum("draft", "open", "void", "paid", "uncollectible"),
    subscription=string(),
)


def _keep(params: Params) -> Keep:
    same = [name for name in ("collection_method", "customer", "status") if name in params]
    subscription = params.get("subscription")
    first, last = created_range(params.get("due_date"))

    def is_due_then(body: Params) -> bool:
        due = body["due_date"]
        return "due_date" not in params or (due is not None and first <= due <= last)

    return lambda body: (
        is_due_then(body)
        and all(body[name] == params[name] for name in same)
        and subscription in (None, subscription_of(body))
    )


def _from(ctx: Context, params: Params) -> Source:
    """The invoices of a subscription stand under its customer."""
    if "subscription" not in params:
        return by_facets(ctx, params)
    subscription = ctx.store.get(params["subscription"])
    is_one = subscription is not None and subscription.kind == "subscription"
    return Source(parents=[subscription.body["customer"]] if subscription and is_one else [])


_PAYMENT = "invoice_payment"
_PAYMENT_FILTERS = object_(
    invoice=string(),
    payment=object_(
        payment_record=string(), type=enum("payment_intent", "payment_record", required=True)
    ),
    status=enum("canceled", "open", "paid"),
)


def _keep_payment(params: Params) -> Keep:
    same = [name for name in ("invoice", "status") if name in params]
    payment = params.get("payment", {}).items()
    return lambda body: (
        all(body[name] == params[name] for name in same)
        and all(body["payment"].get(name) == value for name, value in payment)
    )


def _payments_from(ctx: Context, params: Params) -> Source:  # noqa: ARG001 - a route
    """The payment of an invoice has an id that follows from it."""
    if "invoice" in params:
        return Source(ids=[payment_id(params["invoice"])])
    return Source()


def _list_lines(ctx: Context, invoice_id: str, params: Params) -> Listing:
    invoice = find(ctx, _KIND, invoice_id)
    return page_of(invoice.body["lines"]["data"], params)


@frozen(kw_only=True)
class ExplanationPage(Listing):
    """Lines of an invoice whose explanation is asked for."""

    invoice: "Invoice"

    def answer(self, shown: Sequence[Any], path: str) -> Shown:  # noqa: ARG002 - as lists have it
        """The explanation of these lines."""
        return {**explanation_of(self.invoice, shown), "has_more": self.has_more}


def explain_invoice(ctx: Context, invoice_id: str, params: Params) -> ExplanationPage:
    """Why an invoice says what it says: of a long one as many lines as one answer takes."""
    invoice = find(ctx, _KIND, invoice_id).body
    page = page_of(invoice_lines(invoice), {**params, "limit": MOST_EXPLAINED_LINES})
    return ExplanationPage(page.bodies, page.has_more, invoice=invoice)


_AFTER = object_(starting_after=string())
_PREVIEWED_ITEM = object_(
    {
        "amount": integer(minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
        "currency": currency(),
        "description": string(),
        "discountable": boolean(),
        "discounts": discounts(),
        "invoiceitem": string(),
        "metadata": metadata(),
        "period": object_(start=timestamp(required=True), end=timestamp(required=True)),
        "price": string(),
        "price_data": ONE_TIME_PRICE_DATA,
        "quantity": integer(minimum=0),
        "quantity_decimal": decimal_(minimum=0),
        "tax_rates": tax_rates(),
        **SIGNED_AMOUNT,
        **idle.LINE,
    },
    exclusive=[
        ("amount", "price", "price_data", *SIGNED_AMOUNT),
        ("quantity", "quantity_decimal"),
    ],
)
_PREVIEW = object_(
    idle.PREVIEW,
    automatic_tax=AUTOMATIC_TAX,
    currency=currency(),
    customer=string(),
    schedule=string(),
    schedule_details=SCHEDULE_DETAILS,
    customer_details=object_(
        address=address(emptyable=True),
        shipping=SHIPPING,
        tax_exempt=enum("exempt", "none", "reverse", emptyable=True),
        tax_ids=array(TAX_ID, max_items=MOST_TAX_IDS),
    ),
    discounts=discounts(),
    invoice_items=array(_PREVIEWED_ITEM, max_items=250),
    preview_mode=enum("next", "recurring"),
    subscription=string(),
    subscription_details=PREVIEW_DETAILS,
    one_of=[("subscription", "customer", "schedule")],
)

_FIELDS: dict[str, Param] = {
    "account_tax_ids": ACCOUNT_TAX_IDS,
    "auto_advance": boolean(),
    "automatic_tax": AUTOMATIC_TAX,
    "automatically_finalizes_at": timestamp(),
    "collection_method": enum("charge_automatically", "send_invoice"),
    "custom_fields": CUSTOM_FIELDS,
    "days_until_due": integer(minimum=0),
    "default_tax_rates": tax_rates(),
    "description": string(max_length=1_500, emptyable=True),
    "discounts": discounts(),
    "due_date": timestamp(),
    "effective_at": timestamp(emptyable=True),
    "footer": string(emptyable=True),
    "metadata": metadata(),
    "number": string(max_length=26, emptyable=True),
    "statement_descriptor": string(max_length=22),
    **idle.INVOICE,
}
_DUE = [("days_until_due", "due_date")]

_CREATE = object_(
    {
        "currency": currency(),
        "customer": string(),
        "pending_invoice_items_behavior": enum("include", "exclude"),
        "subscription": string(),
        **_FIELDS,
    },
    exclusive=_DUE,
    one_of=[("customer", "subscription")],
)


def _lines(line: Object) -> Object:
    """Lines of an invoice that a request adds, changes or removes."""
    lines = array(line, required=True, min_items=1, max_items=250)
    return object_(lines=lines, invoice_metadata=metadata())


_NEW_LINE = object_(LINE_CONTENT, invoice_item=string(), exclusive=ONE_LINE_AMOUNT)
_CHANGED_LINE = object_(LINE_CONTENT, id=string(required=True), exclusive=ONE_LINE_AMOUNT)
_REMOVED_LINE = object_(
    id=string(required=True), behavior=enum("delete", "unassign", required=True)
)

_PAY = object_(idle.INVOICE_PAYMENT, paid_out_of_band=boolean())


def _preview(ctx: Context, params: Params) -> "Invoice":
    """The only request about invoices that needs what subscriptions do."""
    from meterline.services.previews.preview import create_preview  # noqa: PLC0415 - seldom needed

    return create_preview(ctx, params)


ROUTES = Routes(
    [
        post("/v1/invoices", _KIND, create_invoice, _CREATE),
        post("/v1/invoices/create_preview", _KIND, _preview, _PREVIEW),
        retrieve("/v1/invoices/{id}", _KIND, param="invoice"),
        post("/v1/invoices/{id}", _KIND, update_invoice, object_(_FIELDS, exclusive=_DUE)),
        delete("/v1/invoices/{id}", _KIND, delete_invoice),
        list_operation("/v1/invoices/{id}/lines", "line_item", _list_lines),
        post("/v1/invoices/{id}/add_lines", _KIND, add_lines, _lines(_NEW_LINE)),
        post("/v1/invoices/{id}/update_lines", _KIND, update_lines, _lines(_CHANGED_LINE)),
        post("/v1/invoices/{id}/remove_lines", _KIND, remove_lines, _lines(_REMOVED_LINE)),
        post(
            "/v1/invoices/{invoice}/lines/{id}",
            "line_item",
            update_line,
            object_(LINE_CONTENT, exclusive=ONE_LINE_AMOUNT),
        ).found_again_by(find_line),
        replace(
            get(
                "/v1/invoices/{id}/explanation",
                "meterline.invoice_explanation",
                explain_invoice,
                _AFTER,
            ),
            answer=Answer.PAGE,
        ),
        post(
            "/v1/invoices/{id}/finalize",
            _KIND,
            finalize_invoice,
            object_(auto_advance=boolean()),
        ),
        post(
            "/v1/invoices/{id}/attach_payment",
            _KIND,
            attach_payment,
            object_(payment_record=string(required=True)),
        ),
        post(
            "/v1/invoices/{id}/pay",
            _KIND,
            pay_invoice,
            _PAY,
        ),
        post("/v1/invoices/{id}/send", _KIND, send_invoice),
        post("/v1/invoices/{id}/void", _KIND, void_invoice),
        post("/v1/invoices/{id}/mark_uncollectible", _KIND, mark_uncollectible),
        post("/v1/invoices/{id}/renew_hosted_invoice_url", _KIND, renew_hosted_url),
        post("/v1/invoices/{id}/revoke_hosted_invoice_url", _KIND, revoke_hosted_url),
        searching("/v1/invoices/search", _KIND),
        *ITEM_OPERATIONS,
        retrieve("/v1/invoice_payments/{id}", _PAYMENT),
        listing(
            "/v1/invoice_payments",
            _PAYMENT,
            filters=_PAYMENT_FILTERS,
            keep=_keep_payment,
            narrow=_payments_from,
        ),
        listing(
            "/v1/invoices",
            _KIND,
            filters=_FILTERS,
            keep=_keep,
            narrow=under("customer", otherwise=_from),
        ),
    ],
    reserved=["/v1/invoices/upcoming"],
)
