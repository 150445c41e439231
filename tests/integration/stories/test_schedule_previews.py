"""Previews of schedules are what is then billed."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.schedules import months, phase, schedule
from tests.integration.stories.stage import Stage, at, lines_of


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def preview(stage: Stage, **params: Any) -> Any:
    return stage.client.v1.invoices.create_preview(params)


def shown(invoice: Any) -> tuple[int, list[Any]]:
    return invoice.total, lines_of(invoice)


def billed_next(stage: Stage, until: str) -> tuple[int, list[Any]]:
    """The first invoice that comes by an instant."""
    before = {invoice.id for invoice in stage.invoices()}
    stage.until(until)
    return shown(next(one for one in stage.invoices() if one.id not in before))


BEHAVIORS = ("create_prorations", "always_invoice", "none")


@pytest.mark.parametrize("change", ["2024-01-17", "2024-02-01"])
@pytest.mark.parametrize("behavior", BEHAVIORS)
def test_the_next_invoice_of_a_schedule_is_what_its_phases_bill(
    stage: Stage, behavior: str, change: str
) -> None:
    small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
    usage = stage.metered("Calls", stage.meter(), 7)
    made = schedule(
        stage,
        phase(small, usage, end_date=at(change)),
        phase(large, usage, proration_behavior=behavior, **months(2)),
    )
    stage.use(5, "2024-01-01")
    expected = shown(preview(stage, schedule=made.id))
    assert shown(preview(stage, subscription=made.subscription)) == expected
    assert billed_next(stage, "2024-02-01 00:01") == expected


@pytest.mark.parametrize("behavior", BEHAVIORS)
def test_an_update_is_previewed_as_it_is_then_billed(stage: Stage, behavior: str) -> None:
    small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
    made = schedule(stage, phase(small, **months(2)))
    stage.until("2024-01-17")
    start = made.phases[0].start_date
    details = {
        "phases": [phase(large, start_date=start, end_date=at("2024-03-01"))],
        "proration_behavior": behavior,
    }
    expected = shown(preview(stage, schedule=made.id, schedule_details=details))
    before = {invoice.id for invoice in stage.invoices()}
    stage.client.v1.subscription_schedules.update(made.id, details)
    stage.until("2024-02-01 00:01")
    billed = next(one for one in stage.invoices() if one.id not in before)
    assert shown(billed) == expected


@pytest.mark.parametrize("start", ["now", at("2024-01-20")])
def test_a_new_schedule_is_previewed_as_it_then_begins(stage: Stage, start: Any) -> None:
    first = phase(stage.price("Plan", 3100), **months(1))
    details = {"phases": [{**first, "start_date": start}]}
    expected = shown(preview(stage, customer=stage.customer, schedule_details=details))
    assert stage.invoices() == []
    made = schedule(stage, first, start_date=start)
    if start != "now":
        assert shown(preview(stage, schedule=made.id)) == expected
        stage.until("2024-01-20")
    [invoice] = stage.invoices()
    assert shown(invoice) == expected


@pytest.mark.parametrize("kind", ["new", "planned", "active"])
def test_a_preview_supposes_discounts_of_a_schedule(stage: Stage, kind: str) -> None:
    v1 = stage.client.v1
    own, other = (
        v1.coupons.create({"percent_off": percent, "duration": "forever"}).id
        for percent in (10, 50)
    )
    first = phase(stage.price("Plan", 3100), discounts=[{"coupon": own}], **months(2))
    start = at("2024-01-10") if kind == "planned" else "now"
    subject: dict[str, Any] = {"schedule_details": {"phases": [{**first, "start_date": start}]}}
    subject["customer"] = stage.customer
    if kind != "new":
        subject = {"schedule": schedule(stage, first, start_date=start).id}
    totals = [
        preview(stage, **subject, **more).total
        for more in ({}, {"discounts": [{"coupon": other}]}, {"discounts": ""})
    ]
    assert totals == [2790, 1550, 3100]


def test_what_recurs_of_a_phase_is_its_renewal_alone(stage: Stage) -> None:
    small, large = stage.price("Plan", 3100), stage.price("Plan", 6200)
    end = at("2024-01-17")
    made = schedule(stage, phase(small, end_date=end), phase(large, **months(2)))
    recurring = preview(stage, schedule=made.id, preview_mode="recurring")
    assert recurring.total == 6200


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"schedule": "sub_sched_no"}, "schedule"),
        ({"schedule": "{made}", "subscription": "sub_x"}, "schedule"),
        (
            {"schedule": "{made}", "schedule_details": {"phases": [{"items": [{"price": "no"}]}]}},
            "schedule_details[phases][0]",
        ),
        (
            {"schedule": "{made}", "schedule_details": {"billing_mode": {"type": "classic"}}},
            "schedule_details[billing_mode]",
        ),
    ],
)
def test_what_no_schedule_would_bill_is_refused(
    stage: Stage, params: dict[str, Any], param: str
) -> None:
    made = schedule(stage, phase(stage.price("Plan", 3100), **months(2)))
    given = {name: made.id if value == "{made}" else value for name, value in params.items()}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        preview(stage, **given)
    assert param in str(refused.value.param)


def test_a_schedule_that_is_over_has_no_next_invoice(stage: Stage) -> None:
    made = schedule(stage, phase(stage.price("Plan", 3100), **months(2)))
    stage.client.v1.subscription_schedules.release(made.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        preview(stage, schedule=made.id)
    assert refused.value.code == "invoice_upcoming_none"
