"""The route of ``/search``: a query, and opaque pages bound to the key and to the query."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from meterline.api.lists import DEFAULT_LIMIT, MAX_LIMIT
from meterline.api.operations import Answer, Operation, permission_of
from meterline.api.page_tokens import page_token, read_page_token
from meterline.api.params.specs import Params, integer, object_, string
from meterline.core.base.errors import BillingError

if TYPE_CHECKING:
    from meterline.api.call import Call

SEARCH = object_(
    query=string(required=True),
    limit=integer(minimum=1, maximum=MAX_LIMIT),
    page=string(),
)


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What a search returns: stored bodies, and the token of the next page if there is one.

    ``token_after`` gives the token of the page that comes after one of them.
    """

    bodies: list[dict[str, Any]]
    next_page: str | None
    token_after: Callable[[dict[str, Any]], str]

    def halved(self, params: Params) -> "SearchPage":  # noqa: ARG002 - as lists have it
        """The first half, of a page that is too long to send."""
        bodies = self.bodies[: len(self.bodies) // 2]
        return replace(self, bodies=bodies, next_page=self.token_after(bodies[-1]))


def searching(path: str, kind: str) -> Operation:
    """``GET`` of the objects of a kind that a query finds."""

    def run(call: "Call", params: Params) -> SearchPage:
        from meterline.services.base.search import place_of, search  # noqa: PLC0415 - only when asked

        secret, query = call.principal.secret, params["query"]
        place = read_page_token(secret, params["page"]) if "page" in params else {}
        if place and place.get("query") != query:
            raise BillingError("This page belongs to another query.", param="page")
        limit = params.get("limit", DEFAULT_LIMIT)
        found = search(call.context(), kind, query, after=place.get("after"), limit=limit)

        def token_after(body: dict[str, Any]) -> str:
            return page_token(secret, {"query": query, "after": place_of(body)})

        following = token_after(found.bodies[-1]) if found.has_more else None
        return SearchPage(found.bodies, following, token_after)

    return Operation(
        method="GET",
        path=path,
        run=run,
        permission=permission_of(path.removesuffix("/search")),
        kind=kind,
        answer=Answer.SEARCH,
        params=SEARCH,
        light=True,
    )


def search_envelope(shown: list[dict[str, Any]], next_page: str | None, url: str) -> dict[str, Any]:
    """A search result object."""
    return {
        "object": "search_result",
        "data": shown,
        "has_more": next_page is not None,
        "next_page": next_page,
        "url": url,
    }
