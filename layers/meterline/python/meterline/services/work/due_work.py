"""Everything that falls due: found by the sweep, done by workers that decide from stored state."""

from typing import TYPE_CHECKING, Any, Final

from meterline.services.account import settings
from meterline.services.base.context import Context
from meterline.services.billing.invoice_bodies import (
    corrections_due_at,
    corrections_left,
    finalization_due_at,
    given_up_due_at,
    late_due_at,
    rate_ids,
    taxes_due_at,
    usage_due_at,
)
from meterline.services.billing.private_states import LineState
from meterline.services.billing.schedule_bodies import KIND as SCHEDULE
from meterline.services.billing.schedule_bodies import starts_at
from meterline.services.billing.subscription_bodies import (
    collection_resumes_at,
    drops_at,
    expires_at,
    pending_due_at,
    phase_changes_at,
    prorations_left,
    renews_at,
    schedule_notice_at,
    stops_at,
    stops_from,
    trial_notice_at,
)
from meterline.services.credits.expiry import expire_due_grant
from meterline.services.credits.grant_states import KIND as GRANT
from meterline.services.credits.grant_states import expiry_due_at, recurs_at
from meterline.services.credits.recurrence import make_next_grant
from meterline.services.credits.top_up_bodies import KIND as TOP_UP
from meterline.services.credits.top_up_bodies import looks_at
from meterline.services.invoices.finalize import ask_for_taxes, finalize_due_invoice
from meterline.services.invoices.late_usage import add_late_lines
from meterline.services.invoices.late_usage_detection import go_on_searching, look_again
from meterline.services.invoices.late_usage_searches import KIND as SEARCH
from meterline.services.invoices.late_usage_searches import searches_at
from meterline.services.invoices.metered import price_id
from meterline.services.schedules.phase_changes import announce_end, begin_schedule, change_phase
from meterline.services.subscriptions.clearing import drop_more_prorations, stop_more_invoices
from meterline.services.subscriptions.dunning import dun_invoice
from meterline.services.subscriptions.reading_ahead import needed_for_subscription
from meterline.services.subscriptions.renewals import (
    bill_pending_items,
    expire_subscription,
    renew_subscription,
    resume_collection,
)
from meterline.services.subscriptions.trial_reminder import emit_trial_will_end
from meterline.services.work.due_passes import DueWork, do_pass
from meterline.store.base.documents import Conflict, Document

if TYPE_CHECKING:
    from meterline.core.base.wire import Invoice

_ATTEMPTS = 12
_MOST_PASSES = 60


def _look_at_balance(ctx: Context, document: Document[Any]) -> list[Document]:
    from meterline.services.top_ups.looks import look_at_balance  # noqa: PLC0415 - seldom needed

    return look_at_balance(ctx, document)


WORK: Final[dict[str, tuple[DueWork[Any], ...]]] = {
    "subscription": (
        DueWork(trial_notice_at, emit_trial_will_end),
        DueWork(schedule_notice_at, announce_end),
        DueWork(expires_at, expire_subscription),
        DueWork(collection_resumes_at, resume_collection),
        DueWork(phase_changes_at, change_phase),
        DueWork(renews_at, renew_subscription),
        DueWork(pending_due_at, bill_pending_items),
        DueWork(stops_at, stop_more_invoices, left=stops_from),
        DueWork(drops_at, drop_more_prorations, left=prorations_left),
    ),
    "invoice": (
        DueWork(corrections_due_at, add_late_lines, left=corrections_left),
        DueWork(taxes_due_at, ask_for_taxes),
        DueWork(finalization_due_at, finalize_due_invoice),
        DueWork(usage_due_at, look_again),
        DueWork(late_due_at, dun_invoice),
        DueWork(given_up_due_at, dun_invoice),
    ),
    GRANT: (DueWork(recurs_at, make_next_grant), DueWork(expiry_due_at, expire_due_grant)),
    TOP_UP: (DueWork(looks_at, _look_at_balance),),
    SCHEDULE: (DueWork(starts_at, begin_schedule),),
    SEARCH: (DueWork(searches_at, go_on_searching),),
}
"""What can be due for an object, by its kind; of several things at one instant, in this order. An
object's ``due_at`` is the earliest of their instants."""


def do_due_work(ctx: Context, object_id: str) -> list[Document]:
    """Do what has fallen due for an object by ``ctx.now``; returns what was written.

    Each pass decides from the stored state, so nothing is done twice and missed periods are caught
    up one by one. A pass that loses a race to another writer decides again. After many passes the
    rest is left: the object is still due, and comes with another message. Raises ``Conflict`` when
    every race was lost, and NoProgress when the work would leave the object due as before.
    """
    made: list[Document] = []
    lost = 0
    for _ in range(_MOST_PASSES):
        document = ctx.store.get(object_id)
        if document is None or not is_due(document, ctx.now):
            return made
        ahead = ctx.reading_ahead(needed_for(document))
        try:
            written = do_pass(ahead, document, WORK[document.kind])
        except Conflict:
            lost += 1
            if lost == _ATTEMPTS:
                raise
            continue
        made += written
        if any(other.id == object_id and not is_due(other, ctx.now) for other in written):
            return made
    return made


def is_due(document: Document, now: int) -> bool:
    """Whether there is work to do for a document by ``now``."""
    return document.due_at is not None and document.due_at <= now


def needed_for(document: Document) -> list[str]:
    """The ids of what the work on an object reads: all but its usage, known from its body."""
    if document.kind == "subscription":
        return needed_for_subscription(document.body)
    if document.kind == "invoice":
        return _needed_for_invoice(document.body)
    return [document.body["customer"]] if document.kind in (GRANT, TOP_UP) else []


def _needed_for_invoice(invoice: "Invoice") -> list[str]:
    meters = {line["id"]: LineState.of(line).meter for line in invoice["lines"]["data"]}
    metered = [line for line in invoice["lines"]["data"] if meters[line["id"]]]
    needed = [meter for meter in meters.values() if meter]
    needed += [price_id(line) for line in metered]
    needed += rate_ids(invoice)
    return [invoice["customer"], settings.ID, *dict.fromkeys(needed)]
