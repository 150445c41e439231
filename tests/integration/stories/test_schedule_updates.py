"""Updates of subscription schedules: what stays, what changes at once, what comes later."""

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.schedules import again, months, phase, schedule, update
from tests.integration.stories.stage import Stage, at, day


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def test_an_update_changes_the_current_phase_at_once_and_keeps_those_before(stage: Stage) -> None:
    small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
    made = schedule(stage, phase(small, **months(1)), phase(large, **months(1)))
    stage.until("2024-02-15")
    current = made.phases[1]
    changed = update(
        stage,
        made,
        phase(large, start_date=current.start_date, end_date=at("2024-04-01")),
        phase(small, **months(2)),
        metadata={"own": "2"},
    )
    assert [(day(p.start_date), day(p.end_date)) for p in changed.phases] == [
        ("2024-01-01", "2024-02-01"),
        ("2024-02-01", "2024-04-01"),
        ("2024-04-01", "2024-06-01"),
    ]
    stage.until("2024-05-02")
    assert [total for _, total in stage.totals()] == [3100, 6200, 6200, 3100, 3100]
    assert again(stage, made).metadata["own"] == "2"


@pytest.mark.parametrize(
    ("behavior", "totals"),
    [
        ("create_prorations", [3100, 6200 + 1500]),
        ("always_invoice", [3100, 1500, 6200]),
        ("none", [3100, 6200]),
    ],
)
def test_what_an_update_changes_now_is_prorated_as_the_request_says(
    stage: Stage, behavior: str, totals: list[int]
) -> None:
    small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
    made = schedule(stage, phase(small, **months(2)))
    stage.until("2024-01-17")
    start = made.phases[0].start_date
    update(
        stage,
        made,
        phase(large, start_date=start, end_date=at("2024-03-01")),
        proration_behavior=behavior,
    )
    stage.until("2024-02-02")
    assert [total for _, total in stage.totals()] == totals


@pytest.mark.parametrize("first", ["cut", "replaced"])
def test_the_current_phase_ends_now_if_an_update_says_so(stage: Stage, first: str) -> None:
    small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
    made = schedule(stage, phase(small, **months(2)))
    stage.until("2024-01-17")
    start = made.phases[0].start_date
    phases = [
        phase(small, start_date=start, end_date="now"),
        phase(large, start_date="now", **months(1), proration_behavior="always_invoice"),
    ]
    changed = update(stage, made, *(phases if first == "cut" else phases[1:]))
    assert [(day(p.start_date), day(p.end_date)) for p in changed.phases] == [
        ("2024-01-01", "2024-01-17"),
        ("2024-01-17", "2024-02-17"),
    ]
    assert day(changed.current_phase.start_date) == "2024-01-17"
    assert stage.totals() == [("2024-01-01", 3100), ("2024-01-17", 1500)]


def test_charges_of_a_phase_are_made_once_however_often_it_is_passed(stage: Stage) -> None:
    price = stage.price("Plan", 1000)
    one_off = stage.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 50, "product_data": {"name": "Setup"}}
    ).id
    charges = [{"price": one_off, "quantity": 2}]
    made = schedule(stage, phase(price, **months(2), add_invoice_items=charges))
    for extra in ([], [{"price": one_off}], []):
        charges = charges + extra
        start = made.phases[0].start_date
        update(
            stage,
            made,
            phase(price, start_date=start, **months(2), add_invoice_items=charges),
        )
    stage.until("2024-02-02")
    assert [total for _, total in stage.totals()] == [1100, 1050]


def test_an_update_can_end_the_subscription_with_the_schedule_or_take_that_back(
    stage: Stage,
) -> None:
    made = schedule(stage, phase(stage.price("Plan", 1000), **months(2)))
    schedules, subscriptions = (
        stage.client.v1.subscription_schedules,
        stage.client.v1.subscriptions,
    )
    schedules.update(made.id, {"end_behavior": "cancel"})
    assert day(subscriptions.retrieve(made.subscription).cancel_at) == "2024-03-01"
    schedules.update(made.id, {"end_behavior": "release"})
    assert subscriptions.retrieve(made.subscription).cancel_at is None


def test_a_schedule_that_has_not_begun_can_be_planned_anew_and_started_now(stage: Stage) -> None:
    small, large = stage.price("Plan", 1000), stage.price("Plan", 3000)
    made = schedule(stage, phase(small, **months(1)), start_date=at("2024-02-01"))
    changed = update(stage, made, phase(large, **months(1), start_date=at("2024-01-20")))
    assert (changed.status, day(changed.phases[0].start_date)) == ("not_started", "2024-01-20")
    changed = update(stage, made, phase(large, **months(1), start_date="now"))
    assert changed.status == "active"
    assert stage.totals() == [("2024-01-01", 3000)]


def test_only_the_first_phase_that_is_passed_needs_its_start_though_it_is_over(
    stage: Stage,
) -> None:
    small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
    made = schedule(stage, phase(small, **months(1)), phase(large, **months(1)))
    stage.until("2024-02-15")
    first = phase(small, start_date=made.phases[0].start_date, end_date=at("2024-02-01"))
    changed = update(stage, made, first, phase(large, **months(2)), phase(small, **months(1)))
    assert [(day(p.start_date), day(p.end_date)) for p in changed.phases] == [
        ("2024-01-01", "2024-02-01"),
        ("2024-02-01", "2024-04-01"),
        ("2024-04-01", "2024-05-01"),
    ]
    longer = first | {"end_date": at("2024-03-01")}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        update(stage, made, longer, phase(large, **months(2)))
    assert refused.value.param == "phases[1][start_date]"
    assert again(stage, made).phases == changed.phases
