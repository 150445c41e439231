"""Documents beside a commit: seen only while a document of the commit names them, as batches do.

They are written before the commit and removed after the one that ends them. What a death in between
leaves is named by nothing, so it is invisible; it goes with its customer's test clock, or stays.
"""

from meterline.store.base import sizes
from meterline.store.base.documents import Change
from meterline.store.base.models import delete_many, save_many
from meterline.store.base.packing import pack
from meterline.store.billing.commit import item_of


def write_named(change: Change) -> None:
    """Write the new documents that ``change`` names once it is committed.

    Raises ``TooLong`` when a request leaves too little room in one of them.
    """
    for document in change.named if change.is_asked_for else ():
        sizes.check_written(document, len(pack(document.body)), lambda: None)
    save_many(map(item_of, change.named))


def undo_named(change: Change) -> None:
    """Remove them again, as ``change`` was refused; no one else has their ids."""
    delete_many(map(item_of, change.named))


def remove_unnamed(change: Change) -> None:
    """Remove the documents that nothing names any more, once ``change`` was committed."""
    delete_many(map(item_of, change.unnamed))
