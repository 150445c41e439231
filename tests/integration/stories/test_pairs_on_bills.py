"""Two things that meet on a bill for the first time: what each pair comes to, in both modes."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories.streams import watch_usage
from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at

_TIERS: dict[str, Any] = {
    "billing_scheme": "tiered",
    "tiers_mode": "graduated",
    "tiers": [{"up_to": 10, "unit_amount": 10}, {"up_to": "inf", "unit_amount": 1}],
}
"""Twelve units cost 1.02."""
_HALFWAY = "2024-01-16 12:00"
_RENEWED = "2024-02-01 02:00"


def totals(stage: Stage) -> list[int]:
    return [invoice.total for invoice in stage.invoices()]


def due(stage: Stage) -> list[int]:
    return [invoice.amount_due for invoice in stage.invoices()]


def waiting(stage: Stage) -> list[int]:
    params: Any = {"customer": stage.customer, "pending": True}
    return sorted(item.amount for item in stage.client.v1.invoice_items.list(params).data)


def coupon(stage: Stage, **params: Any) -> list[dict[str, str]]:
    return [{"coupon": str(stage.client.v1.coupons.create(params).id)}]


def credit(stage: Stage, amount: int) -> None:
    booked: Any = {"amount": -amount, "currency": "usd"}
    stage.client.v1.customers.balance_transactions.create(stage.customer, booked)


def bill_late(stage: Stage) -> None:
    stage.client.raw_request("post", "/v1/meterline/settings", late_usage="next_invoice")


def use_late(stage: Stage, value: int, when: str) -> None:
    """Usage of a period whose invoice is final, as the stream of the counters brings it."""
    stage.use(value, when)
    watch_usage(stage.api.engine)


def metered(stage: Stage) -> str:
    return stage.metered("Calls", stage.meter(), 1)


def swap(stage: Stage, made: Any, amount: int) -> None:
    item = {"id": made["items"].data[0].id, "price": stage.price("Other", amount)}
    stage.change(made, items=[item])


def pause(stage: Stage, made: Any) -> None:
    how: Any = {"type": "subscription", "invoicing_behavior": "invoice"}
    stage.client.v1.subscriptions.pause(made.id, how)


# ------------------------------------------------------------------ changes dated back


def swap_and_date(stage: Stage) -> list[int]:
    """A change that takes effect before the last one counts no usage again."""
    meter = stage.meter()
    made = stage.subscribe(stage.metered("A", meter, 10))
    stage.use(1)
    stage.until("2024-01-20")
    for price, params in [(7, {}), (3, {"proration_date": at("2024-01-10")})]:
        stage.use(10, "2024-01-15")
        item = {"id": made["items"].data[0].id, "price": stage.metered("B", meter, price)}
        stage.change(made, items=[item], **params)
    stage.use(100)
    stage.until(_RENEWED)
    return totals(stage)


# ------------------------------------------------------------------ starts dated back


def backdated(stage: Stage, price: str, **params: Any) -> Any:
    return stage.subscribe(price, backdate_start_date=at("2023-11-01"), **params)


def backdate_and_discount(stage: Stage) -> list[int]:
    """A coupon for once takes its part of all periods of the first invoice."""
    half = coupon(stage, percent_off=50, duration="once")
    backdated(stage, stage.price("Base", 1_000), discounts=half)
    return totals(stage)


def balance_and_backdate(stage: Stage) -> list[int]:
    """Credit pays past periods first."""
    credit(stage, 3_500)
    backdated(stage, stage.price("Base", 1_000))
    stage.until(_RENEWED)
    return due(stage)


def backdate_in_yen(stage: Stage) -> list[int]:
    stage.currency = "jpy"
    backdated(stage, stage.price("Base", 1_000))
    return totals(stage)


def backdate_and_deletion(stage: Stage) -> list[int]:
    """Of a change that is deleted nothing comes back, however many periods were billed at once."""
    made = backdated(stage, stage.price("Base", 1_000))
    stage.until(_HALFWAY)
    swap(stage, made, 3_000)
    params: Any = {"customer": stage.customer, "pending": True}
    [debit] = [item for item in stage.client.v1.invoice_items.list(params).data if item.amount > 0]
    stage.client.v1.invoice_items.delete(debit.id)
    stage.client.v1.subscriptions.cancel(made.id, {"prorate": True})
    return waiting(stage)


def backdate_and_end(stage: Stage) -> list[int]:
    """Past periods in full, and the present one up to the end."""
    backdated(stage, stage.price("Base", 1_000), cancel_at=at(_HALFWAY))
    stage.until(_RENEWED)
    return totals(stage)


def backdate_and_late(stage: Stage) -> list[int]:
    """Usage of a past period that comes after its bill is on the next one."""
    bill_late(stage)
    calls = metered(stage)
    stage.use(100, "2023-12-10")
    stage.subscribe(calls, backdate_start_date=at("2023-12-01"))
    stage.until("2024-01-02")
    use_late(stage, 40, "2023-12-20")
    stage.until(_RENEWED)
    return totals(stage)


def backdate_and_pause(stage: Stage) -> list[int]:
    """A pause gives back of the running period alone."""
    made = backdated(stage, stage.price("Base", 1_000))
    stage.until(_HALFWAY)
    pause(stage, made)
    return totals(stage)


def backdate_and_swap(stage: Stage) -> list[int]:
    made = backdated(stage, stage.price("Base", 1_000))
    stage.until(_HALFWAY)
    swap(stage, made, 3_000)
    return waiting(stage)


def backdate_and_threshold(stage: Stage) -> list[int]:
    """What a past period used is billed with the start; the threshold counts from then on."""
    calls = metered(stage)
    stage.use(600, "2023-12-10")
    start, terms = at("2023-12-01"), {"amount_gte": 500}
    stage.subscribe(calls, backdate_start_date=start, billing_thresholds=terms)
    for day, units in (("05", 400), ("07", 200)):
        stage.until(f"2024-01-{day}")
        stage.use(units)
        stage.until(f"2024-01-{day} 12:00")
    stage.until(_RENEWED)
    return totals(stage)


def backdate_and_tiers(stage: Stage) -> list[int]:
    """Each past period goes through the tiers by itself."""
    calls = stage.metered("Calls", stage.meter(), **_TIERS)
    stage.use(12, "2023-12-05")
    stage.use(12, "2023-12-20")
    start, anchor = at("2023-11-15"), at("2024-01-15")
    stage.subscribe(calls, backdate_start_date=start, billing_cycle_anchor=anchor)
    stage.use(12)
    stage.until("2024-01-15 02:00")
    return totals(stage)


# ------------------------------------------------------------------ credit and discounts


def balance_and_deletion(stage: Stage) -> list[int]:
    """A draft that is deleted has used no credit."""
    credit(stage, 500)
    once: Any = {"customer": stage.customer, "amount": 700, "currency": "usd"}
    stage.client.v1.invoice_items.create(once)
    params: Any = {"customer": stage.customer, "pending_invoice_items_behavior": "include"}
    stage.client.v1.invoices.delete(stage.client.v1.invoices.create(params).id)
    return [stage.client.v1.customers.retrieve(stage.customer).balance or 0]


def balance_and_discount(stage: Stage) -> list[int]:
    """A discount comes off before credit pays."""
    credit(stage, 300)
    half = coupon(stage, percent_off=50, duration="once")
    stage.subscribe(stage.price("Base", 1_000), discounts=half)
    return due(stage)


def balance_and_late(stage: Stage) -> list[int]:
    """Credit pays late usage with the invoice that corrects it."""
    bill_late(stage)
    stage.subscribe(metered(stage))
    stage.use(100)
    stage.until(_RENEWED)
    use_late(stage, 140, "2024-01-20")
    credit(stage, 90)
    stage.until("2024-03-01 02:00")
    return due(stage)


def balance_and_threshold(stage: Stage) -> list[int]:
    """Credit is used once: by the threshold's invoice, and then by the renewal's."""
    credit(stage, 630)
    stage.subscribe(metered(stage), billing_thresholds={"amount_gte": 500})
    stage.until("2024-01-05")
    stage.use(600)
    stage.until("2024-01-06")
    stage.use(200)
    stage.until(_RENEWED)
    return due(stage)


def balance_and_trial(stage: Stage) -> list[int]:
    """Credit waits behind a trial."""
    credit(stage, 500)
    stage.subscribe(stage.price("Base", 1_000), trial_period_days=10)
    stage.until("2024-01-11 02:00")
    return due(stage)


def discount_and_pause(stage: Stage) -> list[int]:
    """A pause gives back what a coupon for once has left to pay."""
    half = coupon(stage, percent_off=50, duration="once")
    made = stage.subscribe(stage.price("Base", 1_000), discounts=half)
    stage.until(_HALFWAY)
    pause(stage, made)
    return totals(stage)


# ------------------------------------------------------------------ trials


def trial_and_item_for_once(stage: Stage) -> list[int]:
    """What is sold once is charged with the trial's first invoice."""
    product = stage.client.v1.products.create({"name": "Set-up"}).id
    once = {"currency": "usd", "product": product, "unit_amount": 700}
    price = stage.price("Base", 1_000)
    stage.subscribe(price, trial_period_days=10, add_invoice_items=[{"price_data": once}])
    stage.until("2024-01-11 02:00")
    return totals(stage)


