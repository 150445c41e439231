"""Late usage records: the line that late usage belongs to, and what later invoices billed of it.

An open record is listed under its customer, where renewals read it. It is closed once a renewal has
corrected its line, or none can as the subscription has ended. A closed record stays stored: if more
usage is counted for its line, the record is reopened, and knows what was corrected before.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, NotRequired, TypedDict

from meterline.core.base.frozen import frozen
from meterline.core.base.money import format_decimal
from meterline.core.base.private_state import PrivateState
from meterline.services.base.context import Context
from meterline.services.billing.invoice_bodies import corrections_left
from meterline.services.billing.subscription_bodies import is_ended
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.store.base.documents import Document
from meterline.store.base.settings import settings

if TYPE_CHECKING:
    from meterline.core.base.wire import Subscription

KIND = "meterline.late_usage"

_DAY_SECONDS = 86_400

_REDRIVEN_DAYS = 365
"""Failed records wait for 90 days. A redrive that fails waits anew; this allows for four."""


class LateUsage(TypedDict):
    """The object that says that a line of a final invoice did not bill all usage, or too much."""

    id: str
    object: str
    created: int
    billed_quantity: str
    counted_quantity: str
    customer: str
    end_time: int
    finalized_at: int | None
    invoice: str
    invoice_line_item: str
    livemode: bool
    meter: str | None
    start_time: int


class StoredCorrection(TypedDict):
    """What corrections billed of a line, and the invoice that has the last of them."""

    amount: int
    quantity: str
    invoice: NotRequired[str | None]


@frozen
class LateUsageState(PrivateState):
    """What a record remembers: its line's subscription, and what was billed for it."""

    corrected: StoredCorrection | None = None
    subscription: str | None = None


@frozen
class Corrected:
    """What the corrections of a line have billed so far, beyond the line itself.

    ``invoice`` is the one that has the last of them, where that is known.
    """

    amount_minor: int = 0
    quantity: Decimal = Decimal(0)
    invoice: str | None = None


def corrected_by(record: Document[LateUsage]) -> Corrected:
    """What has been billed for a record."""
    billed = LateUsageState.of(record.body).corrected
    if billed is None:
        return Corrected()
    return Corrected(billed["amount"], Decimal(billed["quantity"]), billed.get("invoice"))


def with_corrected(record: Document[LateUsage], billed: Corrected) -> Document[LateUsage]:
    """The record after corrections have billed this much."""
    correction: StoredCorrection = {
        "amount": billed.amount_minor,
        "quantity": format_decimal(billed.quantity),
        "invoice": billed.invoice,
    }
    state = replace(LateUsageState.of(record.body), corrected=correction)
    return replace(record, body=state.on(record.body))


def closed(record: Document[LateUsage], wall_clock: int) -> Document[LateUsage]:
    """The record when renewals need not read it; it expires when no usage can be counted any more.

    Events can be recounted while they are retained, and failed records can be redriven.
    """
    kept_days = settings().event_retention_days + _REDRIVEN_DAYS
    return replace(record, parent=None, expires_at=wall_clock + kept_days * _DAY_SECONDS)


def close_unbilled(uow: UnitOfWork, records: Iterable[Document[LateUsage]]) -> None:
    """Close the records of subscriptions that have ended, as many as the decision has room for.

    No later invoice bills these records, and each renewal of their customer would read them. The
    last draft of a subscription may still get corrections.
    """
    named = [(record, LateUsageState.of(record.body).subscription) for record in records]
    subscriptions = uow.read({id_ for _, id_ in named if id_ is not None})
    over = {id_ for id_, found in subscriptions.items() if bills_no_more(uow.ctx, found.body)}
    unbilled = [record for record, id_ in named if id_ in over]
    for record in unbilled[: max(uow.room // 2, 0)]:
        uow.put(closed(record, uow.ctx.wall_clock))


def bills_no_more(ctx: Context, subscription: "Subscription") -> bool:
    """Whether no invoice of a subscription can correct a line any more: it has ended."""
    if not is_ended(subscription):
        return False
    latest = ctx.store.get(subscription["latest_invoice"] or "")
    return latest is None or corrections_left(latest.body) == (0,)


def is_closed(record: Document[LateUsage]) -> bool:
    """Whether renewals do not look at the record any more."""
    return record.parent is None


def reopened(record: Document[LateUsage]) -> Document[LateUsage]:
    """The record where its customer's next renewal finds it."""
    return replace(record, parent=record.body["customer"], expires_at=None)
