"""The metering endpoints as an HTTP client meets them: single events."""

from urllib.parse import urlencode

import pytest

from meterline.core.base.timestamps import rfc3339
from tests.integration.metering.wire import (
    NOW,
    Api,
    api,
    event_v1,
    event_v2,
)

__all__ = ["api"]


def test_a_v1_event_comes_back_as_an_object(api: Api) -> None:
    status, body = api.post("/v1/billing/meter_events", event_v1("one", timestamp=str(NOW)))
    assert status == 200
    assert body["object"] == "billing.meter_event"
    assert body["identifier"] == "one"
    assert body["timestamp"] == NOW
    assert body["payload"] == {"stripe_customer_id": "cus_a", "value": "25"}


def test_a_duplicate_is_refused_without_a_code_on_v1_and_with_one_on_v2(api: Api) -> None:
    api.post("/v1/billing/meter_events", event_v1("one"))
    status, body = api.post("/v1/billing/meter_events", event_v1("one"))
    assert status == 400
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"] == "An event already exists with identifier one."
    assert "code" not in body["error"]
    status, body = api.post("/v2/billing/meter_events", event_v2("one"))
    assert (status, body["error"]["code"]) == (400, "duplicate_meter_event")


def test_a_repeated_request_with_its_idempotency_key_is_answered_alike(api: Api) -> None:
    first = api.post("/v1/billing/meter_events", event_v1("one"), idempotency_key="k")
    assert api.post("/v1/billing/meter_events", event_v1("one"), idempotency_key="k") == first


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"event_name": "unknown"}, "resource_missing", "event_name"),
        (
            {"payload[stripe_customer_id]": "cus_x"},
            "resource_missing",
            "payload[stripe_customer_id]",
        ),
        ({"payload[value]": "many"}, "meter_event_invalid_value", "payload[value]"),
        ({"timestamp": str(NOW + 4_000)}, "timestamp_in_future", "timestamp"),
        ({"timestamp": str(NOW - 36 * 86_400)}, "timestamp_too_far_in_past", "timestamp"),
        ({"timestamp": "soon"}, "parameter_invalid_integer", "timestamp"),
    ],
)
def test_v1_refusals_name_the_parameter(
    api: Api, changes: dict[str, str], code: str, param: str
) -> None:
    status, body = api.post("/v1/billing/meter_events", event_v1("one", **changes))
    assert (status, body["error"]["code"], body["error"]["param"]) == (400, code, param)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"stripe_customer_id": "cus_a"}, "payload_no_value_defined"),
        ({"value": "1"}, "payload_no_customer_defined"),
        ({"stripe_customer_id": "cus_a", "value": "x"}, "payload_invalid_value"),
    ],
)
def test_v2_refusals_have_their_codes(api: Api, payload: dict[str, str], code: str) -> None:
    event = event_v2("one") | {"payload": payload}
    status, body = api.post("/v2/billing/meter_events", event)
    assert (status, body["error"]["code"]) == (400, code)


def test_timestamps_are_judged_by_the_customers_own_clock(api: Api) -> None:
    in_2023 = 1_700_000_000
    ok = event_v2("a", "cus_clock") | {"timestamp": rfc3339(in_2023 * 1_000)}
    status, body = api.post("/v2/billing/meter_events", ok)
    assert (status, body["timestamp"]) == (200, rfc3339(in_2023 * 1_000))
    now = event_v2("b", "cus_clock") | {"timestamp": rfc3339(NOW * 1_000)}
    status, body = api.post("/v2/billing/meter_events", now)
    assert (status, body["error"]["code"]) == (400, "timestamp_in_future")
    status, body = api.post("/v2/billing/meter_events", event_v2("c", "cus_clock"))
    assert (status, body["timestamp"]) == (200, rfc3339(in_2023 * 1_000))


def test_an_event_can_be_cancelled(api: Api) -> None:
    api.post("/v1/billing/meter_events", event_v1("one"))
    fields = {"type": "cancel", "event_name": "tokens", "cancel[identifier]": "one"}
    status, body = api.post("/v1/billing/meter_event_adjustments", urlencode(fields))
    assert (status, body["status"], body["cancel"]) == (200, "pending", {"identifier": "one"})
