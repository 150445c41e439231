"""The unit of work: one decision about a customer's money, what it reads, changes and emits.

Bills, renewals, changes and previews are all decided on a unit of work. Saving it commits
everything in one transaction; a preview drops it. So a preview cannot differ from what is then
billed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from meterline.core.base.errors import BillingError
from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.services.billing import entitlements
from meterline.services.billing.draft_credits import draft_credits
from meterline.services.billing.pending_items import PendingItems, Selection, pending_items
from meterline.services.billing.private_states import InvoiceState
from meterline.services.billing.schedule_bodies import KIND as SCHEDULE
from meterline.services.billing.schedule_bodies import ended_with, schedule_document
from meterline.services.billing.subscription_bodies import is_ended
from meterline.services.credits.alerts import compared
from meterline.services.credits.balances import balances_of, drafts_of, with_drafts
from meterline.services.credits.ledger import CREATED as ENTERED
from meterline.services.credits.ledger import Boxes
from meterline.services.credits.top_ups import (
    Settled,
    can_still_be_paid,
    deleted,
    is_settled,
    settled,
    woken_by_an_invoice,
)
from meterline.services.customers.customer_state import (
    CustomerState,
    with_invoices,
    with_subscriptions_changed,
)
from meterline.services.metering.watch_list import Purpose, enter_customer
from meterline.store.base.documents import Change, Claim, ClaimTaken, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import CreditBalanceTransaction, Customer, Invoice, InvoiceItem

_MAX_WRITES = 94
"""What one transaction takes, less what saving adds: five documents of events, and a receipt."""

MOST_SUBSCRIPTIONS = 500
"""Subscriptions of a customer that run at a time."""

_RESERVED = 3
"""The customer, a subscription and its invoice."""


@dataclass(slots=True)
class UnitOfWork:
    """One decision for ``customer``, whose body it keeps changing.

    ``pending`` are the customer's invoice items that no invoice has yet. ``agreed`` are prices,
    coupons, codes, discounts and tax rates that were judged before: they hold, or are passed over,
    though they have ended since.
    ``is_scheduled`` says that a schedule decides, for a second that was agreed on ahead: what it
    ends stops before that second, and its invoices stay drafts as long as those of renewals.
    """

    ctx: Context
    stored_customer: "Document[Customer]"
    customer: "Customer"
    pending: PendingItems
    events: list[EventDraft] = field(default_factory=list)
    agreed: frozenset[str] = frozenset()
    is_scheduled: bool = False
    _puts: dict[str, Document] = field(default_factory=dict)
    _deletes: dict[str, Document] = field(default_factory=dict)
    _checks: dict[str, Document] = field(default_factory=dict)
    _claims: dict[Claim, Callable[[], Exception]] = field(default_factory=dict)
    _dropped: list[Document] = field(default_factory=list)
    _entries: Boxes = field(default_factory=Boxes)

    def attempt(self, ctx: Context) -> "UnitOfWork":
        """The same decision so far, to go on with at another time and never be saved."""
        return replace(
            self,
            ctx=ctx,
            pending=pending_items(ctx, self.stored_customer),
            events=list(self.events),
            _puts=dict(self._puts),
            _deletes=dict(self._deletes),
            _checks=dict(self._checks),
            _claims=dict(self._claims),
            _dropped=list(self._dropped),
            _entries=self._entries.copy(),
        )

    def put(self, document: Document) -> None:
        """Store a document, in place of what was to be stored under its id."""
        self._puts[document.id] = document

    def put_first(self, document: Document) -> None:
        """Store a document, as ``put`` does, as the first of those that saving returns."""
        others = {id_: put for id_, put in self._puts.items() if id_ != document.id}
        self._puts = {document.id: document} | others

    def check(self, document: Document) -> None:
        """Make the decision conditional on a document being as it was read."""
        self._checks[document.id] = document

    def claim(self, claim: Claim, when_taken: Callable[[], Exception]) -> None:
        """Claim a value; if another holds it, saving raises what ``when_taken`` then says."""
        self._claims[claim] = when_taken

    def drafted(self, document_id: str) -> Document | None:
        """A document as this decision would store it."""
        return self._puts.get(document_id)

    def read(self, ids: Iterable[str]) -> dict[str, Document]:
        """The documents with these ids that exist: as this decision would store them, or stored."""
        distinct = list(dict.fromkeys(ids))
        stored = self.ctx.store.get_many(id_ for id_ in distinct if id_ not in self._puts)
        return {**stored, **{id_: self._puts[id_] for id_ in distinct if id_ in self._puts}}

    def emit(
        self, type_: str, subject: Mapping[str, Any], before: Mapping[str, Any] | None = None
    ) -> None:
        """Add an event; ``before`` is the body before an update."""
        self.events.append(EventDraft(type_, subject, before))

    def emit_first(self, type_: str, subject: Mapping[str, Any]) -> None:
        """Add an event that comes before all others: what caused them."""
        self.events.insert(0, EventDraft(type_, subject))

    def add_item(self, item: "InvoiceItem") -> None:
        """Add a new pending invoice item, or an existing one that is pending again."""
        document = Document(
            kind="invoiceitem",
            livemode=self.ctx.livemode,
            body=item,
            parent=self.stored_customer.id,
        )
        self.pending.add(document)
        self.emit("invoiceitem.created", item)

    def amend_item(self, document: "Document[InvoiceItem]") -> None:
        """Store a changed invoice item, pending or on a draft."""
        self.put(document)
        self.pending.figure_as_stored(document)
        if document.body["invoice"] is None:
            self.pending.touch(document)

    def drop_item(self, document: "Document[InvoiceItem]") -> None:
        """Delete an invoice item, pending or on a draft; one that is only drafted never was."""
        self.pending.added.pop(document.id, None)
        if document.version:
            self.pending.leave(document)
            self._deletes[document.id] = document
            self.emit("invoiceitem.deleted", document.body)
        else:
            self.events = [event for event in self.events if event.subject["id"] != document.id]

    def drop_items(self, documents: "Sequence[Document[InvoiceItem]]") -> None:
        """Delete pending items, any number of them: their batches do not name them any more."""
        self.pending.drop(documents)
        self._dropped += documents
        for document in documents:
            self.emit("invoiceitem.deleted", document.body)

    def collect(self, invoice_id: str, selection: Selection) -> "list[InvoiceItem]":
        """Take the selected pending items onto an invoice; returns them, newest first."""
        taken = self.pending.take(selection, invoice_id)
        items = [document.body for document in taken]
        return sorted(items, key=lambda item: (int(item["date"]), item["id"]), reverse=True)

    def take_item(
        self, document: "Document[InvoiceItem]", draft: "Document[Invoice]"
    ) -> "InvoiceItem":
        """Take one invoice item, pending or new, onto a draft."""
        return self.pending.take_one(document, draft.id).body

    def delete_with_draft(self, items: "Iterable[Document[InvoiceItem]]") -> None:
        """Delete the items of a draft that is deleted."""
        self.pending.delete_with_draft(items)

    def release(self, document: "Document[InvoiceItem]") -> None:
        """Make an item of a draft pending again."""
        self.pending.add(replace(document, body=document.body | {"invoice": None}))

    def remove(self, document: Document) -> None:
        """Delete a document."""
        self._deletes[document.id] = document

    def enter(self, document: "Document[CreditBalanceTransaction]") -> str:
        """Add a new entry to the ledger of billing credits; returns the id under which it stands.

        There may be any number of them: they are stored together, in a box.
        """
        entry = self._entries.add(self.ctx, document)
        self.emit(ENTERED, entry)
        return entry["id"]

    @property
    def room(self) -> int:
        """How many more documents the decision can change, beside the usual ones."""
        batches = self.pending.batches_written
        decided = len(self._puts) + len(self._deletes) + len(self._checks) + batches
        return _MAX_WRITES - decided - _RESERVED

    def save(self, result_id: str | None = None) -> list[Document]:
        """Commit the decision; returns the documents written.

        New and dropped items are written by the transaction itself where they fit into it, else
        beside it. Refused if the customer would have more pending items than one transaction can
        bill.
        """
        written_items = self.pending.writes()
        for document in written_items.puts:
            self.put(document)
        self._end_schedules()
        self._settle_top_ups()
        self._settle_customer()
        if self.customer != self.stored_customer.body or _is_written_anyway(self.customer):
            self.put(replace(self.stored_customer, body=self.customer))
        else:
            self.check(self.stored_customer)
        checks = [check for check in self._checks.values() if check.id not in self._puts]
        change = Change(
            puts=list(self._puts.values()), deletes=list(self._deletes.values()), checks=checks
        )
        self._add_entries(change)
        written = len(change.puts) + len(change.deletes) + len(checks)
        if written + len(written_items.named) + len(self._dropped) <= _MAX_WRITES:
            change.puts += written_items.named
            change.deletes += self._dropped
        elif written <= _MAX_WRITES:
            change.named += written_items.named
            change.unnamed = self._dropped
        else:
            raise BillingError(
                "This changes more at once than one transaction takes. Give fewer items or"
                " discounts at a time; invoice items that are pending can be invoiced first.",
            )
        change.claims = list(self._claims)
        self._enter_first_thresholds()
        try:
            self.ctx.save(change, self.events, result_id=result_id)
        except ClaimTaken as taken:
            refusal = self._claims[taken.claim]
            raise refusal() from None
        return change.puts

    def _add_entries(self, change: Change) -> None:
        """Add the boxes of the ledger's entries to a change."""
        change.puts += self._entries.documents(self.ctx, self.stored_customer.id)

    def _enter_first_thresholds(self) -> None:
        """Have the customer's usage watched, before the commit that first gives it thresholds."""
        before, after = map(CustomerState.of, (self.stored_customer.body, self.customer))
        if after.threshold_subscriptions and not before.threshold_subscriptions:
            enter_customer(self.ctx, Purpose.THRESHOLDS, self.stored_customer.id)

    def _end_schedules(self) -> None:
        """End the schedules whose subscriptions this decision ends, however it does that."""
        ended = {
            document.body["schedule"]: document.body
            for document in self._puts.values()
            if document.kind == "subscription"
            and document.body["schedule"]
            and is_ended(document.body)
        }
        for document in self.read(ended).values() if ended else ():
            if document.body["status"] == "active":
                schedule, event = ended_with(document.body, ended[document.id])
                self.put(schedule_document(schedule, document))
                self.emit(event, schedule)

    def _settle_top_ups(self) -> None:
        """Grant what paid invoices of top-ups have bought, once; and have their rules go on."""
        for document in list(self._puts.values()):
            bought = InvoiceState.of(document.body).top_up if document.kind == "invoice" else None
            if bought is None or not is_settled(document.body):
                continue
            rule = self.read([bought["top_up"]]).get(bought["top_up"])
            self._add(
                settled(self.ctx, self.stored_customer, self.customer, rule, document.body, bought)
            )
            if not can_still_be_paid(document.body):
                state = replace(InvoiceState.of(document.body), top_up=None)
                self.put(replace(document, body=state.on(document.body)))
        for document in self._deletes.values():
            bought = InvoiceState.of(document.body).top_up if document.kind == "invoice" else None
            if bought is not None:
                rule = self.read([bought["top_up"]]).get(bought["top_up"])
                self._add(deleted(self.customer, rule, document.body))

    def _add(self, what: Settled) -> None:
        """Add what follows from an invoice of a top-up."""
        self.customer = what.customer
        for document in what.puts:
            self.put(document)
        self.events += what.events
        for entry in what.entries:
            self.enter(entry)

    def _settle_customer(self) -> None:
        """Have the customer remember what this decision makes of its subscriptions and invoices."""
        self.customer = self._with_running(self.pending.with_open_batches(self.customer))
        self.customer = self._with_draft_credits(self._with_invoices(self.customer))
        self._tell_of_credits()
        self._settle_entitlements()

    def _tell_of_credits(self) -> None:
        """Tell of the alerts that the customer's balance of billing credits crosses."""
        crossings = compared(self.ctx, self.stored_customer.body, self.customer)
        self.customer = crossings.customer
        self.events += crossings.events
        for record in crossings.records:
            self.put(record)
        for rule in woken_by_an_invoice(self.ctx, self.stored_customer.body, self.customer):
            if rule.id not in self._puts:
                self.put(rule)

    def _settle_entitlements(self) -> None:
        """Have the customer remember what its subscriptions grant now, and emit what changed."""
        written = [document for document in self._puts.values() if document.kind == "subscription"]
        is_asked_for = self.ctx.origin is not None
        before = self.customer
        self.customer = entitlements.with_entitlements(
            before, written, self.read, is_asked_for=is_asked_for
        )
        if not entitlements.is_entitled_alike(before, self.customer):
            summary, former = map(entitlements.summary_of, (self.customer, before))
            self.emit(entitlements.UPDATED, summary, former)
            for type_, changed in entitlements.difference_of(self.customer, before):
                self.emit(type_, changed)

    def _with_invoices(self, customer: "Customer") -> "Customer":
        """The customer, whose private state says when its latest invoice was created."""
        created = [
            document.created
            for document in self._puts.values()
            if document.kind == "invoice" and document.version == 0
        ]
        return with_invoices(customer, self.stored_customer.body, created)

    def _with_draft_credits(self, customer: "Customer") -> "Customer":
        """The customer, whose private state says what drafts would take from its grants."""
        known = drafts_of(customer)
        if not known and not balances_of(customer):
            return customer
        put = [document.body for document in self._puts.values() if document.kind == "invoice"]
        changed = {*self._deletes, *(invoice["id"] for invoice in put)}
        others = [draft for draft in known if draft["invoice"] not in changed]
        return with_drafts(customer, [*others, *filter(None, map(draft_credits, put))])

    def _scheduled(self, customer: "Customer") -> list[str]:
        """The customer's schedules that have not begun, after this decision."""
        written = {
            document.id: document.due_at is not None
            for document in self._puts.values()
            if document.kind == SCHEDULE
        }
        others = [id_ for id_ in scheduled_of(customer) if id_ not in written]
        return others + [id_ for id_, waits in written.items() if waits]

    def _with_running(self, customer: "Customer") -> "Customer":
        """The customer, whose private state says which subscriptions run, and that some changed."""
        before = running_subscriptions(customer)
        written = {
            document.id: document
            for document in self._puts.values()
            if document.kind == "subscription"
        }
        begun = [id_ for id_ in written if id_ not in before]
        running = [
            id_
            for id_ in [*before, *begun]
            if id_ not in written or not is_ended(written[id_].body)
        ]
        scheduled = self._scheduled(customer)
        most = max(len(before) + len(scheduled_of(customer)), MOST_SUBSCRIPTIONS)
        if len(running) + len(scheduled) > most:
            raise BillingError(
                f"A customer can have at most {MOST_SUBSCRIPTIONS} subscriptions that run.",
                code="customer_max_subscriptions",
                param="customer",
            )
        if running != before:
            customer = replace(CustomerState.of(customer), running=running).on(customer)
        if scheduled != scheduled_of(customer):
            state = replace(CustomerState.of(customer), scheduled=scheduled or None)
            customer = state.on(customer)
        return with_subscriptions_changed(customer) if written else customer


def _is_written_anyway(customer: "Customer") -> bool:
    """Whether each decision writes a customer, also as it is: what is remembered beside it of how
    far its billing thresholds are is then gone.
    """
    return bool(CustomerState.of(customer).threshold_subscriptions)


def scheduled_of(customer: "Customer") -> list[str]:
    """The ids of a customer's schedules that have not begun.

    Making one writes the customer, as beginning a subscription does.
    """
    return list(CustomerState.of(customer).scheduled or ())


def running_subscriptions(customer: "Customer") -> list[str]:
    """The ids of a customer's subscriptions that have not ended.

    Beginning or ending one writes the customer, so the customer cannot be deleted beside it.
    """
    return list(CustomerState.of(customer).running or ())


def open_unit_of_work(ctx: Context, customer: "Document[Customer]") -> UnitOfWork:
    """A unit of work on what is stored for a customer; ``ctx`` is on the customer's time."""
    return UnitOfWork(ctx, customer, customer.body, pending_items(ctx, customer))
