"""Late usage records: the invoice line that it came for, and what later invoices billed of it.

A record is listed under its customer, where renewals look, until one has corrected it or none can:
its subscription has ended. Then it is closed, but kept: more may be counted for its line, also much
later, and must not be billed as if nothing had been corrected before. In that case it is reopened.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NotRequired, TypedDict

from meterline.core.base.money import format_decimal
from meterline.core.base.private_state import PrivateState
from meterline.services.base.context import Context
from meterline.services.billing.invoice_bodies import corrections_left
from meterline.services.billing.subscription_bodies import is_ended
from meterline.services.billing.unit_of_work import UnitOfWork
from meterline.store.base.documents import Body, Document
from meterline.store.base.settings import settings

KIND = "meterline.late_usage"

_DAY_SECONDS = 86_400

_REDRIVEN_DAYS = 365
"""Failed records wait for 90 days; redriven in vain they wait anew, here up to four times."""


class StoredCorrection(TypedDict):
    """What corrections billed of a line, and the invoice that has the last of them."""

    amount: int
    quantity: str
    invoice: NotRequired[str | None]


@dataclass(frozen=True, slots=True)
class LateUsageState(PrivateState):
    """What a record remembers: its line's subscription, and what was billed for it."""

    corrected: StoredCorrection | None = None
    subscription: str | None = None


@dataclass(frozen=True, slots=True)
class Corrected:
    """What the corrections of a line have billed so far, beyond the line itself.

    ``invoice`` is the one that has the last of them, where that is known.
    """

    amount_minor: int = 0
    quantity: Decimal = Decimal(0)
    invoice: str | None = None


def corrected_by(record: Document) -> Corrected:
    """What has been billed for a record."""
    billed = LateUsageState.of(record.body).corrected
    if billed is None:
        return Corrected()
    return Corrected(billed["amount"], Decimal(billed["quantity"]), billed.get("invoice"))


def with_corrected(record: Document, billed: Corrected) -> Document:
    """The record once this has been billed for it."""
    said: StoredCorrection = {
        "amount": billed.amount_minor,
        "quantity": format_decimal(billed.quantity),
        "invoice": billed.invoice,
    }
    state = replace(LateUsageState.of(record.body), corrected=said)
    return replace(record, body=state.on(record.body))


def closed(record: Document, wall_clock: int) -> Document:
    """The record when renewals need not look at it; it stays as long as usage may be counted.

    That is while events are there to be recounted, and records that failed to be redriven.
    """
    kept_days = settings().event_retention_days + _REDRIVEN_DAYS
    return replace(record, parent=None, expires_at=wall_clock + kept_days * _DAY_SECONDS)


def close_unbilled(uow: UnitOfWork, records: Iterable[Document]) -> None:
    """Close the records of subscriptions that have ended, as many as the decision has room for.

    No invoice comes that would bill them, and all renewals of their customer would read them. The
    last draft of a subscription may still have corrections to get.
    """
    told = [(one, LateUsageState.of(one.body).subscription) for one in records]
    subscriptions = uow.read({name for _, name in told if name is not None})
    over = {name for name, one in subscriptions.items() if bills_no_more(uow.ctx, one.body)}
    unbilled = [one for one, name in told if name in over]
    for record in unbilled[: max(uow.room // 2, 0)]:
        uow.put(closed(record, uow.ctx.wall_clock))


def bills_no_more(ctx: Context, subscription: Body) -> bool:
    """Whether no invoice of a subscription can correct a line any more: it has ended."""
    if not is_ended(subscription):
        return False
    latest = ctx.store.get(subscription["latest_invoice"] or "")
    return latest is None or corrections_left(latest.body) == (0,)


def is_closed(record: Document) -> bool:
    """Whether renewals do not look at the record any more."""
    return record.parent is None


def reopened(record: Document) -> Document:
    """The record where its customer's next renewal finds it."""
    return replace(record, parent=record.body["customer"], expires_at=None)
