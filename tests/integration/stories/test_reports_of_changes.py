"""Changes that were billed wrong in public, in billing systems of any kind, and what is right.

Each names where it was reported. Amounts and instants are facts of our own; what is right follows
from the rules that Stripe publishes ("Prorations", "Compare billing modes", "Change price").
"""

from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, day

CLASSIC = {"billing_mode": {"type": "classic"}}
FLEXIBLE = {"billing_mode": {"type": "flexible"}}
MODES = pytest.mark.parametrize("mode", [CLASSIC, FLEXIBLE], ids=["classic", "flexible"])


def last_lines(stage: Stage) -> list[int]:
    """The amounts of the newest invoice, lowest first."""
    return sorted(line.amount for line in stage.invoices()[-1].lines.data)


def totals(stage: Stage) -> list[int]:
    return [invoice.total for invoice in stage.invoices()]


def swap(stage: Stage, made: Any, price: str, **params: Any) -> Any:
    item = {"id": made["items"].data[0].id, "price": price}
    return stage.change(made, items=[item], **params)


# ---------------------------------------------------------------- one change after another


@pytest.mark.parametrize(("mode", "credit"), [(FLEXIBLE, -2_000), (CLASSIC, -500)])
def test_after_a_change_without_proration_flexible_mode_credits_what_was_billed(
    api: Api, mode: dict[str, Any], credit: int
) -> None:
    """laravel/cashier-stripe#557."""
    stage = Stage(api, "2024-04-01")
    made = stage.subscribe(stage.price("Large", 4_000), **mode)
    stage.until("2024-04-06")
    swap(stage, made, stage.price("Small", 1_000), proration_behavior="none")
    stage.until("2024-04-16")
    swap(stage, made, stage.price("Huge", 6_000), proration_behavior="always_invoice")
    assert last_lines(stage) == [credit, 3_000]


@MODES
def test_the_second_upgrade_of_a_year_credits_what_the_first_has_charged(
    api: Api, mode: dict[str, Any]
) -> None:
    """antiwork/gumroad#6077."""
    stage = Stage(api, "2023-01-01")
    made = stage.subscribe(stage.price("One", 10_000, interval="year"), **mode)
    for when, amount in [("2023-03-15", 20_000), ("2023-05-27", 50_000)]:
        stage.until(when)
        price = stage.price("More", amount, interval="year")
        swap(stage, made, price, proration_behavior="always_invoice")
    assert totals(stage) == [10_000, 8_000, 18_000]


@MODES
def test_changes_back_and_forth_in_one_second_cost_nothing(api: Api, mode: dict[str, Any]) -> None:
    """stripe-archive/stripe-billing-typographic#2, laravel/cashier-mollie#79."""
    stage = Stage(api, "2024-04-01")
    made = stage.subscribe(stage.price("Seat", 3_000), **mode)
    item = made["items"].data[0].id
    stage.until("2024-04-16")
    for quantity in (2, 5, 0, 3, 2, 1):
        stage.change(made, items=[{"id": item, "quantity": quantity}])
    assert stage.preview(made).total == 3_000
    stage.change(made, items=[{"id": item, "quantity": 2}])
    stage.until("2024-05-01 02:00")
    assert totals(stage) == [3_000, 1_500 + 6_000]


# ---------------------------------------------------------------- months and years


@pytest.mark.parametrize(
    ("mode", "params", "lines"),
    [
        (CLASSIC, {}, [-500, 12_000]),
        (FLEXIBLE, {"billing_cycle_anchor": "now"}, [-500, 12_000]),
    ],
    ids=["classic", "flexible"],
)
def test_from_a_month_to_a_year_the_rest_of_the_month_is_credited(
    api: Api, mode: dict[str, Any], params: dict[str, Any], lines: list[int]
) -> None:
    """laravel/cashier-stripe#535."""
    stage = Stage(api, "2024-04-01")
    made = stage.subscribe(stage.price("Month", 1_000), **mode)
    stage.until("2024-04-16")
    swap(stage, made, stage.price("Year", 12_000, interval="year"), **params)
    assert last_lines(stage) == lines


