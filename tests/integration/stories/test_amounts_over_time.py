"""What billed usage came to, window by window: the windows of a period add up to its line."""

from collections import Counter
from itertools import pairwise
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest

from meterline.services.account.api_keys import create_key
from meterline.services.analytics import amounts as analytics
from meterline.services.analytics import usage_periods
from meterline.services.metering import allowance
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day

DAY = 86_400
PATH = "/v1/meterline/analytics/amounts"
TIERS = [
    {"up_to": 100, "unit_amount_decimal": "1.5", "flat_amount": 300},
    {"up_to": 1_000, "unit_amount_decimal": "0.7", "flat_amount": 50},
    {"up_to": "inf", "unit_amount_decimal": "0.03"},
]
PRICES: dict[str, dict[str, Any]] = {
    "per unit": {"amount": "0.35"},
    "packages": {"amount": 70, "transform_quantity": {"divide_by": 30, "round": "up"}},
    "graduated": {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS},
    "volume": {"billing_scheme": "tiered", "tiers_mode": "volume", "tiers": TIERS},
    "minimum": {"amount": 1, "meterline": {"minimum_amount": 5_000}},
    "maximum": {"amount": 1, "meterline": {"maximum_amount": 700}},
    "percentage": {
        "meterline": {"percentage": {"percent": "2.9", "fixed_fee_decimal": "30", "free_events": 3}}
    },
}
USED = (
    (40, "2024-01-01 00:00"),
    (7, "2024-01-01 18:14"),
    (7, "2024-01-01 18:15"),
    (90, "2024-01-09 23:59"),
    (333, "2024-01-17 05:30"),
    (-20, "2024-01-17 05:31"),
    (900, "2024-01-31 12:00"),
)


CUTS = ("2024-01-01", "2024-01-01 18:15", "2024-01-17 05:31", "2024-02-01")
GROUPINGS: list[dict[str, str]] = [
    {},
    *(
        {"value_grouping_window": grouping, "timezone": "Asia/Kathmandu"}
        for grouping in ("hour", "day", "week", "month", "billing_period")
    ),
]


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def ask(stage: Stage, start: str, end: str, **query: Any) -> list[Any]:
    """The rows from one day to another, page by page."""
    client = stage.client
    asked = {"customer": stage.customer, "starts_at": at(start), "ends_at": at(end), **query}
    rows: list[Any] = []
    more: dict[str, str] = {}
    while True:
        page = client.deserialize(client.raw_request("get", PATH, **asked, **more), api_mode="V1")
        rows += page.data
        if not page.has_more:
            return rows
        more = {"starting_after": rows[-1].id}


def refused(api: Api, **query: Any) -> tuple[int, str | None]:
    reply = api.ask("GET", f"{PATH}?{urlencode(query)}")
    return reply.status, reply.body["error"].get("param")


def line_amounts(stage: Stage) -> Counter[str]:
    """What invoices billed of usage, by price, before discounts."""
    billed: Counter[str] = Counter()
    for invoice in stage.invoices():
        for line in invoice.lines.auto_paging_iter():
            billed[line.pricing.price_details.price] += line.amount
    return billed


def summed(rows: list[Any]) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row.price] += row.amount
    return found


@pytest.mark.parametrize("name", PRICES)
def test_windows_add_up_to_the_line_of_the_bill(stage: Stage, name: str) -> None:
    price = stage.metered("Calls", stage.meter(), **PRICES[name])
    subscription = stage.subscribe(price)
    stage.until("2024-01-31 13:00")
    for value, when in USED:
        stage.use(value, when)
    previewed = stage.preview(subscription).subtotal
    for grouping in GROUPINGS:
        rows = ask(stage, "2024-01-01", "2024-02-01", **grouping)
        assert summed(rows)[price] == previewed, grouping
    stage.until("2024-02-01 02:00")
    assert line_amounts(stage)[price] == previewed
    for grouping in GROUPINGS:
        parts = [ask(stage, start, end, **grouping) for start, end in pairwise(CUTS)]
        assert sum(row.amount for rows in parts for row in rows) == previewed, grouping


