"""A discount for once counts for one invoice: naming it by its id does not bring it back."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.schedules import again, months, phase, schedule, update
from tests.integration.stories.stage import Stage


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def coupon(stage: Stage, duration: str = "once") -> list[dict[str, str]]:
    params: Any = {"percent_off": 50, "duration": duration}
    return [{"coupon": stage.client.v1.coupons.create(params).id}]


def used(stage: Stage) -> list[Any]:
    """The discounts of the first invoice, which has had them."""
    return [{"discount": discount} for discount in stage.invoices()[0].discounts]


def totals(stage: Stage) -> list[int]:
    return [invoice.total for invoice in stage.invoices()]


@pytest.mark.parametrize("holder", ["subscription", "item", "preview", "another", "invoice"])
def test_one_that_an_invoice_has_had_is_refused(stage: Stage, holder: str) -> None:
    made = stage.subscribe(stage.price("Base", 1_000), discounts=coupon(stage))
    [spent] = used(stage)
    item = {"id": made["items"].data[0].id, "discounts": [spent]}
    other = [{"price": stage.price("Other", 1_000)}]
    asked: dict[str, Any] = {
        "subscription": lambda: stage.change(made, discounts=[spent]),
        "item": lambda: stage.change(made, items=[item]),
        "preview": lambda: stage.client.v1.invoices.create_preview(
            {"subscription": made.id, "discounts": [spent]}
        ),
        "another": lambda: stage.subscribe(items=other, discounts=[spent]),
        "invoice": lambda: stage.client.v1.invoices.create(
            {"customer": stage.customer, "discounts": [spent]}
        ),
    }
    with pytest.raises(stripe.InvalidRequestError, match="name its coupon") as refused:
        asked[holder]()
    where = "items[0][discounts][0]" if holder == "item" else "discounts[0]"
    assert (refused.value.code, refused.value.param) == (
        "resource_missing",
        f"{where}[discount]",
    )
    stage.until("2024-02-02")
    assert totals(stage) == [500, 1_000]


def test_one_that_waits_is_kept_by_its_id(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Base", 1_000), trial_period_days=31)
    made = stage.change(made, discounts=coupon(stage))
    kept = [{"discount": discount} for discount in made.discounts]
    made = stage.change(made, discounts=kept)
    stage.change(made, items=[{"id": made["items"].data[0].id, "discounts": kept}], discounts="")
    stage.until("2024-03-03")
    assert totals(stage) == [0, 500, 1_000]


def test_a_draft_keeps_the_one_that_counts_on_it(stage: Stage) -> None:
    sent: Any = {"collection_method": "send_invoice", "days_until_due": 5}
    stage.subscribe(stage.price("Base", 1_000), discounts=coupon(stage), **sent)
    [draft] = stage.invoices()
    line = {"id": draft.lines.data[0].id, "discounts": used(stage)}
    stage.client.v1.invoices.update(draft.id, {"discounts": used(stage)})
    assert totals(stage) == [500]
    stage.client.v1.invoices.update_lines(draft.id, {"lines": [line]})
    stage.client.v1.invoices.update(draft.id, {"discounts": ""})
    assert totals(stage) == [500]


@pytest.mark.parametrize("duration", ["once", "forever"])
def test_phases_go_on_naming_one_that_does_not_count_any_more(stage: Stage, duration: str) -> None:
    base, other = stage.price("Base", 1_000), stage.price("Other", 2_000)
    made = stage.change(stage.subscribe(base), discounts=coupon(stage, duration))
    kept = [{"discount": made.discounts[0]}]
    planned = stage.client.v1.subscription_schedules.create({"from_subscription": made.id})
    bounds = {name: planned.phases[0][name] for name in ("start_date", "end_date")}
    running = phase(base, discounts=kept, **bounds)
    update(stage, planned, running, phase(base, discounts=kept, **months(2)))
    stage.until("2024-02-10")  # the renewal has had it
    now = again(stage, planned).phases[-1]
    bounds = {name: now[name] for name in ("start_date", "end_date")}
    running = phase(base, discounts=kept, **bounds)
    update(stage, planned, running, phase(other, discounts=kept, **months(1)))
    stage.until("2024-04-02")
    assert again(stage, planned).status == "active"
    later = [1_000, 2_000] if duration == "once" else [500, 1_000]
    assert totals(stage) == [1_000, 500, *later]


def test_a_new_phase_that_names_a_spent_one_is_refused(stage: Stage) -> None:
    base = stage.price("Base", 1_000)
    stage.subscribe(base, discounts=coupon(stage))
    with pytest.raises(stripe.InvalidRequestError, match="name its coupon") as refused:
        schedule(stage, phase(base, discounts=used(stage), **months(1)))
    assert refused.value.param == "phases[0][discounts][0][discount]"
