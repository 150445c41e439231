"""Years of what is given to customers: a launch with promotion codes, an upgrade taken back."""

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage


def _launch(story: Stage) -> str:
    """A code for two customers who were never billed: half of each month for three months."""
    v1 = story.client.v1
    coupon = v1.coupons.create(
        {"percent_off": 50, "duration": "repeating", "duration_in_months": 3, "max_redemptions": 2}
    )
    code = v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon.id},
            "code": "LAUNCH",
            "restrictions": {
                "first_time_transaction": True,
                "minimum_amount": 1_500,
                "minimum_amount_currency": "usd",
            },
        }
    )
    return str(code.id)


def test_a_launch_with_promotion_codes(api: Api) -> None:
    first, second, third = (Stage(api, "2024-01-31") for _ in range(3))
    code = _launch(first)
    launched = [{"promotion_code": code}]
    team = first.price("Team", 2_001)
    with pytest.raises(stripe.InvalidRequestError, match="minimum amount"):
        second.subscribe(second.price("Solo", 900), discounts=launched)
    first.subscribe(team, discounts=launched)
    second.subscribe(items=[{"price": team, "quantity": 2}], discounts=launched)
    with pytest.raises(stripe.InvalidRequestError, match="not active any more"):
        third.subscribe(team, discounts=launched)
    assert first.client.v1.promotion_codes.retrieve(code).times_redeemed == 2
    for story in (first, second):
        story.until("2024-07-31 02:00")
    assert first.totals() == [
        ("2024-01-31", 1_000),
        ("2024-02-29", 1_000),
        ("2024-03-31", 1_000),
        ("2024-04-30", 2_001),
        ("2024-05-31", 2_001),
        ("2024-06-30", 2_001),
        ("2024-07-31", 2_001),
    ]
    assert [total for _, total in second.totals()] == [2_001] * 3 + [4_002] * 4
    second.until("2024-08-01")
    with pytest.raises(stripe.InvalidRequestError, match="not active any more"):
        second.subscribe(team, discounts=launched)


def test_an_upgrade_that_a_credit_note_takes_back(api: Api) -> None:
    """A year is paid with VAT; an upgrade by mistake is credited, and the next year takes it."""
    story = Stage(api, "2024-01-01")
    v1 = story.client.v1
    vat = v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False})
    basic = story.price("Basic", 12_000, interval="year")
    pro = story.price("Pro", 36_000, interval="year")
    running = story.subscribe(basic, default_tax_rates=[vat.id])
    item = running["items"].data[0].id
    [first] = story.invoices()
    v1.invoices.pay(first.id, {"paid_out_of_band": True})

    story.until("2024-07-01")
    story.change(running, items=[{"id": item, "price": pro}], proration_behavior="always_invoice")
    upgrade = story.invoices()[1]
    assert (upgrade.subtotal, upgrade.total) == (12_065, 14_358)
    v1.invoices.pay(upgrade.id, {"paid_out_of_band": True})
    story.change(running, items=[{"id": item, "price": basic}], proration_behavior="none")

    lines = [
        {"type": "invoice_line_item", "invoice_line_item": line.id} for line in upgrade.lines.data
    ]
    note = v1.credit_notes.create(
        {"invoice": upgrade.id, "lines": lines, "credit_amount": 14_358, "reason": "duplicate"}
    )
    assert (note.type, note.total, note.total_excluding_tax) == ("post_payment", 14_358, 12_065)
    assert [tax.amount for tax in note.total_taxes] == [2_293]
    with pytest.raises(stripe.InvalidRequestError, match="0 usd can still be credited"):
        v1.credit_notes.create({"invoice": upgrade.id, "amount": 1, "out_of_band_amount": 1})

    story.until("2025-01-01 02:00")
    assert [(invoice.total, invoice.amount_due) for invoice in story.invoices()] == [
        (14_280, 14_280),
        (14_358, 14_358),
        (14_280, 0),
    ]
    assert v1.customers.retrieve(story.customer).balance == 14_280 - 14_358
