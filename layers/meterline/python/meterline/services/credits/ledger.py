"""The ledger of billing credits: one transaction for each change of a grant's balance.

Nothing in it is ever changed. The sum of a grant's transactions is what the grant has left
(``balances``): both are written by one commit.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from meterline.core.base.frozen import frozen
from meterline.core.base.private_state import PrivateState, public
from meterline.core.credits.boxes import KIND as BOX
from meterline.core.credits.boxes import MOST, PREFIX, Box, entry_id
from meterline.services.base.ids import new_id
from meterline.services.credits.credit_amounts import amount_in
from meterline.store.base.documents import Document

if TYPE_CHECKING:
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
    """What a transaction that stands alone remembers: whose it is, so that all that is stored about
    a customer is found; and by which booking it is there, if a former release made it so.
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


@dataclass(slots=True)
class Boxes:
    """The entries of one decision, in the boxes in which its commit stores them."""

    _entries: "list[CreditBalanceTransaction]" = field(default_factory=list)
    _ids: list[str] = field(default_factory=list)

    def copy(self) -> "Boxes":
        """The same so far, to go on with."""
        return Boxes(list(self._entries), list(self._ids))

    def add(
        self, ctx: "Context", document: "Document[CreditBalanceTransaction]"
    ) -> "CreditBalanceTransaction":
        """The entry under the id that it has in its box."""
        place = len(self._entries) % MOST
        if place == 0:
            self._ids.append(_new_id(ctx))
        entry: CreditBalanceTransaction = {
            **document.body,
            "id": entry_id(self._ids[-1], place),
        }
        self._entries.append(entry)
        return entry

    def documents(self, ctx: "Context", customer_id: str) -> list[Document[Box]]:
        """The boxes to be stored."""
        held = [
            {name: value for name, value in public(entry).items() if name != "id"}
            for entry in self._entries
        ]
        boxes: list[Box] = [
            {
                "id": id_,
                "created": ctx.now,
                "customer": customer_id,
                "entries": held[number * MOST :][:MOST],
            }
            for number, id_ in enumerate(self._ids)
        ]
        return [Document(BOX, ctx.livemode, box, parent=customer_id) for box in boxes]


def _body(ctx: "Context", account: Account, effective_at: int) -> "CreditBalanceTransaction":
    return {
        "id": _new_id(ctx),
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


def _new_id(ctx: "Context") -> str:
    return new_id(PREFIX if ctx.livemode else f"{PREFIX}test_")
