"""A customer's balances, one for each currency, and the transactions that they are the sums of.

A negative balance is credit: the next invoice in its currency takes it off; a positive one is
added to it. A balance never meets an invoice of another currency. ``balance`` is the one in the
customer's own ``currency``, which the first booking or final invoice decides for good;
``invoice_credit_balance`` has the credit in each currency that has any, with the opposite sign, as
Stripe's field of that name says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from meterline.core.base.errors import no_such
from meterline.core.base.money import check_amount, known_currency
from meterline.core.base.unset import merged_metadata, or_none
from meterline.services.base.context import Context
from meterline.services.base.ids import new_object_id
from meterline.services.base.lookups import find, on_customers_time
from meterline.services.base.outbox import EventDraft
from meterline.store.base.documents import Body, Change, Document

KIND = "customer_balance_transaction"
DEFAULT_CURRENCY = "usd"
_BY_CURRENCY = "invoice_credit_balance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """An ``amount`` (minor units) to be added to a customer's balance in a currency."""

    amount: int
    currency: str
    type: str
    fields: Mapping[str, object] = field(default_factory=dict)


def balance_in(customer: Body, currency: str) -> int:
    """The customer's balance in a currency, in its minor units; negative is credit."""
    if currency == (customer["currency"] or DEFAULT_CURRENCY):
        return int(customer["balance"])
    return -int((customer.get(_BY_CURRENCY) or {}).get(currency, 0))


def with_currency(customer: Body, currency: str) -> Body:
    """The customer, whose own currency it becomes if it has none yet."""
    return _with_balance(customer, currency, balance_in(customer, currency))


def book(ctx: Context, customer: Body, booking: Booking) -> tuple[Body, Document]:
    """The customer after a booking, and its transaction; the caller commits both together.

    No balance is too large: what was billed is booked, whatever it comes to.
    """
    ending = balance_in(customer, booking.currency) + booking.amount
    body: Body = {
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
        **booking.fields,
    }
    transaction = Document(kind=KIND, livemode=ctx.livemode, body=body, parent=customer["id"])
    return _with_balance(customer, booking.currency, ending), transaction


def adjust(ctx: Context, customer: Body, booking: Booking) -> tuple[Body, Document]:
    """A booking that a request asks for: refused if it leaves more than one amount can be."""
    after, transaction = book(ctx, customer, booking)
    before, ending = balance_in(customer, booking.currency), transaction.body["ending_balance"]
    if abs(ending) > abs(before):
        check_amount(ending, booking.currency, "amount")
    return after, transaction


def create_balance_transaction(ctx: Context, customer_id: str, params: Body) -> Body:
    """Adjust a customer's balance in the currency of the amount."""
    document = find(ctx, "customer", customer_id)
    ctx = on_customers_time(ctx, document)
    before = document.body
    known_currency(params["currency"], "currency")
    fields = {
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
) -> Body:
    """A transaction of this customer."""
    return _find(ctx, customer_id, transaction_id).body


def update_balance_transaction(
    ctx: Context, customer_id: str, transaction_id: str, params: Body
) -> Body:
    """Change a transaction's description and metadata, never its amount."""
    document = _find(ctx, customer_id, transaction_id)
    body = dict(document.body)
    if "description" in params:
        body["description"] = or_none(params["description"])
    if "metadata" in params:
        body["metadata"] = merged_metadata(body["metadata"] or {}, params["metadata"])
    ctx.save(Change(puts=[replace(document, body=body)]), result_id=transaction_id)
    return body


def _find(ctx: Context, customer_id: str, transaction_id: str) -> Document:
    document = find(ctx, KIND, transaction_id)
    if document.body["customer"] != customer_id:
        raise no_such("customer balance transaction", transaction_id)
    return document


def _with_balance(customer: Body, currency: str, balance: int) -> Body:
    """The customer with this balance in a currency."""
    own = customer["currency"] or (DEFAULT_CURRENCY if customer["balance"] else currency)
    by_currency = {
        **(customer.get(_BY_CURRENCY) or {}),
        own: -int(customer["balance"]),
        currency: -balance,
    }
    after = customer | {
        "currency": own,
        _BY_CURRENCY: {one: credit for one, credit in by_currency.items() if credit},
    }
    return after | {"balance": balance} if currency == own else after
