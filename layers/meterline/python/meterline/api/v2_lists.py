"""Pages of v2: the next one is an address, which repeats the filters and has an opaque place."""

from collections.abc import Sequence
from urllib.parse import urlencode

from meterline.api.lists import Shown, TokenListing
from meterline.api.params.specs import Params
from meterline.core.base.frozen import frozen


@frozen(kw_only=True)
class V2Page(TokenListing):
    """A page of a list of v2; ``filters`` are the parameters that it was asked for with."""

    filters: Params

    def answer(self, shown: Sequence[Shown], path: str) -> Shown:
        """The response to a request for ``path``; ``shown`` are the bodies as it shows them."""
        following = self.next_page
        return {
            "data": shown,
            "next_page_url": _address(path, self.filters, following) if following else None,
            "previous_page_url": None,
        }


def _address(path: str, params: Params, page: str) -> str:
    query: list[tuple[str, str]] = []
    for name, value in params.items():
        if isinstance(value, dict):
            query += [(f"{name}[{key}]", each) for key, each in value.items()]
        elif isinstance(value, list):
            query += [(f"{name}[{index}]", each) for index, each in enumerate(value)]
        elif name != "page":
            query.append((name, str(value)))
    return f"{path}?{urlencode([*query, ('page', page)])}"
