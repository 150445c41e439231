"""The console in a real browser: each page at three widths, light and dark, and what people do."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from meterline.api.console import events
from meterline.services.work.test_clocks import run_test_clock
from meterline.store.base.settings import settings
from tests.browser.consoles import Console, live_key, restricted_key
from tests.browser.visits import SCHEMES, WIDTHS, visiting
from tests.factories.busy_deployment import Busy, busy
from tests.factories.objects import context, customer
from tests.factories.webhooks import BUSY, Webhooks
from tests.integration.api.conftest import Api

LOOKS = [(width, scheme) for width in WIDTHS for scheme in SCHEMES]

PAGES = {
    "overview": "/console",
    "search": "/console/search?q=Customer",
    "customers": "/console/customers",
    "customer": "/console/customers/{customer 0}",
    "subscriptions": "/console/subscriptions",
    "subscription": "/console/subscriptions/{subscription 2}",
    "schedules": "/console/schedules",
    "schedule": "/console/schedules/{schedule}",
    "invoices": "/console/invoices",
    "invoice": "/console/invoices/{invoice}",
    "meters": "/console/meters",
    "meter": "/console/meters/{meter}?days=30",
    "counted-events": "/console/meters/{meter}/events?customer={customer 0}",
    "alerts": "/console/alerts",
    "alert": "/console/alerts/{alert}?customer={customer 0}",
    "events": "/console/events",
    "destinations": "/console/destinations",
    "destination": "/console/destinations/{destination}",
    "webhooks": "/console/webhooks",
    "webhook": "/console/webhooks/{endpoint}",
    "test-clocks": "/console/test-clocks",
    "test-clock": "/console/test-clocks/{clock}",
    "catalogue": "/console/catalogue",
    "product": "/console/catalogue/{usage product}",
    "price-editor": "/console/prices/new",
}
"""Each page with something on it; names in braces are objects of the busy deployment."""


@pytest.fixture
def console(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    monkeypatch.setenv("METERLINE_PUBLIC_URL", api.bridge.address)
    settings.cache_clear()
    yield Console(api, busy(int(time.time()) // 60 * 60))
    settings.cache_clear()


@pytest.fixture
def empty(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A deployment in which nothing is yet."""
    monkeypatch.setenv("METERLINE_PUBLIC_URL", api.bridge.address)
    settings.cache_clear()
    yield api
    settings.cache_clear()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_can_be_used_by_everybody(
    browser: Browser, console: Console, width: int, scheme: str
) -> None:
    with console.visited(browser, "page", width, scheme) as visit:
        faults = {}
        for name, template in PAGES.items():
            status = visit.open(template.format_map(console.busy.ids))
            faults[name] = [*visit.faults(), *([] if status == 200 else [status])]
            visit.screenshot(name)
        assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_sign_in_page_can_be_used_by_everybody(
    browser: Browser, empty: Api, width: int, scheme: str
) -> None:
    with visiting(browser, empty.bridge.address, "console-sign-in", width, scheme) as visit:  # type: ignore[arg-type]  # of a table
        assert visit.open("/console/sign-in") == 200
        assert visit.faults() == []
        visit.screenshot()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_live_mode_looks_unlike_test_mode(browser: Browser, console: Console, scheme: str) -> None:
    colours = []
    for key in ("", live_key()):
        with console.visited(browser, "mode", 768, scheme, key=key) as visit:
            mode = visit.page.locator(".mode")
            ground = mode.evaluate("one => getComputedStyle(one).backgroundColor")
            colours.append((mode.inner_text(), ground))
            assert visit.faults() == []
            visit.screenshot("live" if key else "test")
    assert [text.lower() for text, _ in colours] == ["test mode", "live"]
    assert colours[0][1] != colours[1][1]


def test_a_restricted_key_is_told_what_it_may_not_read(browser: Browser, console: Console) -> None:
    with console.visited(browser, "restricted", 1280, "light", key=restricted_key()) as visit:
        expect(visit.page.get_by_text("Not for this key.").first).to_be_visible()
        assert visit.faults() == []
        visit.screenshot()


