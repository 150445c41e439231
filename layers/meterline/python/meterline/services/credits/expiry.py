"""Expiry of billing credits, as due work: what is left of a grant is taken from it, once.

An invoice whose period ended before a grant's expiry may take from it (contract section B). So the
rest of a grant waits for drafts that would take something of it, unless they wait for a person.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from meterline.services.base.context import Context
from meterline.services.base.lookups import customer_of
from meterline.services.base.outbox import EventDraft
from meterline.services.credits.alerts import compared
from meterline.services.credits.balances import balance_of, drafts_of
from meterline.services.credits.grant_states import (
    KIND,
    CreditGrantState,
    grant_document,
    written_after,
)
from meterline.services.credits.grants import without_rest
from meterline.services.credits.ledger import CREATED
from meterline.services.credits.recurrence import carried_over, granted
from meterline.services.credits.top_ups import woken
from meterline.store.base.documents import Change, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditGrant, Customer

_PATIENCE_SECONDS = 86_400
"""How long the rest of a grant waits for a draft that should have become final."""

_PAUSE_SECONDS = 3_600


def expire_due_grant(ctx: Context, document: "Document[CreditGrant]") -> list[Document]:
    """Expire what is left of a grant whose time has come; returns the documents written."""
    customer = customer_of(ctx, document)
    waits_until = _waits_until(customer.body, document.id, ctx.now)
    state = replace(CreditGrantState.of(document.body), expiry_due_at=waits_until)
    grant: CreditGrant = state.on(document.body)
    written = grant_document(document, grant)
    if waits_until is not None:
        ctx.save(Change(puts=[written], checks=[customer]))
        return [written]
    balance = balance_of(customer.body, document.id)
    body, entries = without_rest(ctx, customer.body, grant, "credits_expired")
    carried = carried_over(ctx, body, grant, balance["left"]) if balance else None
    rolled, told = [], [EventDraft(CREATED, entry.body) for entry in entries]
    if carried is not None and not body.get("deleted"):
        body, entry = granted(ctx, body, carried)
        again = replace(document, version=0, body=carried, shard=None, terms=frozenset())
        rolled = [grant_document(again, carried), entry]
        told += [EventDraft(f"{KIND}.created", carried), EventDraft(CREATED, entry.body)]
    crossings = compared(ctx, customer.body, body)
    holder = written_after(customer, crossings) if entries else []
    rules = woken(ctx, customer.body, body)
    change = Change(
        puts=[written, *holder, *entries, *rolled, *rules], checks=[] if entries else [customer]
    )
    ctx.save(change, [*told, *crossings.events])
    return change.puts


def _waits_until(customer: "Customer", grant_id: str, now: int) -> int | None:
    """When to look again for drafts that would take from a grant; None if there are none."""
    if customer.get("deleted"):
        return None
    finals = [
        draft["finalizes_at"]
        for draft in drafts_of(customer)
        if grant_id in draft["taken"] and draft["finalizes_at"] is not None
    ]
    late = max(finals, default=0)
    if late + _PATIENCE_SECONDS <= now:
        return None
    return late + 1 if late >= now else now + _PAUSE_SECONDS
