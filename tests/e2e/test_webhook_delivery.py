"""Events reach a receiver that is built on the SDK; one that fails gets them later, and one that
never answers keeps none from the others.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from tests.e2e.conftest import Client, eventually

TYPES = ["customer.created", "product.created", "price.created", "product.updated"]


@dataclass
class Receiver:
    """A server that takes what it can verify; ``fails`` first, or is silent for ``seconds``."""

    fails: int = 0
    seconds: float = 0
    secret: str = ""
    events: list[Any] = field(default_factory=list)

    def take(self, body: str, header: str) -> int:
        """The status of the answer to a call."""
        time.sleep(self.seconds)
        event = stripe.Webhook.construct_event(body, header, self.secret)
        if self.fails:
            self.fails -= 1
            return 503
        self.events.append(event)
        return 200


@dataclass(frozen=True)
class Address:
    """Where a receiver listens, and its endpoint."""

    receiver: Receiver
    endpoint: Any


@pytest.fixture
def listen(client: Client) -> Iterator[Any]:
    """Starts receivers, each with an endpoint; all end with the test."""
    started: list[tuple[ThreadingHTTPServer, str]] = []

    def start(receiver: Receiver) -> Address:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(receiver))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = client.v1.webhook_endpoints.create(
            {"url": f"http://127.0.0.1:{server.server_port}/hook", "enabled_events": TYPES}
        )
        receiver.secret = made.secret
        started.append((server, made.id))
        return Address(receiver, made)

    yield start
    for server, endpoint in started:
        client.v1.webhook_endpoints.delete(endpoint)
        server.shutdown()
        server.server_close()


def _handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Hands each call to the receiver."""

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length).decode()
            self.send_response(receiver.take(body, self.headers["Stripe-Signature"]))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def test_a_story_is_heard_by_all_whatever_one_of_them_does(client: Client, listen: Any) -> None:
    well = listen(Receiver())
    failing = listen(Receiver(fails=2))
    silent = listen(Receiver(seconds=600))
    time.sleep(6)  # a new endpoint is known a few seconds later
    product = client.v1.products.create({"name": "Seats"})
    client.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 100})
    client.v1.products.update(product.id, {"name": "Chairs"})
    client.v1.customers.create({"name": "Ada"})
    eventually(lambda: len(well.receiver.events) >= len(TYPES))
    assert {event.type for event in well.receiver.events} == set(TYPES)
    for event in well.receiver.events:
        assert client.v1.events.retrieve(event.id).type == event.type
    heard = {event.id for event in well.receiver.events}
    eventually(lambda: failing.receiver.fails == 0)
    for event_id in heard - {event.id for event in failing.receiver.events}:
        path = f"/v1/events/{event_id}/retry"
        client.raw_request("post", path, webhook_endpoint=failing.endpoint.id)
    eventually(lambda: heard <= {event.id for event in failing.receiver.events})
    assert silent.receiver.events == []
    assert eventually(lambda: _status(client, next(iter(heard)), well) == "succeeded")
    assert _status(client, next(iter(heard)), silent) == "pending"


def _status(client: Client, event_id: str, address: Address) -> Any:
    """What an event's deliveries say of an address."""
    deliveries = client.raw_request("get", f"/v1/events/{event_id}/deliveries").data["data"]
    return {one["webhook_endpoint"]: one["status"] for one in deliveries}[address.endpoint.id]
