"""Events and webhook endpoints through the official SDK."""

import pytest
import stripe

from meterline.services.base import outbox
from tests.integration.api.conftest import Api, Client


def _history(client: Client) -> str:
    """A customer that is created, renamed and deleted; its id."""
    customer = client.v1.customers.create({"name": "A", "metadata": {"a": "1", "b": "2"}})
    client.v1.customers.update(customer.id, {"name": "B", "metadata": {"b": "3"}})
    client.v1.customers.delete(customer.id)
    return str(customer.id)


def test_events_tell_what_changed(client: Client) -> None:
    customer_id = _history(client)
    outbox = {event.type: event for event in client.v1.events.list()}
    assert outbox.keys() == {"customer.created", "customer.updated", "customer.deleted"}
    updated = outbox["customer.updated"]
    assert updated.data.object.id == customer_id
    assert updated.data.object.name == "B"
    before = updated.data.previous_attributes.to_dict()
    assert before == {"name": "A", "metadata": {"b": "2"}}
    assert updated.request.id.startswith("req_")
    assert updated.request.idempotency_key
    assert client.v1.events.retrieve(updated.id) == updated


def test_events_are_filtered_by_type(client: Client) -> None:
    _history(client)
    assert len(client.v1.events.list({"type": "customer.updated"}).data) == 1
    assert len(client.v1.events.list({"type": "customer.*"}).data) == 3
    both = client.v1.events.list({"types": ["customer.created", "customer.deleted"]})
    assert {e.type for e in both} == {"customer.deleted", "customer.created"}


@pytest.mark.parametrize("box_bytes", [outbox.BOX_BYTES, 250], ids=["together", "apart"])
def test_events_of_one_commit_page_like_all_others(
    client: Client, monkeypatch: pytest.MonkeyPatch, box_bytes: int
) -> None:
    monkeypatch.setattr(outbox, "BOX_BYTES", box_bytes)
    for number in range(3):
        client.v1.prices.create(
            {"currency": "usd", "unit_amount": number, "product_data": {"name": str(number)}}
        )
    everything = [e.id for e in client.v1.events.list({"limit": 100})]
    assert len(everything) == 6
    assert len({outbox.outbox_id(event_id) for event_id in everything}) == (
        3 if box_bytes > 250 else 6
    )
    assert [client.v1.events.retrieve(event_id).id for event_id in everything] == everything
    assert [e.id for e in client.v1.events.list({"limit": 1}).auto_paging_iter()] == everything
    backwards = client.v1.events.list({"limit": 1, "ending_before": everything[-1]})
    assert [e.id for e in backwards.auto_paging_iter()] == everything[-2::-1]


def test_v2_events_are_thin_and_page_by_address(client: Client) -> None:
    customer_id = _history(client)
    page = client.v2.core.events.list({"limit": 2})
    assert page.next_page_url.startswith("/v2/core/events?")
    outbox = list(page.auto_paging_iter())
    assert {e.type for e in outbox} == {
        "v1.customer.deleted",
        "v1.customer.updated",
        "v1.customer.created",
    }
    assert outbox[0].related_object.id == customer_id
    assert client.v2.core.events.retrieve(outbox[0].id).type == outbox[0].type
    of_nobody = client.v2.core.events.list({"object_id": "cus_none"})
    assert of_nobody.data == []


def test_a_page_belongs_to_the_key_that_was_given_it(api: Api) -> None:
    from meterline.services.account.api_keys import create_key  # noqa: PLC0415 - only here

    _history(api.client())
    page = api.client().v2.core.events.list({"limit": 1})
    other = api.client(create_key(livemode=False).secret)
    with pytest.raises(stripe.InvalidRequestError):
        other.raw_request("get", page.next_page_url)


def test_a_webhook_endpoint_tells_its_secret_once(client: Client) -> None:
    options = stripe.RequestOptions(idempotency_key="hook")
    wanted = {"url": "https://example.com/hook", "enabled_events": ["invoice.paid", "*"]}
    endpoint = client.v1.webhook_endpoints.create(wanted, options)
    assert endpoint.secret.startswith("whsec_")
    assert client.v1.webhook_endpoints.create(wanted, options).secret == endpoint.secret
    assert "secret" not in client.v1.webhook_endpoints.retrieve(endpoint.id)
    stopped = client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    assert stopped.status == "disabled"
    assert [e.id for e in client.v1.webhook_endpoints.list()] == [endpoint.id]
    assert client.v1.webhook_endpoints.delete(endpoint.id).deleted
    assert client.v1.webhook_endpoints.list().data == []


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com", "https://", "http://[x"])
def test_a_webhook_address_must_be_an_address(client: Client, url: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.webhook_endpoints.create({"url": url, "enabled_events": ["*"]})
    assert refused.value.code == "url_invalid"
