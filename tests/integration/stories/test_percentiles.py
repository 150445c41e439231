"""Meters of traffic (`percentile`): the greatest five minutes are left out, the next one counts."""

from decimal import Decimal
from typing import Any

import pytest
import stripe

from tests.factories.streams import watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

NINETY_FIVE = {"formula": "percentile", "percentile": "95"}
SAMPLE = 300


@pytest.fixture
def stage(api: Api) -> Stage:
    """A day is billed, of 288 samples: 14 are left out of its 95th percentile."""
    return Stage(api, "2024-01-01")


def traffic(stage: Stage, **more: Any) -> str:
    return stage.meter(default_aggregation=NINETY_FIVE, **more)


def daily(stage: Stage, meter: str, **more: Any) -> str:
    """Two cents for a unit of the 95th percentile of each day."""
    recurring = {"interval": "day", "usage_type": "metered", "meter": meter}
    return stage.price("Traffic", 2, recurring=recurring, **more)


def burst(stage: Stage, samples: int, value: int, *, since: int = 0, **more: str) -> None:
    """So much in each of so many samples of January 1."""
    for first in range(since * SAMPLE, (since + samples) * SAMPLE, SAMPLE):
        stage.use(value, second_of_day(first + SAMPLE - 1), **more)


def second_of_day(second: int) -> str:
    return f"2024-01-01 {second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"


def quantity(invoice: Any) -> list[Decimal]:
    return [Decimal(line["quantity_decimal"]) for line in invoice.lines.data]


def summaries(stage: Stage, meter: str, **more: Any) -> list[int]:
    span = {"start_time": at("2024-01-01"), "end_time": at("2024-01-02")}
    asked = {"customer": stage.customer, **span, **more}
    rows = stage.client.v1.billing.meters.event_summaries.list(meter, asked).data
    return [int(row.aggregated_value) for row in rows[::-1]]


def test_a_meter_says_which_percentile_it_tells(stage: Stage) -> None:
    meter = stage.client.v1.billing.meters.retrieve(traffic(stage))
    assert meter.default_aggregation.to_dict() == NINETY_FIVE


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "none": ({"formula": "percentile"}, "Say which", "percentile"),
    "zero": ({"formula": "percentile", "percentile": "0"}, "greater than 0", "percentile"),
    "too much": ({"formula": "percentile", "percentile": "100.5"}, "100", "percentile"),
    "too fine": ({"formula": "percentile", "percentile": "99.9999"}, "3", "percentile"),
    "of a sum": ({"formula": "sum", "percentile": "95"}, "has no percentile", "percentile"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_percentile_that_cannot_be_told_is_refused(stage: Stage, case: str) -> None:
    aggregation, message, param = WRONG[case]
    with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
        stage.meter(default_aggregation=aggregation)
    assert refused.value.param == f"default_aggregation[{param}]"


def test_samples_have_no_window(stage: Stage) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="each event counts") as refused:
        traffic(stage, event_time_window="hour")
    assert refused.value.param == "event_time_window"


@pytest.mark.parametrize(("samples", "billed"), [(14, 0), (15, 900)])
def test_a_burst_counts_once_it_is_longer_than_what_is_left_out(
    stage: Stage, samples: int, billed: int
) -> None:
    meter = traffic(stage)
    subscription = stage.subscribe(daily(stage, meter))
    stage.until("2024-01-01 12:00")
    burst(stage, samples, 900)
    assert quantity(stage.preview(subscription)) == [billed]
    assert summaries(stage, meter) == [billed]
    stage.until("2024-01-02 02:00")
    assert [quantity(one) for one in stage.invoices() if one.lines.data][-1] == [billed]
    assert stage.invoices()[0].total == 2 * billed


def test_events_that_come_late_correct_the_bill(stage: Stage) -> None:
    stage.client.raw_request("post", "/v1/meterline/settings", late_usage="next_invoice")
    meter = traffic(stage)
    stage.subscribe(daily(stage, meter))
    stage.until("2024-01-01 12:00")
    burst(stage, 14, 900)
    stage.until("2024-01-02 02:00")
    assert stage.invoices()[0].total == 0
    burst(stage, 1, 700, since=14)
    watch_usage(stage.api.engine)
    late = stage.client.v1.events.list({"type": "meterline.late_usage.found"}).data
    assert [event.data.object.counted_quantity for event in late] == ["700"]
    stage.until("2024-01-03 02:00")
    assert 1400 in [line.amount for one in stage.invoices() for line in one.lines.data]


