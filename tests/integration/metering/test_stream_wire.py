"""The stream as an HTTP client meets it: each event judged by itself, what is refused told."""

from urllib.parse import urlencode

import pytest

from meterline.api.auth import SESSION_PREFIX
from meterline.services.base.context import Context
from meterline.services.metering.meters import deactivate_meter
from meterline.store.base.batches import Throttled
from meterline.store.billing.repository import BillingStore
from meterline.store.metering import meter_events
from tests.engines import Engine
from tests.integration.metering.wire import (
    CUSTOMER,
    NOW,
    SECRET,
    Answer,
    Api,
    api,
    event_v1,
    event_v2,
    joined,
    meter_id,
    pages_of,
    stream,
    streamed,
)
from tests.integration.metering.worlds import deliver

__all__ = ["api"]


def test_a_stream_takes_a_session_token_and_answers_an_empty_object(api: Api) -> None:
    _, session = api.post("/v2/billing/meter_event_session", {})
    token = session["authentication_token"]
    assert session["object"] == "v2.billing.meter_event_session"
    path, events = "/v2/billing/meter_event_stream", {"events": [event_v2("a"), event_v2("b")]}
    assert api.post(path, events, secret=token) == (200, {})
    assert api.post(path, events)[0] == 401


def test_a_stream_tells_what_became_of_each_event_when_asked(api: Api, dynamodb: Engine) -> None:
    _, session = api.post("/v2/billing/meter_event_session", {})
    events = [event_v2("a"), event_v2("a"), event_v2("c", "cus_x"), event_v2("d", value="2.5")]
    status, body = api.post(
        "/v2/billing/meter_event_stream",
        {"events": events},
        secret=session["authentication_token"],
        meterline_event_results="true",
    )
    assert status == 200
    assert [row["status"] for row in body["results"]] == [
        "accepted",
        "duplicate",
        "refused",
        "accepted",
    ]
    assert body["results"][2]["code"] == "meter_event_customer_not_found"
    deliver(dynamodb)
    status, listed = api.get(
        f"/v1/billing/meters/{meter_id()}/event_summaries",
        customer="cus_a",
        start_time=NOW - NOW % 3_600,
        end_time=NOW - NOW % 3_600 + 7_200,  # the hour may turn meanwhile
    )
    assert status == 200
    assert [row["aggregated_value"] for row in listed["data"]] == [3.5]


def test_refused_stream_events_are_reported_in_events_of_their_own(api: Api) -> None:
    _, session = api.post("/v2/billing/meter_event_session", {})
    events = [
        event_v2("a", value="x"),
        event_v2("b", value="y"),
        event_v2("c", "cus_x"),
        event_v2("d") | {"event_name": "unknown"},
        event_v2("e"),
    ]
    for _ in range(2):
        api.post(
            "/v2/billing/meter_event_stream",
            {"events": events},
            secret=session["authentication_token"],
            idempotency_key="once",
        )
    _, listed = api.get("/v2/core/events", limit=100)
    reports = {event["type"]: event for event in listed["data"] if "data" in event}
    assert len(reports) == 2
    told = reports["v1.billing.meter.error_report_triggered"]
    assert told["related_object"]["id"] == meter_id()
    assert told["data"]["reason"]["error_count"] == 3
    assert [
        (kind["code"], kind["error_count"]) for kind in told["data"]["reason"]["error_types"]
    ] == [("meter_event_invalid_value", 2), ("meter_event_customer_not_found", 1)]
    [unknown] = reports["v1.billing.meter.no_meter_found"]["data"]["reason"]["error_types"]
    assert unknown["sample_errors"] == [
        {
            "error_message": "No meter was found matching event_name unknown.",
            "request": {"identifier": "d"},
        }
    ]


def test_reports_are_listed_among_the_events_of_their_meter_page_by_page(api: Api) -> None:
    _, session = api.post("/v2/billing/meter_event_session", {})
    for number in range(3):
        api.post(
            "/v2/billing/meter_event_stream",
            {"events": [event_v2(str(number), value="x"), {**event_v2("n"), "event_name": "no"}]},
            secret=session["authentication_token"],
        )
    [whole], pages = pages_of(api, limit=100), pages_of(api, limit=2)
    assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)
    assert joined(pages) == whole
    instants = [event["created"] for event in whole]
    assert instants == sorted(instants, reverse=True)
    error, unknown = "v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"
    types = [event["type"] for event in whole]
    assert (types.count(error), types.count(unknown)) == (3, 3)
    of_meter = [event["type"] for event in joined(pages_of(api, limit=2, object_id=meter_id()))]
    assert (of_meter.count(error), of_meter.count(unknown)) == (3, 0)
    of_type = joined(pages_of(api, limit=1, types=unknown))
    assert [event["type"] for event in of_type] == [unknown] * 3


