"""A final invoice goes on saying what it said when it became final: the page, the PDF, its notes.

Whatever it has words from is changed afterwards, and all is made anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from meterline.core.base.private_state import public
from meterline.services.customers.erasure import erase_customer
from meterline.store.base.clients import s3
from meterline.store.base.documents import Change
from meterline.store.base.settings import settings
from tests.factories.objects import context
from tests.integration.api.conftest import Client
from tests.integration.api.test_hosted_invoices import seen, token_of
from tests.integration.api.test_invoice_pdfs import asked, kept, path_of
from tests.integration.api.test_invoice_sellers import AFTER, BEFORE, describe
from tests.pdf_files import text_of

BERLIN = {"line1": "Hafenweg 1", "city": "Berlin", "country": "DE"}
OMAHA = {"line1": "1 Main Street", "city": "Omaha", "state": "NE", "country": "US"}


@dataclass(frozen=True)
class Sold:
    """An invoice of a subscription with all that invoices have words from, and its credit note."""

    client: Client
    invoice: Any
    note: Any
    ids: dict[str, str]

    def printed(self) -> list[bytes]:
        """Page, PDF and the note's PDF, made anew."""
        for key in kept():
            s3().delete_object(Bucket=settings().pdfs_bucket, Key=key)
        status, page = seen(token_of(self.invoice))
        papers = [asked(path_of(self.invoice)), asked("/n/" + self.note.pdf.rpartition("/n/")[2])]
        assert [status, *(paper[0] for paper in papers)] == [200, 200, 200]
        return [page.encode(), *(paper[1] for paper in papers)]


