"""Automatic top-ups: what becomes of a rule with its invoice, and when its balance is looked at.

The commit that pays an invoice of a rule makes the grant, and takes what is to be granted off the
invoice: so it is granted once. An invoice that will not be paid pauses its rule, until somebody
says that it goes on: else the next look would make the same invoice again.
"""

from dataclasses import field
from typing import TYPE_CHECKING

from meterline.core.base.frozen import frozen
from meterline.core.base.periods import add_intervals
from meterline.core.credits.grants import pays_for_each
from meterline.services.base.outbox import EventDraft
from meterline.services.credits.balances import available_minor, balances_of, ledger_minor
from meterline.services.credits.grant_states import (
    KIND as GRANT,
)
from meterline.services.credits.grant_states import (
    CreditGrantState,
    GrantTerms,
    grant_document,
    new_grant,
)
from meterline.services.credits.recurrence import granted
from meterline.services.credits.top_up_bodies import (
    CANCELED,
    UPDATED,
    BoughtCredits,
    CreditTopUp,
    PauseReason,
    canceled,
    idle_top_ups,
    interval_of,
    rule_document,
    to_be_looked_at,
    top_ups_of,
    with_rule,
)
from meterline.store.base.documents import Document

if TYPE_CHECKING:
    from collections.abc import Callable

    from meterline.core.base.wire import CreditBalanceTransaction, CreditGrant, Customer, Invoice
    from meterline.core.credits.grants import GrantBalance
    from meterline.services.base.context import Context
    from meterline.services.customers.customer_state import TopUpEntry


@frozen
class Settled:
    """What a commit that settles an invoice of a rule writes and tells besides."""

    customer: "Customer"
    puts: list[Document] = field(default_factory=list)
    entries: "list[Document[CreditBalanceTransaction]]" = field(default_factory=list)
    events: list[EventDraft] = field(default_factory=list)


def is_settled(invoice: "Invoice") -> bool:
    """Whether it is clear what an invoice of a rule brings: it is paid, or is not to be."""
    return invoice["status"] in ("paid", "uncollectible", "void")


def can_still_be_paid(invoice: "Invoice") -> bool:
    """Whether an invoice may bring a grant later."""
    return invoice["status"] in ("draft", "open", "uncollectible")


def settled(
    ctx: "Context",
    holder: "Document[Customer]",
    customer: "Customer",
    rule: "Document[CreditTopUp] | None",
    invoice: "Invoice",
    bought: BoughtCredits,
) -> Settled:
    """What follows from an invoice that is settled; ``customer`` is that of ``holder`` by now.

    A rule that has bought something else since goes on with that.
    """
    value = _value(invoice, bought)
    made = Settled(customer)
    if value:
        made = _granted(ctx, holder, customer, invoice, bought, value)
    if rule is None or rule.body["latest_invoice"] != invoice["id"]:
        return made
    changed = _after(ctx, rule.body, invoice, is_granted=bool(value))
    if changed == rule.body:
        return made
    return Settled(
        with_rule(made.customer, changed),
        [*made.puts, rule_document(rule, changed)],
        made.entries,
        [*made.events, EventDraft(UPDATED, changed, rule.body)],
    )


def deleted(
    customer: "Customer", rule: "Document[CreditTopUp] | None", invoice: "Invoice"
) -> Settled:
    """What follows from the deletion of a draft of a rule."""
    is_awaited = rule is not None and rule.body["status"] == "awaiting_payment"
    if rule is None or not is_awaited or rule.body["latest_invoice"] != invoice["id"]:
        return Settled(customer)
    changed = paused(rule.body, "invoice_deleted", invoice["id"])
    puts: list[Document] = [rule_document(rule, changed)]
    events = [EventDraft(UPDATED, changed, rule.body)]
    return Settled(with_rule(customer, changed), puts, events=events)


def paused(rule: CreditTopUp, reason: PauseReason, invoice_id: str | None) -> CreditTopUp:
    """The rule, which buys nothing until somebody has it go on."""
    changed: CreditTopUp = {
        **rule,
        "status": "paused",
        "pause": {"invoice": invoice_id, "reason": reason},
    }
    return to_be_looked_at(changed, None)


def canceled_with(
    ctx: "Context", customer: "Customer"
) -> tuple[list[Document[CreditTopUp]], list[EventDraft]]:
    """The rules of a customer that is deleted, canceled; and what tells of that."""
    ids = [entry["top_up"] for entry in top_ups_of(customer)]
    found: dict[str, Document[CreditTopUp]] = ctx.store.get_many(ids) if ids else {}
    ended = [rule_document(rule, canceled(rule.body)) for rule in found.values()]
    return ended, [EventDraft(CANCELED, rule.body) for rule in ended]


