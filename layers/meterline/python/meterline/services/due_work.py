"""Everything that falls due: found by the sweep, done by workers that decide from stored state."""

from collections.abc import Callable
from typing import Final

from meterline.services.context import Context
from meterline.services.invoices.finalize import finalize_due_invoice
from meterline.services.renewals import renew_subscription
from meterline.store.documents import Conflict, Document

_ATTEMPTS = 12

_WORK: Final[dict[str, Callable[[Context, Document], list[Document]]]] = {
    "subscription": renew_subscription,
    "invoice": finalize_due_invoice,
}


def do_due_work(ctx: Context, object_id: str) -> list[Document]:
    """Do everything that has fallen due for an object by ``ctx.now``; returns what is due later.

    Each pass decides from the stored state, so nothing is done twice and missed periods are caught
    up one by one. A pass that loses a race to another writer decides again.
    """
    made: list[Document] = []
    for _ in range(_ATTEMPTS):
        document = ctx.store.get(object_id)
        if document is None or document.due_at is None or document.due_at > ctx.now:
            return made
        try:
            made += _WORK[document.kind](ctx, document)
        except Conflict:
            continue
    message = f"{object_id} is still due after {_ATTEMPTS} passes"
    raise Conflict(message)
