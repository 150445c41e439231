"""Meters of levels (`weighted_sum`): a value counts for each second until the next one."""

from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.factories.streams import watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

DAY = 86_400


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def storage(stage: Stage, **more: Any) -> str:
    """A meter of gigabytes stored."""
    return stage.meter(formula="weighted_sum", **more)


def price(stage: Stage, meter: str, **more: Any) -> str:
    """A cent for a gigabyte of a day."""
    return stage.metered("Storage", meter, "0.000011574074", **more)


def quantities(*invoices: Any) -> list[Decimal]:
    """What invoices bill of usage, in the order of time."""
    found = [
        (line.period.start, Decimal(line["quantity_decimal"]))
        for invoice in invoices
        for line in invoice.lines.data
        if Decimal(line["quantity_decimal"])
    ]
    return [quantity for _, quantity in sorted(found)]


def seconds(start: str, end: str) -> int:
    return at(end) - at(start)


def test_a_level_is_billed_for_each_second_and_goes_on_in_the_next_month(stage: Stage) -> None:
    subscription = stage.subscribe(price(stage, storage(stage)))
    stage.use(10)
    stage.until("2024-01-12")
    stage.use(25, "2024-01-10 06:30:15")
    january = 10 * seconds("2024-01-01", "2024-01-10 06:30:15")
    january += 25 * seconds("2024-01-10 06:30:15", "2024-02-01")
    preview = stage.preview(subscription)
    assert quantities(preview) == [january]
    stage.until("2024-03-01 02:00")
    february = 25 * seconds("2024-02-01", "2024-03-01")
    assert quantities(*stage.invoices()) == [january, february]
    assert [one.total for one in stage.invoices() if one.total] == [preview.total, 725]


def test_a_price_that_changes_within_an_hour_leaves_no_second_out(stage: Stage) -> None:
    meter = storage(stage)
    subscription = stage.subscribe(price(stage, meter))
    stage.use(3)
    stage.until("2024-01-10 10:20:30")
    [item] = subscription["items"].data
    stage.change(subscription, items=[{"id": item.id, "price": price(stage, meter)}])
    stage.use(5, "2024-01-10 10:20:30")
    stage.until("2024-02-01 02:00")
    told = quantities(*stage.invoices())
    before, after = (
        seconds("2024-01-01", "2024-01-10 10:20:30"),
        seconds("2024-01-10 10:20:30", "2024-02-01"),
    )
    assert told == [3 * before, 5 * after]


def test_an_event_that_comes_late_corrects_each_month_that_its_level_lasts_in(
    stage: Stage,
) -> None:
    stage.client.raw_request("post", "/v1/meterline/settings", late_usage="next_invoice")
    stage.subscribe(price(stage, storage(stage)))
    stage.use(10)
    stage.until("2024-02-20")
    stage.use(4, "2024-02-19")
    stage.until("2024-03-02")
    stage.use(12, "2024-01-30")
    watch_usage(stage.api.engine)
    found = stage.client.v1.events.list({"type": "meterline.late_usage.found"}).data
    late: set[tuple[int, Decimal | int]] = {
        (event.data.object.start_time, Decimal(event.data.object.counted_quantity))
        for event in found
    }
    january = 10 * seconds("2024-01-01", "2024-01-30") + 12 * seconds("2024-01-30", "2024-02-01")
    february = 12 * seconds("2024-02-01", "2024-02-19") + 4 * seconds("2024-02-19", "2024-03-01")
    assert late == {(at("2024-01-01"), january), (at("2024-02-01"), february)}
    stage.until("2024-04-01 02:00")
    corrections = [
        line.amount
        for invoice in stage.invoices()
        for line in invoice.lines.data
        if line.description.startswith("Late usage")
    ]
    assert sorted(corrections) == [4, 36]


def test_each_part_of_a_meter_has_levels_of_its_own(stage: Stage) -> None:
    meter = storage(stage, dimension_payload_keys=["region"])
    segment = [{"dimension": "region", "value": "eu"}]
    subscription = stage.subscribe(
        price(stage, meter, meterline={"meter_segment_conditions": segment}), price(stage, meter)
    )
    stage.use(10, region="eu")
    stage.use(100, region="us")
    stage.until("2024-02-10")
    stage.use(0, "2024-02-08", region="us")
    eu, us = 10 * seconds("2024-02-01", "2024-03-01"), 100 * 7 * DAY
    assert sorted(quantities(stage.preview(subscription))) == [eu, eu + us]


