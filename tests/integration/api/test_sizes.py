"""Requests that take too much room, as a client sees them: twelve prices with full metadata."""

from random import Random
from string import ascii_letters, digits

import pytest
import stripe

from tests.integration.api.conftest import Client

RANDOM = Random(0)


def _full_metadata() -> dict[str, str]:
    """Fifty pairs of random text, each as long as it may be."""

    def text(length: int) -> str:
        return "".join(RANDOM.choices(ascii_letters + digits, k=length))

    return {text(40): text(500) for _ in range(50)}


def test_a_subscription_to_too_many_words_is_refused_and_its_key_is_free(client: Client) -> None:
    product = client.v1.products.create({"name": "Seats", "metadata": _full_metadata()}).id
    prices = [
        client.v1.prices.create(
            {
                "product": product,
                "currency": "eur",
                "unit_amount": number,
                "recurring": {"interval": "month"},
                "metadata": _full_metadata(),
            }
        ).id
        for number in range(4)
    ]
    customer = client.v1.customers.create({"name": "Ada", "metadata": _full_metadata()}).id
    options = {"idempotency_key": "once"}

    def subscribe(number: int) -> str:
        items = [{"price": price} for price in prices[:number]]
        given = {"customer": customer, "items": items}
        return str(client.v1.subscriptions.create(given, options).id)

    with pytest.raises(stripe.InvalidRequestError, match="at most 50000 are accepted") as refused:
        subscribe(4)
    assert (refused.value.http_status, refused.value.param) == (400, "items")
    assert client.v1.subscriptions.list().data == []
    assert client.v1.invoices.list().data == []
    kept = subscribe(2)
    assert [subscription.id for subscription in client.v1.subscriptions.list()] == [kept]


def test_a_long_address_in_chinese_is_refused_with_what_to_shorten(client: Client) -> None:
    def line() -> str:
        return "".join(chr(RANDOM.randrange(0x4E00, 0x9FFF)) for _ in range(5_000))

    address = {name: line() for name in ("line1", "line2", "city", "state", "country")}
    customer = client.v1.customers.create({"name": "王", "address": {"line1": "长安街1号"}}).id
    with pytest.raises(stripe.InvalidRequestError, match="shorten that") as refused:
        client.v1.customers.update(customer, {"address": address})
    assert (refused.value.http_status, refused.value.param) == (400, "address")
    assert client.v1.customers.retrieve(customer).address.line1 == "长安街1号"
    client.v1.customers.update(customer, {"address": {"line1": address["line1"]}})
