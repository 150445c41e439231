"""A customer's pending invoice items: those that no invoice has taken yet.

They stand on tabs (``store.tabs``), one series of tabs for each subscription (or none) and
currency. Which tabs are open is private state of the customer, which every bill is conditional on;
whoever adds, changes or removes an item writes its tab. So a bill can neither miss an item nor take
one twice, and takes any number of items by one write for each tab.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from meterline.core.errors import BillingError
from meterline.services.context import Context
from meterline.services.ids import new_id
from meterline.store import tabs
from meterline.store.documents import Body, Document
from meterline.store.packing import text_bytes

MOST_TABS = 30
"""Open tabs of a customer for one subscription and currency: one transaction must take them all,
and those of no subscription."""

_USUAL_BYTES = 3_000
_PRIVATE = "tabs"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pending items an invoice takes: those in its currency, of these subscriptions.

    None among them stands for items of no subscription; without a set, items of all are taken.
    """

    currency: str
    subscriptions: frozenset[str | None] | None = None

    def takes(self, item: Body) -> bool:
        """Whether it takes an item."""
        return self.takes_series(item["currency"], subscription_of_item(item))

    def takes_series(self, currency: str, subscription: str | None) -> bool:
        """Whether it takes the items of a currency and a subscription."""
        return currency == self.currency and (
            self.subscriptions is None or subscription in self.subscriptions
        )


