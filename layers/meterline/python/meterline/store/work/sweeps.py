"""What falls due, a page at a time, and how far the sweep of each partition has come."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from meterline.store.base.documents import Conflict
from meterline.store.base.models import BillingItem, billing_item

PAGE = 1_000

type Place = dict[str, Any]
"""A place in the index as DynamoDB tells it: objects due at one instant have no order of ours."""


@dataclass(frozen=True, slots=True)
class DueEntry:
    """An object that is due at an instant, as the index shows it."""

    due_at: int
    object_id: str


@dataclass(frozen=True, slots=True)
class DuePage:
    """A page of the index, and where the next one begins; None at the end."""

    entries: list[DueEntry]
    after: Place | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a partition has been sent.

    Everything due up to ``reached`` was sent; of what is due up to ``until``, that up to the place
    ``after`` as well. ``resent_at`` is when overdue objects were sent again, up to the place
    ``resent_after``. ``version`` counts how often it was saved.
    """

    reached: int = 0
    until: int = 0
    after: Place | None = None
    resent_at: int = 0
    resent_after: Place | None = None
    version: int = 0


def due_page(
    partition: str, first: int, until: int, after: Place | None = None, *, limit: int = PAGE
) -> DuePage:
    """The objects of a partition that are due from ``first`` to ``until``, both inclusive.

    Earliest first, after the place where the page before ended. The index follows its table with a
    delay, usually far below a second.
    """
    if first > until:
        return DuePage([], None)
    found = billing_item().due.query(
        partition, _between(first, until), limit=limit, page_size=limit, last_evaluated_key=after
    )
    entries = [DueEntry(int(item.due_at or 0), item.pk.split("#", 1)[1]) for item in found]
    return DuePage(entries, found.last_evaluated_key)


def read_progress(partitions: Iterable[str]) -> dict[str, Progress]:
    """How far each of these partitions has come; nothing of a new one was sent."""
    keys = {_key(partition): partition for partition in partitions}
    items = billing_item().batch_get([(key, "#") for key in keys], consistent_read=True)
    stored = {keys[item.pk]: Progress(**(item.body or {})) for item in items}
    return {partition: stored.get(partition, Progress()) for partition in keys.values()}


def save_progress(partition: str, progress: Progress) -> None:
    """Remember how far a partition has come; Conflict if this version of it was saved already."""
    model = billing_item()
    before = progress.version - 1
    # Progress that was saved without a version counts as the first.
    is_next = model.version == before if before else model.version.does_not_exist()
    item = model(_key(partition), "#", version=progress.version, body=asdict(progress))
    try:
        item.save(condition=is_next)
    except PutError as refused:
        if refused.cause_response_code != "ConditionalCheckFailedException":
            raise
        raise Conflict(partition) from refused


def _between(first: int, until: int) -> Condition:
    condition: Condition = BillingItem.due_at.between(first, until)
    return condition


def _key(partition: str) -> str:
    mode, timeline = partition.split("#", 1)
    return f"{mode}#sweep#{timeline}"
