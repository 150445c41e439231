"""One request of somebody who is signed in: what pages are given, and how they answer."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from meterline.api.console import formats
from meterline.api.console.asking import MOST_SECONDS, Api, Call, Reply, listing
from meterline.api.console.sessions import Session, api_address, no_cookie, session_of
from meterline.api.operations import Operation
from meterline.api.pages.answers import Page, moved
from meterline.api.pages.app import page
from meterline.api.pages.assets import OWN, Assets
from meterline.api.pages.render import environment, render
from meterline.api.requests import Request
from meterline.core.base.errors import BillingError
from meterline.core.base.frozen import frozen

type Run = Callable[..., Page]
"""What answers a visit: given the ``Visit`` and the values of its path's variables."""

HOME: Final = "/console"
_FOLDER: Final = Path(__file__).parent
_TEMPLATES: Final = _FOLDER / "templates"
ASSETS: Final = Assets("/console/assets", (_FOLDER / "static", OWN))
_MOST_FORM_BYTES: Final = 100_000
_PAGE_ROWS: Final = 20
_MOST_DIGITS: Final = 10

NAVIGATION: Final = (
    ("Overview", "/console", ""),
    ("Customers", "/console/customers", "customers"),
    ("Subscriptions", "/console/subscriptions", "subscriptions"),
    ("Schedules", "/console/schedules", "subscription_schedules"),
    ("Invoices", "/console/invoices", "invoices"),
    ("Catalogue", "/console/catalogue", "products"),
    ("Meters", "/console/meters", "billing_meters"),
    ("Alerts", "/console/alerts", "billing_alerts"),
    ("Events", "/console/events", "events"),
    ("Webhooks", "/console/webhooks", "webhook_endpoints"),
    ("Destinations", "/console/destinations", "webhook_endpoints"),
    ("Test clocks", "/console/test-clocks", "test_helpers_test_clocks"),
)
"""The pages that lead to all others: a name, the address, and the right that it needs."""


@frozen
class Visit:
    """A request of a session, the API that answers it, and the clock (UTC seconds)."""

    request: Request
    session: Session
    api: Api
    now: int

    @property
    def query(self) -> dict[str, str]:
        """What the address asks for, by name; the last one counts."""
        return dict(parse_qsl(self.request.query))

    @property
    def form(self) -> dict[str, str]:
        """What a form sent, by name; empty fields are left out."""
        return form_of(self.request)

    @property
    def seen(self) -> int:
        """How many rows of a list stand before the page that the address asks for."""
        return whole(self.query.get("seen"))

    @property
    def page_rows(self) -> int:
        """How many rows a page of a list has at most."""
        return _PAGE_ROWS

    @property
    def root(self) -> str:
        """What addresses of pages begin with: empty, but for a base path."""
        return self.request.base_path

    def page(self, template: str, status: int = 200, **values: Any) -> Page:  # noqa: ANN401 - of templates
        """The page of a template, in the console's frame."""
        return Page(_rendered(template, {**self._frame(), **values}), status)

    def moved(self, path: str, **query: str) -> Page:
        """An answer that leads to another page of the console."""
        asked = f"?{urlencode(query)}" if query else ""
        return moved(f"{self.root}{path}{asked}")

    def listing(self, path: str, **params: Any) -> Call:  # noqa: ANN401 - of any parameter
        """The call of the page of a list that the address asks for."""
        after, before = self.query.get("after"), self.query.get("before")
        return listing(path, limit=_PAGE_ROWS, starting_after=after, ending_before=before, **params)

    def names(self, customers: Sequence[str]) -> dict[str, str]:
        """What customers are called, by their ids; those that cannot be read are left out."""
        calls = [Call("GET", f"/v1/customers/{one}") for one in dict.fromkeys(customers)]
        bodies = [reply.body for reply in self.api.ask_all(calls) if reply.is_good]
        return {body["id"]: formats.called(body) for body in bodies}

    def post(self, path: str, params: Mapping[str, Any]) -> Reply:
        """The answer to a POST with the key of the form, so that a form sent twice acts once."""
        return self.api.ask(Call("POST", path, params, self.form.get("once")))

    def went(self, reply: Reply, path: str, done: str) -> Page:
        """The way on after a form: to a page that says so, or to why it was refused."""
        return self.moved(path, done=done) if reply.is_good else self.refused(reply)

    def refused(self, reply: Reply) -> Page:
        """Why the API did not do what a form asked for."""
        return self.page("refused.html", reply.status or 502, reply=reply)

    def may(self, permission: str, *, write: bool = False) -> bool:
        """Whether the session has the right to a resource."""
        return not permission or self.session.principal.may(permission, write=write)

    def _frame(self) -> Mapping[str, Any]:
        path = self.request.path
        return {
            **frame_of(self.request),
            "visit": self,
            "now": self.now,
            "navigation": [
                (name, self.root + at, self.may(right), _is_at(path, at))
                for name, at, right in NAVIGATION
            ],
            "mode": "live" if self.session.principal.livemode else "test",
            "key": self.session.principal.key,
            "ends_at": self.session.ends_at,
            "form_token": self.session.form_token,
            "once": secrets.token_hex(16),
            "notice": NOTICES.get(self.query.get("done", ""), ""),
            "q": self.query.get("q", ""),
        }


