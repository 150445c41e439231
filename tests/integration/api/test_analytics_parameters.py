"""What analytics refuse of each parameter: missing, of a wrong kind, out of range, contradictory.

A refusal names the parameter, and leaves nothing added up.
"""

from typing import Any
from urllib.parse import urlencode

import pytest

from meterline.services.analytics.tallies import KIND as TALLY
from tests.factories.params import meter_params
from tests.integration.api.conftest import Api, Client

DAY = 86_400
START = 1_704_067_200
TOP = "/v1/meterline/analytics/top_customers"
AMOUNTS = "/v1/meterline/analytics/amounts"
USAGE = "/v1/billing/analytics/meter_usage"
INVOICED = "/v1/meterline/analytics/invoiced"
FORECAST = "/v1/meterline/analytics/forecast"
RANGE = {"starts_at": START, "ends_at": START + DAY}

type Query = dict[str, Any]
type Row = tuple[Query, str | None, str | None]
"""What a request says otherwise (None: it says nothing), and the code and parameter of its refusal.
"""

MISSING, INTEGER, EMPTY = (
    "parameter_missing",
    "parameter_invalid_integer",
    "parameter_invalid_empty",
)
NONE_SUCH, UNKNOWN = "resource_missing", "parameter_unknown"

TIMES: list[Row] = [
    ({"starts_at": None}, MISSING, "starts_at"),
    ({"ends_at": None}, MISSING, "ends_at"),
    ({"starts_at": ""}, EMPTY, "starts_at"),
    ({"starts_at": "soon"}, INTEGER, "starts_at"),
    ({"starts_at": f"{START}.5"}, INTEGER, "starts_at"),
    ({"starts_at": -60}, INTEGER, "starts_at"),
    ({"ends_at": 60 * 10**12}, INTEGER, "ends_at"),
    ({"ends_at": 10**30}, INTEGER, "ends_at"),
    ({"starts_at": START + 1}, None, "starts_at"),
    ({"ends_at": START + 61}, None, "ends_at"),
    ({"ends_at": START}, None, "ends_at"),
    ({"ends_at": START - 60}, None, "ends_at"),
]
PAGES: list[Row] = [
    ({"limit": -1}, INTEGER, "limit"),
    ({"limit": "many"}, INTEGER, "limit"),
    ({"starting_after": "row_no"}, NONE_SUCH, "starting_after"),
    ({"ending_before": "row_no"}, NONE_SUCH, "ending_before"),
    ({"starting_after": "row_a", "ending_before": "row_b"}, None, None),
    ({"expand[0]": "meter"}, None, "expand"),
]
WINDOWS: list[Row] = [
    ({"timezone": "Mars/Olympus"}, None, "timezone"),
    ({"timezone": ""}, EMPTY, "timezone"),
    ({"value_grouping_window": "year"}, None, "value_grouping_window"),
    ({"value_grouping_window": ""}, EMPTY, "value_grouping_window"),
    ({"value_grouping_window": "hour", "ends_at": START + 60 * DAY}, None, "ends_at"),
    ({"value_grouping_window": "day", "ends_at": START + 401 * DAY}, None, "ends_at"),
]
TABLE: dict[str, list[Row]] = {
    TOP: [
        *TIMES,
        *PAGES,
        ({"meter": None}, MISSING, "meter"),
        ({"meter": ""}, EMPTY, "meter"),
        ({"meter": "mtr_no"}, NONE_SUCH, "meter"),
        ({"meter": "{customer}"}, NONE_SUCH, "meter"),
        ({"dimension_filters": "x"}, None, "dimension_filters"),
        ({"dimension_filters[region]": "eu"}, None, "dimension_filters"),
        ({"dimension_filters[model]": ""}, EMPTY, "dimension_filters[model]"),
        ({"dimension_filters[model]": "x" * 101}, None, "dimension_filters[model]"),
        (
            {f"dimension_filters[model][{place}]": place for place in range(101)},
            None,
            "dimension_filters[model]",
        ),
        ({"dimension_group_by_keys": "model"}, None, "dimension_group_by_keys"),
        ({"dimension_group_by_keys[0]": "region"}, None, "dimension_group_by_keys"),
        ({"dimension_group_by_keys[0]": ""}, EMPTY, "dimension_group_by_keys[0]"),
        (
            {"meter": "{plain}", "dimension_group_by_keys[0]": "model"},
            None,
            "dimension_group_by_keys",
        ),
        ({"customer": "{customer}"}, UNKNOWN, "customer"),
        ({"timezone": "UTC"}, UNKNOWN, "timezone"),
        ({"value_grouping_window": "day"}, UNKNOWN, "value_grouping_window"),
    ],
    AMOUNTS: [
        *TIMES,
        *PAGES,
        *WINDOWS,
        ({"customer": None}, MISSING, "customer"),
        ({"customer": "cus_no"}, NONE_SUCH, "customer"),
        ({"prices": "price_no"}, None, "prices"),
        ({"prices[0]": "price_no"}, NONE_SUCH, "prices[0]"),
        ({f"prices[{place}]": "p" for place in range(21)}, None, "prices"),
        ({"subscription": ""}, EMPTY, "subscription"),
        ({"dimension_group_by_keys[0]": ""}, EMPTY, "dimension_group_by_keys[0]"),
        ({"meter": "{meter}"}, UNKNOWN, "meter"),
    ],
    USAGE: [
        *TIMES,
        *WINDOWS,
        ({"customer": None}, MISSING, "customer"),
        ({"customer": "cus_no"}, NONE_SUCH, "customer"),
        ({"meters[0][meter]": "mtr_no"}, NONE_SUCH, "meters[0][meter]"),
        ({"meters[0][meter]": None, "meters": "{meter}"}, None, "meters"),
        ({"meters[0][dimension_filters][region]": "eu"}, None, "meters[0][dimension_filters]"),
        (
            {"meters[0][dimension_group_by_keys][0]": "region"},
            None,
            "meters[0][dimension_group_by_keys]",
        ),
        ({"limit": 5}, UNKNOWN, "limit"),
    ],
    INVOICED: [
        ({"month": "2026-13"}, None, "month"),
        ({"month": "26-1"}, None, "month"),
        ({"month": ""}, EMPTY, "month"),
        ({"months": 0}, INTEGER, "months"),
        ({"months": 10**6}, INTEGER, "months"),
        ({"months": "two"}, INTEGER, "months"),
        ({"timezone": "Mars/Olympus"}, None, "timezone"),
        ({"currency": "usd"}, UNKNOWN, "currency"),
    ],
    FORECAST: [
        ({"subscription": None}, MISSING, "subscription"),
        ({"subscription": "sub_no"}, NONE_SUCH, "subscription"),
        ({"trailing_days": 0}, INTEGER, "trailing_days"),
        ({"trailing_days": 401}, INTEGER, "trailing_days"),
        ({"trailing_days": "2.5"}, INTEGER, "trailing_days"),
        ({"customer": "{customer}"}, UNKNOWN, "customer"),
    ],
}