def tiers_and_trial(stage: Stage) -> list[int]:
    """Free usage uses up no tier."""
    calls = stage.metered("Calls", stage.meter(), **_TIERS)
    stage.subscribe(calls, trial_period_days=10)
    stage.use(50)
    stage.until("2024-01-12")
    stage.use(12)
    stage.until("2024-02-11 02:00")
    return totals(stage)


def late_and_trial(stage: Stage) -> list[int]:
    """Usage of a trial is free also if it comes late."""
    bill_late(stage)
    stage.subscribe(metered(stage), trial_period_days=10)
    stage.until("2024-01-12")
    use_late(stage, 50, "2024-01-05")
    stage.until("2024-03-11 02:00")
    return totals(stage)


# ------------------------------------------------------------------ ends and pauses


def end_and_tiers(stage: Stage) -> list[int]:
    """A period that is cut has all of its tiers: usage is not prorated."""
    calls = stage.metered("Calls", stage.meter(), **_TIERS)
    stage.subscribe(calls, cancel_at=at(_HALFWAY))
    stage.use(12)
    stage.until(_RENEWED)
    return totals(stage)


def threshold_and_pause(stage: Stage) -> list[int]:
    """A pause bills what a threshold has not."""
    made = stage.subscribe(metered(stage), billing_thresholds={"amount_gte": 500})
    stage.use(600)
    stage.until("2024-01-05")
    stage.until("2024-01-06")
    stage.use(40)
    pause(stage, made)
    return totals(stage)


