"""Customers, and the test clocks that some of them live on."""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.api.lists import (
    PAGING,
    Listing,
    list_operation,
    read_page,
    retrieve,
)
from meterline.api.operations import Answer, delete, get, post
from meterline.api.params import idle
from meterline.api.params.refusals import Raw
from meterline.api.params.specs import (
    RANGE,
    Param,
    Params,
    String,
    array,
    enum,
    integer,
    metadata,
    object_,
    string,
)
from meterline.api.router import Routes
from meterline.api.routes.shared import SHIPPING, TAX_ID, address, currency
from meterline.api.searching import searching
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.services.base.context import Context
from meterline.services.base.lookups import find
from meterline.services.billing.subscription_bodies import is_ended
from meterline.services.customers.balances import (
    create_balance_transaction,
    find_balance_transaction,
    update_balance_transaction,
)
from meterline.services.customers.customers import create_customer, update_customer
from meterline.services.customers.tax_ids import KIND as TAX_ID_KIND
from meterline.services.customers.tax_ids import (
    MOST_TAX_IDS,
    create_tax_id,
    delete_tax_id,
    find_tax_id,
)
from meterline.store.billing.repository import Source
from meterline.store.billing.search_terms import indexed_term

if TYPE_CHECKING:
    from meterline.core.base.wire import Customer, Deleted


@frozen(kw_only=True)
class _InvoicePrefix(String):
    """What the numbers of a customer's invoices begin with."""

    def convert(self, raw: Raw, name: str) -> str:
        """The prefix."""
        try:
            return String.convert(self, raw, name)
        except BillingError:
            raise BillingError(
                "Invoice number prefix must be 1\u201312 uppercase letters or numbers."
            ) from None


def _delete(ctx: Context, customer_id: str, params: Params) -> "Deleted":
    from meterline.services.subscriptions.customer_deletion import (  # noqa: PLC0415 - it bills, and is rare
        delete_customer,
    )

    return delete_customer(ctx, customer_id, params)


def _create(ctx: Context, params: Params) -> "Customer":
    if _DISCOUNTS & params.keys():
        from meterline.services.billing.customer_discounts import (  # noqa: PLC0415 - what older SDKs ask for
            create_discounted,
        )

        return create_discounted(ctx, params)
    return create_customer(ctx, params)


def _update(ctx: Context, customer_id: str, params: Params) -> "Customer":
    if _DISCOUNTS & params.keys():
        from meterline.services.billing.customer_discounts import (  # noqa: PLC0415 - what older SDKs ask for
            update_discounted,
        )

        return update_discounted(ctx, customer_id, params)
    return update_customer(ctx, customer_id, params)


def _delete_discount(ctx: Context, customer_id: str, params: Params) -> Params:
    from meterline.services.billing.customer_discounts import (  # noqa: PLC0415 - it is rare
        delete_discount,
    )

    return delete_discount(ctx, customer_id, params)


_DISCOUNTS = {"coupon", "promotion_code"}
"""What gave a customer a discount up to version 2025-02-24."""


def _fields() -> dict[str, Param]:
    return {
        "address": address(emptyable=True),
        "balance": integer(minimum=-99_999_999_999, maximum=99_999_999_999),
        "business_name": string(max_length=150, emptyable=True),
        "coupon": string(emptyable=True),
        "description": string(emptyable=True),
        "email": string(max_length=512, emptyable=True),
        "individual_name": string(max_length=150, emptyable=True),
        "invoice_prefix": _InvoicePrefix(max_length=12, pattern="[A-Z0-9]{1,12}"),
        "invoice_settings": object_(
            idle.CUSTOMER_INVOICE_SETTINGS,
            custom_fields=array(
                object_(
                    name=string(required=True, max_length=40),
                    value=string(required=True, max_length=140),
                ),
                max_items=4,
                emptyable=True,
            ),
            footer=string(emptyable=True),
            rendering_options=object_(
                emptyable=True,
                amount_tax_display=enum("exclude_tax", "include_inclusive_tax", emptyable=True),
                template=string(),
            ),
        ),
        "metadata": metadata(),
        "name": string(max_length=256, emptyable=True),
        "next_invoice_sequence": integer(minimum=1, maximum=1_000_000_000),
        "phone": string(max_length=20, emptyable=True),
        "preferred_locales": array(string(max_length=35)),
        "promotion_code": string(emptyable=True),
        "shipping": SHIPPING,
        "tax_exempt": enum("exempt", "none", "reverse", emptyable=True),
        **idle.CUSTOMER,
    }


