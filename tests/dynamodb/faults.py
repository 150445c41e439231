"""Where an engine can be made to go wrong; as it stands, nothing does."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.dynamodb.tables import Table

type Entry = Any
"""A key or a write of a batch."""


class Faults:
    """What may happen around a call and in it. Whoever makes trouble overrides what it needs:
    each method may also raise, as the wire to DynamoDB would, or let others go first.
    """

    def before(self, operation: str) -> None:
        """Before a call takes effect."""

    def after(self, operation: str) -> None:
        """After it did, before its answer comes."""

    def between(self, operation: str) -> None:
        """Between two statements, writes or reads of a batch, which are no transaction."""

    def statement_code(self, table: str) -> str | None:
        """What a statement of a batch is refused for by itself, without any effect."""
        return None

    def left(self, operation: str, table: str, entries: Sequence[Entry]) -> int:
        """How many entries of a batch, from its end, are left unprocessed."""
        return 0

    def page_items(self) -> int | None:
        """How many items a page of a query or a scan has at most; None: as many as DynamoDB says.

        DynamoDB may end a page where it likes.
        """
        return None

    def writing(self, table: "Table") -> None:
        """Before an item of a table changes; it may move what reads see that look at the past."""

    def committed(self, keys: Sequence[Any]) -> None:
        """After a transaction wrote the items with these keys."""

    def hides(self, table: str, key: Any) -> bool:
        """Whether a query or a scan does not show an item that it comes to."""
        return False
