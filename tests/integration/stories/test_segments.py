"""Prices that bill a part of a meter: one meter of tokens, a price by model and token type."""

from typing import Any

import pytest
import stripe

from meterline.services.catalog.price_segments import counted_by, segment_text
from tests.factories import objects
from tests.factories.streams import watch_counters, watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

DIMENSIONS = ["model", "token_type"]


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def tokens(stage: Stage) -> str:
    return stage.meter(dimension_payload_keys=DIMENSIONS)


def conditions(**values: str) -> list[dict[str, str]]:
    return [{"dimension": name, "value": value} for name, value in values.items()]


def segment(stage: Stage, meter: str, amount: int | str, **values: str) -> str:
    """A price of the part of a meter that has these values."""
    own = {"meter_segment_conditions": conditions(**values)}
    return stage.metered("Tokens", meter, amount, meterline=own)


def use(stage: Stage, value: int, model: str, token_type: str, when: str | None = None) -> None:
    stage.use(value, when, model=model, token_type=token_type)


def lines(invoice: Any) -> list[tuple[str, int, int]]:
    return sorted((line.description, line.quantity, line.amount) for line in invoice.lines.data)


def test_one_meter_is_priced_by_model_and_token_type(stage: Stage) -> None:
    meter = tokens(stage)
    subscription = stage.subscribe(
        segment(stage, meter, 2, model="large", token_type="input"),
        segment(stage, meter, 5, model="large", token_type="output"),
        segment(stage, meter, 1, model="small"),
    )
    use(stage, 100, "large", "input")
    use(stage, 30, "large", "output")
    use(stage, 7, "small", "input")
    use(stage, 8, "small", "output")
    use(stage, 1_000, "huge", "input")
    expected = [
        ("100 × Tokens, model large, token_type input (at $0.02 / month)", 100, 200),
        ("15 × Tokens, model small (at $0.01 / month)", 15, 15),
        ("30 × Tokens, model large, token_type output (at $0.05 / month)", 30, 150),
    ]
    assert lines(stage.preview(subscription)) == expected
    stage.until("2024-02-01 02:00")
    [invoice] = [one for one in stage.invoices() if one.billing_reason == "subscription_cycle"]
    assert (lines(invoice), invoice.total) == (expected, 365)


def test_a_price_without_conditions_bills_the_whole_meter(stage: Stage) -> None:
    meter = tokens(stage)
    subscription = stage.subscribe(stage.metered("Tokens", meter, 1))
    use(stage, 100, "large", "input")
    use(stage, 30, "small", "output")
    assert lines(stage.preview(subscription)) == [("130 × Tokens (at $0.01 / month)", 130, 130)]


def test_tiers_are_entered_by_the_segment_alone(stage: Stage) -> None:
    meter = tokens(stage)
    tiers = [{"up_to": 50, "unit_amount": 10}, {"up_to": "inf", "unit_amount": 1}]
    own = {"meter_segment_conditions": conditions(model="large")}
    shape: dict[str, Any] = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers}
    subscription = stage.subscribe(stage.metered("Tokens", meter, meterline=own, **shape))
    use(stage, 60, "large", "input")
    use(stage, 1_000, "small", "input")
    assert [(quantity, amount) for _, quantity, amount in lines(stage.preview(subscription))] == [
        (10, 10),
        (50, 500),
    ]


def test_thresholds_are_reached_by_what_segments_cost(stage: Stage) -> None:
    meter = tokens(stage)
    price = segment(stage, meter, 10, model="large")
    stage.subscribe(price, billing_thresholds={"amount_gte": 1_000})
    use(stage, 5_000, "small", "input")
    stage.until("2024-01-02")
    assert stage.invoices() == []
    use(stage, 120, "large", "input")
    stage.until("2024-01-03")
    [invoice] = [one for one in stage.invoices() if one.billing_reason == "subscription_threshold"]
    assert (invoice.total, invoice.lines.data[0].quantity) == (1_200, 120)


def test_an_alert_adds_up_the_whole_meter(stage: Stage) -> None:
    """Each model stays below the threshold that both of them reach."""
    threshold = {"meter": tokens(stage), "gte": 100, "recurrence": "one_time"}
    stage.client.v1.billing.alerts.create(
        {"title": "Much", "alert_type": "usage_threshold", "usage_threshold": threshold}
    )
    told = []
    for model, value in (("large", 60), ("small", 39), ("small", 1), ("large", 5)):
        use(stage, value, model, "input")
        watch_usage(stage.api.engine)
        told.append(len(stage.client.v1.events.list({"type": "billing.alert.triggered"}).data))
    assert told == [0, 0, 1, 1]