def test_of_a_meter_with_dimensions_samples_add_up_over_its_parts(stage: Stage) -> None:
    meter = traffic(stage, dimension_payload_keys=["link"])
    segment = [{"dimension": "link", "value": "a"}]
    subscription = stage.subscribe(
        daily(stage, meter),
        daily(stage, meter, meterline={"meter_segment_conditions": segment}),
    )
    stage.until("2024-01-01 12:00")
    burst(stage, 20, 100, link="a")
    burst(stage, 10, 100, since=10, link="b")
    burst(stage, 10, 100, since=20, link="b")
    assert quantity(stage.preview(subscription)) == [100, 100]
    burst(stage, 5, 100, link="b")
    assert quantity(stage.preview(subscription)) == [200, 100]
    by_link = {"dimension_group_by_keys": ["link"]}
    assert summaries(stage, meter, **by_link) == [100, 100]


@pytest.mark.parametrize(
    ("grouping", "told"), [("minute", [6, 4, 7]), ("hour", [10, 7]), ("day", [0])]
)
def test_windows_tell_the_percentile_of_their_own_samples(
    stage: Stage, grouping: str, told: list[int]
) -> None:
    """Of an hour's twelve samples none is left out; a minute is a sample of its own."""
    meter = traffic(stage)
    stage.until("2024-01-01 12:00")
    for second, value in ((0, 6), (119, 4), (4_000, 7)):
        stage.use(value, second_of_day(second))
    assert summaries(stage, meter, value_grouping_window=grouping) == told


def alert(stage: Stage, meter: str, recurrence: str) -> Any:
    threshold = {"meter": meter, "gte": 800, "recurrence": recurrence}
    return stage.client.v1.billing.alerts.create(
        {"title": "Much", "alert_type": "usage_threshold", "usage_threshold": threshold}
    )


def test_an_alert_tells_when_the_period_will_be_billed_more(stage: Stage) -> None:
    meter = traffic(stage)
    stage.subscribe(daily(stage, meter))
    alert(stage, meter, "billing_period")
    stage.until("2024-01-01 12:00")
    told = []
    for number in (14, 1):
        burst(stage, number, 900, since=14 - number if number == 14 else 14)
        watch_usage(stage.api.engine)
        found = stage.client.v1.events.list({"type": "billing.alert.triggered"}).data
        told.append([int(event.data.object.value) for event in found])
    assert told == [[], [900]]


def test_an_alert_for_life_is_refused(stage: Stage) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="billing_period") as refused:
        alert(stage, traffic(stage), "one_time")
    assert refused.value.param == "usage_threshold[recurrence]"


@pytest.mark.parametrize(("samples", "by_hour"), [(20, {0: 1800}), (10, {0: 1800, 16: -1800})])
def test_amounts_over_time_add_up_to_the_line(
    stage: Stage, samples: int, by_hour: dict[int, int]
) -> None:
    """Ten samples are left out once there are 200, which is in an hour without usage."""
    meter = traffic(stage)
    stage.subscribe(daily(stage, meter))
    stage.until("2024-01-01 12:00")
    burst(stage, samples, 900)
    stage.until("2024-01-02 02:00")
    asked = {
        "customer": stage.customer,
        "starts_at": at("2024-01-01"),
        "ends_at": at("2024-01-02"),
        "value_grouping_window": "hour",
    }
    answer = stage.client.raw_request("get", "/v1/meterline/analytics/amounts", limit=100, **asked)
    rows = stage.client.deserialize(answer, api_mode="V1").data
    told = {(row.starts_at - asked["starts_at"]) // 3_600: row.amount for row in rows}
    assert {hour: amount for hour, amount in told.items() if amount} == by_hour
    assert sum(told.values()) == stage.invoices()[0].total
