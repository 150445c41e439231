"""A decision about a customer's money under way: what it reads, changes and tells.

Bills, renewals, changes and previews are all decided on a ledger. Saving it commits everything in
one transaction; a preview drops it. So a preview cannot differ from what is then billed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from meterline.core.errors import BillingError
from meterline.services.context import Context
from meterline.services.events import EventDraft
from meterline.store.documents import Body, Change, Document

MAX_PENDING_ITEMS = 80
"""Pending invoice items a customer can have: one transaction must be able to bill them all."""

_MAX_WRITES = 95
"""What one transaction takes, less what saving itself adds to it."""

_PENDING = "pending_items"


@dataclass(slots=True)
class Ledger:
    """One decision for ``customer``, whose body it keeps changing as ``account``.

    ``pending`` are the customer's invoice items that no invoice has yet, oldest first. Their ids
    are private state of the customer, which every bill is conditional on: an item can neither be
    missed by an index that lags nor be billed twice.
    """

    ctx: Context
    customer: Document
    account: Body
    pending: dict[str, Document]
    events: list[EventDraft] = field(default_factory=list)
    _puts: dict[str, Document] = field(default_factory=dict)
    _deletes: dict[str, Document] = field(default_factory=dict)
    _checks: dict[str, Document] = field(default_factory=dict)

    def put(self, document: Document) -> None:
        """Store a document, in place of what was to be stored under its id."""
        self._puts[document.id] = document

    def put_first(self, document: Document) -> None:
        """Store a document, as the first of those that saving returns."""
        self._puts = {document.id: document} | self._puts

    def check(self, document: Document) -> None:
        """Make the decision conditional on a document being as it was read."""
        self._checks[document.id] = document

    def drafted(self, document_id: str) -> Document | None:
        """A document as this decision would store it."""
        return self._puts.get(document_id)

    def read(self, ids: Iterable[str]) -> dict[str, Document]:
        """The documents with these ids that exist: as this decision would store them, or stored."""
        wanted = list(dict.fromkeys(ids))
        stored = self.ctx.store.get_many(one for one in wanted if one not in self._puts)
        return {**stored, **{one: self._puts[one] for one in wanted if one in self._puts}}

    def tell(self, type_: str, subject: Body, before: Body | None = None) -> None:
        """Add an event; ``before`` is the body before an update."""
        self.events.append(EventDraft(type_, subject, before))

    def tell_first(self, type_: str, subject: Body) -> None:
        """Add an event that comes before all others: what caused them."""
        self.events.insert(0, EventDraft(type_, subject))

    def add_item(self, item: Body) -> None:
        """Add a new pending invoice item, or an existing one that is pending again."""
        document = Document(
            kind="invoiceitem", livemode=self.ctx.livemode, body=item, parent=self.customer.id
        )
        self.pending[document.id] = document
        self.put(document)
        self.tell("invoiceitem.created", item)

    def drop_item(self, item_id: str) -> None:
        """Delete a pending invoice item; one that this decision added never was."""
        document = self.pending.pop(item_id)
        self._puts.pop(item_id, None)
        if document.version:
            self._deletes[item_id] = document
            self.tell("invoiceitem.deleted", document.body)
        else:
            self.events = [event for event in self.events if event.subject["id"] != item_id]

    def collect(self, invoice_id: str, wanted: Callable[[Body], bool]) -> list[Body]:
        """Take the wanted pending items onto an invoice; returns them, newest first."""
        taken = [document for document in self.pending.values() if wanted(document.body)]
        for document in taken:
            del self.pending[document.id]
            self.put(replace(document, body=document.body | {"invoice": invoice_id}))
        return sorted((one.body for one in taken), key=lambda item: int(item["date"]), reverse=True)

    def release(self, document: Document) -> None:
        """Make an item of a draft that is given up pending again."""
        freed = replace(document, body=document.body | {"invoice": None})
        self.pending[document.id] = freed
        self.put(freed)

    def remove(self, document: Document) -> None:
        """Delete a document."""
        self._deletes[document.id] = document

    def save(self, result_id: str | None = None) -> list[Document]:
        """Commit the decision; returns the documents written.

        Refused if the customer would have more pending items than one transaction can bill.
        """
        if len(self.pending) > MAX_PENDING_ITEMS:
            raise BillingError(
                f"The customer would have more than {MAX_PENDING_ITEMS} pending invoice items."
                " Invoice them first.",
                param="customer",
            )
        self._note_pending()
        if self.account != self.customer.body:
            self.put(replace(self.customer, body=self.account))
        else:
            self.check(self.customer)
        checks = [one for one in self._checks.values() if one.id not in self._puts]
        puts = list(self._puts.values())
        if len(puts) + len(checks) + len(self._deletes) > _MAX_WRITES:
            raise BillingError(
                "This changes more invoice items at once than one transaction takes. Invoice the"
                " pending ones first, or change fewer items at a time.",
            )
        change = Change(puts=puts, deletes=list(self._deletes.values()), checks=checks)
        self.ctx.save(change, self.events, result_id=result_id)
        return puts

    def _note_pending(self) -> None:
        private = self.account.get("_") or {}
        if list(self.pending) != private.get(_PENDING, []):
            self.account = self.account | {"_": private | {_PENDING: list(self.pending)}}


def open_ledger(ctx: Context, customer: Document) -> Ledger:
    """A ledger on what is stored for a customer; ``ctx`` is on the customer's time."""
    ids = (customer.body.get("_") or {}).get(_PENDING, [])
    found = ctx.store.get_many(ids)
    pending = {item_id: found[item_id] for item_id in ids if item_id in found}
    return Ledger(ctx, customer, customer.body, pending)
