"""What falls due, a page at a time, and how far the sweep of each partition has come."""

from collections.abc import Iterable
from dataclasses import asdict

from meterline.core.base.frozen import frozen
from meterline.store.base import models
from meterline.store.base.documents import Conflict
from meterline.store.base.models import (
    ConditionFailed,
    billing_item,
    due,
    has_no_version,
    has_version,
    read_many,
    save,
)

PAGE = 1_000


type Place = models.Place
"""A cursor in the index, as DynamoDB gives it: objects due at one instant have no order of ours."""


@frozen
class DueEntry:
    """An object that is due at an instant, as the index shows it."""

    due_at: int
    kind: str
    object_id: str


@frozen
class DuePage:
    """A page of the index, and where the next one begins; None at the end."""

    entries: list[DueEntry]
    after: Place | None


@frozen
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
    found, following = due(partition, first, until, limit=limit, after=after)
    entries = [
        DueEntry(int(item.due_at or 0), item.kind or "", item.pk.split("#", 1)[1]) for item in found
    ]
    return DuePage(entries, following)


def read_progress(partitions: Iterable[str]) -> dict[str, Progress]:
    """How far each of these partitions has come; nothing of a new one was sent."""
    keys = {_key(partition): partition for partition in partitions}
    items = read_many((key, "#") for key in keys)
    stored = {keys[item.pk]: Progress(**(item.body or {})) for item in items}
    return {partition: stored.get(partition, Progress()) for partition in keys.values()}


def save_progress(partition: str, progress: Progress) -> None:
    """Remember how far a partition has come; Conflict if this version of it was saved already."""
    before = progress.version - 1
    # Progress that was saved without a version counts as the first.
    is_next = has_version(before) if before else has_no_version()
    item = billing_item()(_key(partition), "#", version=progress.version, body=asdict(progress))
    try:
        save(item, is_next)
    except ConditionFailed:
        raise Conflict(partition) from None


def _key(partition: str) -> str:
    mode, timeline = partition.split("#", 1)
    return f"{mode}#sweep#{timeline}"
