"""Going on with a search for late usage that is too long for one call.

What was counted for an hour may be late for any invoice since. A call looks at so many of them and
leaves the rest to due work: a document says where to go on, until it comes to the end. Each page is
one commit later, so a death repeats a page, and a line that is emitted again is emitted once.
"""

from collections.abc import Callable
from dataclasses import replace

from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.store.base.documents import Body, Change, Conflict, Document
from meterline.store.base.keys import Cursor
from meterline.store.metering.usage import BucketKey

KIND = "latesearch"

_TRIES = 5

type Look = Callable[[Context, BucketKey, Cursor | None], Cursor | None]
"""Looks at a page of the invoices behind a place; returns where the next begins, if any does."""


def search_on(ctx: Context, bucket: BucketKey, place: Cursor) -> None:
    """Leave the invoices of an hour that lie behind a place to due work.

    A search that is under way comes back to it at its end, as it may have passed what is late now.
    """
    search_id = derived_object_id(KIND, *bucket)
    for _ in range(_TRIES):
        running = ctx.store.get(search_id)
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


def searches_at(search: Body) -> int:
    """When the next page of a search is due: each is a second later than the one before."""
    return int(search["at"])


def go_on(ctx: Context, document: Document, look: Look) -> list[Document]:
    """Look at the next page of a search; it is removed at its end. Returns what was written."""
    search = document.body
    bucket = BucketKey(ctx.livemode, search["meter"], search["customer"], search["hour"])
    following = look(ctx, bucket, Cursor(*search["place"]))
    rest = {name: value for name, value in search.items() if name != "again_from"}
    if following is not None:
        further = search | {"place": _stored(following)}
    elif "again_from" in search:
        further = rest | {"place": search["again_from"]}
    else:
        ctx.save(Change(deletes=[document]))
        return []
    further |= {"at": search["at"] + 1}
    written = replace(document, body=further, due_at=further["at"])
    ctx.save(Change(puts=[written]))
    return [written]


def _stored(place: Cursor) -> list[int | str]:
    return [place.created, place.id]


def _new_search(ctx: Context, search_id: str, bucket: BucketKey, place: Cursor) -> Document:
    body = {
        "id": search_id,
        "at": ctx.wall_clock,
        "created": ctx.wall_clock,
        "customer": bucket.customer,
        "hour": bucket.hour,
        "meter": bucket.meter,
        "place": _stored(place),
    }
    return Document(KIND, ctx.livemode, body, due_at=ctx.wall_clock, parent=bucket.customer)
