"""Batches: invoice items that are billed together, by one write however many they are.

Items that wait for the same invoices stand on a batch, and the batch knows which invoice took it.
An item's own document is not written again when it is billed: a reader is shown its batch's
invoice, and the figures that were counted anew when that invoice became final.

A batch also decides what there is: an item that its batch does not name is not there, so one write
adds or removes any number of them. Those of a deleted draft are deleted with their batch.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from meterline.store.base.documents import Body, Document

KIND = "tab"
MOST_ITEMS = 250
MOST_BYTES = 500_000
"""A batch is full with so many items, or so much JSON of them: one commit bills sixty batches."""

type Read = Callable[[Iterable[str]], Mapping[str, Document]]


def batch_of(item: Body) -> str | None:
    """The id of the batch that an invoice item stands on, if it is on one."""
    tab: str | None = (item.get("_") or {}).get("tab")
    return tab


def as_billed(documents: Mapping[str, Document], read: Read) -> dict[str, Document]:
    """The documents, invoice items among them as their batches say they were billed.

    Without the items that their batches do not name. ``read`` reads documents by their ids; nothing
    is read when no item stands on a batch.
    """
    standing = {
        document.id: tab
        for document in documents.values()
        if document.kind == "invoiceitem" and (tab := batch_of(document.body)) is not None
    }
    if not standing:
        return dict(documents)
    tabs = read(set(standing.values()))
    return {
        one: _billed(document, tabs[standing[one]]) if one in standing else document
        for one, document in documents.items()
        if one not in standing or _names(tabs.get(standing[one]), one)
    }


def _names(tab: Document | None, item_id: str) -> bool:
    return tab is not None and item_id in tab.body["items"]


def _billed(item: Document, tab: Document) -> Document:
    if tab.body.get("deleted"):
        remains = {"id": item.id, "object": item.body["object"], "deleted": True}
        return replace(item, body=remains | {"_": item.body["_"]})
    figures = tab.body["figures"].get(item.id, {})
    return replace(item, body=item.body | figures | {"invoice": tab.body["invoice"]})
