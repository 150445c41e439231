"""A final invoice says of its seller what the settings said when it became final."""

from dataclasses import replace
from typing import Any

from meterline.services.account.sellers import SettingsState
from meterline.services.account.settings import ID, KIND, shown_settings
from meterline.services.account.settings_changes import update_settings
from meterline.services.documents.reading import read_document
from meterline.store.base.documents import Change, Document
from tests.factories.objects import NOW, context
from tests.integration.api.conftest import Client
from tests.integration.api.test_hosted_invoices import drafted, final, seen, token_of
from tests.integration.api.test_invoice_pdfs import asked, path_of
from tests.pdf_files import text_of

BEFORE = {
    "company": {
        "name": "Kiln GmbH",
        "address": {"line1": "Hafenweg 1", "city": "Bremen", "country": "DE"},
        "tax_ids": [{"type": "eu_vat", "value": "DE136695976"}],
    },
    "business_profile": {"support_email": "old@example.com"},
    "invoice_settings": {"footer": "HRB 1 Bremen", "payment_instructions": "Pay to account 111"},
}
AFTER = {
    "company": {
        "name": "Oven SE",
        "address": {"line1": "Rue Neuve 9", "city": "Lyon", "country": "FR"},
        "tax_ids": [{"type": "eu_vat", "value": "FR83404833048"}],
    },
    "business_profile": {"support_email": "new@example.com"},
    "invoice_settings": {"footer": "RCS 2 Lyon", "payment_instructions": "Pay to account 222"},
}
SAID_BEFORE = ["Kiln GmbH", "Hafenweg 1", "DE136695976", "old@example.com", "HRB 1 Bremen", "111"]
SAID_AFTER = ["Oven SE", "Rue Neuve 9", "FR83404833048", "new@example.com", "RCS 2 Lyon", "222"]


def describe(client: Client, settings: dict[str, Any]) -> None:
    client.raw_request("post", "/v1/meterline/settings", **settings)


def named(client: Client, name: str) -> None:
    describe(client, {"company": {"name": name}})


def seller_of(invoice: Any) -> str:
    """The name of the seller on an invoice's document."""
    body: Any = context().store.get(invoice.id)
    return read_document(context(), body.body).seller.name


def test_page_and_pdf_keep_the_seller_of_the_finalization(client: Client) -> None:
    describe(client, BEFORE)
    invoice = final(client)
    describe(client, AFTER)
    _, page = seen(token_of(invoice))
    pdf = text_of(asked(path_of(invoice))[1])
    for said in (page, pdf):
        assert [text for text in SAID_BEFORE if text not in said] == []
        assert [text for text in SAID_AFTER if text in said] == []


def test_a_credit_note_names_the_seller_of_its_invoice(client: Client) -> None:
    describe(client, BEFORE)
    invoice = final(client)
    describe(client, AFTER)
    note = client.v1.credit_notes.create({"invoice": invoice.id, "amount": 100})
    said = text_of(asked("/n/" + note.pdf.rpartition("/n/")[2])[1])
    assert "Kiln GmbH" in said
    assert "Oven SE" not in said


def test_each_invoice_keeps_its_own_seller(client: Client) -> None:
    unnamed = final(client)
    invoices = []
    for name in ("One", "Two", "Two", "One", "Three"):
        named(client, name)
        invoices.append(final(client))
    assert seller_of(unnamed) == ""
    assert [seller_of(invoice) for invoice in invoices] == ["One", "Two", "Two", "One", "Three"]


def test_a_draft_names_the_seller_of_now(client: Client) -> None:
    named(client, "One")
    draft = drafted(client)
    named(client, "Two")
    assert seller_of(draft) == "Two"
    invoice = client.v1.invoices.finalize_invoice(draft.id)
    named(client, "Three")
    assert seller_of(invoice) == "Two"


def stored_by_earlier_release(name: str) -> None:
    """Settings as they were before sellers were told apart."""
    found: Any = context().store.get(ID)
    body = shown_settings(context(), {"company": {"name": name}})
    stored = found or Document(kind=KIND, livemode=False, body=body)
    context().save(Change(puts=[replace(stored, body=body)]))


def test_an_invoice_of_an_earlier_release_keeps_the_seller_of_then(client: Client) -> None:
    stored_by_earlier_release("One")
    invoice = final(client)
    named(client, "Two")
    named(client, "Three")
    assert seller_of(invoice) == "One"


def test_an_earlier_release_that_came_back_meanwhile_overwrites_no_seller(client: Client) -> None:
    first = final(client)
    named(client, "One")
    stored_by_earlier_release("Two")
    named(client, "Three")
    assert (seller_of(first), seller_of(final(client))) == ("", "Three")


def test_changes_in_one_second_are_told_apart(client: Client) -> None:
    found = []
    for name in ("One", "Two", "Three"):
        update_settings(context(NOW), {"company": {"name": name}})
        found.append(final(client))
    assert [seller_of(invoice) for invoice in found] == ["One", "Two", "Three"]


def since() -> int | None:
    stored: Any = context().store.get(ID)
    return SettingsState.of(stored.body).seller_since


def test_other_settings_leave_the_seller_as_it_is(client: Client) -> None:
    named(client, "One")
    before = since()
    describe(client, {"invoice_grace_seconds": 60})
    named(client, "One")
    assert since() == before
    named(client, "Two")
    assert since() != before


def test_a_tax_id_that_is_deleted_stays_on_the_invoices_that_name_it(client: Client) -> None:
    describe(client, BEFORE)
    own = client.v1.tax_ids.create({"type": "eu_vat", "value": "ATU12345675"}).id
    invoice = final(client, account_tax_ids=[own])
    client.v1.tax_ids.delete(own)
    said = seen(token_of(invoice))[1]
    assert "ATU12345675" in said
    assert "DE136695976" not in said
