"""Requests at the ends of what the wire can say: each is answered, none with a 500."""

import json
import secrets
from typing import Any
from urllib.parse import quote

import pytest

from tests.factories.params import meter_params
from tests.handlers import gateway_event
from tests.integration.api.conftest import Api

INSTANTS = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
]


def _answer(api: Api, method: str, target: str, body: bytes = b"", **headers: str) -> Any:
    sent = {"authorization": f"Bearer {api.key}", **headers}
    response = api.bridge.call(gateway_event(method, target, sent, body, encoded=True))
    assert all(str(value).isascii() for value in response["headers"].values())
    return response["statusCode"], json.loads(response["body"])


@pytest.mark.parametrize("instant", INSTANTS)
@pytest.mark.parametrize("bound", ["gt", "gte", "lt", "lte"])
def test_events_are_listed_from_the_first_year_to_the_last(
    api: Api, bound: str, instant: str
) -> None:
    api.client().v1.customers.create({})
    target = f"/v2/core/events?created[{bound}]={quote(instant)}"
    status, page = _answer(api, "GET", target)
    is_first = instant.startswith("0001")
    expected = ["v1.customer.created"] if is_first == bound.startswith("g") else []
    assert (status, [event["type"] for event in page["data"]]) == (200, expected)


@pytest.mark.parametrize("instant", ["2026-02-30T00:00:00Z", "2026-01-01", "\ud7ff", "1e9"])
def test_what_is_no_instant_is_refused(api: Api, instant: str) -> None:
    status, refused = _answer(api, "GET", f"/v2/core/events?created[gte]={quote(instant)}")
    assert (status, refused["error"]["message"][:18]) == (400, "Invalid timestamp:")


@pytest.mark.parametrize("instant", INSTANTS)
def test_usage_of_the_first_year_or_the_last_is_refused(api: Api, instant: str) -> None:
    client, name = api.client(), f"usage_{secrets.token_hex(4)}"
    client.v1.billing.meters.create(meter_params(name))
    payload = {"stripe_customer_id": client.v1.customers.create({}).id, "value": "1"}
    event = {"event_name": name, "timestamp": instant, "payload": payload}
    kind = {"content-type": "application/json"}
    status, refused = _answer(
        api, "POST", "/v2/billing/meter_events", json.dumps(event).encode(), **kind
    )
    reason = "past 35 calendar days" if instant.startswith("0001") else "in the future"
    assert status == 400
    assert reason in refused["error"]["message"]


@pytest.mark.parametrize(
    "number", ["1e9999999999999999999", "-1E-9999999999999999999", "9" * 5_000]
)
def test_a_number_without_end_is_no_json(api: Api, number: str) -> None:
    body = f'{{"event_name": "m", "payload": {{"value": {number}}}}}'.encode()
    kind = {"content-type": "application/json"}
    status, refused = _answer(api, "POST", "/v2/billing/meter_events", body, **kind)
    assert (status, refused["error"]["code"]) == (400, "invalid_json")


def test_leading_zeros_of_a_number_change_nothing(api: Api) -> None:
    body = f"currency=usd&product_data[name]=P&unit_amount={'0' * 5_000}7".encode()
    status, price = _answer(api, "POST", "/v1/prices", body)
    assert (status, price["unit_amount"]) == (200, 7)


@pytest.mark.parametrize("key", ["é", "\ud800", "a\r\nx: y", "\x00", "k" * 256])
def test_an_idempotency_key_that_no_header_can_repeat_is_refused(api: Api, key: str) -> None:
    status, refused = _answer(api, "POST", "/v1/customers", b"name=A", **{"idempotency-key": key})
    assert (status, refused["error"]["type"]) == (400, "idempotency_error")
    assert api.client().v1.customers.list().data == []


@pytest.mark.parametrize("name", ["stripe-version", "content-type", "accept", "stripe-account"])
@pytest.mark.parametrize("value", ["é", "\ud800", "x" * 9_000, "a\r\nx: y", "\x00"])
def test_no_header_makes_an_answer_that_is_no_answer(api: Api, name: str, value: str) -> None:
    status, _ = _answer(api, "POST", "/v1/customers", b"name=A", **{name: value})
    assert status in ((200,) if name == "accept" else (400, 403, 415))


TOKENS = ["", "=", "AAAA", "é", "a" * 5_000, "eyJhIjoxfQ", "\ud7ff", "%00"]
LISTS = [
    "/v1/customers?starting_after=",
    "/v1/events?ending_before=",
    "/v1/customers/search?query=name:'a'&page=",
    "/v2/core/events?page=",
    "/v1/customers/",
    "/v1/events/",
    "/v1/coupons/",
    "/v2/core/events/",
    "/v1/invoices/in_x/lines/",
]


@pytest.mark.parametrize("target", LISTS)
def test_a_place_or_an_id_that_nobody_was_given_is_refused(api: Api, target: str) -> None:
    for token in TOKENS[1:]:
        status, _ = _answer(api, "GET", target + quote(token, safe="%"))
        assert status in (400, 404, 405), token
