"""The metering endpoints as an HTTP client meets them, on the handlers that are deployed."""

import importlib.util
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import pytest

from meterline.services.context import Context
from meterline.services.meters import create_meter, deactivate_meter
from meterline.services.moments import rfc3339
from meterline.store import access
from meterline.store.access import ApiKey
from meterline.store.billing import BillingStore
from meterline.store.directory import forget_directory
from meterline.store.documents import Change, Document
from tests.engines import ROOT, Engine
from tests.integration.metering.worlds import deliver

SECRET = "sk_test_0123456789abcdefghijABCD"
NOW = int(time.time())
_CUSTOMER = "payload[stripe_customer_id]"

type Answer = tuple[int, dict[str, Any]]


class Api:
    """The deployed handlers, behind one method."""

    def __init__(self) -> None:
        self.ingest = _handler("ingest_meter_events")
        self.usage = _handler("serve_usage")
        self.events = _handler("serve_events")

    def post(self, path: str, body: Any, *, secret: str = SECRET, **headers: str) -> Answer:
        """A POST of a form (text) or of JSON (anything else)."""
        is_form = isinstance(body, str)
        kind = "application/x-www-form-urlencoded" if is_form else "application/json"
        event = _event("POST", path, secret, headers | {"content-type": kind})
        return _answer(self.ingest, event | {"body": body if is_form else json.dumps(body)})

    def get(self, path: str, **query: Any) -> Answer:
        """A GET with a query."""
        handler = self.events if path == "/v2/core/events" else self.usage
        event = _event("GET", path, SECRET, {}) | {"rawQueryString": urlencode(query)}
        return _answer(handler, event)


def _handler(function: str) -> Callable[..., dict[str, Any]]:
    path = ROOT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"{function}_app", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[..., dict[str, Any]] = module.handler
    return handler


def _event(method: str, path: str, secret: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "rawPath": path,
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
        "headers": {"authorization": f"Bearer {secret}"}
        | {name.replace("_", "-"): value for name, value in headers.items()},
    }


def _answer(handler: Callable[..., dict[str, Any]], event: dict[str, Any]) -> Answer:
    response = handler(event, None)
    return response["statusCode"], json.loads(response["body"])


@pytest.fixture
def api(dynamodb: Engine) -> Api:  # noqa: ARG001 - the handlers find it
    """The API with a key, a meter ``tokens`` and the customers ``cus_a`` and ``cus_clock``.

    The clocks of two more are deleted, and gone.
    """
    forget_directory()
    digest = access.digest_of(SECRET)
    access.save_key(ApiKey("key_1", digest, False, access.FULL_RIGHTS, "", "ABCD", NOW))  # noqa: FBT003
    store = BillingStore(livemode=False)
    context = Context(store=store, now=NOW, wall_clock=NOW)
    create_meter(
        context,
        {
            "display_name": "Tokens",
            "event_name": "tokens",
            "default_aggregation": {"formula": "sum"},
        },
    )
    for body in (
        {"id": "cus_a", "object": "customer", "created": NOW, "test_clock": None},
        {"id": "cus_clock", "object": "customer", "created": NOW, "test_clock": "clock_1"},
        {"id": "clock_1", "object": "test_helpers.test_clock", "frozen_time": 1_700_000_000},
        {"id": "cus_buried", "object": "customer", "created": NOW, "test_clock": "clock_2"},
        {"id": "clock_2", "object": "test_helpers.test_clock", "deleted": True},
        {"id": "cus_orphan", "object": "customer", "created": NOW, "test_clock": "clock_3"},
    ):
        document = Document(kind=str(body["object"]), livemode=False, body=body)
        store.commit(Change(puts=[document]))
    return Api()


def _event_v1(identifier: str, **changes: str) -> str:
    fields = {
        "event_name": "tokens",
        "payload[stripe_customer_id]": "cus_a",
        "payload[value]": "25",
        "identifier": identifier,
    }
    return urlencode(fields | changes)


def _event_v2(identifier: str, customer: str = "cus_a", value: str = "1") -> dict[str, Any]:
    return {
        "event_name": "tokens",
        "identifier": identifier,
        "payload": {"stripe_customer_id": customer, "value": value},
    }


def test_a_v1_event_comes_back_as_an_object(api: Api) -> None:
    status, body = api.post("/v1/billing/meter_events", _event_v1("one", timestamp=str(NOW)))
    assert status == 200
    assert body["object"] == "billing.meter_event"
    assert body["identifier"] == "one"
    assert body["timestamp"] == NOW
    assert body["payload"] == {"stripe_customer_id": "cus_a", "value": "25"}


