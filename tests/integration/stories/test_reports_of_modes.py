"""Classic and flexible mode, as Stripe compares them ("Compare billing modes").

Amounts and instants are facts of our own.
"""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day

CLASSIC = {"billing_mode": {"type": "classic"}}
FLEXIBLE = {"billing_mode": {"type": "flexible"}}


@pytest.mark.parametrize(
    ("mode", "behavior", "total"),
    [
        (CLASSIC, "none", 1000),
        (FLEXIBLE, "none", 3100),
        (CLASSIC, "create_prorations", 1000),
        (FLEXIBLE, "create_prorations", 1000),
    ],
)
def test_an_end_in_the_first_period_is_charged_as_the_mode_has_it(
    api: Api, mode: dict[str, Any], behavior: str, total: int
) -> None:
    """YumaInaura/YumaInaura#2910, #2913, #2920."""
    stage = Stage(api, "2024-01-01")
    stage.subscribe(
        stage.price("Base", 3100),
        cancel_at=at("2024-01-11"),
        proration_behavior=behavior,
        **mode,
    )
    stage.until("2024-01-12")
    assert stage.totals() == [("2024-01-01", total)]


@pytest.mark.parametrize(
    ("mode", "first", "second"),
    [
        (CLASSIC, "2024-01-01", "2024-01-01"),
        (FLEXIBLE, "2024-01-01", "2024-02-01"),
    ],
)
def test_a_second_trial_starts_a_new_one_in_flexible_mode_only(
    api: Api, mode: dict[str, Any], first: str, second: str
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 3100), trial_period_days=10, **mode)
    assert day(made.trial_start) == first
    stage.until("2024-02-01")
    again = stage.change(made, trial_end=at("2024-02-20"), proration_behavior="none")
    assert day(again.trial_start) == second


@pytest.mark.parametrize(("mode", "left"), [(CLASSIC, "2024-01-05"), (FLEXIBLE, "2024-01-11")])
def test_an_end_within_a_trial_shortens_it_in_classic_mode_for_good(
    api: Api, mode: dict[str, Any], left: str
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    price = stage.price("Base", 3100)
    made = stage.subscribe(price, trial_period_days=10, **mode)
    ending = stage.change(made, cancel_at=at("2024-01-05"))
    assert day(ending.trial_end) == left
    goes_on = stage.change(made, cancel_at="")
    assert day(goes_on.trial_end) == left
    born = stage.subscribe(price, trial_period_days=10, cancel_at=at("2024-01-05"), **mode)
    assert day(born.trial_end) == left
    stage.until(f"{left} 02:00")
    bill = stage.invoices()[-1]
    assert (bill.total, day(bill.lines.data[0].period.start)) == (3100, left)


@pytest.mark.parametrize(
    ("mode", "behavior", "amounts"),
    [
        (CLASSIC, "always_invoice", [-2100, 3100]),
        (CLASSIC, "create_prorations", [-2100, 777, 3100]),
        (FLEXIBLE, "always_invoice", [-2100, 777, 3100]),
    ],
)
def test_a_reset_that_is_invoiced_leaves_pending_items_in_classic_mode(
    api: Api, mode: dict[str, Any], behavior: str, amounts: list[int]
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 3100), **mode)
    stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": 777, "currency": "usd"}
    )
    stage.until("2024-01-11")
    stage.change(made, billing_cycle_anchor="now", proration_behavior=behavior)
    assert sorted(line.amount for line in stage.invoices()[-1].lines.data) == amounts


@pytest.mark.parametrize(("mode", "lines"), [(CLASSIC, ["0 × Calls"]), (FLEXIBLE, [])])
def test_usage_that_is_added_and_invoiced_has_a_line_in_classic_mode(
    api: Api, mode: dict[str, Any], lines: list[str]
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    made = stage.subscribe(stage.price("Base", 3100), **mode)
    stage.until("2024-01-11")
    calls = stage.metered("Calls", stage.meter(), 100)
    stage.change(made, items=[{"price": calls}], proration_behavior="always_invoice")
    found = [line for invoice in stage.invoices()[1:] for line in invoice.lines.data]
    assert [line.description.split(" (")[0] for line in found] == lines
    assert [(line.amount, day(line.period.start)) for line in found] == [
        (0, "2024-01-11") for _ in lines
    ]


@pytest.mark.parametrize(
    ("mode", "texts"),
    [
        (CLASSIC, {"Trial period for Base", "0 × Calls (Free trial)"}),
        (FLEXIBLE, {"Free trial for 2 × Base"}),
    ],
)
def test_lines_of_a_trial_are_worded_as_the_mode_has_it(
    api: Api, mode: dict[str, Any], texts: set[str]
) -> None:
    """Stripe, "Compare billing modes"."""
    stage = Stage(api, "2024-01-01")
    calls = stage.metered("Calls", stage.meter(), 100)
    items = [{"price": stage.price("Base", 3100), "quantity": 2}, {"price": calls}]
    stage.subscribe(items=items, trial_period_days=10, **mode)
    assert {line.description for line in stage.invoices()[0].lines.data} == texts
