"""What credit notes cannot take: taxes that came back already, parts of what can be charged."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Client


def billed(client: Client, lines: list[dict[str, Any]], **params: Any) -> Any:
    """A final invoice of these lines."""
    customer = client.v1.customers.create().id
    draft = client.v1.invoices.create({"customer": customer, "currency": "usd", **params})
    described = [{"description": "Work", **line} for line in lines]
    client.v1.invoices.add_lines(draft.id, {"lines": described})
    return client.v1.invoices.finalize_invoice(draft.id, {"auto_advance": False})


def noted(client: Client, invoice: Any, **params: Any) -> Any:
    return client.v1.credit_notes.create({"invoice": invoice.id, **params})


def of_line(invoice: Any, place: int, **asked: Any) -> dict[str, Any]:
    line = invoice.lines.data[place].id
    return {"type": "invoice_line_item", "invoice_line_item": line, **asked}


class TestTaxesThatCameBack:
    """An amount of 1,100 of an invoice of 2,200 brought 100 of its 200 of tax back."""

    @pytest.fixture
    def rate(self, client: Client) -> str:
        vat = {"display_name": "VAT", "percentage": 20, "inclusive": False}
        return str(client.v1.tax_rates.create(vat).id)

    @pytest.fixture
    def invoice(self, client: Client, rate: str) -> Any:
        lines: list[dict[str, Any]] = [{"amount": 1_000, "tax_rates": [rate]}, {"amount": 1_000}]
        invoice = billed(client, lines)
        assert noted(client, invoice, amount=1_100).total_taxes[0].amount == 100
        return client.v1.invoices.retrieve(invoice.id)

    def taxed(self, invoice: Any, **asked: Any) -> dict[str, Any]:
        [place] = [place for place, line in enumerate(invoice.lines.data) if line.taxes]
        return of_line(invoice, place, **asked)

    def test_do_not_come_back_with_lines_again(self, client: Client, invoice: Any) -> None:
        note = noted(client, invoice, lines=[self.taxed(invoice, amount=900)])
        assert (note.total_taxes[0].amount, note.total) == (100, 1_000)
        rest = noted(client, invoice, amount=100)
        assert (rest.total_taxes[0].amount, rest.total) == (0, 100)
        assert client.v1.invoices.retrieve(invoice.id).status == "paid"

    def test_cannot_be_given_again(self, client: Client, invoice: Any, rate: str) -> None:
        given = {"tax_rate": rate, "amount": 101, "taxable_amount": 500}
        asked = self.taxed(invoice, amount=500, tax_amounts=[given])
        with pytest.raises(
            stripe.InvalidRequestError, match="100 can still be credited"
        ) as refused:
            noted(client, invoice, lines=[asked])
        assert refused.value.param == "lines[0][tax_amounts][0][amount]"
        asked = self.taxed(invoice, amount=500, tax_amounts=[{**given, "amount": 100}])
        assert noted(client, invoice, lines=[asked]).total == 600


@pytest.mark.parametrize(
    ("currency", "amount", "refused", "accepted"),
    [
        ("kwd", 10_000, 1_235, [1_230, 1_240]),
        ("kwd", 10_000, 5, [10]),
        ("isk", 10_000, 150, [100, 200]),
    ],
)
def test_what_is_left_to_charge_is_a_whole_number_of_steps(
    client: Client, currency: str, amount: int, refused: int, accepted: list[int]
) -> None:
    invoice = billed(client, [{"amount": amount}], currency=currency)
    with pytest.raises(stripe.InvalidRequestError, match="are charged in steps of") as error:
        noted(client, invoice, amount=refused)
    assert error.value.param == "amount"
    assert all(f"{one}" in str(error.value) for one in accepted)
    assert client.v1.invoices.retrieve(invoice.id).amount_remaining == amount
    for one in accepted:
        assert client.v1.credit_notes.preview({"invoice": invoice.id, "amount": one}).total == one


@pytest.mark.parametrize("way", ["sent", "paid", "all of it", "usd"])
def test_what_is_not_charged_may_be_any_amount(client: Client, way: str) -> None:
    sent = {"collection_method": "send_invoice", "days_until_due": 3} if way == "sent" else {}
    currency = "usd" if way == "usd" else "kwd"
    invoice = billed(client, [{"amount": 10_000}], currency=currency, **sent)
    asked: dict[str, Any] = {"amount": 10_000 if way == "all of it" else 1_235}
    if way == "paid":
        client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
        asked["credit_amount"] = 1_235
    assert noted(client, invoice, **asked).total == asked["amount"]
