"""How far reconciliation has come with the stored events, and what it has found."""

from dataclasses import asdict, field
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.store.base.models import billing_item, read, save


@frozen
class Progress:
    """A pass over the events of a span of receipt (UTC microseconds); also its result, from
    ``finished_at`` on (UTC seconds, 0: not yet).

    ``places`` are where the segments go on that are not at their end, by number; the counts are
    those of the pass so far. ``unreadable`` counts what cannot be read.
    """

    started_at: int = 0
    received_from: int = 0
    received_before: int = 0
    finished_at: int = 0
    places: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    events: int = 0
    buckets: int = 0
    differences: int = 0
    unreadable: int = 0


def read_progress(segments: int) -> Progress:
    """How far the pass over so many segments has come."""
    item = read(_key(segments))
    return Progress() if item is None else Progress(**(item.body or {}))


def save_progress(segments: int, progress: Progress) -> None:
    """Remember how far the pass has come."""
    save(billing_item()(_key(segments), "#", body=asdict(progress)))


def _key(segments: int) -> str:
    """One key for both modes: a segment holds events of both."""
    return f"l#reconcile#{segments}"
