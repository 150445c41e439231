"""What every service is given: the store of its mode, the time, and what asked for the work."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen
from meterline.observability import logger
from meterline.services.base.outbox import (
    BatchAhead,
    EventDraft,
    Origin,
    named_by_events,
    outbox,
)
from meterline.services.base.progress import DueStep
from meterline.store.base.documents import Change, Document, Oversized, Receipt, TooLong
from meterline.store.billing.repository import BillingStore


@frozen
class Context:
    """The surroundings of one piece of work.

    ``now`` is the time of the objects at hand, UTC seconds: the wall clock's, or their test clock's
    (``at``). ``wall_clock`` is always the wall clock's. ``origin`` and ``receipt`` belong to the
    API request that asked, if one did; ``due_step`` to the due work that is done.
    """

    store: BillingStore
    now: int
    wall_clock: int
    origin: Origin | None = None
    receipt: Receipt | None = None
    due_step: DueStep | None = None

    @property
    def livemode(self) -> bool:
        """Whether this is the live mode."""
        return self.store.livemode

    def at(self, instant: int) -> "Context":
        """The same surroundings at another time, as a test clock has it."""
        return replace(self, now=instant)

    def reading_ahead(self, object_ids: Iterable[str]) -> "Context":
        """The same surroundings, with these objects read in one request for one decision."""
        return replace(self, store=self.store.reading_ahead(object_ids))

    def save(
        self,
        change: Change,
        events: Sequence[EventDraft] = (),
        *,
        result_id: str | None = None,
        ahead: BatchAhead | None = None,
    ) -> None:
        """Commit ``change`` together with its ``events`` and the request's receipt.

        ``result_id`` names the object that the request answers with, ``ahead`` what is known of
        the events already. Refusals are those of
        ``BillingStore.commit``, and NoProgress for due work that moves nothing on; a request that
        needs too much room is refused, and asked for less.
        """
        if self.due_step is not None:
            self.due_step.check(change)
        boxes: list[Document] = []
        if events:
            cause = (change.puts or change.deletes)[0]
            at = {"now": self.now, "wall_clock": self.wall_clock}
            boxes = outbox(events, cause, self.origin, **at, ahead=ahead)
        puts = change.puts
        if any(draft.record for draft in events):
            puts = named_by_events(puts, events, boxes)
        whole = replace(
            change,
            puts=[*puts, *boxes],
            receipt=self.receipt,
            result_id=result_id,
            is_asked_for=self.origin is not None,
        )
        try:
            self.store.commit(whole)
        except TooLong as refused:
            raise _too_long(refused) from None
        except Oversized:
            if self.origin is None:
                raise
            raise _too_much() from None
        if self.due_step is not None:
            self.due_step.note(change)
        if events:
            _log_commit(events, boxes)


_FOLLOWED = ("subscription", "invoice", "test_helpers.test_clock")
"""Kinds whose ids log lines name. Other ids may be a client's own words."""


def _log_commit(drafts: Sequence[EventDraft], boxes: Sequence[Document]) -> None:
    """Lead from the request or message that is under way to its events and objects."""
    subjects = [draft.subject for draft in drafts]
    logger.info(
        "committed",
        events=[event["id"] for box in boxes for event in box.body["events"]],
        objects=sorted(
            {subject["id"] for subject in subjects if subject.get("object") in _FOLLOWED}
        ),
    )


_CONTAINED = {("subscription", "items"): "items, with the metadata of them and of their prices"}
"""What a field contains that its request did not say."""


def _too_long(refused: TooLong) -> BillingError:
    longest = _CONTAINED.get((refused.kind, refused.field), refused.field)
    noun = refused.kind.rpartition(".")[2].replace("_", " ")
    return BillingError(
        f"This {noun} would take {refused.size} bytes as it is stored, compressed; at most"
        f" {refused.most} are accepted. Most of it is in {longest}: shorten that, or keep it"
        " elsewhere under an id.",
        param=refused.field,
    )


def _too_much() -> BillingError:
    return BillingError(
        "This changes more at once than one transaction takes. Change fewer or shorter objects at a"
        " time.",
    )