def test_an_empty_deployment_teaches_the_next_steps(browser: Browser, empty: Api) -> None:
    console = Console(empty, Busy(int(time.time())))
    with console.visited(browser, "empty", 1280, "light") as visit:
        expect(visit.page.get_by_text("There is no meter yet.")).to_be_visible()
        assert visit.faults() == []
        visit.screenshot()


def test_nobody_reads_the_session_by_script_and_signing_out_ends_it(
    browser: Browser, console: Console
) -> None:
    with console.visited(browser, "signing-out", 1280, "light") as visit:
        assert visit.page.evaluate("document.cookie") == ""
        visit.page.click("text=Sign out")
        visit.page.wait_for_url("**/console/sign-in")
        assert visit.open("/console") == 200
        assert visit.page.url.endswith("/console/sign-in")


def test_a_call_is_shown_as_curl_and_copied(browser: Browser, console: Console) -> None:
    with console.visited(browser, "curl", 1280, "light") as visit:
        visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        panel = visit.page.locator("section.panel", has_text="Revenue by month")
        panel.locator("details.curl summary").click()
        expect(panel.locator("pre").last).to_contain_text("/v1/meterline/analytics/invoiced")
        panel.get_by_role("button", name="Copy").click()
        expect(panel.get_by_role("button", name="Copied")).to_be_visible()
        copied = visit.page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("curl -G ")
        assert '-u "$METERLINE_KEY:"' in copied
        assert console.api.key not in visit.page.content()


def test_the_keyboard_skips_to_the_content(browser: Browser, console: Console) -> None:
    with console.visited(browser, "keyboard", 1280, "light") as visit:
        visit.open("/console")
        visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("document.activeElement.id") == "main"


def test_a_slider_says_to_when_it_moves_the_clock_and_the_page_follows(
    browser: Browser, console: Console
) -> None:
    with console.visited(browser, "clock", 1280, "light") as visit:
        visit.open(f"/console/test-clocks/{console.busy['clock']}")
        slider = visit.page.locator("input[type=range]")
        before = visit.page.locator("#until").inner_text()
        slider.focus()
        visit.page.keyboard.press("ArrowRight")
        after = visit.page.locator("#until").inner_text()
        assert before < after
        visit.page.get_by_role("button", name="Advance").click()
        expect(visit.page.get_by_text("The clock is on its way.")).to_be_visible()
        expect(visit.page.locator("progress")).to_be_visible()
        assert visit.faults() == []
        visit.screenshot("advancing")
        run_test_clock(context(), console.busy["clock"])
        expect(visit.page.locator("progress")).to_have_count(0)
        expect(visit.page.locator(".big")).to_contain_text(after)


def test_an_invoice_is_explained_down_to_its_events(browser: Browser, console: Console) -> None:
    with console.visited(browser, "explain", 1280, "light") as visit:
        visit.open(f"/console/invoices/{console.busy['invoice']}")
        for line in visit.page.locator("details.line summary").all():
            line.click()
        expect(visit.page.get_by_text("all above").first).to_be_visible()
        assert visit.faults() == []
        visit.screenshot("lines")
        visit.page.get_by_text("The events behind it").first.click()
        expect(visit.page.get_by_text("Together:")).to_be_visible()
        assert visit.faults() == []
        visit.screenshot("events")


