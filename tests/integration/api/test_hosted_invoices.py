"""The hosted page of an invoice: who has its address sees it, and nobody else does."""

import base64
import gzip
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import batched
from typing import Any

import pytest
import stripe

from meterline.api.auth import forget_cached
from meterline.services.account.api_keys import create_key
from meterline.services.base.context import Context
from meterline.services.customers.erasure import erase_customer
from meterline.store.billing.repository import BillingStore
from tests.engines import PUBLIC_URL
from tests.factories.objects import NOW
from tests.handlers import gateway_event, load_handler
from tests.integration.api.conftest import Api, Client
from tests.integration.stories.stage import Stage


def drafted(client: Client, *items: dict[str, Any], **params: Any) -> Any:
    customer = params.pop("customer", None) or client.v1.customers.create({"name": "Ada"}).id
    sent = {"collection_method": "send_invoice", "days_until_due": 14}
    draft = client.v1.invoices.create({"customer": customer, **sent, **params})
    lines = items or ({"amount": 1_999, "description": "A plan"},)
    for some in batched(lines, 40, strict=False):
        draft = client.v1.invoices.add_lines(draft.id, {"lines": list(some)})
    return draft


def final(client: Client, *items: dict[str, Any], **params: Any) -> Any:
    return client.v1.invoices.finalize_invoice(drafted(client, *items, **params).id)


def token_of(invoice: Any) -> str:
    return str(invoice.hosted_invoice_url).rpartition("/")[2]


