"""A visit to a page in a real browser, and what must be so on every page."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from playwright.sync_api import Browser, Page, Request

from tests.browser.tools import SCREENSHOTS, axe

WIDTHS = (360, 768, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HEIGHT = 900
MOST_BYTES = 100_000
_SERIOUS = {"serious", "critical"}

_INLINE = """() => [...document.querySelectorAll('*')].flatMap(one => [
  ...(one.localName === 'script' && !one.src ? ['script'] : []),
  ...(one.localName === 'style' ? ['style'] : []),
  ...[...one.attributes].filter(its => its.name === 'style' || its.name.startsWith('on'))
    .map(its => `${one.localName}[${its.name}]`),
])"""
_OVERFLOW = """() => Math.max(
  document.scrollingElement.scrollWidth - document.documentElement.clientWidth,
  ...[...document.querySelectorAll('main.sheet')].map(one => one.scrollWidth - one.clientWidth))"""
"""What of the page or of its sheet cannot be seen: a sheet hides what does not fit."""

_AXE = "axe => axe.run({resultTypes: ['violations']})"


@dataclass
class Visit:
    """A page that is open, and what the browser told meanwhile."""

    page: Page
    origin: str
    name: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> int:
        """Go to a path of the deployment; the answer's status."""
        answer = self.page.goto(self.origin + path)
        assert answer is not None
        size = len(answer.body())
        if size > MOST_BYTES:
            self.complaints.append(f"The page has {size} bytes.")
        return answer.status

    def screenshot(self, name: str = "") -> None:
        """Keep what is seen, from the top of the page to its bottom."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        file = "-".join(part for part in (self.name, name) if part)
        self.page.screenshot(path=SCREENSHOTS / f"{file}.png", full_page=True)

    def check(self) -> None:
        """Fail if the page has barriers, loads from elsewhere, has scripts or styles in it, or is
        wider than the screen.
        """
        assert self.faults() == []

    def faults(self) -> list[str]:
        """What must not be so on any page."""
        foreign = [url for url in self.requests if not url.startswith(f"{self.origin}/")]
        inline = self.page.evaluate(_INLINE)
        overflow = self.page.evaluate(_OVERFLOW)
        return [
            *(f"asks another origin: {url}" for url in foreign),
            *(f"has inline {one}" for one in inline),
            *([f"is {overflow} pixels wider than the screen"] if overflow > 0 else []),
            *(f"said: {text}" for text in self.complaints),
            *self._barriers(),
        ]

    def _barriers(self) -> Iterator[str]:
        """What axe calls serious."""
        self.page.evaluate(axe())
        found: dict[str, Any] = self.page.evaluate(f"() => ({_AXE})(window.axe)")
        for violation in found["violations"]:
            if violation["impact"] in _SERIOUS:
                places = [node["target"][0] for node in violation["nodes"]]
                yield f"{violation['id']}: {violation['help']} {places}"


@contextmanager
def visiting(
    browser: Browser,
    origin: str,
    name: str,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    **options: Any,
) -> Iterator[Visit]:
    """A fresh visitor: no cookies, a screen of this width, a scheme of colours."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme=scheme,
        locale=options.pop("locale", "en-US"),
        timezone_id="UTC",
        reduced_motion="reduce",
        **options,
    )
    page = context.new_page()
    visit = Visit(page, origin, f"{name}-{width}-{scheme}")

    def heard(request: Request) -> None:
        visit.requests.append(request.url)

    page.on("request", heard)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: visit.complaints.append(message.text) if message.type == "error" else None,
    )
    try:
        yield visit
    finally:
        context.close()