def summaries(stage: Stage, meter: str, start: str, end: str, **more: Any) -> list[tuple[int, int]]:
    """The windows of a span by their minute in it, and what they come to."""
    asked = {"customer": stage.customer, "start_time": at(start), "end_time": at(end), **more}
    rows = stage.client.v1.billing.meters.event_summaries.list(meter, asked).data
    return [((row.start_time - at(start)) // 60, int(row.aggregated_value)) for row in rows[::-1]]


def test_summaries_tell_of_a_level_in_windows_without_events_up_to_now(stage: Stage) -> None:
    meter = storage(stage)
    stage.until("2024-01-01 00:10:30")
    stage.use(6, "2024-01-01 00:03:20")
    stage.use(0, "2024-01-01 00:05:01")
    stage.use(1, "2024-01-01 00:09")
    span = "2024-01-01", "2024-01-01 01:00"
    assert summaries(stage, meter, *span, value_grouping_window="minute") == [
        (3, 240),
        (4, 360),
        (5, 6),
        (9, 60),
        (10, 30),
    ]
    assert summaries(stage, meter, *span) == [(0, 696)]
    later = "2024-01-01 00:20", "2024-01-01 00:30"
    assert summaries(stage, meter, *later) == []


def test_usage_analytics_tell_of_levels_too(stage: Stage) -> None:
    meter = storage(stage)
    stage.use(2)
    stage.until("2024-01-03 12:00")
    asked = {
        "customer": stage.customer,
        "starts_at": at("2024-01-01"),
        "ends_at": at("2024-02-01"),
        "value_grouping_window": "day",
        "meters": [{"meter": meter}],
    }
    told = stage.client.raw_request("get", "/v1/billing/analytics/meter_usage", **asked)
    rows = stage.client.deserialize(told, api_mode="V1").rows.data
    assert [int(row.value) for row in rows] == [2 * DAY, 2 * DAY, DAY]


def test_no_alert_is_made_on_a_meter_of_levels(stage: Stage) -> None:
    threshold = {"meter": storage(stage), "gte": 100, "recurrence": "one_time"}
    params = {"title": "Much", "alert_type": "usage_threshold", "usage_threshold": threshold}
    with pytest.raises(stripe.InvalidRequestError, match="as time goes by") as refused:
        stage.client.v1.billing.alerts.create(params)
    assert refused.value.param == "usage_threshold[meter]"


def test_levels_have_no_window(stage: Stage) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Levels last") as refused:
        storage(stage, event_time_window="day")
    assert refused.value.param == "event_time_window"


def test_access_counts_a_level_up_to_now(stage: Stage) -> None:
    meter, v1 = storage(stage), stage.client.v1
    feature = v1.entitlements.features.create({"name": "Storage", "lookup_key": stage.customer})
    product = v1.products.create({"name": "Storage"}).id
    limit = {"limit": {"meter": meter, "quantity": str(20 * DAY)}}
    stage.client.raw_request(
        "post", f"/v1/products/{product}/features", entitlement_feature=feature.id, meterline=limit
    )
    stage.subscribe(stage.price("Storage", 100, product=product))
    stage.use(6)
    told = []
    for day in ("02", "03", "04", "05"):
        stage.until(f"2024-01-{day}")
        asked = {"customer": stage.customer, "feature": feature.id, "quantity": "0"}
        answer = stage.client.raw_request("get", "/v1/meterline/access", **asked).data
        told.append((answer["has_access"], int(answer["used"]) // DAY))
    assert told == [(True, 6), (True, 12), (True, 18), (False, 24)]


def test_the_greatest_levels_are_ranked_also_without_events(stage: Stage) -> None:
    meter = storage(stage)
    stage.use(2)
    stage.until("2024-01-03 12:00")
    for start, end, expected in (
        ("2024-01-01", "2024-02-01", 5 * DAY),
        ("2024-01-02", "2024-01-03", 2 * DAY),
    ):
        asked = {"meter": meter, "starts_at": at(start), "ends_at": at(end)}
        path = "/v1/meterline/analytics/top_customers"
        answer = stage.client.raw_request("get", path, **asked).data
        assert [(row["customer"], int(row["value"])) for row in answer["rows"]["data"]] == [
            (stage.customer, expected)
        ]