def woken(ctx: "Context", before: "Customer", after: "Customer") -> list[Document[CreditTopUp]]:
    """The rules whose balances a change of grants has lowered, to be looked at."""
    return _due_now(ctx, after, lambda entry: _fell(ctx, before, after, entry))


def woken_by_an_invoice(
    ctx: "Context", before: "Customer", after: "Customer"
) -> list[Document[CreditTopUp]]:
    """The same after an invoice has taken credits: what it bills has been looked at before, but
    where that costs more by now.
    """

    def is_low(entry: "TopUpEntry") -> bool:
        left = balance_minor(after, entry, lambda balance: ledger_minor(balance, ctx.now))
        return left < entry["threshold"] and _fell(ctx, before, after, entry)

    return _due_now(ctx, after, is_low)


def available_to(customer: "Customer", entry: "TopUpEntry", now: int) -> int:
    """What a rule's balance comes to, minor units, with what can be used."""
    return balance_minor(customer, entry, lambda one: available_minor(customer, one, now))


def balance_minor(
    customer: "Customer", entry: "TopUpEntry", value: "Callable[[GrantBalance], int]"
) -> int:
    """The sum of what counts for a rule's balance."""
    return sum(
        value(balance)
        for balance in balances_of(customer)
        if balance["currency"] == entry["currency"] and pays_for_each(balance, entry["prices"])
    )


def _fell(ctx: "Context", before: "Customer", after: "Customer", entry: "TopUpEntry") -> bool:
    def held(customer: "Customer") -> int:
        return balance_minor(customer, entry, lambda balance: ledger_minor(balance, ctx.now))

    return held(after) < held(before)


def _due_now(
    ctx: "Context", customer: "Customer", is_due: "Callable[[TopUpEntry], bool]"
) -> list[Document[CreditTopUp]]:
    ids = [entry["top_up"] for entry in idle_top_ups(customer) if is_due(entry)]
    found: dict[str, Document[CreditTopUp]] = ctx.store.get_many(ids) if ids else {}
    return [rule_document(rule, to_be_looked_at(rule.body, ctx.now + 1)) for rule in found.values()]


def _value(invoice: "Invoice", bought: BoughtCredits) -> int:
    """What a paid invoice grants: less the share that credit notes took off before."""
    if invoice["status"] != "paid":
        return 0
    granted_minor, total = bought["grant"]["amount"], invoice["total"]
    noted = min(invoice["pre_payment_credit_notes_amount"], total)
    return granted_minor * (total - noted) // total if noted else granted_minor


def _after(
    ctx: "Context", rule: CreditTopUp, invoice: "Invoice", *, is_granted: bool
) -> CreditTopUp:
    """A rule after its latest invoice is settled.

    Its balance is looked at again: what was used meanwhile has been looked at by nobody.
    """
    status, pause = rule["status"], rule["pause"]
    is_stopped_by_it = pause is not None and pause["invoice"] == invoice["id"]
    if status not in ("awaiting_payment", "paused") or (
        status == "paused" and not is_stopped_by_it
    ):
        return rule
    if is_granted:
        active: CreditTopUp = {**rule, "status": "active", "pause": None}
        return to_be_looked_at(active, ctx.now + 1)
    reasons: dict[str, PauseReason] = {
        "paid": "invoice_credited",
        "uncollectible": "invoice_uncollectible",
        "void": "invoice_voided",
    }
    return paused(rule, reasons[invoice["status"]], invoice["id"])


def _granted(
    ctx: "Context",
    holder: "Document[Customer]",
    customer: "Customer",
    invoice: "Invoice",
    bought: BoughtCredits,
    value: int,
) -> Settled:
    """The grant of a paid invoice, effective now."""
    terms, every = bought["grant"], bought["grant"]["expires_after"]
    expires_at = None if every is None else add_intervals(ctx.now, interval_of(every), 1)
    body = new_grant(
        ctx,
        {**customer, "id": holder.id, "test_clock": invoice["test_clock"]},
        GrantTerms(
            value=value,
            measure=invoice["currency"],
            category=terms["category"],
            config=terms["applicability_config"],
            effective_at=ctx.now,
            expires_at=expires_at,
            metadata={"credit_top_up": bought["top_up"], "invoice": invoice["id"]},
            name=bought["name"],
            priority=terms["priority"],
        ),
    )
    grant: CreditGrant = CreditGrantState(expiry_due_at=expires_at).on(body)
    customer, entry = granted(ctx, customer, grant)
    document = Document(
        kind=GRANT,
        livemode=ctx.livemode,
        body=grant,
        timeline=holder.timeline,
        parent=holder.id,
    )
    events = [EventDraft(f"{GRANT}.created", grant)]
    return Settled(customer, [grant_document(document, grant)], [entry], events)
