"""Credit notes: what is taken back of final invoices."""

from meterline.api.lists import (
    PAGING,
    Listing,
    by_facets,
    list_operation,
    listing,
    page_of,
    retrieve,
)
from meterline.api.operations import get, post
from meterline.api.params import idle
from meterline.api.params.specs import (
    Object,
    Params,
    array,
    decimal_,
    enum,
    integer,
    metadata,
    object_,
    string,
    timestamp,
)
from meterline.api.router import Routes
from meterline.api.routes.shared import tax_rates
from meterline.core.base.money import MAX_AMOUNT_MINOR
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.credit_notes.verbs import (
    create_credit_note,
    preview_credit_note,
    preview_lines,
    update_credit_note,
    void_credit_note,
)
from meterline.store.billing.repository import Source
from meterline.store.billing.search_terms import term_of

_KIND = "credit_note"
_LINE = "credit_note_line_item"
_PATH = "/v1/credit_notes"
_MOST_LINES = 250

_POSITIVE = integer(minimum=1, maximum=MAX_AMOUNT_MINOR)
_NOT_NEGATIVE = integer(minimum=0, maximum=MAX_AMOUNT_MINOR)

_NOTE_LINE = object_(
    exclusive=[
        ("amount", "quantity"),
        ("tax_amounts", "tax_rates"),
        ("unit_amount", "unit_amount_decimal"),
    ],
    amount=integer(minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
    description=string(),
    invoice_line_item=string(),
    metadata=metadata(),
    quantity=integer(minimum=1),
    tax_amounts=array(
        object_(
            amount=integer(required=True, minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR),
            tax_rate=string(required=True),
            taxable_amount=integer(
                required=True, minimum=-MAX_AMOUNT_MINOR, maximum=MAX_AMOUNT_MINOR
            ),
        ),
        emptyable=True,
        max_items=20,
    ),
    tax_rates=tax_rates(),
    type=enum("custom_line_item", "invoice_line_item", required=True),
    unit_amount=_NOT_NEGATIVE,
    unit_amount_decimal=decimal_(minimum=0),
)
_REFUND = object_(
    amount_refunded=integer(required=True, minimum=1, maximum=MAX_AMOUNT_MINOR),
    payment_record_refund=object_(
        required=True, payment_record=string(required=True), refund_group=string(required=True)
    ),
    type=enum(
        "payment_record_refund",
        "refund",
        required=True,
        refused={"refund": "Meterline makes no refunds: link one of a payment record."},
    ),
)


def _note() -> Object:
    """What a note is made of, when it is issued and when it is previewed."""
    return object_(
        {
            "amount": _POSITIVE,
            "credit_amount": _NOT_NEGATIVE,
            "effective_at": timestamp(),
            "email_type": enum("credit_note", "none"),
            "invoice": string(required=True),
            "lines": array(_NOTE_LINE, min_items=1, max_items=_MOST_LINES),
            "memo": string(max_length=5_000),
            "metadata": metadata(),
            "out_of_band_amount": _NOT_NEGATIVE,
            "reason": enum("duplicate", "fraudulent", "order_change", "product_unsatisfactory"),
            "refund_amount": idle.idle(idle.MOVES_NO_MONEY),
            "refunds": array(_REFUND, max_items=20),
            "shipping_cost": idle.idle(idle.HAS_NO_SHIPPING),
        },
        exclusive=[("amount", "lines")],
        one_of=[("amount", "lines")],
    )


def _source(ctx: Context, params: Params) -> Source:
    if "invoice" in params:
        return Source(terms=[term_of("invoice", params["invoice"])])
    if "customer" in params:
        return Source(parents=[params["customer"]])
    return by_facets(ctx, {})


def _list_lines(ctx: Context, note_id: str, params: Params) -> Listing:
    return page_of(find(ctx, _KIND, note_id).body["lines"]["data"], params)


def _list_preview_lines(ctx: Context, params: Params) -> Listing:
    return page_of(preview_lines(ctx, params), params)


ROUTES = Routes(
    [
        post(_PATH, _KIND, create_credit_note, _note()),
        listing(_PATH, _KIND, filters=object_(customer=string(), invoice=string()), narrow=_source),
        get(_PATH + "/preview", _KIND, preview_credit_note, _note()),
        list_operation(
            _PATH + "/preview/lines", _LINE, _list_preview_lines, _note().extended(**PAGING)
        ),
        retrieve(_PATH + "/{id}", _KIND),
        post(
            _PATH + "/{id}",
            _KIND,
            update_credit_note,
            object_(memo=string(max_length=5_000, emptyable=True), metadata=metadata()),
        ),
        list_operation(_PATH + "/{id}/lines", _LINE, _list_lines),
        post(_PATH + "/{id}/void", _KIND, void_credit_note),
    ]
)