def test_a_tier_counts_in_the_window_in_which_usage_enters_it(stage: Stage) -> None:
    price = stage.metered("Calls", stage.meter(), **PRICES["graduated"])
    stage.subscribe(price)
    stage.until("2024-01-20")
    for value, when in ((80, "2024-01-03"), (40, "2024-01-05"), (10, "2024-01-05 12:00")):
        stage.use(value, when)
    rows = ask(stage, "2024-01-01", "2024-02-01", value_grouping_window="day")
    assert [(day(row.starts_at), row.quantity, row.amount) for row in rows] == [
        ("2024-01-01", "0", 300),
        ("2024-01-03", "80", 120),
        ("2024-01-05", "50", 30 + 21 + 50),
    ]
    assert rows[0].to_dict() | {"id": ""} == {
        "id": "",
        "object": "meterline.analytics.amount",
        "amount": 300,
        "currency": "usd",
        "customer": stage.customer,
        "dimensions": None,
        "ends_at": at("2024-01-02"),
        "livemode": False,
        "meter": rows[0].meter,
        "price": price,
        "quantity": "0",
        "starts_at": at("2024-01-01"),
        "subscription": rows[0].subscription,
    }


def test_what_is_missing_to_a_minimum_counts_in_the_window_in_which_the_period_ends(
    stage: Stage,
) -> None:
    stage.subscribe(stage.metered("Calls", stage.meter(), **PRICES["minimum"]))
    stage.use(1_000, "2024-01-01")
    rows = ask(stage, "2024-01-01", "2024-02-01", value_grouping_window="week")
    assert [(day(row.starts_at), row.amount) for row in rows] == [
        ("2024-01-01", 1_000),
        ("2024-01-29", 4_000),
    ]


@pytest.mark.parametrize("behavior", ["create_prorations", "none"])
def test_a_price_that_changes_in_the_middle_has_rows_of_both(stage: Stage, behavior: str) -> None:
    meter = stage.meter()
    old, new = stage.metered("Calls", meter, 1), stage.metered("Calls", meter, 10)
    subscription = stage.subscribe(old)
    stage.use(100, "2024-01-01 00:00")
    stage.until("2024-01-10")
    [item] = subscription["items"].data
    stage.change(subscription, items=[{"id": item.id, "price": new}], proration_behavior=behavior)
    stage.use(5, "2024-01-10 00:00")
    pending = summed(ask(stage, "2024-01-01", "2024-02-01", value_grouping_window="day"))
    stage.until("2024-02-01 02:00")
    billed = line_amounts(stage)
    assert pending == billed
    assert summed(ask(stage, "2024-01-01", "2024-02-01")) == billed


def test_what_a_threshold_billed_counts_once(stage: Stage) -> None:
    price = stage.metered("Calls", stage.meter(), 10)
    stage.subscribe(price, billing_thresholds={"amount_gte": 1_000})
    stage.use(150, "2024-01-01")
    stage.until("2024-01-02")
    stage.use(30)
    stage.until("2024-02-01 02:00")
    assert [invoice.billing_reason for invoice in stage.invoices()][1:2] != []
    rows = ask(stage, "2024-01-01", "2024-02-01", value_grouping_window="day")
    assert [(day(row.starts_at), row.amount) for row in rows] == [
        ("2024-01-01", 1_500),
        ("2024-01-02", 300),
    ]
    assert summed(rows) == line_amounts(stage)


def test_discounts_are_left_out_and_void_invoices_bill_nothing(stage: Stage) -> None:
    coupon = stage.client.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    price = stage.metered("Calls", stage.meter(), 10)
    stage.subscribe(price, discounts=[{"coupon": coupon}])
    stage.use(700, "2024-01-01")
    stage.until("2024-02-01 00:30")
    assert [row.amount for row in ask(stage, "2024-01-01", "2024-02-01")] == [7_000]
    [invoice] = [one for one in stage.invoices() if one.total]
    assert invoice.total == 3_500
    stage.client.v1.invoices.finalize_invoice(invoice.id)
    stage.client.v1.invoices.void_invoice(invoice.id)
    assert ask(stage, "2024-01-01", "2024-02-01") == []


