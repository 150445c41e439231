"""``/console/sign-in`` and ``/console/sign-out``."""

import re
import time
from typing import Final
from urllib.parse import parse_qsl

from meterline.api.auth import principal_of_key
from meterline.api.console.sessions import cookie_of, no_cookie, session_of, sign_in, sign_out
from meterline.api.console.visits import (
    HOME,
    Visit,
    comes_from_elsewhere,
    form_of,
    plain_page,
    signed_in,
)
from meterline.api.pages.answers import Page, moved
from meterline.api.pages.app import page
from meterline.api.requests import Request
from meterline.core.base.errors import BillingError

_OF_THE_CONSOLE: Final = re.compile(r"/console(/[0-9A-Za-z/_.-]*)?(\?[0-9A-Za-z/_.&=%+-]*)?")


def _ask(request: Request) -> Page:
    """The form; for who is signed in already, the way on."""
    return _form(request, next=_next(_query(request)))


def _sign_in(request: Request) -> Page:
    """Exchange the key of the form for a session; one that the browser had before ends."""
    form, now = form_of(request), int(time.time())
    onward = _next(form)
    if comes_from_elsewhere(request):
        return _form(request, 403, problem="This form was sent by another site.", next=onward)
    former = session_of(request, now)
    try:
        session = sign_in(principal_of_key(form.get("key", "").strip(), now), now)
    except BillingError as refusal:
        return _form(request, refusal.status, problem=str(refusal), next=onward)
    if former is not None:
        sign_out(former)
    cookie = cookie_of(request, session, now)
    return moved(f"{request.base_path}{onward}", cookies=(cookie,))


def _sign_out(visit: Visit) -> Page:
    """End the session, here and at the API."""
    sign_out(visit.session)
    cookies = (no_cookie(visit.request),)
    return moved(f"{visit.root}{HOME}/sign-in", cookies=cookies)


def _query(request: Request) -> dict[str, str]:
    """What an address asks for, by name."""
    return dict(parse_qsl(request.query))


def _next(asked: dict[str, str]) -> str:
    """The page to go on to: one of the console, whatever an address asks for."""
    path = asked.get("next", HOME)
    return path if _OF_THE_CONSOLE.fullmatch(path) and ".." not in path else HOME


def _form(request: Request, status: int = 200, problem: str = "", **values: str) -> Page:
    is_known = request.method == "GET" and session_of(request, int(time.time())) is not None
    came_by_link = request.header("sec-fetch-site") == "cross-site"
    return plain_page(
        request, "sign_in.html", status, problem=problem, goes_on=is_known or came_by_link, **values
    )


PAGES = [
    page("GET", "/console/sign-in", _ask),
    page("POST", "/console/sign-in", _sign_in),
    signed_in("POST", "/console/sign-out", _sign_out),
]
