"""Going on with a search for late usage that is too long for one call.

Usage of an hour may be late for any invoice since. A call looks at a page of these invoices and
leaves the rest to due work: a document says where the next page begins. Each page is one commit, so
a function that dies repeats a page, and a line that is found twice is emitted once.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NotRequired, TypedDict

from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.store.base.documents import Change, Conflict, Document
from meterline.store.base.keys import Cursor
from meterline.store.metering.usage import BucketKey

KIND = "latesearch"

_TRIES = 5


class StoredSearch(TypedDict):
    """A search as it is stored: the hour that it is for, its place, and when its page is due.

    A place is an invoice's second and id.
    """

    id: str
    again_from: NotRequired[list[Any]]
    at: int
    created: int
    customer: str
    hour: int
    meter: str
    place: list[Any]


type Look = Callable[[Context, BucketKey, Cursor | None], Cursor | None]
"""Looks at a page of the invoices behind a place; returns where the next begins, if any does."""


def search_on(ctx: Context, bucket: BucketKey, place: Cursor) -> None:
    """Leave the invoices of an hour that lie behind a place to due work.

    A running search returns to this place at its end: it may have passed lines that are late now.
    """
    search_id = derived_object_id(KIND, *bucket)
    for _ in range(_TRIES):
        running: Document[StoredSearch] | None = ctx.store.get(search_id)
        if running is None:
            search = _new_search(ctx, search_id, bucket, place)
        else:
            search = replace(running, body=running.body | {"again_from": _stored(place)})
        try:
            ctx.save(Change(puts=[search]))
        except Conflict:
            continue
        else:
            return
    raise Conflict(search_id)


def searches_at(search: StoredSearch) -> int:
    """When the next page of a search is due: each is a second later than the one before."""
    return search["at"]


def go_on(
    ctx: Context, document: Document[StoredSearch], look: Look
) -> list[Document[StoredSearch]]:
    """Look at the next page of a search; it is removed at its end. Returns what was written."""
    search = document.body
    bucket = BucketKey(ctx.livemode, search["meter"], search["customer"], search["hour"])
    following = look(ctx, bucket, Cursor(*search["place"]))
    further = search | {"at": search["at"] + 1}
    if following is not None:
        further["place"] = _stored(following)
    elif "again_from" in search:
        further["place"] = further.pop("again_from")
    else:
        ctx.save(Change(deletes=[document]))
        return []
    written = replace(document, body=further, due_at=further["at"])
    ctx.save(Change(puts=[written]))
    return [written]


def _stored(place: Cursor) -> list[Any]:
    return [place.created, place.id]


def _new_search(
    ctx: Context, search_id: str, bucket: BucketKey, place: Cursor
) -> Document[StoredSearch]:
    body: StoredSearch = {
        "id": search_id,
        "at": ctx.wall_clock,
        "created": ctx.wall_clock,
        "customer": bucket.customer,
        "hour": bucket.hour,
        "meter": bucket.meter,
        "place": _stored(place),
    }
    return Document(KIND, ctx.livemode, body, due_at=ctx.wall_clock, parent=bucket.customer)
