"""The PDF of an invoice: what its page says, on paper, made once and kept."""

import base64
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from meterline.services.customers.erasure import erase_customer
from meterline.store.base.clients import s3
from meterline.store.base.settings import settings
from tests.factories.invoices_to_see import INVOICES, describe_seller
from tests.factories.objects import context
from tests.handlers import gateway_event, load_handler
from tests.integration.api.conftest import Api
from tests.pdf_archives import archive_faults
from tests.pdf_files import outside_margins, pages_of, picture_of, text_of

PICTURES = Path(__file__).parents[3] / ".local" / "screenshots"

FIGURES = {
    "tiers": ["Team plan", "$49.00", "API requests", "Up to 10,000", "Amount due"],
    "two-tax-rates": ["Rechnung", "19 %", "1.200,00", "MwSt. DE", "Workshop, two days"],
    "reverse-charge": ["Atelier Lumière SARL", "FRAB123456789", "Reverse charge", "€2,500.00"],
    "credits": ["GPU seconds", "$50.00", "Billing credits (25,000) -$5.00"],
    "discounts": ["12.5%", "-$10.00", "Team plan, a year"],
    "credit-note": [
        "Migration project",
        "Credit notes",
        "-$60.00",
        "-$25.00 · Issued after payment",
        "Amount paid",
    ],
    "prorations": ["Business plan", "seconds of"],
    "zero": ["$0.00", "Free trial of the Team plan"],
    "negative": ["-$75.00", "Goodwill", "Put on your account balance $75.00"],
    "yen": ["株式会社大理石", "¥1,250,000"],
    "two-hundred-lines": ["Ticket 001", "Ticket 200", "$1.515"],
    "long-names": ["第四四半期・東京データセンター拡張", "深圳市", "12.345,67"],
}


def path_of(invoice: Any) -> str:
    return "/i/" + str(invoice.invoice_pdf).rpartition("/i/")[2]


def asked(path: str) -> tuple[int, bytes, dict[str, str]]:
    """The function's answer to who asks for a path."""
    answer: Any = load_handler("serve_pdfs")(gateway_event("GET", path, {}), None)
    body = answer["body"]
    raw = base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()
    return answer["statusCode"], raw, answer["headers"]


def made(api: Api, name: str) -> Any:
    describe_seller(api)
    return api.client().v1.invoices.retrieve(INVOICES[name](api))


def kept() -> list[str]:
    page = s3().list_objects_v2(Bucket=settings().pdfs_bucket)
    return [entry["Key"] for entry in page.get("Contents", [])]


@pytest.mark.parametrize("name", INVOICES)
def test_an_invoice_is_set_with_all_its_figures(api: Api, name: str) -> None:
    invoice = made(api, name)
    status, pdf, headers = asked(path_of(invoice))
    assert (status, headers["content-type"]) == (200, "application/pdf")
    assert archive_faults(pdf) == []
    assert outside_margins(pdf) == []
    text = "".join(text_of(pdf).split())
    figures = [invoice.number, *FIGURES[name]]
    assert [figure for figure in figures if "".join(figure.split()) not in text] == []
    PICTURES.mkdir(parents=True, exist_ok=True)
    for page in range(min(pages_of(pdf), 2)):
        picture_of(pdf, page).save(PICTURES / f"pdf-{name}-{page + 1}.png")


def test_page_and_pdf_say_in_the_customer_s_language_what_the_api_says_in_english(api: Api) -> None:
    own = api.client().v1
    customer = own.customers.create({"name": "Ada", "preferred_locales": ["de"]}).id
    price = {"currency": "eur", "unit_amount": 4_900, "recurring": {"interval": "month"}}
    price_id = own.prices.create({**price, "product_data": {"name": "Team"}}).id
    items = [{"price": price_id, "quantity": 3}]
    due = {"collection_method": "send_invoice", "days_until_due": 7}
    subscription = own.subscriptions.create({"customer": customer, "items": items, **due})
    invoice = own.invoices.finalize_invoice(str(subscription.latest_invoice))
    [line] = invoice.lines.data
    assert line.description == "3 × Team (at €49.00 / month)"
    page: Any = load_handler("serve_invoice_pages")(
        gateway_event("GET", path_of(invoice).removesuffix("/pdf"), {}), None
    )
    params = {"invoice": invoice.id, "lines": [{"type": "invoice_line_item"}]}
    params["lines"][0] |= {"invoice_line_item": line.id, "quantity": 1}
    note = own.credit_notes.create(params)
    papers = [path_of(invoice), "/n/" + str(note.pdf).rpartition("/n/")[2]]
    for text in (page["body"], *(text_of(asked(path)[1]) for path in papers)):
        assert "3 × Team (zu 49,00 € / Monat)" in text.replace("\xa0", " ")


def test_a_tax_that_the_buyer_owes_has_no_column(api: Api) -> None:
    reverse, taxed = (
        text_of(asked(path_of(made(api, name)))[1]) for name in ("reverse-charge", "yen")
    )
    assert ("TAX" in reverse.split("AMOUNT")[0], "19%" in reverse) == (False, False)
    assert ("TAX" in taxed.split("AMOUNT")[0], "10%" in taxed) == (True, True)


