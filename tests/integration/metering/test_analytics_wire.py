"""Usage by dimensions as an HTTP client asks for it: summaries, and usage analytics."""

from typing import Any
from urllib.parse import urlencode

import pytest

from meterline.services.base.parallel import in_parallel
from meterline.services.metering import allowance, analytics, usage_query
from tests.engines import Engine
from tests.integration.metering.wire import NOW, Api, api, meter_id
from tests.integration.metering.worlds import deliver

__all__ = ["api"]

HOUR = NOW - NOW % 3_600 - 6 * 3_600
PATH = "/v1/billing/analytics/meter_usage"
LIMIT = "\x1f"
"""What stands between the parts of an id."""
USED = (
    ("large", "input", HOUR + 60, 100),
    ("large", "output", HOUR + 61, 20),
    ("small", "input", HOUR + 119, 3),
    ("large", "input", HOUR + 3_600, 4_000),
)


@pytest.fixture
def tokens(api: Api, dynamodb: Engine) -> str:
    """The id of a meter of tokens, with usage in two hours."""
    fields = {
        "display_name": "Tokens",
        "event_name": "token-billing-tokens",
        "default_aggregation[formula]": "sum",
        "dimension_payload_keys[0]": "model",
        "dimension_payload_keys[1]": "token_type",
    }
    _, meter = api.catalog_post("/v1/billing/meters", urlencode(fields))
    for model, token_type, at, value in USED:
        sent = {
            "event_name": "token-billing-tokens",
            "payload[stripe_customer_id]": "cus_a",
            "payload[value]": str(value),
            "payload[model]": model,
            "payload[token_type]": token_type,
            "timestamp": str(at),
        }
        assert api.post("/v1/billing/meter_events", urlencode(sent))[0] == 200
    deliver(dynamodb)
    return str(meter["id"])


def summaries(api: Api, meter: str, **query: Any) -> tuple[int, Any]:
    path = f"/v1/billing/meters/{meter}/event_summaries"
    asked = {"customer": "cus_a", "start_time": HOUR, "end_time": HOUR + 7_200} | query
    return api.get(path, **asked)


def usage(api: Api, **query: Any) -> tuple[int, Any]:
    asked = {"customer": "cus_a", "starts_at": HOUR, "ends_at": HOUR + 7_200} | query
    return api.get(PATH, **asked)


