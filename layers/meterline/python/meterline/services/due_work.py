"""Everything that falls due: found by the sweep, done by workers that decide from stored state."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from meterline.services import account_settings
from meterline.services.context import Context
from meterline.services.invoices.finalize import finalize_due_invoice
from meterline.services.invoices.late_findings import look_again
from meterline.services.renewals import renew_subscription
from meterline.services.subscriptions.arrears import pursue_invoice
from meterline.services.subscriptions.cancel import stop_more_invoices
from meterline.services.subscriptions.notices import tell_of_trial_end
from meterline.store.documents import Conflict, Document

_ATTEMPTS = 12
_MOST_PASSES = 60

type Work = Callable[[Context, Document], list[Document]]

_WORK: Final[dict[str, tuple[Work, ...]]] = {
    "subscription": (tell_of_trial_end, renew_subscription, stop_more_invoices),
    "invoice": (finalize_due_invoice, look_again, pursue_invoice),
}
"""What can be due for an object, by its kind. Each decides by itself whether it is; a new kind of
work joins by giving its instant to the object's ``due_at``, which is the earliest of all."""


def do_due_work(ctx: Context, object_id: str) -> list[Document]:
    """Do what has fallen due for an object by ``ctx.now``; returns what was written.

    Each pass decides from the stored state, so nothing is done twice and missed periods are caught
    up one by one. A pass that loses a race to another writer decides again. After many passes the
    rest is left: the object is still due, and comes with another message. Raises ``Conflict`` when
    every race was lost, and RuntimeError when an object is due for which there is nothing to do.
    """
    made: list[Document] = []
    lost = 0
    for _ in range(_MOST_PASSES):
        document = ctx.store.get(object_id)
        if document is None or not is_due(document, ctx.now):
            return made
        ahead = replace(ctx, store=ctx.store.reading_ahead(needed_for(document)))
        try:
            written = _do_next(ahead, document)
        except Conflict:
            lost += 1
            if lost == _ATTEMPTS:
                raise
            continue
        made += written
        if not written:
            message = f"{object_id} is due, but there is nothing to do for it"
            raise RuntimeError(message)
        if any(one.id == object_id and not is_due(one, ctx.now) for one in written):
            return made
    return made


def is_due(document: Document, now: int) -> bool:
    """Whether there is work to do for a document by ``now``."""
    return document.due_at is not None and document.due_at <= now


def _do_next(ctx: Context, document: Document) -> list[Document]:
    """Do the first piece of work that is due for the stored version of an object."""
    for work in _WORK[document.kind]:
        if written := work(ctx, document):
            return written
    return []


def needed_for(document: Document) -> list[str]:
    """The ids of what the work on an object reads: all but its usage, known from its body."""
    body = document.body
    if document.kind == "subscription":
        prices = [item["price"] for item in body["items"]["data"]]
        needed = [price["product"] for price in prices]
        needed += [meter for price in prices if (meter := price["recurring"].get("meter"))]
        return [body["customer"], account_settings.ID, *dict.fromkeys(needed)]
    lines = body["lines"]["data"]
    metered = [line for line in lines if (line.get("_") or {}).get("meter")]
    needed = [line["_"]["meter"] for line in metered]
    needed += [line["pricing"]["price_details"]["price"] for line in metered]
    return [body["customer"], account_settings.ID, *dict.fromkeys(needed)]
