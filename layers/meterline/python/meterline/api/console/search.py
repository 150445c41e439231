"""``/console/search``: customers, invoices and subscriptions by what somebody has at hand."""

import re
from typing import Final

from meterline.api.console.asking import Call, Reply
from meterline.api.console.visits import Visit, signed_in
from meterline.api.pages.answers import Page

_PAGES: Final = {
    "cus_": "customers",
    "sub_sched_": "schedules",
    "sub_": "subscriptions",
    "in_": "invoices",
    "prod_": "catalogue",
    "mtr_": "meters",
    "evt_": "events",
    "we_": "webhooks",
    "clock_": "test-clocks",
    "alrt_": "alerts",
    "ed_": "destinations",
}
"""The page that an id leads to, by how it begins; the first that fits."""

_ID: Final = re.compile(rf"({'|'.join(_PAGES)})[0-9A-Za-z_]+", re.ASCII)
_LEAST_LETTERS: Final = 3
"""Of a name that is searched for in parts."""


def _search(visit: Visit) -> Page:
    """What is found; an id leads straight to its page."""
    words = visit.query.get("q", "").strip()
    if _ID.fullmatch(words):
        page = next(page for prefix, page in _PAGES.items() if words.startswith(prefix))
        return visit.moved(f"/console/{page}/{words}")
    calls = _calls(words)
    replies = visit.api.ask_all(list(calls.values()))
    found: dict[str, Reply] = dict(zip(calls, replies, strict=True))
    return visit.page("search.html", words=words, found=found)


def _calls(words: str) -> dict[str, Call]:
    """The calls that may find it, by what they look for."""
    text = re.sub(r'["\\]', "", words)
    if not text:
        return {}
    queries = {("Customers with this e-mail", "customers"): f'email:"{text}"'}
    if "@" not in text:
        queries = {("Invoices with this number", "invoices"): f'number:"{text.upper()}"'}
        if len(text) >= _LEAST_LETTERS:
            queries["Customers with this name", "customers"] = f'name~"{text}"'
    return {
        title: Call("GET", f"/v1/{kind}/search", {"query": query, "limit": 20})
        for (title, kind), query in queries.items()
    }


PAGES = [signed_in("GET", "/console/search", _search)]
