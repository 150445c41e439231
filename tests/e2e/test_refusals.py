"""What a user of the SDK sees when things go wrong."""

import time
from typing import Any

import pytest
import stripe

from local.aws import Stack
from local.demo.cast import sdk
from tests.e2e.conftest import Client
from tests.factories.params import meter_params


@pytest.fixture
def event_name(client: Client) -> str:
    name = f"calls_{time.time_ns()}"
    client.v1.billing.meters.create(meter_params(name))
    return name


@pytest.fixture
def customer(client: Client) -> str:
    return str(client.v1.customers.create({"name": "Edsger"}).id)


def _event(event_name: str, customer: str, **fields: Any) -> dict[str, Any]:
    payload = {"stripe_customer_id": customer, "value": "1"}
    return {"event_name": event_name, "payload": payload, **fields}


def test_a_wrong_key_is_an_authentication_error(stack: Stack) -> None:
    with pytest.raises(stripe.AuthenticationError) as refused:
        sdk("sk_test_wrong", stack.api_base).v1.customers.list()
    assert refused.value.http_status == 401
    assert "Invalid API Key provided" in str(refused.value)


def test_a_missing_parameter_is_named(client: Client) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.subscriptions.create({"items": []})
    assert refused.value.http_status == 400
    assert refused.value.code == "parameter_missing"
    assert refused.value.param == "customer"


def test_an_unknown_meter_is_refused(client: Client, customer: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.billing.meter_events.create(_event("nobody_measures_this", customer))
    assert refused.value.http_status == 400
    assert "nobody_measures_this" in str(refused.value)


def test_an_identifier_is_taken_once(client: Client, event_name: str, customer: str) -> None:
    event = _event(event_name, customer, identifier=f"{event_name}-1")
    client.v1.billing.meter_events.create(event)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.billing.meter_events.create(event)
    assert refused.value.user_message == (
        f"An event already exists with identifier {event_name}-1."
    )
    assert refused.value.code is None


@pytest.mark.parametrize(
    ("off_by_seconds", "code"),
    [(-36 * 86_400, "timestamp_too_far_in_past"), (400, "timestamp_in_future")],
)
def test_a_timestamp_must_be_near_the_present(
    client: Client, event_name: str, customer: str, off_by_seconds: int, code: str
) -> None:
    at = int(time.time()) + off_by_seconds
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.billing.meter_events.create(_event(event_name, customer, timestamp=at))
    assert refused.value.http_status == 400
    assert refused.value.param == "timestamp"
    assert refused.value.code == code