NOTICES: Final = {
    "activated": "The alert is active: it tells again.",
    "advanced": "The clock is on its way.",
    "archived": "The alert is archived: it tells no more.",
    "created": "Created.",
    "deactivated": "The alert is inactive: it tells nobody until it is active again.",
    "deleted": "Deleted.",
    "disabled": "It is disabled: nothing is sent to it.",
    "enabled": "It is enabled: events are sent to it from now on.",
    "pinged": "A ping is on its way.",
    "released": "The schedule is released: its subscription goes on as it is.",
    "resent": "The event is on its way again.",
    "rolled": "The secret is replaced.",
    "schedule_canceled": "The schedule and its subscription are cancelled.",
}
"""What a page says after a form was sent: addresses name a notice, and hold no texts."""


def signed_in(method: str, path: str, run: Run) -> Operation:
    """A row of a table of pages that only a session sees; forms must be the session's own."""

    def visited(request: Request, *path_values: str) -> Page:
        now = int(time.time())
        session = session_of(request, now)
        if session is None:
            return _sign_in_first(request)
        if method == "POST" and not _is_own_form(request, session):
            return _foreign_form(request)
        ends_at = time.monotonic() + MOST_SECONDS
        api = Api(api_address(request), session.token, ends_at)
        return run(Visit(request, session, api, now), *path_values)

    return page(method, path, visited)


def frame_of(request: Request) -> Mapping[str, Any]:
    """What every page of the console is given, also where nobody is signed in."""
    return {
        "root": request.base_path,
        "asset": lambda name: request.base_path + ASSETS.address(name),
        "address": api_address(request),
    }


def plain_page(request: Request, template: str, status: int = 200, **values: Any) -> Page:  # noqa: ANN401 - of templates
    """A page for somebody who is not signed in."""
    return Page(_rendered(template, {**frame_of(request), **values}), status)


def form_of(request: Request) -> dict[str, str]:
    """What a form sent, by name; nothing of what is too long or no text."""
    if len(request.body) > _MOST_FORM_BYTES:
        return {}
    return dict(parse_qsl(request.body.decode(errors="replace")))


def whole(text: str | None, otherwise: int = 0) -> int:
    """A number that an address or a form gives; ``otherwise`` for what is none, or too long."""
    is_number = text and text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if text and is_number else otherwise


def comes_from_elsewhere(request: Request) -> bool:
    """Whether a browser says that another site's page sent a request."""
    site = request.header("sec-fetch-site")
    if site is not None:
        return site != "same-origin"
    origin = request.header("origin")
    return origin is not None and urlsplit(origin).netloc != urlsplit(api_address(request)).netloc


def _is_own_form(request: Request, session: Session) -> bool:
    return not comes_from_elsewhere(request) and session.owns_form(form_of(request).get("token"))


def _sign_in_first(request: Request) -> Page:
    """Leads to the sign-in page, and from there back to a page that was asked for."""
    asked = request.path + (f"?{request.query}" if request.query else "")
    back = f"?{urlencode({'next': asked})}" if request.method == "GET" and asked != HOME else ""
    forget = (no_cookie(request),)
    return moved(f"{request.base_path}{HOME}/sign-in{back}", cookies=forget)


def _foreign_form(request: Request) -> Page:
    title = "This form is not of your session"
    text = "It was made before you signed in, or by another page. Go back, load it anew and repeat."
    return plain_page(request, "message.html", 403, title=title, text=text)


def _is_at(path: str, entry: str) -> bool:
    return path == entry or (entry != HOME and path.startswith(f"{entry}/"))


def _rendered(template: str, values: Mapping[str, Any]) -> bytes:
    templates = environment(_TEMPLATES)
    templates.filters.update(formats.FILTERS)
    templates.globals.update(formats.CHARTS)
    return render(_TEMPLATES, template, dict(values))


def found(reply: Reply) -> Reply:
    """The reply, unless there is no such object: then the page is not found."""
    if reply.is_missing:
        raise BillingError("There is no such page.", status=404)
    return reply
