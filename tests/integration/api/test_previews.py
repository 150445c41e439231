"""``create_preview``: what it can suppose, and that it stores nothing of it."""

from typing import Any

import pytest
import stripe

from tests.integration.api.conftest import Api, Client
from tests.integration.stories.stage import Stage, at, lines_of


@pytest.fixture
def stage(api: Api) -> Stage:
    return Stage(api, "2024-01-01")


def _preview(stage: Stage, **params: Any) -> Any:
    return stage.client.v1.invoices.create_preview(params)


def _amounts(invoice: Any) -> list[int]:
    return [line.amount for line in invoice.lines.data]


def _product(client: Client) -> str:
    return str(client.v1.products.create({"name": "Desk"}).id)


def test_supposed_items_stand_beside_those_that_are_pending(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 1_000))
    items = stage.client.v1.invoice_items
    waiting = items.create({"customer": stage.customer, "amount": 70, "currency": "usd"})
    once = {"currency": "usd", "product": _product(stage.client), "unit_amount": -40}
    preview = _preview(
        stage,
        subscription=made.id,
        invoice_items=[
            {"amount": 5, "currency": "usd", "description": "Fee"},
            {"price_data": once, "quantity": 2},
            {"unit_amount": 3, "currency": "usd", "quantity_decimal": "1.5"},
            {"invoiceitem": waiting.id, "amount": 90},
        ],
    )
    assert sorted(_amounts(preview)) == [-80, 5, 5, 90, 1_000]
    assert items.retrieve(waiting.id).amount == 70
    assert [item.id for item in items.list({"customer": stage.customer}).data] == [waiting.id]
    assert sorted(_amounts(stage.preview(made))) == [70, 1_000]


def test_discounts_of_a_preview_replace_those_that_stand(stage: Stage) -> None:
    coupons = stage.client.v1.coupons
    ten, half = (coupons.create({"percent_off": n, "duration": "forever"}).id for n in (10, 50))
    made = stage.subscribe(stage.price("Seat", 1_000), discounts=[{"coupon": ten}])
    assert _preview(stage, subscription=made.id).total == 900
    assert _preview(stage, subscription=made.id, discounts=[{"coupon": half}]).total == 500
    assert _preview(stage, subscription=made.id, discounts="").total == 1_000
    assert coupons.retrieve(half).times_redeemed == 0


_CHANGES: dict[str, Any] = {
    "a renewal": {},
    "more seats now": {"quantity": 4, "proration_behavior": "always_invoice"},
    "more seats later": {"quantity": 4, "proration_behavior": "create_prorations"},
    "fewer seats": {"quantity": 1, "proration_behavior": "always_invoice"},
    "a discount of an item": {"item": True, "quantity": 3, "proration_behavior": "always_invoice"},
    "a new cycle": {"billing_cycle_anchor": "now"},
}


def _of_item(change: dict[str, Any], item_id: str, coupon: str) -> dict[str, Any]:
    """A change whose item has an id, and a coupon of its own if it asks for one."""
    rest = {name: value for name, value in change.items() if name not in ("quantity", "item")}
    if "quantity" not in change:
        return rest
    own = {"discounts": [{"coupon": coupon}]} if "item" in change else {}
    return rest | {"items": [{"id": item_id, "quantity": change["quantity"], **own}]}


@pytest.mark.parametrize("mode", ["classic", "flexible"])
@pytest.mark.parametrize("change", _CHANGES)
def test_a_change_with_discounts_costs_what_was_previewed(
    stage: Stage, mode: str, change: str
) -> None:
    coupons = stage.client.v1.coupons
    ten, most = (coupons.create({"percent_off": n, "duration": "forever"}).id for n in (10, 75))
    item = {"price": stage.price("Seat", 1_000), "quantity": 2}
    made = stage.subscribe(items=[item], discounts=[{"coupon": ten}], billing_mode={"type": mode})
    stage.until("2024-01-16 12:00")
    wanted = _of_item(_CHANGES[change], made["items"].data[0].id, ten)
    given = {"subscription": made.id, "discounts": [{"coupon": most}]}
    supposed = {"subscription_details": wanted} if wanted else {}
    expected = _preview(stage, **given, **supposed)
    stage.change(made, discounts=[{"coupon": most}], **wanted)
    if len(stage.invoices()) == 1:
        stage.until("2024-02-01 02:00")
    billed = stage.invoices()[-1]
    assert (lines_of(billed), billed.total) == (lines_of(expected), expected.total)


def test_a_start_with_discounts_costs_what_was_previewed(stage: Stage) -> None:
    coupons = stage.client.v1.coupons
    half, five = (
        coupons.create({"percent_off": 50}),
        coupons.create({"amount_off": 500, "currency": "usd"}),
    )
    items = [
        {"price": stage.price("Seat", 2_000), "discounts": [{"coupon": half.id}]},
        {"price": stage.price("Desk", 1_000)},
    ]
    discounts = [{"coupon": five.id}]
    details = {"items": items}
    given = {"customer": stage.customer, "subscription_details": details, "discounts": discounts}
    expected = _preview(stage, **given)
    stage.subscribe(items=items, discounts=discounts)
    [billed] = stage.invoices()
    assert (lines_of(billed), billed.total) == (lines_of(expected), expected.total)
    assert billed.total == 1_500


