"""The page of an invoice, as who is asked to pay it sees it."""

import pytest
from playwright.sync_api import Browser

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
