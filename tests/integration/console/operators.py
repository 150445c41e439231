"""Somebody who uses the console without a browser: cookies are kept, forms are filled in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, override
from urllib.parse import urlencode

from tests.gateway import route
from tests.handlers import gateway_event, load_handler

ADDRESS = "https://billing.example.com"
_PATIENCE = 29
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


def in_process(
    method: str, url: str, headers: Mapping[str, str], body: bytes, seconds: float
) -> tuple[int, bytes]:
    """What the API answers, without a network: stands for ``asking.send``."""
    assert 0 < seconds < _PATIENCE
    target = url.removeprefix(ADDRESS)
    event = gateway_event(method, target, dict(headers), body)
    folder = route(method, target.partition("?")[0]).folder
    response = load_handler(folder)(event, None)
    return response["statusCode"], response["body"].encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the console answered."""

    status: int
    headers: Mapping[str, str]
    cookies: list[str]
    text: str

    @property
    def location(self) -> str:
        """Where it leads to."""
        return self.headers.get("location", "")

    def field(self, name: str) -> str:
        """The value of a hidden field."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, name
        return found[1]

    @property
    def tags(self) -> "Tags":
        """The tags of the page."""
        tags = Tags()
        tags.feed(self.text)
        return tags


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def values(self, tag: str, attribute: str) -> list[str]:
        """The values of an attribute of all tags of a name."""
        values = [attributes.get(attribute) for name, attributes in self.found if name == tag]
        return [value for value in values if value is not None]


@dataclass
class Operator:
    """A browser's worth of state."""

    cookies: dict[str, str] = field(default_factory=dict)
    domain: str = "billing.example.com"
    base_path: str = ""

    def ask(
        self, method: str, target: str, form: Mapping[str, Any] | None = None, **headers: str
    ) -> Answer:
        """One request, as a browser makes it of the console's own page unless headers say more."""
        sent = {"accept": "text/html", **SAME_ORIGIN, **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        event = gateway_event(method, target, sent, urlencode(form or {}).encode())
        event["requestContext"]["domainName"] = self.domain
        event["rawPath"] = self.base_path + event["rawPath"]
        path = target.partition("?")[0]
        event["requestContext"]["routeKey"] = route(method, path).key
        response = load_handler("serve_console")(event, None)
        cookies = response.get("cookies", [])
        self._keep(cookies)
        return Answer(response["statusCode"], response["headers"], cookies, response["body"])

    def get(self, target: str) -> Answer:
        """A page."""
        return self.ask("GET", target)

    def post(self, target: str, form: Mapping[str, Any]) -> Answer:
        """A form, sent as it is."""
        return self.ask("POST", target, form)

    def submit(self, page: str, target: str, form: Mapping[str, Any]) -> Answer:
        """A form of a page, with what the page put into it."""
        shown = self.get(page)
        hidden = {"token": shown.field("token")}
        if 'name="once"' in shown.text:
            hidden["once"] = shown.field("once")
        return self.post(target, hidden | dict(form))

    def sign_in(self, key: str) -> Answer:
        """Exchange a key for a session."""
        return self.post("/console/sign-in", {"key": key})

    def _keep(self, cookies: list[str]) -> None:
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