def test_the_editor_shows_what_a_model_needs_and_makes_a_price(
    browser: Browser, console: Console
) -> None:
    with console.visited(browser, "editor", 1280, "light") as visit:
        visit.open("/console/prices/new")
        expect(visit.page.locator("#amount")).to_be_visible()
        visit.page.get_by_label("Graduated").check()
        expect(visit.page.locator("#amount")).to_be_hidden()
        visit.page.fill("#name", "Tokens")
        visit.page.get_by_label("Tier 1: up to").fill("1000")
        visit.page.get_by_label("Tier 1: each").fill("0.01")
        visit.page.get_by_label("Tier 2: each").fill("0.004")
        visit.page.get_by_role("button", name="Show the call").click()
        expect(visit.page.locator("#call")).to_contain_text("tiers[1][unit_amount_decimal]=0.4")
        assert visit.faults() == []
        visit.screenshot("call")
        visit.page.get_by_role("button", name="Make the price").click()
        expect(visit.page.get_by_role("heading", name="Tokens")).to_be_visible()
        assert visit.faults() == []
        visit.screenshot("made")


def test_further_rows_come_below_those_that_are_there(browser: Browser, console: Console) -> None:
    with console.visited(browser, "more", 1280, "light") as visit:
        visit.open("/console/customers")
        rows = visit.page.locator("main tbody tr")
        expect(rows).to_have_count(20)
        visit.page.get_by_role("button", name="More below").click()
        expect(rows).to_have_count(30)
        expect(visit.page.locator("nav.pager")).to_contain_text("Rows 1 to 30")
        expect(visit.page.get_by_role("button", name="More below")).to_have_count(0)
        links = rows.locator("td:first-child a").evaluate_all("all => all.map(one => one.href)")
        assert len(set(links)) == 30
        assert visit.faults() == []
        visit.screenshot()


def test_all_that_waits_is_sent_again_without_a_further_click(
    browser: Browser, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhooks = Webhooks(console.api.engine)
    webhooks.follow(monkeypatch)
    webhooks.receivers.answers["hooks.example.com"] = BUSY
    monkeypatch.setattr(events, "_AT_ONCE", 15)
    for _ in range(3):
        customer(at=int(time.time()))
    webhooks.send()
    with console.visited(browser, "resending", 1280, "light") as visit:
        visit.open("/console/events?delivery=false")
        visit.page.get_by_role("button", name="Send all of them again").click()
        expect(visit.page.get_by_text("These were all.")).to_be_visible(timeout=60_000)
        assert visit.faults() == []
        visit.screenshot()


def test_a_destination_is_pinged_and_the_page_follows(
    browser: Browser, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhooks = Webhooks(console.api.engine)
    webhooks.follow(monkeypatch)
    with console.visited(browser, "ping", 1280, "light") as visit:
        visit.open(f"/console/destinations/{console.busy['destination']}")
        visit.page.get_by_role("button", name="Send a ping").click()
        expect(visit.page.get_by_text("A ping is on its way.")).to_be_visible()
        assert visit.faults() == []
        webhooks.deliver()
        expect(visit.page.locator("#ping")).to_contain_text("succeeded")
        assert visit.faults() == []
        visit.screenshot()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_an_event_that_waits_is_seen_and_sent_again(
    browser: Browser,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    scheme: str,
) -> None:
    webhooks = Webhooks(console.api.engine)
    webhooks.follow(monkeypatch)
    webhooks.receivers.answers["hooks.example.com"] = BUSY
    customer(at=int(time.time()))
    webhooks.send()
    with console.visited(browser, "event", width, scheme) as visit:
        visit.open("/console/events?delivery=false")
        assert visit.faults() == []
        visit.screenshot("waiting")
        visit.page.locator("main table a").first.click()
        expect(visit.page.get_by_text("503").first).to_be_visible()
        visit.page.get_by_role("button", name="Send again to all").click()
        expect(visit.page.get_by_text("The event is on its way again.")).to_be_visible()
        assert visit.faults() == []
        visit.screenshot("resent")


def test_pages_work_without_script(browser: Browser, console: Console) -> None:
    with console.visited(browser, "plain", 1280, "light", java_script_enabled=False) as visit:
        visit.open(f"/console/test-clocks/{console.busy['clock']}")
        visit.page.get_by_role("button", name="Advance").click()
        expect(visit.page.get_by_text("look now")).to_be_visible()
