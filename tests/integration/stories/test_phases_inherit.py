"""What a phase says nothing of it inherits: the customer's discount, and each default setting."""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.schedules import again, months, phase, schedule
from tests.integration.stories.stage import Stage


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def discount_customer(stage: Stage) -> None:
    half: Any = {"percent_off": 50, "duration": "forever"}
    coupon = stage.client.v1.coupons.create(half).id
    stage.client.raw_request("post", f"/v1/customers/{stage.customer}", coupon=coupon)


def totals(stage: Stage) -> list[int]:
    return [invoice.total for invoice in stage.invoices()]


def without(base: str, **params: Any) -> dict[str, Any]:
    return phase(base, discounts="", **params)


@pytest.mark.parametrize(
    ("free", "billed"),
    [
        ([], [500, 500, 500]),
        ([0], [1_000, 500, 500]),
        ([1], [500, 1_000, 500]),
        ([2], [500, 500, 1_000]),
    ],
)
def test_an_empty_text_keeps_the_customers_discount_off_a_phase(
    stage: Stage, free: list[int], billed: list[int]
) -> None:
    discount_customer(stage)
    base = stage.price("Base", 1_000)
    phases = [(without if place in free else phase)(base, **months(1)) for place in range(3)]
    schedule(stage, *phases)
    stage.until("2024-03-02")
    assert totals(stage) == billed


def test_an_update_of_the_running_phase_keeps_it_off_or_inherits_it(stage: Stage) -> None:
    discount_customer(stage)
    base = stage.price("Base", 1_000)
    made = schedule(stage, phase(base, **months(6)))
    bounds = {name: made.phases[0][name] for name in ("start_date", "end_date")}
    for day, running in [("2024-01-10", without), ("2024-02-10", phase)]:
        stage.until(day)
        asked = {"phases": [running(base, **bounds)], "proration_behavior": "none"}
        stage.client.v1.subscription_schedules.update(made.id, asked)
    stage.until("2024-03-02")
    assert totals(stage) == [500, 1_000, 500]


def test_it_stays_off_after_the_phase_until_discounts_change(stage: Stage) -> None:
    discount_customer(stage)
    made = schedule(stage, without(stage.price("Base", 1_000), **months(1)))
    [subscription] = stage.client.v1.subscriptions.list({"customer": stage.customer}).data
    upcoming = stage.preview(subscription)
    stage.until("2024-02-02")
    assert stage.client.v1.subscription_schedules.retrieve(made.id).status == "released"
    assert [upcoming.total, *totals(stage)] == [1_000, 1_000, 1_000]
    stage.change(subscription, discounts="")
    stage.until("2024-03-02")
    assert totals(stage)[-1] == 500


def test_a_direct_change_of_items_leaves_it_off_until_the_phase_inherits(stage: Stage) -> None:
    discount_customer(stage)
    base = stage.price("Base", 1_000)
    made = schedule(stage, without(base, **months(3)))
    [subscription] = stage.client.v1.subscriptions.list({"customer": stage.customer}).data
    item = {"id": subscription["items"].data[0].id, "quantity": 2}
    stage.change(subscription, items=[item], proration_behavior="none")
    stage.until("2024-02-02")
    assert totals(stage) == [1_000, 2_000]
    running = again(stage, made).phases[-1]
    bounds = {name: running[name] for name in ("start_date", "end_date")}
    asked = {"phases": [phase(base, **bounds)], "proration_behavior": "none"}
    stage.client.v1.subscription_schedules.update(made.id, asked)
    stage.until("2024-03-02")
    assert totals(stage)[-1] == 500


def test_each_text_that_a_phase_does_not_set_is_that_of_the_default_settings(stage: Stage) -> None:
    usual = {"footer": "Usual", "days_until_due": 9, "custom_fields": [{"name": "A", "value": "1"}]}
    settings = {"collection_method": "send_invoice", "invoice_settings": usual}
    base = stage.price("Base", 1_000)
    own = {"invoice_settings": {"footer": "Own"}}
    short = {"invoice_settings": {"days_until_due": 2}}
    schedule(
        stage,
        phase(base, **own, **months(1)),
        phase(base, **short, **months(1)),
        default_settings=settings,
    )
    stage.until("2024-02-02")
    shown = [
        (one.footer, [field.name for field in one.custom_fields], one.due_date - one.created)
        for one in stage.invoices()
    ]
    assert shown == [("Own", ["A"], 9 * 86_400), ("Usual", ["A"], 2 * 86_400)]