def test_the_windows_of_a_time_zone_follow_its_clocks(api: Api) -> None:
    stage = Stage(api, "2024-10-01")
    stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    stage.until("2024-10-15")
    # Lord Howe moves its clocks by half an hour, at 15:30 UTC before the sixth of October.
    for value, when in (
        (1, "2024-10-05 13:29"),
        (20, "2024-10-05 13:30"),
        (300, "2024-10-06 13:00"),
    ):
        stage.use(value, when)
    rows = ask(
        stage,
        "2024-10-05",
        "2024-10-08",
        value_grouping_window="day",
        timezone="Australia/Lord_Howe",
    )
    assert [(day(row.starts_at), day(row.ends_at), row.amount) for row in rows] == [
        ("2024-10-05", "2024-10-05 13:30", 1),
        ("2024-10-05 13:30", "2024-10-06 13:00", 20),
        ("2024-10-06 13:00", "2024-10-07 13:00", 300),
    ]


def test_amounts_are_divided_by_dimensions_in_proportion_to_usage(stage: Stage) -> None:
    meter = stage.meter(dimension_payload_keys=["model"])
    price = stage.metered("Tokens", meter, **PRICES["graduated"])
    stage.subscribe(price)
    for value, model in ((1, "large"), (2, "small"), (297, "small")):
        stage.use(value, "2024-01-01", model=model)
    query = {"value_grouping_window": "day", "dimension_group_by_keys": ["model"]}
    rows = ask(stage, "2024-01-01", "2024-02-01", **query)
    amount = 300 + 150 + 50 + 140
    assert {row.dimensions["model"]: (row.quantity, row.amount) for row in rows} == {
        "large": ("1", amount // 300),
        "small": ("299", amount - amount // 300),
    }


def test_an_amount_that_no_usage_has_made_is_of_no_dimension(stage: Stage) -> None:
    meter = stage.meter(dimension_payload_keys=["model"])
    stage.subscribe(stage.metered("Tokens", meter, **PRICES["minimum"]))
    stage.use(7, "2024-01-01", model="large")
    query = {"value_grouping_window": "day", "dimension_group_by_keys": ["model"]}
    rows = ask(stage, "2024-01-01", "2024-02-01", **query)
    assert [(row.dimensions and row.dimensions.to_dict(), row.amount) for row in rows] == [
        ({"model": "large"}, 7),
        (None, 4_993),
    ]


def test_two_subscriptions_and_prices_have_rows_of_their_own(stage: Stage) -> None:
    calls, bytes_ = stage.meter("calls"), stage.meter("bytes")
    one, other = stage.metered("Calls", calls, 1), stage.metered("Bytes", bytes_, 2)
    first, second = stage.subscribe(one, other), stage.subscribe(one)
    stage.use(10, "2024-01-01", "calls")
    stage.use(3, "2024-01-01", "bytes")
    month = "2024-01-01", "2024-02-01"
    rows = {(row.subscription, row.price): row.amount for row in ask(stage, *month)}
    assert rows == {(first.id, one): 10, (first.id, other): 6, (second.id, one): 10}
    assert summed(ask(stage, *month, prices=[other])) == {other: 6}
    assert summed(ask(stage, *month, subscription=second.id)) == {one: 10}


def test_amounts_are_in_the_currency_of_their_subscription(stage: Stage) -> None:
    options = {"jpy": {"unit_amount": 300}}
    price = stage.metered("Calls", stage.meter(), 2, currency_options=options)
    stage.subscribe(price, currency="jpy")
    stage.use(3, "2024-01-01")
    stage.until("2024-02-01 02:00")
    [row] = ask(stage, "2024-01-01", "2024-02-01")
    assert (row.currency, row.amount) == ("jpy", 900)


def test_pages_follow_each_other_both_ways(stage: Stage) -> None:
    stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    stage.until("2024-01-20")
    for number in range(1, 9):
        stage.use(number, f"2024-01-{number:02d}")
    query = {"value_grouping_window": "day"}
    whole = ask(stage, "2024-01-01", "2024-02-01", limit=100, **query)
    assert [row.amount for row in whole] == [*range(1, 9)]
    assert ask(stage, "2024-01-01", "2024-02-01", limit=3, **query) == whole
    asked = {"customer": stage.customer, "starts_at": at("2024-01-01"), "ends_at": at("2024-02-01")}
    before = stage.client.raw_request(
        "get", PATH, **asked, **query, limit=2, ending_before=whole[5].id
    )
    page = stage.client.deserialize(before, api_mode="V1")
    assert [row.amount for row in page.data] == [4, 5]
    assert page.has_more


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"starts_at": 1}, "starts_at"),
        ({"ends_at": 0}, "ends_at"),
        ({"ends_at": 401 * DAY, "value_grouping_window": "day"}, "ends_at"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"value_grouping_window": "minute"}, "value_grouping_window"),
        ({"customer": "cus_no"}, "customer"),
        ({"prices[0]": "price_no"}, "prices[0]"),
        ({"dimension_group_by_keys[0]": "model"}, "dimension_group_by_keys"),
        ({"starting_after": "nonsense"}, "starting_after"),
    ],
)
def test_what_cannot_be_told_is_refused(stage: Stage, query: dict[str, Any], param: str) -> None:
    stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    asked = {"customer": stage.customer, "starts_at": 0, "ends_at": at("2024-02-01") // 60 * 60}
    assert refused(stage.api, **asked | query) == (400, param)


def test_what_does_not_add_up_is_not_divided_by_dimensions(stage: Stage) -> None:
    meter = stage.meter("peaks", "max", dimension_payload_keys=["model"])
    stage.subscribe(stage.metered("Peaks", meter, 1))
    asked = {"customer": stage.customer, "starts_at": 0, "ends_at": at("2024-02-01")}
    asked["dimension_group_by_keys[0]"] = "model"
    assert refused(stage.api, **asked) == (400, "dimension_group_by_keys")


@pytest.mark.parametrize(
    ("module", "bound", "param"),
    [
        (analytics, "MOST_ROWS", "ends_at"),
        (usage_periods, "MOST_INVOICES", "starts_at"),
        (allowance, "MOST_PARTS", "ends_at"),
    ],
)
def test_more_than_is_told_at_once_is_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, module: ModuleType, bound: str, param: str
) -> None:
    stage.subscribe(stage.metered("Calls", stage.meter(), 1))
    stage.use(1, "2024-01-01")
    stage.until("2024-02-01 02:00")
    monkeypatch.setattr(module, bound, 0)
    asked = {"customer": stage.customer, "starts_at": 0, "ends_at": at("2024-02-01")}
    assert refused(stage.api, **asked) == (400, param)


def test_a_restricted_key_needs_the_right_to_analytics(stage: Stage) -> None:
    target = f"{PATH}?{urlencode({'customer': stage.customer, 'starts_at': 0, 'ends_at': 60})}"
    for rights, status in (({"invoices": "read"}, 403), ({"meterline_analytics": "read"}, 200)):
        secret = create_key(livemode=False, name="some", rights=rights).secret
        assert stage.api.ask("GET", target, key=secret).status == status


def test_live_and_test_usage_are_told_apart(stage: Stage) -> None:
    secret = create_key(livemode=True, name="live").secret
    target = f"{PATH}?{urlencode({'customer': stage.customer, 'starts_at': 0, 'ends_at': 60})}"
    reply = stage.api.ask("GET", target, key=secret)
    assert (reply.status, reply.body["error"]["param"]) == (400, "customer")
