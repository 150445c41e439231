"""The tax ids of customers stand on their invoices, as they are when these become final."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api, Client

DE = {"type": "eu_vat", "value": "DE123456789"}
CH = {"type": "ch_vat", "value": "CHE-123.456.789 MWST"}


def draft(client: Client, customer: str) -> str:
    line = {"lines": [{"amount": 500, "description": "Help"}]}
    made = client.v1.invoices.create({"customer": customer})
    client.v1.invoices.add_lines(made.id, line)
    return str(made.id)


def shown(client: Client, invoice: str) -> list[dict[str, Any]]:
    found = client.v1.invoices.retrieve(invoice)
    return [one.to_dict() for one in found.customer_tax_ids]


def test_a_customer_is_created_with_them(client: Client) -> None:
    customer = client.v1.customers.create({"tax_id_data": [DE, CH], "expand": ["tax_ids"]})
    listed = client.v1.customers.tax_ids.list(customer.id).data
    assert {(one.type, one.value, one.country) for one in listed} == {
        ("eu_vat", "DE123456789", "DE"),
        ("ch_vat", "CHE-123.456.789 MWST", "CH"),
    }
    assert {one.id for one in customer.tax_ids.data} == {one.id for one in listed}
    assert customer.tax_ids.url == f"/v1/customers/{customer.id}/tax_ids"
    told = client.v1.events.list({"type": "customer.tax_id.created"}).data
    assert {event.data.object["id"] for event in told} == {one.id for one in listed}


def test_an_invoice_shows_those_that_there_are_when_it_becomes_final(client: Client) -> None:
    customer = client.v1.customers.create({"tax_id_data": [DE]})
    invoice = draft(client, customer.id)
    assert shown(client, invoice) == [DE]
    made = client.v1.customers.tax_ids.create(customer.id, CH)
    client.v1.invoices.finalize_invoice(invoice)
    client.v1.customers.tax_ids.delete(customer.id, made.id)
    assert shown(client, invoice) == [DE, CH]
    assert shown(client, draft(client, customer.id)) == [DE]
    gone = next(iter(client.v1.events.list({"type": "customer.tax_id.deleted"}).data))
    assert gone.data.object["id"] == made.id


def test_a_preview_supposes_others(client: Client) -> None:
    customer = client.v1.customers.create({"tax_id_data": [DE]})
    item = {"amount": 500, "currency": "usd"}
    who = {"customer": customer.id, "invoice_items": [item]}
    details = {"customer_details": {"tax_ids": [CH]}}
    preview = client.v1.invoices.create_preview({**who, **details})
    assert [one.to_dict() for one in preview.customer_tax_ids] == [CH]
    assert [one.value for one in client.v1.customers.tax_ids.list(customer.id).data] == [
        DE["value"]
    ]


@pytest.mark.parametrize(
    ("wrong", "param", "code"),
    [
        ({"type": "eu_vat", "value": "DE1"}, "tax_id_data[0][value]", "tax_id_invalid"),
        ({"type": "moon_vat", "value": "1"}, "tax_id_data[0][type]", None),
        ({"type": "eu_vat"}, "tax_id_data[0][value]", "parameter_missing"),
        ({"type": "ae_trn", "value": "1" * 101}, "tax_id_data[0][value]", None),
    ],
)
def test_a_wrong_one_is_refused_and_makes_no_customer(
    client: Client, wrong: dict[str, str], param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create({"email": "wrong@example.org", "tax_id_data": [wrong]})
    assert (refused.value.param, code in (None, refused.value.code)) == (param, True)
    assert client.v1.customers.list({"email": "wrong@example.org"}).data == []


def test_a_customer_has_five_at_most_and_each_once(client: Client) -> None:
    customer = client.v1.customers.create({})
    create = client.v1.customers.tax_ids.create
    made = [create(customer.id, {"type": "eu_vat", "value": f"DE12345678{n}"}).id for n in range(5)]
    with pytest.raises(stripe.InvalidRequestError, match="at most 5"):
        create(customer.id, CH)
    client.v1.customers.tax_ids.delete(customer.id, made[0])
    with pytest.raises(stripe.InvalidRequestError, match="already") as refused:
        create(customer.id, {"type": "eu_vat", "value": "DE123456781"})
    assert refused.value.param == "value"
    create(customer.id, CH)


def test_one_of_another_customer_is_none(client: Client) -> None:
    own, other = (client.v1.customers.create({"tax_id_data": [DE]}).id for _ in range(2))
    (made,) = client.v1.customers.tax_ids.list(own).data
    for verb in (client.v1.customers.tax_ids.retrieve, client.v1.customers.tax_ids.delete):
        with pytest.raises(stripe.InvalidRequestError, match="No such tax ID") as refused:
            verb(other, made.id)
        assert refused.value.http_status == 404


def test_a_repetition_makes_none_twice(api: Api) -> None:
    client = api.client()
    customer = client.v1.customers.create({}).id
    options: Any = {"idempotency_key": "once"}
    first, again = (
        client.v1.customers.tax_ids.create(customer, DE, options=options).id for _ in range(2)
    )
    assert first == again
    assert len(client.v1.customers.tax_ids.list(customer).data) == 1


class TestOfTheAccount:
    """`/v1/tax_ids` has the account's own, which invoices show, and those of customers."""

    def test_they_are_listed_apart_from_those_of_customers(self, client: Client) -> None:
        customer = client.v1.customers.create({"tax_id_data": [CH]})
        own = client.v1.tax_ids.create(DE)
        assert (own.owner.type, own.customer, own.country) == ("self", None, "DE")
        owner = {"type": "customer", "customer": customer.id}
        theirs = client.v1.tax_ids.create({**DE, "owner": owner})
        assert (theirs.owner.customer, theirs.customer) == (customer.id, customer.id)
        assert [one.id for one in client.v1.tax_ids.list()] == [own.id]
        listed = client.v1.tax_ids.list({"owner": owner}).data
        assert {one.value for one in listed} == {CH["value"], DE["value"]}
        assert theirs.id in {one.id for one in client.v1.customers.tax_ids.list(customer.id)}

    def test_they_are_retrieved_and_deleted_by_their_ids_alone(self, client: Client) -> None:
        customer = client.v1.customers.create({"tax_id_data": [CH]})
        [theirs] = client.v1.customers.tax_ids.list(customer.id)
        own = client.v1.tax_ids.create(DE)
        for one in (own, theirs):
            assert client.v1.tax_ids.retrieve(one.id).value == one.value
            assert client.v1.tax_ids.delete(one.id).deleted
            with pytest.raises(stripe.InvalidRequestError, match="No such tax ID"):
                client.v1.tax_ids.retrieve(one.id)
        assert shown(client, draft(client, customer.id)) == []

    def test_the_account_s_is_none_of_a_customer(self, client: Client) -> None:
        customer = client.v1.customers.create()
        own = client.v1.tax_ids.create(DE)
        with pytest.raises(stripe.InvalidRequestError, match="No such tax ID"):
            client.v1.customers.tax_ids.retrieve(customer.id, own.id)

    @pytest.mark.parametrize(
        ("given", "param"),
        [
            ({**DE, "value": "DE1"}, "value"),
            ({**DE, "type": "de_vat"}, "type"),
            ({**DE, "owner": {"type": "account"}}, "owner[type]"),
            ({**DE, "owner": {"type": "customer"}}, "owner[customer]"),
            ({**DE, "owner": {"type": "self", "customer": "cus_1"}}, "owner[customer]"),
            ({**DE, "owner": {"type": "customer", "customer": "cus_1"}}, "owner[customer]"),
        ],
    )
    def test_others_are_refused(self, client: Client, given: dict[str, Any], param: str) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.tax_ids.create(given)
        assert refused.value.param == param

    def test_an_invoice_shows_those_that_it_names(self, client: Client) -> None:
        own = client.v1.tax_ids.create(DE).id
        customer = client.v1.customers.create().id
        given = {"customer": customer, "account_tax_ids": [own], "expand": ["account_tax_ids"]}
        invoice = client.v1.invoices.create(given)
        assert [one.value for one in invoice.account_tax_ids] == [DE["value"]]
        none = client.v1.invoices.update(invoice.id, {"account_tax_ids": ""})
        assert none.account_tax_ids is None
        again = client.v1.invoices.update(invoice.id, {"account_tax_ids": [own]})
        client.v1.tax_ids.delete(own)
        kept = client.v1.invoices.update(again.id, {"account_tax_ids": [own]})
        assert kept.account_tax_ids == [own]

    def test_invoices_of_a_subscription_show_those_of_its_settings(self, client: Client) -> None:
        own = client.v1.tax_ids.create(DE).id
        price = {"currency": "usd", "unit_amount": 500, "recurring": {"interval": "month"}}
        price_id = client.v1.prices.create({**price, "product_data": {"name": "Seat"}}).id
        subscription = client.v1.subscriptions.create(
            {
                "customer": client.v1.customers.create().id,
                "items": [{"price": price_id}],
                "invoice_settings": {"account_tax_ids": [own]},
                "expand": ["invoice_settings.account_tax_ids", "latest_invoice"],
            }
        )
        assert subscription.invoice_settings.account_tax_ids[0].id == own
        assert subscription.latest_invoice.account_tax_ids == [own]
        none = {"invoice_settings": {"account_tax_ids": ""}}
        changed = client.v1.subscriptions.update(subscription.id, none)
        assert changed.invoice_settings.account_tax_ids is None

    def test_only_the_account_s_own_can_be_named(self, client: Client) -> None:
        customer = client.v1.customers.create({"tax_id_data": [DE]})
        [theirs] = client.v1.customers.tax_ids.list(customer.id)
        own = client.v1.tax_ids.create(CH).id
        for named, place in (([theirs.id], 0), (["txi_no"], 0), ([own, own], 1)):
            given = {"customer": customer.id, "account_tax_ids": named}
            with pytest.raises(stripe.InvalidRequestError) as refused:
                client.v1.invoices.create(given)
            assert refused.value.param == f"account_tax_ids[{place}]"
