"""Lists: how they are paged, ``created`` ranges and filters, as tables need them.

A page has a limit and starts at a cursor; ``has_more`` says whether rows follow, and a page that is
too long to send is halved. All of that is said here, also of lists that read their rows themselves.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from meterline.api.operations import Answer, Operation, get, permission_of
from meterline.api.params.specs import (
    RANGE,
    Integer,
    Object,
    Param,
    Params,
    integer,
    object_,
    string,
)
from meterline.core.base.errors import BillingError, no_such
from meterline.core.base.frozen import frozen
from meterline.store.base.keys import END_OF_TIME

if TYPE_CHECKING:
    from meterline.services.base.context import Context
    from meterline.store.billing.repository import Source, Span

type Shown = Mapping[str, Any]
type Row = Any
"""An object of any kind, as it is stored, or a row that a list shows."""

type Keep = Callable[[Row], bool]
type Filter = Callable[[Params], Keep]
type Narrow = Callable[["Context", Params], "Source"]

MAX_LIMIT = 100
DEFAULT_LIMIT = 10


@frozen(kw_only=True)
class _PageSize(Integer):
    """How many objects a page has: 0 is taken for 1, and more than a page holds for a whole one."""

    def convert(self, raw: Any, name: str) -> int:  # noqa: ANN401 - as all kinds have it
        """The number, within what a page can hold."""
        return min(max(Integer.convert(self, raw, name), 1), MAX_LIMIT)


PAGING: dict[str, Param] = {
    "limit": _PageSize(minimum=0),
    "starting_after": string(),
    "ending_before": string(),
}
"""The parameters of every list."""

LIMIT = integer(minimum=1, maximum=MAX_LIMIT)
"""The limit of what is no list of Stripe's v1 API: out of bounds it is refused."""

_CURSORS = ("starting_after", "ending_before")
_NOT_COMPARED = {*PAGING, "created", "expand"}


@frozen
class Listing:
    """What a list operation returns: a page of bodies, and whether more follow.

    ``url`` is where the list is found, if that is more than the path of the request.
    """

    bodies: list[Row]
    has_more: bool
    url: str | None = None

    def halved(self, params: Params) -> "Listing":
        """Half as many, those next to where the page starts, of a page that is too long to send."""
        number = len(self.bodies) // 2
        bodies = self.bodies[-number:] if is_backwards(params) else self.bodies[:number]
        return replace(self, bodies=bodies, has_more=True)

    def answer(self, shown: Sequence[Shown], path: str) -> Shown:
        """The response to a request for ``path``; ``shown`` are the bodies as it shows them."""
        return envelope(shown, self.url or path, has_more=self.has_more)


@frozen(kw_only=True)
class TokenListing(Listing):
    """A page after which the next is asked for by an opaque token.

    ``token_after`` gives the token of the page that comes after some bodies.
    """

    token_after: Callable[[list[Row]], str]

    @property
    def next_page(self) -> str | None:
        """The token of the next page, if there is one."""
        return self.token_after(self.bodies) if self.has_more else None


def retrieve(path: str, kind: str, *, shows_deleted: bool = False, param: str = "id") -> Operation:
    """``GET`` of a stored object by the id in its path; a deleted one is missing, or a stub.

    ``param`` is what refusals call the id.
    """

    def run(ctx: "Context", object_id: str, params: Params) -> Row:  # noqa: ARG001 - no parameters
        from meterline.services.base.lookups import find  # noqa: PLC0415 - imported when first asked

        document = ctx.store.get(object_id) if shows_deleted else None
        if document is not None and document.kind == kind and document.body.get("deleted"):
            return document.body
        return find(ctx, kind, object_id, param=param, status=404).body

    return get(path, kind, run)


def listing(
    path: str,
    kind: str,
    *,
    filters: Object | None = None,
    keep: Filter | None = None,
    narrow: Narrow | None = None,
    created: bool = True,
) -> Operation:
    """``GET`` of the list of a kind.

    ``keep(params)`` gives the test that objects must pass; without it they must agree with each
    filter of the same name. ``narrow(context, params)`` says from where they are read, so that the
    filters bound the cost; without it from the facets of their names. With ``created`` they can be
    selected by time.
    """
    specification = (filters or object_()).extended(**PAGING)
    if created:
        specification = specification.extended(created=RANGE)

    def run(ctx: "Context", params: Params) -> Listing:
        test = (keep or equal_fields)(params)
        source = (narrow or by_facets)(ctx, params)
        return read_page(ctx, kind, params, keep=test, source=source)

    return list_operation(path, kind, run, specification)


def by_facets(_: "Context", params: Params) -> "Source":
    """From the partitions of the facets that the filters name."""
    from meterline.core.kinds.divisions import flag  # noqa: PLC0415 - see above
    from meterline.store.billing.repository import Source  # noqa: PLC0415 - not for light functions

    facets = {
        name: [flag(value) if isinstance(value, bool) else str(value)]
        for name, value in params.items()
        if name not in _NOT_COMPARED
    }
    return Source(facets=facets)


def under(name: str, otherwise: Narrow = by_facets) -> Narrow:
    """From under the object that the filter ``name`` gives the id of; ``otherwise`` without it."""
    from meterline.store.billing.repository import Source  # noqa: PLC0415 - not for light functions

    def narrow(ctx: "Context", params: Params) -> Source:
        return Source(parents=[params[name]]) if name in params else otherwise(ctx, params)

    return narrow


