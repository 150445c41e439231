"""How far reconciliation has come in each segment of the stored events, and what it has found."""

from dataclasses import asdict, dataclass
from typing import Any

from meterline.store.base.models import billing_item, read, save


@dataclass(frozen=True, slots=True)
class Progress:
    """A pass over one segment; also its result, from ``finished_at`` on (UTC seconds, 0: not yet).

    ``cursor`` is where it goes on; the numbers are those of the pass so far. ``busy`` counts
    buckets that could not be compared, ``unreadable`` what cannot be read.
    """

    started_at: int = 0
    finished_at: int = 0
    cursor: dict[str, Any] | None = None
    events: int = 0
    buckets: int = 0
    busy: int = 0
    differences: int = 0
    unreadable: int = 0


def read_progress(segment: int, segments: int) -> Progress:
    """How far a segment has come."""
    item = read(_key(segment, segments))
    return Progress() if item is None else Progress(**(item.body or {}))


def save_progress(segment: int, segments: int, progress: Progress) -> None:
    """Remember how far a segment has come."""
    save(billing_item()(_key(segment, segments), "#", body=asdict(progress)))


def _key(segment: int, segments: int) -> str:
    """One key for both modes: a segment holds events of both."""
    return f"l#reconcile#{segments}#{segment}"