def test_a_duplicate_is_refused_without_a_code_on_v1_and_with_one_on_v2(api: Api) -> None:
    api.post("/v1/billing/meter_events", _event_v1("one"))
    status, body = api.post("/v1/billing/meter_events", _event_v1("one"))
    assert status == 400
    assert body["error"]["type"] == "invalid_request_error"
    assert body["error"]["message"] == "An event already exists with identifier one."
    assert "code" not in body["error"]
    status, body = api.post("/v2/billing/meter_events", _event_v2("one"))
    assert (status, body["error"]["code"]) == (400, "duplicate_meter_event")


def test_a_repeated_request_with_its_idempotency_key_is_answered_alike(api: Api) -> None:
    first = api.post("/v1/billing/meter_events", _event_v1("one"), idempotency_key="k")
    assert api.post("/v1/billing/meter_events", _event_v1("one"), idempotency_key="k") == first


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
    status, body = api.post("/v1/billing/meter_events", _event_v1("one", **changes))
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
    event = _event_v2("one") | {"payload": payload}
    status, body = api.post("/v2/billing/meter_events", event)
    assert (status, body["error"]["code"]) == (400, code)


def test_a_stream_takes_a_session_token_and_answers_an_empty_object(api: Api) -> None:
    _, session = api.post("/v2/billing/meter_event_session", {})
    token = session["authentication_token"]
    assert session["object"] == "v2.billing.meter_event_session"
    path, events = "/v2/billing/meter_event_stream", {"events": [_event_v2("a"), _event_v2("b")]}
    assert api.post(path, events, secret=token) == (200, {})
    assert api.post(path, events)[0] == 401


def test_a_stream_tells_what_became_of_each_event_when_asked(api: Api, dynamodb: Engine) -> None:
    _, session = api.post("/v2/billing/meter_event_session", {})
    events = [_event_v2("a"), _event_v2("a"), _event_v2("c", "cus_x"), _event_v2("d", value="2.5")]
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
        f"/v1/billing/meters/{_meter_id()}/event_summaries",
        customer="cus_a",
        start_time=NOW - NOW % 3_600,
        end_time=NOW - NOW % 3_600 + 7_200,  # the hour may turn meanwhile
    )
    assert status == 200
    assert [row["aggregated_value"] for row in listed["data"]] == [3.5]


def test_refused_stream_events_are_reported_in_events_of_their_own(api: Api) -> None:
    _, session = api.post("/v2/billing/meter_event_session", {})
    events = [
        _event_v2("a", value="x"),
        _event_v2("b", value="y"),
        _event_v2("c", "cus_x"),
        _event_v2("d") | {"event_name": "unknown"},
        _event_v2("e"),
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
    assert told["related_object"]["id"] == _meter_id()
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
            {"events": [_event_v2(str(number), value="x"), {**_event_v2("n"), "event_name": "no"}]},
            secret=session["authentication_token"],
        )
    [whole], pages = _pages(api, limit=100), _pages(api, limit=2)
    assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)
    assert _joined(pages) == whole
    instants = [event["created"] for event in whole]
    assert instants == sorted(instants, reverse=True)
    error, unknown = "v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"
    types = [event["type"] for event in whole]
    assert (types.count(error), types.count(unknown)) == (3, 3)
    of_meter = [event["type"] for event in _joined(_pages(api, limit=2, object_id=_meter_id()))]
    assert (of_meter.count(error), of_meter.count(unknown)) == (3, 0)
    of_type = _joined(_pages(api, limit=1, types=unknown))
    assert [event["type"] for event in of_type] == [unknown] * 3


