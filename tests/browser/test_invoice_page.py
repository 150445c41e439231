"""The page of an invoice, as who is asked to pay it sees it."""

import subprocess
from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.browser.tools import SCREENSHOTS
from tests.browser.visits import SCHEMES, WIDTHS, visiting
from tests.factories.invoices_to_see import INVOICES, describe_seller
from tests.integration.api.conftest import Api


def path_of(api: Api, name: str) -> str:
    """Where the page of one of the invoices is."""
    invoice = api.client().v1.invoices.retrieve(INVOICES[name](api))
    return "/i/" + str(invoice.hosted_invoice_url).rpartition("/")[2]


@pytest.mark.parametrize("name", INVOICES)
def test_a_page_is_sound_at_every_width_light_and_dark(
    api: Api, browser: Browser, name: str
) -> None:
    describe_seller(api)
    path = path_of(api, name)
    for width in WIDTHS:
        for scheme in SCHEMES:
            with visiting(browser, api.bridge.address, f"invoice-{name}", width, scheme) as visit:
                assert visit.open(path) == 200
                for summary in visit.page.locator("summary").all()[:4]:
                    summary.click()
                visit.screenshot()
                visit.check()


PAPERS: list[Literal["A4", "Letter"]] = ["A4", "Letter"]


@pytest.mark.parametrize("paper", PAPERS)
def test_it_prints_whole_and_dark_on_white_whatever_the_screen_is(
    api: Api, browser: Browser, paper: Literal["A4", "Letter"]
) -> None:
    describe_seller(api)
    with visiting(browser, api.bridge.address, "invoice-printed", 1280, "dark") as visit:
        visit.open(path_of(api, "two-tax-rates"))
        visit.page.emulate_media(media="print")
        assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == WHITE
        assert not visit.page.get_by_role("button").is_visible()
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        file = SCREENSHOTS / f"invoice-printed-{paper}.pdf"
        visit.page.pdf(path=file, format=paper)
    text = subprocess.run(  # noqa: S603 - a fixed command
        ["pdftotext", "-layout", str(file), "-"],  # noqa: S607 - poppler's, wherever it is
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert text.count("\f") == 1, "one sheet"
    for fact in ("Kiln Compute GmbH", "DE123456789", "1.553,40 €", "228,00 €", "IBAN DE00"):
        assert fact in text


WHITE = "rgb(255, 255, 255)"


def test_how_a_line_came_about_unfolds_by_the_keyboard_and_without_a_script(
    api: Api, browser: Browser
) -> None:
    path = path_of(api, "prorations")
    with visiting(browser, api.bridge.address, "invoice-keys", 768, java_script_enabled=False) as v:
        v.open(path)
        details = v.page.locator("details").first
        assert not details.locator(".how").is_visible()
        details.locator("summary").focus()
        v.page.keyboard.press("Enter")
        assert details.locator(".how").is_visible()
        assert not v.page.get_by_role("button").is_visible()


def test_the_keyboard_skips_to_the_invoice_first(api: Api, browser: Browser) -> None:
    with visiting(browser, api.bridge.address, "invoice-skip", 768) as visit:
        visit.open(path_of(api, "zero"))
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.className") == "skip"
        visit.page.keyboard.press("Enter")
        assert visit.page.url.endswith("#invoice")


def test_an_address_that_leads_nowhere_is_answered_by_a_sound_page(
    api: Api, browser: Browser
) -> None:
    for scheme in SCHEMES:
        with visiting(browser, api.bridge.address, "not-found", 360, scheme) as visit:
            assert visit.open("/i/nothing") == 404
            visit.complaints.clear()  # the browser's own word on the status
            visit.screenshot()
            visit.check()


def test_what_is_shown_adds_up_to_what_is_due(api: Api, browser: Browser) -> None:
    for name in ("credits", "discounts", "credit-note", "two-tax-rates", "negative"):
        with visiting(browser, api.bridge.address, f"sums-{name}", 1280) as visit:
            visit.open(path_of(api, name))
            shown = dict(
                zip(
                    visit.page.locator(".totals dt").all_text_contents(),
                    visit.page.locator(".totals dd").all_text_contents(),
                    strict=True,
                )
            )
            lines = visit.page.locator(".lines > table > tbody td:last-child").all_text_contents()
        first = shown.get("Subtotal", shown.get("Zwischensumme", shown.get("Total")))
        assert first is not None
        assert sum(map(minor, lines)) == minor(first), name


def minor(text: str) -> int:
    """The minor units that an amount of two decimals shows."""
    digits = "".join(one for one in text if one.isdigit())
    return -int(digits) if text.startswith("-") else int(digits)