def test_an_alert_on_the_last_value_looks_at_all_parts_of_a_meter(stage: Stage) -> None:
    """A cancelled event leaves the last value to another model."""
    meter = stage.meter(formula="last", dimension_payload_keys=["model"])
    threshold = {"meter": meter, "gte": 15, "recurrence": "one_time"}
    stage.client.v1.billing.alerts.create(
        {"title": "Much", "alert_type": "usage_threshold", "usage_threshold": threshold}
    )
    stage.until("2024-01-02")
    seen: list[dict[str, Any]] = []

    def watch_what_changed() -> None:
        counters = stage.api.engine.scan("usage")
        watch_counters([one for one in counters if one not in seen])
        seen[:] = counters

    sent = []
    for value, model, minute in ((5, "large", 10), (1, "large", 0), (20, "small", 5)):
        sent.append(stage.use(value, f"2024-01-01 10:{minute:02}", model=model))
        watch_what_changed()
    assert stage.client.v1.events.list({"type": "billing.alert.triggered"}).data == []
    stage.take_back(sent[0])
    watch_what_changed()
    assert len(stage.client.v1.events.list({"type": "billing.alert.triggered"}).data) == 1


def test_parts_of_a_meter_that_read_alike_are_two(stage: Stage) -> None:
    meter = tokens(stage)
    one = segment(stage, meter, 1, model="a, token_type b")
    other = segment(stage, meter, 1, model="a", token_type="b")
    prices = [objects.stored(price) for price in (one, other)]
    assert segment_text(prices[0]) == segment_text(prices[1])
    assert counted_by(prices[0]) != counted_by(prices[1])


def test_late_usage_corrects_the_line_of_its_segment(stage: Stage) -> None:
    stage.client.raw_request("post", "/v1/meterline/settings", late_usage="next_invoice")
    meter = tokens(stage)
    stage.subscribe(
        segment(stage, meter, 2, token_type="input"), segment(stage, meter, 5, token_type="output")
    )
    use(stage, 100, "large", "input")
    stage.until("2024-02-02")
    use(stage, 10, "small", "output", "2024-01-20")
    watch_usage(stage.api.engine)
    stage.until("2024-03-02")
    late = [
        (line.description, line.amount)
        for invoice in stage.invoices()
        for line in invoice.lines.data
        if line.description.startswith("Late usage")
    ]
    assert late == [("Late usage: 10 × Tokens, token_type output", 50)]


@pytest.mark.parametrize(
    ("before", "after", "billed"),
    [
        # Another segment counts from the second of the change on, which both have a part of.
        ("input", "output", [("input", 20), ("output", 300)]),
        # The same segment at another price goes on: the second of the change is billed once.
        ("input", "input", [("input", 20), ("input", 0)]),
    ],
)
def test_each_segment_bills_the_second_in_which_prices_change(
    stage: Stage, before: str, after: str, billed: list[tuple[str, int]]
) -> None:
    meter = tokens(stage)
    subscription = stage.subscribe(segment(stage, meter, 1, token_type=before))
    stage.until("2024-01-10")
    use(stage, 20, "large", "input")
    use(stage, 300, "large", "output")
    [item] = subscription["items"].data
    price = segment(stage, meter, 1, token_type=after)
    stage.change(subscription, items=[{"id": item.id, "price": price}])
    stage.until("2024-02-01 02:00")
    found = [
        (line.description.split("token_type ")[1].split(" ")[0], line.quantity)
        for invoice in stage.invoices()
        for line in invoice.lines.data
        if line.period.start < at("2024-02-01") and line.period.end > at("2024-01-02")
    ]
    assert sorted(found, key=lambda one: -one[1]) == sorted(billed, key=lambda one: -one[1])


@pytest.mark.parametrize(
    ("terms", "param"),
    [
        (conditions(region="eu"), "meterline[meter_segment_conditions][0][dimension]"),
        (
            [*conditions(model="large"), *conditions(model="small")],
            "meterline[meter_segment_conditions][1][dimension]",
        ),
        ([{"dimension": "model"}], "meterline[meter_segment_conditions][0][value]"),
        (conditions(model="m" * 101), "meterline[meter_segment_conditions][0][value]"),
    ],
)
def test_a_segment_has_one_value_of_each_dimension(
    stage: Stage, terms: list[dict[str, str]], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.metered("Tokens", tokens(stage), 1, meterline={"meter_segment_conditions": terms})
    assert refused.value.param == param


def test_a_meter_without_dimensions_has_no_segments(stage: Stage) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="this meter has none"):
        segment(stage, stage.meter(), 1, model="large")


def test_only_metered_prices_have_segments(stage: Stage) -> None:
    own = {"meter_segment_conditions": conditions(model="large")}
    with pytest.raises(stripe.InvalidRequestError, match="Only metered prices"):
        stage.price("Seats", 100, meterline=own)


def test_a_price_says_its_segment_in_the_order_of_the_meters_dimensions(stage: Stage) -> None:
    price = segment(stage, tokens(stage), 1, token_type="input", model="large")
    shown = stage.client.v1.prices.retrieve(price)["meterline"]["meter_segment_conditions"]
    assert [(one["dimension"], one["value"]) for one in shown] == [
        ("model", "large"),
        ("token_type", "input"),
    ]
