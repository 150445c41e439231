"""Customers and test clocks through the official SDK."""

import time

import pytest
import stripe

from tests.integration.api.conftest import Api, Client

FROZEN = 1_700_000_000


def test_a_customer_has_null_where_stripe_has_null(client: Client) -> None:
    before = int(time.time())
    customer = client.v1.customers.create()
    assert customer.id.startswith("cus_")
    assert before <= customer.created <= int(time.time())
    assert customer.email is None
    assert customer.metadata.to_dict() == {}
    assert customer.livemode is False


def test_every_field_comes_back_as_it_was_given(client: Client) -> None:
    customer = client.v1.customers.create(
        {
            "name": "Ännchen von Tharau",
            "email": "a@example.com",
            "phone": "+49 1",
            "address": {"city": "Königsberg", "country": "DE"},
            "shipping": {"name": "Ä", "address": {"line1": "1 & 2 = 3"}},
            "metadata": {"id": "42", "plus": "a+b c"},
            "preferred_locales": ["de", "en"],
            "invoice_settings": {"custom_fields": [{"name": "PO", "value": "7"}], "footer": "Bye"},
            "tax_exempt": "reverse",
        }
    )
    assert customer.name == "Ännchen von Tharau"
    assert customer.address.city == "Königsberg"
    assert customer.address.line1 is None
    assert customer.shipping.address.line1 == "1 & 2 = 3"
    assert customer.metadata["plus"] == "a+b c"
    assert customer.preferred_locales == ["de", "en"]
    assert customer.invoice_settings.custom_fields[0].value == "7"
    assert client.v1.customers.retrieve(customer.id) == customer


def test_an_empty_string_clears_a_field(client: Client) -> None:
    customer = client.v1.customers.create(
        {"email": "a@example.com", "address": {"city": "X"}, "metadata": {"a": "1"}}
    )
    changed = client.v1.customers.update(customer.id, {"email": "", "address": "", "metadata": ""})
    assert changed.email is None
    assert changed.address is None
    assert changed.metadata.to_dict() == {}


def test_a_deleted_customer_shows_only_that_it_is_deleted(client: Client) -> None:
    customer = client.v1.customers.create()
    assert client.v1.customers.delete(customer.id).deleted
    assert client.v1.customers.retrieve(customer.id).deleted
    assert client.v1.customers.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.v1.customers.update(customer.id, {"name": "X"})
    assert missing.value.http_status == 404
    assert missing.value.code == "resource_missing"


def test_customers_of_a_test_clock_live_in_its_time(client: Client) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": FROZEN})
    customer = client.v1.customers.create({"test_clock": clock.id, "expand": ["test_clock"]})
    assert customer.created == FROZEN
    assert customer.test_clock.frozen_time == FROZEN
    elsewhere = client.v1.customers.create()
    assert [c.id for c in client.v1.customers.list()] == [elsewhere.id]
    assert [c.id for c in client.v1.customers.list({"test_clock": clock.id})] == [customer.id]


def test_a_test_clock_takes_three_customers(client: Client) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": FROZEN})
    for _ in range(3):
        client.v1.customers.create({"test_clock": clock.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create({"test_clock": clock.id})
    assert refused.value.param == "test_clock"


def test_lists_are_newest_first_and_page_both_ways(client: Client) -> None:
    made = [client.v1.customers.create({"name": str(n)}).id for n in range(7)]
    newest_first = made[::-1]
    first = client.v1.customers.list({"limit": 3})
    assert [c.id for c in first.data] == newest_first[:3]
    assert first.has_more
    second = client.v1.customers.list({"limit": 3, "starting_after": first.data[-1].id})
    assert [c.id for c in second.data] == newest_first[3:6]
    back = client.v1.customers.list({"limit": 2, "ending_before": second.data[-1].id})
    assert [c.id for c in back.data] == newest_first[3:5]
    assert [c.id for c in client.v1.customers.list({"limit": 3}).auto_paging_iter()] == newest_first
    backwards = client.v1.customers.list({"limit": 2, "ending_before": made[0]})
    assert [c.id for c in backwards.auto_paging_iter()] == made[1:]


def test_lists_are_filtered_by_email_and_time(client: Client) -> None:
    client.v1.customers.create({"email": "a@example.com"})
    wanted = client.v1.customers.create({"email": "b@example.com"})
    assert [c.id for c in client.v1.customers.list({"email": "b@example.com"})] == [wanted.id]
    assert client.v1.customers.list({"created": {"lt": wanted.created - 60}}).data == []
    assert len(client.v1.customers.list({"created": {"gte": wanted.created - 60}}).data) == 2


def test_invoice_numbers_of_two_customers_never_meet(client: Client) -> None:
    client.v1.customers.create({"invoice_prefix": "ACME"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.create({"invoice_prefix": "ACME"})
    assert refused.value.param == "invoice_prefix"


def test_every_change_is_an_event_in_its_own_transaction(api: Api) -> None:
    client = api.client()
    customer = client.v1.customers.create({"name": "A"})
    client.v1.customers.update(customer.id, {"name": "B"})
    client.v1.customers.update(customer.id, {"name": "B"})
    client.v1.customers.delete(customer.id)
    batches = [item for item in api.engine.scan("billing") if item.get("kind") == {"S": "event"}]
    assert len(batches) == 3


@pytest.mark.parametrize("email", ["ada", "@example.com", "ada@", "a b@example.com", "a@b@c", " "])
def test_an_email_is_an_address(client: Client, email: str) -> None:
    customer = client.v1.customers.create({"email": "ada@localhost"})
    with pytest.raises(stripe.InvalidRequestError, match="Invalid email address") as refused:
        client.v1.customers.create({"email": email})
    assert (refused.value.code, refused.value.param) == ("email_invalid", "email")
    with pytest.raises(stripe.InvalidRequestError, match="Invalid email address"):
        client.v1.customers.update(customer.id, {"email": email})
    assert client.v1.customers.update(customer.id, {"email": ""}).email is None