@dataclass(slots=True)
class PendingItems:
    """The pending items of one customer, as a decision finds and leaves them.

    ``added`` are those that this decision has made pending. Tabs and items are read when they are
    asked for.
    """

    ctx: Context
    customer_id: str
    open_tabs: list[Body]
    added: dict[str, Document] = field(default_factory=dict)
    is_changed: bool = False
    _tabs: dict[str, Document] = field(default_factory=dict)
    _written: dict[str, Document] = field(default_factory=dict)

    def ids(self) -> list[str]:
        """The ids of all that are stored, whatever their currency and subscription."""
        stored = self._load(one["id"] for one in self.open_tabs)
        return [item_id for tab in stored for item_id in tab.body["items"]]

    def has(self, wanted: Selection) -> bool:
        """Whether there is any item that ``wanted`` takes."""
        added = (document.body for document in self.added.values())
        return any(True for _ in self._series(wanted)) or any(map(wanted.takes, added))

    def standing(self, wanted: Selection) -> list[Document]:
        """The items that ``wanted`` takes, oldest first."""
        stored = self._load(one["id"] for one in self._series(wanted))
        ids = [item_id for tab in stored for item_id in tab.body["items"]]
        found = self.ctx.store.get_many(ids)
        added = [one for one in self.added.values() if wanted.takes(one.body)]
        return [found[one] for one in ids if one in found and one not in self.added] + added

    def add(self, item: Document) -> None:
        """Make an item pending: a new one, or one that its invoice gives back."""
        self.added[item.id] = item
        self.is_changed = True

    def take(self, wanted: Selection, invoice_id: str) -> list[Document]:
        """Bill the wanted items on an invoice: all of them, oldest first, as billed.

        Their tabs are written by ``settle``; those that are on none have to be stored.
        """
        taken = self.standing(wanted)
        for tab in self._load([one["id"] for one in self._series(wanted)]):
            self._write(tab, {"invoice": invoice_id})
        self.open_tabs = [one for one in self.open_tabs if not _is_in(wanted, one)]
        for item in taken:
            self.added.pop(item.id, None)
        return [replace(one, body=one.body | {"invoice": invoice_id}) for one in taken]

    def touch(self, item: Document) -> None:
        """Make whoever bills an item see that it was changed.

        One that may have become much longer looks for a tab with room again.
        """
        if text_bytes(item.body) > _USUAL_BYTES:
            self.leave(item)
            self.add(_without_tab(item))
            return
        for tab in self._load([tabs.tab_of(item.body) or ""]):
            self._write(tab, {})

    def leave(self, item: Document) -> None:
        """Take an item off its tab, if it is on one."""
        for tab in self._load([tabs.tab_of(item.body) or ""]):
            left = [one for one in tab.body["items"] if one != item.id]
            self._write(tab, {"items": left, "bytes": _bytes_on(tab) if left else 0})
            if not left:
                self.open_tabs = [one for one in self.open_tabs if one["id"] != tab.id]
            self.is_changed = True

    def settle(self) -> list[Document]:
        """Put what is still pending onto tabs; the documents to be stored for that."""
        self._reopen()
        items = []
        for item in self.added.values():
            self.leave(item)
            tab = self._with_room(item.body)
            size = _bytes_on(tab) + text_bytes(item.body)
            self._write(tab, {"items": [*tab.body["items"], item.id], "bytes": size})
            private = (item.body.get("_") or {}) | {"tab": tab.id}
            items.append(replace(item, body=item.body | {"_": private}))
        return [*items, *self._written.values()]

    def noted(self, account: Body) -> Body:
        """The customer, whose private state says which tabs are open."""
        private = account.get("_") or {}
        if self.open_tabs == private.get(_PRIVATE, []):
            return account
        return account | {"_": private | {_PRIVATE: self.open_tabs}}

    def _reopen(self) -> None:
        """Let tabs be open again whose items an invoice gives back all together."""
        for tab in self._load({tabs.tab_of(item.body) or "" for item in self.added.values()}):
            if all(one in self.added for one in tab.body["items"]):
                for one in tab.body["items"]:
                    del self.added[one]
                self._write(tab, {"invoice": None})
                self.open_tabs = [*self.open_tabs, _entry(tab)]

    def _with_room(self, item: Body) -> Document:
        """The last tab of an item's series, or a new one if it is full."""
        series = Selection(item["currency"], frozenset({subscription_of_item(item)}))
        its_tabs = list(self._series(series))
        last = self._load(one["id"] for one in its_tabs[-1:])
        if last and _has_room(last[0]):
            return last[0]
        if len(its_tabs) == MOST_TABS:
            raise BillingError(
                f"The customer would have more than {MOST_TABS * tabs.MOST_ITEMS} pending invoice"
                f" items, or more than {MOST_TABS * tabs.MOST_BYTES // 1_000_000} MB of them."
                " Invoice them first.",
                param="customer",
            )
        tab = self._new_tab(item)
        self.open_tabs = [*self.open_tabs, _entry(tab)]
        return tab

    def _new_tab(self, item: Body) -> Document:
        body = {
            "id": new_id("tab_"),
            "bytes": 0,
            "currency": item["currency"],
            "customer": self.customer_id,
            "figures": {},
            "invoice": None,
            "items": [],
            "subscription": subscription_of_item(item),
        }
        livemode = self.ctx.livemode
        tab = Document(kind=tabs.KIND, livemode=livemode, body=body, parent=self.customer_id)
        self._tabs[tab.id] = tab
        return tab

    def _series(self, wanted: Selection) -> Iterator[Body]:
        return (one for one in self.open_tabs if _is_in(wanted, one))

    def _load(self, tab_ids: Iterable[str]) -> list[Document]:
        """The tabs with these ids, as this decision has them so far."""
        wanted = [one for one in tab_ids if one]
        missing = [one for one in wanted if one not in self._tabs]
        if missing:
            self._tabs |= self.ctx.store.get_many(missing)
        return [self._tabs[one] for one in wanted if one in self._tabs]

    def _write(self, tab: Document, changes: Body) -> None:
        written = replace(tab, body=tab.body | changes)
        self._tabs[tab.id] = self._written[tab.id] = written


def pending_items(ctx: Context, customer: Document) -> PendingItems:
    """What is pending for a customer."""
    stored = (customer.body.get("_") or {}).get(_PRIVATE, [])
    return PendingItems(ctx, customer.id, list(stored))


def subscription_of_item(item: Body) -> str | None:
    """The id of the subscription that an invoice item belongs to."""
    parent = item["parent"]
    return None if parent is None else str(parent["subscription_details"]["subscription"])


def _without_tab(item: Document) -> Document:
    private = {name: value for name, value in item.body["_"].items() if name != "tab"}
    return replace(item, body=item.body | {"_": private})


def _has_room(tab: Document) -> bool:
    return len(tab.body["items"]) < tabs.MOST_ITEMS and _bytes_on(tab) < tabs.MOST_BYTES


def _bytes_on(tab: Document) -> int:
    """The JSON of all items that were put onto a tab, also of those that left it again."""
    return int(tab.body.get("bytes", 0))


def _entry(tab: Document) -> Body:
    return {name: tab.body[name] for name in ("id", "currency", "subscription")}


def _is_in(wanted: Selection, tab: Body) -> bool:
    return wanted.takes_series(tab["currency"], tab["subscription"])
