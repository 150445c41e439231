"""Every line says how it was computed, and what it says adds up to the line.

The sums are done again here from nothing but the explanation, with fractions.
"""

from fractions import Fraction
from typing import Any

import pytest

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage
from tests.unit.core.naive import nearest

TIERS = [
    {"up_to": 10, "unit_amount_decimal": "12.5", "flat_amount_decimal": "300"},
    {"up_to": "inf", "unit_amount_decimal": "7.25"},
]


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def explanation(stage: Stage, invoice: Any) -> Any:
    return stage.client.raw_request("get", f"/v1/invoices/{invoice.id}/explanation").data


def amount_explained(how: Any) -> int:
    """What a line comes to by its explanation alone."""
    amount = int(how["full_amount"])
    if how["steps"]:
        for one in how["steps"]:
            quantity, unit = Fraction(one["quantity"]), Fraction(one["unit_amount"])
            assert quantity * unit + Fraction(one["flat_amount"]) == Fraction(one["amount"])
        amounts = [Fraction(step["amount"]) for step in how["steps"]]
        by_tier = [nearest(one) for one in amounts]
        rated = sum(by_tier) if how["steps"][0]["tier"] else nearest(sum(amounts, Fraction(0)))
        assert amount == rated - how.get("discount", 0)
    if how.get("bounds"):
        bounds = how["bounds"]
        assert bounds["usage_amount"] == amount
        amount += bounds["true_up"] - bounds["reduction"]
    if how.get("of_seconds"):
        amount = nearest(Fraction(amount * how["seconds"], how["of_seconds"]))
    return amount


def added(explained: Any) -> dict[str, int]:
    """What each step added to a line or an invoice."""
    return {amount["step"]: amount["amount"] for amount in explained["amounts"]}


def assert_explained(stage: Stage, invoice: Any) -> list[Any]:
    """The explanation's lines, after its sums were done again from top to bottom."""
    told = explanation(stage, invoice)
    assert [one["id"] for one in told["lines"]] == [one.id for one in invoice.lines.data]
    for line in told["lines"]:
        how = line["explanation"]
        sign = -1 if line["amount"] < 0 < amount_explained(how) else 1
        assert sign * amount_explained(how) == line["amount"], line
        assert added(line)["lines"] == line["amount"]
        assert added(line)["discounts"] == -sum(
            amount["amount"] for amount in line["discount_amounts"]
        )
    assert sum(one["amount"] for one in told["lines"]) == told["subtotal"] == invoice.subtotal
    off = sum(discount["amount"] for discount in told["discounts"])
    assert told["subtotal"] - off == told["total"] == invoice.total
    owed = told["total"] + told["balance"]["starting"]
    due = owed if owed >= max(1, told["balance"]["smallest_charge"]) else 0
    assert due == told["amount_due"] == invoice.amount_due
    assert told["balance"]["ending"] == owed - due
    steps = ["lines", "discounts", "credits", "taxes", "totals", "balance", "credit_notes"]
    assert list(added(told)) == steps
    assert sum(added(told).values()) == due
    return list(told["lines"])


def test_first_and_renewal_invoices_explain_themselves(stage: Stage) -> None:
    """A stub of a tiered licence; then usage tier by tier, a whole licence, a coupon, a balance."""
    coupon = stage.client.v1.coupons.create({"percent_off": 12.5, "duration": "forever"}).id
    stage.client.v1.customers.update(stage.customer, {"balance": -77})
    tiered: dict[str, Any] = {"billing_scheme": "tiered", "tiers_mode": "graduated"}
    seats = stage.price("Seats", tiers=TIERS, **tiered)
    calls = stage.metered("Calls", stage.meter(), tiers=TIERS, **tiered)
    stage.until("2024-01-16")
    stage.subscribe(
        items=[{"price": seats, "quantity": 13}, {"price": calls}],
        billing_cycle_anchor_config={"day_of_month": 1, "hour": 0, "minute": 0, "second": 0},
        discounts=[{"coupon": coupon}],
    )
    stage.use(25)
    stage.until("2024-02-02")
    first, renewal = stage.invoices()
    stub = [line["explanation"] for line in assert_explained(stage, first)]
    assert [step["tier"] for how in stub for step in how["steps"]] == [1, 1, 2]
    parts = {(how["seconds"], how["of_seconds"]) for how in stub}
    assert parts == {(16 * 86_400, 31 * 86_400)}
    assert_explained(stage, renewal)
    told = explanation(stage, first)
    assert told["discounts"][0]["percent_off"] == "12.5"
    assert told["balance"] == {"starting": -77, "applied": 77, "ending": 0, "smallest_charge": 50}


