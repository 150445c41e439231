"""Coupons, balances, invoice items and invoices by hand: what an invoice comes to."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api
from tests.integration.stories.stage import Stage, at, lines_of


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def coupon(stage: Stage, **params: Any) -> dict[str, str]:
    return {"coupon": str(stage.client.v1.coupons.create(params).id)}


def totals_until(stage: Stage, text: str) -> list[int]:
    stage.until(text)
    return [invoice.total for invoice in stage.invoices()]


@pytest.mark.parametrize(
    ("duration", "totals"),
    [
        ({"duration": "once"}, [750, 1000, 1000, 1000]),
        ({"duration": "repeating", "duration_in_months": 2}, [750, 750, 1000, 1000]),
        ({"duration": "forever"}, [750, 750, 750, 750]),
    ],
)
def test_a_coupon_counts_for_its_duration(
    stage: Stage, duration: dict[str, Any], totals: list[int]
) -> None:
    off = coupon(stage, percent_off=25, **duration)
    subscription = stage.subscribe(stage.price("Base", 1000), discounts=[off])
    assert stage.client.v1.coupons.retrieve(off["coupon"]).times_redeemed == 1
    assert totals_until(stage, "2024-04-02") == totals
    first = stage.invoices()[0]
    assert [amount.amount for amount in first.total_discount_amounts] == [250]
    assert first.lines.data[0].discount_amounts[0].amount == 250
    assert first.subtotal == 1000
    assert subscription.id


def test_an_amount_off_is_spread_over_the_lines_it_applies_to(stage: Stage) -> None:
    one, two = stage.price("One", 1000), stage.price("Two", 2000)
    off = coupon(stage, amount_off=500, currency="usd", duration="forever")
    stage.subscribe(one, two, discounts=[off])
    invoice = stage.invoices()[0]
    assert [line.discount_amounts[0].amount for line in invoice.lines.data] == [166, 334]
    assert invoice.total == 2500


def test_a_coupon_can_apply_to_one_product(stage: Stage) -> None:
    one, two = stage.price("One", 1000), stage.price("Two", 2000)
    product = stage.client.v1.prices.retrieve(two).product
    off = coupon(stage, percent_off=50, duration="forever", applies_to={"products": [product]})
    subscription = stage.subscribe(one, two, discounts=[off])
    assert stage.invoices()[0].total == 2000
    expanded = stage.client.v1.subscriptions.retrieve(
        subscription.id, {"expand": ["discounts.source.coupon"]}
    )
    assert expanded.discounts[0].source.coupon.percent_off == 50
    stage.change(subscription, discounts="")
    assert stage.preview(subscription).total == 3000


def test_prorations_have_the_discount_inside(stage: Stage) -> None:
    off = coupon(stage, percent_off=50, duration="forever")
    subscription = stage.subscribe(stage.price("Base", 3100), discounts=[off])
    stage.until("2024-01-11")
    first = subscription["items"].data[0].id
    stage.change(subscription, items=[{"id": first, "quantity": 2}])
    assert [line.amount for line in stage.preview(subscription).lines.data] == [-1050, 2100, 6200]
    assert stage.preview(subscription).total == -1050 + 2100 + 3100


def test_a_spent_or_foreign_coupon_is_refused(stage: Stage) -> None:
    base = stage.price("Base", 1000)
    once = coupon(stage, percent_off=50, max_redemptions=1)
    stage.subscribe(base, discounts=[once])
    with pytest.raises(stripe.InvalidRequestError) as spent:
        stage.subscribe(base, discounts=[once])
    assert (spent.value.code, spent.value.param) == ("coupon_expired", "discounts[0][coupon]")
    euros = coupon(stage, amount_off=500, currency="eur")
    with pytest.raises(stripe.InvalidRequestError):
        stage.subscribe(base, discounts=[euros])


def test_credit_is_used_up_invoice_by_invoice(stage: Stage) -> None:
    stage.client.v1.customers.update(stage.customer, {"balance": -1500})
    stage.subscribe(stage.price("Base", 1000))
    stage.until("2024-03-02")
    rows = [
        (invoice.starting_balance, invoice.amount_due, invoice.ending_balance)
        for invoice in stage.invoices()
    ]
    assert rows == [(-1500, 0, -500), (-500, 500, 0), (0, 1000, 0)]
    assert [invoice.status for invoice in stage.invoices()] == ["paid", "open", "open"]
    transactions = list(stage.client.v1.customers.balance_transactions.list(stage.customer))
    assert sum(transaction.amount for transaction in transactions) == 0
    assert {transaction.type for transaction in transactions} == {
        "adjustment",
        "applied_to_invoice",
    }


def test_what_is_too_small_to_charge_is_carried(stage: Stage) -> None:
    stage.subscribe(stage.price("Tiny", 30))
    stage.until("2024-02-02")
    rows = [
        (invoice.total, invoice.amount_due, invoice.ending_balance) for invoice in stage.invoices()
    ]
    assert rows == [(30, 0, 30), (30, 60, 0)]


def test_what_is_too_small_to_charge_is_charged_by_the_first_bill_of_the_next_subscription(
    stage: Stage,
) -> None:
    made = stage.subscribe(stage.price("Tiny", 1))
    stage.client.v1.subscriptions.cancel(made.id)
    stage.until("2024-01-02")
    stage.subscribe(stage.price("Base", 1000))
    first = stage.invoices()[-1]
    assert (first.starting_balance, first.total, first.amount_due) == (1, 1000, 1001)


@pytest.mark.parametrize(
    ("unit_amount", "used", "off", "amounts"),
    [
        pytest.param("0.5", 3, None, (2, 0), id="usage: 1.5 is 2"),
        pytest.param("0.5", 5, None, (3, 0), id="usage: 2.5 is 3"),
        pytest.param("0.5", 1, None, (1, 0), id="usage: 0.5 is 1"),
        pytest.param("0.4999", 1, None, (0, 0), id="usage: below a half is 0"),
        pytest.param("1", 5, 50, (5, 3), id="discount: 2.5 is 3"),
        pytest.param("1", 6, 25, (6, 2), id="discount: 1.5 is 2"),
        pytest.param("1", 1, 50, (1, 1), id="discount: 0.5 is 1"),
    ],
)
def test_a_half_of_usage_and_of_a_discount_goes_up(
    stage: Stage, unit_amount: str, used: int, off: int | None, amounts: tuple[int, int]
) -> None:
    given = [] if off is None else [coupon(stage, percent_off=off, duration="forever")]
    made = stage.subscribe(stage.metered("Calls", stage.meter(), unit_amount), discounts=given)
    stage.use(used)
    (line,) = stage.preview(made).lines.data
    assert (line.amount, sum(part.amount for part in line.discount_amounts)) == amounts


def test_a_void_invoice_gives_the_balance_back(stage: Stage) -> None:
    stage.client.v1.customers.update(stage.customer, {"balance": -400})
    stage.subscribe(stage.price("Base", 1000))
    invoice = stage.client.v1.invoices.void_invoice(stage.invoices()[0].id)
    assert (invoice.status, invoice.amount_due) == ("void", 600)
    assert stage.client.v1.customers.retrieve(stage.customer).balance == -400


def test_pending_items_ride_on_the_next_renewal(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 1000))
    items = stage.client.v1.invoice_items
    setup = items.create(
        {"customer": stage.customer, "amount": 500, "currency": "usd", "description": "Setup"}
    )
    other = items.create({"customer": stage.customer, "amount": 900, "currency": "eur"})
    gone = items.create(
        {
            "customer": stage.customer,
            "unit_amount_decimal": "0.5",
            "quantity": 3,
            "currency": "usd",
            "subscription": subscription.id,
        }
    )
    assert gone.amount == 2
    assert items.update(setup.id, {"amount": 700, "metadata": {"a": "1"}}).amount == 700
    assert items.delete(gone.id).deleted
    stage.until("2024-02-02")
    assert lines_of(stage.invoices()[-1])[0][:2] == ("Setup", 700)
    assert stage.invoices()[-1].total == 1700
    pending = items.list({"customer": stage.customer, "pending": True})
    assert [item.id for item in pending] == [other.id]
    billed = items.retrieve(setup.id)
    assert billed.invoice == stage.invoices()[-1].id
    with pytest.raises(stripe.InvalidRequestError) as late:
        items.update(setup.id, {"amount": 1})
    assert late.value.code == "invoice_not_editable"


def test_an_invoice_is_made_by_hand_sent_and_paid(stage: Stage) -> None:
    invoices, items = stage.client.v1.invoices, stage.client.v1.invoice_items
    waiting = items.create({"customer": stage.customer, "amount": 500, "currency": "usd"})
    empty = invoices.create({"customer": stage.customer})
    assert (empty.total, empty.auto_advance, empty.billing_reason) == (0, False, "manual")
    final = invoices.finalize_invoice(empty.id)
    assert (final.status, final.total, final.attempted, final.attempt_count) == ("paid", 0, True, 0)
    draft = invoices.create(
        {
            "customer": stage.customer,
            "pending_invoice_items_behavior": "include",
            "collection_method": "send_invoice",
            "days_until_due": 30,
            "description": "Thanks",
        }
    )
    added = items.create({"invoice": draft.id, "amount": 250, "currency": "usd"})
    assert invoices.retrieve(draft.id).total == 750
    items.update(added.id, {"amount": 300})
    assert [item.amount for item in invoices.line_items.list(draft.id)] == [300, 500]
    changed = invoices.update(draft.id, {"description": "", "metadata": {"po": "7"}})
    assert (changed.description, changed.metadata["po"]) == (None, "7")
    sent = invoices.send_invoice(draft.id)
    assert (sent.status, sent.number, sent.due_date) == ("open", sent.number, at("2024-01-31"))
    assert invoices.pay(draft.id, {"paid_out_of_band": True}).status == "paid"
    assert items.retrieve(waiting.id).invoice == draft.id
    with pytest.raises(stripe.InvalidRequestError) as final:
        invoices.update(draft.id, {"description": "New"})
    assert final.value.code == "invoice_not_editable"


def test_a_draft_is_finalised_as_it_was_drafted(stage: Stage) -> None:
    """Rating the same usage again, with the same discounts and balance, gives the same invoice."""
    off = coupon(stage, percent_off=15, duration="forever")
    calls = stage.metered("Calls", stage.meter(), "0.35")
    stage.subscribe(stage.price("Base", 3333), calls, discounts=[off])
    stage.use(777)
    stage.client.v1.customers.update(stage.customer, {"balance": -111})
    stage.until("2024-02-01 00:30")
    draft = stage.invoices()[-1]
    stage.until("2024-02-01 01:30")
    final = stage.invoices()[-1]
    assert (draft.status, final.status, draft.id) == ("draft", "open", final.id)
    same = ("amount_due", "subtotal", "total", "starting_balance", "total_discount_amounts")
    assert [final[name] for name in same] == [draft[name] for name in same]
    assert list(final.lines.data) == list(draft.lines.data)


def test_a_deleted_draft_takes_its_items_with_it(stage: Stage) -> None:
    invoices, items = stage.client.v1.invoices, stage.client.v1.invoice_items
    items.create({"customer": stage.customer, "amount": 500, "currency": "usd"})
    draft = invoices.create(
        {"customer": stage.customer, "pending_invoice_items_behavior": "include"}
    )
    assert invoices.delete(draft.id).deleted
    assert not items.list({"customer": stage.customer, "pending": True}).data


def test_pending_items_can_be_billed_between_renewals(stage: Stage) -> None:
    subscription = stage.subscribe(
        stage.price("Base", 12_000, interval="year"),
        pending_invoice_item_interval={"interval": "month"},
    )
    assert subscription.next_pending_invoice_item_invoice == at("2024-02-01")
    stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": 500, "currency": "usd"}
    )
    stage.until("2024-03-02")
    assert [(invoice.billing_reason, invoice.total) for invoice in stage.invoices()[1:]] == [
        ("automatic_pending_invoice_item_invoice", 500)
    ]


def test_what_is_sold_once_rides_on_the_first_invoice(stage: Stage) -> None:
    setup = stage.client.v1.prices.create(
        {"currency": "usd", "unit_amount": 900, "product_data": {"name": "Setup"}}
    )
    stage.subscribe(stage.price("Base", 1000), add_invoice_items=[{"price": setup.id}])
    assert [row[:2] for row in lines_of(stage.invoices()[0])] == [
        ("Setup", 900),
        ("1 × Base", 1000),
    ]


def test_a_line_is_explained_to_who_asks(stage: Stage) -> None:
    meter = stage.meter()
    tiers = [{"up_to": 10, "unit_amount": 5}, {"up_to": "inf", "unit_amount": 2}]
    calls = stage.metered(
        "Calls", meter, tiers=tiers, billing_scheme="tiered", tiers_mode="graduated"
    )
    stage.subscribe(calls)
    stage.use(15, "2024-01-01")
    stage.until("2024-02-02")
    invoice = stage.invoices()[-1]
    answer = stage.client.raw_request("get", f"/v1/invoices/{invoice.id}/explanation").data
    steps = [step for line in answer["lines"] for step in line["explanation"]["steps"]]
    assert [(one["tier"], one["quantity"], one["amount"]) for one in steps] == [
        (1, "10", "50"),
        (2, "5", "10"),
    ]
    assert "_" not in invoice.lines.data[0]


def test_an_empty_draft_does_not_finalise_itself(stage: Stage) -> None:
    draft = stage.client.v1.invoices.create({"customer": stage.customer, "auto_advance": True})
    assert draft.automatically_finalizes_at == at("2024-01-01 01:00") + 1
    stage.until("2024-01-02")
    waiting = stage.client.v1.invoices.retrieve(draft.id)
    assert (waiting.status, waiting.auto_advance) == ("draft", False)


def test_a_draft_by_hand_finalises_itself_if_it_is_to(stage: Stage) -> None:
    invoices, items = stage.client.v1.invoices, stage.client.v1.invoice_items
    draft = invoices.create({"customer": stage.customer})
    items.create({"invoice": draft.id, "amount": 500, "currency": "usd"})
    invoices.update(draft.id, {"auto_advance": True})
    stage.until("2024-01-02")
    final = invoices.retrieve(draft.id)
    assert (final.status, final.total, final.number is None) == ("open", 500, False)
    kept = items.list({"invoice": draft.id}).data[0]
    with pytest.raises(stripe.InvalidRequestError):
        items.delete(kept.id)


def test_a_subscription_takes_items_in_its_currency_only(stage: Stage) -> None:
    subscription = stage.subscribe(stage.price("Base", 1000))
    item = {"customer": stage.customer, "subscription": subscription.id, "amount": 1}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.invoice_items.create(item | {"currency": "eur"})
    assert refused.value.param == "currency"
    euros = stage.client.v1.prices.create(
        {"currency": "eur", "unit_amount": 900, "product_data": {"name": "Setup"}}
    )
    with pytest.raises(stripe.InvalidRequestError) as other:
        stage.change(subscription, add_invoice_items=[{"price": euros.id}])
    assert other.value.param == "add_invoice_items[0][price]"
