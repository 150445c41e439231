"""The receivers that the README shows do what it says of them, by the official SDK."""

import re
from typing import Any

import pytest
import stripe

from tests.engines import ROOT
from tests.factories.webhooks import BUSY, OK, Webhooks
from tests.integration.api.conftest import Client
from tests.integration.api.test_event_destinations import destination
from tests.integration.api.test_webhook_deliveries import HOUR

README = (ROOT / "README.md").read_text()
SECTION = README.partition("## Receiving events")[2].partition("\n## ")[0]
CODE = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture
def shop(client: Client) -> dict[str, Any]:
    """What the README's code knows and makes: its names."""
    names: dict[str, Any] = {"client": client, "stripe": stripe, "handled": set(), "names": {}}
    for block in CODE:
        exec(block, names)  # noqa: S102 - our own README
    return names


def calls(webhooks: Webhooks) -> list[tuple[bytes, str]]:
    """The calls that endpoints got: body and signature."""
    return [(post.body, post.headers["Stripe-Signature"]) for post in webhooks.receivers.posts]


def test_an_event_that_comes_twice_is_handled_once(
    client: Client, webhooks: Webhooks, shop: dict[str, Any]
) -> None:
    customer = client.v1.customers.create({"name": "Ada"})
    webhooks.send()
    [(body, signature)] = calls(webhooks)
    assert shop["receive"](body, signature) == 200
    shop["names"].clear()
    assert shop["receive"](body, signature) == 200
    assert shop["names"] == {}
    [event] = client.v1.events.list({"type": "customer.created"}).data
    client.raw_request("post", f"/v1/events/{event.id}/retry")
    webhooks.deliver()
    assert len(calls(webhooks)) == 2
    assert shop["receive"](*calls(webhooks)[1]) == 200
    assert (shop["names"], customer.id) == ({}, event.data.object.id)


@pytest.mark.parametrize("changed", [b"altered", b"{}", b""], ids=["no JSON", "another", "nothing"])
def test_what_was_altered_is_refused(
    client: Client, webhooks: Webhooks, shop: dict[str, Any], changed: bytes
) -> None:
    client.v1.customers.create({"name": "Ada"})
    webhooks.send()
    [(_, signature)] = calls(webhooks)
    assert shop["receive"](changed, signature) == 400
    assert shop["names"] == {}


def test_events_that_overtake_each_other_end_in_what_is_now(
    client: Client, webhooks: Webhooks, shop: dict[str, Any]
) -> None:
    webhooks.receivers.answers["example.com"] = BUSY
    customer = client.v1.customers.create({"name": "Ada"})
    webhooks.send()
    webhooks.receivers.answers["example.com"] = OK
    client.v1.customers.update(customer.id, {"name": "Bob"})
    webhooks.send()
    [first, second] = calls(webhooks)
    for body, signature in (second, first):
        assert shop["receive"](body, signature) == 200
    assert shop["names"] == {customer.id: "Bob"}
    webhooks.wait(HOUR)
    assert len(calls(webhooks)) == 3


def test_a_thin_event_leads_to_its_object(
    client: Client, webhooks: Webhooks, shop: dict[str, Any]
) -> None:
    made = destination(client, "v1.customer.created")
    shop["destination_secret"] = made["webhook_endpoint"]["signing_secret"]
    customer = client.v1.customers.create({"name": "Ada"})
    webhooks.send()
    [thin] = [call for call in calls(webhooks) if b"v2.core.event" in call[0]]
    assert shop["receive_thin"](*thin) == 200
    assert shop["names"] == {customer.id: "Ada"}
