"""The ledger of billing credits: one transaction for each change of a grant's balance.

Nothing in it is ever changed. The sum of a grant's transactions is what the grant has left
(``balances``): both are written by one commit.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState
from meterline.core.credits.bookings import KIND as BOOKING
from meterline.core.credits.bookings import Booking
from meterline.services.base.ids import new_id, new_object_id
from meterline.services.credits.credit_amounts import amount_in
from meterline.store.base.documents import Document

if TYPE_CHECKING:
    from collections.abc import Iterable

    from meterline.core.base.wire import (
        CreditBalanceTransaction,
        CreditBalanceTransactionCredit,
        CreditBalanceTransactionDebit,
    )
    from meterline.services.base.context import Context

KIND: Final = "billing.credit_balance_transaction"
CREATED = f"{KIND}.created"

type CreditType = Literal["credits_application_invoice_voided", "credits_granted"]
type DebitType = Literal["credits_applied", "credits_expired", "credits_voided"]


@frozen
class CreditBalanceTransactionState(PrivateState):
    """What a transaction remembers: by which booking it is there, if it is by one, and whose it is,
    so that all that is stored about a customer is found.
    """

    booking: str | None = None
    customer: str | None = None


@frozen
class Account:
    """The grant that a transaction is of, and what its documents have of the customer's.

    ``measure`` is what it is counted in (``core.credits.measures``).
    """

    grant: str
    measure: str
    customer: str
    test_clock: str | None


@frozen
class InvoiceLineRef:
    """The line of an invoice that credits were applied to."""

    invoice: str
    line: str


def credit(
    ctx: "Context",
    account: Account,
    type_: CreditType,
    amount: int,
    *,
    effective_at: int,
    voided: InvoiceLineRef | None = None,
) -> "Document[CreditBalanceTransaction]":
    """A transaction that adds an amount to a grant, as it is counted."""
    entry: CreditBalanceTransactionCredit = {
        "amount": amount_in(account.measure, amount),
        "credits_application_invoice_voided": None
        if voided is None
        else {"invoice": voided.invoice, "invoice_line_item": voided.line},
        "type": type_,
    }
    body = _body(ctx, account, effective_at)
    return _document(ctx, account, body | {"credit": entry, "type": "credit"})


def debit(
    ctx: "Context",
    account: Account,
    type_: DebitType,
    amount: int,
    *,
    effective_at: int | None = None,
    applied: InvoiceLineRef | None = None,
) -> "Document[CreditBalanceTransaction]":
    """A transaction that takes an amount, as it is counted, from a grant; effective now by
    default.
    """
    entry: CreditBalanceTransactionDebit = {
        "amount": amount_in(account.measure, amount),
        "credits_applied": None
        if applied is None
        else {"invoice": applied.invoice, "invoice_line_item": applied.line},
        "type": type_,
    }
    body = _body(ctx, account, ctx.now if effective_at is None else effective_at)
    return _document(ctx, account, body | {"debit": entry, "type": "debit"})


def booked(
    ctx: "Context", customer_id: str, entries: "Iterable[Document[CreditBalanceTransaction]]"
) -> "tuple[Document[Booking], list[Document[CreditBalanceTransaction]]]":
    """Entries that are written beside their commit, and the booking by which it makes them seen."""
    body: Booking = {"id": new_object_id(BOOKING), "created": ctx.now, "customer": customer_id}
    booking = Document(BOOKING, ctx.livemode, body, parent=customer_id)
    return booking, [_named_by(booking.id, entry) for entry in entries]


def _named_by(
    booking_id: str, entry: "Document[CreditBalanceTransaction]"
) -> "Document[CreditBalanceTransaction]":
    state = replace(CreditBalanceTransactionState.of(entry.body), booking=booking_id)
    return replace(entry, body=state.on(entry.body))


def _body(ctx: "Context", account: Account, effective_at: int) -> "CreditBalanceTransaction":
    return {
        "id": new_id("cbtxn_" if ctx.livemode else "cbtxn_test_"),
        "object": KIND,
        "created": ctx.now,
        "credit": None,
        "credit_grant": account.grant,
        "debit": None,
        "effective_at": effective_at,
        "livemode": ctx.livemode,
        "test_clock": account.test_clock,
        "type": "credit",
    }


def _document(
    ctx: "Context", account: Account, body: "CreditBalanceTransaction"
) -> "Document[CreditBalanceTransaction]":
    return Document(
        kind=KIND,
        livemode=ctx.livemode,
        body=CreditBalanceTransactionState(customer=account.customer).on(body),
        parent=account.customer,
    )