@pytest.mark.parametrize(
    ("mode", "params"),
    [(CLASSIC, {}), (FLEXIBLE, {"billing_cycle_anchor": "now"})],
    ids=["classic", "flexible"],
)
def test_from_a_year_to_a_month_the_credit_pays_the_months_to_come(
    api: Api, mode: dict[str, Any], params: dict[str, Any]
) -> None:
    """restrictcontentpro/restrict-content-pro#442."""
    stage = Stage(api, "2023-01-01")
    made = stage.subscribe(stage.price("Year", 7_300, interval="year"), **mode)
    stage.until("2023-03-15")
    swap(stage, made, stage.price("Month", 3_000), **params)
    assert last_lines(stage) == [-5_840, 3_000]
    stage.until("2023-05-15 02:00")
    due = [(day(invoice.created), invoice.amount_due) for invoice in stage.invoices()[1:]]
    assert due == [("2023-03-15", 0), ("2023-04-15", 160), ("2023-05-15", 3_000)]


# ---------------------------------------------------------------- nothing, and from nothing


@pytest.mark.parametrize(
    ("mode", "anchor", "expected"),
    [(CLASSIC, "2024-04-16", [0, 3_000]), (FLEXIBLE, "2024-04-01", [0, 1_500])],
    ids=["classic", "flexible"],
)
def test_a_free_price_that_becomes_a_paid_one_resets_the_cycle_in_classic_mode(
    api: Api, mode: dict[str, Any], anchor: str, expected: list[int]
) -> None:
    """stripe/stripe-dotnet#1166, openmeterio/openmeter#3151."""
    stage = Stage(api, "2024-04-01")
    made = stage.subscribe(stage.price("Free", 0), **mode)
    stage.until("2024-04-16")
    paid = stage.price("Paid", 3_000)
    after = swap(stage, made, paid, proration_behavior="always_invoice")
    assert day(after.billing_cycle_anchor) == anchor
    assert totals(stage) == expected


@MODES
def test_a_quantity_that_comes_from_zero_resets_nothing(api: Api, mode: dict[str, Any]) -> None:
    """servicebot/servicebot#291."""
    stage = Stage(api, "2024-04-01")
    seat = {"price": stage.price("Seat", 3_000), "quantity": 0}
    made = stage.subscribe(items=[seat], **mode)
    stage.until("2024-04-16")
    changed = {"id": made["items"].data[0].id, "quantity": 2}
    after = stage.change(made, items=[changed], proration_behavior="always_invoice")
    assert day(after.billing_cycle_anchor) == "2024-04-01"
    assert totals(stage) == [0, 3_000]


@pytest.mark.parametrize(("quantity", "total"), [(0, 400), (5, 400), (6, 700)])
def test_the_flat_amount_of_the_first_tier_is_paid_for_no_seats_too(
    api: Api, quantity: int, total: int
) -> None:
    """openmeterio/openmeter#3151."""
    stage = Stage(api, "2024-04-01")
    tiers = [
        {"up_to": 5, "unit_amount": 0, "flat_amount": 400},
        {"up_to": "inf", "unit_amount": 300},
    ]
    seats = stage.price("Seats", tiers=tiers, tiers_mode="graduated", billing_scheme="tiered")
    stage.subscribe(items=[{"price": seats, "quantity": quantity}])
    assert totals(stage) == [total]


# ---------------------------------------------------------------- trials


@MODES
def test_seats_that_change_in_a_trial_cost_nothing_until_it_is_over(
    api: Api, mode: dict[str, Any]
) -> None:
    """penpot/penpot#11364."""
    stage = Stage(api, "2024-04-01")
    seat = {"price": stage.price("Seat", 200), "quantity": 3}
    made = stage.subscribe(items=[seat], trial_period_days=14, **mode)
    stage.until("2024-04-05")
    item = made["items"].data[0].id
    for quantity in (40, 90):
        changed = {"id": item, "quantity": quantity}
        stage.change(made, items=[changed], proration_behavior="always_invoice")
    assert totals(stage) == [0]
    stage.until("2024-04-15 02:00")
    assert totals(stage) == [0, 90 * 200]