def threshold_and_trial(stage: Stage) -> list[int]:
    """A trial that is given later bills what a threshold has not, and then nothing."""
    made = stage.subscribe(metered(stage), billing_thresholds={"amount_gte": 500})
    stage.use(600)
    stage.until("2024-01-05")
    stage.until("2024-01-06")
    stage.use(40)
    stage.change(made, trial_end=at("2024-03-01"))
    stage.use(1_000)
    stage.until("2024-02-10")
    return totals(stage)


def pause_and_tiers(stage: Stage) -> list[int]:
    """The cycle that begins after a pause goes through the tiers anew."""
    made = stage.subscribe(stage.metered("Calls", stage.meter(), **_TIERS))
    stage.use(12)
    stage.until("2024-01-10")
    pause(stage, made)
    stage.until("2024-01-12")
    stage.use(1_000)
    stage.until("2024-01-14")
    stage.client.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": "now"})
    stage.until("2024-01-15")
    stage.use(12)
    stage.until("2024-02-14 02:00")
    return totals(stage)


# ------------------------------------------------------------------ late usage


def late_and_pause(stage: Stage) -> list[int]:
    """Usage of before a pause that comes in it is on the first renewal after it."""
    bill_late(stage)
    made = stage.subscribe(metered(stage))
    stage.use(100)
    stage.until("2024-01-10")
    pause(stage, made)
    stage.until("2024-01-11")
    use_late(stage, 40, "2024-01-05")
    stage.client.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": "now"})
    stage.until("2024-02-11 02:00")
    return totals(stage)