def seen(token: str, query: str = "", **headers: str) -> tuple[int, str]:
    """Status and text of the page at a token."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    event = gateway_event("GET", f"/i/{token}{query}", {"accept-encoding": "gzip", **sent})
    answer = load_handler("serve_invoice_pages")(event, None)
    body = answer["body"]
    if answer["isBase64Encoded"]:
        body = gzip.decompress(base64.b64decode(body)).decode()
    return answer["statusCode"], body


def test_an_invoice_has_a_page_from_its_finalization_on(client: Client) -> None:
    draft = drafted(client)
    assert draft.hosted_invoice_url is None
    invoice = client.v1.invoices.finalize_invoice(draft.id)
    pattern = rf"{re.escape(PUBLIC_URL)}/i/test_[0-9A-Za-z]{{24}}_[0-9A-Za-z]{{22}}"
    assert re.fullmatch(pattern, invoice.hosted_invoice_url)
    assert client.v1.invoices.retrieve(draft.id).hosted_invoice_url == invoice.hosted_invoice_url
    [event] = client.v1.events.list({"type": "invoice.finalized"}).data
    assert event.data.object.hosted_invoice_url == invoice.hosted_invoice_url


def test_the_page_needs_no_key_and_says_what_is_due(client: Client) -> None:
    invoice = final(client)
    status, text = seen(token_of(invoice))
    assert status == 200
    for fact in (invoice.number, "Ada", "A plan", "$19.99"):
        assert fact in text


@pytest.mark.parametrize("is_there", [True, False])
def test_a_page_below_a_path_of_a_domain_leads_to_what_is_below_it_too(
    client: Client, *, is_there: bool
) -> None:
    token = token_of(final(client)) if is_there else "nothing"
    event = gateway_event("GET", f"/billing/i/{token}", {})
    event["requestContext"] |= {"routeKey": "GET /i/{token}", "domainName": "example.com"}
    text = load_handler("serve_invoice_pages")(event, None)["body"]
    addresses = re.findall(r'(?:href|src)="(/[^"]*)"', text)
    assert addresses
    assert [one for one in addresses if not one.startswith("/billing/i/")] == []


def test_a_draft_s_page_can_be_neither_renewed_nor_revoked(client: Client) -> None:
    draft = drafted(client)
    for verb in ("renew", "revoke"):
        with pytest.raises(stripe.InvalidRequestError, match="when it is finalized"):
            client.raw_request("post", f"/v1/invoices/{draft.id}/{verb}_hosted_invoice_url")


def changed(client: Client, invoice: Any, verb: str) -> Any:
    path = f"/v1/invoices/{invoice.id}/{verb}_hosted_invoice_url"
    return client.deserialize(client.raw_request("post", path), api_mode="V1")


def test_a_renewed_page_is_at_its_new_address_alone(client: Client) -> None:
    invoice = final(client)
    renewed = changed(client, invoice, "renew")
    assert seen(token_of(invoice))[0] == 404
    assert seen(token_of(renewed))[0] == 200
    [event] = client.v1.events.list({"type": "invoice.updated", "limit": 1}).data
    before = event.data.previous_attributes.to_dict()
    page = invoice.hosted_invoice_url
    assert before == {"hosted_invoice_url": page, "invoice_pdf": f"{page}/pdf"}


def test_a_revoked_page_is_gone_until_it_is_renewed(client: Client) -> None:
    invoice = final(client)
    assert changed(client, invoice, "revoke").hosted_invoice_url is None
    assert seen(token_of(invoice)) == seen("test_nothing00000000000000_0123456789abcdefghijAB")
    assert seen(token_of(changed(client, invoice, "renew")))[0] == 200


def test_an_invoice_of_an_earlier_release_gets_a_page_when_it_is_renewed(client: Client) -> None:
    invoice = changed(client, final(client), "revoke")  # as it was stored: without an address
    assert seen(token_of(changed(client, invoice, "renew")))[0] == 200


def test_only_a_key_that_may_write_invoices_renews_a_page(api: Api) -> None:
    invoice = final(api.client())
    reader = api.client(create_key(livemode=False, rights={"invoices": "read"}).secret)
    with pytest.raises(stripe.PermissionError):
        changed(reader, invoice, "renew")
    assert seen(token_of(invoice))[0] == 200


def test_an_erased_customer_s_pages_are_gone(client: Client) -> None:
    invoice = final(client)
    erase_customer(Context(BillingStore(livemode=False), NOW, NOW), invoice.customer)
    assert seen(token_of(invoice))[0] == 404
    assert client.v1.invoices.retrieve(invoice.id).hosted_invoice_url is None
    events = client.v1.events.list({"limit": 100}).data
    assert token_of(invoice) not in str(events)


def swapped(token: str, other: str, *places: int) -> str:
    """A token with some of its three parts (mode, invoice, secret) of another one."""
    own, others = token.split("_"), other.split("_")
    return "_".join(others[at] if at in places else part for at, part in enumerate(own))


# what is asked for instead of the token, of it and that of another invoice
GUESSES: dict[str, Callable[[str, str], str]] = {
    "another invoice's secret": lambda own, other: swapped(own, other, 2),
    "another invoice with this secret": lambda own, other: swapped(own, other, 1),
    "the other mode": lambda own, _: own.replace("test_", "live_"),
    "another mode": lambda own, _: own.replace("test_", "none_"),
    "no mode": lambda own, _: own.removeprefix("test_"),
    "no secret": lambda own, _: own.rpartition("_")[0],
    "an empty secret": lambda own, _: own.rpartition("_")[0] + "_",
    "half of the secret": lambda own, _: own[:-11],
    "one letter more": lambda own, _: own + "0",
    "another letter": lambda own, _: own[:-1] + ("0" if own[-1] != "0" else "1"),
    "the other case": lambda own, _: own.swapcase(),
    "None": lambda *_: "None",
    "null as the secret": lambda own, _: own.rpartition("_")[0] + "_" + "null".ljust(22, "0"),
    "the id": lambda own, _: "in_" + own.split("_")[1],
    "a path": lambda own, _: f"..%2Fi%2F{own}",
    "an ending": lambda own, _: own + "%0A",
    "letters beyond ASCII": lambda own, _: own[:-1] + "%EF%BC%91",
    "a null byte": lambda own, _: own + "%00",
    "everything": lambda *_: "%",
    "much": lambda *_: "a" * 5_000,
}


def test_no_other_token_leads_to_a_page_and_none_says_why(client: Client) -> None:
    own, other = token_of(final(client)), token_of(final(client))
    assert seen(own)[0] == 200
    nothing = seen("nonsense")
    assert nothing[0] == 404
    assert "Ada" not in nothing[1]
    answers = {name: seen(guess(own, other)) for name, guess in GUESSES.items()}
    assert [name for name, answer in answers.items() if answer != nothing] == []


def test_an_object_that_is_no_invoice_has_no_page(client: Client) -> None:
    customer = client.v1.customers.create({"name": "Ada"}).id
    assert seen(f"test_{customer.removeprefix('cus_')}_{'None'.ljust(22, '0')}")[0] == 404


def test_secrets_differ_and_have_128_bits(client: Client) -> None:
    invoice = final(client)
    secrets = {token_of(changed(client, invoice, "renew")).split("_")[2] for _ in range(20)}
    assert len(secrets) == 20
    assert 62 ** len(secrets.pop()) > 2**128


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus='alert(1)",
    "</title><script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "{{ 7919*7907 }}{% for x in y %}",
    "javascript:alert(1)",
    "<style>*{display:none}</style>",
    "<!--",
    "<a href=javascript:alert(1)>pay</a>",
    "</p><iframe srcdoc='<script>alert(1)</script>'>",
]


def hostile(client: Client, text: str) -> Any:
    """A final invoice with a text in every place that somebody can type into."""
    short = text[:30]
    own = client.v1
    settings = {
        "business_profile": dict.fromkeys(
            ("name", "support_email", "support_phone", "support_url", "url"), text
        ),
        "company": {
            "name": text,
            "address": dict.fromkeys(("city", "country", "line1", "line2", "state"), text),
            "tax_ids": [{"type": "de_stn", "value": text}],
        },
        "invoice_settings": {"footer": text, "payment_instructions": f"{text}\n\n{text}"},
    }
    client.raw_request("post", "/v1/meterline/settings", **settings)
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), text)
    customer = own.customers.create(
        {
            "name": text,
            "email": re.sub(r"\s", "_", text) + "@a.example",
            "phone": text[:20],
            "address": address,
            "preferred_locales": [text[:35]],
            "metadata": {"a": text},
            "description": text,
        }
    ).id
    rate = own.tax_rates.create(
        {"display_name": text[:50], "jurisdiction": text[:50], "inclusive": False, "percentage": 5}
    ).id
    invoice = final(
        client,
        {"amount": 5_000, "description": text, "tax_rates": [rate], "metadata": {"a": text}},
        customer=customer,
        description=text,
        footer=text,
        custom_fields=[{"name": short, "value": short}],
    )
    own.credit_notes.create({"invoice": invoice.id, "amount": 100, "memo": text})
    return invoice


def test_no_text_that_somebody_typed_becomes_markup(client: Client) -> None:
    harmless = Elements(seen(token_of(hostile(client, "harmless")))[1]).found
    for attack in ATTACKS:
        check_attack(client, attack, harmless)


def of_usage(api: Api, texts: list[str]) -> Any:
    """A final invoice of usage, with texts as names of products, units and parts of a meter."""
    stage = Stage(api, "2026-10-01")
    meter = stage.meter(dimension_payload_keys=["model"])
    prices = []
    for text in texts:
        product = stage.client.v1.products.create({"name": text, "unit_label": text[:12]}).id
        part = {"meter_segment_conditions": [{"dimension": "model", "value": text}]}
        prices.append(stage.metered(text, meter, 2, product=product, meterline=part))
    stage.subscribe(*prices, collection_method="send_invoice", days_until_due=7)
    for text in texts:
        stage.use(100, model=text)
    stage.until("2026-11-01")
    return stage.client.v1.invoices.finalize_invoice(stage.invoices()[-1].id)


def test_no_name_of_what_is_used_becomes_markup(api: Api) -> None:
    calm = seen(token_of(of_usage(api, [f"harmless {n}" for n in range(6)])))[1]
    harmless = Elements(calm).found
    token = token_of(of_usage(api, ATTACKS[:6]))
    for language in ("en", "de"):
        status, text = seen(token, accept_language=language)
        assert (status, text.count("<figure>")) == (200, 6)
        check_elements(text, harmless)


def check_attack(
    client: Client, attack: str, harmless: list[tuple[str, dict[str, str | None]]]
) -> None:
    """Fail if a page with a text everywhere has elements that it has not with another text."""
    status, text = seen(token_of(hostile(client, attack)))
    assert status == 200
    check_elements(text, harmless)


def check_elements(text: str, harmless: list[tuple[str, dict[str, str | None]]]) -> None:
    """Fail if a page has elements or attributes that it has not with harmless texts."""
    found = Elements(text).found
    assert {tag for tag, _ in found} <= {tag for tag, _ in harmless}
    names = {name for _, attributes in found for name in attributes}
    assert names <= {name for _, attributes in harmless for name in attributes}
    for _, attributes in found:
        for name in ("href", "src"):
            address = (attributes.get(name) or "").strip().lower()
            assert not address.startswith(("javascript:", "data:", "vbscript:"))
    assert "62615533" not in text


@pytest.mark.parametrize(
    ("preferred", "browser", "word"),
    [
        (["de"], "en", "Fällig am"),
        (["en-GB"], "de", "Date of issue"),
        (["fr"], "de-DE,de;q=0.9", "Fällig am"),
        ([], "fr,de;q=0.5", "Fällig am"),
        ([], "fr", "Date of issue"),
        ([], "", "Date of issue"),
    ],
)
def test_the_page_speaks_the_customer_s_language_else_the_browser_s(
    client: Client, preferred: list[str], browser: str, word: str
) -> None:
    customer = client.v1.customers.create({"name": "Ada", "preferred_locales": preferred}).id
    assert word in seen(token_of(final(client, customer=customer)), accept_language=browser)[1]


def test_a_page_of_very_many_lines_stays_small_and_leads_to_the_others(client: Client) -> None:
    items = [{"amount": 100 + n, "description": f"{n:03} " + "x" * 4_500} for n in range(25)]
    token = token_of(final(client, *items))
    query, shown, pages = "", [], 0
    while True:
        status, text = seen(token, query)
        assert status == 200
        assert len(text.encode()) <= 100_000
        shown += re.findall(r">(\d{3}) x{4500}", text)
        following = re.search(rf'href="/i/{token}(\?from=\d+)#lines" rel="next"', text)
        pages += 1
        if following is None:
            break
        query = following[1]
    assert sorted(shown) == [f"{n:03}" for n in range(25)]
    assert pages > 1


def test_a_page_begins_with_the_first_line_where_its_query_makes_no_sense(client: Client) -> None:
    token = token_of(final(client))
    for query in ("?from=0", "?from=9", "?from=x", "?from=", "?from=1&from=2", "?%"):
        assert "A plan" in seen(token, query)[1]


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"branding": {"primary_color": "red"}}, "branding[primary_color]"),
        (
            {"company": {"tax_ids": [{"type": "eu_vat", "value": "x"}]}},
            "company[tax_ids][0][value]",
        ),
        ({"company": {"tax_ids": [{"type": "x", "value": "x"}]}}, "company[tax_ids][0][type]"),
        ({"invoice_settings": {"footer": "x" * 5_001}}, "invoice_settings[footer]"),
        ({"company": {"vat": "x"}}, "company[vat]"),
    ],
)
def test_what_cannot_be_printed_is_no_setting(
    client: Client, settings: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.raw_request("post", "/v1/meterline/settings", **settings)
    assert refused.value.param == param


def test_the_seller_s_settings_change_field_by_field(api: Api) -> None:
    forget_cached()
    client = api.client()

    def change(**settings: Any) -> Any:
        client.raw_request("post", "/v1/meterline/settings", **settings)
        return api.ask("GET", "/v1/meterline/settings").body

    change(company={"name": "Kiln", "address": {"city": "Berlin", "line1": "A 1"}})
    change(branding={"primary_color": "#b3541e"}, company={"name": "Kiln GmbH"})
    said = change(company={"address": {"city": "Bonn", "line1": ""}})
    assert said["company"] == {"name": "Kiln GmbH", "address": {"city": "Bonn"}}
    assert said["branding"] == {"primary_color": "#b3541e"}
    assert change(company="")["company"] == {}