@pytest.mark.parametrize("mode", ["classic", "flexible"])
def test_prorations_explain_themselves(stage: Stage, mode: str) -> None:
    """A debit tier by tier; a credit by the price, or in flexible mode by what was billed."""
    tiered: dict[str, Any] = {"billing_scheme": "tiered", "tiers_mode": "graduated"}
    seats = stage.price("Seats", tiers=TIERS, **tiered)
    coupon = stage.client.v1.coupons.create({"percent_off": 10, "duration": "forever"}).id
    subscription = stage.subscribe(
        items=[{"price": seats, "quantity": 5}],
        discounts=[{"coupon": coupon}],
        billing_mode={"type": mode},
    )
    stage.until("2024-01-08")
    item = subscription["items"].data[0].id
    stage.change(
        subscription,
        items=[{"id": item, "quantity": 20}],
        proration_behavior="always_invoice",
    )
    lines = assert_explained(stage, stage.invoices()[-1])
    by_sign = {line["amount"] > 0: line["explanation"] for line in lines}
    assert [step["tier"] for step in by_sign[True]["steps"]] == [1, 1, 2]
    assert by_sign[True]["discount"] > 0
    assert len(by_sign[False]["steps"]) == {"classic": 2, "flexible": 0}[mode]
    assert str(by_sign[False]["of_seconds"]) in by_sign[False]["arithmetic"]


def test_charges_for_once_explain_themselves(stage: Stage) -> None:
    """A one-time price, an amount, a unit amount; and an invoice too small to be charged."""
    setup = stage.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 7, "product_data": {"name": "Setup"}}
    ).id
    items = stage.client.v1.invoice_items
    who = {"customer": stage.customer}
    items.create({**who, "pricing": {"price": setup}, "quantity": 3})
    items.create({**who, "amount": 11, "currency": "usd"})
    items.create({**who, "unit_amount_decimal": "0.5", "quantity": 5, "currency": "usd"})
    invoice = stage.client.v1.invoices.create({**who, "pending_invoice_items_behavior": "include"})
    assert_explained(stage, stage.client.v1.invoices.finalize_invoice(invoice.id))
    [stored] = stage.invoices()
    assert (stored.total, stored.amount_due, stored.ending_balance) == (35, 0, 35)


def test_a_trial_explains_that_it_is_free(stage: Stage) -> None:
    stage.subscribe(stage.price("Base", 3100), trial_period_days=10)
    [line] = assert_explained(stage, stage.invoices()[0])
    assert (line["amount"], line["explanation"]["steps"]) == (0, [])


def test_a_percentage_and_a_minimum_explain_themselves(stage: Stage) -> None:
    percentage = {"percent": "2.9", "fixed_fee_decimal": "30", "free_volume_decimal": "100"}
    terms = {"percentage": percentage, "minimum_amount": 2_000}
    recurring = {"interval": "month", "usage_type": "metered", "meter": stage.meter()}
    price = stage.client.v1.prices.create(
        {
            "currency": "usd",
            "product_data": {"name": "Payments"},
            "recurring": recurring,
            "meterline": terms,
        }
    ).id
    stage.subscribe(price)
    stage.use(5_150)
    stage.until("2024-02-02")
    [line] = assert_explained(stage, stage.invoices()[0])
    assert line["explanation"]["bounds"]["true_up"] == 2_000 - 176