def list_operation(
    path: str, kind: str, run: Callable[..., Listing], params: Object | None = None
) -> Operation:
    """``GET`` of a list that ``run`` reads itself; ``params`` must contain ``PAGING``."""
    return Operation(
        method="GET",
        path=path,
        run=run,
        permission=permission_of(path),
        kind=kind,
        answer=Answer.LIST,
        params=params or object_(PAGING),
    )


def read_page(
    ctx: "Context",
    kind: str,
    params: Params,
    *,
    keep: Keep = lambda _: True,
    source: "Source | None" = None,
) -> Listing:
    """The page that the paging parameters ask for, newest first.

    ``source`` narrows down what is read; ``keep`` still judges each object.
    """
    from meterline.store.billing.repository import EVERYTHING  # noqa: PLC0415 - not for light functions

    span = _span(ctx, kind, params)
    page = ctx.store.page(
        kind,
        span,
        limit=page_size(params),
        source=source or EVERYTHING,
        keep=lambda body: not body.get("deleted") and keep(body),
    )
    bodies = [document.body for document in page.documents]
    return Listing(bodies[::-1] if span.oldest_first else bodies, page.has_more)


def first_rows[T](rows: Iterable[T], params: Params) -> tuple[list[T], bool]:
    """As many rows as a page takes, and whether more follow."""
    limit = page_size(params)
    found = list(islice(rows, rows_read(params)))
    return found[:limit], len(found) > limit


def rows_read(params: Params) -> int:
    """The rows that a page is made of: one more than it takes says whether more follow."""
    return page_size(params) + 1


def page_from(rows: Iterable[Row], params: Params) -> Listing:
    """The page of rows that begin beside the cursor and lead away from it.

    With ``ending_before`` they come in the opposite of the list's order.
    """
    bodies, has_more = first_rows(rows, params)
    return Listing(bodies[::-1] if is_backwards(params) else bodies, has_more)


type Around = tuple[list[Row], list[Row]]
"""The rows before a place, and those after it."""


def page_of(
    rows: Sequence[Row], params: Params, around: Callable[[str], Around] | None = None
) -> Listing:
    """The page of rows that stand in their own order.

    ``around(name)`` gives what stands around the place that a cursor names; without it cursors are
    ids of rows.
    """
    refuse_both_cursors(params)
    find = around or (lambda name: _around_id(rows, params[name], name))
    if is_backwards(params):
        return page_from(reversed(find("ending_before")[0]), params)
    return page_from(find("starting_after")[1] if "starting_after" in params else rows, params)


def _around_id(rows: Sequence[Row], row_id: str, param: str) -> Around:
    for place, row in enumerate(rows):
        if row["id"] == row_id:
            return list(rows[:place]), list(rows[place + 1 :])
    raise BillingError(f"No such object: '{row_id}'", code="resource_missing", param=param)


def envelope(listed: Sequence[Shown], url: str, *, has_more: bool) -> Shown:
    """A list object, found at ``url``. SDKs add the parameters of a request to it."""
    return {"object": "list", "data": listed, "has_more": has_more, "url": url}


def equal_fields(params: Params) -> Keep:
    """The test that an object's fields equal the filters of the same names."""
    filters = {name: value for name, value in params.items() if name not in _NOT_COMPARED}
    return lambda body: all(body.get(name) == value for name, value in filters.items())


def _span(ctx: "Context", kind: str, params: Params) -> "Span":
    from meterline.store.base.keys import Cursor  # noqa: PLC0415 - see above
    from meterline.store.billing.repository import Span  # noqa: PLC0415 - not for light functions

    def place(name: str) -> Cursor:
        from meterline.core.kinds.registry import kind_of  # noqa: PLC0415 - see above

        document = ctx.store.get(params[name])
        if document is None or document.kind != kind:
            raise no_such(kind_of(kind).noun, params[name], param=name)
        return Cursor(document.created, document.id)

    first, last = created_range(params.get("created"))
    span = Span(created_from=first, created_until=last)
    places = {name: place(name) for name in _CURSORS if name in params}
    refuse_both_cursors(params)
    if "starting_after" in places:
        return replace(span, older_than=places["starting_after"])
    if "ending_before" in places:
        return replace(span, newer_than=places["ending_before"], oldest_first=True)
    return span


def is_backwards(params: Params) -> bool:
    """Whether a page lies before its cursor."""
    return "ending_before" in params


def page_size(params: Params) -> int:
    """How many rows a page has at most."""
    return int(params.get("limit", DEFAULT_LIMIT))


def cursors(params: Params) -> tuple[str | None, str | None]:
    """What the rows of a page come after, and what they come before: at most one is given."""
    refuse_both_cursors(params)
    return params.get("starting_after"), params.get("ending_before")


def cursor_name(params: Params) -> str:
    """The parameter that says where a page starts."""
    return "ending_before" if is_backwards(params) else "starting_after"


def refuse_both_cursors(params: Params) -> None:
    """Refuse a page that is to lie after one object and before another."""
    if all(name in params for name in _CURSORS):
        raise BillingError(
            "Received both starting_after and ending_before parameters. Please pass in only one."
        )


def created_range(created: int | dict[str, int] | None) -> tuple[int, int]:
    """The first and last second that the filter ``created`` allows."""
    if created is None:
        return 0, END_OF_TIME
    if isinstance(created, int):
        return created, created
    first = max(created.get("gte", 0), created.get("gt", -1) + 1)
    last = min(created.get("lte", END_OF_TIME), created.get("lt", END_OF_TIME + 1) - 1)
    return min(first, END_OF_TIME), max(last, -1)