@MODES
def test_a_trial_that_is_ended_with_another_price_and_quantity_charges_those_at_once(
    api: Api, mode: dict[str, Any]
) -> None:
    """stripe/stripe-dotnet#1166, laravel/cashier-stripe#1061."""
    stage = Stage(api, "2024-04-01")
    made = stage.subscribe(stage.price("Small", 100), trial_period_days=14, **mode)
    stage.until("2024-04-05")
    changed = {
        "id": made["items"].data[0].id,
        "price": stage.price("Large", 550),
        "quantity": 4,
    }
    stage.change(made, items=[changed], trial_end="now")
    assert [(day(invoice.created), invoice.total) for invoice in stage.invoices()] == [
        ("2024-04-01", 0),
        ("2024-04-05", 2_200),
    ]


# ---------------------------------------------------------------- what a preview has said


@MODES
def test_a_change_of_half_an_hour_later_costs_what_its_preview_said_for_the_same_date(
    api: Api, mode: dict[str, Any]
) -> None:
    """mozilla/fxa#16251, stripe/stripe-dotnet#1846, pay-rails/pay#138."""
    stage = Stage(api, "2024-04-01")
    made = stage.subscribe(stage.price("Small", 3_000), **mode)
    stage.until("2024-04-16")
    item = {"id": made["items"].data[0].id, "price": stage.price("Large", 7_777)}
    change = {
        "items": [item],
        "proration_date": at("2024-04-16"),
        "proration_behavior": "always_invoice",
    }
    shown = stage.preview(made, **change)
    stage.until("2024-04-16 00:30")
    stage.change(made, **change)
    billed = stage.invoices()[-1]
    assert shown.total == billed.total == 3_888 - 1_500
    assert [(line.description, line.amount) for line in shown.lines.data] == [
        (line.description, line.amount) for line in billed.lines.data
    ]


# ---------------------------------------------------------------- what waits at an end


@MODES
@pytest.mark.parametrize(
    ("params", "invoiced", "left"),
    [
        ({"invoice_now": True}, 1_777, 0),
        ({"invoice_now": True, "prorate": True}, 277, 0),
        ({"prorate": True}, None, 277),
        ({}, None, 777),
    ],
    ids=["invoiced", "invoiced and prorated", "prorated", "plain"],
)
def test_what_is_pending_at_an_end_is_invoiced_kept_or_dropped_as_it_says(
    api: Api, mode: dict[str, Any], params: dict[str, Any], invoiced: int | None, left: int
) -> None:
    """stripe/stripe-dotnet#1448."""
    stage = Stage(api, "2024-04-01")
    made = stage.subscribe(stage.price("Small", 1_000), **mode)
    stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": 777, "currency": "usd"}
    )
    stage.until("2024-04-16")
    swap(stage, made, stage.price("Large", 3_000))
    stage.client.v1.subscriptions.cancel(made.id, params)
    assert totals(stage)[1:] == ([] if invoiced is None else [invoiced])
    waiting = stage.client.v1.invoice_items.list({"customer": stage.customer, "pending": True})
    assert sum(item.amount for item in waiting.data) == left


@MODES
@pytest.mark.parametrize("behavior", ["create_prorations", "none"])
def test_an_end_in_the_next_period_shortens_that_and_bills_its_usage(
    api: Api, mode: dict[str, Any], behavior: str
) -> None:
    """YumaInaura/YumaInaura#2910, #2913, #2920."""
    stage = Stage(api, "2024-04-01")
    made = stage.subscribe(
        stage.price("Base", 3_100), stage.metered("Calls", stage.meter(), 10), **mode
    )
    stage.until("2024-04-10")
    stage.change(made, cancel_at=at("2024-05-16"), proration_behavior=behavior)
    stage.until("2024-05-15")
    stage.use(7)
    stage.until("2024-05-17")
    assert totals(stage) == [3_100, 1_500, 70]
