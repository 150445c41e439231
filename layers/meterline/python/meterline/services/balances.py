"""A customer's balance, and the transactions that it is the sum of.

A negative balance is credit: the next invoice takes it off; a positive one is added to it.
"""

from collections.abc import Mapping
from dataclasses import replace

from meterline.core.errors import BillingError, no_such
from meterline.core.money import MAX_AMOUNT_MINOR, minor_digits
from meterline.core.unset import merged_metadata, or_none
from meterline.services.context import Context
from meterline.services.events import EventDraft
from meterline.services.ids import new_id
from meterline.services.lookups import find, on_customers_time
from meterline.store.documents import Body, Change, Document

KIND = "customer_balance_transaction"
DEFAULT_CURRENCY = "usd"


def balance_transaction(
    ctx: Context,
    customer: Body,
    amount: int,
    transaction_type: str,
    fields: Mapping[str, object] | None = None,
) -> Document:
    """The transaction that adds ``amount`` (minor units) to the customer's balance; not stored.

    The caller commits it together with the customer, whose balance becomes its ``ending_balance``.
    """
    body: Body = {
        "id": new_id("cbtxn_"),
        "object": KIND,
        "amount": amount,
        "checkout_session": None,
        "created": ctx.now,
        "credit_note": None,
        "currency": customer["currency"] or DEFAULT_CURRENCY,
        "customer": customer["id"],
        "customer_account": None,
        "description": None,
        "ending_balance": _checked(customer["balance"] + amount),
        "invoice": None,
        "livemode": ctx.livemode,
        "metadata": {},
        "type": transaction_type,
        **(fields or {}),
    }
    return Document(kind=KIND, livemode=ctx.livemode, body=body, parent=customer["id"])


def create_balance_transaction(ctx: Context, customer_id: str, params: Body) -> Body:
    """Adjust a customer's balance by an amount in its currency."""
    document = find(ctx, "customer", customer_id)
    ctx = on_customers_time(ctx, document)
    before = document.body
    minor_digits(params["currency"])
    if before["currency"] not in (None, params["currency"]):
        raise BillingError(
            f"The customer's balance is in {before['currency']}, not in {params['currency']}.",
            param="currency",
        )
    customer = before | {"currency": params["currency"]}
    fields = {
        "description": or_none(params.get("description")),
        "metadata": merged_metadata({}, params.get("metadata")),
    }
    transaction = balance_transaction(ctx, customer, params["amount"], "adjustment", fields)
    customer["balance"] = transaction.body["ending_balance"]
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


def _checked(balance: int) -> int:
    if abs(balance) > MAX_AMOUNT_MINOR:
        raise BillingError(
            f"The customer's balance would exceed {MAX_AMOUNT_MINOR}.",
            code="amount_too_large",
            param="amount",
        )
    return balance