def shown(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows by their hour, their value and the values of dimensions."""
    return [
        (
            (row["start_time" if "start_time" in row else "starts_at"] - HOUR) // 3_600,
            row.get("aggregated_value", row.get("value")),
            *(row.get("dimensions") or {}).values(),
        )
        for row in rows
    ]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({}, [(0, 4_123)]),
        ({"dimension_filters[model]": "large"}, [(0, 4_120, "large")]),
        (
            {"dimension_group_by_keys[0]": "token_type"},
            [(0, 4_103, "input"), (0, 20, "output")],
        ),
        (
            {"dimension_filters[model]": "large", "dimension_group_by_keys[0]": "token_type"},
            [(0, 4_100, "large", "input"), (0, 20, "large", "output")],
        ),
        (
            {"dimension_group_by_keys[0]": "model", "value_grouping_window": "hour"},
            [(1, 4_000, "large"), (0, 120, "large"), (0, 3, "small")],
        ),
        ({"dimension_filters[model]": "huge"}, []),
    ],
)
def test_summaries_are_filtered_and_grouped_by_dimensions(
    api: Api, tokens: str, query: dict[str, str], rows: list[tuple[Any, ...]]
) -> None:
    status, page = summaries(api, tokens, **query)
    assert (status, shown(page["data"])) == (200, rows)


def test_grouped_summaries_are_paged(api: Api, tokens: str) -> None:
    query = {"value_grouping_window": "hour", "limit": 1}
    query |= {f"dimension_group_by_keys[{place}]": key for place, key in enumerate(("model",))}
    seen: list[dict[str, Any]] = []
    more: dict[str, str] = {}
    while True:
        _, page = summaries(api, tokens, **query, **more)
        seen += page["data"]
        if not page["has_more"]:
            break
        more = {"starting_after": seen[-1]["id"]}
    assert shown(seen) == [(1, 4_000, "large"), (0, 120, "large"), (0, 3, "small")]
    _, before = summaries(api, tokens, **query | {"limit": 9}, ending_before=seen[-1]["id"])
    assert before["data"] == seen[:-1]


def test_minutes_are_told_to_the_second(api: Api, tokens: str) -> None:
    _, page = summaries(api, tokens, value_grouping_window="minute")
    assert [(row["start_time"] - HOUR, row["aggregated_value"]) for row in page["data"]] == [
        (3_600, 4_000),
        (60, 123),
    ]


def test_minutes_are_told_of_a_day_at_most(api: Api, tokens: str) -> None:
    query = {"value_grouping_window": "minute", "end_time": HOUR + 86_460}
    status, answer = summaries(api, tokens, **query)
    assert (status, answer["error"]["param"]) == (400, "end_time")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"dimension_filters[region]": "eu"}, "dimension_filters"),
        ({"dimension_group_by_keys[0]": "region"}, "dimension_group_by_keys"),
    ],
)
def test_only_dimensions_of_the_meter_can_be_asked_for(
    api: Api, tokens: str, query: dict[str, str], param: str
) -> None:
    for meter in (tokens, meter_id()):
        status, answer = summaries(api, meter, **query)
        assert (status, answer["error"]["param"]) == (400, param)
    asked = {f"meters[0][{name.replace('[', '][', 1)}": value for name, value in query.items()}
    status, answer = usage(api, **{"meters[0][meter]": tokens}, **asked)
    assert (status, answer["error"]["param"]) == (400, f"meters[0][{param}]")


def test_analytics_say_what_was_used_in_the_order_of_time(api: Api, tokens: str) -> None:
    query = {
        "value_grouping_window": "hour",
        "meters[0][meter]": tokens,
        "meters[0][dimension_group_by_keys][0]": "model",
        "meters[0][dimension_filters][token_type][0]": "input",
    }
    status, answer = usage(api, **query)
    assert status == 200
    assert (answer["object"], answer["livemode"]) == ("billing.analytics.meter_usage", False)
    assert abs(answer["refreshed_at"] - NOW) < 3_600
    rows = answer["rows"]
    assert {name: rows[name] for name in ("object", "has_more", "total", "url")} == {
        "object": "list",
        "has_more": False,
        "total": 3,
        "url": PATH,
    }
    assert shown(rows["data"]) == [(0, 100, "large"), (0, 3, "small"), (1, 4_000, "large")]
    first = rows["data"][0]
    assert first["id"].startswith("mtrur_test_")
    assert first | {"id": ""} == {
        "id": "",
        "object": "billing.analytics.meter_usage_row",
        "dimensions": {"model": "large"},
        "ends_at": HOUR + 3_600,
        "meter": tokens,
        "starts_at": HOUR,
        "tenants": None,
        "value": 100,
    }
    assert len({row["id"] for row in rows["data"]}) == 3


def test_without_meters_all_are_added_up(api: Api, dynamodb: Engine, tokens: str) -> None:
    fields = {
        "event_name": "tokens",
        "payload[stripe_customer_id]": "cus_a",
        "payload[value]": "5",
        "timestamp": str(HOUR),
    }
    api.post("/v1/billing/meter_events", urlencode(fields))
    deliver(dynamodb)
    _, answer = usage(api)
    [row] = answer["rows"]["data"]
    assert (row["meter"], row["dimensions"], row["value"]) == (None, None, 4_128)
    assert (row["starts_at"], row["ends_at"]) == (HOUR, HOUR + 7_200)
    _, answer = usage(api, **{"meters[0][meter]": tokens, "meters[1][meter]": meter_id()})
    assert {row["meter"]: row["value"] for row in answer["rows"]["data"]} == {
        tokens: 4_123,
        meter_id(): 5,
    }


def test_windows_that_the_range_cuts_are_told_as_far_as_they_lie_in_it(
    api: Api, tokens: str
) -> None:
    query = {"value_grouping_window": "hour", "meters[0][meter]": tokens}
    _, answer = usage(api, **query, starts_at=HOUR + 60, ends_at=HOUR + 3_660)
    assert [
        (row["starts_at"] - HOUR, row["ends_at"] - HOUR, row["value"])
        for row in answer["rows"]["data"]
    ] == [(60, 3_600, 123), (3_600, 3_660, 4_000)]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"starts_at": HOUR + 1}, "starts_at"),
        ({"ends_at": HOUR}, "ends_at"),
        ({"value_grouping_window": "hour", "ends_at": HOUR + 1_001 * 3_600}, "ends_at"),
        ({"value_grouping_window": "day", "ends_at": HOUR + 401 * 86_400}, "ends_at"),
        ({"timezone": "Europe/Nowhere"}, "timezone"),
        ({"value_grouping_window": "year"}, "value_grouping_window"),
        ({"customer": "cus_nobody"}, "customer"),
        ({"meters[0][meter]": "mtr_none"}, "meters[0][meter]"),
        ({"meters[0][dimension_filters][model]": "large"}, "meters[0][meter]"),
    ],
)
def test_what_cannot_be_told_is_refused(api: Api, query: dict[str, Any], param: str) -> None:
    status, answer = usage(api, **query)
    assert (status, answer["error"]["param"]) == (400, param)


@pytest.mark.parametrize(("bound", "param"), [("MOST_METERS", "meters"), ("MOST_ROWS", "ends_at")])
def test_more_than_an_answer_holds_is_refused(
    api: Api, tokens: str, monkeypatch: pytest.MonkeyPatch, bound: str, param: str
) -> None:
    monkeypatch.setattr(analytics, bound, 1)
    asked = {"meters[0][meter]": tokens} if bound == "MOST_ROWS" else {}
    status, answer = usage(api, value_grouping_window="hour", **asked)
    assert (status, answer["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("fits", "query"),
    [(4, {}), (4 + allowance.DIVIDED_HOUR_PARTS, {"timezone": "Asia/Kathmandu"})],
)
def test_more_than_can_be_read_in_time_is_refused(
    api: Api,
    dynamodb: Engine,
    tokens: str,
    monkeypatch: pytest.MonkeyPatch,
    fits: int,
    query: dict[str, Any],
) -> None:
    """Three cells have four hours of usage. One of them is busy: its events are read apart."""
    sent = {
        "event_name": "token-billing-tokens",
        "payload[stripe_customer_id]": "cus_a",
        "payload[value]": "1",
        "payload[model]": "large",
        "payload[token_type]": "input",
        "timestamp": str(HOUR),
    }
    for _ in range(150):
        assert api.post("/v1/billing/meter_events", urlencode(sent))[0] == 200
    deliver(dynamodb)
    asked = {"value_grouping_window": "hour", "meters[0][meter]": tokens, **query}
    for most, status, param in ((fits, 200, None), (fits - 1, 400, "ends_at")):
        monkeypatch.setattr(allowance, "MOST_PARTS", most)
        found, answer = usage(api, **asked)
        assert (found, answer.get("error", {}).get("param")) == (status, param)


def test_parts_whose_values_read_alike_have_ids_of_their_own(
    api: Api, dynamodb: Engine, tokens: str
) -> None:
    for model, token_type in (
        (f"a{LIMIT}token_type{LIMIT}b", "c"),
        ("a", f"b{LIMIT}token_type{LIMIT}c"),
    ):
        sent = {
            "event_name": "token-billing-tokens",
            "payload[stripe_customer_id]": "cus_a",
            "payload[value]": "1",
            "payload[model]": model,
            "payload[token_type]": token_type,
            "timestamp": str(HOUR),
        }
        assert api.post("/v1/billing/meter_events", urlencode(sent))[0] == 200
    deliver(dynamodb)
    keys = [*enumerate(("model", "token_type"))]
    by = {f"dimension_group_by_keys[{place}]": key for place, key in keys}
    of_meter = {f"meters[0][dimension_group_by_keys][{place}]": key for place, key in keys}
    _, listed = summaries(api, tokens, **by)
    _, told = usage(api, **{"meters[0][meter]": tokens}, **of_meter)
    for rows in (listed["data"], told["rows"]["data"]):
        assert len({row["id"] for row in rows}) == len(rows) == 5


def test_cells_and_hours_that_windows_divide_are_read_beside_each_other(
    api: Api, tokens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each day of Kathmandu begins within an hour of UTC, also where thousands of events are."""
    together: list[int] = []

    def counted(calls: Any) -> Any:
        together.append(len(calls))
        return in_parallel(calls)

    monkeypatch.setattr(usage_query, "in_parallel", counted)
    query = {"value_grouping_window": "hour", "timezone": "Asia/Kathmandu"}
    _, answer = usage(api, **query, **{"meters[0][meter]": tokens})
    assert sum(row["value"] for row in answer["rows"]["data"]) == 4_123
    cells = 3
    assert together[0] == cells
    assert sum(together[1:]) == 4, "the hours of each cell that have usage"