def sold(client: Client) -> Sold:
    own = client.v1
    describe(client, BEFORE)
    ids = {
        "rate": own.tax_rates.create(
            {"display_name": "MwSt.", "jurisdiction": "DE", "percentage": "19", "inclusive": False}
        ).id,
        "line_rate": own.tax_rates.create(
            {"display_name": "Kulturabgabe", "percentage": "7", "inclusive": False}
        ).id,
        "coupon": own.coupons.create(
            {"name": "Spring", "percent_off": 10, "duration": "forever"}
        ).id,
        "product": own.products.create({"name": "Team", "unit_label": "seat"}).id,
        "own_id": own.tax_ids.create({"type": "eu_vat", "value": "ATU12345675"}).id,
        "customer": own.customers.create(
            {
                "name": "Ada",
                "email": "ada@example.com",
                "phone": "+49 30 1",
                "address": BERLIN,
                "preferred_locales": ["de"],
                "tax_id_data": [{"type": "eu_vat", "value": "DE123456789"}],
            }
        ).id,
    }
    price = {"currency": "eur", "unit_amount": 4_900, "recurring": {"interval": "month"}}
    ids["price"] = own.prices.create({**price, "product": ids["product"]}).id
    other = {**price, "product_data": {"name": "Archive"}}
    ids["other"] = own.prices.create(other).id
    ids["subscription"] = own.subscriptions.create(
        {
            "customer": ids["customer"],
            "items": [
                {"price": ids["price"], "quantity": 3},
                {"price": ids["other"], "tax_rates": [ids["line_rate"]]},
            ],
            "default_tax_rates": [ids["rate"]],
            "discounts": [{"coupon": ids["coupon"]}],
            "collection_method": "send_invoice",
            "days_until_due": 7,
            "invoice_settings": {"account_tax_ids": [ids["own_id"]]},
        }
    ).id
    draft = str(own.subscriptions.retrieve(ids["subscription"]).latest_invoice)
    own.invoices.update(draft, {"description": "Kostenstelle 7"})
    invoice = own.invoices.finalize_invoice(draft)
    line = {"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[0].id}
    note = own.credit_notes.create({"invoice": invoice.id, "lines": [{**line, "quantity": 1}]})
    return Sold(client, invoice, note, ids)


def renamed_rates(own: Sold) -> None:
    for rate in (own.ids["rate"], own.ids["line_rate"]):
        said = {"display_name": "Sales tax", "jurisdiction": "Texas", "country": "US"}
        own.client.v1.tax_rates.update(rate, {**said, "active": False})


def another_customer(own: Sold) -> None:
    changes = {"name": "Bo", "email": "bo@example.com", "phone": "1", "address": OMAHA}
    own.client.v1.customers.update(own.ids["customer"], {**changes, "tax_exempt": "reverse"})


def other_tax_ids(own: Sold) -> None:
    ids = own.client.v1.customers.tax_ids
    for tax_id in ids.list(own.ids["customer"]).data:
        ids.delete(own.ids["customer"], tax_id.id)
    ids.create(own.ids["customer"], {"type": "eu_vat", "value": "FR83404833048"})


def other_discounts(own: Sold) -> None:
    own.client.v1.coupons.update(own.ids["coupon"], {"name": "Autumn"})
    own.client.v1.coupons.delete(own.ids["coupon"])
    own.client.v1.subscriptions.delete_discount(own.ids["subscription"])


def other_items(own: Sold) -> None:
    items = [{"id": item.id, "quantity": 9} for item in items_of(own)]
    own.client.v1.subscriptions.update(
        own.ids["subscription"], {"items": items, "default_tax_rates": ""}
    )


def items_of(own: Sold) -> list[Any]:
    return list(own.client.v1.subscription_items.list({"subscription": own.ids["subscription"]}))


CHANGES: dict[str, Callable[[Sold], object]] = {
    "tax rates": renamed_rates,
    "the customer's name and address": another_customer,
    "the customer's tax ids": other_tax_ids,
    "the customer's languages": lambda own: own.client.v1.customers.update(
        own.ids["customer"], {"preferred_locales": ["en-US"]}
    ),
    "the seller": lambda own: describe(own.client, AFTER),
    "the seller's tax id": lambda own: own.client.v1.tax_ids.delete(own.ids["own_id"]),
    "the product": lambda own: own.client.v1.products.update(
        own.ids["product"], {"name": "Crew", "unit_label": "head", "active": False}
    ),
    "the price": lambda own: own.client.v1.prices.update(
        own.ids["price"], {"nickname": "Old", "active": False}
    ),
    "discounts": other_discounts,
    "the subscription": other_items,
    "the customer deleted": lambda own: own.client.v1.customers.delete(own.ids["customer"]),
}


def test_nothing_that_changes_later_changes_what_was_said(client: Client) -> None:
    own = sold(client)
    before, other = own.printed(), []
    for what, change in CHANGES.items():
        change(own)
        after = own.printed()
        if after != before:
            other.append(what)
        before = after
    assert other == []


def test_they_have_words_from_all_of_it(client: Client) -> None:
    page, *papers = sold(client).printed()
    said = {"MwSt. DE", "Ada", "Berlin", "DE123456789", "Kiln GmbH", "ATU12345675", "seat × Team"}
    billed = said | {"Kulturabgabe", "Kostenstelle 7", "Archive", "Pay to account 111"}
    texts = (page.decode(), *map(text_of, papers))
    for text, expected in zip(texts, (billed, billed, said), strict=True):
        assert [one for one in expected if one not in text.replace("\xa0", " ")] == []


def test_a_draft_s_words_are_those_of_when_it_becomes_final(client: Client) -> None:
    own = sold(client)
    params = {"customer": own.ids["customer"], "default_tax_rates": [own.ids["rate"]]}
    due = {"collection_method": "send_invoice", "days_until_due": 7}
    draft = client.v1.invoices.create({**params, **due}).id
    client.v1.invoices.add_lines(draft, {"lines": [{"amount": 100, "description": "Moving"}]})
    client.v1.tax_rates.update(own.ids["rate"], {"display_name": "VAT"})
    client.v1.customers.update(own.ids["customer"], {"preferred_locales": ["en-US"]})
    invoice = client.v1.invoices.finalize_invoice(draft)
    said = text_of(asked(path_of(invoice))[1])
    assert "VAT DE (19% on" in said
    assert "MwSt." not in said


def test_an_invoice_of_an_earlier_release_says_what_its_rates_are_called_now(
    client: Client,
) -> None:
    own = sold(client)
    stored: Any = context().store.get(own.invoice.id)
    context().save(Change(puts=[replace(stored, body=public(stored.body))]))
    renamed_rates(own)
    client.v1.customers.update(own.ids["customer"], {"preferred_locales": ["en-US"]})
    page, paper, _ = own.printed()
    assert "Sales tax" in page.decode()
    assert "Sales tax Texas (19% on" in text_of(paper)


def test_erasing_a_customer_erases_its_languages_from_its_invoices(client: Client) -> None:
    own = sold(client)
    erase_customer(context(), own.ids["customer"])
    stored: Any = context().store.get(own.invoice.id)
    assert stored.body["_"]["preferred_locales"] == []
    assert stored.body["_"]["tax_words"][own.ids["rate"]]["display_name"] == "MwSt."
