"""Pending-item batches: invoice items that are billed together, by one write however many they are.

Items that wait for the same invoices stand on a batch, and the batch knows which invoice took it.
An item's own document is not written again when it is billed: readers are shown its batch's
invoice, and the figures that were counted anew when that invoice became final.

A batch also decides what there is: an item that its batch does not name is not there, so one write
adds or removes any number of them. Those of a deleted draft are deleted with their batch.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from meterline.core.base.private_state import private_value, with_private_state_of

if TYPE_CHECKING:
    from meterline.core.base.wire import InvoiceItem, InvoiceItemChanges

KIND = "tab"
MOST_ITEMS = 250
MOST_BYTES = 500_000
"""A batch is full with so many items, or so much JSON of them: one commit bills sixty batches."""


class PendingBatch(TypedDict):
    """A batch as it is stored; ``bytes`` is the JSON of all items that were ever put onto it.

    ``figures`` are fields of items, by their ids, that were counted anew when ``invoice``, which
    took the batch, became final.
    """

    id: str
    bytes: NotRequired[int]
    currency: str
    customer: str
    deleted: NotRequired[bool]
    figures: "dict[str, InvoiceItemChanges]"
    invoice: str | None
    items: list[str]
    subscription: str | None


def batch_of(item: "InvoiceItem") -> str | None:
    """The id of the batch that an invoice item stands on, if it is on one."""
    batch: str | None = private_value(item, "tab")
    return batch


def as_billed(item: "InvoiceItem", batch: PendingBatch) -> Mapping[str, Any] | None:
    """An invoice item as its batch says that it was billed; None if the batch does not name it."""
    if item["id"] not in batch["items"]:
        return None
    if batch.get("deleted"):
        remains = {"id": item["id"], "object": item["object"], "deleted": True}
        return with_private_state_of(remains, item)
    figures = batch["figures"].get(item["id"], {})
    return {**item, **figures, "invoice": batch["invoice"]}
