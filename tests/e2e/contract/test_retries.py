"""The answer to a POST gets lost after it took effect: the SDK's own retry finds it done, once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import stripe

from local.aws import Stack
from tests.contract.tap import Tap
from tests.contract.world import DAY, World
from tests.e2e.conftest import Client, eventually


@dataclass(frozen=True, slots=True)
class Effect:
    """A call, and what is found of its effect: one thing each time that it took effect.

    ``found`` is asked first, and makes all objects that the call needs.
    """

    call: Callable[[World], Any]
    found: Callable[[World], Any]


EFFECTS = {
    "a customer": Effect(
        lambda w: w.v1.customers.create({"metadata": {"own": w.own}}),
        lambda w: w.v1.customers.search({"query": f"metadata['own']:'{w.own}'"}).data,
    ),
    "a subscription": Effect(
        lambda w: w.subscribe(),
        lambda w: w.price and w.v1.subscriptions.list({"customer": w.customer}).data,
    ),
    "a first invoice": Effect(
        lambda w: w.subscribe(),
        lambda w: w.price and w.v1.invoices.list({"customer": w.customer}).data,
    ),
    "a subscription item": Effect(
        lambda w: w.v1.subscription_items.create(
            {"subscription": w.subscription.id, "price": w.second_price}
        ),
        lambda w: (
            w.second_price
            and w.v1.subscription_items.list({"subscription": w.subscription.id}).data[1:]
        ),
    ),
    "an invoice": Effect(
        lambda w: w.v1.invoices.create({"customer": w.customer}),
        lambda w: w.v1.invoices.list({"customer": w.customer}).data,
    ),
    "an invoice item": Effect(
        lambda w: w.v1.invoice_items.create(
            {"customer": w.customer, "amount": 5, "currency": "usd"}
        ),
        lambda w: w.v1.invoice_items.list({"customer": w.customer}).data,
    ),
    "a line": Effect(
        lambda w: w.v1.invoices.add_lines(w.draft, {"lines": [{"amount": 5}]}),
        lambda w: w.v1.invoices.line_items.list(w.draft).data[1:],
    ),
    "a payment": Effect(
        lambda w: w.v1.invoices.pay(w.open_invoice, {"paid_out_of_band": True}),
        lambda w: [
            event
            for event in w.v1.events.list({"type": "invoice.paid"})
            if event.data.object.id == w.open_invoice
        ],
    ),
    "a balance transaction": Effect(
        lambda w: w.v1.customers.balance_transactions.create(
            w.customer, {"amount": -500, "currency": "usd"}
        ),
        lambda w: w.v1.customers.balance_transactions.list(w.customer).data,
    ),
    "a price's product": Effect(
        lambda w: w.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": 1,
                "product_data": {"name": "A", "metadata": {"own": w.own}},
            }
        ),
        lambda w: w.v1.products.search({"query": f"metadata['own']:'{w.own}'"}).data,
    ),
    "a webhook endpoint": Effect(
        lambda w: w.v1.webhook_endpoints.create(
            {"url": f"https://example.com/{w.own}", "enabled_events": ["*"]}
        ),
        lambda w: [
            endpoint
            for endpoint in w.v1.webhook_endpoints.list({"limit": 100})
            if w.own in endpoint.url
        ],
    ),
}


@pytest.fixture
def retrying(stack: Stack, with_key: Callable[..., Client]) -> World:
    return World(with_key(stack.api_key, max_network_retries=2), with_key)


@pytest.mark.parametrize("harm", ["lose", "spoil"])
@pytest.mark.parametrize("name", EFFECTS)
def test_a_retry_takes_no_effect_again(name: str, harm: str, retrying: World, tap: Tap) -> None:
    effect = EFFECTS[name]
    assert effect.found(retrying) == []
    setattr(tap, harm, 1)
    answer = effect.call(retrying)
    assert getattr(tap, harm) == 0, "no answer was harmed"
    assert answer.last_response.headers["idempotent-replayed"] == "true"
    assert len(effect.found(retrying)) == 1


def _usage(world: World) -> int:
    today = world.now // DAY * DAY
    span = {"customer": world.customer, "start_time": today - DAY, "end_time": today + DAY}
    summaries = world.v1.billing.meters.event_summaries.list(world.meter.id, span)
    return sum(int(summary.aggregated_value) for summary in summaries)


@pytest.mark.parametrize(
    ("send", "counted"),
    [
        (lambda w: w.v1.billing.meter_events.create(w.event()), 3),
        (lambda w: w.v2.billing.meter_events.create(w.event()), 3),
        (
            lambda w: w.streamer.v2.billing.meter_event_stream.create(
                {"events": [w.event(), w.event()]}
            ),
            6,
        ),
    ],
    ids=["v1", "v2", "stream"],
)
def test_usage_without_an_identifier_counts_once_when_it_is_sent_again(
    send: Callable[[World], Any], counted: int, retrying: World, tap: Tap
) -> None:
    assert retrying.event()
    assert retrying.streamer
    tap.lose = 1
    send(retrying)
    assert tap.lose == 0, "no answer was lost"
    retrying.v1.billing.meter_events.create(retrying.event())
    assert eventually(lambda: _usage(retrying) == counted + 3)


def test_without_retries_the_loss_is_the_callers_and_its_key_finds_what_was_done(
    client: Client, tap: Tap
) -> None:
    options: Any = {"idempotency_key": f"key-{id(tap)}-{tap.address}"}
    tap.lose = 1
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "Ada"}, options)
    found = client.v1.customers.create({"name": "Ada"}, options)
    assert found.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"name": "Grace"}, options)
