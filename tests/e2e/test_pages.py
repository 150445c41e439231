"""Pages, PDFs and the console: by the functions that are deployed, with their rights."""

import re
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

import pytest
import stripe

from local.aws import Stack

type Client = stripe.StripeClient


@pytest.fixture
def invoice(client: Client) -> stripe.Invoice:
    """A final invoice of twelve euros."""
    own = client.v1
    customer = own.customers.create({"name": "Marble & Sons"}).id
    draft = own.invoices.create(
        {
            "customer": customer,
            "currency": "eur",
            "collection_method": "send_invoice",
            "days_until_due": 14,
        }
    )
    own.invoice_items.create(
        {"customer": customer, "invoice": draft.id, "currency": "eur", "amount": 1_200}
    )
    return own.invoices.finalize_invoice(str(draft.id))


def got(url: str) -> tuple[int, str, bytes]:
    """What is at an address of the stack."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - the stack's own
        return answer.status, answer.headers["content-type"], answer.read()


def test_who_is_asked_to_pay_sees_the_invoice_as_a_page_and_a_pdf(invoice: stripe.Invoice) -> None:
    status, kind, page = got(str(invoice.hosted_invoice_url))
    assert (status, kind.partition(";")[0]) == (200, "text/html")
    assert "€12.00" in page.decode()
    first, again = got(str(invoice.invoice_pdf)), got(str(invoice.invoice_pdf))
    assert first[:2] == (200, "application/pdf")
    assert first == again
    assert first[2].startswith(b"%PDF")


def test_an_operator_signs_in_looks_and_signs_out(deployed: Stack) -> None:
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    browser.addheaders = [("sec-fetch-site", "same-origin"), ("accept", "text/html")]

    def sent(path: str, **form: str) -> str:
        body = urllib.parse.urlencode(form).encode() if form else None
        with browser.open(deployed.api_base + path, body, timeout=60) as answer:
            return str(answer.read().decode())

    assert "Sign in" in sent("/console")
    overview = sent("/console/sign-in", key=deployed.api_key)
    assert "Sign out" in overview
    token = re.search(r'name="token" value="([^"]+)"', overview)
    assert token
    assert "Sign in" in sent("/console/sign-out", token=token[1])
    assert "Sign in" in sent("/console")
