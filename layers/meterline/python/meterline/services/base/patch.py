"""What most updates have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from meterline.services.base.context import Context
from meterline.services.base.outbox import EventDraft
from meterline.store.base.documents import Change, Claim, Document


def save_update[B: Mapping[str, Any]](
    ctx: Context,
    document: Document[B],
    body: B,
    event_type: str,
    *,
    claims: list[Claim] | None = None,
    with_it: Sequence[Document] = (),
) -> B:
    """Commit ``body`` as the new state of ``document``, with its event if anything changed.

    ``with_it`` are other documents that the same commit stores.
    """
    changed = body != document.body
    change = Change(
        puts=[replace(document, body=body), *with_it] if changed else [],
        checks=[] if changed else [document],
        claims=claims or [],
    )
    events = [EventDraft(event_type, body, before=document.body)] if changed else []
    ctx.save(change, events, result_id=document.id)
    return body