@pytest.mark.parametrize("path", TABLE)
def test_analytics_refuse_what_a_parameter_must_not_be(client: Client, api: Api, path: str) -> None:
    apart = {**meter_params("calls"), "dimension_payload_keys": ["model"]}
    ids = {
        "customer": client.v1.customers.create({}).id,
        "plain": client.v1.billing.meters.create(meter_params("plain")).id,
        "meter": client.raw_request("post", "/v1/billing/meters", **apart).data["id"],
    }
    good: dict[str, Query] = {
        TOP: {**RANGE, "meter": "{meter}"},
        AMOUNTS: {**RANGE, "customer": "{customer}"},
        USAGE: {**RANGE, "customer": "{customer}", "meters[0][meter]": "{meter}"},
        INVOICED: {},
        FORECAST: {"subscription": "sub_any"},
    }
    expected, found = [], []
    for change, code, param in TABLE[path]:
        asked = {name: value for name, value in (good[path] | change).items() if value is not None}
        query = urlencode({name: str(value).format(**ids) for name, value in asked.items()})
        reply = api.ask("GET", f"{path}?{query}")
        error = reply.body.get("error", {})
        expected.append((str(change), 400, code, param))
        found.append((str(change), reply.status, error.get("code"), error.get("param")))
    assert found == expected
    pages = [item for item in api.engine.scan("billing") if item.get("kind") == {"S": TALLY}]
    assert len(pages) == (path == TOP), "cursors alone are looked for among what is added up"