def _joined(pages: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [event for page in pages for event in page]


def _pages(api: Api, *, types: str | None = None, **filters: Any) -> list[list[dict[str, Any]]]:
    """All pages of the list of v2 events."""
    chosen = {"types[0]": types} if types else {}
    _, answer = api.get("/v2/core/events", **filters, **chosen)
    pages = [answer["data"]]
    while answer["next_page_url"]:
        path, _, query = answer["next_page_url"].partition("?")
        status, answer = api.get(path, **dict(parse_qsl(query)))
        assert status == 200
        pages.append(answer["data"])
    return pages


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
    refused = _event_v1("one", **{_CUSTOMER: customer})
    status, body = api.post("/v1/billing/meter_events", refused)
    assert (status, body["error"]["code"]) == (400, "resource_missing")
    statuses = _streamed(api, [_event_v2("a"), _event_v2("b", customer), _event_v2("c")])
    assert statuses == ["accepted", "refused", "accepted"]


def test_the_id_of_an_error_report_is_no_customer(api: Api) -> None:
    _streamed(api, [_event_v2("a", value="x")])
    [report] = _pages(api, types="v1.billing.meter.error_report_triggered")[0]
    refused = _event_v1("one", **{_CUSTOMER: report["id"]})
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
    assert _streamed(api, [_event_v2("a"), {**_event_v2("b"), "payload": payload}]) == [
        "accepted",
        "refused",
    ]


def test_an_empty_value_that_no_rule_asks_for_is_taken(api: Api) -> None:
    body = _event_v1("one", **{"payload[region]": ""})
    status, event = api.post("/v1/billing/meter_events", body)
    assert (status, event["payload"]["region"]) == (200, "")


def test_a_request_that_comes_again_finds_its_event_whatever_has_changed(api: Api) -> None:
    def send(identifier: str, key: str) -> int:
        event = _event_v1(identifier, timestamp=str(NOW))
        return api.post("/v1/billing/meter_events", event, idempotency_key=key)[0]

    def stream(key: str) -> list[str]:
        return _streamed(api, [_event_v2("two"), _event_v2("three", value="x")], key)

    assert (send("one", "key"), stream("keys")) == (200, ["accepted", "refused"])
    context = Context(store=BillingStore(livemode=False), now=NOW, wall_clock=NOW)
    deactivate_meter(context, _meter_id(), {})
    assert (send("one", "key"), stream("keys")) == (200, ["accepted", "refused"])
    assert (send("one", "other"), send("four", "key")) == (400, 400)
    assert stream("others") == ["refused", "refused"]


def test_a_key_for_a_stream_is_not_used_for_other_events(api: Api) -> None:
    def send(value: str) -> Answer:
        event = _event_v2("", value=value)
        del event["identifier"]
        return _stream(api, [event], "key")

    assert [send(value)[0] for value in "112"] == [200, 200, 400]
    assert send("2")[1]["error"]["type"] == "idempotency_error"


def _streamed(api: Api, events: list[dict[str, Any]], key: str = "") -> list[str]:
    """What became of each event of a stream request."""
    status, body = _stream(api, events, key)
    assert status == 200
    return [result["status"] for result in body["results"]]


def _stream(api: Api, events: list[dict[str, Any]], key: str) -> Answer:
    _, session = api.post("/v2/billing/meter_event_session", {})
    return api.post(
        "/v2/billing/meter_event_stream",
        {"events": events},
        secret=session["authentication_token"],
        meterline_event_results="true",
        **({"idempotency_key": key} if key else {}),
    )


def _meter_id() -> str:
    holder = BillingStore(livemode=False).claim_holder("meter_event_name", "tokens")
    assert holder
    return holder


def test_timestamps_are_judged_by_the_customers_own_clock(api: Api) -> None:
    in_2023 = 1_700_000_000
    ok = _event_v2("a", "cus_clock") | {"timestamp": rfc3339(in_2023 * 1_000)}
    status, body = api.post("/v2/billing/meter_events", ok)
    assert (status, body["timestamp"]) == (200, rfc3339(in_2023 * 1_000))
    now = _event_v2("b", "cus_clock") | {"timestamp": rfc3339(NOW * 1_000)}
    status, body = api.post("/v2/billing/meter_events", now)
    assert (status, body["error"]["code"]) == (400, "timestamp_in_future")
    status, body = api.post("/v2/billing/meter_events", _event_v2("c", "cus_clock"))
    assert (status, body["timestamp"]) == (200, rfc3339(in_2023 * 1_000))


def test_an_event_can_be_cancelled(api: Api) -> None:
    api.post("/v1/billing/meter_events", _event_v1("one"))
    fields = {"type": "cancel", "event_name": "tokens", "cancel[identifier]": "one"}
    status, body = api.post("/v1/billing/meter_event_adjustments", urlencode(fields))
    assert (status, body["status"], body["cancel"]) == (200, "pending", {"identifier": "one"})


def test_summaries_are_paged_newest_first(api: Api, dynamodb: Engine) -> None:
    start = NOW - NOW % 3_600 - 5 * 3_600
    for hour in range(5):
        at = str(start + hour * 3_600)
        api.post("/v1/billing/meter_events", _event_v1(f"e{hour}", timestamp=at))
    deliver(dynamodb)
    path = f"/v1/billing/meters/{_meter_id()}/event_summaries"
    query = {"customer": "cus_a", "start_time": start, "end_time": start + 5 * 3_600}
    query |= {"value_grouping_window": "hour", "limit": 2}
    seen: list[int] = []
    more: dict[str, str] = {}
    while True:
        _, page = api.get(path, **query, **more)
        seen += [row["start_time"] for row in page["data"]]
        if not page["has_more"]:
            break
        more = {"starting_after": page["data"][-1]["id"]}
    assert seen == [start + hour * 3_600 for hour in reversed(range(5))]


def test_the_events_behind_a_number_are_listed_newest_first(api: Api, dynamodb: Engine) -> None:
    for place in range(5):
        api.post(
            "/v1/billing/meter_events", _event_v1(f"e{place}", timestamp=str(NOW - place * 2_000))
        )
    fields = {"type": "cancel", "event_name": "tokens", "cancel[identifier]": "e1"}
    api.post("/v1/billing/meter_event_adjustments", urlencode(fields))
    deliver(dynamodb)
    path = f"/v1/billing/meters/{_meter_id()}/events"
    query = {"customer": "cus_a", "start_time": NOW - 7_000, "end_time": NOW + 1, "limit": 2}
    _, first = api.get(path, **query)
    assert [event["identifier"] for event in first["data"]] == ["e0", "e2"]
    assert first["data"][0]["payload"]["value"] == "25"
    assert first["has_more"]
    _, second = api.get(path, **query, starting_after=first["data"][1]["id"])
    assert ([event["identifier"] for event in second["data"]], second["has_more"]) == (
        ["e3"],
        False,
    )


def test_a_page_of_events_begins_after_an_id_only(api: Api) -> None:
    query = {"customer": "cus_a", "start_time": 0, "end_time": NOW, "starting_after": "e2"}
    status, body = api.get(f"/v1/billing/meters/{_meter_id()}/events", **query)
    assert (status, body["error"]["code"]) == (400, "resource_missing")
    assert body["error"]["param"] == "starting_after"


def test_summary_bounds_must_be_aligned(api: Api) -> None:
    path = f"/v1/billing/meters/{_meter_id()}/event_summaries"
    status, body = api.get(path, customer="cus_a", start_time=61, end_time=120)
    assert (status, body["error"]["param"]) == (400, "start_time")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"value_grouping_window": "day", "timezone": "Mars/Olympus"}, "timezone"),
        ({"value_grouping_window": "day", "timezone": "../etc/passwd"}, "timezone"),
        ({"value_grouping_window": "day", "timezone": "Europe"}, "timezone"),
        ({"timezone": "Europe/Berlin"}, "timezone"),
        ({"value_grouping_window": "month"}, "start_time"),
        ({"value_grouping_window": "year"}, "value_grouping_window"),
    ],
)
def test_windows_and_time_zones_must_exist_and_fit(
    api: Api, query: dict[str, str], param: str
) -> None:
    path = f"/v1/billing/meters/{_meter_id()}/event_summaries"
    day = NOW - NOW % 86_400
    bounds = {"customer": "cus_a", "start_time": 86_400, "end_time": day}
    status, body = api.get(path, **bounds, **query)
    assert (status, body["error"]["param"]) == (400, param)


def test_months_of_a_time_zone_are_summed_up(api: Api, dynamodb: Engine) -> None:
    api.post("/v1/billing/meter_events", _event_v1("e"))
    deliver(dynamodb)
    month = datetime.fromtimestamp(NOW, ZoneInfo("Asia/Kolkata")).replace(
        day=1, hour=0, minute=0, second=0
    )
    following = (month + timedelta(days=32)).replace(day=1)
    bounds = {"start_time": int(month.timestamp()), "end_time": int(following.timestamp())}
    path = f"/v1/billing/meters/{_meter_id()}/event_summaries"
    query = {"customer": "cus_a", "value_grouping_window": "month", "timezone": "Asia/Kolkata"}
    status, body = api.get(path, **bounds, **query)
    assert status == 200
    [row] = body["data"]
    assert row["aggregated_value"] == 25
    assert (row["start_time"], row["end_time"]) == (bounds["start_time"], bounds["end_time"])