def test_each_period_is_said_once_above_its_lines(api: Api) -> None:
    text = text_of(asked(path_of(made(api, "prorations")))[1])
    for day in ("Oct 20", "Oct 11", "Nov 1"):
        assert text.count(f"\n{day} \N{EN DASH} ") == 1


def test_it_is_made_once(api: Api) -> None:
    path = path_of(made(api, "zero"))
    _, first, _ = asked(path)
    [key] = kept()
    s3().put_object(Bucket=settings().pdfs_bucket, Key=key, Body=b"what was sent then")
    assert asked(path)[1] == b"what was sent then"
    assert first.startswith(b"%PDF")


def test_what_was_paid_since_has_another_pdf(api: Api) -> None:
    invoice = made(api, "reverse-charge")
    _, before, _ = asked(path_of(invoice))
    api.client().v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    _, after, _ = asked(path_of(invoice))
    assert "Paid on" in text_of(after)
    assert "Paid on" not in text_of(before)
    assert len(kept()) == 2


def test_it_is_sent_also_while_the_bucket_refuses(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = made(api, "zero")

    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "SlowDown"}}, "GetObject")

    monkeypatch.setattr(s3(), "get_object", refuse)
    monkeypatch.setattr(s3(), "put_object", refuse)
    assert asked(path_of(invoice))[1].startswith(b"%PDF")


def test_a_draft_has_none(api: Api) -> None:
    own = api.client().v1
    draft = own.invoices.create({"customer": own.customers.create().id})
    assert draft.invoice_pdf is None


@pytest.mark.parametrize("token", ["x", "test_abcdefgh_" + "a" * 22, "live_abcdefgh_" + "a" * 22])
def test_any_other_address_leads_nowhere(api: Api, token: str) -> None:
    made(api, "zero")
    assert asked(f"/i/{token}/pdf")[0] == 404
    assert kept() == []


def test_a_revoked_address_leads_nowhere_and_a_renewed_one_does(api: Api) -> None:
    invoice = made(api, "zero")
    api.client().raw_request("post", f"/v1/invoices/{invoice.id}/revoke_hosted_invoice_url")
    assert asked(path_of(invoice))[0] == 404
    api.client().raw_request("post", f"/v1/invoices/{invoice.id}/renew_hosted_invoice_url")
    again = api.client().v1.invoices.retrieve(invoice.id)
    assert asked(path_of(again))[0] == 200
    assert asked(path_of(invoice))[0] == 404


def test_it_goes_with_its_customer(api: Api) -> None:
    invoice = made(api, "reverse-charge")
    asked(path_of(invoice))
    assert erase_customer(context(), invoice.customer) > 0
    assert kept() == []
    assert asked(path_of(invoice))[0] == 404


@pytest.fixture
def note(api: Api) -> Any:
    """A credit note of a taxed invoice that is open."""
    describe_seller(api)
    invoice = api.client().v1.invoices.retrieve(INVOICES["two-tax-rates"](api))
    line = invoice.lines.data[0]
    lines = [{"type": "invoice_line_item", "invoice_line_item": line.id, "amount": 60_000}]
    params = {"invoice": invoice.id, "lines": lines, "reason": "order_change", "memo": "One day"}
    return api.client().v1.credit_notes.create(params)


def test_a_credit_note_has_a_pdf_of_its_own(api: Api, note: Any) -> None:
    assert api.client().v1.credit_notes.retrieve(note.id).pdf == note.pdf
    status, pdf, _ = asked("/n/" + note.pdf.rpartition("/n/")[2])
    text = text_of(pdf)
    figures = [note.number, "Rechnungskorrektur", "One day", "600,00 €", "714,00 €", "114,00 €"]
    assert (status, archive_faults(pdf)) == (200, [])
    assert [figure for figure in figures if figure not in text.replace("\xa0", " ")] == []
    picture_of(pdf).save(PICTURES / "pdf-of-a-credit-note.png")


def test_what_an_invoice_becomes_does_not_change_its_credit_note(api: Api, note: Any) -> None:
    path = "/n/" + note.pdf.rpartition("/n/")[2]
    before = asked(path)[1]
    api.client().v1.invoices.pay(note.invoice, {"paid_out_of_band": True})
    assert asked(path)[1] == before
    assert len(kept()) == 1


def test_the_address_of_one_is_none_of_the_other(api: Api, note: Any) -> None:
    invoice = api.client().v1.invoices.retrieve(note.invoice)
    tokens = {"i": note.pdf.split("/")[-2], "n": invoice.invoice_pdf.split("/")[-2]}
    assert [asked(f"/{path}/{token}/pdf")[0] for path, token in tokens.items()] == [404, 404]


def test_a_preview_of_a_credit_note_has_no_address(api: Api, note: Any) -> None:
    preview = api.client().v1.credit_notes.preview({"invoice": note.invoice, "amount": 100})
    assert preview.pdf == ""
