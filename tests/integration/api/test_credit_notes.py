"""Credit notes through the official SDK: what they take back, and what becomes of the invoice."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import stripe

from meterline.services.credit_notes import decision
from tests.integration.api.conftest import Client


@dataclass(frozen=True, slots=True)
class Shop:
    """A customer who is billed by hand."""

    client: Client
    customer: str

    def invoice(self, *amounts: int, final: bool = True, **params: Any) -> Any:
        """An invoice of these amounts that is sent, made final unless told otherwise."""
        v1 = self.client.v1
        terms = {"customer": self.customer, "collection_method": "send_invoice"}
        draft = v1.invoices.create({**terms, "days_until_due": 30, "currency": "usd", **params})
        lines = [{"amount": amount, "description": f"{amount}"} for amount in amounts]
        v1.invoices.add_lines(draft.id, {"lines": lines})
        return v1.invoices.finalize_invoice(draft.id) if final else draft

    def pay(self, invoice: Any) -> Any:
        return self.client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})

    def note(self, invoice: Any, **params: Any) -> Any:
        return self.client.v1.credit_notes.create({"invoice": invoice.id, **params})

    def refused(self, invoice: Any, **params: Any) -> stripe.InvalidRequestError:
        """The refusal of a note, which changes nothing."""
        before = self.again(invoice)
        with pytest.raises(stripe.InvalidRequestError) as refused:
            self.note(invoice, **params)
        assert self.again(invoice) == before
        assert self.client.v1.credit_notes.list({"invoice": invoice.id}).data == []
        return refused.value

    def again(self, invoice: Any) -> Any:
        return self.client.v1.invoices.retrieve(invoice.id)

    def line(self, invoice: Any, amount: int) -> str:
        """The line of an invoice of an amount."""
        [line] = [line for line in self.again(invoice).lines.data if line.amount == amount]
        return str(line.id)

    def of_line(self, invoice: Any, billed: int, **asked: Any) -> dict[str, Any]:
        """A line of a note for the line that billed this."""
        line = self.line(invoice, billed)
        return {"type": "invoice_line_item", "invoice_line_item": line, **asked}

    def balance(self) -> int:
        return int(self.client.v1.customers.retrieve(self.customer).balance)


@pytest.fixture
def shop(client: Client) -> Shop:
    return Shop(client, client.v1.customers.create().id)


def _due(invoice: Any) -> tuple[str, int, int, int, int]:
    """The status of an invoice, what it has due, and what notes took back before and after."""
    return (
        invoice.status,
        invoice.amount_due,
        invoice.amount_remaining,
        invoice.pre_payment_credit_notes_amount,
        invoice.post_payment_credit_notes_amount,
    )


def test_a_note_on_an_open_invoice_lowers_what_is_due(shop: Shop) -> None:
    invoice = shop.invoice(1_000)
    note = shop.note(invoice, amount=300, memo="Sorry", reason="order_change", metadata={"a": "1"})
    assert (note.status, note.type, note.total, note.pre_payment_amount) == (
        "issued",
        "pre_payment",
        300,
        300,
    )
    assert note.number == f"{invoice.number}-CN-01"
    assert (note.memo, note.reason, note.metadata.a) == ("Sorry", "order_change", "1")
    assert _due(shop.again(invoice)) == ("open", 700, 700, 300, 0)
    assert shop.again(invoice).total == 1_000
    assert shop.note(invoice, amount=1).number == f"{invoice.number}-CN-02"


def test_an_invoice_that_has_nothing_due_any_more_is_paid(shop: Shop) -> None:
    invoice = shop.invoice(1_000)
    shop.note(invoice, amount=400)
    shop.note(invoice, amount=600)
    assert _due(shop.again(invoice)) == ("paid", 0, 0, 1_000, 0)
    assert shop.again(invoice).amount_paid == 0
    assert shop.balance() == 0
    types = [event.type for event in shop.client.v1.events.list({"limit": 3})]
    assert types == ["invoice.paid", "invoice.updated", "credit_note.created"]


@pytest.mark.parametrize(
    ("given_back", "balance"),
    [
        ({"credit_amount": 400}, -400),
        ({"out_of_band_amount": 400}, 0),
        ({"credit_amount": 150, "out_of_band_amount": 250}, -150),
        (
            {
                "credit_amount": 100,
                "refunds": [
                    {
                        "type": "payment_record_refund",
                        "amount_refunded": 300,
                        "payment_record_refund": {"payment_record": "p", "refund_group": "r"},
                    }
                ],
            },
            -100,
        ),
    ],
)
def test_a_note_on_a_paid_invoice_gives_back_what_it_takes(
    shop: Shop, given_back: dict[str, Any], balance: int
) -> None:
    invoice = shop.invoice(1_000)
    shop.pay(invoice)
    note = shop.note(invoice, amount=400, **given_back)
    assert (note.type, note.post_payment_amount) == ("post_payment", 400)
    assert note.out_of_band_amount == given_back.get("out_of_band_amount")
    assert _due(shop.again(invoice)) == ("paid", 1_000, 0, 0, 400)
    assert shop.balance() == balance
    booked = note.customer_balance_transaction
    assert (booked is not None) == bool(balance)
    if booked:
        found = {"expand": ["credit_note"]}
        of_customer = shop.client.v1.customers.balance_transactions
        transaction = of_customer.retrieve(shop.customer, booked, found)
        assert (transaction.type, transaction.amount) == ("credit_note", balance)
        assert (transaction.credit_note.id, transaction.invoice) == (note.id, invoice.id)


def test_a_note_beyond_what_is_due_is_of_both_kinds(shop: Shop) -> None:
    shop.client.v1.customers.update(shop.customer, {"balance": -400})
    invoice = shop.invoice(1_000)
    assert (invoice.amount_due, shop.balance()) == (600, 0)
    note = shop.note(invoice, amount=1_000, credit_amount=400)
    assert (note.type, note.pre_payment_amount, note.post_payment_amount) == ("mixed", 600, 400)
    assert _due(shop.again(invoice)) == ("paid", 0, 0, 600, 400)
    assert shop.balance() == -400


@pytest.mark.parametrize(
    ("params", "param", "says"),
    [
        ({"amount": 1_001}, "amount", "1000 usd can still be credited"),
        ({"amount": 0}, "amount", ""),
        ({"amount": 5, "lines": [{"type": "custom_line_item", "unit_amount": 5}]}, "amount", ""),
        ({}, "amount", ""),
        ({"amount": 5, "credit_amount": 1}, "credit_amount", "must equal"),
        ({"amount": 5, "refund_amount": 5}, "refund_amount", "moves no money"),
        ({"amount": 5, "shipping_cost": {"shipping_rate": "x"}}, "shipping_cost", "ships nothing"),
        ({"lines": [{"type": "invoice_line_item"}]}, "lines[0][invoice_line_item]", ""),
        (
            {"lines": [{"type": "invoice_line_item", "invoice_line_item": "il_x"}]},
            "lines[0][invoice_line_item]",
            "No such line item",
        ),
        ({"lines": [{"type": "custom_line_item"}]}, "lines[0][unit_amount]", "unit_amount"),
        (
            {"lines": [{"type": "custom_line_item", "unit_amount": 5, "amount": 5}]},
            "lines[0][amount]",
            "invoice_line_item",
        ),
        ({"lines": [{"type": "custom_line_item", "unit_amount": 0}]}, "amount", "nothing"),
    ],
)
def test_a_wrong_note_is_refused(
    shop: Shop, params: dict[str, Any], param: str | None, says: str
) -> None:
    error = shop.refused(shop.invoice(1_000), **params)
    assert (error.http_status, error.param) == (400, param)
    assert says in str(error)


def test_what_was_paid_must_be_given_back_exactly(shop: Shop) -> None:
    invoice = shop.invoice(1_000)
    shop.pay(invoice)
    for given in ({}, {"credit_amount": 399}, {"credit_amount": 300, "out_of_band_amount": 101}):
        assert "must equal" in str(shop.refused(invoice, amount=400, **given))


@pytest.mark.parametrize("status", ["draft", "void"])
def test_drafts_and_void_invoices_have_none(shop: Shop, status: str) -> None:
    invoice = shop.invoice(1_000, final=status != "draft")
    if status == "void":
        shop.client.v1.invoices.void_invoice(invoice.id)
    error = shop.refused(invoice, amount=1)
    assert (error.param, status in str(error)) == ("invoice", True)


def test_a_bad_debt_can_be_credited(shop: Shop) -> None:
    invoice = shop.invoice(1_000)
    shop.client.v1.invoices.mark_uncollectible(invoice.id)
    shop.note(invoice, amount=999)
    assert _due(shop.again(invoice)) == ("uncollectible", 1, 1, 999, 0)
    shop.note(invoice, amount=1)
    assert shop.again(invoice).status == "paid"


class TestLines:
    """A note names lines: their share of what was taken off comes back with them."""

    def test_a_part_of_a_line_brings_its_share_of_the_discount(self, shop: Shop) -> None:
        coupon = shop.client.v1.coupons.create({"percent_off": 25, "duration": "once"}).id
        invoice = shop.invoice(1_001, 500, discounts=[{"coupon": coupon}])
        assert invoice.total == 1_126
        first = shop.note(invoice, lines=[shop.of_line(invoice, 1_001, amount=401)])
        [line] = first.lines.data
        assert (line.amount, line.discount_amount) == (401, 100)
        assert (first.subtotal, first.discount_amount, first.total) == (401, 100, 301)
        rest = [shop.of_line(invoice, 1_001), shop.of_line(invoice, 500)]
        last = shop.note(invoice, lines=rest)
        assert [line.amount for line in last.lines.data] == [600, 500]
        assert first.total + last.total == invoice.total
        assert first.discount_amount + last.discount_amount == 375
        assert shop.again(invoice).status == "paid"

    def test_a_quantity_is_credited_at_its_price(self, shop: Shop) -> None:
        v1 = shop.client.v1
        price = {"product_data": {"name": "Seat"}, "currency": "usd", "unit_amount": 700}
        seat = v1.prices.create({**price, "recurring": {"interval": "month"}}).id
        terms = {"collection_method": "send_invoice", "days_until_due": 3}
        items = [{"price": seat, "quantity": 3}]
        made = v1.subscriptions.create({"customer": shop.customer, "items": items, **terms})
        invoice = v1.invoices.retrieve(made.latest_invoice)
        v1.invoices.finalize_invoice(invoice.id)
        note = shop.note(invoice, lines=[shop.of_line(invoice, 2_100, quantity=2)])
        assert (note.total, note.lines.data[0].quantity) == (1_400, 2)
        wrong = shop.of_line(invoice, 2_100, quantity=4)
        with pytest.raises(stripe.InvalidRequestError, match="billed 3") as refused:
            shop.note(invoice, lines=[wrong])
        assert refused.value.param == "lines[0][quantity]"

    @pytest.mark.parametrize("amount", [601, -1, 0])
    def test_no_line_gives_back_more_than_is_left(self, shop: Shop, amount: int) -> None:
        invoice = shop.invoice(1_000, 5_000)
        shop.note(invoice, lines=[shop.of_line(invoice, 1_000, amount=400)])
        with pytest.raises(
            stripe.InvalidRequestError, match="600 can still be credited"
        ) as refused:
            shop.note(invoice, lines=[shop.of_line(invoice, 1_000, amount=amount)])
        assert refused.value.param == "lines[0][amount]"

    def test_a_line_that_gave_back_is_credited_as_it_stands(self, shop: Shop) -> None:
        invoice = shop.invoice(1_000, -300)
        both = [shop.of_line(invoice, 1_000), shop.of_line(invoice, -300)]
        note = shop.note(invoice, lines=both)
        assert [line.amount for line in note.lines.data] == [1_000, -300]
        assert (note.total, shop.again(invoice).status) == (700, "paid")

    def test_a_line_of_its_own_needs_no_line_of_the_invoice(self, shop: Shop) -> None:
        invoice = shop.invoice(1_000)
        own = {"type": "custom_line_item", "unit_amount_decimal": "12.25", "quantity": 2}
        note = shop.note(invoice, lines=[{**own, "description": "Goodwill"}])
        [line] = note.lines.data
        assert (line.type, line.amount, line.unit_amount_decimal) == (
            "custom_line_item",
            25,
            Decimal("12.25"),
        )
        assert (line.description, note.total) == ("Goodwill", 25)

    def test_a_line_of_its_own_has_the_taxes_of_its_rates(self, shop: Shop) -> None:
        rates = shop.client.v1.tax_rates
        added = rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False}).id
        within = rates.create({"display_name": "GST", "percentage": 10, "inclusive": True}).id
        invoice = shop.invoice(1_000)
        own = {"type": "custom_line_item", "unit_amount": 110, "tax_rates": [added, within]}
        note = shop.note(invoice, lines=[own])
        assert [tax.amount for tax in note.total_taxes] == [20, 10]
        assert (note.total, note.subtotal, note.total_excluding_tax) == (130, 110, 100)
        assert [rate.id for rate in note.lines.data[0].tax_rates] == [added, within]
        [event] = shop.client.v1.events.list({"type": "credit_note.created"})
        assert event.data.object.lines.data[0].tax_rates[0].percentage == 20
        wrong = shop.of_line(invoice, 1_000, amount=1, tax_rates=[added])
        with pytest.raises(stripe.InvalidRequestError, match="custom_line_item"):
            shop.note(invoice, lines=[wrong])

    @pytest.mark.parametrize("inclusive", [True, False])
    def test_taxes_come_back_with_what_was_taxed(self, shop: Shop, *, inclusive: bool) -> None:
        rates = shop.client.v1.tax_rates
        rate = rates.create({"display_name": "VAT", "percentage": 19, "inclusive": inclusive}).id
        invoice = shop.invoice(333, 1_000, default_tax_rates=[rate])
        parts = [{"lines": [shop.of_line(invoice, 333, amount=part)]} for part in (100, 100, 133)]
        notes = [shop.note(invoice, **part) for part in parts]
        rest = invoice.total - sum(note.total for note in notes)
        notes.append(shop.note(invoice, amount=rest))
        assert sum(note.total for note in notes) == invoice.total
        taxes = [tax.amount for note in notes for tax in note.total_taxes]
        assert sum(taxes) == sum(tax.amount for tax in invoice.total_taxes)
        before_tax = sum(note.total_excluding_tax for note in notes)
        assert before_tax == invoice.total_excluding_tax

    def test_a_part_says_what_its_taxes_were_on(self, shop: Shop) -> None:
        rates = shop.client.v1.tax_rates
        rate = rates.create({"display_name": "VAT", "percentage": 20, "inclusive": True}).id
        invoice = shop.invoice(1_200, default_tax_rates=[rate])
        parts = [shop.of_line(invoice, 1_200, amount=amount) for amount in (600, 1, 599)]
        notes = [shop.note(invoice, lines=[part]) for part in parts]
        taxes = [note.lines.data[0].taxes[0] for note in notes]
        assert [(tax.amount, tax.taxable_amount) for tax in taxes] == [
            (100, 500),
            (0, 1),
            (100, 499),
        ]

    @pytest.mark.parametrize("name", ["tax_rates", "tax_amounts"])
    def test_no_taxes_at_all_are_no_taxes(self, shop: Shop, name: str) -> None:
        invoice = shop.invoice(1_000)
        own = {"type": "custom_line_item", "unit_amount": 110, name: ""}
        assert shop.note(invoice, lines=[own]).total_taxes == []
        of_line = shop.of_line(invoice, 1_000, amount=10, **{name: ""})
        assert shop.note(invoice, lines=[of_line]).total == 10

    def test_taxes_of_an_amount_are_no_more_than_their_share_of_it(self, shop: Shop) -> None:
        rates = shop.client.v1.tax_rates
        rate = rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False}).id
        invoice = shop.invoice(100, default_tax_rates=[rate])
        shop.note(invoice, lines=[{"type": "custom_line_item", "unit_amount": 110}])
        note = shop.note(invoice, amount=10)
        assert (note.total_taxes[0].amount, note.subtotal, note.total) == (2, 8, 10)

    def test_one_line_twice_is_refused(self, shop: Shop) -> None:
        invoice = shop.invoice(1_000)
        line = shop.of_line(invoice, 1_000, amount=1)
        assert "named twice" in str(shop.refused(invoice, lines=[line, line]))

    def test_many_are_paged(self, shop: Shop) -> None:
        invoice = shop.invoice(*range(1, 16))
        lines = [
            {"type": "invoice_line_item", "invoice_line_item": line.id}
            for line in shop.client.v1.invoices.line_items.list(invoice.id, {"limit": 100})
        ]
        note = shop.note(invoice, lines=lines)
        assert (note.lines.has_more, len(note.lines.data), note.total) == (True, 10, 120)
        notes = shop.client.v1.credit_notes
        listed = notes.line_items.list(note.id, {"limit": 100})
        assert [line.amount for line in listed] == [*range(1, 16)]


class TestGivenTaxes:
    """`tax_amounts` of a line say which taxes come back with it, instead of their shares."""

    @pytest.fixture
    def rates(self, shop: Shop) -> list[str]:
        """The rates of two taxes on a line of 1,000: 200 and 10, both on top."""
        made = shop.client.v1.tax_rates.create
        added = {"display_name": "VAT", "percentage": 20, "inclusive": False}
        return [made(added).id, made({**added, "display_name": "Levy", "percentage": 1}).id]

    @staticmethod
    def tax(rate: str, amount: int, taxable: int = 100) -> dict[str, Any]:
        return {"tax_rate": rate, "amount": amount, "taxable_amount": taxable}

    def test_they_come_back_as_given_and_the_rest_with_the_last_part(
        self, shop: Shop, rates: list[str]
    ) -> None:
        invoice = shop.invoice(1_000, default_tax_rates=rates)
        first = shop.of_line(invoice, 1_000, amount=100, tax_amounts=[self.tax(rates[0], 150, 750)])
        preview = shop.client.v1.credit_notes.preview({"invoice": invoice.id, "lines": [first]})
        note = shop.note(invoice, lines=[first])
        assert note.total_taxes == preview.total_taxes
        assert [(tax.amount, tax.taxable_amount) for tax in note.total_taxes] == [
            (150, 750),
            (0, 100),
        ]
        assert (note.total, note.total_excluding_tax) == (250, 100)
        rest = shop.note(invoice, lines=[shop.of_line(invoice, 1_000)])
        assert [tax.amount for tax in rest.total_taxes] == [50, 10]
        assert shop.again(invoice).status == "paid"

    def test_a_line_of_its_own_has_them_of_any_rate(self, shop: Shop, rates: list[str]) -> None:
        shop.client.v1.tax_rates.update(rates[1], {"active": False})
        invoice = shop.invoice(1_000)
        own = {"type": "custom_line_item", "unit_amount": 100}
        note = shop.note(invoice, lines=[{**own, "tax_amounts": [self.tax(rates[1], 7)]}])
        assert (note.total, note.total_excluding_tax, note.lines.data[0].tax_rates) == (
            107,
            100,
            [],
        )

    @pytest.mark.parametrize(
        ("given", "param"),
        [
            ([("first", 201)], "lines[0][tax_amounts][0][amount]"),
            ([("first", -1)], "lines[0][tax_amounts][0][amount]"),
            ([("first", 1), ("first", 1)], "lines[0][tax_amounts][1][tax_rate]"),
            ([("txr_missing", 1)], "lines[0][tax_amounts][0][tax_rate]"),
        ],
        ids=["more than is left", "of the other sign", "one twice", "not a tax of the line"],
    )
    def test_others_are_refused(
        self, shop: Shop, rates: list[str], given: list[tuple[str, int]], param: str
    ) -> None:
        invoice = shop.invoice(1_000, default_tax_rates=rates)
        taxes = [self.tax(rates[0] if of == "first" else of, amount) for of, amount in given]
        line = shop.of_line(invoice, 1_000, amount=500, tax_amounts=taxes)
        assert shop.refused(invoice, lines=[line]).param == param
        own = {"type": "custom_line_item", "unit_amount": 10, "tax_amounts": taxes}
        if given != [("first", 201)]:
            assert shop.refused(invoice, lines=[own]).param == param

    def test_rates_beside_them_are_refused(self, shop: Shop, rates: list[str]) -> None:
        invoice = shop.invoice(1_000)
        own = {"type": "custom_line_item", "unit_amount": 10, "tax_rates": rates}
        refused = shop.refused(invoice, lines=[{**own, "tax_amounts": [self.tax(rates[0], 1)]}])
        assert refused.param == "lines[0][tax_amounts]"


class TestPreview:
    def test_it_is_the_note_that_would_be_issued(self, shop: Shop) -> None:
        invoice = shop.invoice(1_000)
        given = {"lines": [shop.of_line(invoice, 1_000, amount=250)], "memo": "Sorry"}
        notes = shop.client.v1.credit_notes
        preview = notes.preview({"invoice": invoice.id, **given})
        shown = notes.preview_lines.list({"invoice": invoice.id, **given})
        assert _due(shop.again(invoice)) == ("open", 1_000, 1_000, 0, 0)
        note = shop.note(invoice, **given)
        own = ("id", "lines", "created", "effective_at", "pdf")
        known = {name: value for name, value in note.to_dict().items() if name not in own}
        previewed = preview.to_dict()
        assert {name: value for name, value in previewed.items() if name not in own} == known
        assert [line.amount for line in shown] == [250]

    def test_it_is_refused_as_the_note_is(self, shop: Shop) -> None:
        invoice = shop.invoice(1_000)
        with pytest.raises(stripe.InvalidRequestError, match="exceeds the maximum"):
            shop.client.v1.credit_notes.preview({"invoice": invoice.id, "amount": 1_001})


class TestVoiding:
    def test_what_it_lowered_is_due_again(self, shop: Shop) -> None:
        invoice = shop.invoice(1_000)
        note = shop.note(invoice, lines=[shop.of_line(invoice, 1_000, amount=400)])
        notes = shop.client.v1.credit_notes
        void = notes.void_credit_note(note.id)
        assert (void.status, bool(void.voided_at)) == ("void", True)
        assert _due(shop.again(invoice)) == ("open", 1_000, 1_000, 0, 0)
        again = shop.note(invoice, lines=[shop.of_line(invoice, 1_000)])
        assert again.number == f"{invoice.number}-CN-02"
        types = [event.type for event in shop.client.v1.events.list({"limit": 5})]
        assert "credit_note.voided" in types

    def test_only_once(self, shop: Shop) -> None:
        note = shop.note(shop.invoice(1_000), amount=1)
        shop.client.v1.credit_notes.void_credit_note(note.id)
        with pytest.raises(stripe.InvalidRequestError, match="already void"):
            shop.client.v1.credit_notes.void_credit_note(note.id)

    def test_not_once_its_invoice_is_settled(self, shop: Shop) -> None:
        invoice = shop.invoice(1_000)
        note = shop.note(invoice, amount=400)
        shop.pay(invoice)
        assert shop.again(invoice).amount_paid == 600
        with pytest.raises(stripe.InvalidRequestError, match="open invoices"):
            shop.client.v1.credit_notes.void_credit_note(note.id)


def test_a_voided_invoice_returns_what_it_took_whatever_was_credited(shop: Shop) -> None:
    shop.client.v1.customers.update(shop.customer, {"balance": -400})
    invoice = shop.invoice(1_000)
    shop.note(invoice, amount=100)
    shop.client.v1.invoices.void_invoice(invoice.id)
    assert shop.balance() == -400


def test_a_subscription_recovers_when_a_note_settles_its_invoice(shop: Shop) -> None:
    v1 = shop.client.v1
    price = {"product_data": {"name": "Seat"}, "currency": "usd", "unit_amount": 700}
    seat = v1.prices.create({**price, "recurring": {"interval": "month"}}).id
    given = {"items": [{"price": seat}], "payment_behavior": "default_incomplete"}
    made = v1.subscriptions.create({"customer": shop.customer, **given})
    assert made.status == "incomplete"
    shop.note(v1.invoices.retrieve(made.latest_invoice), amount=700)
    assert v1.subscriptions.retrieve(made.id).status == "active"


def test_a_note_is_changed_only_in_words(shop: Shop) -> None:
    notes = shop.client.v1.credit_notes
    note = shop.note(shop.invoice(1_000), amount=1, memo="A")
    changed = notes.update(note.id, {"memo": "B", "metadata": {"x": "1"}})
    assert (changed.memo, changed.metadata.x, changed.amount) == ("B", "1", 1)
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        notes.update(note.id, {"amount": 2})


def test_lists_find_the_notes_of_an_invoice_or_a_customer(shop: Shop) -> None:
    notes = shop.client.v1.credit_notes
    first, second = shop.invoice(1_000), shop.invoice(500)
    one, other = shop.note(first, amount=1).id, shop.note(second, amount=2).id
    assert [note.id for note in notes.list({"invoice": first.id})] == [one]
    assert [note.id for note in notes.list({"customer": shop.customer})] == [other, one]
    assert [note.id for note in notes.list({"limit": 1})] == [other]
    expanded = notes.retrieve(one, {"expand": ["invoice", "customer"]})
    assert (expanded.invoice.id, expanded.customer.id) == (first.id, shop.customer)


def test_a_deleted_customer_has_no_balance_to_credit(shop: Shop) -> None:
    invoice = shop.invoice(1_000)
    shop.pay(invoice)
    shop.client.v1.customers.delete(shop.customer)
    with pytest.raises(stripe.InvalidRequestError, match="out_of_band_amount"):
        shop.note(invoice, amount=5, credit_amount=5)
    assert shop.note(invoice, amount=5, out_of_band_amount=5).total == 5


def test_an_explanation_says_what_notes_took_back(shop: Shop) -> None:
    invoice = shop.invoice(1_000)
    shop.note(invoice, amount=300)
    told = shop.client.raw_request("get", f"/v1/invoices/{invoice.id}/explanation")
    added = {step["step"]: step["amount"] for step in json.loads(told.body)["amounts"]}
    assert added["credit_notes"] == -300
    assert sum(added.values()) == 700


def test_an_invoice_has_a_hundred_notes_at_most(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert decision.MOST_NOTES == 100
    monkeypatch.setattr(decision, "MOST_NOTES", 2)
    invoice = shop.invoice(1_000)
    for _ in range(2):
        shop.note(invoice, amount=1)
    with pytest.raises(stripe.InvalidRequestError, match="at most 2 credit notes"):
        shop.note(invoice, amount=1)
    assert shop.again(invoice).pre_payment_credit_notes_amount == 2