def test_what_recurs_leaves_out_prorations_and_what_is_charged_once(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 1_000))
    stage.client.v1.invoice_items.create(
        {"customer": stage.customer, "amount": 70, "currency": "usd"}
    )
    stage.until("2024-01-16")
    change = {
        "items": [{"id": made["items"].data[0].id, "quantity": 3}],
        "proration_behavior": "always_invoice",
    }
    recurring = _preview(
        stage, subscription=made.id, preview_mode="recurring", subscription_details=change
    )
    assert (_amounts(recurring), recurring.period_end) == ([3_000], at("2024-02-01"))
    following = _preview(stage, subscription=made.id, subscription_details=change)
    assert len(_amounts(following)) == 3


def test_the_recurring_bill_of_a_new_subscription_is_that_of_a_full_period(stage: Stage) -> None:
    details = {
        "items": [{"price": stage.price("Seat", 3_100)}],
        "billing_cycle_anchor": {"type": "timestamp", "timestamp": at("2024-01-11")},
    }
    given = {"customer": stage.customer, "subscription_details": details}
    assert _preview(stage, **given).total == 1_000
    assert _preview(stage, **given, preview_mode="recurring").total == 3_100


def test_a_pause_and_a_resumption_cost_what_was_previewed(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 3_100))
    stage.until("2024-01-11")
    expected = stage.preview(made, pause={"type": "subscription"})
    subscriptions = stage.client.v1.subscriptions
    subscriptions.pause(made.id, {"invoicing_behavior": "invoice"})
    assert lines_of(stage.invoices()[-1]) == lines_of(expected)
    assert expected.total == -2_100
    stage.until("2024-01-20")
    expected = stage.preview(made, resume_at="now")
    subscriptions.resume(made.id)
    assert lines_of(stage.invoices()[-1]) == lines_of(expected)


def test_a_resumption_in_the_running_cycle_waits_for_the_next_invoice(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 3_100))
    nothing = {"type": "none"}
    settled = {"unused_time_from": nothing, "outstanding_usage_through": nothing}
    subscriptions = stage.client.v1.subscriptions
    subscriptions.pause(made.id, {"bill_for": settled})
    stage.until("2024-01-21")
    given = {
        "billing_cycle_anchor": {"type": "unchanged"},
        "proration_date": at("2024-01-11"),
    }
    resumed = subscriptions.resume(made.id, given)
    assert resumed.status == "active"
    assert len(stage.invoices()) == 1
    assert _amounts(stage.preview(resumed)) == [2_100, 3_100]


def test_a_resumption_can_be_free_until_the_next_period(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 3_100))
    subscriptions = stage.client.v1.subscriptions
    subscriptions.pause(made.id)
    stage.until("2024-01-21")
    free = {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": "none"}
    subscriptions.resume(made.id, free)
    assert _amounts(stage.preview(made)) == [-3_100, 3_100]


def test_the_customers_details_can_be_supposed(stage: Stage) -> None:
    made = stage.subscribe(stage.price("Seat", 1_000))
    details = {"address": {"country": "DE"}, "tax_exempt": "reverse"}
    preview = _preview(stage, subscription=made.id, customer_details=details)
    assert (preview.customer_address.country, preview.customer_tax_exempt) == ("DE", "reverse")
    assert stage.client.v1.customers.retrieve(stage.customer).address is None


def test_a_customer_without_a_subscription_sees_what_is_pending(stage: Stage) -> None:
    with pytest.raises(stripe.InvalidRequestError) as nothing:
        _preview(stage, customer=stage.customer)
    assert nothing.value.code == "invoice_upcoming_none"
    item = {"amount": 500, "currency": "eur"}
    preview = _preview(stage, customer=stage.customer, invoice_items=[item])
    assert (preview.currency, preview.total, preview.parent) == ("eur", 500, None)


def test_of_several_subscriptions_the_one_that_is_due_first_is_shown(stage: Stage) -> None:
    stage.subscribe(stage.price("Year", 9_000, interval="year"))
    week = stage.subscribe(stage.price("Week", 700, interval="week"))
    preview = _preview(stage, customer=stage.customer)
    assert preview.parent.subscription_details.subscription == week.id


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"currency": "eur"}, "currency"),
        ({"invoice_items": [{"amount": 5}]}, "invoice_items[0][currency]"),
        ({"invoice_items": [{"invoiceitem": "ii_x"}]}, "invoice_items[0][invoiceitem]"),
        ({"schedule": "sub_sched_x"}, "schedule"),
        ({"schedule_details": {"end_behavior": "release"}}, "schedule_details"),
        ({"automatic_tax": {"enabled": True}}, "automatic_tax[enabled]"),
        ({"subscription_details": {"resume_at": "now"}}, None),
        ({"discounts": [{"coupon": "x"}]}, "discounts[0][coupon]"),
    ],
)
def test_what_cannot_be_supposed_is_refused(
    stage: Stage, wrong: dict[str, Any], param: str | None
) -> None:
    made = stage.subscribe(stage.price("Seat", 1_000))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stage.client.v1.invoices.create_preview({"subscription": made.id, **wrong})
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("min_period_end", "2024-02-01"),
        ("max_period_end", "2025-01-01"),
        ("max_billed_until", "2025-01-01"),
    ],
)
def test_an_end_can_follow_from_the_periods_of_the_items(stage: Stage, word: str, end: str) -> None:
    prices = [stage.price("Month", 100), stage.price("Year", 900, interval="year")]
    created = stage.subscribe(*prices, cancel_at=word)
    assert created.cancel_at == at(end)
    other = stage.subscribe(*prices)
    assert stage.change(other, cancel_at=word).cancel_at == at(end)
