"""The route of ``/search``: a query, and opaque pages bound to the key and to the query."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meterline.api.lists import LIMIT, Shown, TokenListing, first_rows
from meterline.api.operations import Answer, Operation, permission_of
from meterline.api.page_tokens import page_token, read_page_token
from meterline.api.params.specs import Params, object_, string
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen

if TYPE_CHECKING:
    from meterline.api.call import Call

SEARCH = object_(
    query=string(required=True),
    limit=LIMIT,
    page=string(),
)

_TOTAL = "total_count"
"""Shown when expanded. Counting reads what the query narrows down, within the bound of a page."""


@frozen(kw_only=True)
class SearchPage(TokenListing):
    """A page of what a search found; how much that is in all, if the request asks for it."""

    total_count: int | None = None

    def answer(self, shown: Sequence[Shown], path: str) -> Shown:
        """A search result object."""
        return {
            "object": "search_result",
            "data": shown,
            "has_more": self.has_more,
            "next_page": self.next_page,
            "url": path,
            **({} if self.total_count is None else {_TOTAL: self.total_count}),
        }


def searching(path: str, kind: str) -> Operation:
    """``GET`` of the objects of a kind that a query finds."""

    def run(call: "Call", params: Params) -> SearchPage:
        from meterline.services.base.search import place_of, search  # noqa: PLC0415 - only when asked

        secret, query = call.principal.secret, params["query"]
        place = read_page_token(secret, params["page"]) if "page" in params else {}
        if place and place.get("query") != query:
            raise BillingError("This page belongs to another query.", param="page")
        ctx = call.context()
        found = search(ctx, kind, query, after=place.get("after"))
        total = None
        if _TOTAL in call.shown_fields:
            total = sum(1 for _ in search(ctx, kind, query, after=None))

        def token_after(bodies: Sequence[Shown]) -> str:
            return page_token(secret, {"query": query, "after": place_of(bodies[-1])})

        return SearchPage(*first_rows(found, params), token_after=token_after, total_count=total)

    return Operation(
        method="GET",
        path=path,
        run=run,
        permission=permission_of(path.removesuffix("/search")),
        kind=kind,
        answer=Answer.SEARCH,
        params=SEARCH,
        hidden=(_TOTAL,),
        light=True,
    )
