"""Billing credits of final invoices: taken for good when one becomes final, given back by a void.

Both go into the commit that makes the invoice so, which is conditional on the customer and with it
on all balances: of two invoices that show the same credits the first to become final gets them.
"""

from typing import TYPE_CHECKING

from meterline.core.credits.grants import has_expired
from meterline.services.billing.amount_steps import summed_by_source
from meterline.services.billing.draft_credits import from_grant, taken_from
from meterline.services.billing.invoice_bodies import invoice_lines, line_list
from meterline.services.billing.private_states import LineState
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.services.credits.balances import balance_of, less, new_balance, with_balance
from meterline.services.credits.grant_states import account_of
from meterline.services.credits.grants import without_rest
from meterline.services.credits.ledger import (
    Account,
    InvoiceLineRef,
    credit,
    debit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meterline.core.base.wire import (
        CreditGrant,
        Invoice,
        InvoiceLine,
    )
    from meterline.store.base.documents import Document


def book_credits(uow: UnitOfWork, invoice: "Invoice") -> "Invoice":
    """The invoice, of which each part that credits pay names its entry in the ledger.

    The customer's balances are less from then on.
    """
    lines = invoice_lines(invoice)
    taken = taken_from(lines)
    if not taken:
        return invoice
    uow.customer = less(uow.customer, taken)
    booked = [_booked(uow, invoice, line) for line in lines]
    return invoice | {
        "lines": line_list(invoice["id"], booked),
        "total_pretax_credit_amounts": summed_by_source(booked),
    }


def give_credits_back(uow: UnitOfWork, invoice: "Invoice") -> None:
    """Give the grants back what an invoice that is void took from them.

    What goes back to a grant that has expired expires at once.
    """
    lines = [line for line in invoice_lines(invoice) if LineState.of(line).credits]
    taken = taken_from(lines)
    if not taken:
        return
    grants: Mapping[str, Document[CreditGrant]] = uow.read(taken)
    for line in lines:
        ref = InvoiceLineRef(invoice["id"], line["id"])
        for part in LineState.of(line).credits or ():
            _give_back(uow, grants[part["grant"]].body, from_grant(part), ref)
    for document in grants.values():
        _expire_again(uow, document.body)


def _booked(uow: UnitOfWork, invoice: "Invoice", line: "InvoiceLine") -> "InvoiceLine":
    state = LineState.of(line)
    credits_ = state.credits
    if not credits_:
        return line
    ref = InvoiceLineRef(invoice["id"], line["id"])
    entries = iter(
        [
            debit(
                uow.ctx,
                Account(
                    part["grant"],
                    str(state.usage_meter) if "parts" in part else invoice["currency"],
                    invoice["customer"],
                    invoice["test_clock"],
                ),
                "credits_applied",
                from_grant(part),
                applied=ref,
            )
            for part in credits_
        ]
    )
    return line | {
        "pretax_credit_amounts": [
            part | {"credit_balance_transaction": uow.enter(next(entries))}
            if part.get("credit_balance_transaction", "") is None
            else part
            for part in line["pretax_credit_amounts"]
        ]
    }


def _give_back(uow: UnitOfWork, grant: "CreditGrant", amount: int, ref: InvoiceLineRef) -> None:
    entry = credit(
        uow.ctx,
        account_of(grant),
        "credits_application_invoice_voided",
        amount,
        effective_at=uow.ctx.now,
        voided=ref,
    )
    uow.enter(entry)
    balance = balance_of(uow.customer, grant["id"]) or new_balance(grant, 0, is_used=True)
    uow.customer = with_balance(uow.customer, balance | {"left": balance["left"] + amount})


def _expire_again(uow: UnitOfWork, grant: "CreditGrant") -> None:
    """Expire what went back to a grant that has expired already."""
    balance = balance_of(uow.customer, grant["id"])
    if balance is not None and has_expired(balance, uow.ctx.now):
        uow.customer, entries = without_rest(uow.ctx, uow.customer, grant, "credits_expired")
        for entry in entries:
            uow.enter(entry)
