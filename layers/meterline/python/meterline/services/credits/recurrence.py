"""Grants of billing credits that recur: the same again for each period, with what rolls over.

A grant of a period lasts until a second after its end, so that it pays for the invoice of that
period; the next one is effective from then on. Making the next one is due work on the grant, done
once: it is conditional on the grant, which then remembers that it has a successor. Beyond Stripe.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.core.base.periods import Interval, IntervalUnit, boundary
from meterline.core.credits.measures import PARTS, is_of_meter
from meterline.services.base.context import Context
from meterline.services.base.lookups import customer_of
from meterline.services.base.outbox import EventDraft
from meterline.services.credits.alerts import compared
from meterline.services.credits.balances import new_balance, with_balance
from meterline.services.credits.credit_amounts import amount_in, measure_of, value_of
from meterline.services.credits.grant_states import (
    KIND,
    CreditGrantState,
    account_of,
    grant_document,
    next_grant_id,
    with_grant_counted,
    written_after,
)
from meterline.services.credits.ledger import CREATED, credit
from meterline.store.base.documents import Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import (
        CreditBalanceTransaction,
        CreditGrant,
        CreditGrantRecurrence,
        Customer,
    )


def period_end(recurrence: "CreditGrantRecurrence", number: int) -> int:
    """When the grant of the period with this number, from 1, expires."""
    interval = Interval(IntervalUnit(recurrence["interval"]), recurrence["interval_count"])
    return boundary(recurrence["anchor"], interval, number) + 1


def make_next_grant(ctx: Context, document: "Document[CreditGrant]") -> list[Document]:
    """Make the grant of the next period; none of a customer that was deleted."""
    customer = customer_of(ctx, document)
    state = replace(CreditGrantState.of(document.body), recurs_at=None)
    former = grant_document(document, state.on(document.body))
    if customer.body.get("deleted"):
        ctx.save(Change(puts=[former], checks=[customer]))
        return [former]
    recurrence, number = document.body["meterline"]["recurrence"], (state.number or 1) + 1
    end = period_end(recurrence, number)
    again = CreditGrantState(expiry_due_at=end, number=number, recurs_at=end).on(
        _like(ctx, customer.body, document.body, end)
    )
    body, entry = granted(ctx, customer.body, again)
    crossings = compared(ctx, customer.body, body)
    written = Document(
        kind=KIND,
        livemode=ctx.livemode,
        body=again,
        timeline=document.timeline,
        parent=customer.id,
    )
    puts = [former, grant_document(written, again), *written_after(customer, crossings), entry]
    events = [EventDraft(f"{KIND}.created", again), EventDraft(CREATED, entry.body)]
    ctx.save(Change(puts=puts), [*events, *crossings.events])
    return puts


def carried_over(
    ctx: Context, customer: "Customer", grant: "CreditGrant", left: int
) -> "CreditGrant | None":
    """The grant that has what rolls over of one with so much left, until the next period ends; None
    if nothing does.
    """
    recurrence = grant["meterline"]["recurrence"] if "meterline" in grant else None
    if recurrence is None:
        return None
    measure = measure_of(grant)
    most = recurrence["rollover_most"] * (PARTS if is_of_meter(measure) else 1)
    if not min(left, most):
        return None
    number = (CreditGrantState.of(grant).number or 1) + 1
    end = period_end(recurrence, number)
    carried = _like(ctx, customer, grant, end)
    del carried["meterline"]
    carried["amount"] = amount_in(measure, min(left, most))
    return CreditGrantState(expiry_due_at=end).on(carried)


def granted(
    ctx: Context, customer: "Customer", grant: "CreditGrant"
) -> "tuple[Customer, Document[CreditBalanceTransaction]]":
    """The customer with a new grant's balance, and its first entry in the ledger."""
    value = value_of(grant)
    at = grant["effective_at"]
    entry = credit(ctx, account_of(grant), "credits_granted", value, effective_at=at)
    return with_balance(with_grant_counted(customer), new_balance(grant, value)), entry


def _like(ctx: Context, customer: "Customer", former: "CreditGrant", end: int) -> "CreditGrant":
    """A new grant on the terms of a former one, from when that expires until ``end``."""
    expired_at = former["expires_at"]
    return former | {
        "id": next_grant_id(ctx, customer),
        "created": ctx.now,
        "effective_at": ctx.now if expired_at is None else expired_at,
        "expires_at": end,
        "updated": ctx.now,
    }
