"""Another release is deployed while usage arrives and a billing run is on."""

import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe

from local import aws
from local import stack as local_stack
from local.aws import Stack
from tests.e2e.conftest import Client, eventually
from tests.factories.params import meter_params

DAY = 86_400
CLOCKS = 3
CUSTOMERS_OF_A_CLOCK = 3
SETTLING_SECONDS = 180.0
_ROLLING = ("CountUsageFunction", "RollBillingCyclesFunction", "ServeSubscriptionsFunction")


@dataclass
class Sender:
    """A client that sends usage until it is told to stop, and repeats what was not answered."""

    client: Client
    event_name: str
    customer: str
    accepted: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        number = 0
        while not self.is_over.is_set():
            if self._send(f"{self.event_name}-{number}"):
                number += 1
            self.is_over.wait(0.05)

    def _send(self, identifier: str) -> bool:
        """Send an event; whether it was taken, now or at an earlier try."""
        payload = {"stripe_customer_id": self.customer, "value": "1"}
        event = {"event_name": self.event_name, "identifier": identifier, "payload": payload}
        try:
            self.client.v1.billing.meter_events.create(event)
        except stripe.InvalidRequestError as refusal:
            if "identifier" not in str(refusal):
                self.refusals.append(str(refusal))
        except (stripe.APIError, stripe.APIConnectionError, stripe.RateLimitError):
            return False
        self.accepted.append(identifier)
        return True


@pytest.fixture(autouse=True)
def own_stack(stack: Stack) -> Stack:
    """The stack, if it was started on this machine: only such a one can be upgraded."""
    if not local_stack.is_running():
        pytest.skip("the stack was not started here")
    return stack


@pytest.fixture
def sender(client: Client) -> Iterator[Sender]:
    event_name = f"calls_{secrets.token_hex(4)}"
    client.v1.billing.meters.create(meter_params(event_name))
    sender = Sender(client, event_name, client.v1.customers.create({"name": "Ada"}).id)
    thread = threading.Thread(target=sender.run)
    thread.start()
    yield sender
    sender.is_over.set()
    thread.join()


def versions(stack: Stack) -> dict[str, str]:
    """Which version of each function takes its calls."""
    cloud, functions = stack.client("cloudformation"), stack.client("lambda")
    named = {
        name: cloud.describe_stack_resource(StackName=aws.STACK_NAME, LogicalResourceId=name)
        for name in _ROLLING
    }
    ids = {one: found["StackResourceDetail"]["PhysicalResourceId"] for one, found in named.items()}
    return {
        name: str(functions.get_alias(FunctionName=one, Name="live")["FunctionVersion"])
        for name, one in ids.items()
    }


def subscribed_on_clocks(client: Client) -> tuple[list[Any], list[str]]:
    """Clocks, and subscriptions of their customers, that renew a month from now."""
    now = int(time.time())
    product = client.v1.products.create({"name": "Seat"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 1000,
            "recurring": {"interval": "month"},
        }
    )
    clocks, subscriptions = [], []
    for _ in range(CLOCKS):
        clock = client.v1.test_helpers.test_clocks.create({"frozen_time": now})
        clocks.append(clock)
        for _ in range(CUSTOMERS_OF_A_CLOCK):
            customer = client.v1.customers.create({"test_clock": clock.id})
            wanted = {"customer": customer.id, "items": [{"price": price.id}]}
            subscriptions.append(client.v1.subscriptions.create(wanted).id)
    return clocks, subscriptions


def test_an_upgrade_loses_and_doubles_nothing(
    own_stack: Stack, client: Client, sender: Sender
) -> None:
    before = versions(own_stack)
    clocks, subscriptions = subscribed_on_clocks(client)
    for clock in clocks:
        month = {"frozen_time": clock.frozen_time + 32 * DAY}
        client.v1.test_helpers.test_clocks.advance(clock.id, month)
    local_stack.upgrade(secrets.token_hex(4))
    after = versions(own_stack)
    assert all(after[name] != before[name] for name in _ROLLING), (before, after)
    sender.is_over.set()

    eventually(lambda: all(is_ready(client, clock) for clock in clocks), SETTLING_SECONDS)
    for subscription in subscriptions:
        invoices = client.v1.invoices.list({"subscription": subscription}).data
        assert [invoice.total for invoice in invoices] == [1000, 1000]
        assert len({invoice.number for invoice in invoices}) == len(invoices)
    assert sender.accepted
    assert sender.refusals == []
    assert eventually(lambda: counted(client, sender) >= len(sender.accepted), SETTLING_SECONDS)
    assert counted(client, sender) == len(sender.accepted)


def is_ready(client: Client, clock: Any) -> bool:
    """Whether a clock has arrived."""
    return bool(client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready")


def counted(client: Client, sender: Sender) -> int:
    """The usage that was counted for the sender's customer."""
    [meter] = [
        one
        for one in client.v1.billing.meters.list({"limit": 100}).auto_paging_iter()
        if one.event_name == sender.event_name
    ]
    today = int(time.time()) // DAY * DAY
    span = {"customer": sender.customer, "start_time": today - DAY, "end_time": today + DAY}
    summaries = client.v1.billing.meters.event_summaries.list(meter.id, span)
    return sum(int(summary.aggregated_value) for summary in summaries)
