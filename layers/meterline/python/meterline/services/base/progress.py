"""The rule that keeps due work from going round in circles: a commit moves on what it is done for.

Work on an object that is due carries a due step. A commit that would leave the object due for the
same thing again is refused: nothing is written, no event is published, and the message fails. After
its tries it is one dead letter and an alarm (decisions/stuck-work.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from meterline.core.base.frozen import frozen
from meterline.store.base.documents import Change, Document


class NoProgress(Exception):  # noqa: N818 - a defect of the work, named for what it lacks
    """Due work that would leave its object as due as before. It never passes by itself."""


@frozen
class DuePoint:
    """The first thing that is due for an object: when, and which of its kinds of work that is.

    ``left`` is for work that takes several commits at one instant: it shrinks with each.
    """

    at: int
    rank: int = 0
    left: tuple[Any, ...] = ()

    def is_beyond(self, before: "DuePoint") -> bool:
        """Whether work has come further than it was. There is no endless chain of such points
        before an instant, so whatever obeys this comes to an end.
        """
        if (self.at, self.rank) == (before.at, before.rank):
            return self.left < before.left
        return (self.at, self.rank) > (before.at, before.rank)


@dataclass(slots=True)
class DueStep:
    """What a pass of due work is for: an object, where it stood, and how to find where it stands.

    ``is_done`` once a commit has moved the object on.
    """

    object_id: str
    since: DuePoint
    due_point_of: Callable[[Document], DuePoint | None]
    is_done: bool = False

    def check(self, change: Change) -> None:
        """Refuse a change that writes the object without moving it on: raises NoProgress."""
        for document in change.puts:
            if document.id == self.object_id:
                self._check(document)

    def note(self, change: Change) -> None:
        """Note that a change was committed."""
        written = [*change.puts, *change.deletes]
        self.is_done |= any(document.id == self.object_id for document in written)

    def _check(self, document: Document) -> None:
        point = self.due_point_of(document)
        if document.due_at != (point and point.at):
            message = f"{document.id} would be due at {document.due_at}, its work at {point}"
            raise NoProgress(message)
        if point is not None and not point.is_beyond(self.since):
            message = f"{document.id} would be due at {point} again, after work at {self.since}"
            raise NoProgress(message)
