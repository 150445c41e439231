"""Summaries, and the events behind them, as an HTTP client meets them."""

from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from tests.engines import Engine
from tests.integration.metering.wire import (
    NOW,
    Api,
    api,
    event_v1,
    meter_id,
)
from tests.integration.metering.worlds import deliver

__all__ = ["api"]


def test_summaries_are_paged_newest_first(api: Api, dynamodb: Engine) -> None:
    start = NOW - NOW % 3_600 - 5 * 3_600
    for hour in range(5):
        at = str(start + hour * 3_600)
        api.post("/v1/billing/meter_events", event_v1(f"e{hour}", timestamp=at))
    deliver(dynamodb)
    path = f"/v1/billing/meters/{meter_id()}/event_summaries"
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
            "/v1/billing/meter_events", event_v1(f"e{place}", timestamp=str(NOW - place * 2_000))
        )
    fields = {"type": "cancel", "event_name": "tokens", "cancel[identifier]": "e1"}
    api.post("/v1/billing/meter_event_adjustments", urlencode(fields))
    deliver(dynamodb)
    path = f"/v1/billing/meters/{meter_id()}/events"
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
    status, body = api.get(f"/v1/billing/meters/{meter_id()}/events", **query)
    assert (status, body["error"]["code"]) == (400, "resource_missing")
    assert body["error"]["param"] == "starting_after"


def test_summary_bounds_must_be_aligned(api: Api) -> None:
    path = f"/v1/billing/meters/{meter_id()}/event_summaries"
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
    path = f"/v1/billing/meters/{meter_id()}/event_summaries"
    day = NOW - NOW % 86_400
    bounds = {"customer": "cus_a", "start_time": 86_400, "end_time": day}
    status, body = api.get(path, **bounds, **query)
    assert (status, body["error"]["param"]) == (400, param)


def test_months_of_a_time_zone_are_summed_up(api: Api, dynamodb: Engine) -> None:
    api.post("/v1/billing/meter_events", event_v1("e"))
    deliver(dynamodb)
    month = datetime.fromtimestamp(NOW, ZoneInfo("Asia/Kolkata")).replace(
        day=1, hour=0, minute=0, second=0
    )
    following = (month + timedelta(days=32)).replace(day=1)
    bounds = {"start_time": int(month.timestamp()), "end_time": int(following.timestamp())}
    path = f"/v1/billing/meters/{meter_id()}/event_summaries"
    query = {"customer": "cus_a", "value_grouping_window": "month", "timezone": "Asia/Kolkata"}
    status, body = api.get(path, **bounds, **query)
    assert status == 200
    [row] = body["data"]
    assert row["aggregated_value"] == 25
    assert (row["start_time"], row["end_time"]) == (bounds["start_time"], bounds["end_time"])
