"""What must be so on every page is noticed where it is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, override

import pytest
from playwright.sync_api import Browser

from meterline.api.pages.answers import HEADERS, Page
from meterline.api.pages.app import page, page_handler
from meterline.api.pages.assets import Assets
from meterline.api.router import Routes
from tests.browser.visits import visiting
from tests.handlers import Handler
from tests.integration.api.bridge import Bridge, serving
from tests.lambda_context import LambdaContext

ASSETS = Assets("/assets")
HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>'
    f'<link rel="icon" href="{ASSETS.address("icon.svg")}"></head>'
)
SOUND = "<main><h1>A page</h1><p>Nothing is wrong with it.</p></main>"


@dataclass
class Site(Bridge):
    """A server of one page."""

    body: str
    policy: str

    def __post_init__(self) -> None:
        super().__init__()

    @override
    def handler_of(self, method: str, path: str) -> Handler:
        def show(_: object) -> Page:
            headers = {"content-security-policy": self.policy}
            return Page(f"{HEAD}<body>{self.body}</body></html>".encode(), headers=headers)

        routes = Routes([page("GET", "/", show), page("GET", "/assets/{file}", ASSETS.answer)])
        handler: Any = page_handler(routes, ASSETS)
        return lambda event, _: handler(event, LambdaContext())


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    body, policy = request.param
    with serving(Site(body, policy)) as bridge:
        assert isinstance(bridge, Site)
        yield bridge


OURS = HEADERS["content-security-policy"]
LAX = "default-src * 'unsafe-inline'"

# what is wrong | the page | what the answer allows | what is said of it
PLANTED = [
    (f"{SOUND}<script>document.title = 1</script>", LAX, "has inline script"),
    (f"{SOUND}<script>document.title = 1</script>", OURS, "said: "),
    (f'{SOUND}<p style="margin: 0">x</p>', OURS, "has inline p[style]"),
    (f"{SOUND}<style>p {{ margin: 0 }}</style>", LAX, "has inline style"),
    (f'{SOUND}<img alt="" src="http://127.0.0.1:9/x.png">', LAX, "asks another origin"),
    (f'{SOUND}<img alt="" src="http://127.0.0.1:9/x.png">', OURS, "said: "),
    (f"{SOUND}<p><svg width='2000' height='1'></svg></p>", OURS, "wider than the screen"),
    ("<main><h1>A page</h1><input></main>", OURS, "label: "),
    (f"{SOUND}<p>{'long ' * 20_001}</p>", OURS, "The page has 100"),
]


@pytest.mark.parametrize(
    ("site", "fault"),
    [((body, policy), fault) for body, policy, fault in PLANTED],
    indirect=["site"],
)
def test_what_is_wrong_with_a_page_is_noticed(browser: Browser, site: Site, fault: str) -> None:
    with visiting(browser, site.address, "planted", 360) as visit:
        visit.open("/")
        assert [one for one in visit.faults() if fault in one]


@pytest.mark.parametrize("site", [(SOUND, OURS)], indirect=True)
def test_nothing_is_wrong_with_a_page_that_is_sound(browser: Browser, site: Site) -> None:
    with visiting(browser, site.address, "sound", 360) as visit:
        assert visit.open("/") == 200
        visit.check()