_ONE_DISCOUNT = [("coupon", "promotion_code")]

CREATE = object_(
    _fields(),
    exclusive=_ONE_DISCOUNT,
    tax_id_data=array(TAX_ID, max_items=MOST_TAX_IDS),
    test_clock=string(),
)
UPDATE = object_(_fields(), exclusive=_ONE_DISCOUNT)


LIST = object_(PAGING, created=RANGE, email=string(max_length=512), test_clock=string())


def _list_customers(ctx: Context, params: Params) -> Listing:
    """Customers of the given test clock; without one, those that are on none."""
    email, clock = params.get("email"), params.get("test_clock")
    return read_page(
        ctx,
        "customer",
        params,
        keep=lambda body: body["test_clock"] == clock and email in (None, body["email"]),
        source=_customers_from(email, clock),
    )


def _customers_from(email: str | None, clock: str | None) -> Source:
    if clock is not None:
        return Source(parents=[clock])
    if email is not None:
        return Source(terms=[indexed_term("email", email)])
    return Source(facets={"on_clock": ["no"]})


CUSTOMERS = [
    post("/v1/customers", "customer", _create, CREATE),
    list_operation("/v1/customers", "customer", _list_customers, LIST),
    searching("/v1/customers/search", "customer"),
    retrieve("/v1/customers/{id}", "customer", shows_deleted=True),
    post("/v1/customers/{id}", "customer", _update, UPDATE),
    delete("/v1/customers/{id}", "customer", _delete),
    replace(delete("/v1/customers/{id}/discount", "customer", _delete_discount), answer=Answer.RAW),
]

CREATE_TRANSACTION = object_(
    amount=integer(required=True, minimum=-99_999_999_999, maximum=99_999_999_999),
    currency=currency(required=True),
    description=string(max_length=350, emptyable=True),
    metadata=metadata(),
)
UPDATE_TRANSACTION = object_(
    description=string(max_length=350, emptyable=True), metadata=metadata()
)
_TRANSACTION = "customer_balance_transaction"
_TRANSACTIONS = "/v1/customers/{customer}/balance_transactions"


def _list_transactions(ctx: Context, customer_id: str, params: Params) -> Listing:
    find(ctx, "customer", customer_id)
    invoice = params.get("invoice")
    return read_page(
        ctx,
        _TRANSACTION,
        params,
        source=Source(parents=[customer_id]),
        keep=lambda body: invoice in (None, body["invoice"]),
    )


TRANSACTIONS = [
    post(_TRANSACTIONS, _TRANSACTION, create_balance_transaction, CREATE_TRANSACTION),
    list_operation(
        _TRANSACTIONS,
        _TRANSACTION,
        _list_transactions,
        object_(PAGING, created=RANGE, invoice=string()),
    ),
    get(_TRANSACTIONS + "/{id}", _TRANSACTION, find_balance_transaction),
    post(_TRANSACTIONS + "/{id}", _TRANSACTION, update_balance_transaction, UPDATE_TRANSACTION),
]


_TAX_IDS = "/v1/customers/{customer}/tax_ids"


def _list_tax_ids(ctx: Context, customer_id: str, params: Params) -> Listing:
    find(ctx, "customer", customer_id)
    return read_page(ctx, TAX_ID_KIND, params, source=Source(parents=[customer_id]))


TAX_IDS = [
    post(_TAX_IDS, TAX_ID_KIND, create_tax_id, TAX_ID),
    list_operation(_TAX_IDS, TAX_ID_KIND, _list_tax_ids, object_(PAGING)),
    get(_TAX_IDS + "/{id}", TAX_ID_KIND, find_tax_id),
    delete(_TAX_IDS + "/{id}", TAX_ID_KIND, delete_tax_id),
]


def _list_subscriptions(ctx: Context, customer_id: str, params: Params) -> Listing:
    """What the list inside a customer names as its address: those that run."""
    find(ctx, "customer", customer_id)
    source = Source(parents=[customer_id])
    return read_page(
        ctx, "subscription", params, source=source, keep=lambda body: not is_ended(body)
    )


SUBSCRIPTIONS = [
    replace(
        list_operation(
            "/v1/customers/{customer}/subscriptions", "subscription", _list_subscriptions
        ),
        permission="subscriptions",
    )
]

ROUTES = Routes([*CUSTOMERS, *TRANSACTIONS, *TAX_IDS, *SUBSCRIPTIONS])