@pytest.mark.parametrize(
    "customer",
    [
        "cus_unknown",
        "clock_1",
        "claim#meter_event_name#tokens",
        "#",
        "c" * 1_000,
        "cus_é" + "é" * 900,
        "cus_buried",
        "cus_orphan",
    ],
)
def test_what_is_no_customer_is_refused_by_itself(api: Api, customer: str) -> None:
    refused = event_v1("one", **{CUSTOMER: customer})
    status, body = api.post("/v1/billing/meter_events", refused)
    assert (status, body["error"]["code"]) == (400, "resource_missing")
    statuses = streamed(api, [event_v2("a"), event_v2("b", customer), event_v2("c")])
    assert statuses == ["accepted", "refused", "accepted"]


def test_the_id_of_an_error_report_is_no_customer(api: Api) -> None:
    streamed(api, [event_v2("a", value="x")])
    [report] = pages_of(api, types="v1.billing.meter.error_report_triggered")[0]
    refused = event_v1("one", **{CUSTOMER: report["id"]})
    assert api.post("/v1/billing/meter_events", refused)[0] == 400


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"stripe_customer_id": "cus_a", "value": ""}, "meter_event_invalid_value"),
        ({"stripe_customer_id": "", "value": "1"}, "meter_event_no_customer_defined"),
    ],
)
def test_an_empty_value_is_judged_like_others(api: Api, payload: dict[str, str], code: str) -> None:
    body = urlencode({"event_name": "tokens"} | {f"payload[{k}]": v for k, v in payload.items()})
    status, answer = api.post("/v1/billing/meter_events", body)
    assert (status, answer["error"]["code"]) == (400, code)
    assert streamed(api, [event_v2("a"), {**event_v2("b"), "payload": payload}]) == [
        "accepted",
        "refused",
    ]


def test_an_empty_value_that_no_rule_asks_for_is_taken(api: Api) -> None:
    body = event_v1("one", **{"payload[region]": ""})
    status, event = api.post("/v1/billing/meter_events", body)
    assert (status, event["payload"]["region"]) == (200, "")


def test_a_request_that_comes_again_finds_its_event_whatever_has_changed(api: Api) -> None:
    def send(identifier: str, key: str) -> int:
        event = event_v1(identifier, timestamp=str(NOW))
        return api.post("/v1/billing/meter_events", event, idempotency_key=key)[0]

    def stream(key: str) -> list[str]:
        return streamed(api, [event_v2("two"), event_v2("three", value="x")], key)

    assert (send("one", "key"), stream("keys")) == (200, ["accepted", "refused"])
    context = Context(store=BillingStore(livemode=False), now=NOW, wall_clock=NOW)
    deactivate_meter(context, meter_id(), {})
    assert (send("one", "key"), stream("keys")) == (200, ["accepted", "refused"])
    assert (send("one", "other"), send("four", "key")) == (400, 400)
    assert stream("others") == ["refused", "refused"]


def test_a_key_for_a_stream_is_not_used_for_other_events(api: Api) -> None:
    def send(value: str) -> Answer:
        event = event_v2("", value=value)
        del event["identifier"]
        return stream(api, [event], "key")

    assert [send(value)[0] for value in "112"] == [200, 200, 400]
    assert send("2")[1]["error"]["type"] == "idempotency_error"


def test_events_with_one_identifier_are_each_refused_by_themselves(api: Api) -> None:
    unknown = [event_v2("twice") | {"event_name": "nothing"} for _ in range(2)]
    assert streamed(api, [*unknown, event_v2("other")]) == ["refused", "refused", "accepted"]


def test_what_dynamodb_cannot_take_now_is_told_as_too_much(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*_: object) -> None:
        raise Throttled("2 events could not be stored")

    monkeypatch.setattr(meter_events, "insert_many", throttled)
    status, body = stream(api, [event_v2("one"), event_v2("two")], "")
    assert (status, body["error"]["code"]) == (429, "rate_limit")


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        (SESSION_PREFIX + "a" * 64, "billing_meter_event_session_expired"),
        (SECRET, "unauthenticated"),
        ("anything", "unauthenticated"),
    ],
)
def test_a_session_that_was_removed_has_expired(api: Api, secret: str, code: str) -> None:
    status, body = api.post(
        "/v2/billing/meter_event_stream", {"events": [event_v2("one")]}, secret=secret
    )
    assert (status, body["error"]["code"]) == (401, code)
    is_expired = body["error"].get("type") == "temporary_session_expired"
    assert is_expired == code.endswith("expired")
