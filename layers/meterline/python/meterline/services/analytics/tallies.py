"""Going through a whole list, some of it at each request, to add something up.

A request reads a bounded part of the list and leaves what it has added up, and the place where the
next one goes on. Once the end is reached the sum is shown for an hour; then the next request begins
anew, and the former sum is shown until the new one is complete.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, NotRequired, TypedDict

from meterline.services.base.context import Context
from meterline.services.base.ids import derived_object_id
from meterline.store.base.documents import Conflict, Document
from meterline.store.base.keys import Cursor
from meterline.store.billing.repository import Span

KIND = "meterline.analytics.tally"

FRESH_SECONDS = 3_600
"""So long a sum is shown before it is added up again."""

KEPT_SECONDS = 7 * 86_400
"""So long it is kept when nobody asks for it."""


class _Sum(TypedDict):
    """What was added up: since when, of how many objects, and up to which place of the list."""

    began_at: int
    objects: int
    place: list[Any] | None
    value: Any


class _Stored(TypedDict):
    """A tally as it is stored: what is complete, and what is under way."""

    id: str
    created: int
    complete: NotRequired[_Sum]
    under_way: NotRequired[_Sum]


class Tally(NamedTuple):
    """What was added up, as of when, of how many objects, and whether these are all."""

    value: Any
    refreshed_at: int
    objects: int
    is_complete: bool


class Counting(NamedTuple):
    """What is added up: objects of a kind, from a part of its list, ``most`` in a request.

    ``add`` gives the sum with further objects of the list, and how many: one at least, and fewer
    than it is given where these take too long. The sum is stored as JSON.
    """

    kind: str
    span: Span
    most: int
    nothing: Any
    add: Callable[[Any, Sequence[Cursor]], tuple[Any, int]]


def tally(ctx: Context, name: tuple[str | int, ...], counting: Counting) -> Tally:
    """The sum of this name, after a further part of the list; no more is read while it is fresh."""
    tally_id = derived_object_id(KIND, *name)
    found: Document[_Stored] | None = ctx.store.get(tally_id)
    before: _Stored = found.body if found else {"id": tally_id, "created": ctx.wall_clock}
    complete = before.get("complete")
    if complete is not None and ctx.wall_clock - complete["began_at"] < FRESH_SECONDS:
        return _shown(complete, is_complete=True)
    after = _further(ctx, before, counting)
    document = found or Document(KIND, ctx.livemode, before)
    expires_at = ctx.wall_clock + KEPT_SECONDS
    _save(ctx, replace(document, body=after, expires_at=expires_at))
    if "complete" in after:
        return _shown(after["complete"], is_complete=True)
    return _shown(after["under_way"], is_complete=False)


def _further(ctx: Context, before: _Stored, counting: Counting) -> _Stored:
    """The tally after a further part of the list."""
    running = before.get("under_way") or _Sum(
        began_at=ctx.wall_clock, objects=0, place=None, value=counting.nothing
    )
    place = Cursor(*running["place"]) if running["place"] else None
    listed = ctx.store.places(counting.kind, replace(counting.span, older_than=place))
    places = list(islice(listed, counting.most + 1))
    value, number = running["value"], 0
    if places:
        value, number = counting.add(value, places[: counting.most])
    part = places[:number]
    further = _Sum(
        began_at=running["began_at"],
        objects=running["objects"] + len(part),
        place=[part[-1].created, part[-1].id] if part else running["place"],
        value=value,
    )
    after: _Stored = {**before}
    after.pop("under_way", None)
    if len(places) > number:
        after["under_way"] = further
    else:
        after["complete"] = further
    return after


def _save(ctx: Context, document: Document[_Stored]) -> None:
    """Leave what was added up; where another request was faster, its sum goes on instead."""
    try:
        ctx.store.put(document)
    except Conflict:
        return


def _shown(sum_: _Sum, *, is_complete: bool) -> Tally:
    return Tally(sum_["value"], sum_["began_at"], sum_["objects"], is_complete)
