"""A customer's balances, one for each currency, and the transactions that they are the sums of.

A negative balance is credit: the next invoice in its currency takes it off; a positive one is
added to it. A balance never meets an invoice of another currency. ``balance`` is the one in the
customer's own ``currency``, which the first booking or final invoice decides for good;
``invoice_credit_balance`` has the credit in each currency that has any, with the opposite sign, as
Stripe's field of that name says.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from meterline.core.base.errors import no_such
from meterline.core.base.frozen import frozen
from meterline.core.base.money import check_amount, known_currency
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.base.outbox import EventDraft
from meterline.store.base.documents import Body, Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        Customer,
        CustomerBalanceTransaction,
        CustomerBalanceTransactionChanges,
    )

KIND: Final = "customer_balance_transaction"
DEFAULT_CURRENCY = "usd"
_BY_CURRENCY: Final = "invoice_credit_balance"

type BookingType = Literal[
    "adjustment", "applied_to_invoice", "credit_note", "invoice_too_small", "unapplied_from_invoice"
]


@frozen(kw_only=True)
class Booking:
    """An ``amount`` (minor units) to be added to a customer's balance in a currency."""

    amount: int
    currency: str
    type: BookingType
    fields: "CustomerBalanceTransactionChanges | None" = None


def balance_in(customer: "Customer", currency: str) -> int:
    """The customer's balance in a currency, in its minor units; negative is credit."""
    if currency == (customer["currency"] or DEFAULT_CURRENCY):
        return customer["balance"]
    return -customer.get(_BY_CURRENCY, {}).get(currency, 0)


def with_currency(customer: "Customer", currency: str) -> "Customer":
    """The customer, whose own currency it becomes if it has none yet."""
    return with_balance(customer, currency, balance_in(customer, currency))


def book(
    ctx: Context, customer: "Customer", booking: Booking
) -> "tuple[Customer, Document[CustomerBalanceTransaction]]":
    """The customer after a booking, and its transaction; the caller commits both together.

    No balance is too large: what was billed is booked whole.
    """
    ending = balance_in(customer, booking.currency) + booking.amount
    body: CustomerBalanceTransaction = {
        "id": new_object_id(KIND),
        "object": KIND,
        "amount": booking.amount,
        "checkout_session": None,
        "created": ctx.now,
        "credit_note": None,
        "currency": booking.currency,
        "customer": customer["id"],
        "customer_account": None,
        "description": None,
        "ending_balance": ending,
        "invoice": None,
        "livemode": ctx.livemode,
        "metadata": {},
        "type": booking.type,
        **(booking.fields or {}),
    }
    transaction = Document(kind=KIND, livemode=ctx.livemode, body=body, parent=customer["id"])
    return with_balance(customer, booking.currency, ending), transaction


def adjust(
    ctx: Context, customer: "Customer", booking: Booking
) -> "tuple[Customer, Document[CustomerBalanceTransaction]]":
    """A booking that a request asks for: refused if it leaves more than one amount can be."""
    adjusted, transaction = book(ctx, customer, booking)
    before, ending = balance_in(customer, booking.currency), transaction.body["ending_balance"]
    if abs(ending) > abs(before):
        check_amount(ending, booking.currency, "amount")
    return adjusted, transaction


def create_balance_transaction(
    ctx: Context, customer_id: str, params: Body
) -> "CustomerBalanceTransaction":
    """Adjust a customer's balance in the currency of the amount."""
    document = find(ctx, "customer", customer_id)
    ctx = on_customers_time(ctx, document)
    before = document.body
    known_currency(params["currency"], "currency")
    fields: CustomerBalanceTransactionChanges = {
        "description": or_none(params.get("description")),
        "metadata": merged_metadata({}, params.get("metadata")),
    }
    booking = Booking(
        amount=params["amount"], currency=params["currency"], type="adjustment", fields=fields
    )
    customer, transaction = adjust(ctx, before, booking)
    ctx.save(
        Change(puts=[replace(document, body=customer), transaction]),
        [EventDraft("customer.updated", customer, before=before)],
        result_id=transaction.id,
    )
    return transaction.body


def find_balance_transaction(
    ctx: Context,
    customer_id: str,
    transaction_id: str,
    params: Body,  # noqa: ARG001 - route
) -> "CustomerBalanceTransaction":
    """A transaction of this customer."""
    return _find(ctx, customer_id, transaction_id).body


def update_balance_transaction(
    ctx: Context, customer_id: str, transaction_id: str, params: Body
) -> "CustomerBalanceTransaction":
    """Change a transaction's description and metadata, never its amount."""
    document = _find(ctx, customer_id, transaction_id)
    body = document.body.copy()
    if "description" in params:
        body["description"] = or_none(params["description"])
    if "metadata" in params:
        body["metadata"] = merged_metadata(body["metadata"] or {}, params["metadata"])
    ctx.save(Change(puts=[replace(document, body=body)]), result_id=transaction_id)
    return body


def _find(
    ctx: Context, customer_id: str, transaction_id: str
) -> "Document[CustomerBalanceTransaction]":
    document = find(ctx, KIND, transaction_id)
    if document.body["customer"] != customer_id:
        raise no_such("customer balance transaction", transaction_id)
    return document


def with_balance(customer: "Customer", currency: str, balance: int) -> "Customer":
    """The customer with this balance in a currency."""
    own = customer["currency"] or (DEFAULT_CURRENCY if customer["balance"] else currency)
    by_currency = {
        **customer.get(_BY_CURRENCY, {}),
        own: -customer["balance"],
        currency: -balance,
    }
    return customer | {
        "balance": balance if currency == own else customer["balance"],
        "currency": own,
        _BY_CURRENCY: {name: credit for name, credit in by_currency.items() if credit},
    }