def late_and_threshold(stage: Stage) -> list[int]:
    """Late usage of a period that a threshold has billed a part of is billed once."""
    bill_late(stage)
    stage.subscribe(metered(stage), billing_thresholds={"amount_gte": 500})
    stage.until("2024-01-05")
    stage.use(600)
    stage.until("2024-01-06")
    stage.use(50)
    stage.until(_RENEWED)
    use_late(stage, 40, "2024-01-04")
    stage.until("2024-03-01 02:00")
    return totals(stage)


CASES: dict[Callable[[Stage], list[int]], list[int]] = {
    swap_and_date: [21 * 10 + 100 * 3],
    backdate_and_discount: [1_500],
    balance_and_backdate: [0, 500],
    backdate_in_yen: [3_000],
    backdate_and_deletion: [-500],
    backdate_and_end: [2_500],
    backdate_and_late: [100, 40],
    backdate_and_pause: [3_000, -500],
    backdate_and_swap: [-500, 1_500],
    backdate_and_threshold: [600, 600, 0],
    backdate_and_tiers: [102, 114],
    balance_and_deletion: [-500],
    balance_and_discount: [200],
    balance_and_late: [100, 50],
    balance_and_threshold: [0, 170],
    balance_and_trial: [0, 500],
    discount_and_pause: [500, -250],
    trial_and_item_for_once: [700, 1_000],
    tiers_and_trial: [102],
    late_and_trial: [0, 0],
    end_and_tiers: [102],
    threshold_and_pause: [600, 40],
    threshold_and_trial: [600, 40],
    pause_and_tiers: [102, 102],
    late_and_pause: [100, 40],
    late_and_threshold: [600, 50, 40],
}


CLASSIC: dict[Callable[[Stage], list[int]], list[int]] = {
    swap_and_date: [0, 100 * 3],  # usage of before a change is not billed
    backdate_and_late: [0, 140],  # usage of past periods is billed with the next cycle
    backdate_and_threshold: [0, 600, 600, 0],
    backdate_and_tiers: [0, 126],
    balance_and_late: [0, 100, 50],
    balance_and_threshold: [0, 0, 170],
    end_and_tiers: [0, 102],
    late_and_pause: [0, 100, 0, 40],
    late_and_threshold: [0, 600, 50, 40],
    late_and_trial: [0, 0, 0, 0],
    pause_and_tiers: [0, 102, 0, 102],
    threshold_and_pause: [0, 600, 40],
    threshold_and_trial: [0, 600, 40],
    tiers_and_trial: [0, 0, 102],
}
"""Where classic mode bills otherwise: a start, also after a trial or a pause, has a line of 0."""


@pytest.mark.parametrize("mode", ["flexible", "classic"])
@pytest.mark.parametrize("meeting", CASES, ids=lambda case: str(case.__name__))
def test_pairs_that_meet_on_a_bill(
    api: Api, meeting: Callable[[Stage], list[int]], mode: str
) -> None:
    stage = Stage(api, "2024-01-01", terms={"billing_mode": {"type": mode}})
    expected = CASES | (CLASSIC if mode == "classic" else {})
    assert meeting(stage) == expected[meeting]
