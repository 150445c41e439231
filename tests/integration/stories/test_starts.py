"""How subscriptions start: backdated, with several intervals, with an end; and their previews."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day, lines_of


@pytest.mark.parametrize(
    ("now", "since", "params", "lines"),
    [
        (
            "2022-03-01",
            "2022-02-15",
            {"billing_mode": {"type": "classic"}},
            [
                ("1 × Base", 1400, "2022-02-15", "2022-03-01"),
                ("1 × Base", 2800, "2022-03-01", "2022-04-01"),
            ],
        ),
        (
            "2022-01-20",
            "2022-01-15",
            {"billing_cycle_anchor": at("2022-02-01")},
            [("1 × Base", 1535, "2022-01-15", "2022-02-01")],
        ),
        (
            "2022-03-20",
            "2022-01-15",
            {"billing_mode": {"type": "flexible"}},
            [
                ("1 × Base", 2800, "2022-01-15", "2022-02-15"),
                ("1 × Base", 2800, "2022-02-15", "2022-03-15"),
                ("1 × Base", 2800, "2022-03-15", "2022-04-15"),
            ],
        ),
        ("2022-03-20", "2022-01-15", {"proration_behavior": "none"}, None),
    ],
)
def test_a_backdated_start_is_billed_at_once(
    api: Api, now: str, since: str, params: dict[str, Any], lines: list[Any] | None
) -> None:
    stage = Stage(api, now)
    subscription = stage.subscribe(
        stage.price("Base", 2800), backdate_start_date=at(since), **params
    )
    assert day(subscription.start_date) == since
    assert [lines_of(invoice) for invoice in stage.invoices()] == ([] if lines is None else [lines])


def test_items_of_different_intervals_keep_their_own_periods(api: Api) -> None:
    stage = Stage(api, "2024-01-31")
    month, quarter = stage.price("M", 1000), stage.price("Q", 2500, interval_count=3)
    subscription = stage.subscribe(month, quarter)
    ends = [day(item.current_period_end) for item in subscription["items"].data]
    assert ends == ["2024-02-29", "2024-04-30"]
    stage.until("2024-05-01")
    assert stage.totals() == [
        ("2024-01-31", 3500),
        ("2024-02-29", 1000),
        ("2024-03-31", 1000),
        ("2024-04-30", 3500),
    ]
    five = stage.price("F", 1, interval_count=5)
    two = stage.price("T", 1, interval_count=2)
    with pytest.raises(stripe.InvalidRequestError):
        stage.subscribe(five, two)
    with pytest.raises(stripe.InvalidRequestError) as classic:
        stage.subscribe(month, quarter, billing_mode={"type": "classic"})
    assert classic.value.param == "items[1][price]"


def test_a_price_of_a_day_stands_beside_one_of_months(api: Api) -> None:
    stage = Stage(api, "2023-02-01")
    day_by_day, month = stage.price("D", 10, interval="day"), stage.price("M", 1000)
    subscription = stage.subscribe(day_by_day, month)
    assert {day(item.current_period_end) for item in subscription["items"].data} == {
        "2023-02-02",
        "2023-03-01",
    }
    days = [day(at("2023-02-01") + n * 86_400) for n in range(29)]
    for reached in days[::2]:
        stage.until(reached)  # a clock goes two intervals at a time
    full = {"2023-02-01", "2023-03-01"}
    assert stage.totals() == [(one, 1010 if one in full else 10) for one in days]
    with pytest.raises(stripe.InvalidRequestError):
        stage.subscribe(stage.price("W", 70, interval="week"), month)


def test_an_end_known_from_the_start_shortens_the_first_period(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    subscription = stage.subscribe(stage.price("Base", 3100), cancel_at=at("2024-01-11"))
    assert lines_of(stage.invoices()[0]) == [("1 × Base", 1000, "2024-01-01", "2024-01-11")]
    stage.until("2024-01-12")
    assert stage.client.v1.subscriptions.retrieve(subscription.id).status == "canceled"


def test_a_preview_without_a_subscription_is_the_first_invoice_of_a_new_one(api: Api) -> None:
    stage = Stage(api, "2024-01-17")
    details = {
        "items": [{"price": stage.price("Base", 3100), "quantity": 2}],
        "billing_cycle_anchor": at("2024-02-01"),
    }
    expected = stage.client.v1.invoices.create_preview(
        {"customer": stage.customer, "subscription_details": details}
    )
    assert stage.invoices() == []
    stage.subscribe(**details)
    assert lines_of(stage.invoices()[0]) == lines_of(expected)
    assert expected.id.startswith("upcoming_in_")


def test_what_falls_due_twice_is_billed_once(api: Api) -> None:
    stage = Stage(api, "2024-01-01")
    subscription = stage.subscribe(stage.price("Base", 1000))
    later = stage.change(subscription, cancel_at_period_end=True)
    assert later.cancel_at == at("2024-02-01")
    stage.until("2024-01-20")
    stage.until("2024-02-02")
    assert stage.totals() == [("2024-01-01", 1000)]
